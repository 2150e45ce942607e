"""tanh and the pair of sigmoids, on every kind of number a diverging or healthy network meets."""

import numpy as np
import pytest
import scipy.special
from numba import njit, types
from numba.extending import intrinsic

from skgru.kernels import cpu
from skgru.kernels.cpu._vector_ir import Vectors

#: Largest absolute error.  In float32 that of the rational approximation; in float64 of rounding.
TOLERANCE = {"float32": 4e-7, "float64": 4e-16}

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def _make(operation, n_inputs):
    """A compiled function that applies an operation of `Vectors` to one vector in memory."""

    @intrinsic
    def apply(typingctx, inputs, outputs):
        def codegen(context, builder, signature, arguments):
            kind = signature.args[0]
            v = Vectors(context, builder, kind.dtype)
            values = [
                v.load(v.pointer(kind, arguments[0], v.index(j * v.width))) for j in range(n_inputs)
            ]
            results = getattr(v, operation)(*values)
            for j, result in enumerate(results if isinstance(results, tuple) else (results,)):
                v.store(result, v.pointer(kind, arguments[1], v.index(j * v.width)))
            return context.get_dummy_value()

        return types.void(inputs, outputs), codegen

    # A closure cannot be cached; compiling it takes a fraction of a second.
    @njit(error_model="numpy")
    def run(inputs, outputs):
        apply(inputs, outputs)

    return run


_tanh, _two_sigmoids = _make("tanh", 1), _make("two_sigmoids", 2)


def tanh(x):
    """tanh of each number, a vector at a time."""
    width = cpu.panel_width(1, x.dtype)
    padded = np.zeros(-(-len(x) // width) * width, x.dtype)
    padded[: len(x)] = x
    result = np.empty_like(padded)
    for start in range(0, len(padded), width):
        part = slice(start, start + width)
        _tanh(padded[part], result[part])
    return result[: len(x)]


def two_sigmoids(x, y):
    """Both sigmoids of each pair of numbers."""
    width = cpu.panel_width(1, x.dtype)
    n_vectors = -(-len(x) // width)
    padded = np.zeros((n_vectors, 2, width), x.dtype)
    for j, values in enumerate((x, y)):
        column = np.zeros(n_vectors * width, x.dtype)
        column[: len(x)] = values
        padded[:, j] = column.reshape(n_vectors, width)
    result = np.empty_like(padded)
    for inputs, outputs in zip(padded, result, strict=True):
        _two_sigmoids(inputs.ravel(), outputs.ravel())
    return [result[:, j].ravel()[: len(x)] for j in range(2)]


def wide_range(dtype):
    """Numbers of both signs from 0 to infinity, dense where the functions bend."""
    positive = np.concatenate([np.linspace(0, 50, 5001), np.geomspace(1e-37, 1e37, 500), [np.inf]])
    return np.concatenate([-positive, positive]).astype(dtype)


@both_dtypes
def test_tanh(dtype):
    x = wide_range(dtype)
    found = tanh(x)
    np.testing.assert_allclose(found, np.tanh(x.astype(float)), rtol=0, atol=TOLERANCE[dtype])
    assert np.abs(found).max() <= 1


def test_small_arguments_of_tanh_in_float32():
    x = np.geomspace(1e-30, 1, 500).astype("float32")
    np.testing.assert_allclose(tanh(x), np.tanh(x.astype(float)), rtol=5e-7)
    np.testing.assert_array_equal(tanh(-x), -tanh(x))


@both_dtypes
def test_sigmoids(dtype):
    x = wide_range(dtype)
    for y in (x, x[::-1], np.roll(x, 1234)):
        for found, argument in zip(two_sigmoids(x, y), (x, y), strict=True):
            expected = scipy.special.expit(argument.astype(float))
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
            # The sum of a half and a rounded half may pass the ends by a rounding error.
            outside = max(-found.min(), found.max() - 1)
            assert outside <= np.finfo(dtype).eps / 2


@both_dtypes
def test_nan_stays_and_spoils_no_other_number(dtype):
    x = wide_range(dtype)
    is_nan = np.arange(len(x)) % 3 == 0
    holed = np.where(is_nan, np.nan, x).astype(dtype)
    np.testing.assert_array_equal(np.isnan(tanh(holed)), is_nan)
    np.testing.assert_array_equal(tanh(holed)[~is_nan], tanh(x)[~is_nan])

    # The two share a reciprocal and belong to one unit, whose state is lost with either of them.
    clean = two_sigmoids(x, x)[0]
    for pair in ((holed, x), (x, holed)):
        for found in two_sigmoids(*pair):
            np.testing.assert_array_equal(np.isnan(found), is_nan)
            np.testing.assert_array_equal(found[~is_nan], clean[~is_nan])
