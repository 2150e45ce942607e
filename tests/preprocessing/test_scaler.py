"""SequenceScaler: scikit-learn's checks, its three layouts, and StandardScaler as the oracle."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgru.base import check_X
from skgru.data import as_sequences
from skgru.preprocessing import SequenceScaler


@parametrize_with_checks(
    [
        SequenceScaler(),
        SequenceScaler(with_mean=False),
        SequenceScaler(with_std=False),
        SequenceScaler(with_mean=False, with_std=False),
    ]
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it the check with array API dispatch switched on skips itself.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def ragged(seed=0, n_features=3):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(n_features)
    return [scale * rng.normal(5, 2, (length, n_features)) for length in (4, 1, 7, 2, 4)]


def layouts():
    """Several X with what turns each into a table of steps."""
    as_objects = np.empty(5, dtype=object)
    as_objects[:] = ragged()
    rng = np.random.default_rng(1)
    return {
        "2d": rng.normal(5, 2, (6, 4)),
        "3d": rng.normal(5, 2, (6, 4, 3)),
        "list": ragged(),
        "tuple": tuple(ragged()),
        "one feature": [x[:, 0] for x in ragged()],
        "equal lengths": [x[:1] for x in ragged()],
        "objects": as_objects,
    }


@pytest.fixture(params=list(layouts()))
def X(request):
    return layouts()[request.param]


def steps(X):
    return as_sequences(X).values


def assert_same_layout(result, X):
    if isinstance(X, np.ndarray):
        assert isinstance(result, np.ndarray)
        assert result.shape == X.shape
        assert (result.dtype == object) == (X.dtype == object)
    else:
        assert isinstance(result, list)
    assert len(result) == len(X)
    assert [np.shape(part) for part in result] == [np.shape(part) for part in X]


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_it_is_standard_scaler_on_the_steps(X, with_mean, with_std):
    scaler = SequenceScaler(with_mean=with_mean, with_std=with_std).fit(X)
    oracle = StandardScaler(with_mean=with_mean, with_std=with_std).fit(steps(X))
    result = scaler.transform(X)
    assert_same_layout(result, X)
    np.testing.assert_allclose(steps(result), oracle.transform(steps(X)), rtol=1e-10, atol=1e-12)
    restored = scaler.inverse_transform(result)
    assert_same_layout(restored, X)
    np.testing.assert_allclose(steps(restored), steps(X), rtol=1e-10)
    assert (scaler.scale_ is None) == (not with_std)
    if with_std:
        np.testing.assert_allclose(scaler.scale_, oracle.scale_)
        np.testing.assert_allclose(scaler.var_, oracle.var_)


def test_it_counts_sequences_and_steps():
    scaler = SequenceScaler().fit(ragged())
    assert (scaler.n_samples_seen_, scaler.n_steps_seen_) == (5, 18)
    assert isinstance(scaler.n_samples_seen_, int)
    scaler.partial_fit(ragged(), sample_weight=[1, 0, 0.5, 0, 0])
    assert (scaler.n_samples_seen_, scaler.n_steps_seen_) == (6.5, 18 + 4 + 3.5)


@given(
    hnp.arrays(np.float64, (8, 3, 2), elements=st.floats(-1e3, 1e3, width=32)), st.integers(1, 7)
)
def test_partial_fit_in_batches_is_fit(X, cut):
    whole = SequenceScaler().fit(X)
    batches = SequenceScaler().partial_fit(X[:cut]).partial_fit(list(X[cut:]))
    np.testing.assert_allclose(batches.mean_, whole.mean_, atol=1e-9)
    np.testing.assert_allclose(batches.var_, whole.var_, rtol=1e-9, atol=1e-9)
    assert batches.n_samples_seen_ == whole.n_samples_seen_


def test_fit_forgets_what_was_seen():
    scaler = SequenceScaler().fit(pd.DataFrame(np.ones((2, 3)), columns=list("abc")))
    scaler.fit(ragged())
    assert not hasattr(scaler, "feature_names_in_")
    np.testing.assert_array_equal(scaler.mean_, SequenceScaler().fit(ragged()).mean_)


@given(
    st.floats(-1e6, 1e6).filter(lambda c: abs(c) > 1e-6),
    st.integers(1, 3000),
    st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_a_constant_feature_becomes_zero_and_is_not_blown_up(constant, length, dtype):
    constant = np.clip(constant, -6e4, 6e4).astype(dtype)
    X = [np.full((length, 1), constant), np.full((3, 1), constant)]
    weight = [0.1, 0.7]
    for scaler in (SequenceScaler().fit(X), SequenceScaler().fit(X, sample_weight=weight)):
        assert scaler.scale_ == [1.0]
        np.testing.assert_allclose(steps(scaler.transform(X)), 0, atol=1e-9)


def test_little_spread_on_a_large_mean_is_not_taken_for_a_constant():
    X = 1e6 + 1e-3 * np.random.default_rng(0).normal(size=(50, 20, 1))
    result = SequenceScaler().fit_transform(X)
    np.testing.assert_allclose(result.std(), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int16, np.float64),
        (np.bool_, np.float64),
    ],
)
def test_dtypes(dtype, expected):
    X = np.random.default_rng(0).integers(0, 50, size=(4, 5, 2)).astype(dtype)
    scaler = SequenceScaler().fit(X)
    for form in (X, list(X), X[:, :, 0]):
        result = clone(scaler).fit(form).transform(form)
        assert result[0].dtype == expected
    assert scaler.mean_.dtype == np.float64
    assert scaler.inverse_transform(X).dtype == expected


def test_float32_is_centred_in_float64():
    # In float32 the mean alone would be wrong by 0.5.
    X = (1e7 + np.arange(8)).astype(np.float32).reshape(2, 4, 1)
    expected = StandardScaler().fit_transform(np.arange(8.0).reshape(-1, 1))
    np.testing.assert_allclose(SequenceScaler().fit_transform(X).reshape(-1, 1), expected, 1e-6)


def test_input_is_never_changed(X):
    before = pickle.dumps(X)
    scaler = SequenceScaler().fit(X)
    scaler.inverse_transform(scaler.transform(X))
    assert pickle.dumps(X) == before


def test_a_result_shares_no_memory_with_the_input():
    X = layouts()["3d"]
    scaler = SequenceScaler(with_mean=False, with_std=False)
    assert not np.shares_memory(scaler.fit_transform(X), X)


def test_results_that_overflow_are_refused():
    X = layouts()["3d"].astype(np.float32)
    scaler = SequenceScaler().fit(1e-3 * X)
    bad = X.copy()
    bad[4, 1, 2] = 3e38
    message = r"3e\+38 at sequence 4, step 1, feature 2: too large for float32 .* pass X as float64"
    with pytest.raises(ValueError, match=message):
        scaler.transform(bad)
    assert np.isfinite(scaler.transform(bad.astype(np.float64))).all()
    with pytest.raises(ValueError, match="too large for float32"):
        SequenceScaler().fit(1e3 * X).inverse_transform(bad)
    with pytest.raises(ValueError, match="too large for float64"):
        scaler.transform(np.full(X.shape, 1e308))


def test_a_spread_beyond_float64_is_refused():
    X = layouts()["3d"]
    scaler = SequenceScaler().fit(X)
    before = pickle.dumps(scaler)
    X[:, :, 1] *= 1e200
    for call in (SequenceScaler().fit, scaler.partial_fit):
        with pytest.raises(ValueError, match="deviation of feature 1 of X overflows float64"):
            call(X)
    assert pickle.dumps(scaler) == before


# --- sample_weight ------------------------------------------------------------------------------


def test_weights_repeat_sequences(X):
    weight = np.arange(len(X))
    repeated = [x for x, count in zip(X, weight, strict=True) for _ in range(count)]
    weighted = SequenceScaler().fit(X, sample_weight=weight)
    expected = SequenceScaler().fit(repeated)
    np.testing.assert_allclose(weighted.mean_, expected.mean_)
    np.testing.assert_allclose(weighted.var_, expected.var_)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([0, 0, 0, 0, 0], "sample_weight is zero for every"),
        ([1, -1, 1, 1, 1], "sample_weight at sequence 1 is -1"),
        ([1, 1], "sample_weight has shape"),
        ([1, 1, np.nan, 1, 1], "sample_weight at sequence 2 is nan"),
    ],
)
def test_bad_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        SequenceScaler().fit(ragged(), sample_weight=weight)


# --- the layout that was fitted -----------------------------------------------------------------


def test_3d_and_ragged_stand_in_for_each_other():
    X = layouts()["3d"]
    fitted_3d, fitted_list = SequenceScaler().fit(X), SequenceScaler().fit(list(X))
    assert fitted_3d.n_features_in_ == fitted_list.n_features_in_ == 3
    np.testing.assert_array_equal(fitted_3d.transform(list(X)), fitted_list.transform(X))
    assert fitted_3d.transform(X[:, :2]).shape == (6, 2, 3)


def test_a_table_stands_in_for_univariate_sequences():
    # Nested lists are a table if their lengths happen to agree.
    scaler = SequenceScaler().fit([[1.0, 2.0, 3.0], [4.0]])
    assert scaler.n_features_in_ == 1
    np.testing.assert_allclose(
        scaler.transform([[1.0, 2.0], [3.0, 4.0]]),
        np.split(scaler.transform([[1.0, 2.0, 3.0, 4.0]])[0], 2),
    )


class Recorder(BaseEstimator):
    """Bare estimator, to look at the check alone."""


@pytest.mark.parametrize(
    ("seen", "X", "message"),
    [
        ("2d", np.ones((2, 3)), "X has 3 features, but Recorder is expecting 4 features as input"),
        ("2d", np.ones((2, 4, 1)), "X is a 3D array .* was fitted on a 2D table with 4 time steps"),
        ("2d", [np.ones(4), np.ones(4)], "X is ragged .* was fitted on a 2D table"),
        ("3d", np.ones((2, 4, 2)), "X has 2 features, but Recorder is expecting 3 features"),
        ("3d", [np.ones((4, 2))], "X has 2 features, but Recorder is expecting 3 features"),
        ("list", np.ones((2, 4, 4)), "X has 4 features, but Recorder is expecting 3 features"),
        ("list", [np.ones(4)], "X has 1 features, but Recorder is expecting 3 features"),
        ("list", np.ones((4, 3)), r"X has 1 features, .* expecting 3 .*X\[np.newaxis\] or \[X\]"),
    ],
)
def test_what_does_not_fit_is_refused(seen, X, message):
    estimator = Recorder()
    check_X(estimator, layouts()[seen], reset=True)
    state = dict(vars(estimator))
    with pytest.raises(ValueError, match=message):
        check_X(estimator, X, reset=False)
    assert vars(estimator) == state


def test_failed_checks_record_nothing():
    estimator = Recorder()
    with pytest.raises(ValueError, match="NaN at sequence 1, step 0"):
        check_X(estimator, pd.DataFrame({"a": [1, np.nan]}), reset=True)
    assert vars(estimator) == {}


def test_inverse_transform_checks_too():
    scaler = SequenceScaler().fit(ragged())
    with pytest.raises(ValueError, match="expecting 3 features"):
        scaler.inverse_transform([np.ones((2, 2))])


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl])
def test_frames(library):
    X = layouts()["2d"]
    frame = library.DataFrame(X, **{"columns" if library is pd else "schema": list("abcd")})
    scaler = SequenceScaler().fit(frame)
    # Not "abcd" itself: scikit-learn 1.6 finds no names in frames of polars 2.
    names = StandardScaler().fit(frame).get_feature_names_out().tolist()
    assert scaler.get_feature_names_out().tolist() == names
    plain = scaler.transform(frame)
    assert isinstance(plain, np.ndarray)
    # No warning of missing names: what transform returns has none.
    np.testing.assert_allclose(scaler.inverse_transform(plain), X)
    wrapped = scaler.set_output(transform=library.__name__).transform(frame)
    assert isinstance(wrapped, library.DataFrame)
    assert list(wrapped.columns) == names
    np.testing.assert_array_equal(wrapped.to_numpy(), plain)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_only_tables_become_frames(X, output):
    expected = SequenceScaler().fit_transform(X)
    with config_context(transform_output=output):
        result = SequenceScaler().fit_transform(X)
    if isinstance(X, np.ndarray) and X.ndim == 2:
        assert not isinstance(result, np.ndarray)
        return
    assert_same_layout(result, X)
    np.testing.assert_array_equal(steps(result), steps(expected))


def test_a_table_in_place_of_univariate_sequences_stays_an_array():
    scaler = SequenceScaler().fit([[1.0, 2.0], [3.0]]).set_output(transform="pandas")
    assert isinstance(scaler.transform([[1.0, 2.0, 3.0]]), np.ndarray)


def test_names_of_features_of_a_step():
    scaler = SequenceScaler().fit(ragged())
    assert scaler.get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    assert scaler.get_feature_names_out(["u", "v", "w"]).tolist() == ["u", "v", "w"]


# --- in company ---------------------------------------------------------------------------------


class MeanOfLastStep(BaseEstimator):
    """Smallest regressor on sequences."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def score(self, X, y):
        return -np.mean((np.array([np.mean(x[-1]) for x in X]) - y) ** 2)


def test_pipeline_and_grid_search(X):
    search = GridSearchCV(
        make_pipeline(SequenceScaler(), MeanOfLastStep()),
        {"sequencescaler__with_mean": [True, False]},
        cv=2,
        error_score="raise",
    )
    search.fit(X, np.zeros(len(X)))
    assert search.best_params_ == {"sequencescaler__with_mean": True}


def test_sample_weight_is_routed():
    weight = np.array([1.0, 2.0, 0.0, 1.0, 3.0])
    with config_context(enable_metadata_routing=True):
        scaler = SequenceScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, MeanOfLastStep())
        pipeline.fit(ragged(), np.zeros(5), sample_weight=weight)
    expected = SequenceScaler().fit(ragged(), sample_weight=weight)
    np.testing.assert_array_equal(pipeline[0].mean_, expected.mean_)


def test_pickle():
    scaler = pickle.loads(pickle.dumps(SequenceScaler().fit(ragged())))
    np.testing.assert_array_equal(
        steps(scaler.transform(ragged())), steps(SequenceScaler().fit_transform(ragged()))
    )


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_fit_that_raises_leaves_the_scaler_as_it_was(method):
    X = np.arange(24.0).reshape(4, 3, 2)
    scaler, new = SequenceScaler().fit(X), SequenceScaler()
    before = dict(vars(scaler))
    for wrong in (-np.ones(4), np.ones(3)):
        for each in (scaler, new):
            with pytest.raises(ValueError, match="sample_weight"):
                getattr(each, method)(10 * X, sample_weight=wrong)
    assert all(vars(scaler)[name] is value for name, value in before.items())
    assert vars(scaler).keys() == before.keys()
    assert vars(new) == vars(SequenceScaler())


def test_weights_beyond_float64():
    X = np.arange(24.0).reshape(4, 6)
    with pytest.raises(ValueError, match="sample_weight sums to 4e-320, .*Divide"):
        SequenceScaler().fit(X, sample_weight=np.full(4, 1e-320))
