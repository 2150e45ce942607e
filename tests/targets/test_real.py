"""RealTarget beside plain NumPy and scikit-learn's metrics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import d2_pinball_score, r2_score

from skgru.data import SequenceRows, StepRows, as_sequences
from skgru.targets import RealTarget

SEQUENCES = as_sequences([np.zeros((length, 2)) for length in (3, 1, 2, 4)])
LOSSES = ["squared_error", "absolute_error", "huber", "poisson", "quantile"]


@pytest.fixture(params=["sequences", "steps"])
def rows(request):
    return {"sequences": SequenceRows, "steps": StepRows}[request.param](SEQUENCES)


def given(flat, rows):
    """Numbers of all rows as a user gives them."""
    return flat if rows.offsets is None else np.split(flat, rows.offsets[1:-1])


def learn(y, rows, weight, loss="squared_error", quantile=None, standardize=True):
    target, encoded = RealTarget.learn(given(y, rows), rows, weight, loss, quantile, 1.35)
    return target.with_scale(encoded, weight, standardize), encoded


def drawn(rows, rng, n_targets=None):
    shape = (len(rows),) if n_targets is None else (len(rows), n_targets)
    return 5 + 3 * rng.normal(size=shape), rng.uniform(0.5, 2, len(rows))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("n_targets", [None, 1, 3])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_numbers_come_back(loss, n_targets, standardize, rows, rng):
    y, weight = drawn(rows, rng, n_targets)
    target, encoded = learn(y, rows, weight, loss, standardize=standardize)
    columns = y.reshape(len(rows), -1)
    assert target.n_outputs == target.n_targets == target.loss.n_raw == columns.shape[1]
    assert_array_equal(encoded, columns)
    again = target.encode(given(y, rows), rows, weight)
    assert again.tobytes() == encoded.tobytes()
    scaled = target.scaled(encoded)
    if standardize:
        assert_allclose(target.mean, np.average(columns, axis=0, weights=weight), rtol=1e-12)
        variance = np.average((columns - target.mean) ** 2, axis=0, weights=weight)
        assert_allclose(target.scale, np.sqrt(variance), rtol=1e-12)
        assert_allclose(np.average(scaled, axis=0, weights=weight), 0, atol=1e-12)
    else:
        assert_array_equal(scaled, columns)
    found = target.decode(scaled)
    assert found.shape == y.shape and found.dtype == np.float64
    assert_allclose(found, y, rtol=1e-12)
    assert target.labels_to_stratify(encoded) is None


def test_counts_come_back(rows, rng):
    y, weight = rng.poisson(3.0, len(rows)) + 1.0, np.ones(len(rows))
    target, encoded = learn(y, rows, weight, "poisson")
    assert_array_equal(target.scaled(encoded), encoded)  # counts are never standardised
    assert_allclose(target.decode(np.log(encoded)), y, rtol=1e-12)
    with pytest.raises(ValueError, match="y_val at sequence 2.* is -1, but with loss='poisson'"):
        bad = y.copy()
        bad[-5 if rows.offsets is not None else 2] = -1
        target.encode(given(bad, rows), rows, weight, "y_val")
    with pytest.raises(ValueError, match="must not be all zero"):
        learn(np.zeros(len(rows)), rows, weight, "poisson")


def test_a_negative_count_of_weight_zero_is_no_count():
    rows = StepRows(SEQUENCES)
    y, weight = np.ones(10), np.ones(10)
    y[4], weight[4] = -1, 0
    target, encoded = learn(y, rows, weight, "poisson")
    assert encoded[4] == 0 and target.score(np.log(encoded + 1), encoded, weight) <= 1


@pytest.mark.parametrize(
    ("quantile", "n_targets", "shape"),
    [
        (0.9, None, ()), (0.9, 2, (2,)), ((0.1, 0.5, 0.9), None, (3,)),
        ((0.1, 0.9), 2, (2, 2)), ((0.5,), None, (1,)),
    ],
)  # fmt: skip
def test_quantiles(quantile, n_targets, shape, rows, rng):
    y, weight = drawn(rows, rng, n_targets)
    target, encoded = learn(y, rows, weight, "quantile", quantile)
    levels = np.atleast_1d(quantile)
    n = encoded.shape[1]
    assert target.n_outputs == n and target.loss.n_raw == n * len(levels)
    raw = rng.normal(size=(len(rows), target.loss.n_raw))
    found = target.decode(raw)
    assert found.shape == (len(rows), *shape)
    bands = found.reshape(len(rows), n, len(levels))
    assert (np.diff(bands, axis=2) >= 0).all()  # they never cross
    # Scaling changes neither side of D2.
    expected = np.mean([
        d2_pinball_score(encoded, bands[:, :, i], alpha=level, sample_weight=weight)
        for i, level in enumerate(levels)
    ])  # fmt: skip
    assert_allclose(target.score(raw, target.scaled(encoded), weight), expected, rtol=1e-9)


@pytest.mark.parametrize("n_targets", [None, 3])
def test_r2(n_targets, rows, rng):
    y, weight = drawn(rows, rng, n_targets)
    target, encoded = learn(y, rows, weight)
    raw = rng.normal(size=encoded.shape)
    expected = r2_score(y, target.decode(raw), sample_weight=weight)
    assert_allclose(target.score(raw, target.scaled(encoded), weight), expected, rtol=1e-10)


def test_r2_of_a_constant(rows):
    n = len(rows)
    target, _ = learn(np.arange(n), rows, np.ones(n))
    constant = np.full((n, 1), 2.0)
    assert target.score(target.scaled(constant), target.scaled(constant), np.ones(n)) == 1
    assert target.score(np.ones((n, 1)), target.scaled(constant), np.ones(n)) == 0


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("quantile", [None, 0.3, (0.3,), (0.1, 0.9)])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_target_that_never_varies_is_predicted_exactly(loss, quantile, standardize, rows, rng):
    if (loss == "quantile") != (quantile is not None):
        pytest.skip("quantiles belong to one loss")
    y, weight = rng.uniform(1, 5, (len(rows), 3)), np.ones(len(rows))
    y[:, 0], y[:, 2] = 0.1, np.float32(1e5 / 3)
    target, encoded = learn(y, rows, weight, loss, quantile, standardize)
    raw = rng.normal(size=(len(rows), target.loss.n_raw))
    found = target.decode(raw).reshape(len(rows), 3, -1)
    assert (found[:, 0] == 0.1).all() and (found[:, 2] == np.float32(1e5 / 3)).all()
    assert len(np.unique(found[:, 1])) > 1
    alone, encoded = learn(y[:, 0], rows, weight, loss, quantile, standardize)
    raw = raw[:, : alone.loss.n_raw]
    assert (alone.decode(raw) == 0.1).all()
    assert alone.score(raw, alone.scaled(encoded), weight) == 1


def test_a_target_that_varies_later_is_not_constant(rows, rng):
    y, weight = np.ones((len(rows), 2)), np.ones(len(rows))
    y[1, 1], weight[2] = 3.0, 0.0
    y[2] = 7.0  # does not count
    first, encoded = learn(y, rows, weight)
    assert_array_equal(first.constant, [1, np.nan])
    assert first.including(encoded, weight).constant is not None
    raw = rng.normal(size=(len(rows), 2))
    for later in (np.where(np.arange(len(rows)) == 3, 5.0, 1.0), np.full(len(rows), 2.0)):
        changed = first.including(np.column_stack([later, later]), weight)
        assert changed.constant is None
        assert_allclose(changed.decode(raw)[:, 0], raw[:, 0] + 1)  # the scale was 1
        assert changed.including(encoded, weight).constant is None  # and so it stays


def test_counts_that_are_all_zero_have_a_positive_mean(rows, rng):
    y = np.column_stack([np.zeros(len(rows)), np.arange(len(rows))])
    target, _ = learn(y, rows, np.ones(len(rows)), "poisson")
    assert (target.decode(rng.normal(size=y.shape)) > 0).all()


def test_weights_of_zero_do_not_count(rng):
    rows = StepRows(SEQUENCES)
    y, weight = drawn(rows, rng)
    weight[[0, 4, 9]] = 0
    bad = y.copy()
    bad[[0, 4, 9]] = np.nan, np.inf, 1e300
    (target, encoded), (other, others) = learn(y, rows, weight), learn(bad, rows, weight)
    assert other.mean.tobytes() == target.mean.tobytes()
    assert other.scale.tobytes() == target.scale.tobytes()
    raw = rng.normal(size=(10, 1))
    assert other.score(raw, other.scaled(others), weight) == target.score(
        raw, target.scaled(encoded), weight
    )


def test_another_number_of_targets(rows, rng):
    y, weight = drawn(rows, rng, 2)
    target, _ = learn(y, rows, weight)
    with pytest.raises(ValueError, match=f"y has 1 targets for each {rows.noun}, .* with 2"):
        target.encode(given(y[:, 0], rows), rows, weight)
