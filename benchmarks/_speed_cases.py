"""What the speed benchmark measures: its shapes, their weights and data."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Case:
    """One shape.

    Attributes
    ----------
    kind : {"plain", "one", "long", "ragged", "stacked", "odd", "float64"}
        Why it is measured. Lengths of "ragged" lie evenly between 10 and `steps`; "stacked" is two
        bidirectional layers.
    """

    batch: int
    steps: int
    inputs: int
    hidden: int
    kind: str = "plain"

    @property
    def name(self):
        shape = f"{self.batch}, {self.steps}, {self.inputs}, {self.hidden}"
        notes = {
            "ragged": shape.replace(", ", f", {self.shortest}-", 1) + " ragged",
            "stacked": f"{shape} two bidirectional layers",
            "float64": f"{shape} float64",
        }
        return notes.get(self.kind, shape)

    @property
    def shape(self):
        return self.batch, self.steps, self.inputs, self.hidden

    @property
    def dtype(self):
        return np.dtype(np.float64 if self.kind == "float64" else np.float32)

    @property
    def n_layers(self):
        return 2 if self.kind == "stacked" else 1

    @property
    def n_directions(self):
        return 2 if self.kind == "stacked" else 1

    @property
    def is_plain(self):
        """One layer, one direction, equal lengths, float32."""
        return self.kind not in ("ragged", "stacked", "float64")

    @property
    def shortest(self):
        return min(10, -(-self.steps // 2)) if self.kind == "ragged" else self.steps

    @cached_property
    def lengths(self):
        if self.kind != "ragged":
            return np.full(self.batch, self.steps)
        lengths = np.linspace(self.shortest, self.steps, self.batch).round().astype(np.int64)
        return np.random.default_rng(1).permutation(lengths)

    def _layer_flop(self):
        """Operations of `inputs @ W` and `states @ U`, all steps and directions, layer by layer."""
        gates = 2 * 3 * self.hidden * self.n_directions * int(self.lengths.sum())
        below = [self.inputs] + [self.n_directions * self.hidden] * (self.n_layers - 1)
        return [(gates * n_inputs, gates * self.hidden) for n_inputs in below]

    @property
    def flop(self):
        """Operations in the matrix products of a forward pass."""
        return sum(of_inputs + of_states for of_inputs, of_states in self._layer_flop())

    @property
    def backward_flop(self):
        """Those of a backward pass; inputs of the lowest layer need no gradient."""
        return sum(
            of_inputs * (1 + (layer > 0)) + 2 * of_states
            for layer, (of_inputs, of_states) in enumerate(self._layer_flop())
        )

    @property
    def training_flop(self):
        """Those of both."""
        return self.flop + self.backward_flop

    def short(self):
        """The shape that a long one is compared with, step for step."""
        return replace(self, steps=50, kind="plain")

    def padded(self, hidden):
        """The same with a hidden size that fills whole vectors."""
        return replace(self, hidden=hidden, kind="plain")


CASES = [
    Case(32, 50, 8, 32),
    Case(32, 100, 16, 64),
    Case(64, 100, 16, 128),
    Case(128, 100, 32, 256),
    Case(64, 50, 64, 512),
    Case(1, 100, 8, 32, "one"),
    Case(1, 100, 16, 128, "one"),
    Case(32, 400, 8, 32, "long"),
    Case(64, 200, 16, 64, "ragged"),
    Case(32, 100, 16, 64, "stacked"),
    Case(32, 100, 16, 17, "odd"),
    Case(32, 100, 16, 50, "odd"),
    Case(32, 100, 16, 100, "odd"),
    Case(32, 100, 16, 64, "float64"),
]
# Each kind of case once, as small as they come: a trial of the script in a minute.
QUICK = [CASES[i] for i in (0, 5, 7, 8, 9, 10, 13)]


class Weights(NamedTuple):
    """One layer and direction: columns in the order r, z, n, one bias for input and state each."""

    W: np.ndarray
    U: np.ndarray
    b_i: np.ndarray
    b_h: np.ndarray


class Problem:
    """Random weights, inputs and gradients of the final states for one case.

    Attributes
    ----------
    weights : list of Weights
        For every layer, for every direction in it (forward first).
    x : ndarray of shape (batch, steps, inputs)
        Zero where a sequence has ended.
    rows : ndarray of shape (sum of lengths, inputs)
        The same without padding, one sequence below the other.
    d_final : ndarray of shape (batch, n_directions * hidden)
        Gradient of the final states of the top layer, directions side by side.
    """

    def __init__(self, case):
        rng = np.random.default_rng(0)
        batch, steps, inputs, hidden = case.shape

        def draw(*shape):
            return (rng.standard_normal(shape) / np.sqrt(hidden)).astype(case.dtype)

        self.case, self.lengths = case, case.lengths
        self.weights = []
        for layer in range(case.n_layers):
            n_in = inputs if layer == 0 else case.n_directions * hidden
            for _ in range(case.n_directions):
                self.weights.append(
                    Weights(
                        draw(n_in, 3 * hidden),
                        draw(hidden, 3 * hidden),
                        draw(3 * hidden),
                        draw(3 * hidden),
                    )
                )
        self.x = rng.standard_normal((batch, steps, inputs)).astype(case.dtype)
        self.alive = np.arange(steps) < self.lengths[:, None]
        self.x[~self.alive] = 0
        self.rows = np.ascontiguousarray(self.x[self.alive])
        shape = batch, case.n_directions * hidden
        self.d_final = rng.standard_normal(shape).astype(case.dtype)

    def time_major(self):
        """`x` as (steps, batch, inputs)."""
        return np.ascontiguousarray(self.x.transpose(1, 0, 2))
