"""Conversions between public and kernel layouts; see ``kernels/cpu/packing.py``."""

from numba import cuda

from ._cell import step_of
from ._jit import index, kernel
from ._launch import launch_elements, launch_rows


@kernel
def _pack_gru(w, u, b, b_hn, size, padded, backward, w_panels, u_panels, bias, u_t, w_t):
    """One thread for each weight of w, u, b and b_hn, in this order."""
    n_hidden, n_units = index(b_hn.shape[0]), index(bias.shape[2])
    row_length = index(3) * n_hidden
    n_w, n_u = index(w.shape[0]) * row_length, n_hidden * row_length
    zero = index(0)
    e = index(cuda.grid(1))
    if e < n_w:
        k, column = e // row_length, e % row_length
        gate, unit = column // n_hidden, column % n_hidden
        row = k // index(size) * index(padded) + k % index(size)
        value = w[k, column]
        w_panels[zero, row, gate, unit] = value
        if backward and w_t.shape[0] > 0:
            n_columns = index(w_t.shape[3])
            w_t[row // n_columns, zero, gate * n_units + unit, row % n_columns] = value
        return
    e -= n_w
    if e < n_u:
        k, column = e // row_length, e % row_length
        gate, unit = column // n_hidden, column % n_hidden
        value = u[k, column]
        u_panels[zero, k, gate, unit] = value
        if backward:
            u_t[((gate + index(1)) % index(3) * n_units + unit) * n_units + k] = value
        return
    e -= n_u
    if e < row_length:
        bias[zero, e // n_hidden, e % n_hidden] = b[e]
        return
    e -= row_length
    if e < n_hidden:
        bias[zero, index(3), e] = b_hn[e]


def pack_gru(w, u, b, b_hn, size, padded, backward, w_panels, u_panels, bias, u_t, w_t):
    """Pack the weights of one direction for ``gru.py``; padding is left as it is."""
    n = w.shape[0] * w.shape[1] + u.shape[0] * u.shape[1] + b.shape[0] + b_hn.shape[0]
    launch_elements(
        _pack_gru, n, w, u, b, b_hn, size, padded, backward, w_panels, u_panels, bias, u_t, w_t
    )


@kernel
def _unpack_gru_gradient(w_panels, u_panels, bias, size, padded, w, u, b, b_hn):
    n_hidden = index(b_hn.shape[0])
    row_length = index(3) * n_hidden
    n_w, n_u = index(w.shape[0]) * row_length, n_hidden * row_length
    zero = index(0)
    e = index(cuda.grid(1))
    if e < n_w:
        k, column = e // row_length, e % row_length
        row = k // index(size) * index(padded) + k % index(size)
        w[k, column] = w_panels[zero, row, column // n_hidden, column % n_hidden]
        return
    e -= n_w
    if e < n_u:
        k, column = e // row_length, e % row_length
        gate = (column // n_hidden + index(1)) % index(3)
        u[k, column] = u_panels[zero, k, gate, column % n_hidden]
        return
    e -= n_u
    if e < row_length:
        b[e] = bias[zero, e // n_hidden + index(1), e % n_hidden]
        return
    e -= row_length
    if e < n_hidden:
        b_hn[e] = bias[zero, zero, e]


def unpack_gru_gradient(w_panels, u_panels, bias, size, padded, w, u, b, b_hn):
    """Unpack the gradients that ``gru_backward`` sums to the public layout."""
    n = w.shape[0] * w.shape[1] + u.shape[0] * u.shape[1] + b.shape[0] + b_hn.shape[0]
    launch_elements(_unpack_gru_gradient, n, w_panels, u_panels, bias, size, padded, w, u, b, b_hn)


@kernel
def _pack_dense(w, b, size, padded, backward, panels, bias, w_t):
    """One thread for each weight of w and b, in this order."""
    n_columns, length = index(panels.shape[2]), index(w.shape[1])
    n = index(w.shape[0]) * length
    e = index(cuda.grid(1))
    if e < n:
        k, j = e // length, e % length
        row, value = k // index(size) * index(padded) + k % index(size), w[k, j]
        panels[j // n_columns, row, j % n_columns] = value
        if backward:
            w_t[row // n_columns, j, row % n_columns] = value
        return
    e -= n
    if e < length:
        bias[e] = b[e]


def pack_dense(w, b, size, padded, backward, panels, bias, w_t):
    """Pack the weights of the head for ``dense.py``; padding is left as it is."""
    n = w.shape[0] * w.shape[1] + b.shape[0]
    launch_elements(_pack_dense, n, w, b, size, padded, backward, panels, bias, w_t)


@kernel
def _unpack_dense_gradient(panels, bias, size, padded, w, b):
    n_columns, length = index(panels.shape[2]), index(w.shape[1])
    n = index(w.shape[0]) * length
    e = index(cuda.grid(1))
    if e < n:
        k, j = e // length, e % length
        row = k // index(size) * index(padded) + k % index(size)
        w[k, j] = panels[j // n_columns, row, j % n_columns]
        return
    e -= n
    if e < length:
        b[e] = bias[e]


def unpack_dense_gradient(panels, bias, size, padded, w, b):
    """Unpack the gradients that ``dense_backward`` sums to the public layout."""
    n = w.shape[0] * w.shape[1] + b.shape[0]
    launch_elements(_unpack_dense_gradient, n, panels, bias, size, padded, w, b)


@kernel
def _pack_sequences(values, starts, step_start, alive, shift, scale, x, column):
    row = index(cuda.blockIdx.x) * index(cuda.blockDim.y) + index(cuda.threadIdx.y)
    if row >= index(x.shape[0]):
        return
    t = step_of(row, step_start)
    i = row - index(step_start[t])
    used = i < index(alive[t])
    source = index(0)
    if used:
        source = index(starts[i]) + t
    j = index(cuda.threadIdx.x)
    if used:
        while j < index(values.shape[1]):
            x[row, index(column) + j] = (values[source, j] - shift[j]) * scale[j]
            j += index(cuda.blockDim.x)
    else:
        while j < index(x.shape[1]):
            x[row, j] = 0
            j += index(cuda.blockDim.x)


def pack_sequences(values, starts, block, alive, shift, scale, x, column):
    """Standardise sequences and lay them out block by block, padding rows zero."""
    launch_rows(_pack_sequences, x.shape[0], values, starts, block, alive, shift, scale, x, column)
