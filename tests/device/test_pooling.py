"""Poolings and their gradients, against the CPU kernels, which are checked against the oracle."""

import numpy as np
import pytest

from skgru.data import make_shard
from skgru.kernels import cpu
from skgru.kernels import cuda as kernels

from .compare import both, both_dtypes, close
from .packed import to_device

pytestmark = pytest.mark.emulator

#: More units than threads lie along a row of a block, more sequences than a block has rows.
N_UNITS, COLUMN = 37, 2
LENGTHS = np.array([6, 4, 4, 2, 2, 2, 2, 1, 1, 1, 1])
#: Columns of the pooled vectors, for three poolings and a few more.
WIDTH = COLUMN + 3 * N_UNITS + 1

shifts = pytest.mark.parametrize("shift", [1, 0], ids=["forward", "backward"])


class Case:
    def __init__(self, rng, dtype):
        n = len(LENGTHS)
        shard = make_shard(np.arange(n), np.arange(n), LENGTHS)
        self.block, self.lengths, self.alive = shard.block, shard.lengths, shard.alive

        def draw(*shape):
            return rng.normal(size=shape).astype(dtype)

        self.states = draw(shard.n_state_rows, N_UNITS)
        self.pooled, self.d_pooled = draw(n, N_UNITS + 3), draw(n, N_UNITS + 3)
        self.d_states, self.scores = draw(shard.n_rows, N_UNITS + 3), draw(shard.n_rows)
        self.d_scores, self.query = draw(shard.n_rows), draw(N_UNITS)
        self.d_query, self.total = draw(N_UNITS), np.zeros(N_UNITS)
        self.where = np.full((n, N_UNITS), -1)


#: Columns of the last state, the mean and the maximum.
columns = pytest.mark.parametrize(
    "columns",
    [(2, 39, 76), (2, -1, -1), (-1, 2, -1), (-1, -1, 2), (-1, 39, 2)],
)


@both_dtypes
@shifts
@columns
def test_last_mean_and_max(rng, shift, columns, dtype):
    c = Case(rng, dtype)
    pooled, total = np.full((len(LENGTHS), WIDTH), np.nan, dtype), to_device(c.total)
    arguments = c.states, c.block, c.lengths, pooled, c.where
    states, block, lengths, found, where = to_device(*arguments)
    kernels.pool(states, block, lengths, shift, found, *columns, where, total)
    cpu.pool(c.states, c.block, c.lengths, shift, pooled, *columns, c.where, c.total)
    close(found.copy_to_host(), pooled)
    close(where.copy_to_host(), c.where)


@both_dtypes
@columns
@pytest.mark.parametrize("add", [False, True])
def test_gradients_of_last_mean_and_max(rng, columns, add, dtype):
    c = Case(rng, dtype)
    c.where[...] = rng.integers(0, LENGTHS[:, None], c.where.shape)
    d_pooled = rng.normal(size=(len(LENGTHS), WIDTH)).astype(dtype)
    final = rng.normal(size=(len(LENGTHS), N_UNITS)).astype(dtype)
    for i in range(len(c.alive)):
        c.d_states[c.block[i] + c.alive[i] : c.block[i + 1]] = 0  # of no sequence
    arguments = d_pooled, *columns, c.where, c.block, c.lengths, final
    both("pool_backward", *arguments, c.d_states, 1, add)
    both("pool_backward", *arguments, c.d_states[:0], 1, add)


@pytest.mark.parametrize("nan_step", [0, 2, 5])
def test_max_takes_the_first_of_equals_and_keeps_nan(rng, nan_step):
    c = Case(rng, "float64")
    c.states[...] = 0.25
    c.states[c.block[nan_step + 1], 3] = np.nan
    arguments = c.states, c.block, c.lengths, 1, c.pooled, -1, -1, COLUMN, c.where, c.total
    both("pool", *arguments)


@both_dtypes
@shifts
def test_attention(rng, shift, dtype):
    c = Case(rng, dtype)
    rows = c.block, c.alive, shift
    for add in (False, True):
        both("attention_scores", c.states, *rows, c.query, add, c.scores)
        both("attention_weight_gradient", c.states, *rows, c.d_pooled, COLUMN, add, c.d_scores)
    both("attention_softmax", c.scores, c.block, c.lengths)
    cpu.attention_softmax(c.scores, c.block, c.lengths)
    both("attention_softmax_backward", c.scores, c.block, c.lengths, c.d_scores)
    both(
        "pool_attention_backward", c.states, c.block, c.lengths, shift, c.scores, c.d_scores,
        c.query, c.d_pooled, COLUMN, c.d_states, 1, c.d_query,
    )  # fmt: skip
    device = to_device(c.states, c.block, c.lengths, c.scores, c.pooled, c.total)
    kernels.pool_attention(*device[:3], shift, device[3], device[4], COLUMN, device[5])
    cpu.pool_attention(c.states, *rows[:1], c.lengths, shift, c.scores, c.pooled, COLUMN, c.total)
    close(device[4].copy_to_host(), c.pooled)
