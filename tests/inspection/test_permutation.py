"""Permutation importance of features and of stretches of time."""

import doctest

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.inspection import permutation_importance as of_columns
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgru import GRURegressor, GRUStepClassifier, SequenceScaler
from skgru.inspection import _permutation, permutation_importance
from skgru.metrics import step_scorer


class Model:
    """A fitted model that predicts by a function of each sequence, and keeps what it has read."""

    def __init__(self, function):
        self.function, self.read = function, []

    def fit(self, X, y):
        return self

    def predict(self, X):
        self.read.append(X)
        return np.array([self.function(np.asarray(x)) for x in X])

    def score(self, X, y, sample_weight=None):
        return r2_score(y, self.predict(X), sample_weight=sample_weight)


def last(x):
    return x[-1, 1]


def ragged(n=30, n_features=3, seed=0, shortest=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, n_features)) for length in rng.integers(shortest, 12, n)]


def test_the_feature_that_is_read_is_the_only_important_one():
    X = ragged()
    y = [last(x) for x in X]
    found = permutation_importance(Model(last), X, y, n_repeats=7, random_state=0)
    assert found.importances.shape == (3, 7)
    assert_array_equal(found.importances[[0, 2]], 0)
    assert (found.importances[1] > 0.5).all()
    assert_allclose(found.importances_mean, found.importances.mean(axis=1))
    assert_allclose(found.importances_std, found.importances.std(axis=1))
    assert found.feature_names is None


def test_the_stretch_that_is_read_is_the_only_important_one():
    X = ragged(shortest=5)
    y = [last(x) for x in X]
    found = permutation_importance(Model(last), X, y, by="time", n_windows=4, random_state=0)
    assert_allclose(found.windows, [[0, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1]])
    assert_array_equal(found.importances[:3], 0)
    assert (found.importances[3] > 0.5).all()


def test_a_short_sequence_has_empty_stretches():
    X = [np.arange(2.0), np.arange(10.0, 18.0)]
    model = Model(lambda x: x.mean())
    permutation_importance(model, X, [0, 1], by="time", n_windows=8, n_repeats=20, random_state=0)
    # The steps of the short one are in the middle of the halves: stretches 2 and 6 of eight.
    of_short = [{tuple(read[0]) for read in model.read[1 + 20 * i :][:20]} for i in range(8)]
    assert of_short[2] == {(0, 1), (12, 1)}
    assert of_short[6] == {(0, 1), (0, 16)}
    assert all(of_short[i] == {(0, 1)} for i in (0, 1, 3, 4, 5, 7))


def test_sequences_of_equal_length_exchange_whole_features():
    X = np.random.default_rng(0).normal(size=(12, 5, 3))
    model = Model(last)
    permutation_importance(model, X, X[:, -1, 1], n_repeats=1, random_state=3)
    order = np.random.RandomState(3).permutation(12)
    for feature, read in enumerate(model.read[1:]):
        expected = X.copy()
        expected[:, :, feature] = X[order, :, feature]
        assert_array_equal(read, expected)


def test_other_lengths_are_stretched():
    X = [np.arange(3.0), np.arange(10.0, 16.0)]
    model = Model(lambda x: x.mean())
    permutation_importance(model, X, [0, 1], n_repeats=20, random_state=0)
    read = {tuple(map(tuple, found)) for found in model.read}
    original = (0, 1, 2), (10, 11, 12, 13, 14, 15)
    assert read == {original, ((11, 13, 15), (0, 0, 1, 1, 2, 2))}


def test_a_table_agrees_with_scikit_learn_on_its_columns():
    # Each column of a table is a step, and a stretch of as many windows as there are steps.
    X = np.random.default_rng(0).normal(size=(40, 6))
    y = X[:, 2] + X[:, 5]
    model = GRURegressor(4, max_iter=3, random_state=0).fit(X, y)
    ours = permutation_importance(model, X, y, by="time", n_windows=6, n_repeats=60)
    theirs = of_columns(model, X, y, n_repeats=60)
    error = np.hypot(ours.importances_std, theirs.importances_std) / np.sqrt(60)
    assert (np.abs(ours.importances_mean - theirs.importances_mean) < 6 * error + 1e-12).all()
    assert permutation_importance(model, X, y).importances.shape == (1, 5)


def forms():
    X = ragged()
    frames = [pd.DataFrame(x, columns=list("abc"), index=range(5, 5 + len(x))) for x in X]
    objects = np.empty(len(X), object)
    objects[:] = X
    return {
        "list": X,
        "tuple": tuple(X),
        "objects": objects,
        "series of arrays": pd.Series(X),
        "one feature": [x[:, 0] for x in X],
        "lists": [x.tolist() for x in X],
        "frames": frames,
        "polars": [pl.DataFrame(x, schema=list("abc")) for x in X],
        "3d": np.random.default_rng(0).normal(size=(30, 4, 3)),
        "nested lists": np.random.default_rng(0).normal(size=(30, 4, 3)).tolist(),
        "2d": np.random.default_rng(0).normal(size=(30, 4)),
        "frame": pd.DataFrame(np.random.default_rng(0).normal(size=(30, 4)), columns=list("abcd")),
        "polars frame": pl.DataFrame({"a": np.arange(30.0), "b": np.ones(30)}),
    }


# What is not given back in the type in which it came.
RESTORED = {"tuple": list, "series of arrays": np.ndarray, "nested lists": np.ndarray}
RESTORED_ITEM = {"lists": np.ndarray, "nested lists": np.ndarray}


def items(X):
    """The sequences of X; a frame has one in each row."""
    return np.asarray(X) if isinstance(X, (pd.DataFrame, pl.DataFrame)) else X


@pytest.mark.parametrize("by", ["feature", "time"])
@pytest.mark.parametrize("form", forms())
def test_every_form_of_x_is_kept_and_left_as_it_was(form, by):
    X, again = forms()[form], forms()[form]
    y = np.arange(30.0)
    model = GRURegressor(3, max_iter=1, random_state=0).fit(X, y)
    found = permutation_importance(model, X, y, by=by, n_windows=2, n_repeats=2, random_state=0)
    assert np.isfinite(found.importances).all()
    assert found.importances.any()
    # scikit-learn's warnings about names of columns would be errors here.
    read = []
    permutation_importance(
        model,
        X,
        y,
        by=by,
        n_windows=2,
        n_repeats=1,
        scoring=lambda model, X, y: read.append(X) or 0,
    )
    assert read[0] is X
    assert type(read[1]) is RESTORED.get(form, type(X))
    assert {type(item) for item in items(read[1])} == {
        RESTORED_ITEM.get(form, type(items(again)[0]))
    }
    for given, before in zip(items(X), items(again), strict=True):
        assert_array_equal(given, before)
    if by == "feature":
        assert found.feature_names == (list("abc") if form in ("frames", "polars") else None)


def test_frames_stay_frames():
    X = forms()["frames"]
    model = Model(lambda x: x.mean())
    permutation_importance(model, X, np.arange(30.0), n_repeats=1, random_state=0)
    for found, frame in zip(model.read[1], X, strict=True):
        assert list(found.columns) == list("abc")
        assert found.index.equals(frame.index)


def test_pipelines_searches_and_missing_values():
    X = ragged()
    y = np.array([x[:, 1].mean() for x in X])
    X[0][0, 0] = np.nan
    fill = FunctionTransformer(lambda X: [np.nan_to_num(x) for x in X])
    model = make_pipeline(fill, SequenceScaler(), GRURegressor(4, max_iter=20, random_state=0))
    search = GridSearchCV(model, {"gruregressor__alpha": [0, 1e-4]}, cv=2).fit(X, y)
    found = permutation_importance(search, X, y, random_state=0)
    assert found.importances_mean.argmax() == 1


def test_models_of_steps_scorers_and_weights():
    X = ragged()
    y = [np.where(x[:, 2] > 0, "up", "down") for x in X]
    model = GRUStepClassifier(8, max_iter=50, random_state=0).fit(X, y)
    for scoring in (None, step_scorer("f1_macro")):
        found = permutation_importance(model, X, y, scoring=scoring, random_state=0)
        assert found.importances_mean.argmax() == 2
    # With a weight in one sequence only, its own predictions decide.
    weight = np.eye(len(X))[3]
    alone = permutation_importance(model, X, y, sample_weight=weight, random_state=0)
    assert_allclose(alone.importances * len(X[3]) % 1, 0, atol=1e-9)
    assert not np.array_equal(alone.importances, found.importances)


def test_random_state_and_jobs():
    X = ragged()
    y = [last(x) for x in X]
    first = permutation_importance(Model(last), X, y, random_state=0).importances
    with joblib.parallel_config("threading"):  # processes take seconds to start
        second = permutation_importance(Model(last), X, y, random_state=0, n_jobs=2).importances
    assert_array_equal(first, second)
    other = permutation_importance(Model(last), X, y, random_state=1).importances
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "sequence"}, "by must be 'feature' or 'time', got 'sequence'"),
        ({"n_repeats": 0}, "n_repeats must be a positive integer, got 0"),
        ({"by": "time", "n_windows": 2.0}, "n_windows must be a positive integer"),
        ({"by": "time", "n_windows": 20}, "n_windows is 20, but the longest sequence has 11 steps"),
        ({"scoring": "no such"}, "no such"),
    ],
)
def test_arguments(options, message):
    X = ragged()
    with pytest.raises(ValueError, match=message):
        permutation_importance(Model(last), X, [last(x) for x in X], **options)


def test_data_that_cannot_be_exchanged():
    X = ragged()
    with pytest.raises(ValueError, match="X has one sequence"):
        permutation_importance(Model(last), X[:1], [0], scoring=lambda *_: 0.0)
    frames = [pd.DataFrame(x, columns=list("abc")) for x in X]
    frames[4] = frames[4][list("bac")]
    with pytest.raises(ValueError, match="Sequence 4 of X has the columns .'b', 'a', 'c'"):
        permutation_importance(Model(last), frames, np.zeros(len(X)))
    model = GRURegressor(3, max_iter=1).fit(X, np.zeros(len(X)))
    X[2][1, 0] = np.inf
    with pytest.raises(ValueError, match="infinity .* at sequence 2, step 1, feature 0"):
        permutation_importance(model, X, np.zeros(len(X)))


def test_examples():
    found = doctest.testmod(_permutation)
    assert found.attempted > 0
    assert found.failed == 0
