"""A GRU layer: its parameters, and its forward and backward pass over one shard."""

from typing import NamedTuple

import numpy as np

from ._parameters import Parameter, glorot_uniform, orthogonal, round_up


class _Direction:
    """Names of the arrays of one direction of a layer: its parameters and a thread's buffers."""

    def __init__(self, number, prefix):
        self.number, self.reverse = number, number == 1
        self.W, self.U, self.b, self.b_hn, self.U_T, self.W_T = (
            f"{prefix}.{array}" for array in ("W", "U", "b", "b_hn", "U^T", "W^T")
        )
        self.states, self.gates, self.mask, self.masked, self.final = (
            f"{prefix}.{array}" for array in ("states", "gates", "mask", "masked", "final")
        )


class LayerPass(NamedTuple):
    """Results of a forward pass that the backward pass needs; lists have one entry per direction.

    Attributes
    ----------
    x : (shard.n_rows, n_inputs)
    states : list of (shard.n_state_rows, n_units)
    gates : list of (shard.n_rows, 4 * n_units)
    masks : list of (n_sequences, n_units), or empty arrays without recurrent dropout
    masked : list of (shard.n_state_rows, n_units), what the recurrent weights multiplied
    """

    x: np.ndarray
    states: list
    gates: list
    masks: list
    masked: list


class GRULayer:
    """A GRU layer of one or two directions (equations in ``kernels/cpu/gru.py``).

    Parameters
    ----------
    name : str
        Prefix of its parameters.
    n_groups, size, padded : int
        The input is ``n_groups`` groups of ``size`` features, each padded to ``padded`` columns.
    n_hidden : int
        Units of each direction.
    bidirectional : bool
    update_bias : float
        Initial b_z: how strongly units remember before training (sigmoid of it per step).
    kernels : module
    dtype : dtype
    needs_input_gradient : bool
        Whether ``backward`` has to compute the gradient of the input.
    """

    def __init__(
        self, name, n_groups, size, padded, n_hidden, bidirectional, update_bias, kernels, dtype,
        needs_input_gradient=False,
    ):  # fmt: skip
        self.needs_input_gradient = needs_input_gradient
        self.name, self.kernels, self.dtype = name, kernels, np.dtype(dtype)
        self.n_groups, self.size, self.padded = n_groups, size, padded
        self.n_inputs = n_groups * padded
        self.n_hidden, self.update_bias = n_hidden, update_bias
        self.width = kernels.panel_width(n_hidden, self.dtype)
        self.n_units = round_up(n_hidden, self.width)
        self.n_panels = self.n_units // self.width
        columns = kernels.panel_columns(self.dtype)
        self.n_input_columns = round_up(self.n_inputs, columns)
        self.empty, self.no_initial = f"{name}.empty", f"{name}.no_initial"
        self.d_gates, self.d_x = f"{name}.d_gates", f"{name}.d_x"
        self.directions = tuple(
            _Direction(d, f"{name}.{direction}")
            for d, direction in enumerate(("forward", "backward")[: 1 + bidirectional])
        )

    @property
    def n_outputs(self):
        """Columns of the states of all directions side by side, padding included."""
        return len(self.directions) * self.n_units

    # -- parameters ----------------------------------------------------------------------------
    def parameters(self):
        n_in, n_hidden = self.n_groups * self.size, self.n_hidden

        def input_weights(random_state):
            return np.hstack([glorot_uniform(random_state, n_in, n_hidden) for _ in range(3)])

        def recurrent_weights(random_state):
            return np.hstack([orthogonal(random_state, n_hidden, self.kernels) for _ in range(3)])

        def bias(random_state):
            return np.repeat([0.0, self.update_bias, 0.0], n_hidden)

        parameters = []
        for direction in self.directions:
            parameters += [
                Parameter(direction.W, (n_in, 3 * n_hidden), "weight", input_weights),
                Parameter(direction.U, (n_hidden, 3 * n_hidden), "weight", recurrent_weights),
                Parameter(direction.b, (3 * n_hidden,), "bias", bias),
                Parameter(direction.b_hn, (n_hidden,), "bias"),
            ]
        return parameters

    def gradients(self):
        """Shapes of the gradients as the kernels sum them."""
        gradients = []
        for direction in self.directions:
            gradients += [
                Parameter(direction.W, (self.n_panels, self.n_inputs, 3, self.width), "weight"),
                Parameter(direction.U, (self.n_panels, self.n_units, 3, self.width), "weight"),
                Parameter(direction.b, (self.n_panels, 4, self.width), "weight"),
            ]
        return gradients

    def new_packed(self):
        """Memory for the packed weights of every direction."""
        n_columns = self.kernels.panel_columns(self.dtype)
        n_groups = self.n_input_columns // n_columns if self.needs_input_gradient else 0
        shapes = {p.name: p.shape for p in self.gradients()}
        for direction in self.directions:
            shapes[direction.U_T] = (3 * self.n_units * self.n_units,)
            shapes[direction.W_T] = (n_groups, self.n_panels, 3 * self.width, n_columns)
        return {name: self.kernels.zeros(shape, self.dtype) for name, shape in shapes.items()}

    def pack(self, views, packed, transposed):
        """Bring the weights into the layout of the kernels; training also needs transposed ones."""
        for d in self.directions:
            self.kernels.pack_gru(
                views[d.W], views[d.U], views[d.b], views[d.b_hn],
                self.size, self.padded, transposed, packed[d.W], packed[d.U], packed[d.b],
                packed[d.U_T], packed[d.W_T],
            )  # fmt: skip

    def unpack_gradient(self, slot, views):
        for d in self.directions:
            self.kernels.unpack_gru_gradient(
                slot[d.W], slot[d.U], slot[d.b], self.size, self.padded,
                views[d.W], views[d.U], views[d.b], views[d.b_hn],
            )  # fmt: skip

    # -- passes --------------------------------------------------------------------------------
    def forward(self, x, shard, packed, workspace, save, mask_seeds=None, rate=0.0, initial=None):
        """Run a shard.

        Parameters
        ----------
        x : (shard.n_rows, n_inputs)
            Must stay untouched until `backward`.
        save : bool
            Whether `backward` will follow, with the same workspace.
        mask_seeds : list of np.uint64 or None
            One per direction, for recurrent dropout with ``rate``.
        initial : list of (n_sequences, n_units) or None
            Initial states of each direction, in the order of the shard and with zeros in the
            padding columns; None means zeros.

        Returns
        -------
        saved : LayerPass
            The states of every step, and everything else that `backward` needs.
        """
        n, empty = shard.n_sequences, workspace.array(self.empty, (0, self.n_units))
        gate_rows = self.kernels.gate_rows(shard.n_rows, self.n_inputs, save)
        if initial is None:  # device kernels read the number of sequences from its shape
            initial = [workspace.array(self.no_initial, (n, 0))] * len(self.directions)
        saved = LayerPass(x, [], [], [], [])
        for d in self.directions:
            states = workspace.array(d.states, (shard.n_state_rows, self.n_units))
            gates = workspace.array(d.gates, (gate_rows, 4 * self.n_units))
            mask = masked = empty
            if mask_seeds:
                mask = workspace.array(d.mask, (n, self.n_units))
                masked = workspace.array(d.masked, states.shape)
                self.kernels.fill(mask, 1)
                self.kernels.drop_rows(
                    mask, shard.positions, mask_seeds[d.number], rate,
                    self.n_hidden, self.n_units,
                )  # fmt: skip
            self.kernels.gru_forward(
                x, shard.block, shard.alive, packed[d.W], packed[d.U], packed[d.b],
                d.reverse, initial[d.number], mask, masked, states, gates, save,
            )  # fmt: skip
            saved.states.append(states)
            saved.gates.append(gates)
            saved.masks.append(mask)
            saved.masked.append(masked if mask_seeds else states)
        return saved

    def stream_call(self, x, shard, packed, states):
        """The kernel, and its arguments, that advances the streams by one step.

        Parameters
        ----------
        x : (n_streams, n_inputs)
        shard : Shard of one step.
        states : (2 * n_streams, n_units)
            The second half holds the states after the previous step; the kernel moves them to the
            first half and writes the new states to the second.
        """
        d, zeros = self.directions[0], self.kernels.zeros
        empty, gates = (zeros((0, n * self.n_units), self.dtype) for n in (1, 4))
        weights = packed[d.W], packed[d.U], packed[d.b]
        return self.kernels.gru_forward, (
            x, shard.block, shard.alive, *weights, d.reverse, states[shard.n_sequences :],
            empty, empty, states, gates, False,
        )  # fmt: skip

    def final_gradients(self, shard, workspace):
        """Buffers for the gradients of the final states of each direction."""
        shape = (shard.n_sequences, self.n_units)
        return [workspace.array(d.final, shape) for d in self.directions]

    def no_final_gradients(self, shard, workspace):
        """Like `final_gradients`, but filled with zeros."""
        finals = self.final_gradients(shard, workspace)
        for final in finals:
            self.kernels.fill(final, 0)
        return finals

    def backward(
        self, saved, shard, packed, workspace, slot, finals, d_states=None, *, need_x=False,
        need_initial=False,
    ):  # fmt: skip
        """Add the gradients of a shard to its slot.

        Parameters
        ----------
        saved : LayerPass
            What `forward` returned.
        finals : list of (n_sequences, n_units)
            Gradients of the final states; overwritten, with ``need_initial`` by the gradients of
            the initial states.
        d_states : (shard.n_rows, any) or None
            Gradients of the states of every step, directions side by side.
        need_x : bool
            Whether to return the gradient of the input.

        Returns
        -------
        d_x : (shard.n_rows, n_input_columns) or None
        """
        if need_x and not self.needs_input_gradient:
            raise ValueError(f"{self.name} was built with needs_input_gradient=False")
        n = shard.n_sequences
        empty = workspace.array(self.empty, (0, self.n_units))
        d_x = empty
        if need_x:
            d_x = workspace.array(self.d_x, (shard.n_rows, self.n_input_columns))
        n_gradients = self.kernels.gate_gradient_rows(
            shard.n_rows, n, self.n_units, self.dtype.itemsize
        )
        d_gates = workspace.array(self.d_gates, (self.n_panels, n_gradients, 4, self.width))
        for d in self.directions:
            i = d.number
            self.kernels.gru_backward(
                saved.x, shard.block, shard.alive, packed[d.W_T], packed[d.U_T], d.reverse,
                saved.masks[i], saved.masked[i], saved.states[i], saved.gates[i],
                empty if d_states is None else d_states, i * self.n_units,
                finals[i], d_gates, slot[d.W], slot[d.U], slot[d.b], d_x, i > 0, need_initial,
            )  # fmt: skip
        return d_x if need_x else None
