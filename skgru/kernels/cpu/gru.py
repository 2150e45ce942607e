r"""One direction of one GRU layer, forward and backward, for one shard of sequences.

Convention (reset after the product: Cho et al., arXiv:1406.1078v1, in the form of cuDNN)::

    r = sigmoid(x W_r + h U_r + b_r)        z = sigmoid(x W_z + h U_z + b_z)
    a = h U_n + b_hn                        n = tanh(x W_n + b_n + r a)
    h' = n + z (h - n)

``docs/derivations/gru.md`` derives the gradients; their names are the same here.

Packed layout
-------------
The sequences of a shard are sorted longest first, so the ``alive[t]`` sequences that have a step t
are a prefix of those with a step t - 1. The rows of step t form block t, rows ``block[t]`` to
``block[t + 1]``: the array ``block`` is the table of the first rows of all steps. Block t has
``alive[t - 1]`` rows (block 0: ``alive[0]``), of which the first ``alive[t]`` are used; the others
are padding and hold finite numbers. The states have one block more. A forward layer reads the state
before step t from block t and writes the one after it to block t + 1; a backward layer reads block
t + 1 and writes block t. So inputs, gates and gradients of both directions share one set of
offsets, equal lengths leave no padding at all, and the rows of many steps form one long matrix for
the weight gradients.

Panels
------
``width`` units (one vector register) make a panel; hidden sizes are padded to whole panels with
zero weights, whose units stay at 0 and send no gradient. ``n_units`` counts padded units.
"""

from ._flush import flush_to_zero, restore_float_mode
from ._host import TILE_HEIGHTS
from ._jit import inline_kernel, kernel, step_kernel
from ._tiles import make_backward_stripe, make_forward_stripe, make_sum_stripe
from .gemm import multiply_panel

# Recurrent weights of more bytes than this do not stay in a core's own caches.
_CACHE_BYTES = 2**17

# Bytes of gate gradients that are computed before they are added to the weight gradients; so few
# that they stay in the cache until then.
_CHUNK_BYTES = 2**19

# Whole tiles of rows take one panel (forward) or a pair (backward) at a time; the rows that are
# left go one by one and take several, to keep enough sums in flight.
_TILED_HEIGHTS = TILE_HEIGHTS[:-1]
_SMALLEST_TILE = _TILED_HEIGHTS[-1]
_forward_tiled = make_forward_stripe((1,), _TILED_HEIGHTS)
_forward_single = make_forward_stripe((4, 2, 1), (1,))
_backward_stripe = make_backward_stripe({8: (1,), 2: TILE_HEIGHTS, 1: TILE_HEIGHTS})
_add_column_sums = make_sum_stripe(4)


# Sequences in a shard, by the units of the widest layer.  Narrow layers need many to be worth the
# calls; from 64 units on 16 are as fast as 32 and give a batch of 32 to two threads; from 256 on
# the weights exceed the cache and every shard reads them again at each step (see
# ``docs/benchmarks.md``).
_SHARD_SIZES = ((256, 32), (64, 16), (0, 32))

# Rows of a shard; sequences of up to 4096 steps fill one of 32 sequences.
_SHARD_ROWS = 2**17


def shard_limits(n_units):
    """Most sequences of a shard, and most rows, for layers of up to ``n_units`` units."""
    return next(size for units, size in _SHARD_SIZES if n_units >= units), _SHARD_ROWS


def gate_rows(n_rows, n_inputs, save):
    """Rows of gates that ``gru_forward`` needs."""
    return n_rows if save else 0


def gate_gradient_rows(n_rows, n_sequences, n_units, itemsize):
    """Rows of gate gradients that ``gru_backward`` needs: a chunk of steps, and one step more."""
    return max(n_sequences, _CHUNK_BYTES // (4 * n_units * itemsize)) + n_sequences


@step_kernel
def _forward_step(
    x, here, w, h_in, states, before, after, u, bias, gates, saved, n, save, descend
):  # fmt: skip
    """Advance ``n`` sequences by one step; here, before, after, saved are first rows.

    ``descend``: from the last panel to the first. Every other step does, so that weights which
    exceed the cache find half of themselves still there.
    """
    n_x, n_units = x.shape[1], states.shape[1]
    n_panels = n_units // bias.shape[2]
    tiled = n - n % _SMALLEST_TILE
    if tiled > 0:
        for q in range(n_panels):
            _forward_tiled(
                tiled, n_panels - 1 - q if descend else q, 1, x, here * n_x, n_x, w, u, bias,
                h_in, states, before * n_units, after * n_units, n_units,
                gates, saved * n_units * 4, save,
            )  # fmt: skip
    if n > tiled:
        _forward_single(
            n - tiled, 0, n_panels, x, (here + tiled) * n_x, n_x, w, u, bias,
            h_in, states, (before + tiled) * n_units, (after + tiled) * n_units, n_units,
            gates, (saved + tiled) * n_units * 4, save,
        )  # fmt: skip


@inline_kernel
def _mask_rows(states, start, n, mask, masked):
    for i in range(n):
        for j in range(states.shape[1]):
            masked[start + i, j] = states[start + i, j] * mask[i, j]


@inline_kernel
def _place_initial_states(states, block, alive, reverse, initial):
    """Write the initial states where the steps will look for them; zeros if there are none."""
    n_steps = alive.shape[0]
    given = initial.shape[1] > 0
    for s in range(n_steps if reverse else 1):
        # Rows of block s + 1 (reverse) without a step after theirs, or all of block 0.
        start, stop, row = 0, alive[0], block[0]
        if reverse:
            start = alive[s + 1] if s + 1 < n_steps else 0
            stop, row = block[s + 2] - block[s + 1], block[s + 1]
        for i in range(start, stop):
            for j in range(states.shape[1]):
                states[row + i, j] = initial[i, j] if given else 0


@kernel
def gru_forward(
    x, block, alive, w, u, bias, reverse, initial, mask, masked, states, gates, save
):  # fmt: skip
    """Run one direction of a layer over a shard.

    Parameters
    ----------
    x : (rows, n_inputs), block layout, padding rows finite. IN
    block : (n_steps + 2,) int64, first row of each block and the end of the states. IN
    alive : (n_steps,) int64, number of sequences that have step t, never rising. IN
    w : (n_panels, n_inputs, 3, width), gates r, z, n. IN
    u : (n_panels, n_units, 3, width), gates r, z, n. IN
    bias : (n_panels, 4, width): b_r, b_z, b_n, b_hn. IN
    reverse : bool, from the last step to the first.
    initial : (n_sequences, n_units), states before the first step, zero in the units of the
        padding; no columns for zeros. IN
    mask : (n_sequences, n_units), recurrent dropout (Gal & Ghahramani 2016, arXiv:1512.05287): U
        multiplies mask * h; no rows if there is none. IN
    masked : like ``states``, mask * h for the backward pass; not touched without a mask. OUT
    states : (block[-1], n_units), all states: those of a step in the block after (``reverse``: of)
        it, initial ones before. OUT
    gates : (rows, 4 * n_units), per panel r, z, n, a; must reach ``gru_backward`` untouched; not
        touched without ``save``. OUT
    save : bool, whether a backward pass will follow.

    No array may overlap another, with one exception: ``initial`` may be rows of ``states`` other
    than those it is copied to, because all of it is copied before the first step. A stream uses
    this: the states of the step before, which lie in block 1, are the initial ones of block 0.
    Arrays that are not touched may be any.
    """
    mode = flush_to_zero()
    n_steps = alive.shape[0]
    exceeds = u.size * u.itemsize > _CACHE_BYTES
    use_mask = mask.shape[0] > 0
    _place_initial_states(states, block, alive, reverse, initial)
    if use_mask and reverse:
        _mask_rows(states, block[n_steps], alive[n_steps - 1], mask, masked)
    elif use_mask:
        _mask_rows(states, block[0], alive[0], mask, masked)
    h_in = masked if use_mask else states
    for s in range(n_steps):
        t = n_steps - 1 - s if reverse else s
        before, after = (block[t + 1], block[t]) if reverse else (block[t], block[t + 1])
        saved = block[t] if save else 0
        _forward_step(x, block[t], w, h_in, states, before, after, u, bias,
                      gates, saved, alive[t], save, exceeds and s % 2 == 1)  # fmt: skip
        if use_mask:
            n = block[t + 1] - block[t] if reverse else alive[t]
            _mask_rows(states, after, n, mask, masked)
    restore_float_mode(mode)


@step_kernel
def _backward_step(d_gates, source, n_source_panels, target, u_t, carry, gates, here,
                   states, before, mask, d_states, d_column, start, stop, finish,
                   descend):  # fmt: skip
    """Gradients of one step for sequences start .. stop - 1; ``descend`` as in ``_forward_step``.

    source, target (in ``d_gates``), here and before are the rows of sequence 0.
    """
    n_units, width = carry.shape[1], d_gates.shape[3]
    n_panels = n_units // width
    panel_size = d_gates.shape[1] * 4 * width
    d_row = d_states.shape[1]
    has_mask, has_d_states = mask.shape[0] > 0, finish and d_states.shape[0] > 0
    n = stop - start
    together = n_panels if n < _SMALLEST_TILE else 2
    n_stripes = (n_panels + together - 1) // together
    for q in range(n_stripes):
        first = together * (n_stripes - 1 - q if descend else q)
        _backward_stripe(
            n, first, min(together, n_panels - first), d_gates, (source + start) * 4 * width,
            n_source_panels, (target + start) * 4 * width, panel_size, u_t,
            carry, start * n_units, n_units, gates, (here + start) * n_units * 4,
            states, (before + start) * n_units, mask, has_mask,
            d_states, (here + start) * d_row + d_column, d_row, has_d_states, finish,
        )  # fmt: skip


@inline_kernel
def _add_weight_gradients(x, h_in, d_gates, block, first, last, reverse, d_w, d_u, d_bias):
    """Add what steps first .. last - 1, whose gradients fill ``d_gates``, give to the weights."""
    n_x, n_units, width = x.shape[1], h_in.shape[1], d_gates.shape[3]
    panel_size = d_gates.shape[1] * 4 * width
    base = block[first]
    n_rows = block[last] - base
    for p in range(d_gates.shape[0]):
        start = p * panel_size
        multiply_panel(n_x, x, base * n_x, 1, n_x, d_gates, start + width, 4 * width, n_rows,
                       d_w, p * 3 * width * n_x, 3 * width, True)  # fmt: skip
        # A run of steps whose previous states lie as their gradients do is one long product.  A
        # forward layer has one run; a backward layer starts a new one where a sequence ends.
        t = first
        while t < last:
            end = t + 1
            shift = block[t + 1] - block[t] if reverse else 0
            while end < last and (not reverse or block[end + 1] - block[end] == shift):
                end += 1
            # Where sequences end, block t + 1 is shorter than block t.  The gradients that meet the
            # rows after it are zeros of the padding, but rows past the last must not even be read.
            n = min(block[end] - block[t], h_in.shape[0] - block[t] - shift)
            multiply_panel(n_units, h_in, (block[t] + shift) * n_units, 1, n_units,
                           d_gates, start + (block[t] - base) * 4 * width, 4 * width, n,
                           d_u, p * 3 * width * n_units, 3 * width, True)  # fmt: skip
            t = end
        _add_column_sums(d_gates, start, 4 * width, n_rows, d_bias, p * 4 * width)


@inline_kernel
def _input_gradient(d_gates, n_rows, w_t, d_x, first_row, accumulate):
    """d_x[rows] (+)= (dr, dz, dn) W^T for the rows in ``d_gates``."""
    width = d_gates.shape[3]
    panel_size = d_gates.shape[1] * 4 * width
    n_columns = 3 * width
    k_size = n_columns * n_columns
    for q in range(w_t.shape[0]):
        for p in range(d_gates.shape[0]):
            multiply_panel(
                n_rows, d_gates, p * panel_size + width, 4 * width, 1,
                w_t, (q * d_gates.shape[0] + p) * k_size, n_columns, n_columns,
                d_x, first_row * d_x.shape[1] + q * n_columns, d_x.shape[1],
                accumulate or p > 0,
            )  # fmt: skip


@inline_kernel
def _first_without_step_before(t, alive, reverse):
    """Sequences from here to ``alive[t]`` started from their initial state at step t."""
    if reverse:
        return alive[t + 1] if t + 1 < alive.shape[0] else 0
    return alive[t] if t > 0 else 0


@kernel
def gru_backward(
    x, block, alive, w_t, u_t, reverse, mask, h_in, states, gates,
    d_states, d_column, carry, d_gates, d_w, d_u, d_bias, d_x, add_d_x, need_initial,
):  # fmt: skip
    """Back-propagate through one direction of a layer for a shard (Werbos 1990).

    Parameters
    ----------
    x, block, alive, reverse, mask, states, gates : as ``gru_forward`` left them. IN
    w_t : (n_groups, n_panels * 3 * width, 3 * width): W^T, rows (dr, dz, dn) of each panel, columns
        in groups of three vectors; read only where ``d_x`` has rows. IN
    u_t : U^T, rows (da, dr, dz) of each panel, columns in pairs of vectors, the last one alone if
        their number is odd. IN
    h_in : what U multiplied: ``masked`` of the forward pass, or ``states``. IN
    d_states : (rows, any), gradient with respect to the state after (forward) or at (reverse) step
        t in block t, this direction's columns starting at ``d_column``; no rows if there is
        none. IN
    carry : (n_sequences, n_units). INOUT. On entry the gradient of each sequence's final state; on
        return, with ``need_initial``, that of its initial state.
    d_gates : (n_panels, chunk rows + n_sequences, 4, width), work space for da, dr, dz, dn.
    d_w, d_u : like ``w``, ``u`` of the forward pass; d_u with the gates in the order n, r, z. The
        sums over the shard are added. INOUT
    d_bias : (n_panels, 4, width): b_hn, b_r, b_z, b_n. INOUT
    d_x : (rows, n_groups * 3 * width), gradient of the inputs, added if ``add_d_x``; no rows if it
        is not wanted. INOUT
    need_initial : bool, finish the gradient of the initial state.

    No array may overlap another, except that ``h_in`` is ``states`` where there is no mask.

    The gate gradients live in a chunk of steps that fits the cache: the weight gradients take them
    from there before the next chunk overwrites them.
    """
    mode = flush_to_zero()
    n_steps, n_panels = alive.shape[0], d_gates.shape[0]
    exceeds = u_t.size * u_t.itemsize > _CACHE_BYTES
    link = d_gates.shape[1] - carry.shape[0]  # rows that keep the last step of the chunk before
    done, n_source = 0, 0
    while done < n_steps:
        # Steps are counted in the order of the backward pass; t(s) is the step itself.
        size, s = 0, done
        while s < n_steps:
            t = s if reverse else n_steps - 1 - s
            if s > done and size + block[t + 1] - block[t] > link:
                break
            size += block[t + 1] - block[t]
            s += 1
        first, last = (done, s) if reverse else (n_steps - s, n_steps - done)
        base = block[first]
        source = link
        for s in range(done, done + last - first):
            t = s if reverse else n_steps - 1 - s
            before = block[t + 1] if reverse else block[t]
            target = block[t] - base
            # One call for both, since it is compiled into this loop: the gradients of the gates,
            # then, of sequences that began here, what their initial state gets from them.
            for finish in range(1, -1 if need_initial else 0, -1):
                start = 0 if finish else _first_without_step_before(t, alive, reverse)
                _backward_step(d_gates, source, n_source, target, u_t, carry, gates, block[t],
                               states, before, mask, d_states, d_column, start, alive[t],
                               finish == 1, exceeds and s % 2 == 1)  # fmt: skip
                for p in range(n_panels):
                    d_gates[p, target + alive[t] : block[t + 1] - base] = 0
                source, n_source = target, n_panels
        _add_weight_gradients(x, h_in, d_gates, block, first, last, reverse, d_w, d_u, d_bias)
        if d_x.shape[0] > 0:
            _input_gradient(d_gates, block[last] - base, w_t, d_x, base, add_d_x)
        t = last - 1 if reverse else first
        n = block[t + 1] - block[t]
        for p in range(n_panels):
            for i in range(n):
                for gate in range(4):
                    for lane in range(d_gates.shape[3]):
                        value = d_gates[p, block[t] - base + i, gate, lane]
                        d_gates[p, link + i, gate, lane] = value
        done += last - first
    restore_float_mode(mode)
