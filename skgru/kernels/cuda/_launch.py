"""How a kernel gets to the device: streams, grids, work space."""

import math
import threading
from contextlib import contextmanager

import numba
import numpy as np
from numba import cuda

from ._jit import SIMULATED

if not SIMULATED:
    from numba.cuda.core import config

#: Threads of a block of the kernels that treat every element by itself.  A thread of the simulator
#: is one of Python, and not worth starting for a single element.
BLOCK = 16 if SIMULATED else 256
#: The same for kernels whose blocks take a few whole rows: threads along a row, rows.
ROW_THREADS, ROWS = (4, 2) if SIMULATED else (32, 8)

#: Shared memory that every block gets without asking.
_DEFAULT_SHARED = 48 * 1024
#: Most that a block may ask for, by compute capability (CUDA C++ Programming Guide, "Technical
#: Specifications per Compute Capability").
_SHARED_LIMITS = {
    (7, 0): 96, (7, 2): 96, (7, 5): 64, (8, 0): 163, (8, 6): 99, (8, 7): 163, (8, 9): 99,
    (9, 0): 227, (10, 0): 227, (10, 3): 227, (11, 0): 227, (12, 0): 99, (12, 1): 99,
}  # fmt: skip

#: What ``use_precision`` takes.
PRECISIONS = "fp32", "tf32", "bf16"

_local = threading.local()
_granted = set()
_configuring = threading.Lock()


def shared_limit_of(compute_capability):
    """Bytes of shared memory that a block may have on such a device."""
    kilobytes = _SHARED_LIMITS.get(tuple(compute_capability)[:2])
    return _DEFAULT_SHARED if kilobytes is None else kilobytes * 1024


def shared_limit():
    """Bytes of shared memory that a block may have on the device of this thread."""
    if SIMULATED:
        return _DEFAULT_SHARED
    return shared_limit_of(cuda.get_current_device().compute_capability)


@contextmanager
def session(device, precision):
    """Run what this thread starts on GPU number ``device``, on a stream of its own.

    Work space is given back at the end.
    """
    before = getattr(_local, "scratch", None)
    with cuda.gpus[device]:
        _local.scratch = {}
        try:
            with use_stream(cuda.stream()), use_precision(precision):
                yield
        finally:
            _local.scratch = before


@contextmanager
def use_stream(stream):
    """Launch what this thread launches on ``stream`` instead of the default one."""
    before = getattr(_local, "stream", 0)
    _local.stream = stream
    try:
        yield
    finally:
        _local.stream = before


def current_stream():
    return getattr(_local, "stream", 0)


@contextmanager
def use_precision(name):
    """Round the factors of what this thread multiplies; sums and all else stay in float32.

    Parameters
    ----------
    name : {"fp32", "tf32", "bf16"}
        "fp32" rounds nothing. With 10 ("tf32") or 7 ("bf16") bits behind the point the products
        run on tensor cores. Float64 is never rounded.
    """
    if name not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {name!r}")
    before = current_precision()
    _local.precision = name
    try:
        yield
    finally:
        _local.precision = before


def current_precision():
    return getattr(_local, "precision", "fp32")


def precision_for(array):
    """What factors of the type of an array are rounded to, on the device of this thread."""
    precision = current_precision()
    if precision == "fp32" or array.dtype != "float32":
        return "fp32"
    if not SIMULATED and cuda.get_current_device().compute_capability < (8, 0):
        raise ValueError(
            f"precision={precision!r} needs a device of compute capability 8.0 or higher; this one "
            "has only 'fp32'"
        )
    return precision


def launch(kernel, grid, block, *arguments, shared=0):
    """Start a kernel and return at once; an empty grid is none."""
    if math.prod(grid) == 0:
        return
    configured = _configure(kernel, grid, block, shared)
    # Numba returns the same object for the same launch, with what it was given before.
    if shared > _DEFAULT_SHARED and not SIMULATED and not configured.pre_launch_callbacks:
        configured.pre_launch_callbacks.append(_grant_shared)
    configured(*arguments)


def _configure(kernel, grid, block, shared):
    """``kernel[...]``, without its warning of small grids: small networks have no larger ones."""
    if SIMULATED:
        return kernel[grid, block, current_stream(), shared]
    with _configuring:
        before = config.CUDA_LOW_OCCUPANCY_WARNINGS
        config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
        try:
            return kernel[grid, block, current_stream(), shared]
        finally:
            config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def _grant_shared(compiled, configuration):
    """Ask the driver for more shared memory than a block gets by default.

    For all there is, once for each device: a later and smaller wish would take back what an earlier
    one was granted.
    """
    from cuda.bindings import driver

    function = compiled._codelibrary.get_cufunc()
    device = function.device.id
    key = int(function.handle), device
    if key in _granted:
        return
    n_bytes = shared_limit() - function.attrs.shared
    attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    (error,) = driver.cuKernelSetAttribute(attribute, n_bytes, function.handle, device)
    if error != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"{n_bytes} bytes of shared memory refused: {error}")
    _granted.add(key)


def launch_elements(kernel, n, *arguments):
    """One thread for each of ``n`` elements."""
    launch(kernel, (-(-n // BLOCK),), (BLOCK,), *arguments)


def launch_rows(kernel, n, *arguments):
    """A few threads for each of ``n`` rows."""
    launch(kernel, (-(-n // ROWS),), (ROW_THREADS, ROWS), *arguments)


def scratch(name, shape, dtype):
    """Work space of this thread, used again by later calls with this name, dtype and shape."""
    found = getattr(_local, "scratch", None)
    if found is None:
        found = _local.scratch = {}
    key = name, tuple(shape), np.dtype(dtype)
    array = found.get(key)
    if array is None:
        array = found[key] = cuda.device_array(shape, dtype)
    return array


def release_scratch():
    """Give the work space of this thread back."""
    _local.scratch = {}


def numba_type(array):
    """The type of an array's elements, as factories of kernels take it."""
    return numba.from_dtype(np.dtype(array.dtype))
