"""Mini-batches, shards and the packed block layout: the form in which kernels take sequences.

A *shard* is a handful of sequences that goes through all time steps by itself, so its working set
stays in cache and threads never wait for each other within it.  How a batch is cut into shards
depends on nothing but the batch: gradients summed in the order of the shards are therefore the same
for every number of threads.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ._sequences import stack_rows


class Shard(NamedTuple):  # cheap to make: each batch has one for every few sequences
    """Sequences that are processed together, longest first.

    Attributes
    ----------
    indices : ndarray of shape (n,), int64
        Which sequences of the data set these are.
    positions : ndarray of shape (n,), int64
        Their positions in the batch, which select dropout masks and rows of the output.
    lengths : ndarray of shape (n,), int64
        Number of steps of each sequence, in non-increasing order.
    alive : ndarray of shape (n_steps,), int64
        Number of sequences that have step t; these are always the first ones.
    block : ndarray of shape (n_steps + 2,), int64
        First row of each step in the packed layout of ``kernels/cpu/gru.py``.
    n_sequences : int
    n_rows, n_state_rows : int
        Rows of inputs, gates and gradients; rows of the states.
    """

    indices: np.ndarray
    positions: np.ndarray
    lengths: np.ndarray
    alive: np.ndarray
    block: np.ndarray
    n_sequences: int
    n_rows: int
    n_state_rows: int


def make_shard(indices, positions, lengths):
    """Build a `Shard` from sequences that are already sorted, longest first."""
    n, n_steps = len(lengths), int(lengths[0])
    if lengths[-1] == n_steps:
        layout = _even_layout(n, n_steps)
    else:
        lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        # alive[t] counts the lengths above t; lengths fall, so search in the reversed order.
        alive = n - np.searchsorted(lengths[::-1], np.arange(n_steps), side="right")
        block = np.concatenate([[0], np.cumsum(np.concatenate([alive[:1], alive]))])
        layout = _layout(lengths, alive, block)
    indices = np.ascontiguousarray(indices, dtype=np.int64)
    return Shard(indices, np.ascontiguousarray(positions, dtype=np.int64), *layout)


@lru_cache(maxsize=256)  # a data set of equal lengths has batches of one size, and a last one
def _even_positions(start, n):
    return np.arange(start, start + n)


@lru_cache(maxsize=8)
def _even_layout(n, n_steps):
    block = np.arange(0, (n_steps + 2) * n, n)
    return _layout(np.full(n, n_steps), np.full(n_steps, n), block)


def _layout(lengths, alive, block):
    lengths, alive, block = (a.astype(np.int64, copy=False) for a in (lengths, alive, block))
    return lengths, alive, block, len(lengths), int(block[-2]), int(block[-1])


def cut_into_shards(indices, lengths, n_sequences, n_rows):
    """Sort the sequences of a batch by length and cut them into shards.

    Parameters
    ----------
    indices : ndarray of shape (n,)
        Which sequences of the data set make the batch.
    lengths : ndarray of shape (n_all,) or int
        Length of every sequence in the data set; one number if all have the same length.
    n_sequences : int
        Maximum number of sequences in a shard.
    n_rows : int
        Maximum number of rows, counting every sequence as long as the longest. Shards of long
        sequences are therefore smaller, which bounds memory.

    Returns
    -------
    shards : list of Shard
        The longest sequences come first, so that no long shard is left for the end.
    """
    if isinstance(lengths, int):
        return _cut_evenly(indices, lengths, n_sequences, n_rows)
    batch_lengths = lengths[indices]
    order = np.argsort(-batch_lengths, kind="stable")
    shards, start = [], 0
    while start < len(order):
        n = min(n_sequences, max(1, n_rows // int(batch_lengths[order[start]])))
        part = order[start : start + n]
        shards.append(make_shard(indices[part], part, batch_lengths[part]))
        start += n
    return shards


def _cut_evenly(indices, n_steps, n_sequences, n_rows):
    """Cut sequences of equal length into shards, in the given order."""
    indices = np.ascontiguousarray(indices, dtype=np.int64)
    size, shards = min(n_sequences, max(1, n_rows // n_steps)), []
    for start in range(0, len(indices), size):
        part = indices[start : start + size]
        n = len(part)
        shards.append(Shard(part, _even_positions(start, n), *_even_layout(n, n_steps)))
    return shards


def minibatches(indices, batch_size):
    """Cut a sequence of indices into batches; the last one may be smaller."""
    return [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]


def gathered_dtype(sequences):
    """The dtype in which `gather_steps` returns steps: float32 or float64."""
    dtype = sequences.values.dtype
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)


def gather_steps(sequences, shard, rows=None):
    """Gather the steps of the sequences of one shard, stacked below each other.

    Parameters
    ----------
    sequences : Sequences
    shard : Shard
    rows : ndarray of shape (shard.lengths.sum(), n_features), default=None
        Array of dtype `gathered_dtype` to write to, instead of a new one.

    Returns
    -------
    values : ndarray of shape (n_steps, n_features), float32 or float64
    starts : ndarray of shape (n_sequences,), int64
        Row at which each sequence begins.
    """
    values = stack_rows([sequences[i] for i in shard.indices], gathered_dtype(sequences), rows)
    return values, np.cumsum(shard.lengths) - shard.lengths
