"""Conversion of the X that a user passes into arrays that the networks can read."""

from ._batches import (
    Shard,
    cut_into_shards,
    gather_steps,
    gathered_dtype,
    make_shard,
    minibatches,
)
from ._inputs import COPY_BYTES, as_sequences
from ._numbers import as_numbers
from ._rows import SequenceRows, StepRows, as_object_array
from ._sequences import ScatteredRows, Sequences
from ._statistics import (
    check_scale,
    column_moments,
    column_statistics,
    merge_moments,
    sequence_statistics,
    spread_or_one,
    varies,
)
from ._targets import (
    check_classes,
    encode_classes,
    encode_regression,
    find_first,
)

__all__ = [
    "COPY_BYTES",
    "ScatteredRows",
    "SequenceRows",
    "Sequences",
    "Shard",
    "StepRows",
    "as_numbers",
    "as_object_array",
    "as_sequences",
    "check_classes",
    "check_scale",
    "column_moments",
    "column_statistics",
    "cut_into_shards",
    "encode_classes",
    "encode_regression",
    "find_first",
    "gather_steps",
    "gathered_dtype",
    "make_shard",
    "merge_moments",
    "minibatches",
    "sequence_statistics",
    "spread_or_one",
    "varies",
]
