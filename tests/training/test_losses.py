"""Constants that losses start from; values, gradients and links are tested with the kernels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax

from skgru.training import (
    AbsoluteError,
    BinaryLogLoss,
    Huber,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
)

LEVELS = [0.1, 0.5, 0.8]


def mean_of_constant(loss, raw, target, weight):
    rows = np.ascontiguousarray(np.broadcast_to(raw, (len(target), loss.n_raw)))
    return loss.mean(rows, target, weight)


@pytest.mark.parametrize(
    "loss",
    [SquaredError(2), AbsoluteError(2), Poisson(2), Quantile(2, [0.3]), Quantile(2, LEVELS)],
    ids=lambda loss: f"{type(loss).__name__}{loss.n_raw}",
)
def test_no_other_constant_is_better(rng, loss):
    target, weight = rng.poisson([2, 30], size=(101, 2)) + 0.0, rng.integers(0, 4, 101) + 0.0
    raw = loss.constant(target, weight)
    assert raw.shape == (loss.n_raw,)
    best = mean_of_constant(loss, raw, target, weight)
    for j in range(loss.n_raw):
        for step in (-0.3, -0.01, 0.01, 0.3):
            other = raw.copy()
            other[j] += step
            assert mean_of_constant(loss, other, target, weight) > best - 1e-12


def test_the_constant_of_huber_is_the_median(rng):
    target, weight = rng.normal(size=(31, 2)), np.ones(31)
    assert_allclose(Huber(2, 1.0).constant(target, weight), np.median(target, axis=0))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e12])
def test_quantiles_start_where_they_are_at_every_scale(rng, scale):
    target = scale * rng.normal(size=(500, 1))
    loss = Quantile(1, LEVELS)
    raw = loss.constant(target, np.ones(500))
    assert np.isfinite(raw).all()
    found = loss.link(raw[np.newaxis])[0]
    expected = np.quantile(target, LEVELS, method="inverted_cdf")
    # Steps between quantiles start at least at 1e-3, or they could hardly grow.
    assert_allclose(found, expected, rtol=1e-9, atol=3e-3)


def test_shares_of_classes(rng):
    target, weight = rng.integers(0, 3, size=(2000, 1)) + 0.0, rng.uniform(size=2000)
    shares = np.bincount(target[:, 0].astype(int), weight) / weight.sum()
    assert_allclose(softmax(MultinomialLogLoss(3).constant(target, weight)), shares, atol=2e-3)
    labels = (target == [[0, 1]]) + 0.0
    assert_allclose(expit(BinaryLogLoss(2).constant(labels, weight)), shares[:2], atol=2e-3)


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (BinaryLogLoss(2), np.array([[0.0, 1.0]] * 9)),
        (MultinomialLogLoss(3), np.zeros((9, 1))),
        (Poisson(1), np.array([[0.0]] * 8 + [[1e-9]])),
    ],
)
def test_a_target_that_never_varies_has_a_finite_constant(loss, target):
    raw = loss.constant(target, np.ones(9))
    assert np.isfinite(raw).all()
    assert np.abs(raw).max() < 20
