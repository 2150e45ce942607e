"""What depends on the compiler and on its simulator; the kernels themselves are plain loops.

``NUMBA_ENABLE_CUDASIM=1`` runs every kernel as Python threads, without a GPU: slow, but the same
source. It has to be set before Numba is imported.
"""

import numpy as np

# The compiler registers an implementation of this function, which NumPy 2.5 no longer has.
if not hasattr(np, "row_stack"):
    np.row_stack = np.vstack  # noqa: NPY201

import numba
from numba import cuda

SIMULATED = bool(numba.config.ENABLE_CUDASIM)

#: Shared memory that every block gets without asking.
DEFAULT_SHARED = 48 * 1024

#: Type of positions in memory.  Unsigned: a signed index is tested for being negative at every
#: access.  64 bits: the compiler widens smaller integers before it adds them anyway.  It must not
#: meet a signed integer in arithmetic (the two make a float64), so constants are wrapped as well.
index = int if SIMULATED else numba.uint64

NUMBA_TYPES = {np.dtype("float32"): numba.float32, np.dtype("float64"): numba.float64}


def kernel(function=None, *, threads=None):
    """Compile a kernel on its first launch, for blocks of at most ``threads`` threads.

    No fastmath: a NaN must stay one, and the fast tanh has an error of 5e-4.
    """
    if function is None:
        return lambda function: kernel(function, threads=threads)
    if SIMULATED or threads is None:
        found = cuda.jit(function)
    else:
        found = cuda.jit(launch_bounds=threads)(function)
    found.max_threads = threads
    found.functions = {}  # what was compiled, by device and types: see ``_start``
    return found


def device_function(function):
    """A helper of kernels.  One that uses ``cuda`` must live in the module of its kernel."""
    return function if SIMULATED else cuda.jit(device=True)(function)


if SIMULATED:

    def flat(array):
        """All elements of a C-ordered array, one after the other."""
        return array.ravel()

    def fast_quotient(a, b):
        """Of float32, one or two bits off; for divisors that are far from the largest numbers."""
        return a / b

else:
    from numba.cuda import types
    from numba.cuda.extending import intrinsic
    from numba.cuda.libdevice import fast_fdividef
    from numba.cuda.np.arrayobj import make_array, populate_array

    fast_quotient = fast_fdividef

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
