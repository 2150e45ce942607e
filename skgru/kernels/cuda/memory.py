"""Arrays on the device and the ways there and back.

Copies to and from the host wait for the device, except those that a `Mail` sends.
"""

import itertools
import math

import numpy as np
from numba import cuda

from ._jit import SIMULATED, flat, index, kernel
from ._launch import current_stream, launch_elements, session  # noqa: F401

if not SIMULATED:
    from numba.cuda.cudadrv.devicearray import DeviceNDArray

#: Whether kernels read the very arrays that NumPy has.
ON_HOST = False

# Share of the free memory that a data set may take; the rest is for what training needs.
_DATA_SHARE = 0.5

# Bytes that go to the device at once, so that a memory map is never read as a whole.
_CHUNK_BYTES = 2**26


def zeros(shape, dtype):
    """Zeros on the device."""
    array = cuda.device_array(shape, dtype)
    fill(array, 0)
    return array


def leading(buffer, shape):
    """An array of this shape in the first places of a vector."""
    if SIMULATED:
        return buffer[: math.prod(shape)].reshape(shape)
    # Numba's own slices take six times as long, and ragged batches need new ones all the time.
    strides = [math.prod(shape[i + 1 :]) * buffer.dtype.itemsize for i in range(len(shape))]
    return DeviceNDArray(shape, strides, buffer.dtype, gpu_data=buffer.gpu_data)


def to_device(array):
    """A copy on the device; an array of the device itself."""
    if not isinstance(array, np.ndarray):
        return array
    return cuda.to_device(np.ascontiguousarray(array))


def to_device_if_it_fits(values):
    """A copy of a table on the device, float32 where that holds every value; None without room.

    ``values`` is anything that has a shape and a dtype and gives arrays for slices of rows.
    """
    dtype = np.float32 if np.can_cast(values.dtype, np.float32) else np.float64
    n_bytes = math.prod(values.shape) * np.dtype(dtype).itemsize
    if n_bytes > _DATA_SHARE * cuda.current_context().get_memory_info().free:
        return None
    found = cuda.device_array(values.shape, dtype)
    n_rows = max(1, _CHUNK_BYTES // (found.dtype.itemsize * values.shape[1]))
    for start in range(0, len(values), n_rows):
        part = np.ascontiguousarray(values[start : start + n_rows], dtype=dtype)
        found[start : start + n_rows].copy_to_device(part)
    return found


def to_host(array):
    """A copy as a NumPy array."""
    return array.copy_to_host()


class Mail:
    """Sends short arrays of integers to the device without waiting for it.

    What is on its way waits in memory that the device reads by itself; a piece of it is used again
    when its copy is done.
    """

    _N_PIECES = 16

    def __init__(self):
        self._pieces = [None] * self._N_PIECES
        self._sent = [None] * self._N_PIECES
        self._turns = itertools.cycle(range(self._N_PIECES))

    def send(self, array, target):
        """target[...] = array, both (n,) int64, the target on the device."""
        i, n, stream = next(self._turns), len(array), current_stream()
        if self._sent[i] is not None:
            self._sent[i].synchronize()
        if self._pieces[i] is None or len(self._pieces[i]) < n:
            self._pieces[i] = cuda.pinned_array(n + n // 8, np.int64)
            self._sent[i] = cuda.event()
        self._pieces[i][:n] = array
        target.copy_to_device(self._pieces[i][:n], stream=stream)
        self._sent[i].record(stream)


@kernel
def _fill(array, value):
    array = flat(array)
    e = index(cuda.grid(1))
    if e < index(array.size):
        array[e] = value


def fill(array, value):
    """array[...] = value."""
    launch_elements(_fill, array.size, array, value)


def copy(source, target):
    """target[...] = source; either may be on the host."""
    if isinstance(target, np.ndarray):
        source.copy_to_host(target)
    else:
        target.copy_to_device(source)


@kernel
def _copy_columns(source, source_length, first, target, target_length, n_columns, n):
    source, target, n_columns = flat(source), flat(target), index(n_columns)
    e = index(cuda.grid(1))
    if e < index(n):
        row, column = e // n_columns, e % n_columns
        place = row * index(source_length) + index(first) + column
        target[row * index(target_length) + column] = source[place]


def copy_columns(source, first, target):
    """Columns of ``source`` from ``first`` on become the leading ones of ``target``.

    As many as there are room for on both sides; a vector is a row.
    """
    source_length, target_length = (array.shape[array.ndim - 1] for array in (source, target))
    n_columns = min(source_length - first, target_length)
    n = target.size // target_length * n_columns
    launch_elements(
        _copy_columns, n, source, source_length, first, target, target_length, n_columns, n
    )


@kernel
def _take_targets(all_targets, all_weights, indices, target, weight):
    n_target = index(target.shape[1])
    e = index(cuda.grid(1))
    if e < index(indices.shape[0]) * n_target:
        i, j = e // n_target, e % n_target
        source = index(indices[i])
        target[i, j] = all_targets[source, j]
        if j == index(0):
            weight[i] = all_weights[source]


def take_targets(all_targets, all_weights, indices, target, weight):
    """target = all_targets[indices], weight = all_weights[indices]."""
    n = indices.shape[0] * target.shape[1]
    launch_elements(_take_targets, n, all_targets, all_weights, indices, target, weight)
