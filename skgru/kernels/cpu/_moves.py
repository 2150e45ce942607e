"""Copies of one vector register between arrays, for the loops of ``packing.py``; prefetches.

The auto-vectoriser needs long inner loops, and these are short: the width of a panel, or the
features of one step. Arrays are C-ordered and given with the offset, in elements, of the first
element to touch.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._host import VECTOR_BYTES
from ._vector_ir import Vectors

#: Elements that `standardize_vector` treats at once, in double precision.
N_STANDARDIZED = VECTOR_BYTES // 8


@intrinsic
def copy_vector(typingctx, target, target_start, source, source_start):
    """target[...] = source[...] for one vector; both arrays have the same dtype."""
    n = types.intp
    signature = types.void(target, n, source, n)

    def codegen(context, builder, signature, arguments):
        target, target_start, source, source_start = arguments
        v = Vectors(context, builder, signature.args[0].dtype)
        value = v.load(v.pointer(signature.args[2], source, source_start))
        v.store(value, v.pointer(signature.args[0], target, target_start))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def standardize_vector(typingctx, x, x_start, values, values_start, shift, scale, start):
    """x[...] = (values[...] - shift[...]) * scale[...] in float64, rounded to the dtype of x once.

    ``start`` belongs to shift and scale.
    """
    n = types.intp
    signature = types.void(x, n, values, n, shift, scale, n)

    def codegen(context, builder, signature, arguments):
        x, x_start, values, values_start, shift, scale, start = arguments
        kinds = signature.args
        double = ir.VectorType(ir.DoubleType(), N_STANDARDIZED)

        def pointer(kind, array, offset):
            data = context.make_array(kind)(context, builder, array).data
            vector = ir.VectorType(data.type.pointee, N_STANDARDIZED)
            return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())

        def load(kind, array, offset):
            return builder.load(pointer(kind, array, offset), align=1)

        value = load(kinds[2], values, values_start)
        if kinds[2].dtype == types.float32:
            value = builder.fpext(value, double)
        centred = builder.fsub(value, load(kinds[4], shift, start))
        value = builder.fmul(centred, load(kinds[5], scale, start))
        target = pointer(kinds[0], x, x_start)
        if kinds[0].dtype == types.float32:
            value = builder.fptrunc(value, target.type.pointee)
        builder.store(value, target, align=1)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def prefetch(typingctx, array, start):
    """Begin to load the cache line of this element, without waiting for it."""
    signature = types.void(array, types.intp)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", (place.type,), kind)
        builder.call(function, [place, number(0), number(3), number(1)])  # read, keep, data
        return context.get_dummy_value()

    return signature, codegen
