"""How two threads tell each other that work is there, or done, faster than the system would.

A thread that sleeps takes some 50 microseconds to wake, more on a virtual machine; a shard may be
done in as many. So a thread that expects an answer soon looks for it for a while before it sleeps,
without the GIL.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._flush import call_llvm
from ._host import IS_ARM64, IS_X86
from ._jit import kernel


def _pointer_to(context, builder, signature, arguments):
    array_type = signature.args[0]
    array = context.make_array(array_type)(context, builder, arguments[0])
    return cgutils.get_item_pointer(
        context, builder, array_type, array, [arguments[1]], wraparound=False
    )


@intrinsic
def _publish(typingctx, flags, place, value):
    """flags[place] = value, after all that this thread has written before."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer_to(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(flags, types.intp, types.int64), codegen


@intrinsic
def _look(typingctx, flags, place):
    """flags[place] as it is now, before all that this thread reads later."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer_to(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(flags, types.intp), codegen


def rest(builder):
    """Leave the core to its other thread for a moment."""
    if IS_X86:
        call_llvm(builder, "llvm.x86.sse2.pause", ir.VoidType())
    elif IS_ARM64:
        call_llvm(builder, "llvm.aarch64.hint", ir.VoidType(), ir.Constant(ir.IntType(32), 1))


@intrinsic
def _rest(typingctx):
    def codegen(context, builder, signature, arguments):
        rest(builder)
        return context.get_dummy_value()

    return types.void(), codegen


@kernel
def tell_and_look(flags, mine, value, theirs, awaited, n_looks):
    """Publish ``value`` at one place and look whether another has reached a value.

    Parameters
    ----------
    flags : (any,) int64
        Shared by the two threads; each place is written by one of them, and only grows.
    mine, value : int
        flags[mine] becomes value.
    theirs, awaited : int
        What to look for: flags[theirs] >= awaited.
    n_looks : int
        How often at most; some 20 to 50 nanoseconds each.

    Returns
    -------
    found : bool
    """
    _publish(flags, mine, value)
    for _ in range(n_looks):
        if _look(flags, theirs) >= awaited:
            return True
        _rest()
    return False
