"""`Arithmetic` on tensor cores, with factors rounded to tf32 or bf16 and sums in float32."""

from functools import cache

import numba

from ._jit import device_function, index
from ._mma import FORMATS, MMA_COLUMNS, MMA_ROWS, MMA_WORDS, WARP
from ._tiles import Arithmetic, Piece, Tile

#: A warp has 32 rows and columns: it takes 16 words from shared memory for 8 instructions.
TENSOR_TILE = Tile(64, 64, 16, 4, 8)


@cache
def tensor_cores(precision, tile):
    """`Arithmetic` for a name of ``FORMATS``.

    A warp owns a rectangle of the tile, as many rows as eight threads and as many columns as four;
    which of them a lane has follows from the layout in ``_mma.py``.
    """
    rows, columns, depth, per_row, per_column = tile
    operand = FORMATS[precision]
    mma = operand.mma
    steps, n_down, n_across = depth // MMA_WORDS, per_row // 2, per_column // 2
    warp_rows, warp_columns = index(MMA_ROWS * n_down), index(MMA_COLUMNS * n_across)
    i_warps = index(columns // (MMA_COLUMNS * n_across))
    i2, i4, i8, i_warp = index(2), index(4), index(8), index(WARP)
    # Lanes 4 g + q read word q of line g. So lines that are 4 or 12 banks apart, or words that are
    # 8 or 24, spread a warp over all 32 banks.
    right = Piece(depth * (columns + 8), columns + 8, 1)

    @device_function
    def row_of(thread, i):
        warp_row = thread // i_warp // i_warps * warp_rows
        return warp_row + index(i) * i8 + thread % i_warp // i4

    @device_function
    def column_of(thread, j):
        warp_column = thread // i_warp % i_warps * warp_columns
        return warp_column + index(j >> 1) * i8 + index(j & 1) + thread % i4 * i2

    def make_multiply(left):
        a_word, a_line, b_word = index(left.word), index(left.line), index(right.word)
        a_far, b_far = i4 * a_word, i4 * b_word

        @device_function
        def multiply(a, b, thread, words, sums):
            group, place = thread % i_warp // i4, thread % i4
            warp = thread // i_warp
            a_at = (warp // i_warps * warp_rows + group) * a_line + place * a_word
            b_at = warp % i_warps * warp_columns + group + place * b_word
            for step in range(steps):
                for i in range(n_down):
                    at = a_at + index(step) * i8 * a_word + index(2 * i) * i8 * a_line
                    words[4 * i] = a[at]
                    words[4 * i + 1] = a[at + i8 * a_line]
                    words[4 * i + 2] = a[at + a_far]
                    words[4 * i + 3] = a[at + i8 * a_line + a_far]
                for j in range(n_across):
                    at = b_at + index(step) * i8 * b_word + index(j) * i8
                    b0, b1 = b[at], b[at + b_far]
                    for i in range(n_down):
                        one, other = 2 * i * per_column + 2 * j, (2 * i + 1) * per_column + 2 * j
                        sums[one], sums[one + 1], sums[other], sums[other + 1] = mma(
                            words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3],
                            b0, b1, sums[one], sums[one + 1], sums[other], sums[other + 1],
                        )  # fmt: skip

        return multiply

    return Arithmetic(
        numba.float32, tile, numba.uint32, operand.per_word, operand.to_word,
        Piece(rows * (depth + 4), 1, depth + 4), Piece(depth * (rows + 8), rows + 8, 1), right,
        make_multiply, 4 * n_down, row_of, column_of,
    )  # fmt: skip
