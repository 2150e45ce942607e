"""How the threads of a block multiply factors in shared memory.

A product is computed in tiles, and its sums in pieces of a few words: ``_products.py`` loads the
pieces into shared memory and stores the tiles. There are two kinds of `Arithmetic` in between: here
every thread multiplies numbers, in ``_tensor_tiles.py`` every warp multiplies small matrices.
"""

from functools import cache
from typing import NamedTuple

from ._jit import device_function, index


class Tile(NamedTuple):
    """Rows and columns of a tile, words of a piece along the sum, and the share of one thread."""

    rows: int = 64
    columns: int = 64
    depth: int = 16
    thread_rows: int = 4
    thread_columns: int = 4

    @property
    def threads(self):
        return self.rows // self.thread_rows * (self.columns // self.thread_columns)


TILE = Tile()


class Piece(NamedTuple):
    """Where word ``w`` of line ``l`` lies in shared memory: at ``w * word + l * line``.

    Lines are rows of the left factor or columns of the right one.
    """

    size: int
    word: int
    line: int


class Arithmetic(NamedTuple):
    """How a block multiplies, and the layouts that it expects of its factors.

    Attributes
    ----------
    dtype : type of Numba
        Type of the numbers in device memory and of the sums.
    tile : Tile
    word : type of Numba
        Type of the words in shared memory.
    per_word : int
        Numbers in a word, neighbours along the sum.
    to_word : callable
        ``to_word(first, second)``; the second is ignored if a word holds one number.
    rows_apart, rows_together, columns_together : Piece
        Layouts of a left factor that comes with neighbours along the sum, or along its rows, and
        of a right factor, which comes with neighbours along its columns.
    make_multiply : callable
        For a left `Piece`, a function ``multiply(a, b, thread, words, sums)`` that adds the product
        of two pieces to the thread's sums, row after row of its share.
    n_words : int
        Words of local memory that ``multiply`` needs.
    row_of, column_of : callable
        ``row_of(thread, i)``: row of the tile that the thread's i-th one is; columns likewise.
    """

    dtype: object
    tile: Tile
    word: object
    per_word: int
    to_word: object
    rows_apart: Piece
    rows_together: Piece
    columns_together: Piece
    make_multiply: object
    n_words: int
    row_of: object
    column_of: object

    @property
    def depth(self):
        """Numbers of a piece along the sum."""
        return self.tile.depth * self.per_word


@cache
def plain(dtype, tile):
    """`Arithmetic` of numbers as they are: nothing is rounded before it is multiplied."""
    rows, columns, depth, per_row, per_column = tile
    i_across, i_down = index(columns // per_column), index(rows // per_row)
    right = Piece(depth * columns, columns, 1)

    @device_function
    def to_word(first, second):
        return first

    @device_function
    def row_of(thread, i):
        return thread // i_across + index(i) * i_down

    @device_function
    def column_of(thread, j):
        return thread % i_across + index(j) * i_across

    def make_multiply(left):
        a_word, a_line, b_word = index(left.word), index(left.line), index(right.word)

        @device_function
        def multiply(a, b, thread, words, sums):
            x, y = thread % i_across, thread // i_across
            for k in range(depth):
                for i in range(per_row):
                    value = a[index(k) * a_word + (y + index(i) * i_down) * a_line]
                    for j in range(per_column):
                        other = b[index(k) * b_word + x + index(j) * i_across]
                        sums[i * per_column + j] += value * other

        return multiply

    return Arithmetic(
        dtype, tile, dtype, 1, to_word,
        # The odd length keeps the transposed stores apart.
        Piece(depth * (rows + 1), rows + 1, 1), Piece(depth * rows, rows, 1), right,
        make_multiply, 1, row_of, column_of,
    )  # fmt: skip
