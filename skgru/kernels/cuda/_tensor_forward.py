"""The persistent forward kernel on tensor cores; ``_recurrent_products.py`` has the layout.

Only factors of products are rounded. States are carried from step to step in float32, in registers.
"""

from functools import cache

import numba
from numba import cuda

from ._cell import length_of, make_cell
from ._jit import device_function, fast_quotient, flat, index, kernel
from ._mma import FORMATS, MMA_WORDS, WARP
from ._recurrent_products import (
    SEQUENCES,
    STEP_WORDS,
    UNITS,
    make_add_products,
    make_store_words,
    make_weights,
)
from ._states import store_gates, store_states


@cache
def make_tensor_forward(precision, n_held, fused, max_threads):
    """A kernel with the arguments of ``make_forward``'s; see `TensorPlan` for the terms.

    With ``fused`` the inputs are multiplied inside the loop over the steps; otherwise ``gates``
    already holds x W + b in the places of r, z and n, and the loads of a step start one
    step ahead.
    """
    dtype, word_type = numba.float32, numba.uint32
    n_sums = 16 if fused else 12
    n_held_words = max(1, STEP_WORDS * n_held)
    zero, one = dtype(0), dtype(1)
    i0, i1, i2, i4, i8 = (index(i) for i in (0, 1, 2, 4, 8))
    i_warp, i_units, i_step = index(WARP), index(UNITS), index(STEP_WORDS)
    n_rows, i_held = index(SEQUENCES), index(n_held)
    i_per_word, i_depth = (
        index(n) for n in (FORMATS[precision].per_word, FORMATS[precision].per_word * MMA_WORDS)
    )
    to_word, per_word = FORMATS[precision].to_word, FORMATS[precision].per_word
    # Twelve exact divisions for each lane would take longer than the products.
    advance, _ = make_cell(dtype, fast_quotient)
    _, place_weights = make_weights(precision, n_held)
    _, place_input_weights = make_weights(precision, 0)
    store_words = make_store_words(precision)
    add_products = make_add_products(precision, n_held, 8)
    add_inputs = make_add_products(precision, 0, 12)

    @device_function
    def fetch_gates(gates, here, n_alive, row, unit, n_units, fetched):
        for c in range(4):
            r, u = row + index(c & 1), unit + index(c >> 1)
            if r < n_alive and u < n_units:
                for gate in range(3):
                    fetched[4 * gate + c] = gates[here + r, index(gate) * n_units + u]

    @device_function
    def fetch_input(x, here, n_alive, row, word, n_x, ahead):
        """The numbers of a word of the input of a sequence, zero where there are none."""
        ahead[0], ahead[1] = zero, zero
        k = word * i_per_word
        if row < n_alive:
            if k < n_x:
                ahead[0] = x[here + row, k]
            if per_word == 2:
                if k + i1 < n_x:
                    ahead[1] = x[here + row, k + i1]

    def tensor_forward(
        x, step_start, alive, w, u, bias, reverse, initial, mask, masked, states, gates, save,
        n_near, n_near_inputs,
    ):  # fmt: skip
        n_near, n_near_inputs = index(n_near), index(n_near_inputs)
        n_units, n_x = index(states.shape[1]), index(x.shape[1])
        n_sequences = index(alive[0])
        has_initial, has_mask = initial.shape[1] > 0, mask.shape[0] > 0
        w, u, bias = flat(w), flat(u), flat(bias)
        thread, n_threads = index(cuda.threadIdx.x), index(cuda.blockDim.x)
        first = index(cuda.blockIdx.x) * n_rows
        if first >= n_sequences:
            return
        group, place = thread % i_warp // i4, thread % i4
        unit, pair = thread // i_warp * i_units + i2 * group, i2 * place

        # Shared memory, in words: weights of U and of W (every lane has its own), the states that U
        # sees (of this step and of the next), inputs (likewise).
        shared = cuda.shared.array(0, word_type)
        inputs_near = n_near * i_step * n_threads
        seen_at = max(n_near + n_near_inputs, i_held) * i_step * n_threads
        n_steps_k = (n_units + i_depth - i1) // i_depth
        n_steps_x = (n_x + i_depth - i1) // i_depth
        length = n_threads // i_warp * i_units // i_per_word + i4
        x_words = n_steps_x * i8
        x_length = x_words + i4
        x_at = seen_at + i2 * n_rows * length
        gate_row = index(3) * n_units

        held = cuda.local.array(n_held_words, word_type)
        moving = cuda.local.array(4, word_type)
        sums = cuda.local.array(n_sums, dtype)
        fetched = cuda.local.array(12, dtype)
        current = cuda.local.array(12, dtype)
        ahead = cuda.local.array(2, dtype)
        state = cuda.local.array(4, dtype)
        factor = cuda.local.array(4, dtype)
        seen = cuda.local.array(4, dtype)
        offsets = cuda.local.array(8, dtype)
        # No barrier: a lane reads only what it has written itself.
        place_weights(
            held, shared, thread, n_near, n_threads, u, gate_row, n_units, n_units, n_units, unit,
            place,
        )  # fmt: skip
        if fused:
            place_input_weights(
                held, shared, inputs_near + thread, n_near_inputs, n_threads, w, gate_row, n_units,
                n_x, n_units, unit, place,
            )  # fmt: skip
        for gate in range(4):
            for b in range(2):
                offsets[2 * gate + b] = zero
                if unit + index(b) < n_units:
                    offsets[2 * gate + b] = bias[index(gate) * n_units + unit + index(b)]
        for e in range(12):
            fetched[e] = zero

        while first < n_sequences:
            n_steps = length_of(first, alive)
            t = n_steps - i1 if reverse else i0
            for c in range(4):
                row, column = first + pair + index(c & 1), unit + index(c >> 1)
                state[c], factor[c] = zero, one
                if row < n_sequences and column < n_units:
                    if has_initial:
                        state[c] = initial[row, column]
                    if has_mask:
                        factor[c] = mask[row, column]
                seen[c] = state[c] * factor[c]
            store_words(shared, seen_at, length, unit, pair, seen)
            if fused:
                e = thread
                while e < n_rows * x_words:
                    r, word = e % n_rows, e // n_rows
                    fetch_input(
                        x, index(step_start[t]), index(alive[t]), first + r, word, n_x, ahead
                    )
                    shared[x_at + r * x_length + word] = to_word(ahead[0], ahead[1])
                    e += n_threads
            else:
                fetch_gates(
                    gates, index(step_start[t]), index(alive[t]), first + pair, unit, n_units,
                    fetched,
                )  # fmt: skip
            cuda.syncthreads()

            s = i0
            while s < n_steps:
                t = n_steps - i1 - s if reverse else s
                n_alive = index(alive[t])
                here, there = index(step_start[t]), index(step_start[t + i1])
                before, after = (there, here) if reverse else (here, there)
                now, later = s % i2, (s + i1) % i2

                # Loads from global memory for the next step start before this one is computed, and
                # their results are used afterwards: an instruction that uses one waits for it.
                next_t = t
                if s + i1 < n_steps:
                    next_t = t - i1 if reverse else t + i1
                next_here, next_alive = index(step_start[next_t]), index(alive[next_t])
                if fused:
                    fetch_input(
                        x, next_here, next_alive, first + thread % n_rows, thread // n_rows, n_x,
                        ahead,
                    )  # fmt: skip
                else:
                    for e in range(12):
                        current[e] = fetched[e]
                    fetch_gates(gates, next_here, next_alive, first + pair, unit, n_units, fetched)

                for e in range(n_sums):
                    sums[e] = zero
                add_products(
                    held, moving, shared, thread, n_near, n_threads, u, gate_row, n_units, n_units,
                    n_units, unit, place, n_steps_k,
                    seen_at + (now * n_rows + group) * length + place, i0, sums,
                )  # fmt: skip
                if fused:
                    add_inputs(
                        held, moving, shared, inputs_near + thread, n_near_inputs, n_threads, w,
                        gate_row, n_units, n_x, n_units, unit, place, n_steps_x,
                        x_at + (now * n_rows + group) * x_length + place, i0, sums,
                    )  # fmt: skip

                for c in range(4):
                    row, column = first + pair + index(c & 1), unit + index(c >> 1)
                    if row < n_alive and column < n_units:
                        s_r, s_z, a = sums[c], sums[4 + c], sums[8 + c] + offsets[6 + (c >> 1)]
                        s_n = zero
                        if fused:
                            s_r += offsets[c >> 1]
                            s_z += offsets[2 + (c >> 1)]
                            s_n = sums[12 + c] + offsets[4 + (c >> 1)]
                        else:
                            s_r += current[c]
                            s_z += current[4 + c]
                            s_n = current[8 + c]
                        old = state[c]
                        reset, update, candidate, new = advance(s_r, s_z, s_n, a, old)
                        is_first = s == i0 or (reverse and row >= index(alive[t + i1]))
                        store_states(
                            states, masked, has_mask, is_first, before + row, after + row, column,
                            old, new, factor[c],
                        )  # fmt: skip
                        if save:
                            store_gates(
                                gates, here + row, column, n_units, reset, update, candidate, a
                            )
                        state[c] = new
                    seen[c] = state[c] * factor[c]
                store_words(shared, seen_at + later * n_rows * length, length, unit, pair, seen)
                if fused:
                    e = thread
                    while e < n_rows * x_words:
                        r, word = e % n_rows, e // n_rows
                        if e >= n_threads:  # wide inputs without room for their products
                            fetch_input(x, next_here, next_alive, first + r, word, n_x, ahead)
                        at = x_at + later * n_rows * x_length + r * x_length + word
                        shared[at] = to_word(ahead[0], ahead[1])
                        e += n_threads
                cuda.syncthreads()
                s += i1
            first += index(cuda.gridDim.x) * n_rows

    return kernel(tensor_forward, threads=max_threads)
