"""Updates of one flat parameter vector; formulas in ``kernels/cpu/optimizers.py``.

Sums run in two stages of fixed shape: every block adds up its share, then one block adds up the
sums of the blocks. Nothing depends on which block finishes first.
"""

import math
from functools import cache

from numba import cuda, float64

from ._jit import index, kernel
from ._launch import BLOCK, launch, launch_elements, numba_type
from .gemm import nothing

#: Blocks that a sum is spread over: the length of the work space ``partial``.
N_PARTIAL = 128


@kernel
def _sum_squares(vector, n, other, factor, partial):
    """partial[block] = sum of squares of a share of the vector; other += factor * vector."""
    sums = cuda.shared.array(BLOCK, float64)
    thread = index(cuda.threadIdx.x)
    total = 0.0
    e = index(cuda.blockIdx.x) * index(BLOCK) + thread
    while e < index(n):
        value = vector[e]
        if other.shape[0] > 0:
            other[e] += factor * value
        value = float64(value)
        total += value * value
        e += index(cuda.gridDim.x) * index(BLOCK)
    sums[thread] = total
    cuda.syncthreads()
    width = index(BLOCK) // index(2)
    while width > index(0):
        if thread < width:
            sums[thread] += sums[thread + width]
        cuda.syncthreads()
        width //= index(2)
    if thread == index(0):
        partial[cuda.blockIdx.x] = sums[0]


@kernel
def _total(partial, sums, place):
    """One thread."""
    total = 0.0
    for i in range(N_PARTIAL):
        total += partial[i]
    sums[place] = total


@cache
def _make_clip(dtype):
    def clip(gradient, max_norm, partial):
        total = 0.0
        for i in range(N_PARTIAL):
            total += partial[i]
        norm = math.sqrt(total)
        e = index(cuda.grid(1))
        if norm > max_norm and e < index(gradient.shape[0]):
            gradient[e] *= dtype(max_norm / norm)

    return kernel(clip)


def add_penalty(gradient, parameters, factor, n_weights, partial, sums, place):
    """gradient += factor * parameters for the weights; sums[place] = their |w|^2."""
    launch(_sum_squares, (N_PARTIAL,), (BLOCK,), parameters, n_weights, gradient, factor, partial)
    launch(_total, (1,), (1,), partial, sums, place)


def clip_norm(gradient, max_norm, partial):
    """Rescale a gradient whose norm exceeds ``max_norm`` to that norm."""
    n = gradient.shape[0]
    zero = gradient.dtype.type(0)
    launch(_sum_squares, (N_PARTIAL,), (BLOCK,), gradient, n, nothing(gradient), zero, partial)
    launch_elements(_make_clip(numba_type(gradient)), n, gradient, float(max_norm), partial)


@cache
def _make_adam(dtype):
    def adam(parameters, gradient, mean, variance, rate, beta_1, beta_2, rest_1, rest_2, epsilon):
        e = index(cuda.grid(1))
        if e < index(parameters.shape[0]):
            g = gradient[e]
            m = beta_1 * mean[e] + rest_1 * g
            v = beta_2 * variance[e] + rest_2 * g * g
            mean[e], variance[e] = m, v
            parameters[e] -= rate * m / (dtype(math.sqrt(v)) + epsilon)

    return kernel(adam)


def adam(parameters, gradient, mean, variance, rate, beta_1, beta_2, rest_1, rest_2, epsilon):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""
    launch_elements(
        _make_adam(numba_type(parameters)), parameters.shape[0], parameters, gradient, mean,
        variance, rate, beta_1, beta_2, rest_1, rest_2, epsilon,
    )  # fmt: skip


@kernel
def _sgd(parameters, gradient, velocity, rate, momentum, nesterov):
    e = index(cuda.grid(1))
    if e < index(parameters.shape[0]):
        g = gradient[e]
        step = momentum * velocity[e] - rate * g
        velocity[e] = step
        if nesterov:
            step = momentum * step - rate * g
        parameters[e] += step


def sgd(parameters, gradient, velocity, rate, momentum, nesterov):
    """Gradient descent with (Nesterov) momentum."""
    launch_elements(
        _sgd, parameters.shape[0], parameters, gradient, velocity, rate, momentum, nesterov
    )


@cache
def _make_rmsprop(dtype):
    def rmsprop(parameters, gradient, variance, rate, decay, rest, epsilon):
        e = index(cuda.grid(1))
        if e < index(parameters.shape[0]):
            g = gradient[e]
            v = decay * variance[e] + rest * g * g
            variance[e] = v
            parameters[e] -= rate * g / (dtype(math.sqrt(v)) + epsilon)

    return kernel(rmsprop)


def rmsprop(parameters, gradient, variance, rate, decay, rest, epsilon):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5)."""
    launch_elements(
        _make_rmsprop(numba_type(parameters)), parameters.shape[0], parameters, gradient, variance,
        rate, decay, rest, epsilon,
    )  # fmt: skip


@kernel
def _scale_in_place(vector, factor):
    e = index(cuda.grid(1))
    if e < index(vector.shape[0]):
        vector[e] *= factor


def scale_in_place(vector, factor):
    """vector *= factor."""
    launch_elements(_scale_in_place, vector.shape[0], vector, factor)


@kernel
def _add(target, source):
    e = index(cuda.grid(1))
    if e < index(target.shape[0]):
        target[e] += source[e]


def add(target, source):
    """target += source."""
    launch_elements(_add, target.shape[0], target, source)
