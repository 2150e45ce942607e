"""What ``use_precision`` promises, in plain NumPy: factors are rounded, sums are not."""

import numpy as np

#: Largest error of a product, relative to the product of the absolute values: a factor is rounded
#: to the nearest number with 10 (tf32) or 7 (bf16) bits behind the point, so it is off by at most
#: 2**-11 or 2**-8 of itself, and a product has two of them. The rest is for what is quadratic in
#: that, and for sums in float32.
PRECISION = {"tf32": 1.01 * 2**-10, "bf16": 1.01 * 2**-7}

#: The same for a product of factors that have already been rounded: float32 sums alone.
SUMS = 1e-6


def rounded(numbers, precision):
    """Numbers as a product in this precision sees them, in float64."""
    numbers = np.asarray(numbers, np.float64)
    if precision == "fp32":
        return numbers
    fraction, exponent = np.frexp(numbers)
    if precision == "tf32":  # ties away from zero
        fraction = np.copysign(np.floor(abs(fraction) * 2**11 + 0.5), fraction) / 2**11
    else:  # ties to even
        fraction = np.rint(fraction * 2**8) / 2**8
    return np.ldexp(fraction, exponent)


def assert_product(found, left, right, precision, *, on_top=0.0):
    """``found`` is ``left @ right + on_top`` of rounded factors, and near that of exact ones."""
    ours, theirs = rounded(left, precision), rounded(right, precision)
    scale = abs(ours) @ abs(theirs) + abs(on_top)
    error = abs(found - (ours @ theirs + on_top))
    assert (error <= SUMS * scale).all(), (error / scale).max()
    exact = np.float64(left) @ np.float64(right) + on_top
    scale = abs(np.float64(left)) @ abs(np.float64(right)) + abs(on_top)
    assert (abs(found - exact) <= PRECISION.get(precision, SUMS) * scale).all()
