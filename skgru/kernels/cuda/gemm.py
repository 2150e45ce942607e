"""Matrix products on panels of columns; see ``kernels/cpu/gemm.py`` for what a panel is.

Here a panel has ``panel_columns`` columns: the neighbouring columns that one warp reads.
"""

from skgru.kernels.cpu.gemm import orthonormalize_rows  # noqa: F401  initial weights: on the host

from ._launch import BLOCK, launch, numba_type, precision_for, scratch
from ._plan import round_up
from ._products import add_parts, make_product, make_sums_of_products
from ._tensor_tiles import TENSOR_TILE, tensor_cores
from ._tiles import TILE, plain

# Blocks that a sum over rows is spread over, and the fewest rows of a part.
_PART_BLOCKS, _PART_ROWS = 256, 128


def nothing(like):
    """An array without entries, for arguments that are not used."""
    return scratch("nothing", 0, like.dtype)


def no_blocks():
    """Arguments of a sum over rows that are not ordered by steps."""
    return scratch("nothing", 0, "int64")


def _arithmetic_for(array):
    """How this thread multiplies numbers of this type now."""
    precision = precision_for(array)
    if precision == "fp32":
        return plain(numba_type(array), TILE)
    return tensor_cores(precision, TENSOR_TILE)


def launch_product(
    a, a_start, a_length, n_rows, n_k, b, b_panel, n_columns, bias, c, c_start, c_length, add
):
    """c (+)= a @ B (+ bias); see ``make_product``."""
    arithmetic = _arithmetic_for(c)
    tile = arithmetic.tile
    grid = -(-n_columns // tile.columns), -(-n_rows // tile.rows)
    launch(
        make_product(arithmetic), grid, (tile.threads,), a, a_start, a_length, n_rows, n_k,
        b, b_panel, n_columns, bias, c, c_start, c_length, add,
    )  # fmt: skip


def parts_of(n_rows, n_tiles, depth):
    """How many parts a sum over rows is cut into, and the rows of each, from shapes alone."""
    n_parts = max(1, min(-(-_PART_BLOCKS // n_tiles), n_rows // _PART_ROWS))
    part_rows = round_up(-(-n_rows // n_parts), depth)
    return -(-n_rows // part_rows), part_rows


def launch_sums_of_products(
    x, n_x, h, n_h, g, g_length, x_column, h_column, n_columns, n_totals, panel, n_rows, step_start,
    reverse, targets, add,
):  # fmt: skip
    """targets (+)= x^T g, h^T g, column sums of g; see ``make_sums_of_products``."""
    arithmetic = _arithmetic_for(g)
    tile = arithmetic.tile
    tiles = -(-n_x // tile.rows) + -(-n_h // tile.rows) + (n_totals > 0)
    across = -(-n_columns // tile.columns)
    n_parts, part_rows = parts_of(n_rows, tiles * across, arithmetic.depth)
    size = (n_x + n_h) * n_columns + n_totals
    partial = scratch("sums of products", n_parts * size, g.dtype)
    launch(
        make_sums_of_products(arithmetic), (across, tiles, n_parts), (tile.threads,),
        x, n_x, h, n_h, g, g_length, x_column, h_column, n_columns, n_totals, panel, n_rows,
        step_start, reverse, part_rows, partial,
    )  # fmt: skip
    launch(add_parts, (-(-size // BLOCK),), (BLOCK,), partial, n_parts, *targets, add)


def multiply(a, panels, c, add):
    """c (+)= a @ B; shapes as on the CPU."""
    (m, k), n_columns = a.shape, c.shape[1]
    launch_product(
        a, 0, k, m, k, panels, panels.shape[2], n_columns, nothing(c), c, 0, n_columns, add
    )


def multiply_transposed(a, b, panels, add):
    """panels (+)= a.T @ b, the result in panels; shapes as on the CPU."""
    (m, k), n_columns = a.shape, b.shape[1]
    none = nothing(a)
    launch_sums_of_products(
        a, k, none, 0, b, n_columns, 0, 0, n_columns, 0, panels.shape[2], m,
        no_blocks(), False, (panels, none, none), add,
    )  # fmt: skip
