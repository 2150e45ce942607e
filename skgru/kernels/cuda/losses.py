"""Losses and links; definitions in ``kernels/cpu/losses.py``.

A loss is one block: its threads take sequences in turn and add up what they found in a fixed order,
and the gradient of a sequence is written by the thread that has it.
"""

import math
from functools import cache

from numba import cuda, float64

from ._jit import device_function, index, kernel
from ._launch import BLOCK, launch


@device_function
def _softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@device_function
def _sigmoid(x):
    e = math.exp(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0 else e / (1.0 + e)


@device_function
def _normaliser(logits, i, n_classes):
    """The largest logit of a row, and the sum of the exponentials with that one taken out."""
    largest = float64(logits[i, 0])
    for j in range(1, n_classes):
        largest = max(largest, float64(logits[i, j]))
    total = 0.0
    for j in range(n_classes):
        total += math.exp(float64(logits[i, j]) - largest)
    return largest, total


@device_function
def _squared_error(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs = target.shape[1]
    share, total = weight / n_outputs, 0.0
    for j in range(n_outputs):
        error = float64(raw[i, j]) - target[i, j]
        total += share * 0.5 * error * error
        d_raw[i, j] = scale * share * error
    return total


@device_function
def _absolute_error(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs = target.shape[1]
    share, total = weight / n_outputs, 0.0
    for j in range(n_outputs):
        error = float64(raw[i, j]) - target[i, j]
        total += share * abs(error)
        slope = 0.0 if error == 0 else math.copysign(1.0, error)
        d_raw[i, j] = scale * share * slope
    return total


@device_function
def _huber(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs, delta = target.shape[1], parameters[0]
    share, total = weight / n_outputs, 0.0
    for j in range(n_outputs):
        error = float64(raw[i, j]) - target[i, j]
        # Written so that a NaN stays one.
        slope = delta if error > delta else (-delta if error < -delta else error)
        total += share * slope * (error - 0.5 * slope)
        d_raw[i, j] = scale * share * slope
    return total


@device_function
def _poisson(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs = target.shape[1]
    share, total = weight / n_outputs, 0.0
    for j in range(n_outputs):
        value = float64(raw[i, j])
        mean = math.exp(value)
        total += share * (mean - target[i, j] * value)
        d_raw[i, j] = scale * share * (mean - target[i, j])
    return total


@device_function
def _quantile(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs, n_quantiles = target.shape[1], parameters.shape[0]
    share, total = weight / (n_outputs * n_quantiles), 0.0
    for j in range(n_outputs):
        first, prediction = j * n_quantiles, 0.0
        for q in range(n_quantiles):
            step = float64(raw[i, first + q])
            prediction += step if q == 0 else _softplus(step)
            error, level = target[i, j] - prediction, parameters[q]
            total += share * (level * error if error >= 0 else (level - 1.0) * error)
            d_raw[i, first + q] = scale * share * (-level if error >= 0 else 1.0 - level)
        above = 0.0  # a step moves its own quantile and all above it
        for back in range(n_quantiles):
            q = n_quantiles - 1 - back
            above += float64(d_raw[i, first + q])
            slope = 1.0 if q == 0 else _sigmoid(float64(raw[i, first + q]))
            d_raw[i, first + q] = above * slope
    return total


@device_function
def _binary_log_loss(raw, target, i, weight, parameters, scale, d_raw):
    n_outputs = target.shape[1]
    share, total = weight / n_outputs, 0.0
    for j in range(n_outputs):
        logit = float64(raw[i, j])
        total += share * (_softplus(logit) - target[i, j] * logit)
        d_raw[i, j] = scale * share * (_sigmoid(logit) - target[i, j])
    return total


@device_function
def _multinomial_log_loss(raw, target, i, weight, parameters, scale, d_raw):
    n_classes, label = int(parameters[0]), int(target[i, 0])
    largest, normaliser = _normaliser(raw, i, n_classes)
    for j in range(n_classes):
        p = math.exp(float64(raw[i, j]) - largest) / normaliser
        d_raw[i, j] = scale * weight * (p - (1.0 if j == label else 0.0))
    return weight * (math.log(normaliser) + largest - float64(raw[i, label]))


@cache
def _make_loss(one_sequence):
    def loss(raw, target, weight, parameters, scale, d_raw, losses, place):
        sums = cuda.shared.array(BLOCK, float64)
        thread = index(cuda.threadIdx.x)
        total = 0.0
        i = thread
        while i < index(target.shape[0]):
            total += one_sequence(raw, target, i, weight[i], parameters, scale, d_raw)
            i += index(BLOCK)
        sums[thread] = total
        cuda.syncthreads()
        width = index(BLOCK) // index(2)
        while width > index(0):
            if thread < width:
                sums[thread] += sums[thread + width]
            cuda.syncthreads()
            width //= index(2)
        if thread == index(0):
            losses[place] = sums[0]

    return kernel(loss)


def _loss(one_sequence, summary):
    name = one_sequence.__name__.lstrip("_")

    def loss(raw, target, weight, parameters, scale, d_raw, sums, place):
        launch(
            _make_loss(one_sequence), (1,), (BLOCK,), raw, target, weight, parameters,
            float(scale), d_raw, sums, place,
        )  # fmt: skip

    loss.__name__ = loss.__qualname__ = name
    loss.__doc__ = f"{summary}; arguments as on the CPU."
    return loss


squared_error = _loss(_squared_error, "Half the squared error")
absolute_error = _loss(_absolute_error, "Absolute error")
huber = _loss(_huber, "Huber's loss, delta = parameters[0]")
poisson = _loss(_poisson, "Half the Poisson deviance up to a constant")
quantile = _loss(_quantile, "Pinball loss of rising quantiles")
binary_log_loss = _loss(_binary_log_loss, "Logistic loss of labels")
multinomial_log_loss = _loss(_multinomial_log_loss, "Cross-entropy of the softmax")


@kernel
def _add_losses(sums, factor, total):
    added = factor * sums[0]
    for i in range(1, sums.shape[0]):
        added += sums[i]
    total[0] += added


def add_losses(sums, factor, total):
    """total[0] += factor * sums[0] + sums[1] + ...: the penalty and the losses of a batch."""
    launch(_add_losses, (1,), (1,), sums, float(factor), total)
