"""Products on tensor cores: the instruction ``mma`` of PTX, and the formats of its operands.

``mma`` multiplies with all 32 threads of a warp: d = a @ b + c, where c and d are 16 x 8 numbers of
float32 and the operands have fewer bits. They come in words of 32 bits, and a is 16 x 8 words, b
8 x 8: with tf32 a word is one number, with bf16 it is two neighbours along the sum, the first of
them in the lower half. Counted in words, both formats distribute the operands over a warp in the
same way. Lane ``4 * g + q`` holds::

    a0..a3  word q of row g, word q of row g + 8, word q + 4 of row g, word q + 4 of row g + 8
    b0, b1  word q of column g, word q + 4 of column g
    c0..c3  columns 2 q and 2 q + 1 of row g, the same columns of row g + 8

Source: PTX ISA, sections "Matrix Fragments for mma.m16n8k8" and "Matrix Fragments for mma.m16n8k16
with floating point type". Tensor cores have both formats from compute capability 8.0 on.
"""

from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic

WARP = 32
#: Words of an operand that one instruction sums over.
MMA_WORDS = 8
MMA_ROWS, MMA_COLUMNS = 16, 8


class Format(NamedTuple):
    """What the operands of a product are rounded to.

    Attributes
    ----------
    per_word : int
        Numbers in a word.
    to_word : callable
        ``to_word(first, second)``: two numbers of float32 as a word, rounded to the nearest; if
        a word holds one number, the second is ignored.
    mma : callable
        ``mma(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3)``: this lane's four numbers of d. All lanes
        of a warp have to execute it together.
    """

    per_word: int
    to_word: object
    mma: object


_WORD, _NUMBER = ir.IntType(32), ir.FloatType()


def _assemble(builder, result, operands, template, constraints):
    """A line of PTX. It has no side effects, but the lanes of a warp must not diverge here."""
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    assembly = ir.InlineAsm(kind, template, constraints)
    return builder.call(assembly, operands, attrs=("convergent", "readnone"))


def _make_mma(shape, name):
    template = (
        f"mma.sync.aligned.{shape}.row.col.f32.{name}.{name}.f32 "
        "{$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};"
    )
    constraints = ",".join(["=f"] * 4 + ["r"] * 6 + ["f"] * 4)
    result = types.UniTuple(types.float32, 4)
    given = (types.uint32,) * 6 + (types.float32,) * 4

    @intrinsic
    def mma(typingctx, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
        def codegen(context, builder, signature, arguments):
            found = ir.LiteralStructType([_NUMBER] * 4)
            found = _assemble(builder, found, arguments, template, constraints)
            numbers = [builder.extract_value(found, i) for i in range(4)]
            return context.make_tuple(builder, result, numbers)

        return result(*given), codegen

    return mma


@intrinsic
def tf32_word(typingctx, first, second):
    def codegen(context, builder, signature, arguments):
        return _assemble(builder, _WORD, arguments[:1], "cvt.rna.tf32.f32 $0, $1;", "=r,f")

    return types.uint32(types.float32, types.float32), codegen


@intrinsic
def bf16_word(typingctx, first, second):
    def codegen(context, builder, signature, arguments):
        # The instruction takes the upper half first.
        return _assemble(builder, _WORD, arguments[::-1], "cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f")

    return types.uint32(types.float32, types.float32), codegen


tf32_mma, bf16_mma = _make_mma("m16n8k8", "tf32"), _make_mma("m16n8k16", "bf16")


FORMATS = {"tf32": Format(1, tf32_word, tf32_mma), "bf16": Format(2, bf16_word, bf16_mma)}
