"""How a kernel gets to the device: streams, grids, work space."""

import atexit
import gc
import math
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress

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
_lock, _freeing = threading.Lock(), threading.Lock()
_prepared = set()  # kernels and devices: see _prepare
_idle_streams = defaultdict(list)  # number of a GPU -> streams that no session has


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

    Memory is given back at the end: work space, and all that nobody refers to any more. No array
    should outlive its session, since a thread without a context cannot free it.
    """
    before = {name: getattr(_local, name, None) for name in ("scratch", "device")}
    has_context = SIMULATED or cuda.gpus.current is not None
    with cuda.gpus[device]:
        # Used again: Numba keeps the configurations of launches by stream.
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
            if not SIMULATED:
                with suppress(Exception):  # what failed has been told, or is being
                    stream.synchronize()  # nothing may still use what is freed now
            idle.append(stream)
            _free()


def _free():
    """Free what nobody refers to, and what Numba puts off freeing: up to a fifth of the memory."""
    if SIMULATED:
        return
    if getattr(_local, "has_compiled", False):
        _local.has_compiled = False
        gc.collect()  # the compiler leaves cycles of tracebacks, and they refer to our callers
    context = cuda.current_context()
    for deallocations in context.memory_manager.deallocations, context.deallocations:
        # Numba may be at it in another thread, and take the last one first.
        with _freeing, suppress(IndexError):
            deallocations.clear()


@atexit.register
def _leave_a_context():
    """Let Numba's own clean-up, which comes after this, find a context."""
    if not SIMULATED and _idle_streams:
        with suppress(Exception):  # in a fork, say
            if cuda.gpus.current is None:
                cuda.select_device(next(iter(_idle_streams)))


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
    if SIMULATED:
        kernel[grid, block, current_stream(), shared](*arguments)
        return
    configured = _configure(kernel, grid, block, shared)
    # Numba returns the same object for the same launch, with what it was given before.
    if not configured.pre_launch_callbacks:
        configured.pre_launch_callbacks.append(_prepare)
    n_compiled = len(kernel.overloads)
    configured(*arguments)
    if len(kernel.overloads) > n_compiled:
        _local.has_compiled = True


def _configure(kernel, grid, block, shared):
    """``kernel[...]``, without its warning of small grids: small networks have no larger ones."""
    with _lock:
        before = config.CUDA_LOW_OCCUPANCY_WARNINGS
        config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
        try:
            return kernel[grid, block, current_stream(), shared]
        finally:
            config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def _prepare(compiled, configuration):
    """Make a kernel ready for its first launch on a device.

    Numba brings it there, but not for two threads at once. And where a block gets less shared
    memory than the launch asks for, the driver is asked for all there is: a later and smaller wish
    would take back what an earlier one was granted.
    """
    needs_more = configuration.sharedmem > _DEFAULT_SHARED
    key = compiled, getattr(_local, "device", None), needs_more
    if key in _prepared:
        return
    with _lock:
        function = compiled._codelibrary.get_cufunc()
    if needs_more:
        from cuda.bindings import driver

        n_bytes = shared_limit() - function.attrs.shared
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (error,) = driver.cuKernelSetAttribute(
            attribute, n_bytes, function.handle, function.device.id
        )
        if error != driver.CUresult.CUDA_SUCCESS:
            raise RuntimeError(f"{n_bytes} bytes of shared memory refused: {error}")
    _prepared.add(key)


def launch_elements(kernel, n, *arguments):
    """One thread for each of ``n`` elements."""
    launch(kernel, (-(-n // BLOCK),), (BLOCK,), *arguments)


def launch_rows(kernel, n, *arguments):
    """A few threads for each of ``n`` rows."""
    launch(kernel, (-(-n // ROWS),), (ROW_THREADS, ROWS), *arguments)


def scratch(name, size, dtype):
    """Work space of this thread: a vector of ``size`` numbers or more, none where ``size`` is 0.

    Later calls with this name and dtype use it again.
    """
    found = getattr(_local, "scratch", None)
    if found is None:
        found = _local.scratch = {}
    key = name, np.dtype(dtype)
    array = found.get(key)
    if array is None or array.size < size:
        # The smaller one may go first, whatever is queued: cuMemFree waits for kernels that use it.
        array = found[key] = None
        array = found[key] = cuda.device_array(with_room(size), dtype)
    return array


def with_room(size):
    """Entries of a buffer for ``size`` of them that is seldom to be replaced by a larger one."""
    return max(1024, size + size // 8) if size > 0 else 0


def release_scratch():
    """Give the work space of this thread back."""
    _local.scratch = {}


def numba_type(array):
    """The type of an array's elements, as factories of kernels take it."""
    return numba.from_dtype(np.dtype(array.dtype))
