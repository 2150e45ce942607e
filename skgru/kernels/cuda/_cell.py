"""The functions of a cell, and where its sequences lie."""

import math
from functools import cache

from ._jit import device_function, index


@cache
def make_activations(dtype):
    """The logistic function and tanh for a Numba type.

    Both use an exponential that cannot overflow; constants of another type would drag float32
    arithmetic to float64.
    """
    zero, one, two = dtype(0), dtype(1), dtype(2)

    @device_function
    def sigmoid(x):
        e = dtype(math.exp(-abs(x)))
        top = one if x >= zero else e
        # A NaN fails every comparison and arrives here in e.
        return top / (one + e)

    @device_function
    def tanh(x):
        e = dtype(math.exp(-two * abs(x)))
        return dtype(math.copysign((one - e) / (one + e), x))

    return sigmoid, tanh


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
