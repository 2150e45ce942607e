"""Transformers of sequences, for Pipelines."""

from ._scaler import SequenceScaler

__all__ = ["SequenceScaler"]
