"""Conversion of the X that a user passes into arrays that the networks can read."""

from ._batches import (
    Shard,
    cut_into_shards,
    gather_steps,
    gathered_dtype,
    make_shard,
    minibatches,
)
from ._columns import find_categorical, split_columns
from ._inputs import COPY_BYTES, as_sequences
from ._numbers import as_numbers
from ._rows import SequenceRows, StepRows, as_object_array, cut_labels
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
from ._symbols import check_symbols, form_of_strings, read_strings, strings_of
from ._targets import (
    check_classes,
    encode_classes,
    encode_regression,
    find_first,
)
from ._vocabulary import encode_symbols, frequent_symbols, learn_symbols, rows_of

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
    "check_symbols",
    "column_moments",
    "column_statistics",
    "cut_into_shards",
    "cut_labels",
    "encode_classes",
    "encode_regression",
    "encode_symbols",
    "find_categorical",
    "find_first",
    "form_of_strings",
    "frequent_symbols",
    "gather_steps",
    "gathered_dtype",
    "learn_symbols",
    "make_shard",
    "merge_moments",
    "minibatches",
    "read_strings",
    "rows_of",
    "sequence_statistics",
    "split_columns",
    "spread_or_one",
    "strings_of",
    "varies",
]
