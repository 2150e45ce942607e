"""Optimisers with their state, learning rates, and stopping."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import get_kernels
from skgru.training import (
    SGD,
    Adam,
    AdamW,
    AdaptiveRate,
    ConstantRate,
    CosineRate,
    RMSprop,
    Stopping,
    find_divergence,
)

OPTIMIZERS = {
    "adam": lambda: Adam(get_kernels(), 5, np.float64, 0.8, 0.9, 1e-4),
    "adamw": lambda: AdamW(get_kernels(), 5, np.float64, 0.8, 0.9, 1e-4, 0.3, 3),
    "sgd": lambda: SGD(get_kernels(), 5, np.float64, 0.7, True),
    "rmsprop": lambda: RMSprop(get_kernels(), 5, np.float64, 0.9, 1e-4),
}


def run(optimizer, parameters, gradients, rate=0.1):
    for gradient in gradients:
        optimizer.update(parameters, gradient.copy(), rate)
    return parameters


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_resumes_exactly(rng, name):
    start, gradients = rng.normal(size=5), rng.normal(size=(7, 5))
    whole = run(OPTIMIZERS[name](), start.copy(), gradients)
    first, second = OPTIMIZERS[name](), OPTIMIZERS[name]()
    part = run(first, start.copy(), gradients[:3])
    state = first.get_state()  # a copy: further updates do not change it
    run(first, part.copy(), gradients)
    second.set_state(state)
    assert second.n_updates == 3
    assert_array_equal(run(second, part, gradients[3:]), whole)
    first.reset()
    assert_array_equal(run(first, start.copy(), gradients), whole)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_running_means_that_overflow_are_noticed(name):
    optimizer = OPTIMIZERS[name]()
    assert optimizer.is_finite(optimizer.get_state())
    run(optimizer, np.zeros(5), np.ones((1, 5)))
    assert optimizer.is_finite(optimizer.get_state())
    with np.errstate(over="ignore", invalid="ignore"):
        run(optimizer, np.zeros(5), np.full((1, 5), np.inf))
    assert not optimizer.is_finite(optimizer.get_state())
    optimizer.reset()
    assert optimizer.is_finite(optimizer.get_state())


def test_adam_as_in_the_paper(rng):
    gradients = rng.normal(size=(4, 5))
    expected, m, v = np.zeros(5), 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
        expected -= 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-4)
    assert_allclose(run(OPTIMIZERS["adam"](), np.zeros(5), gradients), expected, rtol=1e-12)


def test_adamw_decays_weights_alone():
    start = np.array([1.0, -2.0, 3.0, 4.0, 5.0])
    found = run(OPTIMIZERS["adamw"](), start.copy(), np.zeros((2, 5)))
    assert_allclose(found, start * np.where(np.arange(5) < 3, (1 - 0.1 * 0.3) ** 2, 1))


# --- learning rates -----------------------------------------------------------------------------


def test_constant_rate():
    rate = ConstantRate(0.3)
    assert [rate.rate(p) for p in (0, 0.5, 1)] == [0.3] * 3
    assert rate.stops_on_plateau
    assert not rate.on_plateau()
    assert rate.rate(0) == 0.3


def test_adaptive_rate_falls_by_fives_until_it_is_tiny():
    rate = AdaptiveRate(1e-4)
    assert rate.on_plateau()
    assert_allclose(rate.rate(0.5), 2e-5)
    assert rate.on_plateau()
    assert not rate.on_plateau()
    state = rate.get_state()
    resumed, changed = AdaptiveRate(1e-4), AdaptiveRate(1e-3)
    resumed.set_state(state)
    changed.set_state(state)
    assert resumed.rate(0) == rate.rate(0)
    assert changed.rate(0) == 1e-3


def test_cosine_rate():
    rate = CosineRate(2.0)
    found = np.array([rate.rate(p) for p in np.linspace(0, 1, 101)])
    assert found[0] == 0
    assert_allclose(found[5], 1)
    assert found.argmax() == 10
    assert_allclose(found[[10, 55, 100]], [2, 1, 0], atol=1e-12)
    assert (np.diff(found[:11]) > 0).all()
    assert (np.diff(found[10:]) < 0).all()
    assert not rate.stops_on_plateau


# --- stopping -----------------------------------------------------------------------------------


def feed(stopping, losses, scores=None):
    """Number of epochs until the rule says stop, or None."""
    scores = [None] * len(losses) if scores is None else scores
    for epoch, (loss, score) in enumerate(zip(losses, scores, strict=True)):
        if stopping.update(np.array([epoch]), loss, score):
            return epoch + 1
    return None


def test_patience():
    assert feed(Stopping(2, 0.1), [5, 4, 4, 4, 4, 4]) == 5
    assert feed(Stopping(2, 0.1), [5, 4, 4, 4, 3, 4, 4]) is None
    assert feed(Stopping(np.inf, 0.1), [5] * 50) is None


def test_tol_decides_what_is_an_improvement():
    falling = [5 - 0.01 * i for i in range(9)]
    assert feed(Stopping(3, 0.1), falling) == 5
    assert feed(Stopping(3, 0.001), falling) is None


def test_the_best_epoch_is_remembered_even_below_tol():
    stopping = Stopping(5, 1.0)
    feed(stopping, [5, 4.9, 4.8, 4.85])
    assert stopping.best_parameters == [2]
    assert stopping.best_loss == 4.8


def test_a_score_comes_before_the_loss():
    stopping = Stopping(9, 0.0)
    feed(stopping, losses=[1, 2, 3, 2.5, 0.5], scores=[0.1, 0.5, 0.8, 0.8, 0.7])
    # The highest score, and of two of them the one with the lower loss.
    assert stopping.best_parameters == [3]
    assert (stopping.best_score, stopping.best_loss) == (0.8, 2.5)


def test_a_loss_that_falls_at_the_same_score_is_progress():
    losses = [1 - 0.05 * i for i in range(9)]
    assert feed(Stopping(2, 0.01), losses, [0.5] * 9) is None
    assert feed(Stopping(2, 0.01), [1.0] * 9, [0.5] * 9) == 4
    # A score that falls is none, whatever the loss.
    assert feed(Stopping(2, 0.01), losses, [0.5 - 0.05 * i for i in range(9)]) == 4


@pytest.mark.parametrize("score", [np.nan, -np.inf])
def test_a_score_that_is_not_finite_is_never_the_best(score):
    stopping = Stopping(9, 0.0)
    feed(stopping, [1, 0.5, 0.4], [0.1, score, score])
    assert stopping.best_parameters == [0]


def test_state_and_restart():
    stopping, resumed = Stopping(2, 0.1), Stopping(2, 0.1)
    feed(stopping, [5, 4, 4])
    resumed.set_state(stopping.get_state())
    assert feed(resumed, [4, 4]) == 2
    resumed.restart()
    assert feed(resumed, [4, 4]) is None
    assert resumed.best_parameters == [1]


def test_what_is_remembered_is_a_copy():
    stopping, parameters = Stopping(2, 0.1), np.array([1.0])
    stopping.update(parameters, 3.0)
    parameters[0] = 9
    assert stopping.best_parameters == [1.0]


# --- divergence ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curve", "n_epochs", "expected"),
    [
        ([0.5, 0.4, 0.9], 3, (0.5, 0.9)),
        ([0.5, 0.4, 0.8], 3, None),  # it fluctuates
        ([2.0, 2.9], 2, None),
        ([2.0, 3.1], 2, (2.0, 3.1)),
        ([0.005, 0.3], 2, None),  # it is still far better than a constant
        ([0.005, 0.4], 2, (0.005, 0.4)),
        ([0.5, 9.0, 0.4], 3, None),  # it has recovered
        ([-3.0, -1.0], 2, (-3.0, -1.0)),
        ([-3.0, -2.0], 2, None),
        # Training goes on from a good model, with a new schedule or on other data.
        ([0.5, 0.001, 0.001, 0.01], 2, None),
        ([0.5, 0.001, 0.001, 0.9], 2, (0.5, 0.9)),
        ([0.5, 0.001, 2.0, 1.5], 2, None),
        # It was in the first epoch.
        ([1e9, 9e8], 2, (0.7, 9e8)),
        ([16.0, 15.0], 2, None),
        ([18.0, 17.5], 2, (0.7, 17.5)),
        # A single epoch says nothing.
        ([0.5, 100.0], 1, None),
        ([], 0, None),
    ],
)
def test_what_is_divergence(curve, n_epochs, expected):
    assert find_divergence(curve, n_epochs, 1e-4, lambda: 0.7) == expected


def test_the_smallest_rise_of_a_loss_of_zero():
    assert find_divergence([0.0, 1e-5], 2, 1e-4, lambda: 0.0) is None
    assert find_divergence([0.0, 1e-3], 2, 1e-4, lambda: 0.0) == (0.0, 1e-3)


def test_a_large_loss_is_compared_with_that_of_a_constant():
    # Targets in large units, not standardised.
    assert find_divergence([5e9, 4e9], 2, 1e-4, lambda: 5e9) is None
    assert find_divergence([5e12, 4e12], 2, 1e-4, lambda: 5e9) == (5e9, 4e12)
