"""SequenceResampler: numpy.interp is the oracle."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgru import GRURegressor, GRUStepRegressor, SequenceResampler
from skgru.data import as_sequences
from skgru.preprocessing import _resampler
from tests.memory_maps import on_disk

from .layouts import layouts, ragged


@parametrize_with_checks([SequenceResampler(), SequenceResampler(length=3)])
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it the check with array API dispatch switched on skips itself.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@pytest.fixture(params=list(layouts()))
def X(request):
    return layouts()[request.param]


@pytest.mark.parametrize("length", [2, 3, 7, 50])
@pytest.mark.parametrize("block", [1, 2**20])
def test_it_is_interp(X, length, block, monkeypatch):
    monkeypatch.setattr(_resampler, "_BLOCK_BYTES", block)
    result = SequenceResampler(length=length).fit_transform(X)
    is_table = isinstance(X, np.ndarray) and X.ndim == 2
    sequences = as_sequences(X)
    assert isinstance(result, np.ndarray) and result.dtype == np.float64
    assert result.shape == (len(X), length) + (() if is_table else (sequences.n_features,))
    for found, x in zip(result.reshape(len(X), length, -1), sequences, strict=True):
        places = np.linspace(0, len(x) - 1, length)
        for k in range(x.shape[1]):
            expected = np.interp(places, np.arange(len(x)), x[:, k])
            assert_allclose(found[:, k], expected, rtol=1e-12)
        assert_array_equal(found[[0, -1]], x[[0, -1]])


def test_the_default_is_the_longest_of_fit():
    resampler = SequenceResampler().fit(ragged())
    assert resampler.length_ == 7
    assert_array_equal(resampler.transform(ragged())[2], ragged()[2])  # nothing changes
    assert resampler.transform([np.ones((30, 3))]).shape == (1, 7, 3)
    assert SequenceResampler().fit_transform([[1.0], [2.0]]).shape == (2, 1)


@pytest.mark.parametrize("length", [2, 7, 50, 100])
def test_steps_that_are_kept_keep_their_values(rng, length):
    X = rng.normal(size=(3, length, 2))
    assert_array_equal(SequenceResampler().fit_transform(X), X)
    finer = SequenceResampler(length=3 * length - 2).fit_transform(X)
    assert_array_equal(finer[:, ::3], X)


def test_blocks_are_bounded_by_the_result():
    sequences = as_sequences([[1.0]] * 10)
    blocks = list(_resampler._blocks(sequences, _resampler._BLOCK_BYTES // (8 * 3)))
    assert blocks == [(0, 3), (3, 6), (6, 9), (9, 10)]


def test_constants_stay_constant_and_values_within_bounds():
    X = [np.full((n, 1), 0.1) for n in range(1, 30)]
    assert (SequenceResampler(length=17).fit_transform(X) == 0.1).all()
    X = [[-1.7e308, 1.7e308, -1.7e308]]
    assert np.isfinite(SequenceResampler(length=50).fit_transform(X)).all()


@pytest.mark.parametrize(
    ("dtype", "expected"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i4", "f8")]
)
def test_dtypes(dtype, expected):
    X = np.arange(24).reshape(2, 4, 3).astype(dtype)
    for form in (X, list(X), X[:, :, 0]):
        assert SequenceResampler(length=3).fit_transform(form).dtype == expected


def test_memory_maps_and_views(tmp_path):
    X = layouts()["3d"]
    mapped = on_disk(tmp_path / "X.dat", X)
    for view in (lambda X: X, lambda X: X[:, ::2], lambda X: X.transpose(1, 0, 2), list):
        found = SequenceResampler(length=5).fit_transform(view(mapped))
        assert_array_equal(found, SequenceResampler(length=5).fit_transform(view(X.copy())))


def test_frames():
    table = pd.DataFrame(layouts()["2d"], columns=list("abcd"), index=list("uvwxyz"))
    resampler = SequenceResampler(length=3).set_output(transform="pandas")
    result = resampler.fit_transform(table)
    names = [f"sequenceresampler{i}" for i in range(3)]
    assert list(result.columns) == names == resampler.get_feature_names_out().tolist()
    assert list(result.index) == list("uvwxyz")
    frames = [pd.DataFrame(x, columns=list("abc")) for x in ragged()]
    result = resampler.fit_transform(frames)
    assert isinstance(result, np.ndarray) and result.shape == (5, 3, 3)
    assert resampler.get_feature_names_out().tolist() == list("abc")
    with pytest.raises(ValueError, match="should match"):
        resampler.transform([frame[["b", "a", "c"]] for frame in frames])


def test_a_table_in_place_of_univariate_sequences():
    resampler = SequenceResampler(length=3).fit([[1.0, 2.0], [3.0]]).set_output(transform="pandas")
    assert_array_equal(resampler.transform([[1.0, 3.0]]), [[1, 2, 3]])


@pytest.mark.filterwarnings("ignore:X is read as")  # of a single step
def test_pipeline_and_search(X):
    y = np.arange(len(X), dtype=float)
    search = GridSearchCV(
        make_pipeline(SequenceResampler(), GRURegressor(2, max_iter=1, random_state=0)),
        {"sequenceresampler__length": [None, 3]},
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.predict(X).shape == (len(X),)


def test_it_cannot_stand_before_a_model_of_steps():
    X = ragged()
    y = [np.arange(len(x)) for x in X]
    model = make_pipeline(SequenceResampler(length=3), GRUStepRegressor(2, max_iter=1))
    message = "y of sequence 0 has 4 entries, but that sequence of X has 3 steps.*SequenceResampler"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_errors():
    with pytest.raises(ValueError, match="'length' parameter"):
        SequenceResampler(length=1).fit(ragged())
    with pytest.raises(ValueError, match="NaN at sequence 0, step 1.*SequenceImputer"):
        SequenceResampler().fit([[1.0, np.nan]])


def test_persistence():
    skops = pytest.importorskip("skops.io")
    resampler = SequenceResampler().fit(ragged())
    text = skops.dumps(resampler)
    trusted = skops.get_untrusted_types(data=text)
    for copy in (pickle.loads(pickle.dumps(resampler)), skops.loads(text, trusted=trusted)):
        assert_array_equal(copy.transform(ragged()), resampler.transform(ragged()))
