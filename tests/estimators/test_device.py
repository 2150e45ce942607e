"""device= and precision= where there is no GPU: errors, and what works all the same."""

import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru import GRURegressor
from skgru.kernels import _devices

from .problems import ragged, table

ROOT = Path(__file__).resolve().parent.parent.parent
HAS_COMPILER = importlib.util.find_spec("numba_cuda") is not None


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """As if no device had been asked for yet."""
    monkeypatch.setattr(_devices, "_state", {"used_by": None, "has_warned": False})


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setattr(_devices, "_version_of_numba_cuda", lambda: None)


class Driver:
    """Stands for `numba.cuda` with some GPUs, or with a driver that does not start."""

    def __init__(self, n_devices=None, error="libcuda.so: no such file"):
        self.n_devices, self.error = n_devices, error

    @property
    def gpus(self):
        if self.n_devices is None:
            raise OSError(self.error)
        return range(self.n_devices)


@pytest.fixture
def driver(monkeypatch):
    """Replaces the driver that would be found."""
    import numba

    monkeypatch.setattr(_devices, "_version_of_numba_cuda", lambda: "0.30.4")

    def install(*arguments):
        monkeypatch.setitem(sys.modules, "numba.cuda", Driver(*arguments))
        monkeypatch.setattr(numba, "cuda", Driver(*arguments), raising=False)

    return install


def test_the_device_that_was_used(driver):
    driver(None)
    X, y = table()
    for device in ("cpu", "auto"):
        assert GRURegressor(2, max_iter=1, device=device).fit(X, y).device_ == "cpu"


def test_another_version_of_the_compiler(monkeypatch):
    monkeypatch.setattr(_devices, "_version_of_numba_cuda", lambda: "0.31.0")
    with pytest.raises(ImportError, match=r'not 0.31.0: pip install "skgru\[cuda\]"'):
        GRURegressor(2, max_iter=1, device="cuda").fit(*table())


def test_without_the_extra(no_compiler):
    X, y = table()
    model = GRURegressor(2, max_iter=1, device="cuda")
    with pytest.raises(ImportError, match=r'pip install "skgru\[cuda\]"'):
        model.fit(X, y)
    with pytest.raises(ImportError, match="numba-cuda"):
        model.partial_fit(X, y)
    assert not [attribute for attribute in vars(model) if attribute.endswith("_")]
    assert model.set_params(device="auto").fit(X, y).device_ == "cpu"


@pytest.mark.skipif(not HAS_COMPILER, reason="numba-cuda is not installed")
def test_without_a_gpu():
    """In a process that sees none, though this one may: a real one, or an emulator."""
    code = """
import pytest
from skgru import GRUClassifier, GRURegressor
from tests.estimators.problems import table
X, y = table()
with pytest.raises(RuntimeError, match="no GPU that CUDA can use.*device='cpu' or 'auto'"):
    GRUClassifier(2, max_iter=1, device="cuda").fit(X, y > 0)
assert GRURegressor(2, max_iter=1, device="auto").fit(X, y).device_ == "cpu"
"""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, timeout=300)
    assert done.returncode == 0


def test_resolving(driver):
    driver(2)
    found = [_devices.resolve_device(d) for d in ("cpu", "cuda", "cuda:1", "auto")]
    assert found == ["cpu", "cuda:0", "cuda:1", "cuda:0"]
    with pytest.raises(RuntimeError, match="no GPU number 2: CUDA finds 2, counted from 0"):
        _devices.resolve_device("cuda:2")
    driver(0)
    assert _devices.resolve_device("auto") == "cpu"
    driver(None)
    assert _devices.resolve_device("auto") == "cpu"
    with pytest.raises(RuntimeError, match="libcuda.so: no such file"):
        _devices.resolve_device("cuda")


def test_after_a_fork(driver):
    driver(1)
    _devices._state["used_by"] = os.getpid()
    assert _devices.resolve_device("cuda") == "cuda:0"
    _devices._state["used_by"] = os.getpid() - 1
    with pytest.raises(RuntimeError, match="before this process was forked.*spawn"):
        _devices.resolve_device("cuda")
    assert _devices.resolve_device("auto") == "cpu"


def test_after_a_fork_of_a_process_that_used_cuda_without_this_package(driver, monkeypatch):
    driver(1)
    name = "numba.cuda.cudadrv.driver"
    for pid in (None, os.getpid()):
        numba_driver = SimpleNamespace(driver=SimpleNamespace(pid=pid))
        monkeypatch.setitem(sys.modules, name, numba_driver)
        assert _devices.resolve_device("cuda") == "cuda:0"
    numba_driver.driver.pid -= 1
    with pytest.raises(RuntimeError, match="before this process was forked"):
        _devices.resolve_device("cuda")
    monkeypatch.delitem(sys.modules, name)
    driver(None, "Error at driver init: Call to cuInit results in CUDA_ERROR_NOT_INITIALIZED (3)")
    with pytest.raises(RuntimeError, match="before this process was forked"):
        _devices.resolve_device("cuda")


def test_a_model_of_a_gpu_predicts_without_one(driver):
    X, y = ragged()
    model = GRURegressor(2, max_iter=1, pooling="attention").fit(X, y)
    expected, weights = model.predict(X), model.attention_weights(X)
    driver(None)
    model.set_params(device="cuda:1")
    with pytest.warns(RuntimeWarning, match="Predicting on the CPU. There is no GPU") as caught:
        assert_array_equal(model.predict(X), expected)
    assert [w.filename for w in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the first one is enough
        assert_array_equal(model.predict(X), expected)
        for ours, theirs in zip(model.attention_weights(X), weights, strict=True):
            assert_array_equal(ours, theirs)
        assert model.summary() and model.coefs_
    with pytest.raises(RuntimeError, match="no GPU"):
        model.fit(X, y)


def test_unpickling_does_not_touch_cuda(tmp_path):
    X, y = table()
    model = GRURegressor(2, max_iter=1).fit(X, y).set_params(device="cuda")
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(model))
    code = """
import pickle, sys
model = pickle.load(open(sys.argv[1], "rb"))
model.summary(), model.coefs_, model.get_params(), repr(model), model.stream().push([0.5])
sys.exit(any(name.split(".")[:2] == ["numba", "cuda"] for name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, timeout=300)
    assert done.returncode == 0


def test_precision_needs_float32():
    X, y = table()
    for precision in ("tf32", "bf16"):
        model = GRURegressor(2, max_iter=1, precision=precision, dtype="float64")
        with pytest.raises(ValueError, match=f"precision='{precision}' needs dtype='float32'"):
            model.fit(X, y)
        # Without effect on the CPU.
        found = model.set_params(dtype="float32", random_state=0).fit(X, y)
        plain = GRURegressor(2, max_iter=1, random_state=0).fit(X, y)
        assert_array_equal(found.predict(X), plain.predict(X))
    assert np.isfinite(plain.predict(X)).all()
