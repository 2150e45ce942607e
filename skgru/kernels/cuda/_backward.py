"""The persistent backward kernel: the gate gradients of all steps of a direction in one launch."""

from functools import cache

from numba import cuda

from ._cell import clear_padding, length_of, make_cell
from ._jit import device_function, flat, index, kernel
from ._plan import MAX_THREADS


@cache
def make_backward(dtype, rows, slices, spilled=False):
    """Make the counterpart of ``make_forward``; threads and blocks share the work in the same way.

    A step multiplies the gate gradients of the step after it (in the direction of the layer) by U,
    transposed, and differentiates the cell. Padding rows of ``d_gates`` become zero: the products
    for the weights run over all rows.
    """
    own = -(-rows // slices)
    n_kept = 6 * own
    zero = dtype(0)
    _, retreat = make_cell(dtype)
    i0, i1, i2, i3 = (index(i) for i in range(4))
    n_rows, n_slices = index(rows), index(slices)

    @device_function
    def add_products(weights, at, vector, v, n, length, n_units, sums):
        k = i0
        while k < n:
            weight = weights[at]
            for r in range(rows):
                sums[r] += weight * vector[v + index(r) * length]
            at += n_units
            v += i1
            k += i1

    def gru_backward(
        step_start, alive, u_t, reverse, mask, states, gates, d_states, d_column, carry, d_gates,
        need_initial, columns, n_cached, spill, per_block,
    ):  # fmt: skip
        columns, n_cached, d_column = index(columns), index(n_cached), index(d_column)
        n_units, n_sequences = index(carry.shape[1]), index(alive[0])
        has_mask, has_d_states = mask.shape[0] > 0, d_states.shape[0] > 0
        u_t = flat(u_t)
        thread, n_threads = index(cuda.threadIdx.x), columns * n_slices
        part, column = thread // columns, thread % columns
        first = index(cuda.blockIdx.x) * n_rows
        if first >= n_sequences:
            return

        # Shared memory (or the block's piece of ``spill``): weights, da, dr, dz (of the previous
        # step and of this one), the gradient that bypasses the gates, partial sums of the slices.
        shared = spill if spilled else cuda.shared.array(0, dtype)
        length = i3 * n_units
        cached = n_cached * n_units
        d_at = n_slices * cached + index(cuda.blockIdx.x) * index(per_block)
        carry_at = d_at + i2 * n_rows * length
        sums_at = carry_at + n_rows * n_units

        per_slice = (length + n_slices - i1) // n_slices
        k_first = min(part * per_slice, length)
        k_last = min(k_first + per_slice, length)
        n_near = min(n_cached, k_last - k_first)
        e = thread
        while e < n_slices * cached:
            source = e // cached * per_slice * n_units + e % cached
            shared[e] = u_t[source] if source < length * n_units else zero
            e += n_threads

        sums = cuda.local.array(rows, dtype)
        kept = cuda.local.array(n_kept, dtype)
        while first < n_sequences:
            n_steps = length_of(first, alive)
            e = thread
            while e < n_rows * n_units:
                row, unit = first + e // n_units, e % n_units
                value = zero
                if row < n_sequences:
                    value = carry[row, unit]
                    clear_padding(d_gates, row, unit, step_start, alive)
                shared[carry_at + e] = value
                e += n_threads
            e = thread
            while e < n_rows * length:
                shared[d_at + e] = zero
                e += n_threads
            cuda.syncthreads()

            # With ``need_initial``, one more round completes the gradient of the initial state.
            s, n_alive = i0, i0
            n_rounds = n_steps + i1 if need_initial else n_steps
            while s < n_rounds:
                n_before = n_alive
                here, before, n_alive = i0, i0, i0
                if s < n_steps:
                    t = s if reverse else n_steps - i1 - s
                    here, n_alive = index(step_start[t]), index(alive[t])
                    before = index(step_start[t + i1]) if reverse else here
                d_last = d_at + s % i2 * n_rows * length
                d_now = d_at + (s + i1) % i2 * n_rows * length

                unit = column
                n_passes = (n_units + columns - i1) // columns
                while n_passes > i0:
                    n_passes -= i1
                    inside = unit < n_units
                    if inside:
                        for i in range(own):
                            row = first + part + index(i) * n_slices
                            if row < n_alive and part + index(i) * n_slices < n_rows:
                                for gate in range(4):
                                    value = gates[here + row, index(gate) * n_units + unit]
                                    kept[6 * i + gate] = value
                                kept[6 * i + 4] = states[before + row, unit]
                                kept[6 * i + 5] = zero
                                if has_d_states:
                                    kept[6 * i + 5] = d_states[here + row, d_column + unit]
                    for r in range(rows):
                        sums[r] = zero
                    if inside:
                        add_products(
                            shared, part * cached + unit, shared, d_last + k_first, n_near,
                            length, n_units, sums,
                        )  # fmt: skip
                        far = k_first + n_near
                        add_products(
                            u_t, far * n_units + unit, shared, d_last + far, k_last - far,
                            length, n_units, sums,
                        )  # fmt: skip
                    if slices > 1:
                        if inside:
                            for r in range(rows):
                                at = (part * n_rows + index(r)) * columns + column
                                shared[sums_at + at] = sums[r]
                        cuda.syncthreads()
                    if inside:
                        for i in range(own):
                            r = part + index(i) * n_slices
                            row = first + r
                            if r < n_rows and (row < n_alive or row < n_before):
                                total = zero
                                if slices > 1:
                                    for other in range(slices):
                                        at = (index(other) * n_rows + r) * columns + column
                                        total += shared[sums_at + at]
                                else:
                                    total = sums[i]
                                if has_mask:
                                    total *= mask[row, unit]
                                at = carry_at + r * n_units + unit
                                d_h = total + shared[at]
                                d_reset, d_update, d_a = zero, zero, zero
                                if row < n_alive:
                                    d_h += kept[6 * i + 5]
                                    reset, update = kept[6 * i], kept[6 * i + 1]
                                    candidate, a = kept[6 * i + 2], kept[6 * i + 3]
                                    d_a, d_reset, d_update, d_n = retreat(
                                        d_h, reset, update, candidate, a, kept[6 * i + 4]
                                    )
                                    shared[at] = d_h * update
                                    d_gates[i0, here + row, i0, unit] = d_a
                                    d_gates[i0, here + row, i1, unit] = d_reset
                                    d_gates[i0, here + row, i2, unit] = d_update
                                    d_gates[i0, here + row, i3, unit] = d_n
                                elif need_initial:
                                    carry[row, unit] = d_h
                                at = d_now + r * length + unit
                                shared[at] = d_a
                                shared[at + n_units] = d_reset
                                shared[at + i2 * n_units] = d_update
                            elif r < n_rows:
                                at = d_now + r * length + unit
                                shared[at] = zero
                                shared[at + n_units] = zero
                                shared[at + i2 * n_units] = zero
                    if slices > 1 and n_passes > i0:
                        cuda.syncthreads()  # before the next pass overwrites the sums
                    unit += columns
                cuda.syncthreads()
                s += i1
            first += index(cuda.gridDim.x) * n_rows

    return kernel(gru_backward, threads=MAX_THREADS)
