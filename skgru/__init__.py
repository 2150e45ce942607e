"""Gated recurrent units as scikit-learn estimators, compiled with Numba."""

import importlib

from . import datasets
from .estimators import (
    Checkpoint,
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
    warmup,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "Checkpoint",
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceScaler",
    "__version__",
    "datasets",
    "metrics",
    "warmup",
]


def __getattr__(name):
    if name == "metrics":  # slow to import, because of scikit-learn's own metrics
        return importlib.import_module("skgru.metrics")
    raise AttributeError(f"module 'skgru' has no attribute {name!r}")


def __dir__():
    return __all__
