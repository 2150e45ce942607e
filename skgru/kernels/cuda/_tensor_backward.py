"""The persistent backward kernel on tensor cores, the mirror of ``_tensor_forward.py``.

Gradients are carried from step to step in float32, in registers; only U and the gate gradients that
are multiplied by its transpose are rounded.
"""

from functools import cache

import numba
from numba import cuda

from ._cell import clear_padding, length_of, make_cell
from ._jit import device_function, flat, index, kernel
from ._mma import FORMATS, MMA_WORDS, WARP
from ._recurrent_products import (
    SEQUENCES,
    STEP_WORDS,
    UNITS,
    make_add_products,
    make_store_words,
    make_weights,
)


@cache
def make_tensor_backward(precision, n_held, max_threads):
    """A kernel with the arguments of ``make_backward``'s; see `TensorPlan` for the terms.

    The sums of the three gates are kept apart until the end, so that three chains of instructions
    can run without waiting for each other.
    """
    dtype, word_type = numba.float32, numba.uint32
    n_held_words = max(1, STEP_WORDS * n_held)
    zero, one = dtype(0), dtype(1)
    i0, i1, i2, i4 = (index(i) for i in (0, 1, 2, 4))
    i_warp, i_units, i_step = index(WARP), index(UNITS), index(STEP_WORDS)
    n_rows, i_held = index(SEQUENCES), index(n_held)
    i_per_word, i_depth = (
        index(n) for n in (FORMATS[precision].per_word, FORMATS[precision].per_word * MMA_WORDS)
    )
    _, retreat = make_cell(dtype)
    _, place_weights = make_weights(precision, n_held)
    store_words = make_store_words(precision)
    add_products = make_add_products(precision, n_held, 8)

    @device_function
    def fetch(
        gates, states, d_states, d_column, here, before, n_alive, row, unit, n_units, fetched
    ):
        has_d_states = d_states.shape[0] > 0
        for c in range(4):
            r, u = row + index(c & 1), unit + index(c >> 1)
            if r < n_alive and u < n_units:
                for gate in range(4):
                    fetched[4 * gate + c] = gates[here + r, index(gate) * n_units + u]
                fetched[16 + c] = states[before + r, u]
                if has_d_states:
                    fetched[20 + c] = d_states[here + r, d_column + u]

    def tensor_backward(
        step_start, alive, u_t, reverse, mask, states, gates, d_states, d_column, carry, d_gates,
        need_initial, n_near,
    ):  # fmt: skip
        n_near, d_column = index(n_near), index(d_column)
        n_units, n_sequences = index(carry.shape[1]), index(alive[0])
        has_mask = mask.shape[0] > 0
        u_t = flat(u_t)
        thread, n_threads = index(cuda.threadIdx.x), index(cuda.blockDim.x)
        first = index(cuda.blockIdx.x) * n_rows
        if first >= n_sequences:
            return
        group, place = thread % i_warp // i4, thread % i4
        unit, pair = thread // i_warp * i_units + i2 * group, i2 * place

        # Shared memory, in words: weights (every lane has its own); da, dr and dz of the previous
        # step and of this one.
        shared = cuda.shared.array(0, word_type)
        d_at = max(n_near, i_held) * i_step * n_threads
        n_steps_k = (n_units + i_depth - i1) // i_depth
        length = n_threads // i_warp * i_units // i_per_word + i4
        per_gate = n_rows * length
        gate_length = n_units * n_units

        held = cuda.local.array(n_held_words, word_type)
        moving = cuda.local.array(4, word_type)
        sums = cuda.local.array(12, dtype)
        fetched = cuda.local.array(24, dtype)
        current = cuda.local.array(24, dtype)
        carried = cuda.local.array(4, dtype)
        factor = cuda.local.array(4, dtype)
        d_a = cuda.local.array(4, dtype)
        d_reset = cuda.local.array(4, dtype)
        d_update = cuda.local.array(4, dtype)
        # No barrier: a lane reads only what it has written itself.
        place_weights(
            held, shared, thread, n_near, n_threads, u_t, n_units, gate_length, n_units, n_units,
            unit, place,
        )  # fmt: skip

        while first < n_sequences:
            n_steps = length_of(first, alive)
            for c in range(4):
                row, column = first + pair + index(c & 1), unit + index(c >> 1)
                carried[c], factor[c] = zero, one
                d_a[c] = zero
                if row < n_sequences and column < n_units:
                    carried[c] = carry[row, column]
                    clear_padding(d_gates, row, column, step_start, alive)
                    if has_mask:
                        factor[c] = mask[row, column]
            for gate in range(3):
                store_words(shared, d_at + index(gate) * per_gate, length, unit, pair, d_a)
            cuda.syncthreads()

            for e in range(24):
                fetched[e] = zero
            t = i0 if reverse else n_steps - i1
            fetch(
                gates, states, d_states, d_column, index(step_start[t]),
                index(step_start[t + i1]) if reverse else index(step_start[t]), index(alive[t]),
                first + pair, unit, n_units, fetched,
            )  # fmt: skip
            # With ``need_initial``, one more round completes the gradient of the initial state.
            s, n_alive = i0, i0
            n_rounds = n_steps + i1 if need_initial else n_steps
            while s < n_rounds:
                n_before = n_alive
                here, n_alive = i0, i0
                if s < n_steps:
                    t = s if reverse else n_steps - i1 - s
                    here, n_alive = index(step_start[t]), index(alive[t])
                # Loads from global memory for the next step start before this one is computed.
                for e in range(24):
                    current[e] = fetched[e]
                if s + i1 < n_steps:
                    t = s + i1 if reverse else n_steps - i2 - s
                    fetch(
                        gates, states, d_states, d_column, index(step_start[t]),
                        index(step_start[t + i1]) if reverse else index(step_start[t]),
                        index(alive[t]),
                        first + pair, unit, n_units, fetched,
                    )  # fmt: skip
                d_last = d_at + s % i2 * index(3) * per_gate
                d_now = d_at + (s + i1) % i2 * index(3) * per_gate

                for e in range(12):
                    sums[e] = zero
                add_products(
                    held, moving, shared, thread, n_near, n_threads, u_t, n_units, gate_length,
                    n_units, n_units, unit, place, n_steps_k, d_last + group * length + place,
                    per_gate, sums,
                )  # fmt: skip

                for c in range(4):
                    row, column = first + pair + index(c & 1), unit + index(c >> 1)
                    d_h = (sums[c] + sums[4 + c] + sums[8 + c]) * factor[c] + carried[c]
                    d_a[c], d_reset[c], d_update[c] = zero, zero, zero
                    if row < n_alive and column < n_units:
                        d_h += current[20 + c]
                        update = current[4 + c]
                        d_a[c], d_reset[c], d_update[c], d_n = retreat(
                            d_h, current[c], update, current[8 + c], current[12 + c],
                            current[16 + c],
                        )  # fmt: skip
                        carried[c] = d_h * update
                        d_gates[i0, here + row, i0, column] = d_a[c]
                        d_gates[i0, here + row, i1, column] = d_reset[c]
                        d_gates[i0, here + row, i2, column] = d_update[c]
                        d_gates[i0, here + row, index(3), column] = d_n
                    elif row < n_before and column < n_units and need_initial:
                        carry[row, column] = d_h
                store_words(shared, d_now, length, unit, pair, d_a)
                store_words(shared, d_now + per_gate, length, unit, pair, d_reset)
                store_words(shared, d_now + i2 * per_gate, length, unit, pair, d_update)
                cuda.syncthreads()
                s += i1
            first += index(cuda.gridDim.x) * n_rows

    return kernel(tensor_backward, threads=max_threads)
