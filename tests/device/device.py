"""Sizes and helpers that the tests of this folder share."""

import numpy as np
import pytest

from .mode import mode

EMULATED = mode() != "device"

#: Units of layers, sequences of a batch, and steps of the longest one.
if EMULATED:
    HIDDEN, BATCHES, STEPS = (1, 17, 64, 260), (1, 33), 7
else:
    HIDDEN, BATCHES, STEPS = (1, 17, 64, 100, 128, 200, 256, 512), (1, 33, 256), 20


def require(precision):
    """Skip a test on a device without the tensor cores that a precision needs."""
    if precision == "fp32":
        return
    from numba import cuda

    if cuda.get_current_device().compute_capability < (8, 0):
        pytest.skip(f"{precision} needs compute capability 8.0")


def size(real, emulated):
    """One of two sizes: for a GPU, or for the emulator."""
    return emulated if EMULATED else real


def ragged_lengths(batch, longest):
    """Lengths from 1 to ``longest`` in no order; the same in every run."""
    lengths = np.linspace(1, longest, batch).round().astype(int)
    return tuple(np.random.default_rng(5).permutation(lengths).tolist())


def relative_error(found, expected):
    """Norm of the difference of two arrays, relative to that of the second."""
    found, expected = (np.asarray(a, np.float64) for a in (found, expected))
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
