"""SequenceScaler with scope="sequence" and add_scale=True."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skgru
from skgru import GRUClassifier, SequenceScaler
from skgru.data import _statistics, as_sequences, sequence_statistics
from skgru.preprocessing import _per_sequence
from skgru.preprocessing._per_sequence import standardize_each


def expected_to_fail(estimator):
    names = "check_transformer_get_feature_names_out"
    reason = "a table becomes a 3D array, whose second axis are steps"
    return dict.fromkeys((names, f"{names}_pandas"), reason) if estimator.add_scale else {}


@parametrize_with_checks(
    [
        SequenceScaler(scope="sequence"),
        SequenceScaler(scope="sequence", add_scale=True),
        SequenceScaler(add_scale=True),
    ],
    expected_failed_checks=expected_to_fail,
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def heavy_tailed(seed=0, lengths=(4, 30, 7, 2, 9, 50), n_features=2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [
        (10.0 ** rng.integers(-6, 6) * (rng.normal(size=(length, n_features)) + 2)).astype(dtype)
        for length in lengths
    ]


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_it_is_standard_scaler_on_each_sequence(with_mean, with_std):
    X = heavy_tailed()
    found = SequenceScaler(scope="sequence", with_mean=with_mean, with_std=with_std).fit_transform(
        X
    )
    for x, result in zip(X, found, strict=True):
        oracle = StandardScaler(with_mean=with_mean, with_std=with_std).fit_transform(x)
        np.testing.assert_allclose(result, oracle, rtol=1e-9, atol=1e-9 * np.abs(oracle).max())


@pytest.mark.parametrize("scope", ["feature", "sequence"])
def test_the_logarithm_of_the_scale_is_appended(scope):
    X = heavy_tailed()
    plain = SequenceScaler(scope=scope).fit_transform(X)
    scaler = SequenceScaler(scope=scope, add_scale=True)
    found = scaler.fit_transform(X)
    logs = np.round(np.log([x.std(axis=0) for x in X]), 3)
    expected = StandardScaler().fit_transform(logs)
    for result, own, log in zip(found, plain, expected, strict=True):
        np.testing.assert_array_equal(result[:, :2], own)
        np.testing.assert_allclose(result[:, 2:], np.tile(log, (len(own), 1)), atol=1e-12)
    assert scaler.get_feature_names_out().tolist() == ["x0", "x1", "log_scale_x0", "log_scale_x1"]
    np.testing.assert_allclose(scaler.log_scale_mean_, logs.mean(axis=0))
    np.testing.assert_allclose(scaler.log_scale_std_, logs.std(axis=0))


@pytest.mark.parametrize("scope", ["feature", "sequence"])
def test_sequences_that_were_scaled_before_have_no_scale_left(scope):
    X = [((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32) for x in heavy_tailed()]
    assert np.ptp([x.std(axis=0) for x in X]) > 0  # by rounding
    found = SequenceScaler(scope=scope, add_scale=True).fit_transform(X)
    np.testing.assert_array_equal(np.concatenate(found)[:, 2:], 0)


def test_constant_sequences():
    X = heavy_tailed()
    X[1][:] = 7.1
    X[2][:, 0] = -1e9
    scaler = SequenceScaler(scope="sequence", add_scale=True)
    found = scaler.fit_transform(X)
    np.testing.assert_array_equal(found[1][:, :2], 0)
    np.testing.assert_array_equal(found[2][:, 0], 0)
    lowest = np.min([x[0, 2:] for i, x in enumerate(found) if i not in (1, 2)], axis=0)
    np.testing.assert_array_equal(found[1][0, 2:], [lowest[0], min(lowest[1], found[2][0, 3])])
    # What varies less than all training sequences, or has a single step, is treated like that.
    faint, single = scaler.transform([1e-30 * heavy_tailed()[0], X[0][:1]])
    np.testing.assert_array_equal(faint[0, 2:], found[1][0, 2:])
    np.testing.assert_array_equal(single[:, :2], 0)
    np.testing.assert_array_equal(single[0, 2:], found[1][0, 2:])
    np.testing.assert_allclose(faint[:, :2].std(axis=0), 1)
    only = SequenceScaler(scope="sequence", add_scale=True).fit([np.full((3, 1), 5.0)])
    np.testing.assert_array_equal(only.transform([[[2.0], [2.0]]]), [[[0, 0], [0, 0]]])


def test_equal_scales_are_not_blown_up():
    """Series that were scaled before: their scales differ by rounding errors."""
    X = StandardScaler().fit_transform(np.random.default_rng(0).normal(size=(40, 9)).T).T
    X *= 1 + 1e-7 * np.random.default_rng(1).normal(size=(9, 1) if len(X) == 9 else (40, 1))
    found = SequenceScaler(scope="sequence", add_scale=True).fit_transform(X)
    assert np.abs(found[:, :, 1]).max() < 1e-4


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1.0, 1e200, 1e307])
def test_spreads_at_the_ends_of_float64(unit):
    x = np.array([[-1.0], [2.0], [3.0]])
    found = SequenceScaler(scope="sequence").fit_transform([unit * x])[0]
    np.testing.assert_allclose(found, StandardScaler().fit_transform(x), rtol=1e-12)


def test_statistics_do_not_depend_on_company(monkeypatch):
    """Nor on how sequences are stored; long ones are read in pieces."""
    X = heavy_tailed(lengths=(3, 100, 20, 64, 65, 1, 700, 5), dtype=np.float32)
    monkeypatch.setattr(_statistics, "_CHUNK_BYTES", 64 * 2 * 8)
    mean, std = sequence_statistics(as_sequences(X))
    for i, x in enumerate(X):
        for form in ([x], x[np.newaxis], [X[0], x, X[-1]], [np.asfortranarray(x)]):
            found = sequence_statistics(as_sequences(form))
            number = 1 if len(form) == 3 else 0
            np.testing.assert_array_equal(found[0][number], mean[i])
            np.testing.assert_array_equal(found[1][number], std[i])
        wide = x.astype(np.longdouble)
        np.testing.assert_allclose(std[i], wide.std(axis=0).astype(float), rtol=1e-12)


def test_large_data_are_scaled_as_they_are_read(monkeypatch):
    sequences = as_sequences(heavy_tailed())
    whole = standardize_each(sequences, "float32", floor=np.zeros(2))
    monkeypatch.setattr(_per_sequence, "COPY_BYTES", 100)
    lazy = standardize_each(sequences, "float32", floor=np.zeros(2))
    assert not isinstance(lazy.values, np.ndarray)
    rows = np.array([0, 1, 5, 3, 90])
    np.testing.assert_array_equal(lazy.values[rows], whole.values[rows])
    np.testing.assert_array_equal(lazy.values[3:60], whole.values[3:60])
    assert lazy.extremes == whole.extremes
    for i in range(len(sequences)):
        np.testing.assert_array_equal(lazy[i], whole[i])


def test_partial_fit_and_weights():
    X, options = heavy_tailed(lengths=[5] * 12), {"scope": "sequence", "add_scale": True}
    whole = SequenceScaler(**options).fit(X)
    parts = SequenceScaler(**options).partial_fit(X[:5]).partial_fit(X[5:])
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), rtol=1e-10, atol=1e-12)
    assert (parts.n_samples_seen_, parts.n_steps_seen_) == (12, 60)
    weight = np.arange(12)
    weighted = SequenceScaler(**options).fit(X, sample_weight=weight)
    repeated = SequenceScaler(**options).fit(
        [x for x, n in zip(X, weight, strict=True) for _ in range(n)]
    )
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-10, atol=1e-12)
    assert weighted.mean_ is weighted.scale_ is None
    for changed in ({"scope": "feature"}, {"add_scale": False}):
        with pytest.raises(ValueError, match="scope or add_scale changed since the last call"):
            clone(parts).partial_fit(X).set_params(**changed).partial_fit(X)


def test_layouts_frames_and_memory_maps(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 5, 2)).astype(np.float32)
    scaler = SequenceScaler(scope="sequence", add_scale=True)
    found = scaler.fit_transform(X)
    assert (found.shape, found.dtype) == ((6, 5, 4), np.float32)
    np.testing.assert_array_equal(clone(scaler).fit_transform(list(X)), found)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(clone(scaler).fit_transform(mapped), found)
    table = pd.DataFrame(X[:, :, 0], columns=list("abcde"))
    own = SequenceScaler(scope="sequence").set_output(transform="pandas").fit_transform(table)
    assert own.columns.tolist() == list("abcde")
    np.testing.assert_array_equal(own, found[:, :, 0])
    with_scale = clone(scaler).set_output(transform="pandas").fit_transform(table)
    np.testing.assert_array_equal(with_scale, found[:, :, [0, 2]])
    frames = [pd.DataFrame(x, columns=["u", "v"]) for x in X]
    result = clone(scaler).set_output(transform="pandas").fit_transform(frames)
    assert result[2].columns.tolist() == ["u", "v", "log_scale_u", "log_scale_v"]


def test_inverse_transform():
    X = [np.arange(length)[:, np.newaxis] * [1.0, -7.0] for length in (3, 5, 1)]
    scaler = SequenceScaler(add_scale=True).fit(X)
    for x, found in zip(X, scaler.inverse_transform(scaler.transform(X)), strict=True):
        np.testing.assert_allclose(found, x, atol=1e-12)
    with pytest.raises(ValueError, match="X has 2 features, but .* returns 4 features"):
        scaler.inverse_transform(X)
    assert not hasattr(SequenceScaler(scope="sequence").fit(X), "inverse_transform")


def test_overflow_is_refused():
    X = [np.array([[3e38], [-3e38], [-3e38]], np.float32)]
    scaler = SequenceScaler(scope="sequence", with_std=False)
    with pytest.raises(ValueError, match="X at sequence 0, step 0, feature 0 is too large for flo"):
        scaler.fit_transform(X)


@pytest.mark.parametrize("options", [{"scope": "sequence"}, {"add_scale": True}])
def test_no_streams(options):
    X = np.random.default_rng(0).normal(size=(6, 5, 2))
    model = make_pipeline(SequenceScaler(**options), GRUClassifier(2, max_iter=1))
    model.fit(X, [0, 1] * 3)
    with pytest.raises(ValueError, match="needs whole sequences and cannot be run step by step"):
        skgru.stream(model)


def test_pickles_are_checked():
    scaler = SequenceScaler(scope="sequence", add_scale=True).fit(heavy_tailed())
    restored = pickle.loads(pickle.dumps(scaler))
    np.testing.assert_array_equal(restored.log_scale_std_, scaler.log_scale_std_)
    scaler.log_scale_mean_ = np.zeros(3)
    with pytest.raises(ValueError, match=r"log_scale_mean_ is float64 \(3,\), but should be"):
        pickle.loads(pickle.dumps(scaler))
