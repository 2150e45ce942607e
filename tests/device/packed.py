"""One direction of a GRU layer, run by the device kernels on the problems of the CPU tests."""

import numpy as np
from numba import cuda

from skgru.kernels import cuda as kernels
from tests.kernels.packed import Run

#: Largest difference from the oracle, for values of the order of one.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def to_device(*arrays):
    """Copies on the device."""
    found = [cuda.to_device(np.ascontiguousarray(array)) for array in arrays]
    return found[0] if len(found) == 1 else found


def unset(shape, dtype):
    """Device memory that nobody may read before it is written."""
    return to_device(np.full(shape, np.nan, dtype))


class DeviceMemory:
    """Where a `DeviceRun` keeps its arrays."""

    kernels = kernels
    put = staticmethod(to_device)

    @staticmethod
    def get(array):
        return array.copy_to_host()


class DeviceRun(Run):
    """A `Run` of the device kernels."""

    memory = DeviceMemory

    def sequence_states(self):
        assert np.isfinite(self.states.copy_to_host()).all()
        return super().sequence_states()
