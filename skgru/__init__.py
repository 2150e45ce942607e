"""Gated recurrent units as scikit-learn estimators, compiled with Numba."""

import importlib

from . import datasets
from ._persistence import load, save
from ._version import __version__
from .estimators import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
    warmup,
)

__all__ = [
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceScaler",
    "__version__",
    "datasets",
    "load",
    "metrics",
    "save",
    "warmup",
]


def __getattr__(name):
    if name == "metrics":  # slow to import, because of scikit-learn's own metrics
        return importlib.import_module("skgru.metrics")
    raise AttributeError(f"module 'skgru' has no attribute {name!r}")


def __dir__():
    return __all__
