"""Gated recurrent units as scikit-learn estimators, compiled with Numba."""

import importlib

from . import datasets
from ._show_versions import show_versions
from .estimators import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
    stream,
    warmup,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceScaler",
    "__version__",
    "datasets",
    "inspection",
    "metrics",
    "show_versions",
    "stream",
    "warmup",
]


def __getattr__(name):
    if name in ("inspection", "metrics"):  # slow to import, because of scikit-learn's own metrics
        return importlib.import_module(f"skgru.{name}")
    raise AttributeError(f"module 'skgru' has no attribute {name!r}")


def __dir__():
    return __all__
