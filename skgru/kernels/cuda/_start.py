"""Start kernels through the driver.

Numba compiles the kernels, but its launch path inspects every argument on every call, which takes
longer than many kernels run. Here the packed argument of an array is cached for as long as the
array exists, and each kernel caches its compiled functions by the types of arguments.
"""

import ctypes
import struct
import threading
import weakref

import numpy as np
from cuda.bindings import driver
from numba.cuda.cudadrv.devicearray import DeviceNDArray

from ._jit import DEFAULT_SHARED

# Bytes for the arguments of a launch, eight for each: far more than any kernel takes.
_BUFFER_BYTES = 4096
_NUMBERS = {
    bool: "?7x", np.bool_: "?7x", int: "q", np.int64: "q", np.uint64: "Q", float: "d",
    np.float64: "d", np.float32: "f4x",
}  # fmt: skip
_ONES = (), (1, 1), (1,), ()  # the missing dimensions of a grid or block, by those it has
_pack_number = {kind: struct.Struct("<" + code).pack for kind, code in _NUMBERS.items()}

_lock = threading.Lock()
_packed = {}  # id of an array -> its kind, its bytes, and the weak reference that ends the entry
_idle_buffers = []


class _ArgumentBuffer:
    """Memory for the arguments of a launch, and the array of their addresses for the driver."""

    def __init__(self):
        memory = (ctypes.c_char * _BUFFER_BYTES)()
        first = ctypes.addressof(memory)
        self.view = memoryview(memory).cast("B")
        n = _BUFFER_BYTES // 8
        self._addresses = (ctypes.c_void_p * n)(*range(first, first + _BUFFER_BYTES, 8))
        self.addresses = ctypes.addressof(self._addresses)


class _Function:
    """A kernel as it was compiled for some types, on one device."""

    def __init__(self, compiled):
        compiled.bind()
        self._found = compiled.library.get_cufunc()
        self.handle = driver.CUfunction(int(self._found.handle))
        self.shared = DEFAULT_SHARED - self._found.attrs.shared

    def ask_for_shared_memory(self, limit):
        """Allow blocks the largest shared memory: a smaller value would revoke a larger one."""
        n_bytes = limit - self._found.attrs.shared
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        device = self._found.device.id
        (error,) = driver.cuKernelSetAttribute(attribute, n_bytes, self._found.handle, device)
        if error:
            raise RuntimeError(f"{n_bytes} bytes of shared memory refused: {error.name}")
        self.shared = n_bytes


def _pack_array(array):
    """The entry of an array in ``_packed``: a short name of its type, and its packed argument.

    A kernel reads an array as two pointers that are unused here, number of elements, bytes of an
    element, address, shape and strides.
    """
    # The name of Numba's type would do, but takes three times as long to make as the whole entry.
    layout = "C" if array.is_c_contiguous() else array._numba_type_.layout
    words = [0, 0, array.size, array.dtype.itemsize, array.device_ctypes_pointer.value or 0]
    words += [*array.shape, *array.strides]
    value = struct.pack(f"<{len(words)}q", *words)
    # A plain dict and `id`: a WeakKeyDictionary takes three times as long to read.
    key, forget = id(array), _packed.pop
    reference = weakref.ref(array, lambda _: forget(key, None))
    found = _packed[key] = f"{array.dtype.str}{array.ndim}{layout}", value, reference
    return found


def start(kernel, device, grid, block, shared, stream, arguments, shared_limit):
    """Start a kernel, after compiling it if necessary, and return at once.

    Parameters
    ----------
    kernel : Kernel
    device : int
        Number of the GPU whose context is current.
    grid, block : tuple of int
    shared : int
        Bytes of dynamic shared memory of a block.
    stream : CUstream or int
    arguments : sequence of device arrays and numbers
    shared_limit : callable
        Returns how many bytes a block may have; called when the default is not enough.

    Returns
    -------
    is_new : bool
        Whether this call compiled the kernel or loaded it to the device.
    """
    kinds, values = [device], []
    for argument in arguments:
        kind = type(argument)
        if kind is DeviceNDArray:
            kind, value, _ = _packed.get(id(argument)) or _pack_array(argument)
        else:
            value = _pack_number[kind](argument)
        kinds.append(kind)
        values.append(value)
    kinds = tuple(kinds)
    function = kernel.compiled.get(kinds)
    is_new = function is None
    if is_new:
        with _lock:
            function = kernel.compiled[kinds] = _Function(kernel.compile(arguments))
    if shared > function.shared:
        function.ask_for_shared_memory(shared_limit())
    try:
        buffer = _idle_buffers.pop()
    except IndexError:
        buffer = _ArgumentBuffer()
    packed = b"".join(values)
    buffer.view[: len(packed)] = packed
    (error,) = driver.cuLaunchKernel(
        function.handle, *grid, *_ONES[len(grid)], *block, *_ONES[len(block)], shared, stream,
        buffer.addresses, 0,
    )  # fmt: skip
    _idle_buffers.append(buffer)  # the driver has copied the arguments
    if error:
        raise RuntimeError(f"{kernel.__name__} was not started: {error.name}")
    return is_new
