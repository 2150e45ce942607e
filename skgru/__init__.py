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
from .preprocessing import SequenceScaler, SequenceTokenizer

__all__ = [
    "Checkpoint",
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceScaler",
    "SequenceTokenizer",
    "__version__",
    "datasets",
    "inspection",
    "load",
    "metrics",
    "save",
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
