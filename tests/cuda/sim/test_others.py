"""Losses, links, optimisers, dropout, packing and products, against the CPU kernels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu
from skgru.kernels import cuda as kernels
from skgru.kernels.cuda import gemm
from skgru.kernels.cuda._tiles import Tile
from tests.cuda.packed import TOLERANCE, to_device

from .test_pooling import both, both_dtypes, close

N = 21  # more than a block of the simulator has threads
SEED = np.uint64(0xFEDCBA9876543210)


def losses():
    rng = np.random.default_rng(0)
    real, labels = rng.normal(size=(N, 2)), rng.integers(0, 2, (N, 3)).astype(float)
    return {
        "squared_error": (real, 2, []),
        "absolute_error": (real, 2, []),
        "huber": (real, 2, [0.7]),
        "poisson": (np.abs(real), 2, []),
        "quantile": (real, 6, [0.1, 0.5, 0.9]),
        "binary_log_loss": (labels, 3, []),
        "multinomial_log_loss": (rng.integers(0, 4, (N, 1)).astype(float), 4, [4.0]),
    }


@both_dtypes
@pytest.mark.parametrize("name", losses())
def test_losses(rng, name, dtype):
    target, n_raw, parameters = losses()[name]
    raw = rng.normal(size=(N, n_raw + 2)).astype(dtype)
    raw[0] *= 50
    weight, d_raw = rng.uniform(0.1, 3, N), np.zeros_like(raw)
    parameters, sums = np.array(parameters), np.array([0.5, 0.0, 1.5])
    arguments = raw, target, weight, parameters, 0.25, d_raw, sums, 1
    # Float32 arithmetic of the CPU stays in float32 here and there.
    both(name, *arguments, tolerance=TOLERANCE[dtype])
    both("add_losses", sums, 0.3, np.array([2.0]))


@both_dtypes
def test_updates(rng, dtype):
    p, g, m, v = rng.normal(size=(4, 37)).astype(dtype)
    v = v**2
    t = p.dtype.type
    both("adam", p, g, m, v, t(0.01), t(0.9), t(0.99), t(0.1), t(0.01), t(1e-6))
    both("rmsprop", p, g, v, t(0.01), t(0.9), t(0.1), t(1e-6))
    for nesterov in (False, True):
        both("sgd", p, g, m, t(0.01), t(0.8), nesterov)
    both("scale_in_place", p, t(0.25))
    both("add", p, g)


@both_dtypes
@pytest.mark.parametrize("n", [1, 16, 300])
def test_penalty_and_clipping(rng, n, dtype):
    gradient, parameters = rng.normal(size=(2, n)).astype(dtype)
    device = to_device(gradient, parameters, np.full(kernels.N_PARTIAL, np.nan), np.zeros(3))
    partial, sums, half = np.zeros(cpu.N_PARTIAL), np.zeros(3), gradient.dtype.type(0.5)
    kernels.add_penalty(*device[:2], half, n, *device[2:], 1)
    cpu.add_penalty(gradient, parameters, half, n, partial, sums, 1)
    assert_allclose(device[3].copy_to_host(), sums, rtol=1e-12)
    close(device[0].copy_to_host(), gradient)
    for bound in (1e3, 0.1):
        kernels.clip_norm(device[0], bound, device[2])
        cpu.clip_norm(gradient, bound, partial)
        close(device[0].copy_to_host(), gradient)


@both_dtypes
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_dropout_masks_are_equal_to_the_bit(rng, rate, dtype):
    n = 4
    shard = make_shard(np.arange(n), np.array([7, 3, 11, 0]), np.array([3, 2, 2, 1]))
    states = rng.normal(size=(shard.n_state_rows, 8)).astype(dtype)
    x = np.full((shard.n_rows, 20), 2.0, dtype)
    rows = np.ones((n, 17), dtype)
    for name, *arguments in (
        ("connect", states, shard.block, shard.alive, 1, shard.positions, SEED, rate, 5, 6, x, 9),
        ("drop_steps", x, shard.block, shard.alive, shard.positions, SEED, rate, 6, 8),
        ("drop_rows", rows, shard.positions, SEED, rate, 5, 8),
    ):
        host = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        device = [to_device(a) if isinstance(a, np.ndarray) else a for a in arguments]
        getattr(cpu, name)(*host)
        getattr(kernels, name)(*device)
        for ours, theirs in zip(device, host, strict=True):
            if isinstance(theirs, np.ndarray):
                assert_array_equal(ours.copy_to_host(), theirs)


@both_dtypes
@pytest.mark.parametrize("values_dtype", ["float32", "float64"])
def test_sequences(rng, values_dtype, dtype):
    lengths = np.array([4, 2, 2, 1])
    shard = make_shard(np.arange(4), np.arange(4), lengths)
    values = rng.normal(size=(12, 3)).astype(values_dtype)
    shift, scale = rng.normal(size=3), rng.uniform(0.5, 2, 3)
    x = np.full((shard.n_rows, 3), np.nan, dtype)
    both("pack_sequences", values, np.array([1, 5, 7, 9]), shard.block, shard.alive, shift, scale,
         x)  # fmt: skip


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


def test_the_tile_of_a_real_device(rng, monkeypatch):
    monkeypatch.setattr(gemm, "TILE", Tile())
    a, b = rng.normal(size=(70, 20)), rng.normal(size=(20, 96))
    panels = to_device(np.ascontiguousarray(b.reshape(20, 3, 32).swapaxes(0, 1)))
    found = to_device(np.zeros((70, 96)))
    kernels.multiply(to_device(a), panels, found, False)
    close(found.copy_to_host(), a @ b)
    kernels.multiply_transposed(to_device(a), found, panels, False)
    close(panels.copy_to_host().swapaxes(0, 1).reshape(20, 96), a.T @ (a @ b))
