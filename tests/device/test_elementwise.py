"""Losses, optimisers, dropout and packing of sequences: within one block, and over many."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgru.data import cut_into_shards, make_shard
from skgru.kernels import cpu
from skgru.kernels import cuda as kernels

from .compare import both, both_dtypes, close
from .device import ragged_lengths, size
from .packed import TOLERANCE, to_device

pytestmark = pytest.mark.emulator

#: Numbers of a vector: of one block; of so many that a block takes several pieces of a sum, and of
#: no block a multiple.
N = 37, size(100_003, 33_003)
#: Sequences of a batch: fewer and more than a block has threads.
ROWS = 21, size(3001, 301)
SEED = np.uint64(0xFEDCBA9876543210)


def make_target(rng, name, n):
    """Targets, columns of ``raw``, and parameters of a loss."""
    real, labels = rng.normal(size=(n, 2)), rng.integers(0, 2, (n, 3)).astype(float)
    return {
        "squared_error": (real, 2, []),
        "absolute_error": (real, 2, []),
        "huber": (real, 2, [0.7]),
        "poisson": (np.abs(real), 2, []),
        "quantile": (real, 6, [0.1, 0.5, 0.9]),
        "binary_log_loss": (labels, 3, []),
        "multinomial_log_loss": (rng.integers(0, 4, (n, 1)).astype(float), 4, [4.0]),
    }[name]


@both_dtypes
@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize(
    "name",
    ["squared_error", "absolute_error", "huber", "poisson", "quantile", "binary_log_loss",
     "multinomial_log_loss"],
)  # fmt: skip
def test_losses(rng, name, n, dtype):
    target, n_raw, parameters = make_target(rng, name, n)
    raw = rng.normal(size=(n, n_raw + 2)).astype(dtype)
    raw[0] = np.clip(50 * raw[0], -80, 80)  # the exponential of more is infinite in float32
    weight, d_raw = rng.uniform(0.1, 3, n), np.zeros_like(raw)
    parameters, sums = np.array(parameters), np.array([0.5, 0.0, 1.5])
    arguments = raw, target, weight, parameters, 0.25, d_raw, sums, 1
    # The CPU computes some float32 losses partly in float32.
    both(name, *arguments, tolerance=TOLERANCE[dtype])
    both("add_losses", sums, 0.3, np.array([2.0]))


@both_dtypes
@pytest.mark.parametrize("n", N)
def test_updates(rng, n, dtype):
    p, g, m, v = rng.normal(size=(4, n)).astype(dtype)
    v = v**2
    t = p.dtype.type
    both("adam", p, g, m, v, t(0.01), t(0.9), t(0.99), t(0.1), t(0.01), t(1e-6))
    both("rmsprop", p, g, v, t(0.01), t(0.9), t(0.1), t(1e-6))
    for nesterov in (False, True):
        both("sgd", p, g, m, t(0.01), t(0.8), nesterov)
    both("scale_in_place", p, t(0.25))
    both("add", p, g)


@both_dtypes
@pytest.mark.parametrize("n_weights", ["all", "half"])
@pytest.mark.parametrize("n", [1, 16, *N])
def test_penalty_and_clipping(rng, n, n_weights, dtype):
    gradient, parameters = rng.normal(size=(2, n)).astype(dtype)
    device = to_device(gradient, parameters, np.full(kernels.N_PARTIAL, np.nan), np.zeros(3))
    partial, sums, half = np.zeros(cpu.N_PARTIAL), np.zeros(3), gradient.dtype.type(0.5)
    n_weights = n if n_weights == "all" else n // 2
    kernels.add_penalty(*device[:2], half, n_weights, *device[2:], 1)
    cpu.add_penalty(gradient, parameters, half, n_weights, partial, sums, 1)
    # The CPU rounds each of many squares to the dtype.
    tolerance = 1e-6 if dtype == "float32" and n > 1000 else 1e-12
    assert_allclose(device[3].copy_to_host(), sums, rtol=tolerance)
    close(device[0].copy_to_host(), gradient)
    for bound in (1e6, 0.1):
        kernels.clip_norm(device[0], bound, device[2])
        cpu.clip_norm(gradient, bound, partial)
        close(device[0].copy_to_host(), gradient)
    norm = np.linalg.norm(device[0].copy_to_host().astype("float64"))
    assert norm < 0.1 * (1 + 1e-5)


def shard_of(n):
    """Four sequences in an order of their own, or many."""
    if n == 4:
        return make_shard(np.arange(n), np.array([7, 3, 11, 0]), np.array([3, 2, 2, 1]))
    (shard,) = cut_into_shards(np.arange(n), np.array(ragged_lengths(n, size(40, 5))), n, 2**20)
    return shard


both_shards = pytest.mark.parametrize("n", [4, size(300, 30)])


@both_dtypes
@both_shards
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_dropout_masks_are_equal_to_the_bit(rng, rate, n, dtype):
    """Some units are padding, and columns beyond the last whole group are left as they are."""
    shard, n_units = shard_of(n), 8 if n == 4 else 130
    layout = shard.block, shard.alive
    states = rng.normal(size=(shard.n_state_rows, n_units)).astype(dtype)
    x = np.full((shard.n_rows, 2 * n_units + 4), 2.0, dtype)
    rows = np.ones((n, 2 * n_units + 1), dtype)
    real = n_units - 2
    both("connect", states, *layout, 1, shard.positions, SEED, rate, n_units - 3, real, x,
         n_units + 1, tolerance=0)  # fmt: skip
    both("drop_steps", x, *layout, shard.positions, SEED, rate, real, n_units, tolerance=0)
    both("drop_rows", rows, shard.positions, SEED, rate, n_units - 3, n_units, tolerance=0)


@both_dtypes
@both_shards
@pytest.mark.parametrize("values_dtype", ["float32", "float64"])
def test_sequences(rng, values_dtype, n, dtype):
    shard = shard_of(n)
    starts = np.int64(1) + np.cumsum(shard.lengths) - shard.lengths
    values = rng.normal(5, 3, size=(int(shard.lengths.sum()) + 2, 9)).astype(values_dtype)
    shift, scale = rng.normal(size=9), rng.uniform(0.5, 2, 9)
    x = np.full((shard.n_rows, 9), np.nan, dtype)
    both("pack_sequences", values, starts, shard.block, shard.alive, shift, scale, x, 0)
