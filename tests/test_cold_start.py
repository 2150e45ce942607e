"""What a new process pays: for the import, and for compiling with and without a cache."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skgru.kernels.cpu import _aside

# Counts what is compiled (loading from the cache does not count) while a script runs.
_COUNT = """
import json, sys, warnings
from numba.core import event

class Compiled(event.Listener):
    names = []
    def on_start(self, e):
        self.names.append(e.data["dispatcher"].py_func.__name__)
    def on_end(self, e):
        pass

event.register("numba:compile", Compiled())
warnings.simplefilter("ignore")
{script}
print(json.dumps(Compiled.names))
"""

_WARM_UP = """
import skgru
skgru.warmup()
"""

# Nothing in here looks like what `warmup` fits, but for the dtype.
_FITS = """
import numpy as np
from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor
rng = np.random.default_rng(1)
X, y = rng.normal(size=(70, 20, 3)), rng.normal(size=70)
ragged = [x[: 1 + i % 7] for i, x in enumerate(X)]
for loss in ("squared_error", "absolute_error", "huber", "quantile"):
    GRURegressor(40, loss=loss, max_iter=2, early_stopping=True).fit(ragged, y).score(ragged, y)
model = GRURegressor((33, 5), pooling=("max", "attention"), solver="adamw", dropout=0.5,
                     bidirectional=True, recurrent_dropout=0.5, max_iter=1, n_jobs=2)
model.partial_fit(X.astype("float32"), y)
model.attention_weights(X[:, ::2])
GRURegressor(solver="sgd", max_iter=1, hidden_layer_sizes=16).fit(X[:, :, 0], np.c_[y, y])
table = (X[:, :, 0] * 10).astype("int16")
table.flags.writeable = False
GRUClassifier(solver="rmsprop", max_iter=1, max_grad_norm=None).fit(table, y > 0).predict(table)
stream = GRUClassifier((20, 20), max_iter=1).fit(X, y > 0).stream(5, method="predict_log_proba")
stream.push(X[:5, 0])
model = GRUClassifier(pooling="mean", max_iter=1).fit(X, np.digitize(y, [-1, 0, 1]))
model.predict_log_proba(X)
model.transform(ragged)
model = GRUStepRegressor((33, 5), loss="quantile", quantile=[0.1, 0.9], bidirectional=True,
                         dropout=0.5, recurrent_dropout=0.5, max_iter=1, early_stopping=True)
model.fit(ragged, [x[:, :2] for x in ragged]).states(ragged)
model = GRUStepClassifier(20, dropout=0.5, max_iter=1, n_jobs=2).fit(X, X[:, :, 0] > 0)
model.predict_log_proba(X)
model.stream(5).extend(X.transpose(1, 0, 2)[:, :5])
"""


def start(script, cache):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", _COUNT.format(script=script)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(process):
    """The names of what was compiled, and what the script itself printed last."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    *printed, names = out.splitlines()
    return json.loads(names), printed[-1] if printed else None


def compiled(process):
    return run(process)[0]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that two processes have filled at the same time."""
    folder = tmp_path_factory.mktemp("cache")
    processes = [start(_WARM_UP, folder) for _ in range(2)]
    for process in processes:
        assert len(compiled(process)) > 50
    return folder


def test_a_second_process_compiles_some_kernels_of_the_first_fit(tmp_path):
    fit = """
import numpy as np
from skgru import GRUClassifier
from skgru.kernels.cpu import _aside
X, y = np.zeros((70, 3, 2)), np.arange(70) % 2
{more}
# A batch of several shards, whose gradients are added.
GRUClassifier(3, max_iter=1, batch_size=70, dtype="{dtype}").fit(X, y)
"""
    if _aside._count_cores() < 2:
        pytest.skip("one core has nothing to gain")
    alone = start(
        fit.format(more="_aside._count_cores = lambda: 1", dtype="float32"), tmp_path / "1"
    )
    shared = start(fit.format(more="", dtype="float64"), tmp_path / "2")
    names = set(compiled(alone))
    assert set(_aside._KERNELS) < names
    # If a signature in _aside.py is not that of a fit, the fit compiles this kernel itself.
    assert names - set(compiled(shared)) >= set(_aside._KERNELS)


def test_a_cache_that_two_processes_filled_at_once_serves_a_third(cache):
    assert compiled(start(_WARM_UP, cache)) == []


def test_warmup_leaves_nothing_to_compile(cache):
    assert compiled(start(_FITS, cache)) == []


def test_a_damaged_cache_serves_as_a_full_one_does(cache, tmp_path):
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    script = """
import hashlib
import numpy as np
from skgru import GRURegressor
rng = np.random.default_rng(1)
X, y = rng.normal(size=(40, 5, 3)), rng.normal(size=40)
model = GRURegressor(5, max_iter=2, random_state=0).fit(X, y)
print(hashlib.sha256(model._parameters.tobytes() + model.predict(X).tobytes()).hexdigest())
"""
    names, expected = run(start(script, tmp_path))
    assert names == []
    damaged = {"adam", "clip_norm", "squared_error", "pool_last", "pool_mean"}
    for path in tmp_path.rglob("*.nbc"):
        if path.name.split(".")[1].split("-")[0] in damaged:  # those that compile quickly
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] + b"!" + data[len(data) // 2 + 1 :])
    names, found = run(start(script, tmp_path))
    assert damaged <= set(names)
    assert found == expected
    assert run(start(script, tmp_path)) == ([], expected)


def test_an_install_without_any_folder_to_write_to_compiles_in_memory(cache):
    script = """
from numba.core import caching
caching.CacheImpl._locator_classes = []  # no place is found to be writable
import numpy as np
from skgru.kernels import cpu
a, b = np.ones(3), np.ones(3)
cpu.add(a, b)
assert a.sum() == 6
"""
    assert compiled(start(script, cache)) == ["add"]


def test_import_compiles_nothing_and_loads_no_heavy_module():
    script = """
import skgru
heavy = {"torch", "matplotlib", "jax", "tensorflow", "sklearn.model_selection"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    assert compiled(start(script, Path(os.environ.get("NUMBA_CACHE_DIR", "")))) == []
