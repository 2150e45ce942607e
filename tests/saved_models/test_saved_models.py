"""Models that earlier versions saved are read, and predict what they predicted then."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose

import skgru
from skgru.base import FORMAT, SavedState

from . import make

PATHS = sorted(make.FOLDER.glob("*/*.joblib"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in PATHS]


def load(path):
    # Versions before 0.1.0 had no skgru.save.
    has_checksum = not path.parent.name.startswith("before-0.1.0")
    try:
        return (skgru.load if has_checksum else joblib.load)(path)
    except ModuleNotFoundError as error:
        if error.name != "numpy._core":
            raise
        pytest.skip("NumPy 1.26.0 does not read what was pickled with NumPy 2")


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_predictions(path):
    with np.load(path.parent / "expected.npz") as file:
        X, expected = file["X"], file[path.stem]
    model = load(path)
    found = make.predictions(model, path.stem.split("-")[0], X)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    # Other vector units and versions of Numba and NumPy round differently: by some units in the
    # last place of the model's dtype, which a few steps of a small network hardly amplify.
    model = model[-1] if isinstance(model, list) else model
    tolerance = 100 * np.finfo(model.dtype).eps
    assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    platform = path.parent / "platform.txt"
    if platform.exists() and platform.read_text().strip() == make.numeric_platform():
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_loaded_model_is_complete(path):
    model = load(path)
    for part in model if isinstance(model, list) else [model]:
        fresh = type(part)()
        assert set(vars(part)) >= set(vars(fresh))  # all parameters
        repr(part.set_params(**part.get_params()))


@pytest.mark.parametrize("path", [path for path in PATHS if path.stem == "3d-resumes"])
def test_training_goes_on(path):
    with np.load(path.parent / "expected.npz") as file:
        X = file["X"]
    model = load(path).set_params(max_iter=2).fit(X, X[:, 0, 0])
    assert model.n_iter_ == 5


def test_models_of_the_present_format_are_kept(monkeypatch):
    # If this fails, the format has changed: write models of it as CONTRIBUTING.md says.
    formats, read = set(), SavedState.__setstate__

    def record(self, state):
        formats.add(state.get("_skgru_format", 0))
        read(self, state)

    monkeypatch.setattr(SavedState, "__setstate__", record)
    for path in PATHS:
        load(path)
    assert formats == set(range(FORMAT + 1))
