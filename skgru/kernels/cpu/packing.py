"""Conversions between the public layout of weights and sequences and that of the kernels.

Weights of shape (n_in, 3 H), gates side by side, are packed into panels of one vector of units (see
``gru.py``), and their gradients are unpacked again. Sequences whose steps are consecutive rows are
packed time-major, step by step. Inputs that are themselves padded states come in groups:
``n_groups`` times ``size`` real columns, each group padded to ``padded`` columns.
"""

import math

from ._jit import kernel, step_kernel
from ._moves import N_STANDARDIZED, copy_vector, standardize_vector


@step_kernel
def _pack_weights(weights, size, padded, panels):
    """weights (n_groups * size, 3 H) -> panels (n_panels, n_groups * padded, 3, width)."""
    n_in, n_hidden = weights.shape[0], weights.shape[1] // 3
    n_panels, n_rows, _, width = panels.shape
    for k in range(n_in):
        row = k // size * padded + k % size
        for gate in range(3):
            for p in range(n_panels):
                source = k * 3 * n_hidden + gate * n_hidden + p * width
                target = ((p * n_rows + row) * 3 + gate) * width
                n = min(width, n_hidden - p * width)
                if n == width:
                    copy_vector(panels, target, weights, source)
                else:
                    for lane in range(n):
                        panels[p, row, gate, lane] = weights[k, gate * n_hidden + p * width + lane]


@step_kernel
def _unpack_weights(panels, size, padded, rotated, weights):
    """The inverse of ``_pack_weights``; ``rotated`` if the gates of the panels are n, r, z."""
    n_in, n_hidden = weights.shape[0], weights.shape[1] // 3
    n_panels, n_rows, _, width = panels.shape
    for k in range(n_in):
        row = k // size * padded + k % size
        for gate in range(3):
            source_gate = (gate + 1) % 3 if rotated else gate
            for p in range(n_panels):
                source = ((p * n_rows + row) * 3 + source_gate) * width
                target = k * 3 * n_hidden + gate * n_hidden + p * width
                n = min(width, n_hidden - p * width)
                if n == width:
                    copy_vector(weights, target, panels, source)
                else:
                    for lane in range(n):
                        weights[k, gate * n_hidden + p * width + lane] = panels[
                            p, row, source_gate, lane
                        ]


@step_kernel
def _pack_transposed_recurrent(weights, width, u_t):
    """weights (H, 3 H) -> u_t, flat: per pair of vectors [panel][n, r, z][lane][columns].

    The columns (rows of ``weights``) go in pairs of vectors, the last vector alone if their number
    is odd.
    """
    n_hidden = weights.shape[0]
    n_units = -(-n_hidden // width) * width
    paired = n_units // (2 * width) * (2 * width)
    for group in range(0, n_hidden, 2 * width):
        group_width = 2 * width if group < paired else width
        n_columns = min(group_width, n_hidden - group)
        for gate in range(3):
            for unit in range(n_hidden):
                k = (unit // width * 3 + (gate + 1) % 3) * width + unit % width
                start = group * 3 * n_units + k * group_width
                source = gate * n_hidden + unit
                for column in range(n_columns):
                    u_t[start + column] = weights[group + column, source]


@step_kernel
def _pack_transposed_input(weights, size, padded, w_t):
    """weights (n_groups * size, 3 H) -> w_t (column groups, n_panels, 3 * width, 3 * width)."""
    n_in, n_hidden = weights.shape[0], weights.shape[1] // 3
    n_columns = w_t.shape[3]
    width = n_columns // 3
    for p in range(w_t.shape[1]):
        n = min(width, n_hidden - p * width)
        for k in range(n_in):
            column = k // size * padded + k % size
            for gate in range(3):
                source = gate * n_hidden + p * width
                for lane in range(n):
                    w_t[column // n_columns, p, gate * width + lane, column % n_columns] = weights[
                        k, source + lane
                    ]


@kernel
def pack_gru(w, u, b, b_hn, size, padded, backward, w_panels, u_panels, bias, u_t, w_t):
    """Pack the weights of one direction of a layer for ``gru.py``.

    The padding of the panels is not written: the caller allocates them as zeros.

    Parameters
    ----------
    w, u : (n_groups * size, 3 H) and (H, 3 H), gates r, z, n side by side. IN
    b, b_hn : (3 H,) and (H,). IN
    size, padded : the input has groups of ``size`` features, each padded to ``padded`` columns.
    backward : bool, whether to write ``u_t`` and ``w_t``.
    w_panels : (n_panels, n_groups * padded, 3, width). OUT
    u_panels : (n_panels, n_units, 3, width). OUT
    bias : (n_panels, 4, width): b_r, b_z, b_n, b_hn. OUT
    u_t : (3 * n_units**2,). Per pair of vectors of columns (rows of u; the last vector alone if
        their number is odd) [panel][n, r, z][lane][columns]. OUT
    w_t : (column groups, n_panels, 3 * width, 3 * width); no groups if it is not wanted. OUT
    """
    n_hidden, width = b_hn.shape[0], bias.shape[2]
    for of_inputs in (True, False):  # one call for both, since it is compiled into this loop
        weights, panels = (w, w_panels) if of_inputs else (u, u_panels)
        group, columns = (size, padded) if of_inputs else (n_hidden, n_hidden)
        _pack_weights(weights, group, columns, panels)
    for unit in range(n_hidden):
        p, lane = unit // width, unit % width
        for gate in range(3):
            bias[p, gate, lane] = b[gate * n_hidden + unit]
        bias[p, 3, lane] = b_hn[unit]
    if backward:
        _pack_transposed_recurrent(u, width, u_t)
    if backward and w_t.shape[0] > 0:
        _pack_transposed_input(w, size, padded, w_t)


@kernel
def unpack_gru_gradient(w_panels, u_panels, bias, size, padded, w, u, b, b_hn):
    """Unpack the gradients that ``gru_backward`` sums; the inverse of ``pack_gru``.

    Parameters
    ----------
    w_panels, u_panels : as in ``pack_gru``, but the gates of ``u_panels`` are n, r, z. IN
    bias : (n_panels, 4, width): b_hn, b_r, b_z, b_n. IN
    w, u, b, b_hn : as in ``pack_gru``. OUT
    """
    n_hidden, width = b_hn.shape[0], bias.shape[2]
    for of_inputs in (True, False):
        panels, weights = (w_panels, w) if of_inputs else (u_panels, u)
        group, columns = (size, padded) if of_inputs else (n_hidden, n_hidden)
        _unpack_weights(panels, group, columns, not of_inputs, weights)
    for unit in range(n_hidden):
        p, lane = unit // width, unit % width
        b_hn[unit] = bias[p, 0, lane]
        for gate in range(3):
            b[gate * n_hidden + unit] = bias[p, gate + 1, lane]


@step_kernel
def _pack_matrix(matrix, size, padded, panels):
    """matrix (n_groups * size, n) -> panels (n_panels, n_groups * padded, columns) of ``gemm``."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        row = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            panels[j // n_columns, row, j % n_columns] = matrix[k, j]


@step_kernel
def _unpack_matrix(panels, size, padded, matrix):
    """The inverse of ``_pack_matrix``."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        row = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            matrix[k, j] = panels[j // n_columns, row, j % n_columns]


@step_kernel
def _pack_transposed_matrix(matrix, size, padded, panels):
    """matrix (n_groups * size, n) -> panels of its transpose, (n_panels, n rows, columns)."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        column = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            panels[column // n_columns, j, column % n_columns] = matrix[k, j]


@kernel
def pack_dense(w, b, size, padded, backward, panels, bias, w_t):
    """Pack the weights of the head for ``dense.py``.

    The padding of the panels is not written: the caller allocates them as zeros.

    Parameters
    ----------
    w, b : (n_groups * size, n) and (n,). IN
    size, padded : as in ``pack_gru``.
    backward : bool, whether to write ``w_t``.
    panels : (n_panels, n_groups * padded, columns). OUT
    bias : (n_panels * columns,). OUT
    w_t : (panels of inputs, n_panels * columns, columns). OUT
    """
    _pack_matrix(w, size, padded, panels)
    # Numba takes seconds to compile an assignment of slices, for the message if shapes differ.
    for j in range(b.shape[0]):
        bias[j] = b[j]
    if backward:
        _pack_transposed_matrix(w, size, padded, w_t)


@kernel
def unpack_dense_gradient(panels, bias, size, padded, w, b):
    """Unpack the gradients that ``dense_backward`` sums; the inverse of ``pack_dense``.

    Parameters
    ----------
    panels, bias : as in ``pack_dense``. IN
    w, b : as in ``pack_dense``. OUT
    """
    _unpack_matrix(panels, size, padded, w)
    for j in range(b.shape[0]):
        b[j] = bias[j]


@kernel
def pack_sequences(values, starts, block, alive, shift, scale, x, column):
    """Standardise sequences and pack them time-major, with zeros in the padding rows.

    Parameters
    ----------
    values : (any rows, n_features) float32 or float64, C order, one sequence after the other. IN
    starts : (n_sequences,) int64, first row of each sequence, longest first. IN
    block, alive : see ``gru.py``. IN
    shift, scale : (n_features,) float64; x = (value - shift) * scale. IN
    x : (rows, any): columns from ``column`` on are written; padding rows as a whole. OUT
    """
    n_features, width = values.shape[1], x.shape[1]
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            row, source = block[t] + i, starts[i] + t
            if n_features < N_STANDARDIZED:
                for j in range(n_features):
                    x[row, column + j] = (values[source, j] - shift[j]) * scale[j]
            else:
                target, last = row * width + column, n_features - N_STANDARDIZED
                for j in range(0, last, N_STANDARDIZED):
                    standardize_vector(x, target + j, values, source * n_features + j,
                                       shift, scale, j)  # fmt: skip
                # The last vector may overlap the one before it, and then writes the same values.
                standardize_vector(x, target + last, values, source * n_features + last,
                                   shift, scale, last)  # fmt: skip
        x[block[t] + alive[t] : block[t + 1]] = 0


@kernel
def standardize_step(values, shift, scale, x, column):
    """One step of several streams, standardised as by ``pack_sequences``.

    Parameters
    ----------
    values : (n_streams, n_features) float64. IN
    shift, scale : (n_features,) float64. IN
    x : (n_streams, any): columns from ``column`` on are written. OUT

    Returns
    -------
    is_finite : bool, of what was written.
    """
    is_finite = True
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            value = x.dtype.type((values[i, j] - shift[j]) * scale[j])
            x[i, column + j] = value
            is_finite = is_finite and math.isfinite(value)
    return is_finite
