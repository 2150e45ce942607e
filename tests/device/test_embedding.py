"""Kernels of embeddings against NumPy, to the last bit: they copy, or add in a stated order."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels import cuda as kernels

from .compare import both_dtypes
from .device import size
from .packed import to_device, unset

pytestmark = pytest.mark.emulator

#: Columns of a table: fewer and more than a row has threads.
both_widths = pytest.mark.parametrize("n_columns", [3, size(100, 37)])


@both_dtypes
@both_widths
@pytest.mark.parametrize("column", [0, 2])
def test_rows_are_looked_up(rng, column, n_columns, dtype):
    """Padding is zero, and the other columns of x stay as they are."""
    table, codes = rng.normal(size=(9, n_columns)).astype(dtype), rng.integers(-1, 9, (21, 2))
    x = np.full((21, n_columns + 5), np.nan, dtype)
    device = to_device(table, codes.astype(np.int32), x)
    kernels.embed(*device[:2], 1, device[2], column)
    x[:, column : column + n_columns] = np.where(codes[:, [1]] < 0, 0, table[codes[:, 1]])
    assert_array_equal(device[2].copy_to_host(), x)


@both_dtypes
@both_widths
def test_rows_are_added_one_after_the_other(rng, n_columns, dtype):
    """Groups of one row, of whole pieces that are read at once, and of a piece and some more."""
    counts, column = np.array([1, 16, 3, 50, 17, 32, 33, 2, 1, 15]), 4
    numbers = rng.permutation(12)[: len(counts)]
    starts = np.concatenate([[0], np.cumsum(counts)])
    order = rng.integers(0, 60, starts[-1])
    sums = rng.normal(size=(12, n_columns)).astype(dtype)
    d_x = rng.normal(scale=100, size=(60, n_columns + 6)).astype(dtype)
    device = to_device(sums, numbers, starts, order, d_x)
    kernels.add_rows(*device, column)
    for number, start, end in zip(numbers, starts, starts[1:], strict=False):
        for row in order[start:end]:
            sums[number] += d_x[row, column : column + n_columns]
    assert_array_equal(device[0].copy_to_host(), sums)


@both_dtypes
@both_widths
def test_rows_are_taken_and_put_back(rng, n_columns, dtype):
    table, rows = rng.normal(size=(40, n_columns)).astype(dtype), rng.permutation(40)[:19]
    device = to_device(table, rows)
    out = unset((19, n_columns), dtype)
    kernels.take_rows(*device, out)
    assert_array_equal(out.copy_to_host(), table[rows])
    values = rng.normal(size=(19, n_columns)).astype(dtype)
    kernels.put_rows(to_device(values), device[1], device[0])
    table[rows] = values
    assert_array_equal(device[0].copy_to_host(), table)


def test_no_rows_at_all():
    """A batch may touch no row of a table."""
    table, none = to_device(np.ones((4, 3))), to_device(np.zeros(0, np.int64))
    empty = to_device(np.zeros((0, 3)))
    kernels.take_rows(table, none, empty)
    kernels.put_rows(empty, none, table)
    kernels.add_rows(empty, none, to_device(np.zeros(1, np.int64)), none, table, 0)
    assert (table.copy_to_host() == 1).all()
