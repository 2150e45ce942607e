"""Products on tensor cores, against products of rounded factors in NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cuda as kernels
from skgru.kernels.cuda import gemm

from .packed import to_device, unset
from .rounding import assert_product

both_precisions = pytest.mark.parametrize("precision", ["tf32", "bf16"])

pytestmark = pytest.mark.emulator


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


@both_precisions
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(1, 1, 1), (1, 40, 3), (16, 8, 16), (64, 16, 64), (65, 17, 65), (63, 15, 33), (5, 33, 130)],
)
def test_edges_of_a_product(rng, precision, m, k, n):
    a, b, c = normal(rng, m, k), normal(rng, k, n), normal(rng, m, n)
    panels = np.full((-(-n // 32), k, 32), np.nan, np.float32)
    for j in range(n):
        panels[j // 32, :, j % 32] = b[:, j]
    for add in (False, True):
        found = to_device(c)
        with kernels.use_precision(precision):
            kernels.multiply(*to_device(a, panels), found, add)
        assert_product(found.copy_to_host(), a, b, precision, on_top=c if add else 0.0)


@both_precisions
def test_windows_and_bias(rng, precision):
    """Columns of a wider matrix on both sides, an odd distance between rows."""
    a, b, bias = normal(rng, 19, 13), normal(rng, 9, 20), normal(rng, 20)
    c = normal(rng, 19, 27)
    found = to_device(c)
    with kernels.use_precision(precision):
        gemm.launch_product(
            to_device(a), 3, 13, 19, 9, to_device(b), 20, 20, to_device(bias), found, 5, 27, False
        )
    found = found.copy_to_host()
    assert_product(found[:, 5:25], a[:, 3:12], b, precision, on_top=bias)
    assert_array_equal(np.delete(found, slice(5, 25), 1), np.delete(c, slice(5, 25), 1))


@both_precisions
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("parts", [1, 3])
def test_sums_over_rows(rng, monkeypatch, precision, reverse, parts):
    """Both factors of a layer's weights, and its biases, which are not rounded."""
    lengths = np.array([7, 7, 6, 5, 5, 4, 3, 2, 2, 1])
    shard = make_shard(np.arange(10), np.arange(10), lengths)
    n_rows, n_x, n_h, panel, wide, n_totals = shard.n_rows, 5, 18, 8, 26, 23
    monkeypatch.setattr(gemm, "_PART_ROWS", 16 if parts > 1 else 1000)
    x, h, g = (normal(rng, *s) for s in ((n_rows, n_x), (shard.n_state_rows, n_h), (n_rows, wide)))
    rows = np.arange(n_rows)
    if reverse:
        step = np.searchsorted(shard.block, rows, side="right") - 1
        rows = shard.block[step + 1] + rows - shard.block[step]
        # The last block's rows have no state of their own to be multiplied with.
        g[rows >= shard.n_state_rows] = 0
    targets = [unset(shape, "float32") for shape in ((2, n_x, panel), (2, n_h, panel), n_totals)]

    def run(precision):
        with kernels.use_precision(precision):
            gemm.launch_sums_of_products(
                to_device(x), n_x, to_device(h), n_h, to_device(g), wide, 7, 2, 16, n_totals,
                panel, n_rows, to_device(shard.block), reverse, targets, False,
            )  # fmt: skip
        return [target.copy_to_host() for target in targets]

    arithmetic = gemm.tensor_cores(precision, gemm.TENSOR_TILE)
    assert (gemm.parts_of(n_rows, 8, arithmetic.depth)[0] > 1) == (parts > 1)
    d_w, d_u, totals = run(precision)
    h = np.vstack([h, np.zeros((n_rows, n_h), np.float32)])[rows]
    assert_product(d_w.swapaxes(0, 1).reshape(n_x, 16), x.T, g[:, 7:23], precision)
    assert_product(d_u.swapaxes(0, 1).reshape(n_h, 16), h.T, g[:, 2:18], precision)
    if parts == 1:
        assert_array_equal(totals, run("fp32")[2])
    else:
        np.testing.assert_allclose(totals, g[:, :n_totals].sum(0, "f8"), rtol=0, atol=1e-5)


@both_precisions
def test_several_tiles(rng, precision):
    a, b = normal(rng, 70, 20), normal(rng, 20, 40)
    found, panels = unset((70, 40), "float32"), np.zeros((2, 20, 32), np.float32)
    panels[0], panels[1, :, :8] = b[:, :32], b[:, 32:]
    panels = to_device(panels)
    with kernels.use_precision(precision):
        kernels.multiply(to_device(a), panels, found, False)
        assert_product(found.copy_to_host(), a, b, precision)
        found = to_device(normal(rng, 70, 64))
        kernels.multiply_transposed(to_device(a), found, panels, False)
    dense = panels.copy_to_host().swapaxes(0, 1).reshape(20, 64)
    assert_product(dense, a.T, found.copy_to_host(), precision)


@both_precisions
def test_two_runs_are_equal_to_the_bit(rng, precision):
    a, panels = to_device(normal(rng, 35, 21), normal(rng, 1, 21, 32))
    found = [unset((35, 32), "float32") for _ in range(2)]
    with kernels.use_precision(precision):
        for c in found:
            kernels.multiply(a, panels, c, False)
    assert_array_equal(*(c.copy_to_host() for c in found))


@both_precisions
def test_a_row_does_not_depend_on_its_neighbours(rng, precision):
    a, panels = normal(rng, 35, 21), to_device(normal(rng, 1, 21, 32))
    whole, alone = unset((35, 32), "float32"), unset((1, 32), "float32")
    with kernels.use_precision(precision):
        kernels.multiply(to_device(a), panels, whole, False)
        kernels.multiply(to_device(a[19:20]), panels, alone, False)
    assert_array_equal(whole.copy_to_host()[19:20], alone.copy_to_host())


def test_float64_is_never_rounded(rng):
    a, b = rng.normal(size=(9, 5)), rng.normal(size=(1, 5, 32))
    found = unset((9, 32), "float64")
    with kernels.use_precision("bf16"):
        kernels.multiply(*to_device(a, b), found, False)
    np.testing.assert_allclose(found.copy_to_host(), a @ b[0], rtol=0, atol=1e-13)
