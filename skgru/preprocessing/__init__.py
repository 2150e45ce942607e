"""Transformers of sequences, for Pipelines."""

from ._differences import SequenceDifferences
from ._frames import SequenceFrames
from ._own_scale import LogScales, learn_log_scales, own_scaled
from ._scaler import SequenceScaler

__all__ = [
    "LogScales",
    "SequenceDifferences",
    "SequenceFrames",
    "SequenceScaler",
    "learn_log_scales",
    "own_scaled",
]
