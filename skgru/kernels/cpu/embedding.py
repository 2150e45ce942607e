"""Embeddings: rows of a table looked up by code, and sums of their gradients.

A *code* is the number of a row of a table; a table (n_rows, n_columns) has a vector in each row. In
the packed layout of ``gru.py`` the codes of a shard have a row for each of its rows, and a column
for each table. A batch touches few rows of a large table, so nothing here has a loop over a table.
"""

from ._jit import inline_kernel, kernel
from ._moves import prefetch

# Rows of a large table lie anywhere in memory, so they are asked for so many rows ahead.
_AHEAD = 8
_CACHE_LINE = 64  # bytes


@inline_kernel
def _prefetch_row(table, row):
    n_columns = table.shape[1]
    for j in range(0, n_columns, _CACHE_LINE // table.itemsize):
        prefetch(table, row * n_columns + j)


@kernel
def pack_codes(codes, starts, block, alive, packed):
    """Pack codes time-major, with -1 in the padding rows.

    Parameters
    ----------
    codes : (any rows, n_tables) int32, one sequence after the other. IN
    starts : (n_sequences,) int64, first row of each sequence, longest first. IN
    block, alive : see ``gru.py``. IN
    packed : (rows, n_tables) int32. OUT
    """
    for t in range(alive.shape[0]):
        for i in range(block[t + 1] - block[t]):
            row, source = block[t] + i, starts[i] + t
            for j in range(packed.shape[1]):
                packed[row, j] = codes[source, j] if i < alive[t] else -1


@kernel
def embed(table, codes, number, x, column):
    """Write the vector of every code to some columns of the inputs of a layer.

    Parameters
    ----------
    table : (n_rows, n_columns). IN
    codes : (rows, n_tables) int32; -1 stands for a vector of zeros. IN
    number : int, the column of ``codes`` that belongs to this table.
    x : (rows, any): columns ``column`` to ``column + n_columns`` are written. OUT
    """
    for row in range(codes.shape[0]):
        if row + _AHEAD < codes.shape[0]:
            _prefetch_row(table, max(0, codes[row + _AHEAD, number]))
        code = codes[row, number]
        for j in range(table.shape[1]):
            x[row, column + j] = table[code, j] if code >= 0 else x.dtype.type(0)


@kernel
def add_rows(sums, numbers, starts, order, d_x, column):
    """Add rows of a gradient that belong together to the sum of their group.

    The rows of a group are added one after the other, starting from what the sum holds. The bits
    are therefore the same on every device.

    Parameters
    ----------
    sums : (any, n_columns). IN, OUT
    numbers : (n_groups,) int64, the row of ``sums`` of each group; all different. IN
    starts : (n_groups + 1,) int64, where each group begins in ``order``. IN
    order : (starts[-1],) int64, rows of d_x. IN
    d_x : (rows, any): columns ``column`` to ``column + n_columns`` are added. IN
    """
    for group in range(numbers.shape[0]):
        number = numbers[group]
        for k in range(starts[group], starts[group + 1]):
            row = order[k]
            for j in range(sums.shape[1]):
                sums[number, j] += d_x[row, column + j]


@kernel
def take_rows(table, rows, out):
    """out = table[rows]; ``rows`` (n,) int64, ``out`` (n, n_columns)."""
    for i in range(rows.shape[0]):
        if i + _AHEAD < rows.shape[0]:
            _prefetch_row(table, rows[i + _AHEAD])
        row = rows[i]
        for j in range(table.shape[1]):
            out[i, j] = table[row, j]


@kernel
def put_rows(values, rows, table):
    """table[rows] = values; no row occurs twice."""
    for i in range(rows.shape[0]):
        row = rows[i]
        for j in range(table.shape[1]):
            table[row, j] = values[i, j]
