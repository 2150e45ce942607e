"""One direction of a GRU layer, run by the kernels and by the oracle on the same numbers."""

from dataclasses import dataclass, replace

import numpy as np

from skgru.data import cut_into_shards
from skgru.kernels import cpu
from tests.reference import gru as ref

#: Lengths of 1, equal ones, and enough sequences for a tile of every height at some step.
LENGTHS = (5, 9, 9, 2, 1, 7, 7, 7, 7, 7, 7, 7, 1)

#: Largest difference from the oracle, which is in float64, for values of the order of one.
TOLERANCE = {"float64": 1e-13, "float32": 5e-6}


@dataclass
class Problem:
    """Weights, and sequences with the state that each starts from and its recurrent mask."""

    W: np.ndarray  # (D, 3H)
    U: np.ndarray  # (H, 3H)
    b: np.ndarray  # (3H,)
    b_hn: np.ndarray  # (H,)
    x: list  # of (T, D)
    h0: np.ndarray  # (n, H)
    mask: np.ndarray | None  # (n, H)
    reverse: bool = False

    @property
    def dtype(self):
        return self.W.dtype

    @property
    def weights(self):
        return self.W, self.U, self.b, self.b_hn

    def only(self, indices):
        """The same weights with some of the sequences."""
        mask = None if self.mask is None else self.mask[indices]
        return replace(self, x=[self.x[i] for i in indices], h0=self.h0[indices], mask=mask)


def random_problem(
    rng, n_hidden, *, lengths=LENGTHS, n_features=3, dtype="float64", reverse=False, masked=False
):
    """A `Problem` whose gates stay away from saturation."""

    def draw(*shape, spread=1.0):
        return rng.normal(scale=spread, size=shape).astype(dtype)

    n = len(lengths)
    return Problem(
        W=draw(n_features, 3 * n_hidden, spread=n_features**-0.5),
        U=draw(n_hidden, 3 * n_hidden, spread=n_hidden**-0.5),
        b=draw(3 * n_hidden),
        b_hn=draw(n_hidden),
        x=[draw(length, n_features) for length in lengths],
        h0=draw(n, n_hidden, spread=0.5),
        mask=rng.choice([0.0, 1.5], size=(n, n_hidden)).astype(dtype) if masked else None,
        reverse=reverse,
    )


def random_gradients(rng, problem):
    """Gradients of all states, a list of (T, H), and of the final ones, (n, H)."""
    n, n_hidden = problem.h0.shape
    d_states = [rng.normal(size=(len(x), n_hidden)).astype(problem.dtype) for x in problem.x]
    return d_states, rng.normal(size=(n, n_hidden)).astype(problem.dtype)


# -- the oracle ------------------------------------------------------------------------------------


def expected_states(problem):
    """The states of each sequence, by the oracle: a list of (T, H)."""
    found = []
    for i, x in enumerate(problem.x):
        mask = None if problem.mask is None else problem.mask[i]
        flip = -1 if problem.reverse else 1
        states = ref.gru_layer(x[::flip], *problem.weights, problem.h0[i], mask)
        found.append(states[::flip])
    return found


def expected_gradients(problem, d_states, d_final):
    """The gradients of everything, by the oracle: dict with x a list, h0 (n, H), weights summed."""
    total = {"x": [], "h0": [], "W": 0, "U": 0, "b": 0, "b_hn": 0}
    flip = -1 if problem.reverse else 1
    for i, x in enumerate(problem.x):
        mask = None if problem.mask is None else problem.mask[i]
        above = d_states[i].astype(np.float64)[::flip]
        above[-1] += d_final[i]
        one = ref.gru_layer_backward(above, x[::flip], *problem.weights, problem.h0[i], mask)
        total["x"].append(one["x"][::flip])
        total["h0"].append(one["h0"])
        for name in ("W", "U", "b", "b_hn"):
            total[name] = total[name] + one[name]
    return total | {"h0": np.array(total["h0"])}


# -- the kernels -----------------------------------------------------------------------------------


def unset(shape, dtype):
    """Memory that nobody may read before it is written: NaN would show in the results."""
    array = cpu.zeros(shape, dtype)
    array[...] = np.nan
    return array


class Run:
    """A `Problem` in the layout of the kernels; ``forward`` has run once this exists.

    Whatever the kernels have to write before they read it starts as NaN.
    """

    def __init__(self, problem, save=True):
        self.problem, dtype = problem, problem.dtype
        n, n_hidden = problem.h0.shape
        self.n_features = n_features = problem.W.shape[0]
        self.width = width = cpu.panel_width(1, dtype)
        self.n_panels = -(-n_hidden // width)
        self.n_units = self.n_panels * width
        lengths = np.array([len(x) for x in problem.x])
        (self.shard,) = cut_into_shards(np.arange(n), lengths, n, 2**20)
        shard = self.shard

        self.x = unset((shard.n_rows, n_features), dtype)
        starts = (np.cumsum(lengths) - lengths)[shard.indices]
        cpu.pack_sequences(
            np.concatenate(problem.x), starts, shard.block, shard.alive,
            np.zeros(n_features), np.ones(n_features), self.x,
        )  # fmt: skip
        self._pack_weights(dtype)

        start = self._pad(problem.h0[shard.indices])
        self.states = unset((shard.block[-1], self.n_units), dtype)
        self.mask, self.masked = unset((0, self.n_units), dtype), unset((0, self.n_units), dtype)
        if problem.mask is not None:
            self.mask = self._pad(problem.mask[shard.indices])
            self.masked = unset(self.states.shape, dtype)
        self.gates = unset((shard.n_rows if save else 0, 4 * self.n_units), dtype)
        cpu.gru_forward(
            self.x, shard.block, shard.alive, self.w, self.u, self.bias, problem.reverse,
            start, self.mask, self.masked, self.states, self.gates, save,
        )  # fmt: skip

    def _pad(self, rows):
        padded = cpu.zeros((len(rows), self.n_units), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        return padded

    def _pack_weights(self, dtype):
        problem, n_panels, width, n_features = (
            self.problem, self.n_panels, self.width, self.n_features,
        )  # fmt: skip
        n_columns = 3 * width
        self.n_groups = -(-n_features // n_columns)
        self.w = cpu.zeros((n_panels, n_features, 3, width), dtype)
        self.u = cpu.zeros((n_panels, self.n_units, 3, width), dtype)
        self.bias = cpu.zeros((n_panels, 4, width), dtype)
        self.u_t = cpu.zeros(3 * self.n_units**2, dtype)
        self.w_t = cpu.zeros((self.n_groups, n_panels, n_columns, n_columns), dtype)
        cpu.pack_gru(
            problem.W, problem.U, problem.b, problem.b_hn, n_features, n_features, True,
            self.w, self.u, self.bias, self.u_t, self.w_t,
        )  # fmt: skip

    def rows(self, i):
        """Rows of the inputs and gradients of the i-th sequence of the problem, step by step."""
        (place,) = np.flatnonzero(self.shard.indices == i)
        return self.shard.block[: self.shard.lengths[place]] + place

    def sequence_states(self):
        """The states of each sequence: a list of (T, H)."""
        n, n_hidden = self.problem.h0.shape
        # The units of the padding stay at 0, where no NaN spoils the sequence.
        assert not np.nan_to_num(self.states[:, n_hidden:]).any()
        blocks = self.shard.block if self.problem.reverse else self.shard.block[1:]
        found = []
        for i in range(n):
            (place,) = np.flatnonzero(self.shard.indices == i)
            found.append(self.states[blocks[: self.shard.lengths[place]] + place, :n_hidden])
        return found

    def backward(
        self, d_states, d_final, *, chunk_rows=None, need_initial=True, need_x=True, start=0.0,
        add_to_x=None,
    ):  # fmt: skip
        """Gradients under the names of `expected_gradients`, from those of the states.

        ``d_states`` may be None; ``chunk_rows`` is the size of the chunks of gate gradients, by
        default all rows; ``start`` is what the sums of the weights start from; ``add_to_x`` is
        added to the gradients of the inputs.
        """
        problem, shard, dtype, width = self.problem, self.shard, self.problem.dtype, self.width
        n, n_hidden = problem.h0.shape
        n_rows, n_panels = shard.n_rows, self.n_panels

        # A layer of two directions keeps their gradients side by side, so this one's may start in
        # any column; the others are not its business.
        column = self.n_units if problem.reverse else 0
        above = unset((0 if d_states is None else n_rows, 2 * self.n_units), dtype)
        for i, d in enumerate(d_states or []):
            above[self.rows(i), column : column + self.n_units] = self._pad(d)

        carry = self._pad(d_final[shard.indices])
        d_gates = unset((n_panels, (chunk_rows or n_rows) + n, 4, width), dtype)
        sums = [np.full_like(a, start) for a in (self.w, self.u, self.bias)]
        d_x = unset((n_rows if need_x else 0, self.n_groups * 3 * width), dtype)
        if add_to_x is not None:
            d_x[...] = add_to_x
        cpu.gru_backward(
            self.x, shard.block, shard.alive, self.w_t, self.u_t, problem.reverse, self.mask,
            self.states if problem.mask is None else self.masked, self.states, self.gates,
            above, column, carry, d_gates, *sums, d_x, add_to_x is not None, need_initial,
        )  # fmt: skip

        found = {
            name: np.full_like(getattr(problem, name), np.nan) for name in ("W", "U", "b", "b_hn")
        }
        cpu.unpack_gru_gradient(*sums, self.n_features, self.n_features, *found.values())
        if need_x:
            found["x"] = [d_x[self.rows(i), : self.n_features] for i in range(n)]
        if need_initial:
            found["h0"] = np.empty((n, n_hidden), dtype)
            found["h0"][shard.indices] = carry[:, :n_hidden]
        return found


def assert_gradients_close(found, expected, tolerance):
    """Compare dicts of gradients; ``tolerance`` is relative to the largest entry of each."""
    for name, values in found.items():
        theirs = expected[name]
        if name == "x":
            values, theirs = np.concatenate(values), np.concatenate(theirs)
        scale = np.abs(theirs).max()
        assert scale > 0, name
        np.testing.assert_allclose(
            values, theirs, rtol=0, atol=tolerance * scale, err_msg=f"gradient of {name}"
        )
