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

            v.for_rows(n_rows, heights, tile)
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


def make_forward_stripe(blocks, heights):
    """One GRU step for n sequences and ``blocks`` vectors of units, finished in registers.

    The weights of a block of units lie together, so the same registers hold r, z and n of the same
    units and the cell is completed before anything is stored::

        r, z, x_n = b + x W          (loop over the n_x inputs; x_n is set aside)
        r, z, a   += h U             (loop over the n_h recurrent inputs; a starts at b_hn)
        r, z, n, h' = gru_cell       (see ``_cell.py``)

    bias: per block b_r, b_z, b_n, b_hn.  w, u: per block [k][r, z, n].  gates (with ``save``): per
    block r, z, n, a.  ``h_in`` is what U multiplies (the state, or the state under a dropout mask),
    from the start of its row; ``h`` is the state itself and ``out`` the new one, both from the
    first unit of the stripe. All three have row stride ``h_row``, and the gates four times that.
    """

    @intrinsic
    def forward_stripe(
        typingctx, n_rows, x, x_start, n_x, w, w_start, h_in, h_in_start, h_row, u, u_start,
        bias, bias_start, h, h_start, out, out_start, gates, gates_start, save,
    ):  # fmt: skip
        n = types.intp
        signature = types.void(
            n, x, n, n, w, n, h_in, n, n, u, n, bias, n, h, n, out, n, gates, n, types.boolean
        )

        def codegen(context, builder, signature, arguments):
            (n_rows, x, x_start, n_x, w, w_start, h_in, h_in_start, h_row, u, u_start,
             bias, bias_start, h, h_start, out, out_start, gates, gates_start, save,
             ) = arguments  # fmt: skip
            kinds = signature.args
            v = Vectors(context, builder, kinds[1].dtype)
            width = v.width
            x = v.pointer(kinds[1], x, x_start)
            w = v.pointer(kinds[4], w, w_start)
            h_in = v.pointer(kinds[6], h_in, h_in_start)
            u = v.pointer(kinds[9], u, u_start)
            bias = v.pointer(kinds[11], bias, bias_start)
            h = v.pointer(kinds[13], h, h_start)
            out = v.pointer(kinds[15], out, out_start)
            gates = v.pointer(kinds[17], gates, gates_start)
            biases = [v.load(v.at(bias, j * width)) for j in range(4 * blocks)]

            def tile(i, rows):
                h_offset = builder.mul(i, h_row)

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
                sums = products(v.at(x, builder.mul(i, n_x)), n_x, n_x, w, of_one_row * rows)
                x_n = sums[2::3]
                for cell in range(rows * blocks):
                    sums[3 * cell + 2] = biases[4 * (cell % blocks) + 3]
                sums = products(v.at(h_in, h_offset), h_row, h_row, u, sums)

                for cell in range(rows * blocks):
                    m, p = divmod(cell, blocks)
                    unit = builder.add(builder.mul(h_row, v.index(m)), v.index(p * width))
                    unit = builder.add(h_offset, unit)
                    s_r, s_z, a = sums[3 * cell : 3 * cell + 3]
                    r, z, n, h_next = gru_cell(v, s_r, s_z, x_n[cell], a, v.at(h, unit))
                    v.store(h_next, v.at(out, unit))
                    with builder.if_then(save):
                        saved = v.at(gates, builder.mul(unit, v.index(4)))
                        for j, value in enumerate((r, z, n, a)):
                            v.store(value, v.at(saved, j * width))

            v.for_rows(n_rows, heights, tile)
            return context.get_dummy_value()

        return signature, codegen

    return forward_stripe


def make_backward_stripe(blocks, heights, groups=1):
    """One step of back-propagation for n sequences and ``groups * blocks`` vectors of units.

    The product gathers what the neighbouring step (the later one in the direction of the layer)
    sends back through U; with ``finish`` the gates are differentiated while it is in registers::

        dh = mask (da U_n^T + dr U_r^T + dz U_z^T) + carry + d_state
        da, dr, dz, dn = gru_cell_backward   (see ``_cell.py``)
        carry = dh z

    and without it dh itself is left in ``carry``, which is how the gradient of the initial state
    ends.

    d_gates: panels of [row][da, dr, dz, dn], so that (da, dr, dz) and (dr, dz, dn) are both windows
    of three neighbouring vectors.  ``source_start``: first row of the neighbouring step in panel 0;
    ``n_panels`` is 0 where there is none.  ``target_start``: first row of this step in the first
    panel of the stripe.  u_t: per group [panel][da, dr, dz][units of the group].  ``mask`` and
    ``d_states`` are read only where the flag after them says so; the mask has the strides of
    ``carry``.
    """

    @intrinsic
    def backward_stripe(
        typingctx, n_rows, d_gates, source_start, panel_size, n_panels, target_start, u_t, u_start,
        carry, carry_start, h_row, gates, gates_start, h, h_start,
        mask, has_mask, d_states, d_start, d_row, has_d_states, finish,
    ):  # fmt: skip
        n, flag = types.intp, types.boolean
        signature = types.void(
            n, d_gates, n, n, n, n, u_t, n, carry, n, n, gates, n, h, n,
            mask, flag, d_states, n, n, flag, flag,
        )  # fmt: skip

        def codegen(context, builder, signature, arguments):
            (n_rows, d_gates, source_start, panel_size, n_panels, target_start, u_t, u_start,
             carry, carry_start, h_row, gates, gates_start, h, h_start,
             mask, has_mask, d_states, d_start, d_row, has_d_states, finish,
             ) = arguments  # fmt: skip
            kinds = signature.args
            v = Vectors(context, builder, kinds[1].dtype)
            width = v.width
            source = v.pointer(kinds[1], d_gates, source_start)
            target = v.pointer(kinds[1], d_gates, target_start)
            u_t = v.pointer(kinds[6], u_t, u_start)
            carry = v.pointer(kinds[8], carry, carry_start)
            gates = v.pointer(kinds[11], gates, gates_start)
            h = v.pointer(kinds[13], h, h_start)
            mask = v.pointer(kinds[15], mask, carry_start)
            d_states = v.pointer(kinds[17], d_states, d_start)
            row_of_gates = v.index(4 * width)
            group_size = builder.mul(h_row, v.index(3 * blocks * width))
            vectors = groups * blocks

            def product(i, rows):
                source_i = v.at(source, builder.mul(i, row_of_gates))

                def through_one_panel(panel, carried):
                    d_panel = v.at(source_i, builder.mul(panel_size, panel))
                    u_panel = v.at(u_t, builder.mul(panel, v.index(3 * width * blocks * width)))

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
                return v.accumulate(zeros, n_panels, through_one_panel)

            def tile(i, rows):
                def offsets(row_stride):
                    return [
                        builder.add(
                            builder.mul(row_stride, builder.add(i, v.index(m))), v.index(p * width)
                        )
                        for m in range(rows)
                        for p in range(vectors)
                    ]

                unit, at_d_state = offsets(h_row), offsets(d_row)
                sums = v.where(
                    has_mask,
                    product(i, rows),
                    lambda j, value: v.mul(value, v.load(v.at(mask, unit[j]))),
                )
                sums = [v.add(value, v.load(v.at(carry, unit[j]))) for j, value in enumerate(sums)]
                sums = v.where(
                    has_d_states,
                    sums,
                    lambda j, value: v.add(value, v.load(v.at(d_states, at_d_state[j]))),
                )
                with builder.if_else(finish) as (then, otherwise):
                    with then:
                        for j, dh in enumerate(sums):
                            m, p = divmod(j, vectors)
                            panel = v.at(target, builder.mul(panel_size, v.index(p)))
                            row = builder.mul(builder.add(i, v.index(m)), row_of_gates)
                            differentiate_cell(dh, unit[j], v.at(panel, row))
                    with otherwise:
                        for j, dh in enumerate(sums):
                            v.store(dh, v.at(carry, unit[j]))

            def differentiate_cell(dh, unit, target):
                saved = v.at(gates, builder.mul(unit, v.index(4)))
                r, z, n, a = (v.load(v.at(saved, j * width)) for j in range(4))
                of_gates = gru_cell_backward(v, dh, r, z, n, a, v.load(v.at(h, unit)))
                v.store(v.mul(dh, z), v.at(carry, unit))
                for j, value in enumerate(of_gates):
                    v.store(value, v.at(target, j * width))

            v.for_rows(n_rows, heights, tile)
            return context.get_dummy_value()

        return signature, codegen

    return backward_stripe
