"""First rung, the rest: what treats single numbers or rows, and products, over many blocks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgru.data import cut_into_shards
from tests.cuda.packed import TOLERANCE, to_device
from tests.cuda.sim.test_pooling import both, both_dtypes, close

from .device import ragged_lengths

pytestmark = pytest.mark.usefixtures("kernels")

N = 100_003  # of no block a multiple
ROWS, UNITS = 3001, 130
SEED = np.uint64(0xFEDCBA9876543210)


def shard_of(n):
    lengths = np.array(ragged_lengths(n, 40))
    (shard,) = cut_into_shards(np.arange(n), lengths, n, 2**20)
    return shard


@both_dtypes
def test_updates(rng, dtype):
    p, g, m, v = rng.normal(size=(4, N)).astype(dtype)
    t = p.dtype.type
    both("adam", p, g, m, v**2, t(0.01), t(0.9), t(0.99), t(0.1), t(0.01), t(1e-6))
    both("rmsprop", p, g, v**2, t(0.01), t(0.9), t(0.1), t(1e-6))
    both("sgd", p, g, m, t(0.01), t(0.8), True)
    both("add", p, g)


@both_dtypes
def test_norms_are_summed_over_all_blocks(kernels, rng, dtype):
    from skgru.kernels import cpu

    gradient, parameters = rng.normal(size=(2, N)).astype(dtype)
    device = to_device(gradient, parameters, np.full(kernels.N_PARTIAL, np.nan), np.zeros(1))
    partial, sums, half = np.zeros(cpu.N_PARTIAL), np.zeros(1), gradient.dtype.type(0.5)
    kernels.add_penalty(*device[:2], half, N // 2, *device[2:], 0)
    cpu.add_penalty(gradient, parameters, half, N // 2, partial, sums, 0)
    # A sum over a hundred thousand squares, each rounded to the dtype on the CPU at most.
    assert_allclose(device[3].copy_to_host(), sums, rtol=1e-12 if dtype == "float64" else 1e-6)
    kernels.clip_norm(device[0], 0.1, device[2])
    cpu.clip_norm(gradient, 0.1, partial)
    close(device[0].copy_to_host(), gradient)
    assert_allclose(np.linalg.norm(device[0].copy_to_host().astype("f8")), 0.1, rtol=1e-5)


@both_dtypes
@pytest.mark.parametrize("name", ["squared_error", "binary_log_loss", "multinomial_log_loss"])
def test_losses_of_many_sequences(rng, name, dtype):
    raw = rng.normal(size=(ROWS, 7)).astype(dtype)
    target = {
        "squared_error": rng.normal(size=(ROWS, 5)),
        "binary_log_loss": rng.integers(0, 2, (ROWS, 5)).astype(float),
        "multinomial_log_loss": rng.integers(0, 5, (ROWS, 1)).astype(float),
    }[name]
    parameters = np.array([5.0] if name == "multinomial_log_loss" else [])
    weight, sums = rng.uniform(0.1, 3, ROWS), np.zeros(2)
    arguments = raw, target, weight, parameters, 0.25, np.zeros_like(raw), sums, 1
    both(name, *arguments, tolerance=TOLERANCE[dtype])


@both_dtypes
def test_dropout_masks_are_equal_to_the_bit(rng, dtype):
    shard = shard_of(300)
    states = np.ones((shard.n_state_rows, UNITS), dtype)
    x = np.zeros((shard.n_rows, UNITS), dtype)
    layout = shard.block, shard.alive
    rows = np.ones((shard.n_sequences, UNITS), dtype)
    exact = {"tolerance": 1e-15}
    both("connect", states, *layout, 1, shard.positions, SEED, 0.3, 5, UNITS, x, 0, **exact)
    both("drop_steps", x + 1, *layout, shard.positions, SEED, 0.3, UNITS, UNITS, **exact)
    both("drop_rows", rows, shard.positions, SEED, 0.3, UNITS, UNITS, **exact)


@both_dtypes
def test_sequences_of_a_large_shard(rng, dtype):
    shard = shard_of(300)
    starts = (np.cumsum(shard.lengths) - shard.lengths).astype(np.int64)
    values = rng.normal(5, 3, size=(int(shard.lengths.sum()), 9))
    x = np.zeros((shard.n_rows, 9), dtype)
    shift, scale = rng.normal(size=9), rng.uniform(0.5, 2, 9)
    both("pack_sequences", values, starts, shard.block, shard.alive, shift, scale, x)


@both_dtypes
def test_products(kernels, rng, dtype):
    """All edges of the tiles; sums over rows in many parts."""
    k, n = UNITS, 200
    n_columns = -(-n // 32) * 32
    a, b = rng.normal(size=(ROWS, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    padded = np.zeros((k, n_columns), dtype)
    padded[:, :n] = b
    panels = to_device(np.ascontiguousarray(padded.reshape(k, -1, 32).swapaxes(0, 1)))
    found = to_device(np.zeros((ROWS, n_columns), dtype))
    kernels.multiply(to_device(a), panels, found, False)
    expected = a.astype("f8") @ padded
    tolerance = {"float64": 1e-13, "float32": 1e-5}[dtype]
    assert_allclose(found.copy_to_host(), expected, rtol=0, atol=tolerance * np.sqrt(k))
    kernels.multiply_transposed(to_device(a), found, panels, False)
    dense = panels.copy_to_host().swapaxes(0, 1).reshape(k, n_columns)
    expected = a.T.astype("f8") @ found.copy_to_host()
    assert_allclose(dense, expected, rtol=0, atol=tolerance * np.abs(expected).max())
