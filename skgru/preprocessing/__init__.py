"""Preparation of sequences: transformers for Pipelines, windows of series, padding."""

from ._imputer import SequenceImputer
from ._padding import pad_sequences, unpad_sequences
from ._resampler import SequenceResampler
from ._scaler import SequenceScaler
from ._windows import sliding_windows

__all__ = [
    "SequenceImputer",
    "SequenceResampler",
    "SequenceScaler",
    "pad_sequences",
    "sliding_windows",
    "unpad_sequences",
]
