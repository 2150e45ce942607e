"""Sizes, and what else the tests of this folder share."""

import numpy as np
import pytest

from .mode import mode

SIMULATED = mode() == "simulator"

#: Units of layers, sequences of a batch, and steps of the longest one.
if SIMULATED:
    HIDDEN, BATCHES, STEPS = (1, 3, 17), (1, 5), 3
else:
    HIDDEN, BATCHES, STEPS = (1, 17, 64, 100, 128, 200, 256, 512), (1, 33, 256), 20


def needs_device(why):
    """Skip a test in the simulator, for a reason."""
    return pytest.mark.skipif(SIMULATED, reason=f"not in the simulator: {why}")


def size(real, tiny):
    """One of two sizes: for a GPU, or for the simulator."""
    return tiny if SIMULATED else real


def ragged_lengths(batch, longest):
    """Lengths from 1 to ``longest`` in no order; the same in every run."""
    lengths = np.linspace(1, longest, batch).round().astype(int)
    return tuple(np.random.default_rng(5).permutation(lengths).tolist())


def relative_error(found, expected):
    """Norm of the difference of two arrays, relative to that of the second."""
    found, expected = (np.asarray(a, np.float64) for a in (found, expected))
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
