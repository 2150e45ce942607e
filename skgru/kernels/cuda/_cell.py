"""The gated recurrent unit and its gradient, and where the steps of a sequence lie.

This is the cell of Cho et al. (2014, arXiv:1406.1078v1) with the reset gate after the recurrent
product, as in cuDNN. ``docs/derivations/gru.md`` derives the gradients; the names are the same here
and in the twin of this file, ``kernels/cpu/_cell.py``::

    r = sigmoid(s_r)            s_r = x W_r + h U_r + b_r
    z = sigmoid(s_z)            s_z = x W_z + h U_z + b_z
    n = tanh(x_n + r a)         x_n = x W_n + b_n,   a = h U_n + b_hn
    h' = n + z (h - n)

    dz = dh' (h - n) z (1 - z)          da = dn r
    dn = dh' (1 - z) (1 - n^2)          dr = da a (1 - r)

The gradients dr, dz and dn are those of the sums s_r, s_z and s_n = x_n + r a.
"""

import math
from functools import cache

from ._jit import device_function, index


@device_function
def quotient(a, b):
    return a / b


@cache
def make_activations(dtype, divide=quotient):
    """The logistic function and tanh for a Numba type.

    Both use an exponential that cannot overflow; constants of another type would promote float32
    arithmetic to float64. Divisors are between 1 and 2.
    """
    zero, one, two = dtype(0), dtype(1), dtype(2)

    @device_function
    def sigmoid(x):
        e = dtype(math.exp(-abs(x)))
        top = one if x >= zero else e
        # A NaN fails every comparison, so it reaches this line in e.
        return divide(top, one + e)

    @device_function
    def tanh(x):
        e = dtype(math.exp(-two * abs(x)))
        return dtype(math.copysign(divide(one - e, one + e), x))

    return sigmoid, tanh


@cache
def make_cell(dtype, divide=quotient):
    """Make ``gru_cell`` and ``gru_cell_backward`` for a Numba type."""
    sigmoid, tanh = make_activations(dtype, divide)
    one = dtype(1)

    @device_function
    def gru_cell(s_r, s_z, x_n, a, h):
        """Compute one step; return r, z, n and the next state."""
        r, z = sigmoid(s_r), sigmoid(s_z)
        n = tanh(x_n + r * a)
        h_next = n + z * (h - n)
        return r, z, n, h_next

    @device_function
    def gru_cell_backward(dh_next, r, z, n, a, h):
        """Compute the derivative of a step; return da, dr, dz and dn.

        ``dh_next`` is dh', the gradient of the next state. The caller adds dh' z, the part that
        reaches the previous state without passing through a product.
        """
        not_z = one - z
        dz = dh_next * (h - n) * (z * not_z)
        slope = one - n * n
        dn = dh_next * not_z * slope
        da = dn * r
        dr = da * a * (one - r)
        return da, dr, dz, dn

    return gru_cell, gru_cell_backward


@device_function
def clear_padding(d_gates, row, unit, block, alive):
    """Set the entries of a sequence in the block after its last step to zero."""
    t = length_of(row, alive)
    if t < index(alive.shape[0]):
        where = index(block[t]) + row
        if where < index(block[t + index(1)]):
            for gate in range(4):
                d_gates[index(0), where, index(gate), unit] = 0


@device_function
def length_of(sequence, alive):
    """Number of steps of a sequence: the entries of ``alive`` (non-increasing) above its index."""
    low, high = index(0), index(alive.shape[0])
    while low < high:
        middle = (low + high) // index(2)
        if index(alive[middle]) > sequence:
            low = middle + index(1)
        else:
            high = middle
    return low


@device_function
def step_of(row, block):
    """The step whose block holds a row of the inputs; every block has at least one row."""
    low, high = index(0), index(block.shape[0]) - index(2)
    while low + index(1) < high:
        middle = (low + high) // index(2)
        if index(block[middle]) <= row:
            low = middle
        else:
            high = middle
    return low
