"""Poolings and their gradients, against the oracle."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu
from tests.reference import gru as ref

N_UNITS = 5
LENGTHS = np.array([6, 4, 4, 2, 1])

#: Where the kernels write, and what they must leave alone.
COLUMN = 2

shifts = pytest.mark.parametrize("shift", [1, 0], ids=["forward", "backward"])


class Packed:
    """States of a shard in the layout of a direction; rows that hold none are NaN."""

    def __init__(self, rng, shift):
        n = len(LENGTHS)
        self.shift = shift
        self.shard = make_shard(np.arange(n), np.arange(n), LENGTHS)
        self.sequences = [rng.normal(size=(length, N_UNITS)) for length in LENGTHS]
        self.states = np.full((self.shard.block[-1], N_UNITS), np.nan)
        for i, states in enumerate(self.sequences):
            self.states[self.shard.block[shift:][: len(states)] + i] = states
        self.start = rng.normal(size=(self.shard.n_rows, N_UNITS + 3))
        self.d_states = self.start.copy()
        self.d_pooled = np.full((n, N_UNITS + 3), np.nan)
        self.d_pooled[:, COLUMN : COLUMN + N_UNITS] = rng.normal(size=(n, N_UNITS))

    @property
    def layout(self):
        return self.shard.block, self.shard.lengths

    def rows(self, i):
        """Rows of the gradients, and of the attention weights, of a sequence."""
        return self.shard.block[: LENGTHS[i]] + i

    def last_step(self, states):
        return states[-1 if self.shift else 0]

    def check_pooled(self, pooled, expected):
        assert_allclose(pooled[:, COLUMN : COLUMN + N_UNITS], expected, rtol=1e-14, atol=1e-15)
        assert np.isnan(np.delete(pooled, np.s_[COLUMN : COLUMN + N_UNITS], axis=1)).all()

    def check_gradients(self, pool):
        """Compare what was added to ``d_states`` with finite differences of ``pool(i, states)``."""
        added = self.d_states - self.start
        columns = np.s_[1 : 1 + N_UNITS]
        assert not np.delete(added, columns, axis=1).any()
        used = np.zeros(len(added), bool)
        for i, states in enumerate(self.sequences):
            d = self.d_pooled[i, COLUMN : COLUMN + N_UNITS]
            (expected,) = ref.numerical_gradient(
                lambda s, i=i, d=d: np.sum(d * pool(i, s)), [states]
            )
            used[self.rows(i)] = True
            assert_allclose(added[self.rows(i), columns], expected, rtol=1e-6, atol=1e-8)
        assert not added[~used].any()

    def new_pooled(self):
        return np.full((len(LENGTHS), N_UNITS + 3), np.nan)


@shifts
def test_last(rng, shift):
    p, pooled = Packed(rng, shift), None
    pooled = p.new_pooled()
    cpu.pool_last(p.states, *p.layout, shift, pooled, COLUMN)
    p.check_pooled(pooled, [p.last_step(s) for s in p.sequences])


@shifts
def test_mean(rng, shift):
    p = Packed(rng, shift)
    pooled = p.new_pooled()
    total = np.empty(p.states.shape[1])
    cpu.pool_mean(p.states, *p.layout, shift, pooled, COLUMN, total)
    p.check_pooled(pooled, [ref.pool(s, "mean") for s in p.sequences])
    cpu.pool_mean_backward(p.d_pooled, COLUMN, *p.layout, p.d_states, 1, N_UNITS)
    p.check_gradients(lambda i, s: ref.pool(s, "mean"))


@shifts
def test_max(rng, shift):
    p = Packed(rng, shift)
    pooled, where = p.new_pooled(), np.full((len(LENGTHS), N_UNITS), -1)
    cpu.pool_max(p.states, *p.layout, shift, pooled, COLUMN, where)
    p.check_pooled(pooled, [ref.pool(s, "max") for s in p.sequences])
    assert_array_equal(where, [np.argmax(s, axis=0) for s in p.sequences])
    cpu.pool_max_backward(p.d_pooled, COLUMN, where, p.shard.block, p.d_states, 1)
    p.check_gradients(lambda i, s: ref.pool(s, "max"))


@pytest.mark.parametrize("nan_step", [0, 2, 5])
def test_max_takes_the_first_of_equals_and_keeps_nan(rng, nan_step):
    p = Packed(rng, 1)
    p.states[...] = 0.25
    p.states[p.shard.block[nan_step + 1], 3] = np.nan
    pooled, where = p.new_pooled(), np.full((len(LENGTHS), N_UNITS), -1)
    cpu.pool_max(p.states, *p.layout, 1, pooled, COLUMN, where)
    expected_pooled, expected_where = np.full((5, N_UNITS), 0.25), np.zeros((5, N_UNITS))
    expected_pooled[0, 3], expected_where[0, 3] = np.nan, nan_step
    assert_array_equal(pooled[:, COLUMN : COLUMN + N_UNITS], expected_pooled)
    assert_array_equal(where, expected_where)


def attend(directions, queries):
    """Attention weights of a layer of one or two directions, as the network computes them."""
    shard = directions[0].shard
    attention = np.full(shard.n_rows, np.nan)
    for d, (p, query) in enumerate(zip(directions, queries, strict=True)):
        cpu.attention_scores(p.states, shard.block, shard.alive, p.shift, query, d > 0, attention)
    cpu.attention_softmax(attention, shard.block, shard.lengths)
    return attention


@pytest.mark.parametrize("n_directions", [1, 2])
def test_attention(rng, n_directions):
    directions = [Packed(rng, shift) for shift in (1, 0)[:n_directions]]
    queries = list(rng.normal(size=(n_directions, N_UNITS)))
    query = np.concatenate(queries)
    shard = directions[0].shard
    attention = attend(directions, queries)
    sides = [np.hstack(s) for s in zip(*(p.sequences for p in directions), strict=True)]
    for i, states in enumerate(sides):
        weights = attention[directions[0].rows(i)]
        assert_allclose(weights, ref.attention_weights(states, query), rtol=1e-13)
        assert weights.sum() == pytest.approx(1, rel=1e-14)

    d_attention = np.full(shard.n_rows, np.nan)
    for d, p in enumerate(directions):
        pooled = p.new_pooled()
        total = np.empty(p.states.shape[1])
        cpu.pool_attention(p.states, *p.layout, p.shift, attention, pooled, COLUMN, total)
        part = np.s_[d * N_UNITS : (d + 1) * N_UNITS]
        p.check_pooled(pooled, [ref.pool(s, "attention", query=query)[part] for s in sides])
        cpu.attention_weight_gradient(
            p.states, shard.block, shard.alive, p.shift, p.d_pooled, COLUMN, d > 0, d_attention
        )
    cpu.attention_softmax_backward(attention, *directions[0].layout, d_attention)

    d_sides = np.hstack([p.d_pooled[:, COLUMN : COLUMN + N_UNITS] for p in directions])

    def loss(query, *states):
        pooled = [ref.pool(s, "attention", query=query) for s in states]
        return np.sum(d_sides * pooled)

    d_query, *d_sequences = ref.numerical_gradient(loss, [query, *sides])
    for d, p in enumerate(directions):
        found_query = np.full(N_UNITS, 3.0)
        cpu.pool_attention_backward(
            p.states, *p.layout, p.shift, attention, d_attention, queries[d],
            p.d_pooled, COLUMN, p.d_states, 1, found_query,
        )  # fmt: skip
        part = np.s_[d * N_UNITS : (d + 1) * N_UNITS]
        assert_allclose(found_query - 3.0, d_query[part], rtol=1e-6, atol=1e-8)
        added = p.d_states - p.start
        for i, expected in enumerate(d_sequences):
            own = added[p.rows(i), 1 : 1 + N_UNITS]
            assert_allclose(own, expected[:, part], rtol=1e-6, atol=1e-8)


def test_attention_does_not_overflow(rng):
    p = Packed(rng, 1)
    for i, states in enumerate(p.sequences):
        weights = attend([p], [np.full(N_UNITS, 1e6)])[p.rows(i)]
        assert_array_equal(weights, np.arange(len(states)) == np.argmax(states.sum(axis=1)))


def test_the_mean_of_many_steps_keeps_its_digits():
    n_steps = 100_000
    shard = make_shard(np.array([0]), np.array([0]), np.array([n_steps]))
    states = np.full((shard.block[-1], 2), 0.7, np.float32)
    pooled = np.empty((1, 2), np.float32)
    cpu.pool_mean(states, shard.block, shard.lengths, 1, pooled, 0, np.empty(2))
    assert_array_equal(pooled, np.float32(0.7))


@shifts
@pytest.mark.parametrize("add", [False, True])
def test_several_poolings_are_each_of_them(rng, shift, add):
    p, n = Packed(rng, shift), len(LENGTHS)
    pooled, expected = (np.full((n, 15), np.nan) for _ in range(2))
    where, total = np.full((n, N_UNITS), -1), np.zeros(N_UNITS)
    cpu.pool(p.states, *p.layout, shift, pooled, 10, 0, 5, where, total)
    cpu.pool_last(p.states, *p.layout, shift, expected, 10)
    cpu.pool_mean(p.states, *p.layout, shift, expected, 0, total)
    cpu.pool_max(p.states, *p.layout, shift, expected, 5, where)
    assert_array_equal(pooled, expected)

    d_pooled, final = rng.normal(size=pooled.shape), np.full((n, N_UNITS), np.nan)
    cpu.pool_backward(d_pooled, 10, 0, 5, where, *p.layout, final, p.d_states, 1, add)
    expected = p.start.copy()
    if not add:
        expected[:, 1 : 1 + N_UNITS] = 0
    cpu.pool_mean_backward(d_pooled, 0, *p.layout, expected, 1, N_UNITS)
    cpu.pool_max_backward(d_pooled, 5, where, p.layout[0], expected, 1)
    assert_array_equal(p.d_states, expected)
    assert_array_equal(final, d_pooled[:, 10:])

    before = final.copy()
    cpu.pool_backward(d_pooled, -1, -1, -1, where, *p.layout, final, p.d_states[:0], 1, add)
    assert_array_equal(final, before if add else np.zeros_like(before))
