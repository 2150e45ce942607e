"""Learning rates over the course of training."""

import math


class ConstantRate:
    """The same rate throughout; training may stop when the loss no longer falls."""

    stops_on_plateau = True

    def __init__(self, initial):
        self.initial = self.current = initial

    def rate(self, progress):
        """Rate at ``progress`` (0 to 1) of this run."""
        return self.current

    def on_plateau(self):
        """React to a loss that no longer falls; return whether training should go on."""
        return False

    def get_state(self):
        return {"initial": self.initial, "current": self.current}

    def set_state(self, state):
        if state["initial"] == self.initial:  # a rate that the user has changed takes precedence
            self.current = state["current"]


class AdaptiveRate(ConstantRate):
    """Divides the rate by 5 when the loss stops falling, until the rate is below 1e-6."""

    _FACTOR, _SMALLEST = 5.0, 1e-6

    def on_plateau(self):
        self.current /= self._FACTOR
        return self.current >= self._SMALLEST


class CosineRate(ConstantRate):
    """A short linear rise, then half a cosine down to zero (Loshchilov & Hutter 2017,
    arXiv:1608.03983), over the epochs of one call of fit."""

    stops_on_plateau = False
    _WARM_UP = 0.1

    def rate(self, progress):
        if progress < self._WARM_UP:
            return self.current * progress / self._WARM_UP
        fraction = (progress - self._WARM_UP) / (1 - self._WARM_UP)
        return self.current * 0.5 * (1 + math.cos(math.pi * fraction))
