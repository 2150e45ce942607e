"""Transformers of sequences, for Pipelines."""

from ._imputer import SequenceImputer
from ._scaler import SequenceScaler

__all__ = ["SequenceImputer", "SequenceScaler"]
