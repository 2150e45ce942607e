"""Register tiles: the three inner loops in which nearly all the arithmetic of skgru happens.

Each factory returns a Numba intrinsic that covers a stripe (all rows, a few vectors of columns)
with tiles of the given heights; a tile keeps ``height x vectors`` sums in registers. Arrays are
given with the offset, in elements, of the first element of the stripe; strides count elements too.
Nothing is checked here: ``gemm.py`` and ``gru.py`` own the loops around the stripes.

Sums over k run in ascending order in every tile, so the result for a row does not depend on which
tile computed it.
"""

from numba import types
from numba.extending import intrinsic

from ._cell import gru_cell, gru_cell_backward
from ._vector_ir import Vectors


def make_product_stripe(vectors, heights):
    """C[n, vectors] (+)= A[n, K] @ B[K, vectors], A with any two strides."""

    @intrinsic
    def product_stripe(
        typingctx, n_rows, a, a_start, a_row, a_col, b, b_start, b_row, n_k, c, c_start, c_row, add
    ):
        n = types.intp
        signature = types.void(n, a, n, n, n, b, n, n, n, c, n, n, types.boolean)

        def codegen(context, builder, signature, arguments):
            (n_rows, a, a_start, a_row, a_col, b, b_start, b_row, n_k, c, c_start, c_row, add) = (
                arguments
            )
            kinds = signature.args
            v = Vectors(context, builder, kinds[1].dtype)
            a = v.pointer(kinds[1], a, a_start)
            b = v.pointer(kinds[5], b, b_start)
            c = v.pointer(kinds[9], c, c_start)

            def tile(i, rows):
                a_i, c_i = v.at(a, builder.mul(i, a_row)), v.at(c, builder.mul(i, c_row))

                def multiply(k, carried):
                    b_k = v.at(b, builder.mul(b_row, k))
                    weights = [v.load(v.at(b_k, j * v.width)) for j in range(vectors)]
                    a_k = v.at(a_i, builder.mul(a_col, k))
                    updated = []
                    for m in range(rows):
                        scale = v.broadcast(v.at(a_k, builder.mul(a_row, v.index(m))))
                        for j in range(vectors):
                            old = carried[m * vectors + j]
                            updated.append(v.multiply_add(scale, weights[j], old))
                    return updated

                sums = v.accumulate([v.constant(0.0)] * (rows * vectors), n_k, multiply)
                addresses = [
                    v.at(c_i, builder.add(builder.mul(c_row, v.index(m)), v.index(j * v.width)))
                    for m in range(rows)
                    for j in range(vectors)
                ]
                sums = v.where(add, sums, lambda i, value: v.add(v.load(addresses[i]), value))
                for value, address in zip(sums, addresses, strict=True):
                    v.store(value, address)

            v.cover(n_rows, heights, tile)
            return context.get_dummy_value()

        return signature, codegen

    return product_stripe


def make_sum_stripe(vectors):
    """c[vectors] += the sum over K of B[K, vectors]."""

    @intrinsic
    def sum_stripe(typingctx, b, b_start, b_row, n_k, c, c_start):
        n = types.intp
        signature = types.void(b, n, n, n, c, n)

        def codegen(context, builder, signature, arguments):
            b, b_start, b_row, n_k, c, c_start = arguments
            v = Vectors(context, builder, signature.args[0].dtype)
            b = v.pointer(signature.args[0], b, b_start)
            c = v.pointer(signature.args[4], c, c_start)

            def add(k, carried):
                b_k = v.at(b, builder.mul(b_row, k))
                return [v.add(old, v.load(v.at(b_k, j * v.width))) for j, old in enumerate(carried)]

            sums = v.accumulate([v.constant(0.0)] * vectors, n_k, add)
            for j, value in enumerate(sums):
                address = v.at(c, j * v.width)
                v.store(v.add(v.load(address), value), address)
            return context.get_dummy_value()

        return signature, codegen

    return sum_stripe


def make_forward_stripe(groups, heights):
    """One GRU step for n sequences and some panels of units, finished in registers.

    ``groups`` are numbers of panels that a tile may have, the last one 1. The weights of a panel
    lie together, so the same registers hold r, z and n of the same units and the cell is completed
    before anything is stored::

        r, z, x_n = b + x W          (loop over the n_x inputs; x_n is set aside)
        r, z, a   += h U             (loop over the n_units states; a starts at b_hn)
        r, z, n, h' = gru_cell       (see ``_cell.py``)

    The panels are ``first_panel`` and those after it, ``n_panels`` of them. bias: per panel b_r,
    b_z, b_n, b_hn.  w, u: per panel [k][r, z, n].  gates (with ``save``): per panel r, z, n, a.
    ``h_in`` is what U multiplies: ``states``, or the states under a dropout mask. The states of the
    first sequence start at ``before`` in both of them, and its new state goes to ``after`` in
    ``states``. Rows of states have ``n_units`` elements, rows of gates four times as many.
    """

    @intrinsic
    def forward_stripe(
        typingctx, n_rows, first_panel, n_panels, x, x_start, n_x, w, u, bias, h_in, states, before,
        after, n_units, gates, gates_start, save,
    ):  # fmt: skip
        n = types.intp
        signature = types.void(
            n, n, n, x, n, n, w, u, bias, h_in, states, n, n, n, gates, n, types.boolean
        )

        def codegen(context, builder, signature, arguments):
            (n_rows, first_panel, n_panels, x, x_start, n_x, w, u, bias, h_in, states, before,
             after, n_units, gates, gates_start, save,
             ) = arguments  # fmt: skip
            kinds = signature.args
            v = Vectors(context, builder, kinds[3].dtype)
            width, start = v.width, v.index(0)
            x = v.pointer(kinds[3], x, x_start)
            w = v.pointer(kinds[6], w, start)
            u = v.pointer(kinds[7], u, start)
            bias = v.pointer(kinds[8], bias, start)
            h_in = v.pointer(kinds[9], h_in, before)
            h = v.pointer(kinds[10], states, before)
            out = v.pointer(kinds[10], states, after)
            gates = v.pointer(kinds[14], gates, gates_start)

            def stripe(done, blocks):
                unit_p = builder.mul(builder.add(first_panel, done), v.index(width))
                w_p = v.at(w, builder.mul(builder.mul(n_x, v.index(3)), unit_p))
                u_p = v.at(u, builder.mul(builder.mul(n_units, v.index(3)), unit_p))
                bias_p = v.at(bias, builder.mul(unit_p, v.index(4)))
                h_p, out_p = v.at(h, unit_p), v.at(out, unit_p)
                gates_p = v.at(gates, builder.mul(unit_p, v.index(4)))
                biases = [v.load(v.at(bias_p, j * width)) for j in range(4 * blocks)]

                def tile(i, rows):
                    h_offset = builder.mul(i, n_units)

                    def products(operand, operand_row, n_k, panels, start):
                        panel_size = builder.mul(n_k, v.index(3 * width))

                        def multiply(k, carried):
                            weights = []
                            for p in range(blocks):
                                panel = v.at(panels, builder.mul(panel_size, v.index(p)))
                                at_k = v.at(panel, builder.mul(k, v.index(3 * width)))
                                weights += [v.load(v.at(at_k, j * width)) for j in range(3)]
                            updated = []
                            for m in range(rows):
                                row = v.at(operand, builder.mul(operand_row, v.index(m)))
                                scale = v.broadcast(v.at(row, k))
                                for j, weight in enumerate(weights):
                                    old = carried[m * 3 * blocks + j]
                                    updated.append(v.multiply_add(scale, weight, old))
                            return updated

                        return v.accumulate(start, n_k, multiply)

                    of_one_row = [biases[4 * p + j] for p in range(blocks) for j in range(3)]
                    sums = products(v.at(x, builder.mul(i, n_x)), n_x, n_x, w_p, of_one_row * rows)
                    x_n = sums[2::3]
                    for cell in range(rows * blocks):
                        sums[3 * cell + 2] = biases[4 * (cell % blocks) + 3]
                    sums = products(v.at(h_in, h_offset), n_units, n_units, u_p, sums)

                    for cell in range(rows * blocks):
                        m, p = divmod(cell, blocks)
                        unit = builder.add(builder.mul(n_units, v.index(m)), v.index(p * width))
                        unit = builder.add(h_offset, unit)
                        s_r, s_z, a = sums[3 * cell : 3 * cell + 3]
                        r, z, n, h_next = gru_cell(v, s_r, s_z, x_n[cell], a, v.at(h_p, unit))
                        v.store(h_next, v.at(out_p, unit))
                        with builder.if_then(save):
                            saved = v.at(gates_p, builder.mul(unit, v.index(4)))
                            for j, value in enumerate((r, z, n, a)):
                                v.store(value, v.at(saved, j * width))

                v.cover(n_rows, heights, tile)

            v.cover(n_panels, groups, stripe)
            return context.get_dummy_value()

        return signature, codegen

    return forward_stripe


def make_backward_stripe(heights):
    """One step of back-propagation for n sequences and some panels of units.

    ``heights`` has the heights of tiles by the number of panels that a tile has: 8, 2 or 1. The
    product gathers what the neighbouring step (the later one in the direction of the layer) sends
    back through U; with ``finish`` the gates are differentiated while it is in registers::

        dh = mask (da U_n^T + dr U_r^T + dz U_z^T) + carry + d_state
        da, dr, dz, dn = gru_cell_backward   (see ``_cell.py``)
        carry = dh z

    and without it dh itself is left in ``carry``, which is how the gradient of the initial state
    ends.

    The panels are ``first_panel`` (even) and those after it, ``n_panels`` of them.  d_gates: panels
    of [row][da, dr, dz, dn], so that (da, dr, dz) and (dr, dz, dn) are both windows of three
    neighbouring vectors; the neighbouring step starts at ``source_start`` and has ``n_source``
    panels, or none, and this step starts at ``target_start``.  u_t: per pair of panels [panel][da,
    dr, dz][units of the pair], the last panel alone if their number is odd.  ``mask`` and
    ``d_states`` are read only where the flag after them says so; the mask has the strides of
    ``carry``.
    """

    @intrinsic
    def backward_stripe(
        typingctx, n_rows, first_panel, n_panels, d_gates, source_start, n_source, target_start,
        panel_size, u_t, carry, carry_start, n_units, gates, gates_start, h, h_start,
        mask, has_mask, d_states, d_start, d_row, has_d_states, finish,
    ):  # fmt: skip
        n, flag = types.intp, types.boolean
        signature = types.void(
            n, n, n, d_gates, n, n, n, n, u_t, carry, n, n, gates, n, h, n,
            mask, flag, d_states, n, n, flag, flag,
        )  # fmt: skip

        def codegen(context, builder, signature, arguments):
            (n_rows, first_panel, n_panels, d_gates, source_start, n_source, target_start,
             panel_size, u_t, carry, carry_start, n_units, gates, gates_start, h, h_start,
             mask, has_mask, d_states, d_start, d_row, has_d_states, finish,
             ) = arguments  # fmt: skip
            kinds = signature.args
            v = Vectors(context, builder, kinds[3].dtype)
            width = v.width
            source = v.pointer(kinds[3], d_gates, source_start)
            target = v.pointer(kinds[3], d_gates, target_start)
            u_t = v.pointer(kinds[8], u_t, v.index(0))
            carry = v.pointer(kinds[9], carry, carry_start)
            gates = v.pointer(kinds[12], gates, gates_start)
            h = v.pointer(kinds[14], h, h_start)
            mask = v.pointer(kinds[16], mask, carry_start)
            d_states = v.pointer(kinds[18], d_states, d_start)
            row_of_gates = v.index(4 * width)

            def stripe(done, vectors):
                panel_p = builder.add(first_panel, done)
                unit_p = builder.mul(panel_p, v.index(width))
                target_p = v.at(target, builder.mul(panel_p, panel_size))
                u_t_p = v.at(u_t, builder.mul(builder.mul(n_units, v.index(3)), unit_p))
                gates_p = v.at(gates, builder.mul(unit_p, v.index(4)))
                carry_p, h_p, mask_p, d_states_p = (
                    v.at(array, unit_p) for array in (carry, h, mask, d_states)
                )
                blocks = min(vectors, 2)  # vectors that lie side by side in u_t
                groups = vectors // blocks
                group_size = builder.mul(n_units, v.index(3 * blocks * width))

                def product(i, rows):
                    source_i = v.at(source, builder.mul(i, row_of_gates))

                    def through_one_panel(panel, carried):
                        d_panel = v.at(source_i, builder.mul(panel_size, panel))
                        u_panel = v.at(
                            u_t_p, builder.mul(panel, v.index(3 * width * blocks * width))
                        )

                        def multiply(k, carried):
                            u_k = v.at(u_panel, builder.mul(k, v.index(blocks * width)))
                            weights = []
                            for group in range(groups):
                                u_group = v.at(u_k, builder.mul(group_size, v.index(group)))
                                weights += [v.load(v.at(u_group, p * width)) for p in range(blocks)]
                            d_k = v.at(d_panel, k)
                            updated = []
                            for m in range(rows):
                                scale = v.broadcast(v.at(d_k, m * 4 * width))
                                for p in range(vectors):
                                    old = carried[m * vectors + p]
                                    updated.append(v.multiply_add(scale, weights[p], old))
                            return updated

                        return v.accumulate(carried, v.index(3 * width), multiply)

                    zeros = [v.constant(0.0)] * (rows * vectors)
                    return v.accumulate(zeros, n_source, through_one_panel)

                def tile(i, rows):
                    def offsets(row_stride):
                        return [
                            builder.add(
                                builder.mul(row_stride, builder.add(i, v.index(m))),
                                v.index(p * width),
                            )
                            for m in range(rows)
                            for p in range(vectors)
                        ]

                    unit, at_d_state = offsets(n_units), offsets(d_row)
                    sums = v.where(
                        has_mask,
                        product(i, rows),
                        lambda j, value: v.mul(value, v.load(v.at(mask_p, unit[j]))),
                    )
                    sums = [
                        v.add(value, v.load(v.at(carry_p, unit[j]))) for j, value in enumerate(sums)
                    ]
                    sums = v.where(
                        has_d_states,
                        sums,
                        lambda j, value: v.add(value, v.load(v.at(d_states_p, at_d_state[j]))),
                    )
                    with builder.if_else(finish) as (then, otherwise):
                        with then:
                            for j, dh in enumerate(sums):
                                m, p = divmod(j, vectors)
                                panel = v.at(target_p, builder.mul(panel_size, v.index(p)))
                                row = builder.mul(builder.add(i, v.index(m)), row_of_gates)
                                differentiate_cell(dh, unit[j], v.at(panel, row))
                        with otherwise:
                            for j, dh in enumerate(sums):
                                v.store(dh, v.at(carry_p, unit[j]))

                def differentiate_cell(dh, unit, target):
                    saved = v.at(gates_p, builder.mul(unit, v.index(4)))
                    r, z, n, a = (v.load(v.at(saved, j * width)) for j in range(4))
                    of_gates = gru_cell_backward(v, dh, r, z, n, a, v.load(v.at(h_p, unit)))
                    v.store(v.mul(dh, z), v.at(carry_p, unit))
                    for j, value in enumerate(of_gates):
                        v.store(value, v.at(target, j * width))

                v.cover(n_rows, heights[vectors], tile)

            v.cover(n_panels, heights, stripe)
            return context.get_dummy_value()

        return signature, codegen

    return backward_stripe
