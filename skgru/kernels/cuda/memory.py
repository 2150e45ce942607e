"""Arrays on the device, and copies between it and the host.

Everything runs on the stream of the thread. A copy between host and device waits for the work of
this thread, not for the work of other threads. Only `StagingBuffers` copy without waiting.
"""

import itertools
import math

import numpy as np
from numba import cuda
from numba.cuda.cudadrv.devicearray import DeviceNDArray

from ._jit import flat, index, kernel
from ._launch import current_stream, launch_elements, session, with_room  # noqa: F401

#: Whether kernels read NumPy arrays directly, without a copy.
ON_HOST = False

# Share of the free memory that a data set may take; training needs the rest.
_DATA_SHARE = 0.5

# Bytes that are copied at once, so that a memory map is never read as a whole.
_CHUNK_BYTES = 2**24

# Largest pinned staging buffer, in bytes: pinned memory is lost to the rest of the machine.
_PIECE_BYTES = 2**29


def zeros(shape, dtype):
    """Zeros on the device."""
    array = cuda.device_array(shape, dtype)
    fill(array, 0)
    return array


def leading(buffer, shape, start=0):
    """A view of the elements of a vector from ``start`` on, as an array of this shape."""
    # Numba's own slicing takes four times as long, and ragged batches need new views all the time.
    itemsize, memory = buffer.dtype.itemsize, buffer.gpu_data
    if start > 0:
        memory = memory.view(start * itemsize, (start + math.prod(shape)) * itemsize)
    strides = [math.prod(shape[i + 1 :]) * itemsize for i in range(len(shape))]
    return DeviceNDArray(shape, strides, buffer.dtype, gpu_data=memory)


def to_device(array):
    """A copy on the device; arrays that are on the device already are returned unchanged."""
    if not isinstance(array, np.ndarray):
        return array
    found = cuda.device_array(array.shape, array.dtype)
    _upload(array, found)
    return found


def to_device_if_it_fits(values):
    """A copy of a table on the device, or None if it would take too much of the free memory.

    The copy is float32 if that represents every value of the table's dtype, else float64.

    ``values`` is anything that has a shape and a dtype and gives arrays for slices of rows.
    """
    dtype = np.float32 if np.can_cast(values.dtype, np.float32) else np.float64
    n_bytes = math.prod(values.shape) * np.dtype(dtype).itemsize
    if n_bytes > _DATA_SHARE * cuda.current_context().get_memory_info().free:
        return None
    found = cuda.device_array(values.shape, dtype)
    n_rows = max(1, _CHUNK_BYTES // (found.dtype.itemsize * values.shape[1]))
    if len(values) <= n_rows:
        _upload(values[:], found)
        return found
    staging = StagingBuffers(dtype, 2)  # the next piece is read while one is being copied
    for start in range(0, len(values), n_rows):
        part = values[start : start + n_rows]
        buffer = staging.next(part.shape)
        buffer[...] = part
        staging.upload(buffer, found[start : start + n_rows])
    _wait()
    return found


def _upload(array, target):
    """target[...] = array, which may be changed or freed as soon as this returns."""
    # Numba would copy a read-only array, and might free that copy before it has been transferred.
    array = np.require(array, target.dtype, ["C", "W"])
    target.copy_to_device(array, stream=current_stream())
    _wait()


def to_host(array):
    """A copy as a NumPy array."""
    found = array.copy_to_host(stream=current_stream())
    _wait()
    return found


def _wait():
    """Wait for the work of this thread; copies on the default stream wait by themselves."""
    stream = current_stream()
    if stream:
        stream.synchronize()


class StagingBuffers:
    """Uploads arrays of one dtype without waiting, through a ring of pinned staging buffers.

    A buffer is reused once its copy is done, so the host is at most ``n_buffers`` arrays ahead of
    the device. An array that is too large for a pinned buffer is copied from pageable memory, and
    `upload` waits for that copy.
    """

    def __init__(self, dtype, n_buffers):
        self._dtype, self._largest = np.dtype(dtype), 0
        self._buffers, self._copied = [None] * n_buffers, [None] * n_buffers
        self._turns, self._turn = itertools.cycle(range(n_buffers)), None

    def next(self, shape):
        """A staging buffer with arbitrary contents: fill it and `upload` it before the next call.

        Parameters
        ----------
        shape : tuple of int
        """
        size = math.prod(shape)
        if size * self._dtype.itemsize > _PIECE_BYTES:
            self._turn = None
            return np.empty(shape, self._dtype)
        i = self._turn = next(self._turns)
        if self._copied[i] is None:
            self._copied[i] = cuda.event()
        self._copied[i].synchronize()
        self._largest = max(self._largest, size)
        if self._buffers[i] is None or self._buffers[i].size < size:
            self._buffers[i] = None
            size_with_room = min(with_room(self._largest), _PIECE_BYTES // self._dtype.itemsize)
            self._buffers[i] = cuda.pinned_array(size_with_room, self._dtype)
        return self._buffers[i][:size].reshape(shape)

    def upload(self, buffer, target):
        """target[...] = buffer, which `next` returned last; the target is on the device."""
        if self._turn is None:
            _upload(buffer, target)
            return
        stream = current_stream()
        target.copy_to_device(buffer, stream=stream)
        self._copied[self._turn].record(stream)


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
        source.copy_to_host(target, stream=current_stream())
        _wait()
    elif isinstance(source, np.ndarray):
        _upload(source, target)
    else:
        target.copy_to_device(source, stream=current_stream())


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

    As many columns as fit on both sides; a vector counts as one row.
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
