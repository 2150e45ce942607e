"""Losses: what a raw prediction costs and the gradient that says how to lower it.

All have the signature ``(raw, target, weight, parameters, scale, d_raw, sums, place)``:

raw : (n, >= n_raw), the output of the head. IN
target : (n, n_target) float64. IN
weight : (n,) float64, of each sequence. IN
parameters : (any,) float64, what the loss needs besides (delta, the quantiles). IN
scale : float64, one over the sum of the weights of the batch
d_raw : like ``raw``: scale * weight * d loss / d raw in the first n_raw columns. OUT
sums : (any,) float64; ``sums[place]`` becomes the sum of weight * loss. OUT

The loss of a sequence is the mean over its
outputs. Softmax, logistic and softplus are computed with the largest exponent taken out first, so
that no finite input overflows.
"""

import math

import numpy as np

from ._jit import inline_kernel, kernel


@kernel
def squared_error(raw, target, weight, parameters, scale, d_raw, sums, place):
    """(raw - y)^2 / 2."""
    n_outputs = target.shape[1]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / n_outputs
        for j in range(n_outputs):
            error = raw[i, j] - target[i, j]
            total += share * 0.5 * error * error
            d_raw[i, j] = scale * share * error
    sums[place] = total


@kernel
def absolute_error(raw, target, weight, parameters, scale, d_raw, sums, place):
    """|raw - y|."""
    n_outputs = target.shape[1]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / n_outputs
        for j in range(n_outputs):
            error = raw[i, j] - target[i, j]
            total += share * abs(error)
            slope = 0.0 if error == 0 else math.copysign(1.0, error)
            d_raw[i, j] = scale * share * slope
    sums[place] = total


@kernel
def huber(raw, target, weight, parameters, scale, d_raw, sums, place):
    """e^2 / 2 within delta = parameters[0], delta (|e| - delta / 2) beyond (Huber 1964)."""
    n_outputs, delta = target.shape[1], parameters[0]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / n_outputs
        for j in range(n_outputs):
            error = raw[i, j] - target[i, j]
            slope = min(max(error, -delta), delta)
            total += share * slope * (error - 0.5 * slope)
            d_raw[i, j] = scale * share * slope
    sums[place] = total


@kernel
def poisson(raw, target, weight, parameters, scale, d_raw, sums, place):
    """exp(raw) - y raw, half the Poisson deviance up to a constant; raw is the log of the mean."""
    n_outputs = target.shape[1]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / n_outputs
        for j in range(n_outputs):
            mean = math.exp(float(raw[i, j]))
            total += share * (mean - target[i, j] * raw[i, j])
            d_raw[i, j] = scale * share * (mean - target[i, j])
    sums[place] = total


@inline_kernel
def _softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@inline_kernel
def _sigmoid(x):
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@kernel
def quantile(raw, target, weight, parameters, scale, d_raw, sums, place):
    """Pinball loss of the rising quantiles in ``parameters``, averaged (Koenker & Bassett 1978).

    The columns of an output are the lowest quantile and then softplus steps upwards, so quantiles
    of one model cannot cross.
    """
    n_outputs, n_quantiles = target.shape[1], parameters.shape[0]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / (n_outputs * n_quantiles)
        for j in range(n_outputs):
            first = j * n_quantiles
            prediction = 0.0
            for q in range(n_quantiles):
                step = float(raw[i, first + q])
                prediction += step if q == 0 else _softplus(step)
                error = target[i, j] - prediction
                level = parameters[q]
                total += share * (level * error if error >= 0 else (level - 1.0) * error)
                d_raw[i, first + q] = scale * share * (-level if error >= 0 else 1.0 - level)
            # A step moves its own quantile and all above it.
            above = 0.0
            for q in range(n_quantiles - 1, -1, -1):
                above += d_raw[i, first + q]
                slope = 1.0 if q == 0 else _sigmoid(float(raw[i, first + q]))
                d_raw[i, first + q] = above * slope
    sums[place] = total


@kernel
def binary_log_loss(raw, target, weight, parameters, scale, d_raw, sums, place):
    """-log p(y) with p = sigmoid(raw), averaged over the labels."""
    n_outputs = target.shape[1]
    total = 0.0
    for i in range(target.shape[0]):
        share = weight[i] / n_outputs
        for j in range(n_outputs):
            logit = float(raw[i, j])
            total += share * (_softplus(logit) - target[i, j] * logit)
            d_raw[i, j] = scale * share * (_sigmoid(logit) - target[i, j])
    sums[place] = total


@inline_kernel
def _normaliser(logits, n_classes):
    """The largest logit, and the sum of the exponentials of all with that one taken out."""
    largest = float(logits[0])
    for j in range(1, n_classes):
        largest = max(largest, float(logits[j]))
    total = 0.0
    for j in range(n_classes):
        total += math.exp(logits[j] - largest)
    return largest, total


@kernel
def multinomial_log_loss(raw, target, weight, parameters, scale, d_raw, sums, place):
    """-log p(y) with p = softmax(raw); target[:, 0] is the class, parameters[0] their number."""
    n_classes = int(parameters[0])
    total = 0.0
    for i in range(target.shape[0]):
        label = int(target[i, 0])
        largest, normaliser = _normaliser(raw[i], n_classes)
        total += weight[i] * (math.log(normaliser) + largest - raw[i, label])
        for j in range(n_classes):
            p = math.exp(raw[i, j] - largest) / normaliser
            d_raw[i, j] = scale * weight[i] * (p - (1.0 if j == label else 0.0))
    sums[place] = total


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
                step = float(raw[i, j * n_quantiles + q])
                value += step if q == 0 else _softplus(step)
                prediction[i, j * n_quantiles + q] = value


@kernel
def sigmoid_link(raw, probability):
    """probability (n, k) float64 = sigmoid(raw)."""
    for i in range(probability.shape[0]):
        for j in range(probability.shape[1]):
            probability[i, j] = _sigmoid(float(raw[i, j]))


@kernel
def softmax_link(raw, probability):
    """probability (n, k) float64 = softmax(raw)."""
    n_classes = probability.shape[1]
    for i in range(probability.shape[0]):
        largest, normaliser = _normaliser(raw[i], n_classes)
        for j in range(n_classes):
            probability[i, j] = math.exp(raw[i, j] - largest) / normaliser


@kernel
def log_sigmoid_link(raw, sign, log_probability):
    """log_probability (n, k) float64 = log sigmoid(sign * raw)."""
    for i in range(log_probability.shape[0]):
        for j in range(log_probability.shape[1]):
            log_probability[i, j] = -_softplus(-sign * float(raw[i, j]))


@kernel
def log_softmax_link(raw, log_probability):
    """log_probability (n, k) float64 = log softmax(raw)."""
    n_classes = log_probability.shape[1]
    for i in range(log_probability.shape[0]):
        largest, normaliser = _normaliser(raw[i], n_classes)
        for j in range(n_classes):
            log_probability[i, j] = raw[i, j] - largest - math.log(normaliser)
