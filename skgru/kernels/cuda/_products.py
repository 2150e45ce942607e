"""Tiled matrix products: a block computes one tile, in pieces that pass through shared memory.

Both kernels take every matrix as a flat C-ordered array with the position of its first element and
the distance between its rows, so that windows of columns and panels need no copies. An
`Arithmetic` defines how a block multiplies two pieces and how it rounds their numbers first.
"""

from functools import cache

from numba import cuda

from ._cell import step_of
from ._jit import flat, index, kernel


@cache
def make_product(arithmetic):
    """c (+)= a @ B with B in panels of columns.

    The kernel's arguments: ``a`` with its first element and row length, n_rows and n_k; ``b`` with
    the columns of a panel and those of B; ``bias`` with one entry for each column or none; ``c``
    with its first element and row length; whether to add.
    """
    rows, columns, words, per_row, per_column = arithmetic.tile
    n_threads, depth = arithmetic.tile.threads, arithmetic.depth
    left, right = arithmetic.rows_apart, arithmetic.columns_together
    a_size, b_size, dtype, word_type = left.size, right.size, arithmetic.dtype, arithmetic.word
    a_loads, b_loads = rows * words // n_threads, words * columns // n_threads
    n_words, n_sums, per_word = arithmetic.n_words, per_row * per_column, arithmetic.per_word
    to_word, multiply = arithmetic.to_word, arithmetic.make_multiply(left)
    row_of, column_of = arithmetic.row_of, arithmetic.column_of
    zero = dtype(0)
    i_rows, i_columns, i_depth, i_words = index(rows), index(columns), index(depth), index(words)
    i_threads, i_per_word = index(n_threads), index(per_word)
    a_word, a_line, b_word = index(left.word), index(left.line), index(right.word)

    def product(
        a, a_start, a_length, n_rows, n_k, b, b_panel, n_columns, bias, c, c_start, c_length, add
    ):
        has_bias = bias.shape[0] > 0
        a, b, c, bias = flat(a), flat(b), flat(c), flat(bias)
        a_start, a_length, n_rows, n_k = index(a_start), index(a_length), index(n_rows), index(n_k)
        b_panel, n_columns = index(b_panel), index(n_columns)
        c_start, c_length = index(c_start), index(c_length)
        a_piece = cuda.shared.array(a_size, word_type)
        b_piece = cuda.shared.array(b_size, word_type)
        held = cuda.local.array(n_words, word_type)
        pair = cuda.local.array(2, dtype)
        sums = cuda.local.array(n_sums, dtype)
        for e in range(n_sums):
            sums[e] = zero
        pair[1] = zero
        thread = index(cuda.threadIdx.x)
        first_row = index(cuda.blockIdx.y) * i_rows
        first_column = index(cuda.blockIdx.x) * i_columns
        a_w, a_i = thread % i_words, thread // i_words
        b_j, b_w = thread % i_columns, thread // i_columns
        column = first_column + b_j
        b_start = column // b_panel * (n_k * b_panel) + column % b_panel

        k = index(0)
        while k < n_k:
            for e in range(a_loads):
                i = a_i + index(e) * (i_threads // i_words)
                for p in range(per_word):
                    kk = k + a_w * i_per_word + index(p)
                    value = zero
                    if first_row + i < n_rows and kk < n_k:
                        value = a[a_start + (first_row + i) * a_length + kk]
                    pair[p] = value
                a_piece[a_w * a_word + i * a_line] = to_word(pair[0], pair[1])
            for e in range(b_loads):
                w = b_w + index(e) * (i_threads // i_columns)
                for p in range(per_word):
                    kk = k + w * i_per_word + index(p)
                    value = zero
                    if column < n_columns and kk < n_k:
                        value = b[b_start + kk * b_panel]
                    pair[p] = value
                b_piece[w * b_word + b_j] = to_word(pair[0], pair[1])
            cuda.syncthreads()
            multiply(a_piece, b_piece, thread, held, sums)
            cuda.syncthreads()
            k += i_depth

        for i in range(per_row):
            row = first_row + row_of(thread, i)
            for j in range(per_column):
                column = first_column + column_of(thread, j)
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
def make_sums_of_products(arithmetic):
    """Sums over many rows, split into parts: x^T g, h^T g and the column sums of g.

    Blocks (column tile, row tile of x or of h or the column sums, part). ``g`` has rows of
    ``g_length``; x meets ``n_columns`` of them from ``x_column`` on, h from ``h_column`` on. With
    ``reverse`` the row of h that belongs to row i of step t is row i of step t + 1.

    Each part fills ``partial`` with x^T g in panels of ``panel`` columns, then h^T g likewise, then
    the sums of the first ``n_totals`` columns; ``add_parts`` adds the parts up. The column sums
    are never rounded.
    """
    rows, columns, words, per_row, per_column = arithmetic.tile
    n_threads, depth = arithmetic.tile.threads, arithmetic.depth
    left, right = arithmetic.rows_together, arithmetic.columns_together
    a_size, b_size, dtype, word_type = left.size, right.size, arithmetic.dtype, arithmetic.word
    a_loads, b_loads = rows * words // n_threads, words * columns // n_threads
    n_words, n_sums, per_word = arithmetic.n_words, per_row * per_column, arithmetic.per_word
    to_word, multiply = arithmetic.to_word, arithmetic.make_multiply(left)
    row_of, column_of = arithmetic.row_of, arithmetic.column_of
    zero, i1 = dtype(0), index(1)
    i_rows, i_columns, i_depth = index(rows), index(columns), index(depth)
    i_threads, i_per_word = index(n_threads), index(per_word)
    a_word, a_line, b_word = index(left.word), index(left.line), index(right.word)

    def sums_of_products(
        x, n_x, h, n_h, g, g_length, x_column, h_column, n_columns, n_totals, panel, n_rows,
        step_start, reverse, part_rows, partial,
    ):  # fmt: skip
        n_x, n_h, g_length, n_columns = index(n_x), index(n_h), index(g_length), index(n_columns)
        n_totals, panel, n_rows = index(n_totals), index(panel), index(n_rows)
        x, h, g, partial = flat(x), flat(h), flat(g), flat(partial)
        h_rows = index(h.shape[0]) // max(n_h, i1)
        a_piece = cuda.shared.array(a_size, word_type)
        b_piece = cuda.shared.array(b_size, word_type)
        h_row = cuda.shared.array(depth, index)
        held = cuda.local.array(n_words, word_type)
        pair = cuda.local.array(2, dtype)
        sums = cuda.local.array(n_sums, dtype)
        for e in range(n_sums):
            sums[e] = zero
        pair[1] = zero
        thread = index(cuda.threadIdx.x)
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
        a_i, a_w = thread % i_rows, thread // i_rows
        b_j, b_w = thread % i_columns, thread // i_columns
        k = first
        while k < last:
            if from_h and thread < i_depth:
                row = k + thread
                where = row
                if reverse and row < last:
                    t = step_of(row, step_start)
                    where = index(step_start[t + i1]) + row - index(step_start[t])
                h_row[thread] = where
            cuda.syncthreads()
            for e in range(a_loads):
                w = a_w + index(e) * (i_threads // i_rows)
                for p in range(per_word):
                    kk = w * i_per_word + index(p)
                    value = zero
                    if k + kk < last and first_left + a_i < n_left:
                        if from_h:
                            # Gradients of the padding are zero, but rows past the end do not exist.
                            if h_row[kk] < h_rows:
                                value = h[h_row[kk] * n_h + first_left + a_i]
                        else:
                            value = x[(k + kk) * n_x + first_left + a_i]
                    pair[p] = value
                a_piece[w * a_word + a_i * a_line] = to_word(pair[0], pair[1])
            for e in range(b_loads):
                w = b_w + index(e) * (i_threads // i_columns)
                for p in range(per_word):
                    kk = w * i_per_word + index(p)
                    value = zero
                    if k + kk < last and first_column + b_j < n_columns:
                        value = g[(k + kk) * g_length + first_of_g + first_column + b_j]
                    pair[p] = value
                b_piece[w * b_word + b_j] = to_word(pair[0], pair[1])
            cuda.syncthreads()
            multiply(a_piece, b_piece, thread, held, sums)
            k += i_depth

        for i in range(per_row):
            row = first_left + row_of(thread, i)
            for j in range(per_column):
                column = first_column + column_of(thread, j)
                if row < n_left and column < n_columns:
                    at = column // panel * (n_left * panel) + row * panel + column % panel
                    partial[start + at] = sums[i * per_column + j]

    return kernel(sums_of_products, threads=n_threads)


@kernel
def add_parts(partial, n_parts, first, second, third, add):
    """Add up the parts of ``sums_of_products``, in their order, into three arrays.

    With ``add``, add to the present contents of the arrays.
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
