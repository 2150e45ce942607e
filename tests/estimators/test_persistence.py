"""Models on disk: the same predictions elsewhere, small, and loaded without compiling."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skgru import GRUClassifier, GRURegressor, SequenceScaler

from .problems import classes, in_layout, ragged, same_parameters, table

ROOT = Path(__file__).resolve().parent.parent.parent


def models():
    """Fitted models of different kinds, with the layout of what they were fitted on."""
    found = {}
    for layout, model in {
        "2d": GRURegressor(6, max_iter=2, random_state=0),
        "3d": GRUClassifier((4, 3), max_iter=2, bidirectional=True, pooling="attention"),
        "ragged": GRURegressor(4, max_iter=2, loss="quantile", quantile=[0.1, 0.9], n_jobs=2),
    }.items():
        X, y = in_layout(layout)
        found[layout] = model.fit(X, classes(y) if isinstance(model, GRUClassifier) else y)
    X, y = table()
    found["resumes"] = GRURegressor(4, max_iter=2, warm_start=True, dtype="float64").fit(X, y)
    return found


def predictions(name, model):
    X, _ = in_layout("2d" if name == "resumes" else name, seed=1)
    return model.predict_proba(X) if isinstance(model, GRUClassifier) else model.predict(X)


# Loads every file in a folder, looks for compiled kernels before and after the first prediction,
# and writes the predictions beside the files.
CHILD = """
import joblib, pickle, sys
from pathlib import Path
import numpy as np
import skops.io

def load(path):
    if path.suffix == ".skops":
        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    if path.suffix == ".joblib":
        return joblib.load(path)
    return pickle.loads(path.read_bytes())

folder = Path(sys.argv[1])
paths = [p for p in sorted(folder.iterdir()) if p.suffix in (".joblib", ".pickle", ".skops")]
found = {path: load(path) for path in paths}

from numba.core.registry import CPUDispatcher

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("skgru.")]
    found = [o for m in modules for o in vars(m).values() if isinstance(o, CPUDispatcher)]
    return [kernel.py_func.__name__ for kernel in found if kernel.signatures]

assert not compiled(), compiled()

from tests.estimators.test_persistence import predictions
for path, model in found.items():
    np.save(path.with_suffix(path.suffix + ".npy"), predictions(path.stem, model))
assert "gru_forward" in compiled(), compiled()
print(len(found))
"""


def test_predictions_in_a_fresh_process_are_equal_to_the_last_bit(tmp_path):
    skops = pytest.importorskip("skops.io")
    fitted = models()
    for name, model in fitted.items():
        joblib.dump(model, tmp_path / f"{name}.joblib")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(model))
        skops.dump(model, tmp_path / f"{name}.skops")
    child = [sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 3 * len(fitted)
    for name, model in fitted.items():
        expected = predictions(name, model)
        for kind in ("joblib", "pickle", "skops"):
            found = np.load(tmp_path / f"{name}.{kind}.npy")
            assert found.tobytes() == expected.tobytes(), (name, kind)
            assert found.dtype == expected.dtype


def test_skops_needs_to_trust_only_the_estimators():
    skops = pytest.importorskip("skops.io")
    for model in models().values():
        text = skops.dumps(model)
        trusted = skops.get_untrusted_types(data=text)
        assert all(name.startswith("skgru.estimators.") for name in trusted), trusted


def size(model):
    return len(pickle.dumps(model))


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        (GRURegressor, {}),
        (GRUClassifier, {"early_stopping": True, "dtype": "float64", "n_jobs": 2}),
        (GRUClassifier, {"pooling": "attention", "bidirectional": True, "verbose": 1}),
    ],
)
def test_a_model_is_its_parameters_and_a_few_kilobytes(estimator, options):
    model = estimator(50, max_iter=20, **options)
    sizes = []
    for n in (100, 2000):
        X, y = ragged(n)
        model.set_params(max_iter=2).fit(X, classes(y) if estimator is GRUClassifier else y)
        sizes.append(size(model))
        assert size(model) < model._parameters.nbytes + 4000
    assert abs(sizes[1] - sizes[0]) < 100
    stream = io.BytesIO()
    joblib.dump(model, stream)
    assert stream.tell() < model._parameters.nbytes + 6000


def test_only_a_model_that_resumes_stores_the_state_of_training():
    X, y = table()
    model = GRURegressor(50, max_iter=2).fit(X, y)
    plain = size(model)
    n_bytes = model._parameters.nbytes
    # Two running means of Adam; with early stopping, the last parameters beside the best ones.
    model.set_params(warm_start=True).fit(X, y)
    assert plain + 2 * n_bytes < size(model) < plain + 2 * n_bytes + 6000
    model.set_params(warm_start=False).fit(X, y)
    assert abs(size(model) - plain) < 200
    model.partial_fit(X, y)
    assert plain + 2 * n_bytes < size(model) < plain + 2 * n_bytes + 6000
    model.set_params(warm_start=True, early_stopping=True).fit(X, y)
    assert plain + 3 * n_bytes < size(model) < plain + 4 * n_bytes + 6000


def test_copies_are_independent():
    X, y = table()
    model = GRURegressor(4, max_iter=2, warm_start=True).fit(X, y)
    expected = model.predict(X)
    for duplicate in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same_parameters(duplicate, model)
        duplicate.coefs_[0][...] = 0
        duplicate.fit(X, y)
        assert_array_equal(model.predict(X), expected)
    shallow = copy.copy(model).fit(X, y)
    assert not same_parameters(shallow, model)
    assert_array_equal(model.predict(X), expected)
    assert not hasattr(clone(model), "_parameters")


def test_a_pipeline_goes_to_disk_and_back(tmp_path):
    from sklearn.pipeline import make_pipeline

    X, y = ragged()
    pipeline = make_pipeline(SequenceScaler(), GRURegressor(4, max_iter=2)).fit(X, y)
    joblib.dump(pipeline, tmp_path / "pipeline.joblib", compress=3)
    found = joblib.load(tmp_path / "pipeline.joblib")
    assert_array_equal(found.predict(X), pipeline.predict(X))


def test_a_model_may_lie_in_a_memory_map(tmp_path):
    X, y = table()
    model = GRURegressor(6, max_iter=2, warm_start=True).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped._parameters, np.memmap)
    assert_array_equal(mapped.predict(X), model.predict(X))
    assert same_parameters(mapped.fit(X, y), model.fit(X, y))


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_what_only_training_needs_can_be_dropped(estimator):
    X, y = table()
    y = y if estimator is GRURegressor else classes(y)
    model = estimator(30, max_iter=2, warm_start=True, random_state=0).fit(X, y)
    expected, size = model.predict(X), len(pickle.dumps(model))
    assert model.drop_training_state() is model
    slim = pickle.dumps(model)
    assert len(slim) < 0.6 * size
    assert_array_equal(pickle.loads(slim).predict(X), expected)
    assert len(slim) < 1.1 * len(pickle.dumps(clone(model).set_params(warm_start=False).fit(X, y)))
    model.drop_training_state().fit(X, y)  # goes on from the weights that there are
    assert model.n_iter_ == 4
    with pytest.raises(NotFittedError):
        estimator().drop_training_state()
