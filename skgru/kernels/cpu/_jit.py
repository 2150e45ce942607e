"""How every CPU kernel is compiled: one decorator, one set of flags."""

from llvmlite.binding import ffi
from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from .._fork import hold_in_forks
from ._disk_cache import KernelCache, MemoryCache

# error_model="numpy": a division that may raise keeps LLVM from vectorising the loop around it.
# no_cfunc_wrapper: nobody calls a kernel through a C pointer, and a wrapper takes time to compile.
# No fastmath: kernels promise the same bits whatever surrounds a row, and must see NaN.
_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}

# Numba compiles and loads under its own lock. LLVM is also called without it, to free modules;
# llvmlite guards every call with a lock that has no public name.
hold_in_forks(global_compiler_lock)
if hasattr(getattr(ffi, "lib", None), "_lock"):
    hold_in_forks(ffi.lib._lock)


def kernel(function):
    """Compile ``function`` on first call, without the GIL, and cache the machine code on disk.

    Where no cache folder can be written (a read-only install without a home directory) the kernel
    is compiled in every process instead of failing at import.
    """
    compiled = njit(**_OPTIONS)(function)
    try:
        compiled._cache = KernelCache(function)
    except RuntimeError:
        compiled._cache = MemoryCache()
    return compiled


def inline_kernel(function):
    """Compile a helper that only other kernels call."""
    return njit(**_OPTIONS)(function)


def step_kernel(function):
    """Compile a helper into the loop that calls it; for helpers that are called in one place.

    LLVM may leave a compiled helper a function of its own, and passing twenty arrays costs 70 ns:
    half of what a step of one sequence and 32 units takes.  It is also compiled once, not twice:
    the other helpers first become a library of their own, and then part of each caller.
    """
    return njit(inline="always", **_OPTIONS)(function)
