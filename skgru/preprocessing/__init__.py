"""Preparation of sequences: transformers for Pipelines, windows of series, padding."""

from ._differences import SequenceDifferences
from ._frames import SequenceFrames
from ._imputer import SequenceImputer
from ._padding import pad_sequences, unpad_sequences
from ._per_sequence import learn_log_scales, prepare_sequences
from ._resampler import SequenceResampler
from ._scaler import SequenceScaler
from ._tokenizer import SequenceTokenizer
from ._windows import sliding_windows

__all__ = [
    "SequenceDifferences",
    "SequenceFrames",
    "SequenceImputer",
    "SequenceResampler",
    "SequenceScaler",
    "SequenceTokenizer",
    "learn_log_scales",
    "pad_sequences",
    "prepare_sequences",
    "sliding_windows",
    "unpad_sequences",
]
