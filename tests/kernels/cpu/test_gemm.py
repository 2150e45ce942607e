"""Matrix products on panels, against NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cpu

#: Relative to the largest entry of the product.
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
shapes = pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (3, 5, 2), (8, 16, 24), (13, 33, 50), (31, 2, 49), (2, 100, 100)]
)


def in_panels(matrix, n_columns=None):
    """Panels of B; those of a head by default, which are narrow where B is."""
    n_rows, n = matrix.shape
    n_columns = n_columns or cpu.head_columns(n, matrix.dtype)
    padded = np.zeros((n_rows, -(-n // n_columns) * n_columns), matrix.dtype)
    padded[:, :n] = matrix
    return np.ascontiguousarray(padded.reshape(n_rows, -1, n_columns).swapaxes(0, 1))


def from_panels(panels, n):
    """The first ``n`` columns of B, whose panels these are."""
    return panels.swapaxes(0, 1).reshape(panels.shape[1], -1)[:, :n]


def assert_product(found, expected):
    tolerance = TOLERANCE[found.dtype.name] * np.abs(expected).max()
    assert_allclose(found, expected, rtol=0, atol=tolerance)


@both_dtypes
@shapes
def test_multiply(rng, m, k, n, dtype):
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    panels = in_panels(b)
    c = np.full((m, panels.shape[0] * panels.shape[2]), np.nan, dtype)
    cpu.multiply(a, panels, c, False)
    expected = a.astype(float) @ b.astype(float)
    assert_product(c[:, :n], expected)
    assert not c[:, n:].any()

    start = rng.normal(size=c.shape).astype(dtype)
    c = start.copy()
    cpu.multiply(a, panels, c, True)
    assert_product(c[:, :n], start[:, :n] + expected)


@both_dtypes
@shapes
def test_multiply_transposed(rng, m, k, n, dtype):
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(m, n)).astype(dtype)
    n_columns = cpu.head_columns(n, b.dtype)
    n_panels = -(-n // n_columns)
    padded = np.zeros((m, n_panels * n_columns), dtype)
    padded[:, :n] = b
    panels = np.full((n_panels, k, n_columns), np.nan, dtype)
    cpu.multiply_transposed(a, padded, panels, False)
    expected = a.astype(float).T @ b.astype(float)
    assert_product(from_panels(panels, n), expected)

    cpu.multiply_transposed(a, padded, panels, True)
    assert_product(from_panels(panels, n), 2 * expected)


@both_dtypes
@pytest.mark.parametrize("n", [1, 4])
def test_narrow_and_wide_panels_give_the_same_bits(rng, n, dtype):
    a, b = rng.normal(size=(29, 33)).astype(dtype), rng.normal(size=(33, n)).astype(dtype)
    d = rng.normal(size=(29, n)).astype(dtype)
    products, gradients = [], []
    for n_columns in (cpu.head_columns(n, a.dtype), cpu.panel_columns(a.dtype)):
        c = cpu.zeros((29, n_columns), dtype)
        cpu.multiply(a, in_panels(b, n_columns), c, True)
        products.append(c[:, :n])
        padded = cpu.zeros((29, n_columns), dtype)
        padded[:, :n] = d
        panels = cpu.zeros((1, 33, n_columns), dtype)
        cpu.multiply_transposed(a, padded, panels, True)
        gradients.append(from_panels(panels, n))
    assert cpu.head_columns(n, a.dtype) <= cpu.panel_columns(a.dtype)
    assert_array_equal(*products)
    assert_array_equal(*gradients)


@both_dtypes
def test_a_row_of_a_product_is_its_own(rng, dtype):
    a, b = rng.normal(size=(29, 33)).astype(dtype), rng.normal(size=(33, 50)).astype(dtype)
    panels = in_panels(b)

    def product(rows):
        c = np.empty((len(rows), panels.shape[0] * panels.shape[2]), dtype)
        cpu.multiply(rows, panels, c, False)
        return c

    together = product(a)
    for order in (rng.permutation(29), rng.permutation(29)[:5], [17]):
        assert_array_equal(product(a[order]), together[order])


@pytest.mark.parametrize("n", [1, 2, 7, 40, 64, 65, 200])
def test_orthonormal_rows(rng, n):
    matrix = rng.normal(size=(n, n))
    found = matrix.copy()
    cpu.orthonormalize_rows(found)
    assert_allclose(found @ found.T, np.eye(n), atol=1e-13)
    # Row by row as Gram and Schmidt: each lies in the span of the rows up to its own.
    coefficients = matrix @ found.T
    assert_allclose(np.triu(coefficients, 1), 0, atol=1e-12)
    assert np.all(np.diag(coefficients) > 0)


@both_dtypes
def test_the_head(rng, dtype):
    x, w, bias = (rng.normal(size=n).astype(dtype) for n in ((13, 33), (33, 50), 50))
    d_raw = rng.normal(size=(13, 50)).astype(dtype)
    panels, transposed = in_panels(w), in_panels(np.ascontiguousarray(w.T))
    n = panels.shape[0] * panels.shape[2]
    padded, d_padded = np.zeros(n, dtype), np.zeros((13, n), dtype)
    padded[:50], d_padded[:, :50] = bias, d_raw
    w_t = np.zeros((len(transposed), n, panels.shape[2]), dtype)
    w_t[:, :50] = transposed
    raw = np.full((13, n), np.nan, dtype)
    cpu.dense_forward(x, panels, padded, raw)
    assert_product(raw[:, :50], x.astype(float) @ w + bias)

    d_w, d_bias = np.ones_like(panels), np.ones(n, dtype)
    d_x = np.full((13, len(w_t) * w_t.shape[2]), np.nan, dtype)
    cpu.dense_backward(x, d_padded, w_t, d_w, d_bias, d_x)
    assert_product(from_panels(d_w, 50), x.T.astype(float) @ d_raw + 1)
    assert_product(d_bias[:50], d_raw.astype(float).sum(axis=0) + 1)
    assert_product(d_x[:, :33], d_raw.astype(float) @ w.T)
