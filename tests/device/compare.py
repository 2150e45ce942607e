"""Compare a device kernel with the CPU kernel of the same name."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cpu
from skgru.kernels import cuda as kernels

from .packed import TOLERANCE, to_device

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])


def both(name, *arguments, tolerance=None):
    """Run a kernel on both devices and compare what they left in every array."""
    host = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    device = [to_device(a) if isinstance(a, np.ndarray) else a for a in arguments]
    getattr(cpu, name)(*host)
    getattr(kernels, name)(*device)
    for ours, theirs in zip(device, host, strict=True):
        if isinstance(theirs, np.ndarray):
            close(ours.copy_to_host(), theirs, tolerance)


def close(found, expected, tolerance=None):
    """Assert that two arrays agree: to a tolerance if they hold floats, else exactly."""
    if expected.dtype.kind == "f" and tolerance != 0:
        tolerance = tolerance or TOLERANCE[expected.dtype.name]
        assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    else:
        assert_array_equal(found, expected)
