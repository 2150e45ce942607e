"""Embeddings: rows of a table looked up by code; see ``kernels/cpu/embedding.py``.

A group of threads has one row, and neighbouring threads have neighbouring columns of it.
"""

from functools import cache

from numba import cuda

from ._jit import index, kernel
from ._launch import launch_rows, numba_type

# Rows that a thread of `add_rows` reads before it adds them: it waits for memory once for them all.
_AT_ONCE = 8


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
        group = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
        if group >= index(numbers.shape[0]):
            return
        number, first = index(numbers[group]), index(starts[group])
        end = index(starts[group + index(1)])
        parts = cuda.local.array(_AT_ONCE, dtype)
        j = index(cuda.threadIdx.x)
        while j < index(sums.shape[1]):
            total, source, k = sums[number, j], index(column) + j, first
            while k + index(_AT_ONCE) <= end:
                for i in range(_AT_ONCE):
                    parts[i] = d_x[index(order[k + index(i)]), source]
                for i in range(_AT_ONCE):
                    total += parts[i]
                k += index(_AT_ONCE)
            while k < end:
                total += d_x[index(order[k]), source]
                k += index(1)
            sums[number, j] = total
            j += index(cuda.blockDim.x)

    return kernel(add_rows)


def add_rows(sums, numbers, starts, order, d_x, column):
    """Add rows of d_x to the sums of their groups, in the order and with the bits of the CPU."""
    add = _make_add_rows(numba_type(sums))
    launch_rows(add, numbers.shape[0], sums, numbers, starts, order, d_x, column)


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
