"""A thin layer over LLVM IR, with which a register tile can be written as readable Python.

LLVM's auto-vectoriser stays at 256 bits on AVX-512 machines, gives up where more than about five
arrays meet, and may treat the last rows of a loop differently from the others.  The tiles therefore
spell their vectors out: every lane of every row goes through the same operations in the same order,
which is what makes a result independent of its neighbours to the last bit.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ._host import HAS_FMA, VECTOR_BYTES

I64, I32 = ir.IntType(64), ir.IntType(32)

# Rational approximation of tanh on [-7.905, 7.905], relative error about 2e-7 in float32; the
# coefficients are those of Eigen's generic_fast_tanh_float (MathFunctionsImpl.h).
_TANH_CLIP = 7.90531110763549805
_TANH_ODD = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
_TANH_EVEN = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)

# exp in float64: x = k ln2 + r, |r| <= ln2 / 2, Taylor series of e^r to degree 13 (error < 1e-17).
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_EXP_CLIP = 40.0  # sigmoid(40) is 1 to the last bit of a float64
_MAGIC = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer held in the low bits


class Vectors:
    """Emit loads, stores and arithmetic on full vectors of one floating-point type."""

    def __init__(self, context, builder, numba_dtype):
        self.context, self.builder = context, builder
        self.is_double = numba_dtype == types.float64
        self.scalar = ir.DoubleType() if self.is_double else ir.FloatType()
        self.itemsize = 8 if self.is_double else 4
        self.width = VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(self.scalar, self.width)
        self._splat_mask = ir.Constant(ir.VectorType(I32, self.width), [0] * self.width)
        self._undefined = ir.Constant(self.vector, ir.Undefined)

    # -- addresses -----------------------------------------------------------------------------
    def index(self, n):
        return ir.Constant(I64, n)

    def pointer(self, array_type, array, offset):
        """Address of element ``offset`` of an array, counted from its first element."""
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.at(data, offset)

    def at(self, pointer, offset):
        b = self.builder
        base = b.bitcast(pointer, self.scalar.as_pointer())
        return b.gep(base, [offset if isinstance(offset, ir.Value) else self.index(offset)])

    def load(self, pointer):
        address = self.builder.bitcast(pointer, self.vector.as_pointer())
        return self.builder.load(address, align=self.itemsize)

    def store(self, value, pointer):
        address = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(value, address, align=self.itemsize)

    def broadcast(self, pointer):
        value = self.builder.load(pointer, align=self.itemsize)
        one_lane = self.builder.insert_element(self._undefined, value, ir.Constant(I32, 0))
        return self.builder.shuffle_vector(one_lane, self._undefined, self._splat_mask)

    # -- arithmetic ----------------------------------------------------------------------------
    def constant(self, value):
        return ir.Constant(self.vector, [float(value)] * self.width)

    def add(self, x, y):
        return self.builder.fadd(x, y)

    def sub(self, x, y):
        return self.builder.fsub(x, y)

    def mul(self, x, y):
        return self.builder.fmul(x, y)

    def _intrinsic(self, name, *arguments):
        suffix = f"v{self.width}{'f64' if self.is_double else 'f32'}"
        kind = ir.FunctionType(self.vector, [self.vector] * len(arguments))
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.{name}.{suffix}"
        )
        return self.builder.call(function, arguments)

    def multiply_add(self, x, y, z):
        """x * y + z, rounded once where the machine can."""
        if HAS_FMA:
            return self._intrinsic("fma", x, y, z)
        return self.builder.fadd(self.builder.fmul(x, y), z)

    def clip(self, x, bound):
        """x within [-bound, bound]; NaN stays NaN, so that a diverged state shows."""
        b = self.builder
        # The order of the operands is that of x86's min and max, which return the second for NaN.
        for limit, beyond in ((self.constant(bound), "<"), (self.constant(-bound), ">")):
            x = b.select(b.fcmp_ordered(beyond, limit, x), limit, x)
        return x

    def reciprocal(self, x):
        """1 / x for normal x, to about a unit in the last place."""
        b = self.builder
        if VECTOR_BYTES < 64:
            return b.fdiv(self.constant(1.0), x)
        # An estimate of 14 bits, each Newton step doubling them: a third of the time of a division.
        name = f"llvm.x86.avx512.rcp14.p{'d' if self.is_double else 's'}.512"
        mask = ir.IntType(max(8, self.width))
        kind = ir.FunctionType(self.vector, [self.vector, self.vector, mask])
        function = cgutils.get_or_insert_function(b.module, kind, name)
        estimate = b.call(function, [x, self.constant(0.0), ir.Constant(mask, -1)])
        for _ in range(2 if self.is_double else 1):
            error = self.multiply_add(b.fneg(x), estimate, self.constant(1.0))
            estimate = self.multiply_add(estimate, error, estimate)
        return estimate

    def polynomial(self, x, coefficients):
        """Horner's scheme, highest power first."""
        value = self.constant(coefficients[0])
        for c in coefficients[1:]:
            value = self.multiply_add(value, x, self.constant(c))
        return value

    def _tanh_ratio(self, x):
        """Numerator and denominator of tanh(x)."""
        b = self.builder
        if self.is_double:
            e = self._exp(b.fadd(x, x))
            one = self.constant(1.0)
            return b.fsub(e, one), b.fadd(e, one)
        x = self.clip(x, _TANH_CLIP)
        square = b.fmul(x, x)
        return b.fmul(x, self.polynomial(square, _TANH_ODD)), self.polynomial(square, _TANH_EVEN)

    def _exp(self, x):
        """e^x for float64, |x| clipped to where the logistic function saturates."""
        b = self.builder
        x = self.clip(x, _EXP_CLIP)
        shifted = self.multiply_add(x, self.constant(_LOG2E), self.constant(_MAGIC))
        k = b.fsub(shifted, self.constant(_MAGIC))
        r = self.multiply_add(k, self.constant(-_LN2_HIGH), x)
        r = self.multiply_add(k, self.constant(-_LN2_LOW), r)
        factorials = [1.0]
        for n in range(1, 14):
            factorials.append(factorials[-1] * n)
        series = self.polynomial(r, [1.0 / f for f in reversed(factorials)])
        integers = ir.VectorType(I64, self.width)
        # The low bits of `shifted` hold k; moved to the exponent field they scale by 2^k.
        exponent = b.shl(b.bitcast(shifted, integers), ir.Constant(integers, [52] * self.width))
        return b.bitcast(b.add(b.bitcast(series, integers), exponent), self.vector)

    def tanh(self, x):
        top, bottom = self._tanh_ratio(x)
        return self.builder.fmul(top, self.reciprocal(bottom))

    def two_sigmoids(self, x, y):
        """sigmoid(x) and sigmoid(y) for the price of one reciprocal.

        sigmoid(x) = (1 + tanh(x / 2)) / 2, and two quotients a/b, c/d share 1 / (b d).
        """
        b, half = self.builder, self.constant(0.5)
        top_x, bottom_x = self._tanh_ratio(b.fmul(x, half))
        top_y, bottom_y = self._tanh_ratio(b.fmul(y, half))
        shared = b.fmul(half, self.reciprocal(b.fmul(bottom_x, bottom_y)))
        left = self.multiply_add(b.fmul(top_x, bottom_y), shared, half)
        right = self.multiply_add(b.fmul(top_y, bottom_x), shared, half)
        return left, right

    # -- control flow --------------------------------------------------------------------------
    def accumulate(self, start, n_steps, multiply):
        """Loop k = 0 .. n_steps - 1 with the vectors in ``start`` carried in registers.

        ``multiply(k, carried)`` emits one step and returns the new vectors.
        """
        b = self.builder
        before, function = b.block, b.function
        head, body, after = (
            function.append_basic_block(f"accumulate.{part}") for part in ("head", "body", "after")
        )
        b.branch(head)
        b.position_at_end(head)
        k = b.phi(I64)
        k.add_incoming(self.index(0), before)
        carried = [b.phi(self.vector) for _ in start]
        for phi, value in zip(carried, start, strict=True):
            phi.add_incoming(value, before)
        b.cbranch(b.icmp_signed("<", k, n_steps), body, after)
        b.position_at_end(body)
        updated = multiply(k, carried)
        k.add_incoming(b.add(k, self.index(1)), b.block)
        for phi, value in zip(carried, updated, strict=True):
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(after)
        return carried

    def where(self, condition, values, change):
        """``values`` with ``change(i, value)`` applied to each if a scalar condition holds."""
        b = self.builder
        before = b.block
        with b.if_then(condition):
            changed = [change(i, value) for i, value in enumerate(values)]
            inside = b.block
        merged = [b.phi(self.vector) for _ in values]
        for phi, value, new in zip(merged, values, changed, strict=True):
            phi.add_incoming(value, before)
            phi.add_incoming(new, inside)
        return merged

    def cover(self, n, sizes, emit):
        """Cover n rows, or panels, with pieces of the given sizes, each as often as it fits.

        The last size is 1, or a divisor of what the others leave. ``emit(i, size)`` emits the piece
        that starts at i.
        """
        b = self.builder
        start = self.index(0)
        for size in sizes:
            before, function = b.block, b.function
            head, body, after = (
                function.append_basic_block(f"pieces{size}.{part}")
                for part in ("head", "body", "after")
            )
            b.branch(head)
            b.position_at_end(head)
            i = b.phi(I64)
            i.add_incoming(start, before)
            following = b.add(i, self.index(size))
            b.cbranch(b.icmp_signed("<=", following, n), body, after)
            b.position_at_end(body)
            emit(i, size)
            i.add_incoming(following, b.block)
            b.branch(head)
            b.position_at_end(after)
            start = i
