"""Where arrays live and how they get there; the only kernels module that allocates."""

import math
from contextlib import nullcontext

import numpy as np

#: Whether kernels read the very arrays that NumPy has.
ON_HOST = True

_ALIGNMENT = 64  # of a cache line: a vector that straddles two lines costs two loads


def session(device, precision):
    """What has to be entered before kernels run: nothing."""
    return nullcontext()


def zeros(shape, dtype):
    """Zeros whose first element starts a cache line."""
    dtype = np.dtype(dtype)
    shape = (shape,) if isinstance(shape, int) else shape
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.zeros(n_bytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_bytes].view(dtype).reshape(shape)


def leading(buffer, shape):
    """An array of this shape in the first places of a vector."""
    return buffer[: math.prod(shape)].reshape(shape)


def to_device(array):
    """The array itself, or a copy if it is read-only: kernels take arrays to write to."""
    return array if array.flags.writeable else array.copy()


def to_host(array):
    """The array itself."""
    return array


def fill(array, value):
    """array[...] = value."""
    array.fill(value)


def copy(source, target):
    """target[...] = source."""
    np.copyto(target, source)


def copy_columns(source, first, target):
    """Columns of ``source`` from ``first`` on become the leading ones of ``target``.

    As many as there are room for on both sides; a vector is a row.
    """
    n = min(source.shape[-1] - first, target.shape[-1])
    target[..., :n] = source[..., first : first + n]
