"""Dropout whose masks are computed, not stored.

A value is dropped by a hash of (seed, sequence, step, unit): the backward pass computes the same
mask again, threads and shards cannot change it, and a run resumes exactly from the seed alone.  The
hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
Kept values are scaled by 1 / (1 - rate), so nothing changes at prediction.
"""

import numpy as np

from ._jit import inline_kernel, kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)


@inline_kernel
def _mix(value):
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@inline_kernel
def _row_key(seed, sequence, step):
    key = _mix(np.uint64(seed) + np.uint64(sequence + 1) * _GOLDEN)
    return _mix(key + np.uint64(step + 1) * _GOLDEN)


@inline_kernel
def _is_kept(key, unit, threshold):
    return _mix(key + np.uint64(unit + 1) * _GOLDEN) >> _S40 >= threshold


@inline_kernel
def _threshold(rate):
    return np.uint64(rate * 16777216.0)  # of 2^24 equally likely values


@kernel
def connect(states, block, alive, shift, sequences, seed, rate, first_unit, x, column):
    """Copy the states of one direction into the input of the next layer, dropping some.

    Parameters
    ----------
    states, shift : see ``pooling.py``. IN
    sequences : (n_sequences,) int64, which mask each sequence gets. IN
    seed : uint64
    rate : float64 in [0, 1), the share dropped.
    first_unit : int, the unit whose mask the first column gets.
    x : (rows, n_inputs): columns ``column`` onwards are written, padding rows with zeros. OUT
    """
    n_units = states.shape[1]
    threshold = _threshold(rate)
    scale, zero = states.dtype.type(1.0 / (1.0 - rate)), states.dtype.type(0)
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            source = states[block[t + shift] + i]
            target = x[block[t] + i, column : column + n_units]
            if rate > 0:
                key = _row_key(seed, sequences[i], t)
                for j in range(n_units):
                    kept = _is_kept(key, first_unit + j, threshold)
                    target[j] = source[j] * scale if kept else zero
            else:
                for j in range(n_units):
                    target[j] = source[j]
        x[block[t] + alive[t] : block[t + 1], column : column + n_units] = 0


@kernel
def drop_steps(x, block, alive, sequences, seed, rate):
    """Multiply the rows of every step by the masks of ``connect``, in place."""
    threshold = _threshold(rate)
    scale, zero = x.dtype.type(1.0 / (1.0 - rate)), x.dtype.type(0)
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            row = x[block[t] + i]
            key = _row_key(seed, sequences[i], t)
            for j in range(row.shape[0]):
                row[j] = row[j] * scale if _is_kept(key, j, threshold) else zero


@kernel
def drop_rows(x, sequences, seed, rate):
    """Multiply each sequence's row by its mask, in place: dropout before the head, or a mask."""
    threshold = _threshold(rate)
    scale, zero = x.dtype.type(1.0 / (1.0 - rate)), x.dtype.type(0)
    for i in range(x.shape[0]):
        key = _row_key(seed, sequences[i], 0)
        for j in range(x.shape[1]):
            x[i, j] = x[i, j] * scale if _is_kept(key, j, threshold) else zero
