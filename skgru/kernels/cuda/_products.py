"""Tiled matrix products: a block computes one tile, in pieces that pass through shared memory.

Both kernels take every matrix as a flat C-ordered array with the position of its first element and
the distance between its rows, so that windows of columns and panels need no copies.
"""

from functools import cache
from typing import NamedTuple

from numba import cuda

from ._cell import step_of
from ._jit import SIMULATED, flat, index, kernel


class Tile(NamedTuple):
    """Rows and columns of a tile, the depth of a piece, and the share of one thread."""

    rows: int = 64
    columns: int = 64
    depth: int = 16
    thread_rows: int = 4
    thread_columns: int = 4

    @property
    def threads(self):
        return self.rows // self.thread_rows * (self.columns // self.thread_columns)


#: Small in the simulator, where a thread is one of Python.
TILE = Tile(8, 8, 4, 2, 2) if SIMULATED else Tile()


@cache
def make_product(dtype, tile):
    """c (+)= a @ B with B in panels of columns.

    The kernel's arguments: ``a`` with its first element and row length, n_rows and n_k; ``b`` with
    the columns of a panel and those of B; ``bias`` with one entry for each column or none; ``c``
    with its first element and row length; whether to add.
    """
    rows, columns, depth, per_row, per_column = tile
    across, down = columns // per_column, rows // per_row
    n_threads = across * down
    a_row = rows + 1  # the odd length keeps the transposed stores apart
    a_loads, b_loads = rows * depth // n_threads, depth * columns // n_threads
    n_sums = per_row * per_column
    zero = dtype(0)
    i_across, i_down, i_depth = index(across), index(down), index(depth)
    i_rows, i_columns, i_threads = index(rows), index(columns), index(n_threads)

    def product(
        a, a_start, a_length, n_rows, n_k, b, b_panel, n_columns, bias, c, c_start, c_length, add
    ):
        has_bias = bias.shape[0] > 0
        a, b, c, bias = flat(a), flat(b), flat(c), flat(bias)
        a_start, a_length, n_rows, n_k = index(a_start), index(a_length), index(n_rows), index(n_k)
        b_panel, n_columns = index(b_panel), index(n_columns)
        c_start, c_length = index(c_start), index(c_length)
        a_tile = cuda.shared.array((depth, a_row), dtype)
        b_tile = cuda.shared.array((depth, columns), dtype)
        sums = cuda.local.array(n_sums, dtype)
        for e in range(n_sums):
            sums[e] = zero
        thread = index(cuda.threadIdx.x)
        x, y = thread % i_across, thread // i_across
        first_row = index(cuda.blockIdx.y) * i_rows
        first_column = index(cuda.blockIdx.x) * i_columns
        a_k, a_i = thread % i_depth, thread // i_depth
        b_j, b_k = thread % i_columns, thread // i_columns
        column = first_column + b_j
        b_start = column // b_panel * (n_k * b_panel) + column % b_panel

        k = index(0)
        while k < n_k:
            for e in range(a_loads):
                i = a_i + index(e) * (i_threads // i_depth)
                value = zero
                if first_row + i < n_rows and k + a_k < n_k:
                    value = a[a_start + (first_row + i) * a_length + k + a_k]
                a_tile[a_k, i] = value
            for e in range(b_loads):
                kk = b_k + index(e) * (i_threads // i_columns)
                value = zero
                if column < n_columns and k + kk < n_k:
                    value = b[b_start + (k + kk) * b_panel]
                b_tile[kk, b_j] = value
            cuda.syncthreads()
            for kk in range(depth):
                for i in range(per_row):
                    left = a_tile[kk, y + index(i) * i_down]
                    for j in range(per_column):
                        right = b_tile[kk, x + index(j) * i_across]
                        sums[i * per_column + j] += left * right
            cuda.syncthreads()
            k += i_depth

        for i in range(per_row):
            row = first_row + y + index(i) * i_down
            for j in range(per_column):
                column = first_column + x + index(j) * i_across
                if row < n_rows and column < n_columns:
                    at = c_start + row * c_length + column
                    value = sums[i * per_column + j]
                    if has_bias:
                        value += bias[column]
                    if add:
                        value += c[at]
                    c[at] = value

    return kernel(product, threads=n_threads)


@cache
def make_sums_of_products(dtype, tile):
    """Sums over many rows, split into parts: x^T g, h^T g and the column sums of g.

    Blocks (column tile, row tile of x or of h or the column sums, part). ``g`` has rows of
    ``g_length``; x meets ``n_columns`` of them from ``x_column`` on, h from ``h_column`` on. With
    ``reverse`` the row of h that belongs to row i of block t lies in block t + 1.

    Each part fills ``partial`` with x^T g in panels of ``panel`` columns, then h^T g alike, then
    the sums of the first ``n_totals`` columns; ``add_parts`` adds the parts up.
    """
    rows, columns, depth, per_row, per_column = tile
    across, down = columns // per_column, rows // per_row
    n_threads = across * down
    a_loads, b_loads = rows * depth // n_threads, depth * columns // n_threads
    n_sums = per_row * per_column
    zero = dtype(0)
    i1 = index(1)
    i_across, i_down, i_depth = index(across), index(down), index(depth)
    i_rows, i_columns, i_threads = index(rows), index(columns), index(n_threads)

    def sums_of_products(
        x, n_x, h, n_h, g, g_length, x_column, h_column, n_columns, n_totals, panel, n_rows, block,
        reverse, part_rows, partial,
    ):  # fmt: skip
        n_x, n_h, g_length, n_columns = index(n_x), index(n_h), index(g_length), index(n_columns)
        n_totals, panel, n_rows = index(n_totals), index(panel), index(n_rows)
        x, h, g, partial = flat(x), flat(h), flat(g), flat(partial)
        h_rows = index(h.shape[0]) // max(n_h, i1)
        a_tile = cuda.shared.array((depth, rows), dtype)
        b_tile = cuda.shared.array((depth, columns), dtype)
        h_row = cuda.shared.array(depth, index)
        sums = cuda.local.array(n_sums, dtype)
        for e in range(n_sums):
            sums[e] = zero
        thread = index(cuda.threadIdx.x)
        x_place, y = thread % i_across, thread // i_across
        part = index(cuda.blockIdx.z)
        first, last = part * index(part_rows), min((part + i1) * index(part_rows), n_rows)
        part_start = part * ((n_x + n_h) * n_columns + n_totals)
        x_tiles, h_tiles = (n_x + i_rows - i1) // i_rows, (n_h + i_rows - i1) // i_rows
        which = index(cuda.blockIdx.y)

        if which >= x_tiles + h_tiles:
            start = part_start + (n_x + n_h) * n_columns
            column = index(cuda.blockIdx.x) * i_threads + thread
            while column < n_totals:
                total = zero
                row = first
                while row < last:
                    total += g[row * g_length + column]
                    row += i1
                partial[start + column] = total
                column += index(cuda.gridDim.x) * i_threads
            return

        from_h = which >= x_tiles
        first_of_g = index(h_column) if from_h else index(x_column)
        n_left, start, tile_row = n_x, part_start, which
        if from_h:
            n_left, tile_row = n_h, which - x_tiles
            start = part_start + n_x * n_columns
        first_left, first_column = tile_row * i_rows, index(cuda.blockIdx.x) * i_columns
        a_i, a_k = thread % i_rows, thread // i_rows
        b_j, b_k = thread % i_columns, thread // i_columns
        k = first
        while k < last:
            if from_h and thread < i_depth:
                row = k + thread
                where = row
                if reverse and row < last:
                    t = step_of(row, block)
                    where = index(block[t + i1]) + row - index(block[t])
                h_row[thread] = where
            cuda.syncthreads()
            for e in range(a_loads):
                kk = a_k + index(e) * (i_threads // i_rows)
                value = zero
                if k + kk < last and first_left + a_i < n_left:
                    if from_h:
                        # Gradients of the padding are zero, but rows past the end do not exist.
                        if h_row[kk] < h_rows:
                            value = h[h_row[kk] * n_h + first_left + a_i]
                    else:
                        value = x[(k + kk) * n_x + first_left + a_i]
                a_tile[kk, a_i] = value
            for e in range(b_loads):
                kk = b_k + index(e) * (i_threads // i_columns)
                value = zero
                if k + kk < last and first_column + b_j < n_columns:
                    value = g[(k + kk) * g_length + first_of_g + first_column + b_j]
                b_tile[kk, b_j] = value
            cuda.syncthreads()
            for kk in range(depth):
                for i in range(per_row):
                    left = a_tile[kk, y + index(i) * i_down]
                    for j in range(per_column):
                        right = b_tile[kk, x_place + index(j) * i_across]
                        sums[i * per_column + j] += left * right
            k += i_depth

        for i in range(per_row):
            row = first_left + y + index(i) * i_down
            for j in range(per_column):
                column = first_column + x_place + index(j) * i_across
                if row < n_left and column < n_columns:
                    at = column // panel * (n_left * panel) + row * panel + column % panel
                    partial[start + at] = sums[i * per_column + j]

    return kernel(sums_of_products, threads=n_threads)


@kernel
def add_parts(partial, n_parts, first, second, third, add):
    """Add up the parts of ``sums_of_products``, in their order, into three arrays.

    ``add``: on top of what is there.
    """
    partial, first, second, third = flat(partial), flat(first), flat(second), flat(third)
    n_first, n_second, n_third = index(first.size), index(second.size), index(third.size)
    n = n_first + n_second + n_third
    e = index(cuda.grid(1))
    if e >= n:
        return
    total = partial[e]
    part = index(1)
    while part < index(n_parts):
        total += partial[part * n + e]
        part += index(1)
    if e < n_first:
        first[e] = total + first[e] if add else total
    elif e < n_first + n_second:
        e -= n_first
        second[e] = total + second[e] if add else total
    else:
        e -= n_first + n_second
        third[e] = total + third[e] if add else total
