"""Every layout of the kernels: there and back, or entry by entry as its docstring says."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu

#: Groups of columns, features of each, columns of each with padding.
GROUPS = [(1, 3, 3), (2, 5, 8), (4, 8, 8)]

groups = pytest.mark.parametrize(("n_groups", "size", "padded"), GROUPS)
hidden = pytest.mark.parametrize("n_hidden", [1, 8, 17, 33])


def padded_rows(n_groups, size, padded):
    """Where each feature lies once every group has been padded."""
    return np.concatenate([group * padded + np.arange(size) for group in range(n_groups)])


@hidden
@groups
def test_weights_there_and_back(rng, n_groups, size, padded, n_hidden):
    width = cpu.lanes(np.dtype("float64"))
    weights = rng.normal(size=(n_groups * size, 3 * n_hidden))
    panels = np.zeros((-(-n_hidden // width), n_groups * padded, 3, width))
    cpu.pack_weights(weights, size, padded, panels)
    assert np.count_nonzero(panels) == weights.size  # zeros in the padding

    back = np.full_like(weights, np.nan)
    cpu.unpack_weights(panels, size, padded, False, back)
    assert_array_equal(back, weights)
    # The gradients of U come with the gates in the order n, r, z.
    cpu.unpack_weights(np.ascontiguousarray(panels[:, :, [2, 0, 1]]), size, padded, True, back)
    assert_array_equal(back, weights)

    unit = n_hidden - 1
    rows = padded_rows(n_groups, size, padded)
    for gate in range(3):
        column = panels[unit // width, rows, gate, unit % width]
        assert_array_equal(column, weights[:, gate * n_hidden + unit])


@hidden
def test_bias_there_and_back(rng, n_hidden):
    width = cpu.lanes(np.dtype("float64"))
    bias, recurrent_bias = rng.normal(size=3 * n_hidden), rng.normal(size=n_hidden)
    panels = np.zeros((-(-n_hidden // width), 4, width))
    cpu.pack_bias(bias, recurrent_bias, panels)
    assert np.count_nonzero(panels) == 4 * n_hidden
    units = panels.transpose(1, 0, 2).reshape(4, -1)[:, :n_hidden]
    assert_array_equal(units.ravel(), np.concatenate([bias, recurrent_bias]))

    back, recurrent_back = np.full_like(bias, np.nan), np.full_like(recurrent_bias, np.nan)
    as_gradient = np.ascontiguousarray(panels[:, [3, 0, 1, 2]])
    cpu.unpack_bias_gradient(as_gradient, back, recurrent_back)
    assert_array_equal(back, bias)
    assert_array_equal(recurrent_back, recurrent_bias)


@hidden
@groups
def test_transposed_input_weights(rng, n_groups, size, padded, n_hidden):
    width = cpu.lanes(np.dtype("float64"))
    n_columns, n_panels = 3 * width, -(-n_hidden // width)
    weights = rng.normal(size=(n_groups * size, 3 * n_hidden))
    w_t = np.zeros((-(-n_groups * padded // n_columns), n_panels, n_columns, n_columns))
    cpu.pack_transposed_input(weights, size, padded, w_t)
    # (group of columns, panel, gate and lane, column) -> (gate, unit, column)
    by_unit = w_t.reshape(len(w_t), n_panels, 3, width, n_columns).transpose(2, 1, 3, 0, 4)
    by_unit = by_unit.reshape(3, n_panels * width, -1)
    found = by_unit[:, :n_hidden, padded_rows(n_groups, size, padded)]
    assert_array_equal(found.reshape(3 * n_hidden, -1), weights.T)
    assert np.count_nonzero(w_t) == weights.size


@hidden
def test_transposed_recurrent_weights(rng, n_hidden):
    width = cpu.lanes(np.dtype("float64"))
    n_panels = -(-n_hidden // width)
    n_units = n_panels * width
    weights = rng.normal(size=(n_hidden, 3 * n_hidden))
    u_t = np.zeros(3 * n_units**2)
    cpu.pack_transposed_recurrent(weights, width, u_t)
    assert np.count_nonzero(u_t) == weights.size
    found, start = np.full((n_hidden, 3, n_units), np.nan), 0
    while start < n_units:  # a pair of vectors of columns, then maybe a single one
        group = min(2 * width, n_units - start)
        part = u_t[start * 3 * n_units :][: 3 * n_units * group]
        part = part.reshape(n_panels, 3, width, group).transpose(1, 0, 2, 3).reshape(3, -1, group)
        columns = min(group, n_hidden - start)
        found[start : start + columns] = part[:, :, :columns].transpose(2, 0, 1)
        start += group
    n, r, z = found[:, :, :n_hidden].transpose(1, 0, 2)
    assert_array_equal(np.hstack([r, z, n]), weights)


@groups
@pytest.mark.parametrize("n", [1, 24, 25])
def test_matrix_there_and_back_and_transposed(rng, n_groups, size, padded, n):
    n_columns = 3 * cpu.lanes(np.dtype("float64"))
    matrix = rng.normal(size=(n_groups * size, n))
    panels = np.zeros((-(-n // n_columns), n_groups * padded, n_columns))
    cpu.pack_matrix(matrix, size, padded, panels)
    assert np.count_nonzero(panels) == matrix.size
    rows = padded_rows(n_groups, size, padded)
    assert_array_equal(panels.transpose(1, 0, 2).reshape(len(panels[0]), -1)[rows, :n], matrix)
    back = np.full_like(matrix, np.nan)
    cpu.unpack_matrix(panels, size, padded, back)
    assert_array_equal(back, matrix)

    transposed = np.zeros((-(-n_groups * padded // n_columns), n, n_columns))
    cpu.pack_transposed_matrix(matrix, size, padded, transposed)
    assert np.count_nonzero(transposed) == matrix.size
    assert_array_equal(transposed.transpose(1, 0, 2).reshape(n, -1)[:, rows], matrix.T)


LENGTHS = np.array([5, 3, 3, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sequences_are_standardised_and_laid_out(rng, dtype):
    shard = make_shard(np.arange(4), np.arange(4), LENGTHS)
    values = rng.normal(size=(20, 2)).astype(dtype)
    starts = np.array([15, 0, 7, 4])
    shift, scale = np.array([0.5, -3.0]), np.array([2.0, 0.1])
    x = np.full((shard.n_rows, 2), np.nan, dtype)
    cpu.pack_sequences(values, starts, shard.block, shard.alive, shift, scale, x)
    used = np.zeros(shard.n_rows, bool)
    for i, (start, length) in enumerate(zip(starts, LENGTHS, strict=True)):
        rows = shard.block[:length] + i
        used[rows] = True
        expected = (values[start : start + length].astype(float) - shift) * scale
        assert_array_equal(x[rows], expected.astype(dtype))
    assert used.sum() == LENGTHS.sum()
    assert (~used).any() and not x[~used].any()


@pytest.mark.parametrize("reverse", [False, True])
def test_initial_states_stand_before_the_first_step_that_is_read(rng, reverse):
    shard = make_shard(np.arange(4), np.arange(4), LENGTHS)
    initial = rng.normal(size=(4, 3))
    states = np.full((shard.block[-1], 3), np.nan)
    cpu.place_initial_states(states, shard.block, shard.alive, reverse, initial)
    rows = (shard.block[LENGTHS] if reverse else shard.block[0]) + np.arange(4)
    assert_array_equal(states[rows], initial)
    if reverse:
        # Rows of the padding hold the initial state too, so that they are finite.
        padding = [shard.block[t] + i for t in range(5) for i in range(shard.alive[t])]
        assert not np.isnan(np.delete(states, padding, axis=0)).any()
