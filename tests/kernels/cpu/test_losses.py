"""Losses: values against the oracle and scikit-learn, gradients against finite differences."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn._loss import loss as sklearn_loss

from skgru.kernels import cpu
from tests.reference import gru as ref

N = 7
LEVELS = np.array([0.1, 0.25, 0.5, 0.9])


@dataclass
class Case:
    """A loss, targets for it, and how the oracle computes it from one row of each."""

    kernel: object
    target: np.ndarray
    n_raw: int
    parameters: list
    oracle: object


def rising(raw):
    """Quantiles from the columns of one output: the lowest, then steps upwards."""
    return np.cumsum(np.concatenate([raw[:1], np.logaddexp(0, raw[1:])]))


def oracle_quantile(y, raw, levels):
    parts = np.split(raw, len(y))
    losses = [ref.quantile(t, rising(part), levels) for t, part in zip(y, parts, strict=True)]
    return np.mean(losses)


def make_cases():
    rng = np.random.default_rng(0)
    real, counts = rng.normal(size=(N, 2)), rng.poisson(2.0, size=(N, 2)).astype(float)
    labels, classes = rng.integers(0, 2, (N, 3)).astype(float), rng.integers(0, 4, (N, 1))
    return {
        "squared_error": Case(cpu.squared_error, real, 2, [], ref.squared_error),
        "absolute_error": Case(cpu.absolute_error, real, 2, [], ref.absolute_error),
        "huber": Case(cpu.huber, real, 2, [0.7], lambda y, raw: ref.huber(y, raw, 0.7)),
        "poisson": Case(cpu.poisson, counts, 2, [], ref.poisson),
        "one quantile": Case(
            cpu.quantile, real, 2, LEVELS[3:], lambda y, raw: oracle_quantile(y, raw, LEVELS[3:])
        ),
        "quantiles": Case(
            cpu.quantile, real, 8, LEVELS, lambda y, raw: oracle_quantile(y, raw, LEVELS)
        ),
        "binary": Case(cpu.binary_log_loss, labels[:, :1], 1, [], ref.binary_log_loss),
        "multilabel": Case(cpu.binary_log_loss, labels, 3, [], ref.binary_log_loss),
        "multinomial": Case(
            cpu.multinomial_log_loss,
            classes.astype(float),
            4,
            [4],
            lambda y, raw: ref.multinomial_log_loss(int(y[0]), raw),
        ),
    }


CASES = make_cases()


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def call(case, raw, weight=None, scale=1.0, dtype="float64"):
    """The loss and its gradient, for raw predictions that are padded like those of the head."""
    weight = np.ones(len(raw)) if weight is None else weight
    wide = np.full((len(raw), case.n_raw + 3), np.nan, dtype)
    wide[:, : case.n_raw] = raw
    d_wide = np.full_like(wide, np.nan)
    parameters = np.array(case.parameters, dtype=float)
    sums = np.full(3, np.nan)
    case.kernel(wide, case.target[: len(raw)], weight, parameters, scale, d_wide, sums, 1)
    assert np.isnan(sums[[0, 2]]).all()
    assert np.isnan(d_wide[:, case.n_raw :]).all()
    return sums[1], d_wide[:, : case.n_raw]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_agrees_with_the_oracle(rng, case, dtype):
    raw = rng.normal(size=(N, case.n_raw)).astype(dtype)
    weight = rng.uniform(0.1, 3, N)
    weight[2] = 0
    total, _ = call(case, raw, weight, dtype=dtype)
    losses = [case.oracle(y, r) for y, r in zip(case.target, raw.astype(float), strict=True)]
    tolerance = 1e-13 if dtype == "float64" else 1e-6
    assert_allclose(total / weight.sum(), ref.weighted_mean(losses, weight), rtol=tolerance)


def test_gradient_agrees_with_finite_differences(rng, case):
    raw, weight = rng.normal(size=(N, case.n_raw)), rng.uniform(0.1, 3, N)
    weight[2] = 0
    scale = 1 / weight.sum()
    _, found = call(case, raw, weight, scale)
    (expected,) = ref.numerical_gradient(lambda raw: scale * call(case, raw, weight)[0], [raw])
    assert np.abs(expected).max() > 1e-3
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    _, single = call(case, raw.astype("float32"), weight, scale, dtype="float32")
    assert_allclose(single, found, rtol=2e-5, atol=1e-6)


# The mean of a Poisson variable is an exponential, which may overflow; training then stops.
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"poisson"}))
def test_huge_raw_predictions_stay_finite(name):
    case = CASES[name]
    for value in (1e4, -1e4):
        raw = np.full((N, case.n_raw), value)
        raw[:, 1::2] = -value
        total, d_raw = call(case, raw)
        assert np.isfinite(total)
        assert np.isfinite(d_raw).all()


def test_nan_stays(rng, case):
    """Training stops where the loss is not finite, so no loss may drop a NaN."""
    raw = rng.normal(size=(N, case.n_raw))
    raw[2, 0] = np.nan
    total, d_raw = call(case, raw)
    assert np.isnan(total)
    assert np.isfinite(np.delete(d_raw, 2, axis=0)).all()


def test_gradient_at_a_perfect_prediction():
    for name in ("squared_error", "absolute_error", "huber"):
        total, d_raw = call(CASES[name], CASES[name].target)
        assert total == 0 and not d_raw.any()


SKLEARN = {
    "squared_error": sklearn_loss.HalfSquaredError(),
    "absolute_error": sklearn_loss.AbsoluteError(),
    "huber": sklearn_loss.HuberLoss(delta=0.7),
    "poisson": sklearn_loss.HalfPoissonLoss(),
    "one quantile": sklearn_loss.PinballLoss(quantile=LEVELS[3]),
    "binary": sklearn_loss.HalfBinomialLoss(),
    "multinomial": sklearn_loss.HalfMultinomialLoss(n_classes=4),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_agrees_with_the_losses_of_scikit_learn(rng, name):
    case = CASES[name]
    n_raw = case.n_raw if name == "multinomial" else 1
    one_output = Case(case.kernel, case.target[:, :1].copy(), n_raw, case.parameters, None)
    raw, weight = rng.normal(size=(N, n_raw)), rng.uniform(0.1, 3, N)
    total, d_raw = call(one_output, raw, weight)
    theirs = raw if name == "multinomial" else raw[:, 0].copy()
    losses, d_theirs = SKLEARN[name].loss_gradient(
        one_output.target[:, 0].copy(), theirs, sample_weight=weight
    )
    assert_allclose(total, losses.sum(), rtol=1e-12)
    assert_allclose(d_raw.reshape(d_theirs.shape), d_theirs, rtol=1e-10, atol=1e-14)


# -- links -----------------------------------------------------------------------------------------

EXTREMES = np.array([[-1e4, 1e4, 0.0], [745.0, -745.0, 36.0], [1e-300, -30.0, 700.0]])


def with_extremes(rng, dtype):
    return np.vstack([rng.normal(size=(5, 3)), EXTREMES]).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_links_agree_with_scipy(rng, dtype):
    raw = with_extremes(rng, dtype)
    exact = raw.astype(float)
    tolerance = {"rtol": 1e-12 if dtype == "float64" else 1e-5, "atol": 1e-300}
    found = np.full(raw.shape, np.nan)
    cpu.sigmoid_link(raw, found)
    assert_allclose(found, scipy.special.expit(exact), **tolerance)
    cpu.softmax_link(raw, found)
    assert_allclose(found, scipy.special.softmax(exact, axis=1), **tolerance)
    assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    for sign in (1.0, -1.0):
        cpu.log_sigmoid_link(raw, sign, found)
        assert_allclose(found, scipy.special.log_expit(sign * exact), **tolerance)
    cpu.log_softmax_link(raw, found)
    assert_allclose(found, scipy.special.log_softmax(exact, axis=1), **tolerance)


def test_quantiles_never_cross(rng):
    raw = rng.normal(size=(50, 8)) * np.geomspace(1e-3, 1e4, 50)[:, np.newaxis]
    found = np.full((50, 8), np.nan)
    cpu.quantile_link(raw, 2, 4, found)
    expected = [np.concatenate([rising(part) for part in np.split(row, 2)]) for row in raw]
    assert_allclose(found, expected, rtol=1e-12)
    assert np.all(np.diff(found.reshape(50, 2, 4), axis=2) >= 0)


def test_quantile_loss_is_that_of_the_linked_quantiles(rng):
    case = CASES["quantiles"]
    raw = rng.normal(size=(N, 8))
    linked = np.full((N, 8), np.nan)
    cpu.quantile_link(raw, 2, 4, linked)
    error = case.target[:, :, np.newaxis] - linked.reshape(N, 2, 4)
    pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error)
    assert_allclose(call(case, raw)[0], pinball.mean(axis=(1, 2)).sum(), rtol=1e-13)


def test_weights_of_zero_and_two_are_absence_and_repetition(rng, case):
    raw = rng.normal(size=(N, case.n_raw))
    total, d_raw = call(case, raw, np.arange(N) % 3.0)
    parts = [call(case, raw, (np.arange(N) == i).astype(float)) for i in range(N)]
    assert_allclose(total, sum(i % 3 * part[0] for i, part in enumerate(parts)), rtol=1e-13)
    assert_array_equal(d_raw[::3], 0)
    assert_allclose(d_raw[2], 2 * parts[2][1][2], rtol=1e-13)
