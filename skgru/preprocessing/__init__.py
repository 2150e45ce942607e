"""Transformers of sequences, for Pipelines."""

from ._scaler import SequenceScaler
from ._tokenizer import SequenceTokenizer

__all__ = ["SequenceScaler", "SequenceTokenizer"]
