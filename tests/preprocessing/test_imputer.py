"""SequenceImputer: against a loop over single steps, SimpleImputer, and the paper's equation."""

import pickle
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgru import GRURegressor, GRUStepRegressor, SequenceImputer
from skgru.data import _sequences, as_sequences
from skgru.inspection import permutation_importance
from tests.memory_maps import on_disk

from .layouts import assert_same_layout, layouts, ragged


@parametrize_with_checks(
    [
        SequenceImputer(),
        SequenceImputer(strategy="mean", add_indicator=True),
        SequenceImputer(strategy="constant", fill_value=1.0, add_elapsed=True),
    ]
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it the check with array API dispatch switched on skips itself.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def with_gaps(X, share=0.4, seed=0):
    """A copy of X, of which some values are NaN."""
    rng = np.random.default_rng(seed)
    if isinstance(X, np.ndarray) and X.dtype != object:
        return np.where(rng.random(X.shape) < share, np.nan, X)
    items = [np.where(rng.random(x.shape) < share, np.nan, x) for x in X]
    if isinstance(X, np.ndarray):
        X = X.copy()
        X[:] = items
        return X
    return type(X)(items)


@pytest.fixture(params=list(layouts()))
def X(request):
    return with_gaps(layouts()[request.param])


def steps(X):
    return as_sequences(X, allow_missing=True).values


def naive(X, mean, strategy, times=None):
    """Filled values, indicators and elapsed times, one step of one feature after the other.

    Elapsed times follow equation (2) of the paper literally.
    """
    filled, indicators, elapsed = [], [], []
    for x in as_sequences(X, allow_missing=True):
        out, delta = x.copy(), np.zeros(x.shape)
        s = np.arange(len(x)) if times is None else x[:, times]
        for k in range(x.shape[1]):
            for t in range(len(x)):
                if t > 0:
                    gap = s[t] - s[t - 1]
                    delta[t, k] = gap + delta[t - 1, k] if np.isnan(x[t - 1, k]) else gap
                if np.isnan(x[t, k]):
                    has_last = strategy == "ffill" and not np.isnan(x[:t, k]).all()
                    out[t, k] = out[t - 1, k] if has_last else mean[k]
        filled.append(out)
        indicators.append(np.isnan(x).astype(float))
        elapsed.append(delta)
    return np.vstack(filled), np.vstack(indicators), np.vstack(elapsed)


@pytest.mark.parametrize("strategy", ["ffill", "mean", "constant"])
@pytest.mark.parametrize("piece", [1, 2**20])
def test_it_is_the_loop_over_steps(X, strategy, piece, monkeypatch):
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", piece)  # from one row at a time to all
    options = {"strategy": strategy, "fill_value": -2.5}
    plain = SequenceImputer(**options).fit(X)
    simple = "constant" if strategy == "constant" else "mean"
    oracle = SimpleImputer(strategy=simple, fill_value=-2.5).fit(steps(X))
    np.testing.assert_allclose(plain.statistics_, oracle.statistics_.astype(float), rtol=1e-14)
    expected = naive(X, plain.statistics_, strategy)
    result = plain.transform(X)
    assert_same_layout(result, X)
    np.testing.assert_array_equal(steps(result), expected[0])

    imputer = SequenceImputer(**options, add_indicator=True, add_elapsed=True)
    result = imputer.fit_transform(X)
    if isinstance(X, np.ndarray) and X.ndim == 2:
        assert result.shape == (*X.shape, 3)
    else:
        assert_same_layout(result, X, n_added=2 * len(imputer.missing_features_))
    np.testing.assert_array_equal(steps(result), np.hstack(expected))


def test_the_indicator_is_that_of_simple_imputer():
    X = with_gaps(layouts()["3d"])
    X[:, :, 1] = 7.0  # never missing
    result = SequenceImputer(strategy="mean", add_indicator=True).fit(X)
    oracle = SimpleImputer(add_indicator=True).fit(steps(X))
    np.testing.assert_allclose(steps(result.transform(X)), oracle.transform(steps(X)), rtol=1e-14)
    names = ["a", "b", "c"]
    assert list(result.get_feature_names_out(names)) == list(oracle.get_feature_names_out(names))
    assert result.missing_features_.tolist() == [0, 2]
    # What is missing later only is filled, and has no indicator: the width never changes.
    later = X.copy()
    later[2, 3, 1] = np.nan
    assert result.transform(later).shape == result.transform(X).shape
    assert result.transform(later)[2, 3, 1] == 7.0


def test_the_table_of_the_paper():
    # Figure 2 of Che et al.: two features, with times 0, 0.1, 0.6, 1.6, 2.2, 2.5, 3.1.
    nan = np.nan
    times = [0, 0.1, 0.6, 1.6, 2.2, 2.5, 3.1]
    first = [47, 49, nan, 40, nan, 43, 55]
    second = [nan, 15, 14, nan, nan, nan, 15]
    X = [np.column_stack([times, first, second])]
    imputer = SequenceImputer(add_indicator=True, add_elapsed=True, time_feature=0).fit(X)
    result = imputer.transform(X)[0]
    np.testing.assert_array_equal(1 - result[:, 3], [1, 1, 0, 1, 0, 1, 1])
    np.testing.assert_array_equal(1 - result[:, 4], [0, 1, 1, 0, 0, 0, 1])
    np.testing.assert_allclose(result[:, 5], [0, 0.1, 0.5, 1.5, 0.6, 0.9, 0.6], atol=1e-12)
    np.testing.assert_allclose(result[:, 6], [0, 0.1, 0.5, 1.0, 1.6, 1.9, 2.5], atol=1e-12)


def timed(seed=0):
    X = with_gaps(ragged(seed))
    for x in X:
        x[:, 1] = np.sort(np.abs(np.random.default_rng(seed).normal(size=len(x)))).cumsum()
    return X


@pytest.mark.parametrize("piece", [1, 2**20])
def test_elapsed_time_in_units_of_a_feature(piece, monkeypatch):
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", piece)
    X = timed()
    expected = naive(X, np.zeros(3), "constant", times=1)[2][:, [0, 2]]
    imputer = SequenceImputer(add_elapsed=True, time_feature=1).fit(X)
    np.testing.assert_allclose(steps(imputer.transform(X))[:, 3:], expected, atol=1e-12)
    frames = [pd.DataFrame(x, columns=["a", "time", "b"]) for x in X]
    named = SequenceImputer(add_elapsed=True, time_feature="time").fit(frames)
    np.testing.assert_array_equal(steps(named.transform(frames)), steps(imputer.transform(X)))
    assert named.get_feature_names_out()[3:].tolist() == ["elapsed_a", "elapsed_b"]


@pytest.mark.parametrize(
    ("feature", "change", "message"),
    [
        (1, (2, np.nan), r"time_feature=1 of X is missing at sequence 2, step 3"),
        (
            1,
            (2, -1.0),
            r"time_feature=1 of X is earlier than the step before at sequence 2",
        ),
        (3, (2, 9.0), r"time_feature=3, but a step of X has 3 feature"),
        ("time", (2, 9.0), r"time_feature='time' is not among the names .*\[\]"),
    ],
)
def test_times_that_cannot_be_used(feature, change, message):
    X = timed()
    good = SequenceImputer(add_elapsed=True, time_feature=1).fit(X)
    i, X[i][3, 1] = change
    imputer = SequenceImputer(add_elapsed=True, time_feature=feature)
    with pytest.raises(ValueError, match=message):
        imputer.fit(X)
    assert vars(imputer) == vars(clone(imputer))
    if "at sequence" in message:
        with pytest.raises(ValueError, match=message):
            good.transform(X)


def test_before_the_first_observation_there_is_the_mean():
    X = [[np.nan, 1.0, np.nan], [3.0], [np.nan, np.nan]]
    result = SequenceImputer().fit_transform(X)
    assert [x.tolist() for x in result] == [[2.0, 1.0, 1.0], [3.0], [2.0, 2.0]]


def test_nothing_looks_ahead():
    X = with_gaps(layouts()["3d"])
    imputer = SequenceImputer(add_indicator=True, add_elapsed=True).fit(X)
    whole = imputer.transform(X)
    for stop in range(1, 4):
        np.testing.assert_array_equal(imputer.transform(X[:, :stop]), whole[:, :stop])


def test_a_feature_that_is_never_observed():
    X = layouts()["3d"]
    X[:, :, 2] = np.nan
    with pytest.warns(UserWarning, match="All values of feature 2 of X are missing"):
        imputer = SequenceImputer(add_indicator=True).fit(X)
    assert imputer.statistics_[2] == 0
    result = imputer.transform(X)
    assert (result[:, :, 2] == 0).all() and (result[:, :, 3] == 1).all()
    SequenceImputer(strategy="constant").fit(X)  # needs no mean, and warns of nothing


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, None, 3.0], [4.0, 5.0, None]],
        [[1.0, pd.NA, 3.0], [4.0, 5.0, pd.NA]],
        pd.DataFrame([[1.0, pd.NA, 3.0], [4.0, 5.0, pd.NA]], dtype="Float64"),
        pd.DataFrame([[1, pd.NA, 3], [4, 5, pd.NA]], dtype="Int64"),
        pl.DataFrame({"a": [1.0, 4.0], "b": [None, 5.0], "c": [3.0, None]}),
        np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]], ">f8"),
    ],
    ids=["None", "NA", "Float64", "Int64", "polars", "big endian"],
)
def test_what_counts_as_missing(X):
    result = SequenceImputer().fit_transform(X)
    np.testing.assert_array_equal(result, [[1, 1, 3], [4, 5, 5]])


def test_infinity_is_refused():
    X = with_gaps(layouts()["3d"])
    X[3, 1, 2] = -np.inf
    with pytest.raises(ValueError, match="contains infinity .* at sequence 3, step 1, feature 2"):
        SequenceImputer().fit(X)
    imputer = SequenceImputer().fit(X[:3])
    with pytest.raises(ValueError, match="contains infinity"):
        imputer.transform(X)
    for fill_value in (np.nan, 10**400):
        with pytest.raises(ValueError, match="fill_value"):
            SequenceImputer(strategy="constant", fill_value=fill_value).fit(X[:3])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i2", "f8"), ("?", "f8")],
)
def test_dtypes(dtype, expected):
    X = np.ones((3, 4, 2), dtype)
    if np.dtype(dtype).kind == "f":
        X[0, 1:] = np.nan
    for form in (X, list(X), X[:, :, 0]):
        imputer = SequenceImputer(add_indicator=True, add_elapsed=True).fit(form)
        assert imputer.transform(form)[0].dtype == expected
        assert imputer.statistics_.dtype == np.float64


def test_a_fill_beyond_float32_is_refused():
    X = np.full((2, 3, 1), np.nan, np.float32)
    imputer = SequenceImputer(strategy="constant", fill_value=1e300).fit(X)
    with pytest.raises(ValueError, match=r"feature 0 .* 1e\+300, is too large for float32"):
        imputer.transform(X)
    assert (imputer.transform(X.astype(np.float64)) == 1e300).all()
    with pytest.raises(ValueError, match="mean of feature 0 of X overflows float64"):
        SequenceImputer().fit(np.full((2, 3, 1), 1e308))


def test_input_is_never_changed(X):
    before = pickle.dumps(X)
    SequenceImputer(add_elapsed=True).fit_transform(X)
    assert pickle.dumps(X) == before
    full = layouts()["3d"]
    assert not np.shares_memory(SequenceImputer().fit_transform(full), full)


def test_memory_maps_and_views(tmp_path):
    X = with_gaps(layouts()["3d"])
    mapped = on_disk(tmp_path / "X.dat", X)
    for view in (lambda X: X, lambda X: X[:, ::2], lambda X: X.transpose(1, 0, 2), list):
        found = SequenceImputer(add_elapsed=True).fit_transform(view(mapped))
        np.testing.assert_array_equal(
            found, SequenceImputer(add_elapsed=True).fit_transform(view(X.copy()))
        )


def test_ten_million_values_take_seconds():
    X = with_gaps(np.ones((10_000, 100, 10), np.float32))
    start = time.perf_counter()
    SequenceImputer(add_indicator=True, add_elapsed=True).fit_transform(X)
    assert time.perf_counter() - start < 30  # about 1.5; a loop over steps takes minutes


# --- frames and names ---------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl])
def test_frames_in_a_list(library):
    names = ["a", "b", "c"]
    key = "columns" if library is pd else "schema"
    X = [library.DataFrame(x, **{key: names}) for x in with_gaps(ragged())]
    imputer = SequenceImputer(add_indicator=True).set_output(transform=library.__name__)
    result = imputer.fit_transform(X)
    added = [f"missingindicator_{name}" for name in names]
    for frame, x in zip(result, X, strict=True):
        assert isinstance(frame, library.DataFrame)
        assert list(frame.columns) == names + added == imputer.get_feature_names_out().tolist()
        np.testing.assert_array_equal(frame.to_numpy()[:, 3:], np.isnan(x.to_numpy()))
    with pytest.raises(ValueError, match="should match"):
        imputer.transform([X[2][["b", "a", "c"]]])


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_only_tables_that_stay_tables_become_frames(X, output):
    with config_context(transform_output=output):
        plain = SequenceImputer().fit_transform(X)
        wide = SequenceImputer(add_indicator=True).fit_transform(X)
    if isinstance(X, np.ndarray) and X.ndim == 2:
        assert not isinstance(plain, np.ndarray)
        assert wide.shape == (6, 4, 2)
    else:
        assert_same_layout(plain, X)


def test_names_of_a_table():
    X = pd.DataFrame(with_gaps(layouts()["2d"]), columns=list("abcd"))
    imputer = SequenceImputer().fit(X)
    assert imputer.get_feature_names_out().tolist() == list("abcd")
    wide = SequenceImputer(add_indicator=True, add_elapsed=True).fit(X)
    expected = ["x0", "missingindicator_x0", "elapsed_x0"]
    assert wide.get_feature_names_out().tolist() == expected


def test_a_table_in_place_of_univariate_sequences():
    imputer = SequenceImputer(add_indicator=True).fit([[1.0, np.nan], [3.0]])
    result = imputer.transform([[np.nan, 2.0, np.nan]])
    np.testing.assert_array_equal(result, [[[2, 1], [2, 0], [2, 1]]])


# --- in company ---------------------------------------------------------------------------------


def test_pipeline_and_search(X):
    y = np.arange(len(X), dtype=float)
    pipeline = make_pipeline(SequenceImputer(), GRURegressor(2, max_iter=1, random_state=0))
    search = GridSearchCV(
        pipeline,
        {
            "sequenceimputer__strategy": ["ffill", "mean"],
            "sequenceimputer__add_indicator": [False, True],
        },
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.predict(X).shape == (len(X),)


def test_validation_data_pass_through_it():
    X, X_val = with_gaps(ragged()), with_gaps(ragged(1))
    y = np.arange(5.0)
    with config_context(enable_metadata_routing=True):
        model = GRURegressor(2, max_iter=1).set_fit_request(X_val=True, y_val=True)
        steps = [("fill", SequenceImputer(add_indicator=True)), ("gru", model)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X_val, y_val=y)
    assert len(pipeline[-1].validation_scores_) == 1


def test_importance_of_features_with_gaps():
    X, y = with_gaps(ragged()), np.arange(5.0)
    model = make_pipeline(SequenceImputer(), GRURegressor(2, max_iter=1, random_state=0)).fit(X, y)
    assert permutation_importance(model, X, y, n_repeats=2).importances.shape == (3, 2)


def test_before_a_model_of_steps():
    X = with_gaps(ragged())
    y = [np.arange(len(x)) for x in X]
    model = make_pipeline(
        SequenceImputer(add_elapsed=True), GRUStepRegressor(2, max_iter=1, random_state=0)
    )
    assert [len(steps) for steps in model.fit(X, y).predict(X)] == [len(x) for x in X]


def test_estimators_name_it_where_values_are_missing():
    with pytest.raises(ValueError, match="SequenceImputer.*unpad_sequences"):
        GRURegressor().fit(with_gaps(layouts()["3d"]), np.arange(6))
    assert SequenceImputer().__sklearn_tags__().input_tags.allow_nan
    assert not GRURegressor().__sklearn_tags__().input_tags.allow_nan


def test_persistence(tmp_path):
    skops = pytest.importorskip("skops.io")
    X = with_gaps(ragged())
    imputer = SequenceImputer(add_indicator=True, add_elapsed=True).fit(X)
    text = skops.dumps(imputer)
    trusted = skops.get_untrusted_types(data=text)
    assert trusted == ["skgru.preprocessing._imputer.SequenceImputer"]
    for copy in (pickle.loads(pickle.dumps(imputer)), skops.loads(text, trusted=trusted)):
        np.testing.assert_array_equal(steps(copy.transform(X)), steps(imputer.transform(X)))


def test_a_fit_that_raises_leaves_the_imputer_as_it_was():
    imputer = SequenceImputer().fit(ragged())
    before = dict(vars(imputer))
    with pytest.raises(ValueError, match="infinity"):
        imputer.fit([[np.inf]])
    assert vars(imputer) == before


def test_a_state_that_does_not_belong_together_is_refused():
    imputer = SequenceImputer().fit(with_gaps(ragged()))
    for name, wrong in (
        ("statistics_", np.zeros(2)),
        ("missing_features_", np.array([3])),
        ("missing_features_", np.zeros(1)),
    ):
        with pytest.raises(ValueError, match=name):
            SequenceImputer().__setstate__(imputer.__getstate__() | {name: wrong})
