"""Transformers of sequences, for Pipelines."""

from ._differences import SequenceDifferences
from ._frames import SequenceFrames
from ._own_scale import learn_log_scales, prepare_sequences
from ._scaler import SequenceScaler

__all__ = [
    "SequenceDifferences",
    "SequenceFrames",
    "SequenceScaler",
    "learn_log_scales",
    "prepare_sequences",
]
