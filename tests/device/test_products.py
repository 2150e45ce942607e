"""Products of matrices, and the head that is made of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cuda as kernels

from .compare import both_dtypes, close
from .device import size
from .packed import to_device

pytestmark = pytest.mark.emulator


@both_dtypes
def test_matrices(rng, dtype):
    """Two groups of 3 real columns in 4, 40 outputs: two panels on this device."""
    matrix = rng.normal(size=(6, 40)).astype(dtype)
    width = kernels.panel_columns(dtype)
    panels = to_device(np.zeros((2, 8, width), dtype))
    bias, vector = to_device(np.zeros(2 * width, dtype)), rng.normal(size=40).astype(dtype)
    transposed = to_device(np.zeros((1, 2 * width, width), dtype))
    given = to_device(matrix), to_device(vector)
    kernels.pack_dense(*given, 3, 4, False, panels, bias, transposed)
    assert not transposed.copy_to_host().any()
    kernels.pack_dense(*given, 3, 4, True, panels, bias, transposed)
    back = to_device(np.zeros_like(matrix)), to_device(np.zeros_like(vector))
    kernels.unpack_dense_gradient(panels, bias, 3, 4, *back)
    assert_array_equal(back[0].copy_to_host(), matrix)
    assert_array_equal(back[1].copy_to_host(), vector)
    assert_array_equal(bias.copy_to_host(), np.append(vector, np.zeros(2 * width - 40)))
    padded = np.zeros((8, 2 * width), dtype)
    padded[[0, 1, 2, 4, 5, 6], :40] = matrix
    dense = panels.copy_to_host().swapaxes(0, 1).reshape(8, -1)
    assert_array_equal(dense, padded)

    assert_array_equal(transposed.copy_to_host()[0, :, :8], padded.T)

    a, c = rng.normal(size=(11, 8)).astype(dtype), rng.normal(size=(11, 2 * width)).astype(dtype)
    for add in (False, True):
        found = to_device(c)
        kernels.multiply(to_device(a), panels, found, add)
        close(found.copy_to_host(), a @ padded + add * c)
        found = to_device(np.ones((2, 8, width), dtype))
        kernels.multiply_transposed(to_device(a), to_device(c), found, add)
        dense = found.copy_to_host().swapaxes(0, 1).reshape(8, -1)
        close(dense, a.T @ c + add)

    raw = to_device(np.full((11, 2 * width), np.nan, dtype))
    kernels.dense_forward(to_device(a), panels, bias, raw)
    close(raw.copy_to_host(), a @ padded + bias.copy_to_host())
    d_w, d_bias = to_device(np.ones((2, 8, width), dtype)), to_device(np.ones(2 * width, dtype))
    d_x = to_device(np.full((11, width), np.nan, dtype))
    kernels.dense_backward(to_device(a), to_device(c), transposed, d_w, d_bias, d_x)
    close(d_w.copy_to_host().swapaxes(0, 1).reshape(8, -1), a.T @ c + 1)
    close(d_bias.copy_to_host(), c.sum(axis=0) + 1)
    close(d_x.copy_to_host()[:, :8], c @ padded.T)


@both_dtypes
@pytest.mark.parametrize(("m", "k", "n"), [(70, 20, 96), size((3001, 130, 200), (301, 65, 100))])
def test_edges_of_tiles(rng, m, k, n, dtype):
    """Tiles that are cut off; sums over so many rows that they are computed in parts."""
    n_columns = -(-n // 32) * 32
    a, padded = rng.normal(size=(m, k)).astype(dtype), np.zeros((k, n_columns), dtype)
    padded[:, :n] = rng.normal(size=(k, n))
    panels = to_device(np.ascontiguousarray(padded.reshape(k, -1, 32).swapaxes(0, 1)))
    found = to_device(np.zeros((m, n_columns), dtype))
    kernels.multiply(to_device(a), panels, found, False)
    expected = a.astype("f8") @ padded
    tolerance = {"float64": 1e-13, "float32": 1e-5}[dtype]
    assert_allclose(found.copy_to_host(), expected, rtol=0, atol=tolerance * np.sqrt(k))
    kernels.multiply_transposed(to_device(a), found, panels, False)
    dense = panels.copy_to_host().swapaxes(0, 1).reshape(k, n_columns)
    expected = a.T.astype("f8") @ found.copy_to_host()
    assert_allclose(dense, expected, rtol=0, atol=tolerance * np.abs(expected).max())
