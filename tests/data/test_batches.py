"""Batches, shards and the packed layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skgru.data import (
    as_sequences,
    cut_into_shards,
    gather_steps,
    gathered_dtype,
    make_shard,
    minibatches,
)


def test_layout_by_hand():
    shard = make_shard([8, 6, 7], [0, 1, 2], [4, 2, 1])
    assert_array_equal(shard.alive, [3, 2, 1, 1])
    # A block has a row for every sequence of the step before; the states take one block more.
    assert_array_equal(shard.block, [0, 3, 6, 8, 9, 10])
    assert shard.n_rows == 9 and shard.n_sequences == 3
    for array in (shard.indices, shard.positions, shard.lengths, shard.alive, shard.block):
        assert array.dtype == np.int64 and array.flags.c_contiguous


def test_equal_lengths_leave_no_padding():
    shard = make_shard(np.arange(4), np.arange(4), np.full(4, 3))
    assert_array_equal(shard.alive, [4, 4, 4])
    assert_array_equal(shard.block, [0, 4, 8, 12, 16])
    assert shard.n_rows == 12


lengths_of_all = st.lists(st.integers(1, 9), min_size=1, max_size=40)


@given(lengths_of_all, st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_shards_hold_every_sequence_once_longest_first(lengths, shard_size, seed):
    lengths = np.array(lengths)
    indices = np.random.default_rng(seed).permutation(len(lengths))[: len(lengths) // 2 + 1]
    shards = cut_into_shards(indices, lengths, shard_size, 2**17)
    assert all(shard.n_sequences == shard_size for shard in shards[:-1])
    assert 1 <= shards[-1].n_sequences <= shard_size

    positions = np.concatenate([shard.positions for shard in shards])
    assert_array_equal(np.sort(positions), np.arange(len(indices)))
    in_order = np.concatenate([shard.lengths for shard in shards])
    assert np.all(np.diff(in_order) <= 0)
    # Equal lengths keep their order.
    assert np.all((np.diff(in_order) < 0) | (np.diff(positions) > 0))
    for shard in shards:
        assert_array_equal(shard.indices, indices[shard.positions])
        assert_array_equal(shard.lengths, lengths[shard.indices])
        assert_array_equal(
            shard.alive, [(shard.lengths > t).sum() for t in range(shard.lengths[0])]
        )
        sizes = np.diff(shard.block)
        assert_array_equal(sizes, [shard.n_sequences, *shard.alive])
        assert shard.n_rows == sizes[:-1].sum()


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 12), st.integers(1, 60))
def test_sequences_of_one_length_are_cut_alike(n, n_steps, n_sequences, n_rows):
    indices = np.random.default_rng(n).permutation(50)[:n]
    found = cut_into_shards(indices, n_steps, n_sequences, n_rows)
    expected = cut_into_shards(indices, np.full(50, n_steps), n_sequences, n_rows)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert_array_equal(a, b)


@given(st.integers(1, 50), st.integers(1, 20))
def test_minibatches(n, batch_size):
    batches = minibatches(np.arange(n), batch_size)
    assert_array_equal(np.concatenate(batches), np.arange(n))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert 1 <= len(batches[-1]) <= batch_size


def ragged(dtype):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 20, size=(length, 2)).astype(dtype) for length in (2, 5, 1, 4, 4, 3, 1)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64"])
def test_steps_are_gathered_below_each_other(dtype):
    x = ragged(dtype)
    sequences, shard = as_sequences(x), make_shard([1, 3, 0, 6], np.arange(4), [5, 4, 2, 1])
    expected = np.concatenate([x[i] for i in shard.indices])
    room = np.empty(expected.shape, gathered_dtype(sequences))
    for values, starts in (gather_steps(sequences, shard), gather_steps(sequences, shard, room)):
        assert values.dtype == gathered_dtype(sequences) and values.flags.c_contiguous
        assert_array_equal(values, expected)
        assert_array_equal(starts, [0, 5, 9, 11])
    assert values is room
