"""Updates of the flat parameter vector, each in one pass and in place.

Scalars must have the type of the parameters, so that float32 arithmetic stays in float32.
"""

import math

import numpy as np

from ._jit import inline_kernel, kernel

#: Length of the work space ``partial``.
N_PARTIAL = 16


@inline_kernel
def _squared_norm(vector, n, partial):
    """The sum of squares of the first n values in float64, in a fixed order that vectorises."""
    for lane in range(N_PARTIAL):
        partial[lane] = 0.0
    whole = n // N_PARTIAL * N_PARTIAL
    for start in range(0, whole, N_PARTIAL):
        for lane in range(N_PARTIAL):
            value = np.float64(vector[start + lane])
            partial[lane] += value * value
    total = 0.0
    for lane in range(N_PARTIAL):
        total += partial[lane]
    for i in range(whole, n):
        total += np.float64(vector[i]) * np.float64(vector[i])
    return total


@kernel
def add_penalty(gradient, parameters, factor, n_weights, partial, sums, place):
    """gradient += factor * parameters for the weights, which come first; sums[place] = their |w|^2.

    ``partial`` (N_PARTIAL,) float64 is work space.
    """
    for i in range(n_weights):
        gradient[i] += factor * parameters[i]
    sums[place] = _squared_norm(parameters, n_weights, partial)


@kernel
def clip_norm(gradient, max_norm, partial):
    """Rescale a gradient whose norm exceeds ``max_norm`` to that norm.

    See Pascanu et al. (2013, arXiv:1211.5063), section 3.2. ``partial`` as in ``add_penalty``.
    """
    norm = math.sqrt(_squared_norm(gradient, gradient.shape[0], partial))
    if norm > max_norm:
        factor = gradient.dtype.type(max_norm / norm)
        for i in range(gradient.shape[0]):
            gradient[i] *= factor


@kernel
def adam(parameters, gradient, mean, variance, rate, beta_1, beta_2, rest_1, rest_2, epsilon):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980).

    ``rate`` and ``epsilon`` carry the bias corrections, as in the last paragraph of its section 2;
    ``rest_1`` is 1 - beta_1 and ``rest_2`` is 1 - beta_2.
    """
    for i in range(parameters.shape[0]):
        g = gradient[i]
        mean[i] = beta_1 * mean[i] + rest_1 * g
        variance[i] = beta_2 * variance[i] + rest_2 * g * g
        parameters[i] -= rate * mean[i] / (math.sqrt(variance[i]) + epsilon)


@kernel
def sgd(parameters, gradient, velocity, rate, momentum, nesterov):
    """Gradient descent with (Nesterov) momentum, as scikit-learn's SGDOptimizer."""
    for i in range(parameters.shape[0]):
        step = momentum * velocity[i] - rate * gradient[i]
        velocity[i] = step
        parameters[i] += momentum * step - rate * gradient[i] if nesterov else step


@kernel
def rmsprop(parameters, gradient, variance, rate, decay, rest, epsilon):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5), epsilon outside the root as in torch."""
    for i in range(parameters.shape[0]):
        g = gradient[i]
        variance[i] = decay * variance[i] + rest * g * g
        parameters[i] -= rate * g / (math.sqrt(variance[i]) + epsilon)


@kernel
def scale_in_place(vector, factor):
    """vector *= factor."""
    for i in range(vector.shape[0]):
        vector[i] *= factor


@kernel
def add(target, source):
    """target += source."""
    for i in range(target.shape[0]):
        target[i] += source[i]
