"""Dropout whose masks are computed, not stored.

A value is dropped by a hash of (seed, sequence, step, unit), see ``kernels/_dropout_hash.py``: the
backward pass computes the same mask again, threads and shards cannot change it, and a run resumes
exactly from the seed alone. Kept values are scaled by 1 / (1 - rate), so nothing changes at
prediction.
"""

import numpy as np

from .. import _dropout_hash
from .._shared import compile_functions
from ._jit import inline_kernel, kernel

_compiled = compile_functions(_dropout_hash, inline_kernel)
_mix, _row_key = _compiled["mix"], _compiled["row_key"]
_is_kept, _threshold_of = _compiled["is_kept"], _compiled["threshold_of"]


@inline_kernel
def _drop_row(row, key, threshold, scale, size, padded):
    """Drop real units of one row in place; ``size`` of every ``padded`` columns are real."""
    zero = row.dtype.type(0)
    for group in range(row.shape[0] // padded):
        for j in range(size):
            column = group * padded + j
            kept = _is_kept(key, group * size + j, threshold)
            row[column] = row[column] * scale if kept else zero


@kernel
def connect(states, block, alive, shift, sequences, seed, rate, first_unit, size, x, column):
    """Copy the states of one direction into the input of the next layer, dropping some.

    Parameters
    ----------
    states, shift : see ``pooling.py``; the first ``size`` columns are real units. IN
    sequences : (n_sequences,) int64, numbers of the sequences, which select their masks. IN
    seed : uint64
    rate : float64 in [0, 1), the share dropped.
    first_unit : int, the unit whose mask the first column gets.  Units are counted without padding:
        masks do not depend on the vector width of a machine.
    x : (rows, n_inputs): columns ``column`` onwards are written, padding rows with zeros. OUT
    """
    n_units = states.shape[1]
    mixed_seed, threshold = _mix(np.uint64(seed)), _threshold_of(rate)
    scale, zero = states.dtype.type(1.0 / (1.0 - rate)), states.dtype.type(0)
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            source = states[block[t + shift] + i]
            target = x[block[t] + i, column : column + n_units]
            for j in range(n_units):
                target[j] = source[j]
            if rate > 0:
                key = _row_key(mixed_seed, sequences[i], t)
                for j in range(size):
                    kept = _is_kept(key, first_unit + j, threshold)
                    target[j] = target[j] * scale if kept else zero
        x[block[t] + alive[t] : block[t + 1], column : column + n_units] = 0


@kernel
def drop_steps(x, block, alive, sequences, seed, rate, size, padded):
    """Multiply the rows of every step by the masks of ``connect``, in place.

    The columns are groups of ``padded``, of which the first ``size`` are real units; what is beyond
    the last whole group is left alone.
    """
    mixed_seed, threshold = _mix(np.uint64(seed)), _threshold_of(rate)
    scale = x.dtype.type(1.0 / (1.0 - rate))
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            key = _row_key(mixed_seed, sequences[i], t)
            _drop_row(x[block[t] + i], key, threshold, scale, size, padded)


@kernel
def drop_rows(x, sequences, seed, rate, size, padded):
    """Multiply each sequence's row by its mask, in place: dropout before the head, or a mask.

    Columns as in ``drop_steps``.
    """
    mixed_seed, threshold = _mix(np.uint64(seed)), _threshold_of(rate)
    scale = x.dtype.type(1.0 / (1.0 - rate))
    for i in range(x.shape[0]):
        key = _row_key(mixed_seed, sequences[i], 0)
        _drop_row(x[i], key, threshold, scale, size, padded)
