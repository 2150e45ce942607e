"""The persistent forward kernel: one launch for all steps of a direction."""

from functools import cache

from numba import cuda

from ._cell import length_of, make_cell
from ._jit import device_function, flat, index, kernel
from ._plan import MAX_THREADS
from ._states import store_gates, store_states


@cache
def make_forward(dtype, rows, slices, fused, spilled=False):
    """Make a kernel whose blocks process ``rows`` sequences at a time; see `Plan` for the terms.

    With ``fused`` the inputs are multiplied inside the loop over the steps; otherwise ``gates``
    already holds x W + b in the places of r, z and n.

    Thread (slice, column) sums over its slice of the units for all rows of the block and for the
    units column, column + columns...; then it adds up the sums of the slices, always in the same
    order, and finishes the cell for rows slice, slice + slices...
    """
    own = -(-rows // slices)
    n_sums = 4 if fused else 3
    n_all = n_sums * rows
    n_fetched = 3 * own
    advance, _ = make_cell(dtype)
    zero = dtype(0)
    i0, i1, i2, i3 = (index(i) for i in range(4))
    n_rows, n_slices = index(rows), index(slices)
    sums_per_slice = index(n_all)

    @device_function
    def add_products(weights, at, vector, v, n, h_row, n_units, sums):
        """Add n rows of weights, from ``at`` on, times the entries of every sequence."""
        step = i3 * n_units
        k = i0
        while k < n:
            to_r, to_z, to_n = weights[at], weights[at + n_units], weights[at + i2 * n_units]
            for r in range(rows):
                value = vector[v + index(r) * h_row]
                sums[3 * r] += to_r * value
                sums[3 * r + 1] += to_z * value
                sums[3 * r + 2] += to_n * value
            at += step
            v += i1
            k += i1

    @device_function
    def add_inputs(weights, at, vector, v, n, x_row, n_units, sums):
        """Do the same for inputs; their part of the candidate is kept apart from the part of U."""
        step = i3 * n_units
        k = i0
        while k < n:
            to_r, to_z, to_n = weights[at], weights[at + n_units], weights[at + i2 * n_units]
            for r in range(rows):
                value = vector[v + index(r) * x_row]
                sums[3 * r] += to_r * value
                sums[3 * r + 1] += to_z * value
                sums[3 * rows + r] += to_n * value
            at += step
            v += i1
            k += i1

    def gru_forward(
        x, step_start, alive, w, u, bias, reverse, initial, mask, masked, states, gates, save,
        columns, n_cached, spill, per_block,
    ):  # fmt: skip
        columns, n_cached = index(columns), index(n_cached)
        n_units, n_x = index(states.shape[1]), index(x.shape[1])
        n_sequences = index(alive[0])
        has_initial, has_mask = initial.shape[1] > 0, mask.shape[0] > 0
        w, u, bias = flat(w), flat(u), flat(bias)
        thread, n_threads = index(cuda.threadIdx.x), columns * n_slices
        part, column = thread // columns, thread % columns
        first = index(cuda.blockIdx.x) * n_rows
        if first >= n_sequences:
            return

        # Shared memory (or, where it is too small, the block's piece of ``spill``): weights, the
        # states that U sees (of this step and of the next), the states themselves, inputs (of this
        # step and of the next), sums of the slices.
        shared = spill if spilled else cuda.shared.array(0, dtype)
        weight_row = i3 * n_units
        cached = n_cached * weight_row
        seen_at = n_slices * cached + index(cuda.blockIdx.x) * index(per_block)
        h_at = seen_at + i2 * n_rows * n_units
        x_at = h_at + n_rows * n_units
        sums_at = x_at
        if fused:
            sums_at += i2 * n_rows * n_x

        per_slice = (n_units + n_slices - i1) // n_slices
        k_first = min(part * per_slice, n_units)
        k_last = min(k_first + per_slice, n_units)
        n_near = min(n_cached, k_last - k_first)
        x_per_slice = (n_x + n_slices - i1) // n_slices
        x_first = min(part * x_per_slice, n_x)
        x_last = min(x_first + x_per_slice, n_x)

        e = thread
        while e < n_slices * cached:
            source = e // cached * per_slice * weight_row + e % cached
            shared[e] = u[source] if source < n_units * weight_row else zero
            e += n_threads

        sums = cuda.local.array(n_all, dtype)
        fetched = cuda.local.array(n_fetched, dtype)
        while first < n_sequences:
            n_steps = length_of(first, alive)
            start = n_steps - i1 if reverse else i0
            e = thread
            while e < n_rows * n_units:
                row, unit = first + e // n_units, e % n_units
                state, seen = zero, zero
                if row < n_sequences:
                    if has_initial:
                        state = initial[row, unit]
                    seen = state * mask[row, unit] if has_mask else state
                shared[h_at + e] = state
                shared[seen_at + e] = seen
                e += n_threads
            if fused:
                e = thread
                while e < n_rows * n_x:
                    row = first + e // n_x
                    value = zero
                    if row < index(alive[start]):
                        value = x[index(step_start[start]) + row, e % n_x]
                    shared[x_at + e] = value
                    e += n_threads
            cuda.syncthreads()

            s = i0
            while s < n_steps:
                t = n_steps - i1 - s if reverse else s
                n_alive = index(alive[t])
                here, there = index(step_start[t]), index(step_start[t + i1])
                before, after = (there, here) if reverse else (here, there)
                now, later = s % i2, (s + i1) % i2
                seen_now = seen_at + now * n_rows * n_units
                seen_later = seen_at + later * n_rows * n_units

                # Loads from global memory for the next step start here and are used at the end.
                next_x = zero
                if fused:
                    if s + i1 < n_steps and thread < n_rows * n_x:
                        next_t = t - i1 if reverse else t + i1
                        row = first + thread // n_x
                        if row < index(alive[next_t]):
                            next_x = x[index(step_start[next_t]) + row, thread % n_x]

                unit = column
                n_passes = (n_units + columns - i1) // columns
                while n_passes > i0:
                    n_passes -= i1
                    inside = unit < n_units
                    if inside and not fused:
                        for i in range(own):
                            row = first + part + index(i) * n_slices
                            if row < n_alive and part + index(i) * n_slices < n_rows:
                                for gate in range(3):
                                    value = gates[here + row, index(gate) * n_units + unit]
                                    fetched[3 * i + gate] = value
                    for j in range(n_all):
                        sums[j] = zero
                    if inside:
                        add_products(
                            shared, part * cached + unit, shared, seen_now + k_first, n_near,
                            n_units, n_units, sums,
                        )  # fmt: skip
                        far = k_first + n_near
                        add_products(
                            u, far * weight_row + unit, shared, seen_now + far, k_last - far,
                            n_units, n_units, sums,
                        )  # fmt: skip
                        if fused:
                            add_inputs(
                                w, x_first * weight_row + unit, shared,
                                x_at + now * n_rows * n_x + x_first, x_last - x_first,
                                n_x, n_units, sums,
                            )  # fmt: skip
                    if slices > 1:
                        if inside:
                            target = sums_at + part * sums_per_slice * columns + column
                            for j in range(n_all):
                                shared[target + index(j) * columns] = sums[j]
                        cuda.syncthreads()
                    if inside:
                        for i in range(own):
                            r = part + index(i) * n_slices
                            row = first + r
                            if r < n_rows and row < n_alive:
                                s_r, s_z, s_n, s_x = zero, zero, zero, zero
                                if slices > 1:
                                    for other in range(slices):
                                        at = index(other) * sums_per_slice + i3 * r
                                        at = sums_at + at * columns + column
                                        s_r += shared[at]
                                        s_z += shared[at + columns]
                                        s_n += shared[at + i2 * columns]
                                        if fused:
                                            at = index(other) * sums_per_slice + i3 * n_rows + r
                                            s_x += shared[sums_at + at * columns + column]
                                else:
                                    s_r, s_z, s_n = sums[3 * i], sums[3 * i + 1], sums[3 * i + 2]
                                    if fused:
                                        s_x = sums[3 * rows + i]
                                if fused:
                                    s_r += bias[unit]
                                    s_z += bias[n_units + unit]
                                    s_x += bias[i2 * n_units + unit]
                                else:
                                    s_r += fetched[3 * i]
                                    s_z += fetched[3 * i + 1]
                                    s_x = fetched[3 * i + 2]
                                a = s_n + bias[i3 * n_units + unit]
                                old = shared[h_at + r * n_units + unit]
                                reset, update, candidate, new = advance(s_r, s_z, s_x, a, old)
                                factor, seen = zero, new
                                if has_mask:
                                    factor = mask[row, unit]
                                    seen = new * factor
                                is_first = s == i0 or (reverse and row >= index(alive[t + i1]))
                                store_states(
                                    states, masked, has_mask, is_first, before + row, after + row,
                                    unit, old, new, factor,
                                )  # fmt: skip
                                shared[h_at + r * n_units + unit] = new
                                shared[seen_later + r * n_units + unit] = seen
                                if save:
                                    store_gates(
                                        gates, here + row, unit, n_units, reset, update, candidate,
                                        a,
                                    )  # fmt: skip
                            elif r < n_rows:
                                at = r * n_units + unit
                                shared[seen_later + at] = shared[seen_now + at]
                    if slices > 1 and n_passes > i0:
                        cuda.syncthreads()  # before the next pass overwrites the sums
                    unit += columns

                if fused:
                    target = x_at + later * n_rows * n_x
                    e = thread
                    while e < n_rows * n_x and s + i1 < n_steps:
                        value = next_x
                        if e >= n_threads:  # wide inputs without room for their products
                            next_t = t - i1 if reverse else t + i1
                            row = first + e // n_x
                            value = zero
                            if row < index(alive[next_t]):
                                value = x[index(step_start[next_t]) + row, e % n_x]
                        shared[target + e] = value
                        e += n_threads
                cuda.syncthreads()
                s += i1
            first += index(cuda.gridDim.x) * n_rows

    return kernel(gru_forward, threads=MAX_THREADS)
