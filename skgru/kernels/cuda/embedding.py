"""Embeddings: rows of a table looked up by code; see ``kernels/cpu/embedding.py``.

A group of threads has one row, and neighbouring threads have neighbouring columns of it.
"""

from functools import cache

from numba import cuda

from ._jit import index, kernel
from ._launch import ROW_THREADS, ROWS, launch_rows, numba_type

# Rows that `add_rows` reads before it adds them: a thread waits for memory once for them all. Many
# rows have the same symbol where there are few, and only one thread may add up a column of them.
_AT_ONCE = 16


@kernel
def _embed(table, codes, number, x, column):
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(codes.shape[0]):
        return
    code = codes[row, index(number)]
    j = index(cuda.threadIdx.x)
    while j < index(table.shape[1]):
        if code >= 0:
            x[row, index(column) + j] = table[index(code), j]
        else:
            x[row, index(column) + j] = 0
        j += index(cuda.blockDim.x)


def embed(table, codes, number, x, column):
    """Look up the codes of column ``number``; their rows start in column ``column`` of x."""
    launch_rows(_embed, codes.shape[0], table, codes, number, x, column)


@cache
def _make_add_rows(dtype):
    def add_rows(sums, numbers, starts, order, d_x, column):
        n_columns = index(sums.shape[1])
        n_parts = (n_columns + index(ROW_THREADS) - index(1)) // index(ROW_THREADS)
        part = index(cuda.blockIdx.x) * index(ROWS) + index(cuda.threadIdx.y)
        group = part // n_parts
        j = part % n_parts * index(ROW_THREADS) + index(cuda.threadIdx.x)
        if group >= index(numbers.shape[0]) or j >= n_columns:
            return
        number, k = index(numbers[group]), index(starts[group])
        end, total = index(starts[group + index(1)]), sums[number, j]
        values = cuda.local.array(_AT_ONCE, dtype)
        while k < end:
            for i in range(_AT_ONCE):
                place = min(k + index(i), end - index(1))
                values[i] = d_x[index(order[place]), index(column) + j]
            for i in range(_AT_ONCE):
                if k + index(i) < end:
                    total += values[i]
            k += index(_AT_ONCE)
        sums[number, j] = total

    return kernel(add_rows)


def add_rows(sums, numbers, starts, order, d_x, column):
    """Add rows of d_x to the sums of their groups, in the order and with the bits of the CPU."""
    n_parts = -(-sums.shape[1] // ROW_THREADS)  # of a row: no thread has two columns
    add = _make_add_rows(numba_type(sums))
    launch_rows(add, numbers.shape[0] * n_parts, sums, numbers, starts, order, d_x, column)


@kernel
def _take_rows(table, rows, out):
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(rows.shape[0]):
        return
    source = index(rows[row])
    j = index(cuda.threadIdx.x)
    while j < index(table.shape[1]):
        out[row, j] = table[source, j]
        j += index(cuda.blockDim.x)


def take_rows(table, rows, out):
    """out = table[rows]."""
    launch_rows(_take_rows, rows.shape[0], table, rows, out)


@kernel
def _put_rows(values, rows, table):
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(rows.shape[0]):
        return
    target = index(rows[row])
    j = index(cuda.threadIdx.x)
    while j < index(table.shape[1]):
        table[target, j] = values[row, j]
        j += index(cuda.blockDim.x)


def put_rows(values, rows, table):
    """table[rows] = values; no row occurs twice."""
    launch_rows(_put_rows, rows.shape[0], values, rows, table)
