"""The hash that decides what dropout drops, for every device.

A value is dropped by a hash of (seed, sequence, step, unit): no mask is stored, the backward pass
computes the same one again, and it is equal to the last bit on every device. The hash is the
finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).

All numbers are unsigned, of 64 bits, and wrap around.
"""

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)
_ONE = np.uint64(1)


def mix(value):
    """Hash one number: every bit of it changes about half of the bits of the result."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


def row_key(mixed_seed, sequence, step):
    """Hash the place of a row; ``mixed_seed`` is ``mix(seed)``.

    The seed is hashed first: seeds a step apart must not look like sequences a step apart.
    """
    key = mix(mixed_seed + (np.uint64(sequence) + _ONE) * _GOLDEN)
    return mix(key + (np.uint64(step) + _ONE) * _GOLDEN)


def is_kept(key, unit, threshold):
    """Whether a unit of the row with this key is kept."""
    return mix(key + (np.uint64(unit) + _ONE) * _GOLDEN) >> _S40 >= threshold


def threshold_of(rate):
    """How many of 2^24 equally likely values are dropped."""
    return np.uint64(rate * 16777216.0)
