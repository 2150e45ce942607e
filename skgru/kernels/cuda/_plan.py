"""How the persistent kernels share a batch among blocks, and what stays in shared memory."""

from typing import NamedTuple

#: Inputs up to this many columns are multiplied inside the loop over the steps.
FUSED_INPUTS = 16

MAX_THREADS = 256  # leaves 255 registers to each, which the sums of several rows need
_SMALLEST_SLICE = 16
_MAX_ROW_BYTES = 32  # sequences of a block times bytes of a number: the registers again
# Blocks to spread a batch over: about one for each multiprocessor of a large device; fewer where
# every block has to read weights from the L2 cache at every step, which is what limits it then.
_SPREAD, _SPREAD_STREAMING = 128, 32
#: Blocks of a grid at most; each takes further rows when it has finished its own.
MAX_BLOCKS = 1024


class Plan(NamedTuple):
    """Shape of a launch.

    Attributes
    ----------
    rows : int
        Sequences that a block carries through all steps at once.
    slices : int
        Parts that a product is cut into along the units it sums over.
    columns : int
        Units that are computed at once; a block has ``slices * columns`` threads.
    n_cached : int
        Rows of weights of each slice that stay in shared memory; the others stream from the L2
        cache at every step.
    shared : int
        Bytes of shared memory.
    spilled : int
        Numbers of global memory for each block, for layers so wide that the vectors of a step do
        not fit into shared memory; then nothing is kept there.
    """

    rows: int
    slices: int
    columns: int
    n_cached: int
    shared: int
    spilled: int = 0


def round_up(n, multiple):
    return -(-n // multiple) * multiple


def panel_width(n_hidden, dtype):
    """Units of a panel: here all units of a direction, padded to a multiple of four."""
    return round_up(n_hidden, 4)


def panel_columns(dtype):
    """Columns of a panel of ``multiply``: the neighbouring columns that one warp reads."""
    return 32


def head_columns(n_outputs, dtype):
    """Columns of a panel of the weights of a head."""
    return panel_columns(dtype)


def plan(n_units, itemsize, batch, shared_limit, n_inputs=0, backward=False):
    """Choose a `Plan`.

    The bits of a result depend on ``slices``, so ``slices`` depends on n_units alone.

    Parameters
    ----------
    n_units : int
    itemsize : int
        Bytes of a number.
    batch : int
        Sequences of the shard.
    shared_limit : int
        Bytes of shared memory that a block may have.
    n_inputs : int
        Columns of inputs that are multiplied inside the loop.
    backward : bool
    """
    columns, slices = min(n_units, MAX_THREADS), 1
    while 2 * slices * columns <= MAX_THREADS and 2 * slices * _SMALLEST_SLICE <= n_units:
        slices *= 2
    n_weights = 3 * n_units if backward else n_units  # rows of weights
    row_bytes = (n_units if backward else 3 * n_units) * itemsize
    per_slice = -(-n_weights // slices)

    def buffers(rows):
        """Bytes that a block needs besides weights; the kernels document the layout."""
        if backward:
            n = rows * (2 * 3 * n_units + n_units)
            n_sums = 1
        else:
            n = rows * (3 * n_units + 2 * n_inputs)
            n_sums = 4 if n_inputs > 0 else 3
        if slices > 1:
            n += slices * n_sums * rows * columns
        return n * itemsize

    def choose_rows(spread):
        rows = 1
        while -(-batch // rows) > spread and 2 * rows * itemsize <= _MAX_ROW_BYTES:
            if buffers(2 * rows) > shared_limit:
                break
            rows *= 2
        return rows

    rows = choose_rows(_SPREAD)
    everything = slices * per_slice * row_bytes
    if buffers(rows) + everything > shared_limit:
        rows = choose_rows(_SPREAD_STREAMING)
    if buffers(rows) > shared_limit:
        while rows < batch and 2 * rows * itemsize <= _MAX_ROW_BYTES:
            rows *= 2
        return Plan(rows, slices, columns, 0, 0, buffers(rows) // itemsize)
    n_cached = min(per_slice, (shared_limit - buffers(rows)) // (slices * row_bytes))
    shared = buffers(rows) + slices * n_cached * row_bytes
    return Plan(rows, slices, columns, n_cached, shared)
