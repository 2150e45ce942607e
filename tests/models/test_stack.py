"""A stack of layers: initial states and their gradients, and the gradient of the input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu
from skgru.models._parameters import ParameterLayout
from skgru.models._stack import GRUStack
from skgru.models._workspace import Workspace
from tests.reference import gru as ref

from .networks import pack

LENGTHS = (7, 5, 5, 2, 1)
SIZES = {"one layer": (3,), "two layers": (3, 5), "wide": (19,)}


class Harness:
    """A stack with random parameters, one shard, and random initial states."""

    def __init__(self, rng, sizes, bidirectional):
        self.stack = GRUStack(
            "encoder", 2, sizes, bidirectional=bidirectional, dropout=0.0, recurrent_dropout=0.0,
            update_bias=0.0, kernels=cpu, dtype=np.dtype(np.float64), needs_input_gradient=True,
        )  # fmt: skip
        self.layout = ParameterLayout([p for m in self.stack.layers for p in m.parameters()])
        self.flat = 0.5 * rng.normal(size=self.layout.size)
        self.views = self.layout.views(self.flat)
        self.packed = {}
        for layer in self.stack.layers:
            self.packed |= layer.new_packed()
            layer.pack(self.views, self.packed, True)
        self.workspace = Workspace(cpu, "float64")
        n = len(LENGTHS)
        self.shard = make_shard(np.arange(n), np.arange(n), np.array(LENGTHS))
        self.x = [rng.normal(size=(length, 2)) for length in LENGTHS]
        self.initial = [
            [rng.normal(size=(n, layer.n_hidden)) for _ in layer.directions]
            for layer in self.stack.layers
        ]

    def padded(self, arrays):
        """Arrays of real units with the padding columns of their layers."""
        padded = []
        for layer, of_directions in zip(self.stack.layers, arrays, strict=True):
            padded.append([])
            for array in of_directions:
                full = cpu.zeros((len(array), layer.n_units), "float64")
                full[:, : layer.n_hidden] = array
                padded[-1].append(full)
        return padded

    def forward(self):
        return self.stack.forward(
            pack(self.x, self.shard, "float64"), self.shard, self.packed, self.workspace,
            initial=self.padded(self.initial), save=True,
        )  # fmt: skip

    def oracle(self):
        """For each sequence, the states (length, directions * n_hidden) of the top layer."""
        found = []
        for i, states in enumerate(self.x):
            for number, layer in enumerate(self.stack.layers):
                directions = [
                    ref.Direction(
                        *(self.views[name] for name in (d.W, d.U, d.b, d.b_hn)),
                        h0=self.initial[number][d.number][i],
                    )
                    for d in layer.directions
                ]
                states = ref.layer_states(states, directions)
            found.append(states)
        return found

    def finals(self, states):
        """For every sequence, the final states of all directions, taken from its states."""
        h = self.stack.top.n_hidden
        return [np.concatenate([s[-1, :h], s[0, h:]]) for s in states]


@pytest.fixture(params=[False, True], ids=["forward", "bidirectional"])
def bidirectional(request):
    return request.param


sizes = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)


@sizes
def test_initial_states_are_where_the_layers_start(rng, sizes, bidirectional):
    harness = Harness(rng, sizes, bidirectional)
    saved, shard, top = harness.forward(), harness.shard, harness.stack.top
    for i, expected in enumerate(harness.oracle()):
        for d in top.directions:
            # The state after a step lies a block later forwards, and in its own block backwards.
            blocks = shard.block[0 if d.reverse else 1 :][: LENGTHS[i]]
            found = saved[-1].states[d.number][blocks + i, : top.n_hidden]
            columns = slice(d.number * top.n_hidden, (d.number + 1) * top.n_hidden)
            assert_allclose(found, expected[:, columns], rtol=0, atol=1e-13)


@sizes
def test_gradients_of_initial_states_and_inputs(rng, sizes, bidirectional):
    harness = Harness(rng, sizes, bidirectional)
    stack, shard, top = harness.stack, harness.shard, harness.stack.top
    n_columns = len(top.directions) * top.n_hidden
    d_rows = [rng.normal(size=(length, n_columns)) for length in LENGTHS]
    d_last = [rng.normal(size=n_columns) for _ in LENGTHS]

    arrays = [harness.flat, *harness.x, *(a for layer in harness.initial for a in layer)]

    def total(*values):
        before = [array.copy() for array in arrays]
        for array, value in zip(arrays, values, strict=True):
            array[...] = value
        states = harness.oracle()
        for array, value in zip(arrays, before, strict=True):
            array[...] = value
        ends = harness.finals(states)
        return sum(np.sum(d * s) for d, s in zip(d_rows, states, strict=True)) + sum(
            d @ s for d, s in zip(d_last, ends, strict=True)
        )

    expected = ref.numerical_gradient(total, arrays)

    saved = harness.forward()
    d_states = cpu.zeros((shard.n_rows, top.n_outputs), "float64")
    finals = [cpu.zeros((len(LENGTHS), top.n_units), "float64") for _ in top.directions]
    for i, length in enumerate(LENGTHS):
        for d in top.directions:
            theirs = slice(d.number * top.n_hidden, (d.number + 1) * top.n_hidden)
            mine = slice(d.number * top.n_units, d.number * top.n_units + top.n_hidden)
            d_states[shard.block[:length] + i, mine] = d_rows[i][:, theirs]
            finals[d.number][i, : top.n_hidden] = d_last[i][theirs]
    slot_layout = ParameterLayout([p for m in stack.layers for p in m.gradients()])
    slot = slot_layout.arrays(cpu.zeros(slot_layout.size, "float64"))
    d_finals = [None] * (len(sizes) - 1) + [finals]
    d_x, d_initial = stack.backward(
        saved, shard, harness.packed, harness.workspace, slot.views, d_finals, d_states,
        need_x=True, need_initial=True,
    )  # fmt: skip
    gradient = harness.layout.arrays(np.full(harness.layout.size, np.nan))
    for layer in stack.layers:
        layer.unpack_gradient(slot.views, gradient.views)
    n = len(LENGTHS)
    assert_allclose(gradient.flat, expected[0], rtol=1e-6, atol=2e-8)
    for i, length in enumerate(LENGTHS):
        rows = shard.block[:length] + i
        assert_allclose(d_x[rows, :2], expected[1 + i], rtol=1e-6, atol=2e-8)
    found = [
        array[:, : layer.n_hidden]
        for layer, arrays in zip(stack.layers, d_initial, strict=True)
        for array in arrays
    ]
    assert len(found) == len(expected[1 + n :])
    for mine, theirs in zip(found, expected[1 + n :], strict=True):
        assert np.abs(theirs).max() > 1e-3
        assert_allclose(mine, theirs, rtol=1e-6, atol=2e-8)


def test_gradients_that_are_not_asked_for_are_not_computed(rng):
    harness = Harness(rng, (3,), False)
    stack, shard = harness.stack, harness.shard
    saved = harness.forward()
    slot_layout = ParameterLayout([p for m in stack.layers for p in m.gradients()])
    slots = [slot_layout.arrays(cpu.zeros(slot_layout.size, "float64")) for _ in range(2)]
    for slot, need in zip(slots, (True, False), strict=True):
        finals = [np.ones((len(LENGTHS), stack.top.n_units))]
        found = stack.backward(
            saved, shard, harness.packed, harness.workspace, slot.views, [finals], None,
            need_x=need, need_initial=need,
        )  # fmt: skip
        assert all((array is not None) == need for array in found)
    assert_array_equal(slots[0].flat, slots[1].flat)


def test_a_layer_built_without_input_gradients_refuses_to_compute_them(rng):
    harness = Harness(rng, (3,), False)
    (layer,) = harness.stack.layers
    layer.needs_input_gradient = False
    saved = harness.forward()
    with pytest.raises(ValueError, match="needs_input_gradient=False"):
        layer.backward(
            saved[0], harness.shard, harness.packed, harness.workspace, {}, [None], need_x=True
        )
