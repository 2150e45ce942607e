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
from .preprocessing import (
    SequenceDifferences,
    SequenceFrames,
    SequenceImputer,
    SequenceResampler,
    SequenceScaler,
    SequenceTokenizer,
    pad_sequences,
    sliding_windows,
    unpad_sequences,
)

__all__ = [
    "Checkpoint",
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "SequenceDifferences",
    "SequenceFrames",
    "SequenceImputer",
    "SequenceResampler",
    "SequenceScaler",
    "SequenceTokenizer",
    "__version__",
    "datasets",
    "inspection",
    "load",
    "metrics",
    "model_selection",
    "pad_sequences",
    "save",
    "show_versions",
    "sliding_windows",
    "stream",
    "unpad_sequences",
    "warmup",
]


def __getattr__(name):
    # Slow to import, because of what they import of scikit-learn.
    if name in ("inspection", "metrics", "model_selection"):
        return importlib.import_module(f"skgru.{name}")
    raise AttributeError(f"module 'skgru' has no attribute {name!r}")


def __dir__():
    return __all__
