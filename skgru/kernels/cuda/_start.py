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

# Bytes of all arguments, each of which has eight here: far more than any kernel takes.
_ROOM = 4096
_NUMBERS = {
    bool: "?7x", np.bool_: "?7x", int: "q", np.int64: "q", np.uint64: "Q", float: "d",
    np.float64: "d", np.float32: "f4x",
}  # fmt: skip
_ONES = (), (1, 1), (1,), ()  # what a grid or a block lacks, by the dimensions it has
_pack_number = {kind: struct.Struct("<" + code).pack for kind, code in _NUMBERS.items()}

_lock = threading.Lock()
_packed = {}  # id of an array -> its kind, its bytes, and the weak reference that ends the entry
_rooms = []  # that nobody uses just now


class _Room:
    """Memory for the arguments of a launch, with what the driver wants to know: where each is."""

    def __init__(self):
        memory = (ctypes.c_char * _ROOM)()
        first = ctypes.addressof(memory)
        self.view = memoryview(memory).cast("B")
        self._places = (ctypes.c_void_p * (_ROOM // 8))(*range(first, first + _ROOM, 8))
        self.places = ctypes.addressof(self._places)


class _Function:
    """A kernel as it was compiled for some types, on one device."""

    def __init__(self, compiled):
        compiled.bind()
        self._found = compiled.library.get_cufunc()
        self.handle = driver.CUfunction(int(self._found.handle))
        self.shared = DEFAULT_SHARED - self._found.attrs.shared

    def ask_for_shared_memory(self, limit):
        """Let blocks have all there is: a smaller wish would take back what was granted before."""
        n_bytes = limit - self._found.attrs.shared
        attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        device = self._found.device.id
        (error,) = driver.cuKernelSetAttribute(attribute, n_bytes, self._found.handle, device)
        if error:
            raise RuntimeError(f"{n_bytes} bytes of shared memory refused: {error.name}")
        self.shared = n_bytes


def _pack_array(array):
    """The entry of an array in ``_packed``: a short name of its type, what a kernel reads of it.

    A kernel reads an array as two pointers that are unused here, number of elements, bytes of an
    element, address, shape and strides.
    """
    # Numba's type says the same, and takes three times as long to make as all this.
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
    """Start a kernel, compiled if need be, and return at once.

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
        Says how many bytes a block may have; asked when more are needed than it gets anyway.

    Returns
    -------
    is_new : bool
        Whether it was compiled or brought to the device just now.
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
        room = _rooms.pop()
    except IndexError:
        room = _Room()
    packed = b"".join(values)
    room.view[: len(packed)] = packed
    (error,) = driver.cuLaunchKernel(
        function.handle, *grid, *_ONES[len(grid)], *block, *_ONES[len(block)], shared, stream,
        room.places, 0,
    )  # fmt: skip
    _rooms.append(room)  # the driver has copied them
    if error:
        raise RuntimeError(f"{kernel.__name__} was not started: {error.name}")
    return is_new
