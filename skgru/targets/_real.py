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
    constant : ndarray of shape (n_targets,) or None
        The value of each target that has not varied so far, which is predicted exactly, whatever
        the network says; NaN for the others. None if all targets vary.
    """

    loss_name: str
    quantile: float | tuple | None
    delta: float
    n_targets: int
    is_1d: bool
    mean: np.ndarray
    scale: np.ndarray
    constant: np.ndarray | None = None

    @classmethod
    def learn(cls, y, rows, weight, loss_name, quantile, delta, name="y"):
        """Return an unscaled target that describes y, and y encoded by it."""
        encoded, is_1d = encode_regression(y, rows, weight, name)
        if loss_name == "poisson":
            _check_counts(encoded, is_1d, rows, name)
            if not encoded.any():
                raise ValueError(f"With loss='poisson' the targets in {name} must not be all zero.")
        n = encoded.shape[1]
        constant = _only_values(encoded, weight)
        if constant is not None and loss_name == "poisson":
            # The mean of counts is positive, even where all counts so far were zero.
            constant[constant == 0] = np.nan
        target = cls(loss_name, quantile, float(delta), n, is_1d, np.zeros(n), np.ones(n), constant)
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

    def including(self, encoded, weight):
        if self.constant is None:
            return self
        now = _only_values(encoded, weight)
        # NaN is not equal to itself: a target that has varied is never constant again.
        constant = np.where(now == self.constant, self.constant, np.nan)
        return replace(self, constant=None if np.isnan(constant).all() else constant)

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
        values = self._predicted(raw) * self.scale[:, np.newaxis] + self.mean[:, np.newaxis]
        if self.constant is not None:  # again, as scaling rounds
            values[:, self._is_constant] = self.constant[self._is_constant, np.newaxis]
        if not isinstance(self.quantile, tuple):
            values = values[:, :, 0]
        return values[:, 0] if self.is_1d else values

    @property
    def _is_constant(self):
        return ~np.isnan(self.constant)

    def _predicted(self, raw):
        """Predictions on the scale of the network, (n_rows, n_targets, n_quantiles)."""
        predicted = self.loss.link(raw).reshape(len(raw), self.n_targets, -1)
        if self.constant is not None:
            fixed = self._is_constant
            predicted[:, fixed] = self.scaled(self.constant)[fixed, np.newaxis]
        return predicted

    def score(self, raw, scaled, weight):
        """R², or with quantiles the mean of D² (see `skgru.metrics.mean_d2_pinball_score`)."""
        predicted = self._predicted(raw)
        if self.loss_name == "quantile":
            from skgru.metrics import mean_d2_pinball_score  # slow to import, seldom needed

            if len(raw) < 2:  # D² is not defined here, like R² of a single row
                return float((predicted == scaled[..., np.newaxis]).all())
            return mean_d2_pinball_score(scaled, predicted, np.atleast_1d(self.quantile), weight)
        error = (scaled - predicted[..., 0]) ** 2
        spread = (scaled - np.average(scaled, axis=0, weights=weight)) ** 2
        error, spread = (np.average(a, axis=0, weights=weight) for a in (error, spread))
        # As r2_score does, a constant target scores 0 unless it is met exactly.
        ratio = np.where(spread > 0, error / np.where(spread > 0, spread, 1), error > 0)
        return float(np.mean(1 - ratio))


def _only_values(encoded, weight):
    """The value of each target that is the same in all rows that count, NaN for the others.

    None if all targets vary.
    """
    used = encoded if weight.all() else encoded[weight > 0]
    is_constant = (used == used[0]).all(axis=0)
    return np.where(is_constant, used[0], np.nan) if is_constant.any() else None


def _check_counts(encoded, is_1d, rows, name):
    """Refuse negative targets."""
    target = encoded[:, 0] if is_1d else encoded
    if (target < 0).any():
        value, where = find_first(target, target < 0, rows)
        raise ValueError(
            f"{name} at {where} is {value:g}, but with loss='poisson' targets must not be negative."
        )
