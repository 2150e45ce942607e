"""Fourth rung: models and estimators in other processes, with and without a GPU there."""

import multiprocessing
import os
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_score

from .device import EMULATED
from .problems import AGREEMENT, load, model_of

ROOT = Path(__file__).resolve().parent.parent.parent

CHILD = """
import sys, warnings
import joblib, numpy as np
model, X = joblib.load(sys.argv[1])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = [model.predict_proba(X) for _ in range(2)]
messages = [str(w.message) for w in caught if w.category is RuntimeWarning]
assert len(messages) == 1 and messages[0].startswith("Predicting on the CPU. "), messages
assert (found[0] == found[1]).all()
stream = model.set_params(pooling="last") and model.stream()
[stream.push(x) for x in X[0]]
try:
    model.fit(X, [0, 1] * (len(X) // 2))
except RuntimeError as error:
    assert "There is no GPU that CUDA can use" in str(error), error
else:
    raise AssertionError("fitted without a GPU")
np.save(sys.argv[2], found[0])
"""


def test_a_model_without_a_gpu(tmp_path):
    """Trained here, used in a process that sees no GPU: on the CPU, with one warning."""
    X, y = load("vowels")
    X, y = X[: len(X) // 2 * 2], y[: len(X) // 2 * 2]
    model = model_of("vowels", max_iter=2).fit(X, y)
    joblib.dump((model, X), tmp_path / "model.joblib")
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, str(tmp_path / "model.joblib"), str(tmp_path / "p.npy")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "p.npy")
    assert_allclose(found, model.predict_proba(X), rtol=0, atol=AGREEMENT["fp32"])
    host = model.set_params(device="cpu").predict_proba(X)
    assert_array_equal(found, host)


def in_the_fork(send, model, X, y):
    """Report the outcome of a fit and of a prediction."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predicted = model.predict(X)
            try:
                model.fit(X, y)
                error = None
            except Exception as raised:
                error = type(raised).__name__, str(raised)
        send.send((predicted, [str(w.message) for w in caught], error))
    except BaseException:
        send.send(traceback.format_exc())


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
def test_a_fork_is_told_what_to_do(monkeypatch):
    from skgru.kernels import _devices

    monkeypatch.setitem(_devices._state, "has_warned", False)
    X, y = load("taxi")
    X, y = X[:100], y[:100]
    model = model_of("taxi", max_iter=1).fit(X, y)
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=in_the_fork, args=(send, model, X, y))
    child.start()
    try:
        assert receive.poll(120), "the fork hangs"
        report = receive.recv()
    finally:
        child.kill()
        child.join()
    assert not isinstance(report, str), report
    predicted, messages, (kind, message) = report
    assert kind == "RuntimeError"
    assert "CUDA was used before this process was forked" in message and "'spawn'" in message
    assert [m.startswith("Predicting on the CPU. CUDA was used before") for m in messages] == [True]
    assert_array_equal(predicted, model.set_params(device="cpu").predict(X))
    assert model.set_params(device="cuda").fit(X, y).device_ == "cuda:0"  # the parent still works


@pytest.mark.skipif(EMULATED, reason="workers that start afresh have no emulator")
def test_workers_of_joblib_have_the_gpu_each_for_itself():
    """loky does not fork its workers, so they may use CUDA; they share the GPU and its memory."""
    X, y = load("taxi")
    model = model_of("taxi", max_iter=1)
    one, two = (cross_val_score(model, X, y, cv=2, n_jobs=n, error_score="raise") for n in (1, 2))
    assert_array_equal(one, two)
