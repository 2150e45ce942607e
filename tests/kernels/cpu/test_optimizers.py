"""Updates of the parameters: against the same formulas in NumPy, and against torch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cpu

N_STEPS = 10
RATE, BETA_1, BETA_2, EPSILON, MOMENTUM, DECAY = 0.01, 0.9, 0.99, 1e-6, 0.8, 0.1

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
nesterov_or_not = pytest.mark.parametrize("nesterov", [False, True])


def start(dtype, n=37):
    """Parameters, and a gradient for every step."""
    rng = np.random.default_rng(0)
    return rng.normal(size=n).astype(dtype), rng.normal(size=(N_STEPS, n)).astype(dtype)


def run_adam(parameters, gradients):
    t = parameters.dtype.type
    mean, variance = np.zeros_like(parameters), np.zeros_like(parameters)
    for step, gradient in enumerate(gradients, 1):
        root = np.sqrt(1 - BETA_2**step)
        cpu.adam(
            parameters, gradient, mean, variance, t(RATE * root / (1 - BETA_1**step)),
            t(BETA_1), t(BETA_2), t(1 - BETA_1), t(1 - BETA_2), t(EPSILON * root),
        )  # fmt: skip
    return parameters


def run_sgd(parameters, gradients, nesterov):
    t = parameters.dtype.type
    velocity = np.zeros_like(parameters)
    for gradient in gradients:
        cpu.sgd(parameters, gradient, velocity, t(RATE), t(MOMENTUM), nesterov)
    return parameters


def run_rmsprop(parameters, gradients):
    t = parameters.dtype.type
    variance = np.zeros_like(parameters)
    for gradient in gradients:
        cpu.rmsprop(parameters, gradient, variance, t(RATE), t(BETA_2), t(1 - BETA_2), t(EPSILON))
    return parameters


def assert_parameters(found, expected):
    tolerance = 1e-13 if found.dtype == np.float64 else 2e-6
    assert_allclose(found, expected, rtol=0, atol=tolerance)


@dtypes
def test_adam(dtype):
    p, gradients = start(dtype)
    expected, m, v = p.astype(float), 0.0, 0.0
    for step, g in enumerate(gradients.astype(float), 1):
        m, v = BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g**2
        m_hat, v_hat = m / (1 - BETA_1**step), v / (1 - BETA_2**step)
        expected -= RATE * m_hat / (np.sqrt(v_hat) + EPSILON)
    assert_parameters(run_adam(p, gradients), expected)


@dtypes
@nesterov_or_not
def test_sgd(nesterov, dtype):
    p, gradients = start(dtype)
    expected, velocity = p.astype(float), 0.0
    for g in gradients.astype(float):
        velocity = MOMENTUM * velocity - RATE * g
        expected += MOMENTUM * velocity - RATE * g if nesterov else velocity
    assert_parameters(run_sgd(p, gradients, nesterov), expected)


@dtypes
def test_rmsprop(dtype):
    p, gradients = start(dtype)
    expected, v = p.astype(float), 0.0
    for g in gradients.astype(float):
        v = BETA_2 * v + (1 - BETA_2) * g**2
        expected -= RATE * g / (np.sqrt(v) + EPSILON)
    assert_parameters(run_rmsprop(p, gradients), expected)


def run_torch(make_optimizer, parameters, gradients):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Parameter(torch.tensor(parameters))
    optimizer = make_optimizer(torch.optim, [theirs])
    for gradient in gradients:
        theirs.grad = torch.tensor(gradient)
        optimizer.step()
    return theirs.detach().numpy()


@dtypes
def test_adam_is_that_of_torch(dtype):
    p, gradients = start(dtype)
    expected = run_torch(
        lambda optim, p: optim.Adam(p, RATE, (BETA_1, BETA_2), EPSILON), p, gradients
    )
    assert_parameters(run_adam(p, gradients), expected)


@dtypes
@nesterov_or_not
def test_sgd_is_that_of_torch(nesterov, dtype):
    p, gradients = start(dtype)
    expected = run_torch(
        lambda optim, p: optim.SGD(p, RATE, momentum=MOMENTUM, nesterov=nesterov), p, gradients
    )
    assert_parameters(run_sgd(p, gradients, nesterov), expected)


@dtypes
def test_rmsprop_is_that_of_torch(dtype):
    p, gradients = start(dtype)
    expected = run_torch(
        lambda optim, p: optim.RMSprop(p, RATE, alpha=BETA_2, eps=EPSILON), p, gradients
    )
    assert_parameters(run_rmsprop(p, gradients), expected)


#: Work space; what an earlier call left there must not matter.
PARTIAL = np.full(cpu.N_PARTIAL, np.nan)


@dtypes
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000])
def test_penalty(rng, n, dtype):
    parameters, before = rng.normal(size=(2, 1000)).astype(dtype)
    gradient = before.copy()
    sums = np.full(3, np.nan)
    cpu.add_penalty(gradient, parameters, gradient.dtype.type(0.5), n, PARTIAL, sums, 1)
    found = sums[1]
    assert found == pytest.approx(np.sum(parameters[:n].astype(float) ** 2), rel=1e-14)
    expected = before[:n].astype(float) + 0.5 * parameters[:n]
    tolerance = 1e-6 if dtype == "float32" else 1e-15
    assert_allclose(gradient[:n], expected, rtol=tolerance, atol=tolerance)
    assert_array_equal(gradient[n:], before[n:])


@dtypes
@pytest.mark.parametrize("n", [1, 15, 16, 17, 1000])
def test_clip_norm_shortens_what_is_longer(rng, n, dtype):
    vector = rng.normal(size=n).astype(dtype)
    norm = np.linalg.norm(vector.astype(float))
    clipped = vector.copy()
    cpu.clip_norm(clipped, 2 * norm, PARTIAL)
    assert_array_equal(clipped, vector)
    cpu.clip_norm(clipped, norm / 3, PARTIAL)
    assert_allclose(clipped, vector / 3, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_a_norm_of_float32_does_not_overflow():
    vector = np.full(16, 1e30, "float32")
    cpu.clip_norm(vector, 1.0, PARTIAL)
    assert_allclose(vector, 0.25, rtol=1e-6)


@dtypes
def test_scale_in_place(dtype):
    vector, _ = start(dtype)
    expected = vector * vector.dtype.type(0.25)
    cpu.scale_in_place(vector[:30], vector.dtype.type(0.25))
    assert_array_equal(vector[:30], expected[:30])
    assert_array_equal(4 * expected[30:], vector[30:])


@dtypes
def test_add(dtype):
    target, sources = start(dtype)
    expected = target + sources[0]
    cpu.add(target, sources[0])
    assert_array_equal(target, expected)
