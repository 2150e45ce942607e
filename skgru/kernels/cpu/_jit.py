"""How every CPU kernel is compiled: one decorator, one set of flags."""

from numba import njit

# error_model="numpy": a division that may raise keeps LLVM from vectorising the loop around it.
# No fastmath: kernels promise the same bits whatever surrounds a row, and must see NaN.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def kernel(function):
    """Compile ``function`` on first call, without the GIL, and cache the machine code on disk.

    Where no cache folder can be written (a read-only install without a home directory) the kernel
    is compiled in every process instead of failing at import.
    """
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


def inline_kernel(function):
    """Compile a helper that only other kernels call."""
    return njit(**_OPTIONS)(function)


def step_kernel(function):
    """Compile a helper into the loop that calls it; for helpers that are called in one place.

    LLVM may leave a compiled helper a function of its own, and passing twenty arrays costs 70 ns:
    half of what a step of one sequence and 32 units takes.  It is also compiled once, not twice.
    """
    return njit(inline="always", **_OPTIONS)(function)
