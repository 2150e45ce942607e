"""Codes packed, looked up, grouped; rows added, taken and put back: against the obvious loops."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu

#: Four sequences of a data set of six, longest first.
SHARD = make_shard([1, 3, 0, 5], np.arange(4), [5, 4, 2, 1])
LENGTHS = np.array([2, 5, 3, 4, 2, 1])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
STARTS = OFFSETS[SHARD.indices]


@pytest.fixture
def codes(rng):
    return rng.integers(0, 4, (OFFSETS[-1], 2)).astype(np.int32)


def packed(codes):
    found = np.full((SHARD.n_rows, codes.shape[1]), 99, np.int32)
    cpu.pack_codes(codes, STARTS, SHARD.block, SHARD.alive, found)
    return found


def test_codes_are_packed_time_major(codes):
    expected = np.full((SHARD.n_rows, 2), -1)
    for i, sequence in enumerate(SHARD.indices):
        for t in range(LENGTHS[sequence]):
            expected[SHARD.block[t] + i] = codes[OFFSETS[sequence] + t]
    assert (expected[:, 0] == -1).any()
    assert_array_equal(packed(codes), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_of_codes_stand_beside_other_columns(rng, codes, dtype):
    table, x = rng.normal(size=(4, 3)).astype(dtype), np.full((SHARD.n_rows, 7), 9.0, dtype)
    rows = packed(codes)
    cpu.embed(table, rows, 1, x, 2)
    assert (x[:, [0, 1, 5, 6]] == 9).all()
    expected = np.where(rows[:, 1:] >= 0, table[rows[:, 1]], 0)
    assert_array_equal(x[:, 2:5], expected)


@pytest.mark.parametrize("n_features", [1, 3, 17])
def test_numbers_stand_beside_embeddings(rng, n_features):
    values = rng.normal(size=(OFFSETS[-1], n_features))
    arrays = values, STARTS, SHARD.block, SHARD.alive, *rng.normal(size=(2, n_features))
    alone, x = (np.full((SHARD.n_rows, n_features + n), 9.0) for n in (0, 4))
    cpu.pack_sequences(*arrays, alone, 0)
    cpu.pack_sequences(*arrays, x, 4)
    assert_array_equal(x[:, 4:], alone)
    used = packed(np.zeros((OFFSETS[-1], 1), np.int32))[:, 0] == 0
    assert (x[used, :4] == 9).all() and not x[~used].any()


def test_rows_are_grouped_by_code_in_order(codes):
    number_of, places = np.full(4, -1, np.int32), np.zeros(40, np.int64)
    number_of[2] = 0  # an earlier shard of the batch had this code
    rows = np.full(4, -1, np.int64)
    rows[0] = 2
    numbers, starts, order = (np.full(n, -1, np.int64) for n in (4, 5, SHARD.lengths.sum()))
    n, n_groups = cpu.group_rows(
        codes, 1, STARTS, SHARD.block, SHARD.alive, number_of, places, rows, 1, numbers, starts,
        order,
    )  # fmt: skip
    in_order = [code for code in packed(codes)[:, 1].tolist() if code >= 0]
    seen = list(dict.fromkeys(in_order))
    assert rows[:n].tolist() == [2, *(code for code in seen if code != 2)]
    assert [rows[number] for number in numbers[:n_groups]] == seen
    for group, code in enumerate(seen):
        found = order[starts[group] : starts[group + 1]]
        assert_array_equal(found, np.flatnonzero(packed(codes)[:, 1] == code))
    assert starts[n_groups] == len(in_order)
    assert not places.any()
    assert_array_equal(number_of[rows[:n]], np.arange(n))
    cpu.forget_numbers(rows[:n], number_of)
    assert (number_of == -1).all()


def test_rows_are_added_one_after_the_other():
    # In another order the large numbers would swallow the small one.
    d_x = np.array([[0, 1.0], [0, 1e17], [0, -1e17], [0, 5.0]])
    sums = np.zeros((3, 1))
    sums[2] = 2
    numbers, starts, order = np.array([2, 0]), np.array([0, 1, 4]), np.array([3, 0, 1, 2])
    cpu.add_rows(sums, numbers, starts, order, d_x, 1)
    assert_array_equal(sums, [[0.0], [0.0], [7.0]])
    cpu.add_rows(sums, numbers, starts, np.array([3, 1, 2, 0]), d_x, 1)
    assert_array_equal(sums, [[1.0], [0.0], [12.0]])


def test_rows_are_taken_and_put_back(rng):
    table, rows = rng.normal(size=(6, 3)), np.array([4, 0, 5])
    taken = np.empty((3, 3))
    cpu.take_rows(table, rows, taken)
    assert_array_equal(taken, table[rows])
    expected = table.copy()
    expected[rows] = -taken
    cpu.put_rows(-taken, rows, table)
    assert_array_equal(table, expected)
