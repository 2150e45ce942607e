"""Signal between two threads with low latency, by spinning on shared flags.

Waking a sleeping thread takes about 50 microseconds, and more on a virtual machine; computing a
shard may take no longer than that. A thread that expects an answer soon therefore spins on a flag
for a while, with the GIL released, before it sleeps.
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
    """Store flags[place] = value with release order: earlier writes become visible first."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer_to(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(flags, types.intp, types.int64), codegen


@intrinsic
def _look(typingctx, flags, place):
    """Load flags[place] with acquire order: later reads see what was written before it."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer_to(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(flags, types.intp), codegen


def rest(builder):
    """Tell the processor that this is a spin loop, so that a sibling thread gets the core."""
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
def signal_and_spin(flags, mine, value, theirs, awaited, n_looks):
    """Signal ``value`` in one flag, then spin until another flag reaches a value.

    Parameters
    ----------
    flags : (any,) int64
        Shared by the two threads. Each flag is written by one of them and never decreases.
    mine, value : int
        flags[mine] becomes value.
    theirs, awaited : int
        The thread spins until flags[theirs] >= awaited.
    n_looks : int
        Largest number of iterations; each takes about 20 to 50 nanoseconds.

    Returns
    -------
    found : bool
        Whether the flag reached the value in time.
    """
    _publish(flags, mine, value)
    for _ in range(n_looks):
        if _look(flags, theirs) >= awaited:
            return True
        _rest()
    return False
