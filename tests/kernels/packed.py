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


class HostMemory:
    """Where a `Run` keeps its arrays: here, memory of the CPU, aligned as its kernels ask for."""

    kernels = cpu

    @staticmethod
    def put(array):
        """A copy of a NumPy array."""
        copy = cpu.zeros(array.shape, array.dtype)
        copy[...] = array
        return copy

    @staticmethod
    def get(array):
        """A NumPy array with the values of one that `put` returned."""
        return array


class Run:
    """A `Problem` in the layout of the kernels; ``forward`` has run once this exists.

    Whatever the kernels have to write before they read it starts as NaN.

    Parameters
    ----------
    problem : Problem
    save : bool
        Whether `backward` will follow.
    room : bool or None
        Whether there is memory for the gates of all steps; None means where it is needed.
    has_initial : bool
        Whether the initial states of the problem are passed, or the kernels start from zeros.
    """

    memory = HostMemory

    def __init__(self, problem, *, save=True, room=None, has_initial=True):
        self.problem, self.kernels, dtype = problem, self.memory.kernels, problem.dtype
        n, n_hidden = problem.h0.shape
        self.n_features = n_features = problem.W.shape[0]
        self.width = self.kernels.panel_width(n_hidden, dtype)
        self.n_panels = -(-n_hidden // self.width)
        self.n_units = self.n_panels * self.width
        lengths = np.array([len(x) for x in problem.x])
        (self.shard,) = cut_into_shards(np.arange(n), lengths, n, 2**20)
        shard, put = self.shard, self.memory.put
        self.block, self.alive = put(shard.block), put(shard.alive)

        self.x = self._unset((shard.n_rows, n_features))
        starts = (np.cumsum(lengths) - lengths)[shard.indices]
        self.kernels.pack_sequences(
            put(np.concatenate(problem.x)), put(starts), self.block, self.alive,
            put(np.zeros(n_features)), put(np.ones(n_features)), self.x, 0,
        )  # fmt: skip
        self._pack_weights()

        start = self._pad(problem.h0[shard.indices]) if has_initial else self._unset((n, 0))
        self.states = self._unset((shard.n_state_rows, self.n_units))
        self.mask, self.masked = self._unset((0, self.n_units)), self._unset((0, self.n_units))
        if problem.mask is not None:
            self.mask = self._pad(problem.mask[shard.indices])
            self.masked = self._unset(self.states.shape)
        n_gates = self.kernels.gate_rows(shard.n_rows, n_features, save)
        if room is not None:
            n_gates = shard.n_rows if room else 0
        self.gates = self._unset((n_gates, 4 * self.n_units))
        self.kernels.gru_forward(
            self.x, self.block, self.alive, self.w, self.u, self.bias, problem.reverse,
            start, self.mask, self.masked, self.states, self.gates, save,
        )  # fmt: skip

    def _unset(self, shape):
        """Memory that nobody may read before it is written: NaN would show in the results."""
        return self.memory.put(np.full(shape, np.nan, self.problem.dtype))

    def _zeros(self, *shape):
        return self.memory.put(np.zeros(shape, self.problem.dtype))

    def _pad(self, rows):
        padded = np.zeros((len(rows), self.n_units), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        return self.memory.put(padded)

    def _pack_weights(self):
        n_panels, width, n_features = self.n_panels, self.width, self.n_features
        n_columns = self.kernels.panel_columns(self.problem.dtype)
        self.n_groups = -(-n_features // n_columns)
        self.n_input_columns = self.n_groups * n_columns
        self.w = self._zeros(n_panels, n_features, 3, width)
        self.u = self._zeros(n_panels, self.n_units, 3, width)
        self.bias = self._zeros(n_panels, 4, width)
        self.u_t = self._zeros(3 * self.n_units**2)
        self.w_t = self._zeros(self.n_groups, n_panels, 3 * width, n_columns)
        self.kernels.pack_gru(
            *map(self.memory.put, self.problem.weights), n_features, n_features, True,
            self.w, self.u, self.bias, self.u_t, self.w_t,
        )  # fmt: skip

    def rows(self, i):
        """Rows of the inputs and gradients of the i-th sequence of the problem, step by step."""
        (place,) = np.flatnonzero(self.shard.indices == i)
        return self.shard.block[: self.shard.lengths[place]] + place

    def sequence_states(self):
        """The states of each sequence: a list of (T, H)."""
        n, n_hidden = self.problem.h0.shape
        states = self.memory.get(self.states)
        # The units of the padding stay at 0, where no NaN spoils the sequence.
        assert not np.nan_to_num(states[:, n_hidden:]).any()
        blocks = self.shard.block if self.problem.reverse else self.shard.block[1:]
        found = []
        for i in range(n):
            (place,) = np.flatnonzero(self.shard.indices == i)
            found.append(states[blocks[: self.shard.lengths[place]] + place, :n_hidden])
        return found

    def backward(
        self, d_states, d_final, *, chunk_rows=None, need_initial=True, need_x=True, start=0.0,
        add_to_x=None,
    ):  # fmt: skip
        """Gradients under the names of `expected_gradients`, from those of the states.

        ``d_states`` may be None; ``chunk_rows`` is the size of the chunks of gate gradients, by
        default what the kernels ask for; ``start`` is what the sums of the weights start from;
        ``add_to_x`` is added to the gradients of the inputs.
        """
        problem, shard, dtype = self.problem, self.shard, self.problem.dtype
        put, get = self.memory.put, self.memory.get
        n, n_hidden = problem.h0.shape
        n_rows, n_units = shard.n_rows, self.n_units

        # A layer of two directions keeps their gradients side by side, so this one's may start in
        # any column; the others are not its business.
        column = n_units if problem.reverse else 0
        above = np.full((0 if d_states is None else n_rows, 2 * n_units), np.nan, dtype)
        for i, d in enumerate(d_states or []):
            above[self.rows(i), column : column + n_units] = 0
            above[self.rows(i), column : column + n_hidden] = d

        carry = self._pad(d_final[shard.indices])
        n_gradients = self.kernels.gate_gradient_rows(n_rows, n, n_units, dtype.itemsize)
        if chunk_rows is not None:
            n_gradients = chunk_rows + n
        d_gates = self._unset((self.n_panels, n_gradients, 4, self.width))
        sums = [put(np.full(a.shape, start, dtype)) for a in (self.w, self.u, self.bias)]
        d_x = np.full((n_rows if need_x else 0, self.n_input_columns), np.nan, dtype)
        if add_to_x is not None:
            d_x[...] = add_to_x
        d_x = put(d_x)
        self.kernels.gru_backward(
            self.x, self.block, self.alive, self.w_t, self.u_t, problem.reverse, self.mask,
            self.states if problem.mask is None else self.masked, self.states, self.gates,
            put(above), column, carry, d_gates, *sums, d_x, add_to_x is not None, need_initial,
        )  # fmt: skip

        names = ("W", "U", "b", "b_hn")
        found = [self._unset(weights.shape) for weights in problem.weights]
        self.kernels.unpack_gru_gradient(*sums, self.n_features, self.n_features, *found)
        found = {name: get(array) for name, array in zip(names, found, strict=True)}
        if need_x:
            d_x = get(d_x)
            found["x"] = [d_x[self.rows(i), : self.n_features] for i in range(n)]
        if need_initial:
            found["h0"] = np.empty((n, n_hidden), dtype)
            found["h0"][shard.indices] = get(carry)[:, :n_hidden]
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
