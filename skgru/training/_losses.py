"""Losses: a kernel, a link from raw predictions to predictions, and a constant to start from.

To add one, write its kernel in ``kernels/_row_losses.py`` and a class here (see
``docs/how_to_add_a_loss.md``).  Targets are float64 arrays (n, n_target); for the multinomial loss
the only column is the number of the class.
"""

from abc import ABC, abstractmethod

import numpy as np

from skgru.kernels import get_kernels


class Loss(ABC):
    """A loss that training can minimise.

    Training runs the kernel on its device; all methods of a loss run on the host.

    Attributes
    ----------
    kernel : str
        Name of its kernel.
    parameters : ndarray of float64
        Passed to the kernel.
    n_raw : int
        Columns of the raw prediction.
    """

    kernel: str

    def __init__(self, n_raw, parameters=()):
        self.n_raw = n_raw
        self.parameters = np.asarray(parameters, dtype=np.float64)

    @abstractmethod
    def constant(self, target, weight):
        """The constant raw prediction (n_raw,) that fits the targets best."""

    def link(self, raw):
        """Predictions from raw predictions, in float64."""
        return raw.astype(np.float64)

    def mean(self, raw, target, weight):
        """Weighted mean loss of raw predictions."""
        kernel, total = getattr(get_kernels("cpu"), self.kernel), np.zeros(1)
        kernel(raw, target, weight, self.parameters, 1.0, np.empty_like(raw), total, 0)
        return total[0] / weight.sum()


class SquaredError(Loss):
    """Half the squared error; the raw prediction is the conditional mean."""

    kernel = "squared_error"

    def constant(self, target, weight):
        return np.average(target, axis=0, weights=weight)


class AbsoluteError(Loss):
    """Absolute error; the raw prediction is the conditional median."""

    kernel = "absolute_error"

    def constant(self, target, weight):
        return _weighted_quantile(target, weight, 0.5)


class Huber(Loss):
    """Quadratic near zero and linear beyond ``delta`` (Huber 1964)."""

    kernel = "huber"

    def __init__(self, n_raw, delta):
        super().__init__(n_raw, [delta])

    def constant(self, target, weight):
        return _weighted_quantile(target, weight, 0.5)


class Poisson(Loss):
    """Half the Poisson deviance up to a constant; the raw prediction is the log of the mean."""

    kernel = "poisson"

    def constant(self, target, weight):
        # A target that is always zero has no finite logarithm; start somewhere small.
        return np.log(np.maximum(np.average(target, axis=0, weights=weight), 1e-6))

    def link(self, raw):
        return np.exp(raw.astype(np.float64))


class Quantile(Loss):
    """Pinball loss of rising quantiles that cannot cross (Koenker & Bassett 1978)."""

    kernel = "quantile"

    def __init__(self, n_outputs, levels):
        super().__init__(n_outputs * len(levels), levels)
        self.n_outputs = n_outputs

    def constant(self, target, weight):
        found = np.array([_weighted_quantile(target, weight, level) for level in self.parameters])
        steps = np.maximum(np.diff(found, axis=0), 1e-3)
        found[1:] = steps + np.log(-np.expm1(-steps))  # the inverse of softplus
        return found.T.ravel()

    def link(self, raw):
        prediction = np.empty((len(raw), self.n_raw))
        get_kernels("cpu").quantile_link(raw, self.n_outputs, len(self.parameters), prediction)
        return prediction


class BinaryLogLoss(Loss):
    """Logistic loss of one or several labels."""

    kernel = "binary_log_loss"

    def constant(self, target, weight):
        # Adding half a sequence of each kind keeps the value finite for a label that never varies.
        n = weight.sum()
        share = (np.average(target, axis=0, weights=weight) * n + 0.5) / (n + 1)
        return np.log(share / (1 - share))

    def link(self, raw):
        probability = np.empty((len(raw), self.n_raw))
        get_kernels("cpu").sigmoid_link(raw, probability)
        return probability

    def log_link(self, raw, sign=1.0):
        """Log-probability of the label, or (with sign -1) of its absence."""
        log_probability = np.empty((len(raw), self.n_raw))
        get_kernels("cpu").log_sigmoid_link(raw, sign, log_probability)
        return log_probability


class MultinomialLogLoss(Loss):
    """Cross-entropy of the softmax; the target is the number of the class."""

    kernel = "multinomial_log_loss"

    def __init__(self, n_classes):
        super().__init__(n_classes, [n_classes])

    def constant(self, target, weight):
        counts = np.bincount(target[:, 0].astype(int), weights=weight, minlength=self.n_raw)
        return np.log((counts + 0.5) / (counts.sum() + 0.5 * self.n_raw))

    def link(self, raw):
        probability = np.empty((len(raw), self.n_raw))
        get_kernels("cpu").softmax_link(raw, probability)
        return probability

    def log_link(self, raw):
        """Logarithms of the probabilities, without underflow."""
        log_probability = np.empty((len(raw), self.n_raw))
        get_kernels("cpu").log_softmax_link(raw, log_probability)
        return log_probability


def _weighted_quantile(target, weight, level):
    """Per column, the smallest value that at least ``level`` of the weight does not exceed."""
    found = np.empty(target.shape[1])
    for j, column in enumerate(target.T):
        order = np.argsort(column, kind="stable")
        cumulative = np.cumsum(weight[order])
        found[j] = column[order][np.searchsorted(cumulative, level * cumulative[-1])]
    return found
