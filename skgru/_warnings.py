"""Warnings that point at the line of the user."""

import sys
import warnings

# Besides skgru: scikit-learn and joblib call fit, in searches for example, and Numba calls the
# cache of a kernel.
_OURS = {"skgru", "sklearn", "joblib", "numba"}


def warn(message, category=UserWarning):
    """Warn of something at the innermost line that is in none of these packages."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package(frame) in _OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
