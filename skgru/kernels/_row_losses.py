"""The losses of one row, for every device: what a raw prediction costs, and its gradient.

A row is one prediction with its target and its weight. The functions from `squared_error` on share
one signature, ``(raw, target, i, weight, parameters, scale, d_raw, total)``:

raw : (n, >= n_raw), the output of the head. IN
target : (n, n_target) float64. IN
i : int, the row.
weight : float64, the weight of row i.
parameters : (any,) float64, further numbers that the loss needs (delta, the quantiles). IN
scale : float64, one over the sum of the weights of the batch.
d_raw : like ``raw``; row i becomes scale * weight * d loss / d raw in the first n_raw columns. OUT
total : float64, the loss of the rows before.

They return ``total`` plus weight * loss. The loss of a row is the mean over its outputs. Softmax,
logistic function and softplus take the largest exponent out first, so that no finite input
overflows. A NaN in ``raw`` gives a total that is NaN.

Sums, targets and gradients are float64 until they are stored. Functions of ``raw`` alone are
computed in the type that `wide` gives it.
"""

import math


def wide(x):
    """A raw prediction in the type to compute with: its own, unless a device has replaced this."""
    return x


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    e = math.exp(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0 else e / (1.0 + e)


def softmax_sum(raw, i, n_classes):
    """Return the largest logit of row i, and the sum of exp(logit - largest)."""
    largest = wide(raw[i, 0])
    for j in range(1, n_classes):
        largest = max(largest, wide(raw[i, j]))
    total = 0.0
    for j in range(n_classes):
        total += math.exp(wide(raw[i, j]) - largest)
    return largest, total


def squared_error(raw, target, i, weight, parameters, scale, d_raw, total):
    """(raw - y)^2 / 2."""
    n_outputs = target.shape[1]
    share = weight / n_outputs
    for j in range(n_outputs):
        error = raw[i, j] - target[i, j]
        total += share * 0.5 * error * error
        d_raw[i, j] = scale * share * error
    return total


def absolute_error(raw, target, i, weight, parameters, scale, d_raw, total):
    """|raw - y|."""
    n_outputs = target.shape[1]
    share = weight / n_outputs
    for j in range(n_outputs):
        error = raw[i, j] - target[i, j]
        total += share * abs(error)
        slope = 0.0 if error == 0 else math.copysign(1.0, error)
        d_raw[i, j] = scale * share * slope
    return total


def huber(raw, target, i, weight, parameters, scale, d_raw, total):
    """e^2 / 2 within delta = parameters[0], delta (|e| - delta / 2) beyond (Huber 1964)."""
    n_outputs, delta = target.shape[1], parameters[0]
    share = weight / n_outputs
    for j in range(n_outputs):
        error = raw[i, j] - target[i, j]
        # Comparisons keep a NaN; min and max would drop it on a GPU.
        slope = delta if error > delta else (-delta if error < -delta else error)
        total += share * slope * (error - 0.5 * slope)
        d_raw[i, j] = scale * share * slope
    return total


def poisson(raw, target, i, weight, parameters, scale, d_raw, total):
    """exp(raw) - y raw, half the Poisson deviance up to a constant; raw is the log of the mean."""
    n_outputs = target.shape[1]
    share = weight / n_outputs
    for j in range(n_outputs):
        log_mean = wide(raw[i, j])
        mean = math.exp(log_mean)
        total += share * (mean - target[i, j] * log_mean)
        d_raw[i, j] = scale * share * (mean - target[i, j])
    return total


def quantile(raw, target, i, weight, parameters, scale, d_raw, total):
    """Pinball loss of the rising quantiles in ``parameters``, averaged (Koenker & Bassett 1978).

    The columns of an output are the lowest quantile and then softplus steps upwards, so quantiles
    of one model cannot cross.
    """
    n_outputs, n_quantiles = target.shape[1], parameters.shape[0]
    share = weight / (n_outputs * n_quantiles)
    for j in range(n_outputs):
        first = j * n_quantiles
        prediction = 0.0
        for q in range(n_quantiles):
            step = wide(raw[i, first + q])
            prediction += step if q == 0 else softplus(step)
            error = target[i, j] - prediction
            level = parameters[q]
            total += share * (level * error if error >= 0 else (level - 1.0) * error)
            d_raw[i, first + q] = scale * share * (-level if error >= 0 else 1.0 - level)
        # A step moves its own quantile and all above it.
        above = 0.0
        for q in range(n_quantiles - 1, -1, -1):
            above += d_raw[i, first + q]
            slope = 1.0 if q == 0 else sigmoid(wide(raw[i, first + q]))
            d_raw[i, first + q] = above * slope
    return total


def binary_log_loss(raw, target, i, weight, parameters, scale, d_raw, total):
    """-log p(y) with p = sigmoid(raw), averaged over the labels."""
    n_outputs = target.shape[1]
    share = weight / n_outputs
    for j in range(n_outputs):
        logit = wide(raw[i, j])
        total += share * (softplus(logit) - target[i, j] * logit)
        d_raw[i, j] = scale * share * (sigmoid(logit) - target[i, j])
    return total


def multinomial_log_loss(raw, target, i, weight, parameters, scale, d_raw, total):
    """-log p(y) with p = softmax(raw); target[:, 0] is the class, parameters[0] their number."""
    n_classes, label = int(parameters[0]), int(target[i, 0])
    largest, normaliser = softmax_sum(raw, i, n_classes)
    total += weight * (math.log(normaliser) + largest - wide(raw[i, label]))
    for j in range(n_classes):
        p = math.exp(wide(raw[i, j]) - largest) / normaliser
        d_raw[i, j] = scale * weight * (p - (1.0 if j == label else 0.0))
    return total
