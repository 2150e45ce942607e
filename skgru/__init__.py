"""Gated recurrent units as scikit-learn estimators, compiled with Numba."""

import importlib

from . import datasets
from ._persistence import load, save
from ._show_versions import show_versions
from ._version import __version__
from .estimators import (
    Checkpoint,
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    stream,
    warmup,
)
from .preprocessing import SequenceDifferences, SequenceFrames, SequenceScaler

__all__ = [
    "Checkpoint",
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceDifferences",
    "SequenceFrames",
    "SequenceScaler",
    "__version__",
    "datasets",
    "inspection",
    "load",
    "metrics",
    "model_selection",
    "save",
    "show_versions",
    "stream",
    "warmup",
]


def __getattr__(name):
    # Slow to import, because of what they import of scikit-learn.
    if name in ("inspection", "metrics", "model_selection"):
        return importlib.import_module(f"skgru.{name}")
    raise AttributeError(f"module 'skgru' has no attribute {name!r}")


def __dir__():
    return __all__
