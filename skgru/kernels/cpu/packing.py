"""Moves between the layouts that people know and the ones that kernels want.

Weights go from (n_in, 3 H), gates side by side, to panels of one vector of units (see ``gru.py``),
and gradients come back; sequences go from rows one after the other to the packed block layout.
Inputs that are themselves padded states come in groups: ``n_groups`` times ``size`` real columns,
each group padded to ``padded`` columns.
"""

from ._jit import kernel


@kernel
def pack_weights(weights, size, padded, panels):
    """weights (n_groups * size, 3 H) -> panels (n_panels, n_groups * padded, 3, width).

    Padding is left as it is: ``panels`` starts as zeros and stays zero there.
    """
    n_in, n_hidden = weights.shape[0], weights.shape[1] // 3
    n_panels, _, _, width = panels.shape
    for p in range(n_panels):
        n = min(width, n_hidden - p * width)
        for k in range(n_in):
            row = k // size * padded + k % size
            for gate in range(3):
                source = gate * n_hidden + p * width
                for lane in range(n):
                    panels[p, row, gate, lane] = weights[k, source + lane]


@kernel
def unpack_weights(panels, size, padded, rotated, weights):
    """The inverse of ``pack_weights``; ``rotated`` if the gates of the panels are n, r, z."""
    n_in, n_hidden = weights.shape[0], weights.shape[1] // 3
    n_panels, _, _, width = panels.shape
    for p in range(n_panels):
        n = min(width, n_hidden - p * width)
        for k in range(n_in):
            row = k // size * padded + k % size
            for gate in range(3):
                source = (gate + 1) % 3 if rotated else gate
                target = gate * n_hidden + p * width
                for lane in range(n):
                    weights[k, target + lane] = panels[p, row, source, lane]


@kernel
def pack_transposed_recurrent(weights, width, u_t):
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


@kernel
def pack_transposed_input(weights, size, padded, w_t):
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
def pack_bias(bias, recurrent_bias, panels):
    """b (3 H: r, z, n) and b_hn (H) -> panels (n_panels, 4, width): b_r, b_z, b_n, b_hn."""
    n_hidden = recurrent_bias.shape[0]
    width = panels.shape[2]
    for unit in range(n_hidden):
        p, lane = unit // width, unit % width
        for gate in range(3):
            panels[p, gate, lane] = bias[gate * n_hidden + unit]
        panels[p, 3, lane] = recurrent_bias[unit]


@kernel
def unpack_bias_gradient(panels, bias, recurrent_bias):
    """panels (n_panels, 4, width): b_hn, b_r, b_z, b_n -> b (3 H) and b_hn (H)."""
    n_hidden = recurrent_bias.shape[0]
    width = panels.shape[2]
    for unit in range(n_hidden):
        p, lane = unit // width, unit % width
        recurrent_bias[unit] = panels[p, 0, lane]
        for gate in range(3):
            bias[gate * n_hidden + unit] = panels[p, gate + 1, lane]


@kernel
def pack_matrix(matrix, size, padded, panels):
    """matrix (n_groups * size, n) -> panels (n_panels, n_groups * padded, columns) of ``gemm``."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        row = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            panels[j // n_columns, row, j % n_columns] = matrix[k, j]


@kernel
def unpack_matrix(panels, size, padded, matrix):
    """The inverse of ``pack_matrix``."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        row = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            matrix[k, j] = panels[j // n_columns, row, j % n_columns]


@kernel
def pack_transposed_matrix(matrix, size, padded, panels):
    """matrix (n_groups * size, n) -> panels of its transpose, (n_panels, n rows, columns)."""
    n_columns = panels.shape[2]
    for k in range(matrix.shape[0]):
        column = k // size * padded + k % size
        for j in range(matrix.shape[1]):
            panels[column // n_columns, j, column % n_columns] = matrix[k, j]


@kernel
def pack_sequences(values, starts, block, alive, shift, scale, x):
    """Standardise sequences and lay them out block by block, padding rows zero.

    Parameters
    ----------
    values : (any rows, n_features), the sequences one after the other. IN
    starts : (n_sequences,) int64, first row of each sequence, longest first. IN
    block, alive : see ``gru.py``. IN
    shift, scale : (n_features,) float64; x = (value - shift) * scale. IN
    x : (rows, n_features). OUT
    """
    n_features = values.shape[1]
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            for j in range(n_features):
                x[block[t] + i, j] = (values[starts[i] + t, j] - shift[j]) * scale[j]
        x[block[t] + alive[t] : block[t + 1]] = 0


@kernel
def place_initial_states(states, block, alive, reverse, initial):
    """Write the initial states (n_sequences, n_units) where ``gru_forward`` looks for them."""
    n_steps = alive.shape[0]
    if not reverse:
        states[: alive[0]] = initial
        return
    for t in range(n_steps):
        first, end = alive[t], block[t + 1] - block[t]
        states[block[t] + first : block[t + 1]] = initial[first:end]
    states[block[n_steps] : block[n_steps + 1]] = initial[: alive[n_steps - 1]]
