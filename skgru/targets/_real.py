"""RealTarget: one number or several for each row."""

from dataclasses import dataclass, replace

import numpy as np

from skgru._lazy import lazy_property
from skgru.data import (
    Sequences,
    check_scale,
    column_statistics,
    encode_regression,
    find_first,
    spread_or_one,
)
from skgru.training import AbsoluteError, Huber, Poisson, Quantile, SquaredError

from ._target import Target


@dataclass(frozen=True, eq=False)
class RealTarget(Target):
    """Targets that are numbers, and the loss that is minimised to predict them.

    Parameters
    ----------
    loss_name : {"squared_error", "absolute_error", "huber", "poisson", "quantile"}
    quantile : float, tuple of float or None
        With the quantile loss: the level or the levels.
    delta : float
        Threshold of the Huber loss.
    n_targets : int
    is_1d : bool
        Whether a row of y is a single number.
    mean, scale : ndarray of shape (n_targets,)
        The network predicts (y - mean) / scale.
    """

    loss_name: str
    quantile: float | tuple | None
    delta: float
    n_targets: int
    is_1d: bool
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def learn(cls, y, rows, weight, loss_name, quantile, delta, name="y"):
        """Return an unscaled target that describes y, and y encoded by it."""
        encoded, is_1d = encode_regression(y, rows, weight, name)
        if loss_name == "poisson":
            _check_counts(encoded, is_1d, rows, name)
            if not encoded.any():
                raise ValueError(f"With loss='poisson' the targets in {name} must not be all zero.")
        n = encoded.shape[1]
        target = cls(loss_name, quantile, float(delta), n, is_1d, np.zeros(n), np.ones(n))
        return target, encoded

    def with_scale(self, encoded, weight, standardize):
        """This target, with the mean and the standard deviation of the given rows."""
        if not standardize or self.loss_name == "poisson":
            return self
        with np.errstate(over="ignore", invalid="ignore"):
            rows = Sequences(encoded, np.arange(len(encoded) + 1), "2d")
            mean, std = column_statistics(rows, sample_weight=weight)
        check_scale(std, "output {} of y")
        return replace(self, mean=mean, scale=spread_or_one(mean, std))

    @property
    def n_outputs(self):
        return self.n_targets

    def encode(self, y, rows, weight, name="y"):
        encoded, is_1d = encode_regression(y, rows, weight, name)
        if self.loss_name == "poisson":
            _check_counts(encoded, is_1d, rows, name)
        if encoded.shape[1] != self.n_targets:
            raise ValueError(
                f"{name} has {encoded.shape[1]} targets for each {rows.noun}, but the model was "
                f"fitted with {self.n_targets}."
            )
        return encoded

    @lazy_property
    def loss(self):
        if self.loss_name == "quantile":
            return Quantile(self.n_targets, np.atleast_1d(self.quantile))
        if self.loss_name == "huber":
            return Huber(self.n_targets, self.delta)
        kinds = {"squared_error": SquaredError, "absolute_error": AbsoluteError, "poisson": Poisson}
        return kinds[self.loss_name](self.n_targets)

    def scaled(self, encoded):
        return (encoded - self.mean) / self.scale

    def decode(self, raw, method="predict"):
        """Numbers in the units of y.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_targets), float64
            With several quantiles, one more axis of length n_quantiles at the end.
        """
        values = self.loss.link(raw).reshape(len(raw), self.n_targets, -1)
        values = values * self.scale[:, np.newaxis] + self.mean[:, np.newaxis]
        if not isinstance(self.quantile, tuple):
            values = values[:, :, 0]
        return values[:, 0] if self.is_1d else values

    def score(self, raw, scaled, weight):
        """R², or with quantiles the mean over the levels of D² (see `mean_d2_pinball_score`)."""
        predicted = self.loss.link(raw)
        if self.loss_name == "quantile":
            predicted = predicted.reshape(len(raw), self.n_targets, -1)
            if len(raw) < 2:  # D² is not defined here, like R² of a single row
                return float((predicted == scaled[..., np.newaxis]).all())
            return mean_d2_pinball_score(scaled, predicted, np.atleast_1d(self.quantile), weight)
        error = (scaled - predicted) ** 2
        spread = (scaled - np.average(scaled, axis=0, weights=weight)) ** 2
        error, spread = (np.average(a, axis=0, weights=weight) for a in (error, spread))
        # As r2_score does, a constant target scores 0 unless it is met exactly.
        ratio = np.where(spread > 0, error / np.where(spread > 0, spread, 1), error > 0)
        return float(np.mean(1 - ratio))


def mean_d2_pinball_score(y, predicted, levels, weight=None):
    """The share of the pinball loss that quantiles explain, averaged over levels and outputs.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
    predicted : ndarray, like y with one more axis of length n_levels
    levels : sequence of float
    weight : ndarray of shape (n_rows,), default=None

    Returns
    -------
    score : float
        1 for perfect predictions, 0 for the quantiles of y itself (see
        `sklearn.metrics.d2_pinball_score`); NaN, with a warning, for a single row.
    """
    from sklearn.metrics import d2_pinball_score  # slow to import, seldom needed

    scores = [
        d2_pinball_score(y, predicted[..., i], alpha=level, sample_weight=weight)
        for i, level in enumerate(levels)
    ]
    return float(np.mean(scores))


def _check_counts(encoded, is_1d, rows, name):
    """Refuse negative targets."""
    target = encoded[:, 0] if is_1d else encoded
    if (target < 0).any():
        value, where = find_first(target, target < 0, rows)
        raise ValueError(
            f"{name} at {where} is {value:g}, but with loss='poisson' targets must not be negative."
        )
