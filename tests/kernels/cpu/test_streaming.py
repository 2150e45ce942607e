"""Kernels that take one step of streams, against NumPy and the kernels of whole sequences."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu

N_STEPS, N_STREAMS, N_UNITS = 9, 4, 5

#: Where the kernels write, and what they must leave alone.
COLUMN, OWN = 2, np.s_[:, 2 : 2 + N_UNITS]

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
firsts = pytest.mark.parametrize("first", [0, 3])


def rows(state, first):
    """The states of one step from row ``first`` on, and nothing that may be used before them."""
    return np.vstack([np.full((first, N_UNITS), np.nan), state]).astype(state.dtype)


def run(pool, states, first, starts):
    """Pool the states (n_steps, n_streams, n_units); stream i begins at step ``starts[i]``.

    Yields the step and the pooled columns after it.  What lies in the buffers of a stream that
    begins is arbitrary.
    """
    dtype = states.dtype
    pooled = np.full((N_STREAMS, N_UNITS + 3), np.nan, dtype)
    total, n_steps = np.full((N_STREAMS, N_UNITS), np.nan), np.zeros(N_STREAMS, np.int64)
    for t, state in enumerate(states):
        n_steps[t == starts] = 0
        n_steps += 1
        arguments = rows(state, first), first, n_steps
        before = n_steps.copy()
        if pool == "mean":
            cpu.advance_mean(*arguments, total, pooled, COLUMN)
        else:
            cpu.advance_max(*arguments, pooled, COLUMN)
        assert_array_equal(n_steps, before)
        assert np.isnan(np.delete(pooled, OWN[1], axis=1)).all()
        yield t, pooled[OWN]


STARTS = np.array([0, 4, 0, 8])


@dtypes
@firsts
def test_mean(rng, dtype, first):
    states = rng.normal(size=(N_STEPS, N_STREAMS, N_UNITS)).astype(dtype)
    for t, found in run("mean", states, first, STARTS):
        for i, start in enumerate(STARTS):
            seen = states[start if t >= start else 0 : t + 1, i].astype(float)
            expected = np.add.accumulate(seen)[-1] / len(seen)  # one after the other
            assert_array_equal(found[i], expected.astype(dtype))


@dtypes
@firsts
def test_max(rng, dtype, first):
    states = (rng.normal(size=(N_STEPS, N_STREAMS, N_UNITS)) - 3).astype(dtype)  # mostly negative
    states[2] = states[1]
    for t, found in run("max", states, first, STARTS):
        for i, start in enumerate(STARTS):
            seen = states[start if t >= start else 0 : t + 1, i]
            assert_array_equal(found[i], seen.max(axis=0))


@dtypes
@pytest.mark.parametrize("pool", ["mean", "max"])
def test_zeros_have_the_sign_that_whole_sequences_give(dtype, pool):
    zeros = np.array([[-0.0, 0.0, -0.0], [0.0, -0.0, -0.0], [-0.0, 0.0, -0.0]], dtype)
    states = np.repeat(zeros[:, np.newaxis], N_STREAMS, axis=1)
    states = np.pad(states, ((0, 0), (0, 0), (0, N_UNITS - 3)))
    for t, found in run(pool, states, 0, np.zeros(N_STREAMS, int)):
        lengths = np.full(N_STREAMS, t + 1)
        shard = make_shard(np.arange(N_STREAMS), np.arange(N_STREAMS), lengths)
        whole = np.vstack([np.zeros((N_STREAMS, N_UNITS)), *states[: t + 1]]).astype(dtype)
        pooled = np.empty((N_STREAMS, N_UNITS), dtype)
        arguments = whole, shard.block, shard.lengths, 1, pooled, 0
        if pool == "mean":
            cpu.pool_mean(*arguments, np.empty(N_UNITS))
        else:
            cpu.pool_max(*arguments, np.empty((N_STREAMS, N_UNITS), np.int64))
        assert found.tobytes() == pooled.tobytes()


@dtypes
@firsts
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_steps_count_where_all_states_are_finite(rng, dtype, first, bad):
    state = rng.normal(size=(N_STREAMS, N_UNITS)).astype(dtype)
    state[1, 2] = np.finfo(dtype).max
    n_steps = np.array([0, 3, 10**12, 1])
    for i, j in ((0, 0), (2, 3), (N_STREAMS - 1, N_UNITS - 1)):
        spoilt = state.copy()
        spoilt[i, j] = bad
        assert cpu.count_step(rows(spoilt, first), first, n_steps) is False
        assert_array_equal(n_steps, [0, 3, 10**12, 1])
    assert cpu.count_step(rows(state, first), first, n_steps) is True
    assert_array_equal(n_steps, [1, 4, 10**12 + 1, 2])


def standardize(values, shift, scale, dtype):
    x = np.full(values.shape, np.nan, dtype)
    return cpu.standardize_step(values, shift, scale, x, 0), x


@dtypes
@pytest.mark.parametrize("n_features", [1, 7, 8, 21])
def test_steps_are_standardised_as_sequences_are(rng, dtype, n_features):
    values = 100 * rng.normal(size=(N_STREAMS, n_features))
    shift, scale = rng.normal(size=n_features), rng.uniform(0.1, 2, size=n_features)
    is_finite, x = standardize(values, shift, scale, dtype)
    assert is_finite is True
    assert_array_equal(x, ((values - shift) * scale).astype(dtype))
    order = np.arange(N_STREAMS)
    shard = make_shard(order, order, np.ones(N_STREAMS, np.int64))
    packed = np.full((shard.n_rows, n_features), np.nan, dtype)
    cpu.pack_sequences(values, order, shard.block, shard.alive, shift, scale, packed, 0)
    assert x.tobytes() == packed[:N_STREAMS].tobytes()


@dtypes
def test_standardised_steps_that_are_not_finite(rng, dtype):
    good = rng.normal(size=(N_STREAMS, 3))
    shift, scale = np.zeros(3), np.array([1.0, 1e-10, 1e10])
    for (i, j), value in {
        (0, 0): np.nan, (3, 2): np.inf, (2, 1): -np.inf, (1, 2): 1e299, (1, 0): 1e300,
    }.items():  # fmt: skip
        values = good.copy()
        values[i, j] = value
        is_finite, _ = standardize(values, shift, scale, dtype)
        assert is_finite is (dtype == "float64" and abs(value) == 1e300)
    # What counts is what comes out.
    largest = float(np.finfo(dtype).max)
    values = good.copy()
    values[1, 1] = largest
    assert standardize(values, shift, scale, dtype)[0] is True
    values[1, 2] = largest / 2
    assert standardize(values, shift, scale, dtype)[0] is False
