"""Allocate, fill and copy arrays; no other module of this package allocates memory."""

import math
from contextlib import nullcontext

import numpy as np

#: Whether kernels work on NumPy arrays directly, so that nothing has to be uploaded.
ON_HOST = True

_ALIGNMENT = 64  # bytes of a cache line; a vector that straddles two lines takes two loads


def session(device, precision):
    """Return the context in which kernels run; the CPU needs none."""
    return nullcontext()


def zeros(shape, dtype):
    """Return an array of zeros that is aligned to a cache line."""
    dtype = np.dtype(dtype)
    shape = (shape,) if isinstance(shape, int) else shape
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.zeros(n_bytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(dtype).reshape(shape)


def leading(buffer, shape, start=0):
    """Return a view of the elements of a vector from ``start`` on, in the given shape."""
    return buffer[start : start + math.prod(shape)].reshape(shape)


def to_device(array):
    """Return the array, or a copy if it is read-only: kernels are compiled for writable arrays."""
    return array if array.flags.writeable else array.copy()


def to_host(array):
    """Return the array itself."""
    return array


def fill(array, value):
    """array[...] = value."""
    array.fill(value)


def copy(source, target):
    """target[...] = source."""
    np.copyto(target, source)


def copy_columns(source, first, target):
    """Copy the columns of ``source`` from ``first`` on to the first columns of ``target``.

    The number of columns is the largest that both arrays allow. A vector counts as one row.
    """
    n = min(source.shape[-1] - first, target.shape[-1])
    target[..., :n] = source[..., first : first + n]
