"""One direction of a GRU layer, run by the device kernels on the problems of the CPU tests."""

import numpy as np
from numba import cuda

from skgru.data import cut_into_shards
from skgru.kernels import cuda as kernels
from tests.kernels.packed import Problem  # noqa: F401

#: Largest difference from the oracle, for values of the order of one.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def to_device(*arrays):
    """Copies on the device."""
    found = [cuda.to_device(np.ascontiguousarray(array)) for array in arrays]
    return found[0] if len(found) == 1 else found


def unset(shape, dtype):
    """Device memory that nobody may read before it is written."""
    return to_device(np.full(shape, np.nan, dtype))


class DeviceRun:
    """A `Problem` in the layout of the kernels; ``forward`` has run once this exists."""

    def __init__(self, problem, save=True, room=True, has_initial=True):
        self.problem, dtype = problem, problem.dtype
        n, n_hidden = problem.h0.shape
        self.n_features = problem.W.shape[0]
        self.n_units = kernels.panel_width(n_hidden, dtype)
        lengths = np.array([len(x) for x in problem.x])
        (self.shard,) = cut_into_shards(np.arange(n), lengths, n, 2**20)
        shard = self.shard
        starts = (np.cumsum(lengths) - lengths)[shard.indices]
        self.block, self.alive = to_device(shard.block, shard.alive)
        self.x = unset((shard.n_rows, self.n_features), dtype)
        kernels.pack_sequences(
            *to_device(np.concatenate(problem.x), starts), self.block, self.alive,
            *to_device(np.zeros(self.n_features), np.ones(self.n_features)), self.x,
        )  # fmt: skip
        self._pack_weights(dtype)
        start = self._pad(problem.h0[shard.indices]) if has_initial else unset((n, 0), dtype)
        self.states = unset((shard.n_state_rows, self.n_units), dtype)
        self.mask, self.masked = unset((0, self.n_units), dtype), unset((0, self.n_units), dtype)
        if problem.mask is not None:
            self.mask = self._pad(problem.mask[shard.indices])
            self.masked = unset(self.states.shape, dtype)
        self.gates = unset((shard.n_rows if room else 0, 4 * self.n_units), dtype)
        kernels.gru_forward(
            self.x, self.block, self.alive, self.w, self.u, self.bias, problem.reverse, start,
            self.mask, self.masked, self.states, self.gates, save,
        )  # fmt: skip

    def _pad(self, rows):
        padded = np.zeros((len(rows), self.n_units), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        return to_device(padded)

    def _pack_weights(self, dtype):
        problem, n_units, n_features = self.problem, self.n_units, self.n_features
        self.n_columns = n_columns = kernels.panel_columns(dtype)
        self.n_groups = -(-n_features // n_columns)
        shapes = (
            (1, n_features, 3, n_units), (1, n_units, 3, n_units), (1, 4, n_units),
            3 * n_units**2, (self.n_groups, 1, 3 * n_units, n_columns),
        )  # fmt: skip
        arrays = to_device(*(np.zeros(shape, dtype) for shape in shapes))
        self.w, self.u, self.bias, self.u_t, self.w_t = arrays
        kernels.pack_gru(
            *to_device(problem.W, problem.U, problem.b, problem.b_hn), n_features, n_features,
            True, *arrays,
        )  # fmt: skip

    def rows(self, i):
        """Rows of the inputs and gradients of the i-th sequence of the problem, step by step."""
        (place,) = np.flatnonzero(self.shard.indices == i)
        return self.shard.block[: self.shard.lengths[place]] + place

    def sequence_states(self):
        """The states of each sequence: a list of (T, H)."""
        n, n_hidden = self.problem.h0.shape
        states = self.states.copy_to_host()
        assert np.isfinite(states).all()
        assert not states[:, n_hidden:].any()
        blocks = self.shard.block if self.problem.reverse else self.shard.block[1:]
        found = []
        for i in range(n):
            (place,) = np.flatnonzero(self.shard.indices == i)
            found.append(states[blocks[: self.shard.lengths[place]] + place, :n_hidden])
        return found

    def backward(
        self, d_states, d_final, *, need_initial=True, need_x=True, start=0.0, add_to_x=None
    ):
        """Gradients under the names of `expected_gradients`; options as of the CPU's `Run`."""
        problem, shard, dtype, n_units = self.problem, self.shard, self.problem.dtype, self.n_units
        n, n_hidden = problem.h0.shape
        n_rows = shard.n_rows
        column = n_units if problem.reverse else 0
        above = np.full((0 if d_states is None else n_rows, 2 * n_units), np.nan, dtype)
        for i, d in enumerate(d_states or []):
            above[self.rows(i), column : column + n_units] = 0
            above[self.rows(i), column : column + n_hidden] = d
        carry = self._pad(d_final[shard.indices])
        d_gates = unset((1, n_rows, 4, n_units), dtype)
        sums = to_device(*(np.full(a.shape, start, dtype) for a in (self.w, self.u, self.bias)))
        d_x = np.full((n_rows if need_x else 0, self.n_groups * self.n_columns), np.nan, dtype)
        if add_to_x is not None:
            d_x[...] = add_to_x
        d_x = to_device(d_x)
        kernels.gru_backward(
            self.x, self.block, self.alive, self.w_t, self.u_t, problem.reverse, self.mask,
            self.states if problem.mask is None else self.masked, self.states, self.gates,
            to_device(above), column, carry, d_gates, *sums, d_x, add_to_x is not None,
            need_initial,
        )  # fmt: skip
        names = "W", "U", "b", "b_hn"
        found = [unset(getattr(problem, name).shape, dtype) for name in names]
        kernels.unpack_gru_gradient(*sums, self.n_features, self.n_features, *found)
        found = {name: a.copy_to_host() for name, a in zip(names, found, strict=True)}
        if need_x:
            d_x = d_x.copy_to_host()
            found["x"] = [d_x[self.rows(i), : self.n_features] for i in range(n)]
        if need_initial:
            found["h0"] = np.empty((n, n_hidden), dtype)
            found["h0"][shard.indices] = carry.copy_to_host()[:, :n_hidden]
        return found
