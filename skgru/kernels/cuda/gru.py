"""One direction of one GRU layer, forward and backward, for a whole mini-batch.

Equations, layout and names are those of ``kernels/cpu/gru.py``, with two differences. The table of
the first rows of time steps, ``block`` in the functions that both devices export, is
``step_start`` in the kernels, where a block is a block of threads. And arrays are not cut into
panels of a vector: all units of a direction, padded to a multiple of four, are one panel: threads
that compute neighbouring units read neighbouring weights. So ``n_panels`` is 1 and ``width`` is
``n_units`` wherever the CPU kernels speak of them::

    w         (1, n_inputs, 3, n_units)             gates r, z, n
    u         (1, n_units, 3, n_units)              gates r, z, n
    bias      (1, 4, n_units)                       b_r, b_z, b_n, b_hn
    gates     (rows, 4 * n_units)                   r, z, n, a
    d_gates   (1, at least rows, 4, n_units)        da, dr, dz, dn
    u_t       (3 * n_units**2,)                     [n, r, z][unit][column]
    w_t       (column groups, 1, 3 * n_units, 32)   rows: gates r, z, n

A launch goes through all steps: a block owns a few sequences, keeps their states (and as many
weights as fit) on its multiprocessor, and waits for no other block. Where ``use_precision`` says so
it multiplies on tensor cores, in layers of at most 256 units; in wider ones only the products
before and after the loop over the steps do.
"""

from ._backward import make_backward
from ._forward import make_forward
from ._launch import launch, numba_type, precision_for, scratch, shared_limit
from ._plan import FUSED_INPUTS, MAX_BLOCKS, plan
from ._recurrent_products import SEQUENCES, tensor_plan
from ._tensor_backward import make_tensor_backward
from ._tensor_forward import make_tensor_forward
from .gemm import launch_product, launch_sums_of_products, nothing

# Numbers in the states of a shard; gates and their gradients take four times as many each.  And
# rows: a product has a block for 64 of them, and a grid at most 65535 blocks in that direction.
_SHARD_SIZE, _SHARD_ROWS = 2**26, 2**21


def shard_limits(n_units):
    """Most sequences of a shard, and most rows: whole batches, where memory allows."""
    return 2**16, min(_SHARD_ROWS, max(2**12, _SHARD_SIZE // n_units))


def gate_rows(n_rows, n_inputs, save):
    """Rows of gates that ``gru_forward`` needs."""
    return n_rows if save or n_inputs > FUSED_INPUTS else 0


def gate_gradient_rows(n_rows, n_sequences, n_units, itemsize):
    """Rows of gate gradients that ``gru_backward`` needs: the rows of all steps."""
    return n_rows


def _plan_for(n_sequences, states, **options):
    return plan(states.shape[1], states.dtype.itemsize, n_sequences, shared_limit(), **options)


def _tensor_plan_for(states, **options):
    """The precision, and how to launch on tensor cores; None where nothing is rounded."""
    precision, p = precision_for(states), None
    if precision != "fp32":
        p = tensor_plan(precision, states.shape[1], shared_limit(), **options)
    return precision, p


def _grid(n_sequences, rows):
    return (min(-(-n_sequences // rows), MAX_BLOCKS),)


def _room(p, n_sequences, states):
    """Global memory for the vectors of all blocks, and how much of it each has."""
    (n_blocks,) = _grid(n_sequences, p.rows)
    return scratch("spilled", n_blocks * p.spilled, states.dtype), p.spilled


def gru_forward(
    x, block, alive, w, u, bias, reverse, initial, mask, masked, states, gates, save
):  # fmt: skip
    """Run one direction of a layer over a mini-batch; arguments as on the CPU, on the device.

    The number of sequences is the length of ``initial``; the host reads no contents of arrays.
    Where ``gates`` has rows, they may be written whether or not ``save`` asks for it: wide inputs
    are multiplied by W before the loop, and the products wait there. Without rows the loop has to
    multiply them, which is equally fast for up to 16 inputs and slow for many.
    """
    (n_rows, n_x), n_units, n_sequences = x.shape, states.shape[1], initial.shape[0]
    fused = n_x <= FUSED_INPUTS or gates.shape[0] == 0
    if not fused:
        launch_product(
            x, 0, n_x, n_rows, n_x, w, 3 * n_units, 3 * n_units, bias, gates, 0, 4 * n_units, False
        )
    n_inputs = n_x if fused else 0
    precision, p = _tensor_plan_for(states, n_inputs=n_inputs)
    if p is not None:
        launch(
            make_tensor_forward(precision, p.n_held, fused, p.max_threads),
            _grid(n_sequences, SEQUENCES), (p.threads,), x, block, alive, w, u, bias, reverse,
            initial, mask, masked, states, gates, save, p.n_near, p.n_near_inputs, shared=p.shared,
        )  # fmt: skip
        return
    p = _plan_for(n_sequences, states, n_inputs=n_inputs)
    launch(
        make_forward(numba_type(states), p.rows, p.slices, fused, p.spilled > 0),
        _grid(n_sequences, p.rows), (p.slices * p.columns,), x, block, alive, w, u, bias, reverse,
        initial, mask, masked, states, gates, save, p.columns, p.n_cached,
        *_room(p, n_sequences, states), shared=p.shared,
    )  # fmt: skip


def gru_backward(
    x, block, alive, w_t, u_t, reverse, mask, h_in, states, gates, d_states, d_column, carry,
    d_gates, d_w, d_u, d_bias, d_x, add_d_x, need_initial,
):  # fmt: skip
    """Gradients of one direction; arguments as on the CPU, on the device.

    ``d_gates`` has to hold the rows of all steps. The shapes determine how many parts the
    sums over the rows are cut into, and the parts are added in order: every run has the same bits.
    """
    (n_rows, n_x), (n_sequences, n_units) = x.shape, carry.shape
    arguments = (
        block, alive, u_t, reverse, mask, states, gates, d_states, d_column, carry, d_gates,
        need_initial,
    )  # fmt: skip
    precision, p = _tensor_plan_for(states, backward=True)
    if p is not None:
        launch(
            make_tensor_backward(precision, p.n_held, p.max_threads),
            _grid(n_sequences, SEQUENCES), (p.threads,), *arguments, p.n_near, shared=p.shared,
        )  # fmt: skip
    else:
        p = _plan_for(n_sequences, states, backward=True)
        launch(
            make_backward(numba_type(states), p.rows, p.slices, p.spilled > 0),
            _grid(n_sequences, p.rows), (p.slices * p.columns,), *arguments, p.columns, p.n_cached,
            *_room(p, n_sequences, states), shared=p.shared,
        )  # fmt: skip
    launch_sums_of_products(
        x, n_x, h_in, n_units, d_gates, 4 * n_units, n_units, 0, 3 * n_units, 4 * n_units,
        3 * n_units, n_rows, block, reverse, (d_w, d_u, d_bias), True,
    )  # fmt: skip
    if d_x.shape[0] > 0:
        launch_product(
            d_gates, n_units, 4 * n_units, n_rows, 3 * n_units, w_t, w_t.shape[3], d_x.shape[1],
            nothing(d_x), d_x, 0, d_x.shape[1], add_d_x,
        )  # fmt: skip
