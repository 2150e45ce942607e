"""How kernels are compiled: everything that the other kernel modules need from Numba."""

import numba
import numpy as np
from numba import cuda
from numba.cuda import types
from numba.cuda.extending import intrinsic
from numba.cuda.libdevice import fast_fdividef

from .._compilation import tell_of_compilation

# numba-cuda 0.30 refers to `np.row_stack` while this module is imported; NumPy 2.5 has removed it.
_lacks_row_stack = not hasattr(np, "row_stack")
if _lacks_row_stack:
    np.row_stack = np.vstack  # noqa: NPY201
from numba.cuda.np.arrayobj import make_array, populate_array  # noqa: E402

if _lacks_row_stack:
    del np.row_stack  # noqa: NPY201

#: Bytes of dynamic shared memory that a block may use by default.
DEFAULT_SHARED = 48 * 1024

#: Type of positions in memory. Unsigned, because a signed index is compared with zero at every
#: access; 64 bits, because the compiler widens smaller integers before it adds them. Arithmetic
#: with a signed integer would give a float64, so constants are wrapped as well.
index = numba.uint64

NUMBA_TYPES = {np.dtype("float32"): numba.float32, np.dtype("float64"): numba.float64}

#: Fast float32 division, accurate to one or two bits; not for divisors near the largest float32.
fast_quotient = fast_fdividef


class Kernel:
    """A kernel that is compiled on its first launch with arguments of new types.

    No fastmath: a NaN must stay one, and the fast tanh has an error of 5e-4.

    Parameters
    ----------
    function : callable
        The kernel in Python.
    max_threads : int or None
        Largest number of threads of a block; None means no limit.

    Attributes
    ----------
    compiled : dict
        Compiled functions by device and types of arguments; ``_start.py`` fills it.
    """

    def __init__(self, function, max_threads=None):
        self.py_func, self.__name__ = function, function.__name__
        self.max_threads = max_threads
        self.compiled = {}
        options = {} if max_threads is None else {"launch_bounds": max_threads}
        self._dispatcher = cuda.jit(**options)(function)

    def compile(self, arguments):
        """Compile for the types of some arguments."""
        tell_of_compilation(None)
        return self._dispatcher.compile(tuple(map(self._dispatcher.typeof_pyval, arguments)))


def kernel(function=None, *, threads=None):
    """Make a `Kernel` of a function; a decorator with or without ``threads=``."""
    if function is None:
        return lambda function: Kernel(function, threads)
    return Kernel(function, threads)


def device_function(function):
    """A function that kernels call. If it uses ``cuda`` it must be in the module of its kernel."""
    return cuda.jit(device=True)(function)


@intrinsic
def flat(typingctx, array):
    """All elements of a C-ordered array, one after the other."""
    result = types.Array(array.dtype, 1, "C")

    def codegen(context, builder, signature, arguments):
        given = make_array(array)(context, builder, arguments[0])
        made = make_array(result)(context, builder)
        itemsize = given.itemsize
        populate_array(made, given.data, [given.nitems], [itemsize], itemsize, given.meminfo)
        return made._getvalue()

    return result(array), codegen
