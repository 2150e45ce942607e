"""Dropout by the hash of ``kernels/_dropout_hash.py``: the same masks as on the CPU, bit for bit.

The host hashes the seed, and converts the dropout rate to a threshold.
"""

import numpy as np
from numba import cuda

from .. import _dropout_hash
from .._shared import compile_functions
from ._cell import step_of
from ._jit import device_function, index, kernel
from ._launch import launch_rows

_compiled = compile_functions(_dropout_hash, device_function)
_row_key, _is_kept = _compiled["row_key"], _compiled["is_kept"]


def _constants(seed, rate, dtype):
    """The hashed seed, the threshold for dropping, and the factor for entries that are kept."""
    with np.errstate(over="ignore"):  # the hash wraps around
        mixed_seed = _dropout_hash.mix(np.uint64(seed))
    scale = np.dtype(dtype).type(1.0 / (1.0 - rate))
    return mixed_seed, _dropout_hash.threshold_of(rate), scale


@kernel
def _connect(
    states, block, alive, shift, sequences, mixed_seed, threshold, scale, first_unit, size, x,
    column,
):  # fmt: skip
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(x.shape[0]):
        return
    t = step_of(row, block)
    i = row - index(block[t])
    used = i < index(alive[t])
    source, key = index(0), np.uint64(0)
    drops = threshold > np.uint64(0)
    if used:
        source = index(block[t + index(shift)]) + i
        if drops:
            key = _row_key(mixed_seed, sequences[i], t)
    j = index(cuda.threadIdx.x)
    while j < index(states.shape[1]):
        target = index(column) + j
        if not used:
            x[row, target] = 0
        elif drops and j < index(size):
            if _is_kept(key, index(first_unit) + j, threshold):
                x[row, target] = states[source, j] * scale
            else:
                x[row, target] = 0
        else:
            x[row, target] = states[source, j]
        j += index(cuda.blockDim.x)


def connect(states, block, alive, shift, sequences, seed, rate, first_unit, size, x, column):
    """Copy the states of one direction into the input of the next layer, dropping some."""
    launch_rows(
        _connect, x.shape[0], states, block, alive, shift, sequences,
        *_constants(seed, rate, x.dtype), first_unit, size, x, column,
    )  # fmt: skip


@kernel
def _drop(x, block, alive, sequences, mixed_seed, threshold, scale, size, padded, by_step):
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(x.shape[0]):
        return
    t, i = index(0), row
    if by_step:
        t = step_of(row, block)
        i = row - index(block[t])
        if i >= index(alive[t]):
            return
    key = _row_key(mixed_seed, sequences[i], t)
    size, padded = index(size), index(padded)
    n_units = index(x.shape[1]) // padded * size
    unit = index(cuda.threadIdx.x)
    while unit < n_units:
        column = unit // size * padded + unit % size
        if _is_kept(key, unit, threshold):
            x[row, column] *= scale
        else:
            x[row, column] = 0
        unit += index(cuda.blockDim.x)


def drop_steps(x, block, alive, sequences, seed, rate, size, padded):
    """Multiply the rows of every step by the masks of ``connect``, in place."""
    launch_rows(
        _drop, x.shape[0], x, block, alive, sequences, *_constants(seed, rate, x.dtype), size,
        padded, True,
    )  # fmt: skip


def drop_rows(x, sequences, seed, rate, size, padded):
    """Multiply each sequence's row by its mask, in place."""
    launch_rows(
        _drop, x.shape[0], x, sequences, sequences, sequences, *_constants(seed, rate, x.dtype),
        size, padded, False,
    )  # fmt: skip
