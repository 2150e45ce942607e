"""Launches of kernels: sessions, streams, precision, grids and work space."""

import atexit
import gc
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress

import numba
import numpy as np
from numba import cuda

from ._jit import DEFAULT_SHARED
from ._start import start

#: Threads of a block in kernels that have one thread per element.
BLOCK = 256
#: In kernels whose blocks take a few whole rows: threads along a row, and rows.
ROW_THREADS, ROWS = 32, 8

#: Largest shared memory of a block, by compute capability (CUDA C++ Programming Guide, "Technical
#: Specifications per Compute Capability").
_SHARED_LIMITS = {
    (7, 0): 96, (7, 2): 96, (7, 5): 64, (8, 0): 163, (8, 6): 99, (8, 7): 163, (8, 9): 99,
    (9, 0): 227, (10, 0): 227, (10, 3): 227, (11, 0): 227, (12, 0): 99, (12, 1): 99,
}  # fmt: skip

#: Values of ``use_precision``.
PRECISIONS = "fp32", "tf32", "bf16"

_local = threading.local()
_freeing = threading.Lock()
_idle_streams = defaultdict(list)  # number of a GPU -> streams that no session has


def shared_limit_of(compute_capability):
    """Bytes of shared memory that a block may have on such a device."""
    kilobytes = _SHARED_LIMITS.get(tuple(compute_capability)[:2])
    return DEFAULT_SHARED if kilobytes is None else kilobytes * 1024


def shared_limit():
    """Bytes of shared memory that a block may have on the device of this thread."""
    return shared_limit_of(cuda.get_current_device().compute_capability)


@contextmanager
def session(device, precision):
    """Run the work of this thread on GPU number ``device``, on a stream of its own.

    At the end, work space and all unreferenced device memory are freed. No array should outlive
    its session, because a thread without a context cannot free it.
    """
    before = {name: getattr(_local, name, None) for name in ("scratch", "device")}
    has_context = cuda.gpus.current is not None
    with cuda.gpus[device]:
        idle = _idle_streams[device]
        try:
            stream = idle.pop()
        except IndexError:
            stream = cuda.stream()
        _local.scratch, _local.device = {}, device
        try:
            with use_stream(stream), use_precision(precision):
                yield
        except BaseException:
            if not has_context:
                cuda.select_device(device)  # for good: the traceback still refers to arrays
            raise
        finally:
            _local.__dict__.update(before)
            with suppress(Exception):  # a failure has been raised already, or is being raised
                stream.synchronize()  # nothing may still use what is freed now
            idle.append(stream)
            _free()


def _free():
    """Free unreferenced arrays.

    This includes memory whose release Numba defers: up to a fifth of the device memory.
    """
    if getattr(_local, "has_compiled", False):
        _local.has_compiled = False
        gc.collect()  # the compiler leaves cycles of tracebacks, which refer to our callers
    context = cuda.current_context()
    for deallocations in context.memory_manager.deallocations, context.deallocations:
        # Numba may be freeing them in another thread, and remove the last one first.
        with _freeing, suppress(IndexError):
            deallocations.clear()


@atexit.register
def _leave_a_context():
    """Make a context current for Numba's own clean-up, which runs after this."""
    if _idle_streams:
        with suppress(Exception):  # in a fork, say
            if cuda.gpus.current is None:
                cuda.select_device(next(iter(_idle_streams)))


@contextmanager
def use_stream(stream):
    """Launch the kernels of this thread on ``stream`` instead of the default stream."""
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
    """Round the factors of products that this thread launches; all else stays in float32.

    Parameters
    ----------
    name : {"fp32", "tf32", "bf16"}
        "fp32" rounds nothing. With 10 ("tf32") or 7 ("bf16") fraction bits the products run on
        tensor cores. Float64 is never rounded.
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
    """The precision of products of arrays of this dtype, on the device of this thread."""
    precision = current_precision()
    if precision == "fp32" or array.dtype != "float32":
        return "fp32"
    if cuda.get_current_device().compute_capability < (8, 0):
        raise ValueError(
            f"precision={precision!r} needs a device of compute capability 8.0 or higher; this one "
            "has only 'fp32'"
        )
    return precision


def launch(kernel, grid, block, *arguments, shared=0):
    """Start a kernel and return at once; do nothing if the grid is empty."""
    if 0 in grid:
        return
    stream = current_stream()
    device = getattr(_local, "device", None)
    if device is None:
        device = cuda.get_current_device().id
    stream = stream.handle if stream else 0
    is_new = True
    try:
        is_new = start(kernel, device, grid, block, shared, stream, arguments, shared_limit)
    finally:
        if is_new:  # or interrupted while it was compiled
            _local.has_compiled = True


def launch_elements(kernel, n, *arguments):
    """One thread for each of ``n`` elements."""
    launch(kernel, (-(-n // BLOCK),), (BLOCK,), *arguments)


def launch_rows(kernel, n, *arguments):
    """A few threads for each of ``n`` rows."""
    launch(kernel, (-(-n // ROWS),), (ROW_THREADS, ROWS), *arguments)


def scratch(name, size, dtype):
    """Work space of this thread: a vector of at least ``size`` numbers, empty if ``size`` is 0.

    Later calls with the same name and dtype return the same memory.
    """
    found = getattr(_local, "scratch", None)
    if found is None:
        found = _local.scratch = {}
    key = name, np.dtype(dtype)
    array = found.get(key)
    if array is None or array.size < size:
        # Freeing the smaller one first is safe: cuMemFree waits for queued kernels that use it.
        array = found[key] = None
        array = found[key] = cuda.device_array(with_room(size), dtype)
    return array


def with_room(size):
    """Capacity of a buffer for ``size`` entries, with a margin so that it seldom has to grow."""
    return max(1024, size + size // 8) if size > 0 else 0


def release_scratch():
    """Free the work space of this thread."""
    _local.scratch = {}


def numba_type(array):
    """Numba's type of an array's elements."""
    return numba.from_dtype(np.dtype(array.dtype))
