"""SequenceDifferences and SequenceFrames: naive versions as oracles, layouts, names, Pipelines."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import skgru
from skgru import GRUClassifier, GRUStepClassifier, SequenceDifferences, SequenceFrames
from skgru.data import _sequences
from skgru.preprocessing import _frames

_NOT_A_TABLE = "a table becomes a 3D array, whose second axis are steps"


def expected_to_fail(estimator):
    if isinstance(estimator, SequenceDifferences) and not estimator.append:
        return {}
    return dict.fromkeys(
        (
            "check_transformer_get_feature_names_out",
            "check_transformer_get_feature_names_out_pandas",
        ),
        _NOT_A_TABLE,
    )


@parametrize_with_checks(
    [
        SequenceDifferences(),
        SequenceDifferences(append=False),
        SequenceFrames(),
        SequenceFrames(2, 1),
    ],
    expected_failed_checks=expected_to_fail,
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def ragged(seed=0, n_features=2, lengths=(4, 1, 7, 2, 9)):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, n_features)) for length in lengths]


def naive_differences(x):
    return np.vstack([np.zeros((1, x.shape[1])), x[1:] - x[:-1]])


def naive_frames(x, length, step):
    frames, start = [], 0
    while True:
        first = max(0, min(start, len(x) - length))
        rows = [x[min(first + k, len(x) - 1)] for k in range(length)]
        frames.append(np.concatenate(rows))
        if start + length >= len(x):
            return np.array(frames)
        start += step


@pytest.fixture(params=[2**20, 40])
def piece(request, monkeypatch):
    """Sizes of pieces: everything at once, and a few rows."""
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", request.param)
    monkeypatch.setattr(_frames, "_PIECE_STEPS", request.param)


@pytest.mark.usefixtures("piece")
@pytest.mark.parametrize("append", [True, False])
def test_differences(append):
    X = ragged()
    found = SequenceDifferences(append=append).fit_transform(X)
    for x, result in zip(X, found, strict=True):
        expected = naive_differences(x)
        np.testing.assert_array_equal(result, np.hstack([x, expected]) if append else expected)


@pytest.mark.usefixtures("piece")
@pytest.mark.parametrize(("length", "step"), [(1, 1), (3, 1), (3, 2), (2, 3), (4, 4), (20, 3)])
def test_frames(length, step):
    X = ragged()
    found = SequenceFrames(length, step).fit_transform(X)
    for x, result in zip(X, found, strict=True):
        np.testing.assert_array_equal(result, naive_frames(x, length, step))


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_every_step_is_in_a_frame(n_steps, length, step):
    step = min(step, length)
    found = SequenceFrames(length, step).fit_transform([np.arange(float(n_steps)), np.ones(3)])[0]
    assert np.unique(found).tolist() == list(range(n_steps))
    assert len(found) == 1 + max(0, -(-(n_steps - length) // step))


def test_layouts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 10, 2))
    table = X[:, :, 0].copy()
    for estimator, shape in (
        (SequenceDifferences(), (5, 10, 2)),
        (SequenceDifferences(append=False), (5, 10)),
        (SequenceFrames(4, 2), (5, 4, 4)),
        (SequenceFrames(1, 2), (5, 6, 1)),
    ):
        as_list = clone(estimator).fit_transform(list(X))
        np.testing.assert_array_equal(clone(estimator).fit_transform(X), np.array(as_list))
        objects = np.empty(5, dtype=object)
        objects[:] = list(X)
        assert clone(estimator).fit_transform(objects).dtype == object
        of_table = clone(estimator).fit_transform(table)
        assert of_table.shape == shape
        of_series = clone(estimator).fit_transform(table[:, :, np.newaxis])
        np.testing.assert_array_equal(of_table.reshape(of_series.shape), of_series)


@pytest.mark.parametrize("estimator", [SequenceDifferences(), SequenceFrames(3, 2)])
def test_dtypes_and_memory_maps(estimator, tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 9, 2)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = estimator.fit_transform(X)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(estimator.fit_transform(mapped), expected)
    np.testing.assert_array_equal(
        estimator.fit_transform(mapped[:, 1:]), estimator.fit_transform(X[:, 1:])
    )
    assert estimator.fit_transform((100 * X).astype(np.int16)).dtype == np.float64


def test_differences_that_overflow_are_refused():
    X = [np.array([[1.0], [3e38], [-3e38]], np.float32)]
    with pytest.raises(ValueError, match="X at sequence 0, step 2, feature 1 is too large for"):
        SequenceDifferences().fit_transform(X)


def test_names():
    frames = [pd.DataFrame(x, columns=["u", "v"]) for x in ragged()]
    differences = SequenceDifferences().fit(frames)
    assert differences.get_feature_names_out().tolist() == [
        "u", "v", "difference_u", "difference_v",
    ]  # fmt: skip
    found = SequenceFrames(2, 1).fit(frames).get_feature_names_out()
    assert found.tolist() == ["u_0", "v_0", "u_1", "v_1"]
    table = SequenceFrames(2, 1).fit(np.ones((3, 5)))
    assert table.get_feature_names_out().tolist() == ["x0_0", "x0_1"]
    assert SequenceDifferences().fit(np.eye(3)).get_feature_names_out().tolist() == [
        "x0", "difference_x0",
    ]  # fmt: skip


@pytest.mark.parametrize("estimator", [SequenceDifferences(), SequenceFrames(3, 2)])
def test_lists_of_frames(estimator):
    days = pd.date_range("2024-01-01", periods=9)
    frames = [pd.DataFrame(x, columns=["u", "v"], index=days[: len(x)]) for x in ragged()]
    expected = clone(estimator).fit_transform([frame.to_numpy() for frame in frames])
    fitted = clone(estimator).set_output(transform="pandas").fit(frames)
    for frame, found, values in zip(frames, fitted.transform(frames), expected, strict=True):
        assert found.columns.tolist() == fitted.get_feature_names_out().tolist()
        np.testing.assert_array_equal(found, values)
        assert found.index[-1] == frame.index[-1]
    polar = clone(estimator).set_output(transform="polars").fit(frames)
    found = polar.transform([pl.DataFrame(x, schema=["u", "v"]) for x in ragged()])
    np.testing.assert_array_equal(found[4].to_numpy(), expected[4])


def test_a_table_that_becomes_3d_stays_an_array():
    X = pd.DataFrame(np.eye(6), columns=list("abcdef"))
    for estimator in (SequenceDifferences(), SequenceFrames(1, 2)):
        found = estimator.set_output(transform="pandas").fit_transform(X)
        assert isinstance(found, np.ndarray)
        assert found.ndim == 3
    found = SequenceDifferences(append=False).set_output(transform="pandas").fit_transform(X)
    assert found.columns.tolist() == [f"difference_{name}" for name in "abcdef"]


def test_pipeline_and_grid_search():
    X = ragged(lengths=(5, 8, 6, 9, 7, 5, 8, 6))
    y = [0, 1] * 4
    model = make_pipeline(SequenceDifferences(), SequenceFrames(2, 2), GRUClassifier(2, max_iter=1))
    search = GridSearchCV(
        model,
        {"sequencedifferences": [SequenceDifferences(), "passthrough"],
         "sequenceframes__length": [1, 3]},
        cv=2, error_score="raise",
    )  # fmt: skip
    search.fit(X, y)
    restored = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(restored.predict_proba(X), search.predict_proba(X))


def test_dask_tells_fits_apart():
    first, second = (SequenceFrames().fit([np.ones((3, n))]) for n in (1, 2))
    assert first.__dask_tokenize__() != second.__dask_tokenize__()
    assert first.__dask_tokenize__() == clone(first).fit([np.ones((3, 1))]).__dask_tokenize__()


@pytest.mark.parametrize("estimator", [SequenceDifferences(), SequenceFrames(2, 1)])
def test_no_streams(estimator):
    X = np.random.default_rng(0).normal(size=(6, 5, 2))
    model = make_pipeline(estimator, GRUClassifier(2, max_iter=1)).fit(X, [0, 1] * 3)
    with pytest.raises(TypeError, match=f"{type(estimator).__name__}, cannot be applied step by"):
        skgru.stream(model)


def test_frames_before_a_step_model_are_refused():
    X, y = ragged(lengths=(8, 9)), [[0, 1] * 4, [0, 1, 1] * 3]
    model = make_pipeline(SequenceFrames(4, 2), GRUStepClassifier(2, max_iter=1))
    with pytest.raises(ValueError, match=r"has 8 entries, .* has 3 steps.*SequenceFrames, cannot"):
        model.fit(X, y)
    make_pipeline(SequenceDifferences(), GRUStepClassifier(2, max_iter=1)).fit(X, y)


@pytest.mark.parametrize("parameters", [{"length": 0}, {"step": 1.5}])
def test_bad_parameters(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter of Seq"):
        SequenceFrames(**parameters).fit(ragged())
