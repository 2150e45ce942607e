"""The functions of a cell, and where its sequences lie."""

import math
from functools import cache

from ._jit import device_function, index


@device_function
def quotient(a, b):
    return a / b


@cache
def make_activations(dtype, divide=quotient):
    """The logistic function and tanh for a Numba type.

    Both use an exponential that cannot overflow; constants of another type would drag float32
    arithmetic to float64. Divisors are between 1 and 2.
    """
    zero, one, two = dtype(0), dtype(1), dtype(2)

    @device_function
    def sigmoid(x):
        e = dtype(math.exp(-abs(x)))
        top = one if x >= zero else e
        # A NaN fails every comparison and arrives here in e.
        return divide(top, one + e)

    @device_function
    def tanh(x):
        e = dtype(math.exp(-two * abs(x)))
        return dtype(math.copysign(divide(one - e, one + e), x))

    return sigmoid, tanh


@cache
def make_cell(dtype, divide=quotient):
    """A step of a cell and its derivative, for a Numba type; see ``docs/derivations/gru.md``."""
    sigmoid, tanh = make_activations(dtype, divide)
    one = dtype(1)

    @device_function
    def advance(s_r, s_z, s_n, a, h):
        """Sums of the gates, those of n without a = h U_n + b_hn: the gates and the next state."""
        r, z = sigmoid(s_r), sigmoid(s_z)
        n = tanh(s_n + r * a)
        return r, z, n, n + z * (h - n)

    @device_function
    def retreat(d_h, r, z, n, a, h):
        """From the gradient of the next state to those of a and of the sums of r, z and n."""
        moved = d_h * (h - n)
        d_z = moved * (z * (one - z))
        slope = one - n * n
        d_n = d_h * (one - z) * slope
        d_a = d_n * r
        return d_a, d_a * a * (one - r), d_z, d_n

    return advance, retreat


@device_function
def clear_padding(d_gates, row, unit, block, alive):
    """Set to zero what the block after the last step of a sequence has room for."""
    t = length_of(row, alive)
    if t < index(alive.shape[0]):
        where = index(block[t]) + row
        if where < index(block[t + index(1)]):
            for gate in range(4):
                d_gates[index(0), where, index(gate), unit] = 0


@device_function
def length_of(sequence, alive):
    """Steps of a sequence: how many entries of ``alive``, which never rise, exceed its number."""
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
