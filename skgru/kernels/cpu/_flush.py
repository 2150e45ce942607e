"""Treat denormal numbers as zero while a kernel runs.

Gradients that decay over more than about a hundred steps become denormal, and arithmetic on those
is many times slower: a backward pass over 200 steps was seen to take 6.5 times as long.  Kernels
switch the mode of their thread on entry and put the caller's mode back on exit.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._host import IS_ARM64, IS_X86

_X86_FLUSH_AND_DENORMALS_ARE_ZERO = 0x8040  # MXCSR bits 15 and 6
_ARM_FLUSH = 1 << 24  # FPCR bit FZ


def call_llvm(builder, name, result, *arguments):
    """Call a machine instruction through its LLVM intrinsic; Numba has no inline assembler."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


def _mxcsr(builder, name, slot):
    byte = ir.IntType(8).as_pointer()
    call_llvm(builder, f"llvm.x86.sse.{name}", ir.VoidType(), builder.bitcast(slot, byte))


def get_mode(builder):
    """Return the float mode of the thread as 64 bits, or 0 where it cannot be switched."""
    i64 = ir.IntType(64)
    if IS_X86:
        slot = cgutils.alloca_once(builder, ir.IntType(32))
        _mxcsr(builder, "stmxcsr", slot)
        return builder.zext(builder.load(slot), i64)
    if IS_ARM64:
        return call_llvm(builder, "llvm.aarch64.get.fpcr", i64)
    return ir.Constant(i64, 0)


def set_mode(builder, mode):
    if IS_X86:
        slot = cgutils.alloca_once(builder, ir.IntType(32))
        builder.store(builder.trunc(mode, ir.IntType(32)), slot)
        _mxcsr(builder, "ldmxcsr", slot)
    elif IS_ARM64:
        call_llvm(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), mode)


@intrinsic
def flush_to_zero(typingctx):
    """Switch the mode on; return the previous one for ``restore_float_mode``."""
    flags = _X86_FLUSH_AND_DENORMALS_ARE_ZERO if IS_X86 else _ARM_FLUSH

    def codegen(context, builder, signature, arguments):
        mode = get_mode(builder)
        set_mode(builder, builder.or_(mode, ir.Constant(ir.IntType(64), flags)))
        return mode

    return types.uint64(), codegen


@intrinsic
def restore_float_mode(typingctx, mode):
    """Put back what ``flush_to_zero`` returned."""

    def codegen(context, builder, signature, arguments):
        set_mode(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.uint64), codegen
