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


class Packed:
    """Random weights of one direction of a layer, and what `pack_gru` makes of them."""

    def __init__(self, rng, n_groups, size, padded, n_hidden):
        self.width = width = cpu.panel_width(1, np.dtype("float64"))
        n_columns, self.n_panels = 3 * width, -(-n_hidden // width)
        self.n_units = n_units = self.n_panels * width
        self.size, self.padded, self.n_hidden = size, padded, n_hidden
        self.feature_rows = padded_rows(n_groups, size, padded)
        shapes = [(n_groups * size, 3 * n_hidden), (n_hidden, 3 * n_hidden), 3 * n_hidden, n_hidden]
        self.weights = [rng.normal(size=shape) for shape in shapes]
        self.w = np.zeros((self.n_panels, n_groups * padded, 3, width))
        self.u = np.zeros((self.n_panels, n_units, 3, width))
        self.bias = np.zeros((self.n_panels, 4, width))
        self.u_t = np.zeros(3 * n_units**2)
        n_column_groups = -(-n_groups * padded // n_columns)
        self.w_t = np.zeros((n_column_groups, self.n_panels, n_columns, n_columns))

    def pack(self, backward=True):
        cpu.pack_gru(
            *self.weights, self.size, self.padded, backward,
            self.w, self.u, self.bias, self.u_t, self.w_t,
        )  # fmt: skip
        return self


@pytest.fixture
def packed(rng):
    return lambda *shape: Packed(rng, *shape).pack()


@hidden
@groups
def test_weights_lie_in_panels_and_come_back(packed, n_groups, size, padded, n_hidden):
    p = packed(n_groups, size, padded, n_hidden)
    w, u, b, b_hn = p.weights
    for panels, matrix, rows in ((p.w, w, p.feature_rows), (p.u, u, np.arange(n_hidden))):
        assert np.count_nonzero(panels) == matrix.size  # zeros in the padding
        for unit in range(n_hidden):
            for gate in range(3):
                column = panels[unit // p.width, rows, gate, unit % p.width]
                assert_array_equal(column, matrix[:, gate * n_hidden + unit])
    assert np.count_nonzero(p.bias) == 4 * n_hidden
    units = p.bias.transpose(1, 0, 2).reshape(4, -1)[:, :n_hidden]
    assert_array_equal(units.ravel(), np.concatenate([b, b_hn]))

    # Gradients of U come with the gates in the order n, r, z, those of the biases with b_hn first.
    gradients = (p.w, p.u[:, :, [2, 0, 1]], p.bias[:, [3, 0, 1, 2]])
    back = [np.full_like(array, np.nan) for array in p.weights]
    cpu.unpack_gru_gradient(*map(np.ascontiguousarray, gradients), size, padded, *back)
    for found, expected in zip(back, p.weights, strict=True):
        assert_array_equal(found, expected)


@hidden
@groups
def test_transposed_input_weights(packed, n_groups, size, padded, n_hidden):
    p = packed(n_groups, size, padded, n_hidden)
    # (group of columns, panel, gate and lane, column) -> (gate, unit, column)
    by_unit = p.w_t.reshape(len(p.w_t), p.n_panels, 3, p.width, 3 * p.width)
    by_unit = by_unit.transpose(2, 1, 3, 0, 4).reshape(3, p.n_units, -1)
    found = by_unit[:, :n_hidden, p.feature_rows]
    assert_array_equal(found.reshape(3 * n_hidden, -1), p.weights[0].T)
    assert np.count_nonzero(p.w_t) == p.weights[0].size


@hidden
def test_transposed_recurrent_weights(packed, n_hidden):
    p = packed(1, 3, 3, n_hidden)
    assert np.count_nonzero(p.u_t) == p.weights[1].size
    found, start = np.full((n_hidden, 3, p.n_units), np.nan), 0
    while start < p.n_units:  # a pair of vectors of columns, then maybe a single one
        group = min(2 * p.width, p.n_units - start)
        part = p.u_t[start * 3 * p.n_units :][: 3 * p.n_units * group]
        part = part.reshape(p.n_panels, 3, p.width, group).transpose(1, 0, 2, 3)
        part = part.reshape(3, -1, group)
        columns = min(group, n_hidden - start)
        found[start : start + columns] = part[:, :, :columns].transpose(2, 0, 1)
        start += group
    n, r, z = found[:, :, :n_hidden].transpose(1, 0, 2)
    assert_array_equal(np.hstack([r, z, n]), p.weights[1])


def test_prediction_packs_nothing_for_the_backward_pass(rng):
    p = Packed(rng, 1, 3, 3, 8).pack(backward=False)
    assert p.w.any() and p.u.any() and p.bias.any()
    assert not p.u_t.any() and not p.w_t.any()


@groups
@pytest.mark.parametrize("n", [1, 24, 25])
def test_matrix_there_and_back_and_transposed(rng, n_groups, size, padded, n):
    n_columns = cpu.panel_columns(np.dtype("float64"))
    matrix = rng.normal(size=(n_groups * size, n))
    bias, vector = np.zeros(-(-n // n_columns) * n_columns), rng.normal(size=n)
    panels = np.zeros((-(-n // n_columns), n_groups * padded, n_columns))
    transposed = np.zeros((-(-n_groups * padded // n_columns), n, n_columns))
    cpu.pack_dense(matrix, vector, size, padded, False, panels, bias, transposed)
    assert not transposed.any()
    assert_array_equal(bias, np.append(vector, np.zeros(len(bias) - n)))
    assert np.count_nonzero(panels) == matrix.size
    rows = padded_rows(n_groups, size, padded)
    assert_array_equal(panels.transpose(1, 0, 2).reshape(len(panels[0]), -1)[rows, :n], matrix)
    back = np.full_like(matrix, np.nan), np.full_like(vector, np.nan)
    cpu.unpack_dense_gradient(panels, bias, size, padded, *back)
    assert_array_equal(back[0], matrix)
    assert_array_equal(back[1], vector)

    cpu.pack_dense(matrix, vector, size, padded, True, panels, bias, transposed)
    assert np.count_nonzero(transposed) == matrix.size
    assert_array_equal(transposed.transpose(1, 0, 2).reshape(n, -1)[:, rows], matrix.T)


LENGTHS = np.array([5, 3, 3, 1])


@pytest.mark.parametrize("n_features", [1, 2, 7, 8, 9, 16, 21])  # below, at and beyond a vector
@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sequences_are_standardised_and_laid_out(rng, dtype, given, n_features):
    shard = make_shard(np.arange(4), np.arange(4), LENGTHS)
    values = rng.normal(size=(20, n_features)).astype(given)
    starts = np.array([15, 0, 7, 4])
    shift, scale = rng.normal(size=n_features), rng.uniform(0.1, 2, size=n_features)
    x = np.full((shard.n_rows, n_features), np.nan, dtype)
    cpu.pack_sequences(values, starts, shard.block, shard.alive, shift, scale, x, 0)
    used = np.zeros(shard.n_rows, bool)
    for i, (start, length) in enumerate(zip(starts, LENGTHS, strict=True)):
        rows = shard.block[:length] + i
        used[rows] = True
        expected = (values[start : start + length].astype(float) - shift) * scale
        assert_array_equal(x[rows], expected.astype(dtype))
    assert used.sum() == LENGTHS.sum()
    assert (~used).any() and not x[~used].any()
