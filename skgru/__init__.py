"""Gated recurrent units as scikit-learn estimators, compiled with Numba."""

from . import datasets, metrics
from .estimators import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
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
    "metrics",
    "warmup",
]
