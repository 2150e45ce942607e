"""Losses and links: sums over the rows of ``kernels/_row_losses.py``.

All losses have the signature ``(raw, target, weight, parameters, scale, d_raw, sums, place)``:

raw : (n, >= n_raw), the output of the head. IN
target : (n, n_target) float64. IN
weight : (n,) float64, of each row. IN
parameters : (any,) float64, further numbers that the loss needs (delta, the quantiles). IN
scale : float64, one over the sum of the weights of the batch
d_raw : like ``raw``: scale * weight * d loss / d raw in the first n_raw columns. OUT
sums : (any,) float64; ``sums[place]`` becomes the sum of weight * loss. OUT
"""

import math
from types import FunctionType

import numpy as np

from .. import _row_losses
from .._shared import compile_functions
from ._jit import kernel, step_kernel

_compiled = compile_functions(_row_losses, step_kernel)
_softplus, _sigmoid = _compiled["softplus"], _compiled["sigmoid"]
_softmax_sum = _compiled["softmax_sum"]

_row_loss = None  # every loss is a copy of the next function with a ``_row_loss`` of its own


def _sum_over_rows(raw, target, weight, parameters, scale, d_raw, sums, place):
    total = 0.0
    for i in range(target.shape[0]):
        total = _row_loss(raw, target, i, weight[i], parameters, scale, d_raw, total)
    sums[place] = total


def _loss(name):
    """Make a kernel of the function that has this name in ``_row_losses.py``.

    The kernel is no closure over that function, because Numba's cache on disk would never find it
    again: it recognises closures by their pickled contents, and a compiled function is pickled
    differently in every process.
    """
    names = globals() | {"_row_loss": _compiled[name]}
    loss = FunctionType(_sum_over_rows.__code__, names, name)
    loss.__qualname__ = name
    loss.__doc__ = getattr(_row_losses, name).__doc__
    return kernel(loss)


squared_error = _loss("squared_error")
absolute_error = _loss("absolute_error")
huber = _loss("huber")
poisson = _loss("poisson")
quantile = _loss("quantile")
binary_log_loss = _loss("binary_log_loss")
multinomial_log_loss = _loss("multinomial_log_loss")


def add_losses(sums, factor, total):
    """total[0] += factor * sums[0] + sums[1] + ...: the penalty and the losses of a batch."""
    total[0] += factor * sums[0] + np.add.reduce(sums[1:])


@kernel
def quantile_link(raw, n_outputs, n_quantiles, prediction):
    """prediction (n, n_outputs * n_quantiles) float64 of the rising quantiles; see ``quantile``."""
    for i in range(prediction.shape[0]):
        for j in range(n_outputs):
            value = 0.0
            for q in range(n_quantiles):
                step = raw[i, j * n_quantiles + q]
                value += step if q == 0 else _softplus(step)
                prediction[i, j * n_quantiles + q] = value


@kernel
def sigmoid_link(raw, probability):
    """probability (n, k) float64 = sigmoid(raw)."""
    for i in range(probability.shape[0]):
        for j in range(probability.shape[1]):
            probability[i, j] = _sigmoid(raw[i, j])


@kernel
def softmax_link(raw, probability):
    """probability (n, k) float64 = softmax(raw)."""
    n_classes = probability.shape[1]
    for i in range(probability.shape[0]):
        largest, normaliser = _softmax_sum(raw, i, n_classes)
        for j in range(n_classes):
            probability[i, j] = math.exp(raw[i, j] - largest) / normaliser


@kernel
def log_sigmoid_link(raw, sign, log_probability):
    """log_probability (n, k) float64 = log sigmoid(sign * raw)."""
    for i in range(log_probability.shape[0]):
        for j in range(log_probability.shape[1]):
            log_probability[i, j] = -_softplus(-sign * raw[i, j])


@kernel
def log_softmax_link(raw, log_probability):
    """log_probability (n, k) float64 = log softmax(raw)."""
    n_classes = log_probability.shape[1]
    for i in range(log_probability.shape[0]):
        largest, normaliser = _softmax_sum(raw, i, n_classes)
        for j in range(n_classes):
            log_probability[i, j] = raw[i, j] - largest - math.log(normaliser)
