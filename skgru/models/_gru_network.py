"""A stack of GRU layers, a pooling and a head: from packed sequences to raw predictions."""

import numpy as np

from skgru.kernels import get_kernels

from ._layers import Dense, GRULayer
from ._parameters import ParameterLayout
from ._pooling import Pooling
from ._workspace import Workspace

# Sequences in a shard of a prediction; more gain nothing (see ``docs/benchmarks.md``).
_PREDICTION_SIZE = 64

_SEED_STEP, _SEED_MASK = 0xD1342543DE82EF95, 2**64 - 1


class GRUNetwork:
    """Network of a GRU estimator.

    Parameters
    ----------
    n_features : int
        Columns of the input.
    hidden_layer_sizes : tuple of int
        Units of each layer and direction.
    bidirectional : bool
    pooling : tuple of {"last", "mean", "max", "attention"}
        Poolings of the top layer, side by side.
    n_outputs : int
        Columns of the raw prediction.
    dropout : float in [0, 1)
        Share of values dropped between layers and before the head, in training.
    recurrent_dropout : float in [0, 1)
        Share of units whose state U does not see, one mask per sequence, in training.
    dtype : {float32, float64}
    update_bias : float, default=0.0
        Initial bias of the update gates.
    kernels : module, default=None
        Of the device it runs on; None means those of the CPU.
    """

    def __init__(
        self,
        n_features,
        hidden_layer_sizes,
        *,
        bidirectional,
        pooling,
        n_outputs,
        dropout,
        recurrent_dropout,
        dtype,
        update_bias=0.0,
        kernels=None,
    ):
        self.kernels = get_kernels("cpu") if kernels is None else kernels
        self.dtype = np.dtype(dtype)
        self.n_features, self.n_outputs = n_features, n_outputs
        self.dropout, self.recurrent_dropout = float(dropout), float(recurrent_dropout)
        self.layers = []
        n_groups, size, padded = 1, n_features, n_features
        for i, n_hidden in enumerate(hidden_layer_sizes):
            layer = GRULayer(
                f"gru{i}", n_groups, size, padded, n_hidden, bidirectional, update_bias,
                self.kernels, self.dtype, needs_input_gradient=i > 0,
            )  # fmt: skip
            self.layers.append(layer)
            n_groups, size, padded = len(layer.directions), n_hidden, layer.n_units
        self.pooling = Pooling(pooling, layer)
        self.head = Dense(self.pooling.n_groups, size, padded, n_outputs, self.kernels, self.dtype)
        self.modules = [*self.layers, self.pooling, self.head]
        self.layout = ParameterLayout([p for m in self.modules for p in m.parameters()])
        self._slot_layout = ParameterLayout([p for m in self.modules for p in m.gradients()])
        widest = max(layer.n_units for layer in self.layers)
        self.shard_limits = self.kernels.shard_limits(widest)

    def prediction_limits(self, n_sequences, n_threads):
        """Limits of shards for a prediction, whose bits do not depend on them.

        Larger shards than in training cost less, as long as there are several for each of several
        threads: the first ones hold the longest sequences.
        """
        size, n_rows = self.shard_limits
        n_shards = 1 if n_threads == 1 else 4 * n_threads
        return max(size, min(_PREDICTION_SIZE, n_sequences // n_shards)), n_rows

    # -- memory ----------------------------------------------------------------------------------
    def new_workspaces(self, n_threads):
        """Buffers for each thread; a device works for one."""
        n = n_threads if self.kernels.ON_HOST else 1
        return [Workspace(self.kernels, self.dtype) for _ in range(n)]

    def new_packed(self):
        """Room for `pack`."""
        found = {}
        for module in self.modules:
            found.update(module.new_packed())
        return found

    def new_slot(self):
        """Zeros to which `backward` adds the gradients of a shard."""
        layout = self._slot_layout
        return layout.arrays(self.kernels.zeros(layout.size, self.dtype))

    def new_gradient(self):
        """Zeros in the layout of the parameters."""
        return self.layout.arrays(self.kernels.zeros(self.layout.size, self.dtype))

    # -- parameters ------------------------------------------------------------------------------
    def place(self, parameters):
        """A flat parameter vector as `FlatArrays` that the kernels can read and write.

        They share memory with the vector where it lies on the device already.
        """
        return self.layout.arrays(self.kernels.to_device(parameters))

    def pack(self, parameters, packed, transposed):
        """Bring `FlatArrays` of parameters into the layout of the kernels.

        ``transposed`` includes what only a backward pass needs.
        """
        for module in self.modules:
            module.pack(parameters.views, packed, transposed)

    def unpack_gradient(self, slot, gradient):
        """Turn the summed slots of a batch into the gradient of the parameters."""
        for module in self.modules:
            module.unpack_gradient(slot.views, gradient.views)

    # -- passes ----------------------------------------------------------------------------------
    def _seed(self, seed, site):
        return np.uint64((int(seed) + (site + 1) * _SEED_STEP) & _SEED_MASK)

    def _mask_seeds(self, seed, layer_number):
        if seed is None or self.recurrent_dropout == 0:
            return None
        first = 1000 + 2 * layer_number
        return [self._seed(seed, first + d) for d in range(2)]

    def forward(self, x, shard, packed, workspace, *, seed=None, save=False):
        """Raw predictions of a shard.

        Parameters
        ----------
        x : ndarray of shape (shard.n_rows, n_features)
            Packed inputs; must stay untouched until `backward`.
        seed : int or None
            Of the dropout masks; None, as in prediction, for no dropout.
        save : bool
            Whether `backward` will follow, with the same workspace.

        Returns
        -------
        raw : ndarray of shape (shard.n_sequences, >= n_outputs)
            In the order of the shard; lives in the workspace.
        """
        states = self._states(x, shard, packed, workspace, seed, save)
        pooled = self.pooling.forward(states, shard, packed, workspace)
        if seed is not None and self.dropout > 0:
            self._drop_pooled(pooled, shard, seed)
        return self.head.forward(pooled, packed, workspace)

    def _drop_pooled(self, pooled, shard, seed):
        """Dropout before the head, of the pooled vectors or of their gradients."""
        top = self.layers[-1]
        self.kernels.drop_rows(
            pooled, shard.positions, self._seed(seed, 0), self.dropout, top.n_hidden, top.n_units
        )

    def attention(self, x, shard, packed, workspace):
        """Attention weights of every step of a shard, (shard.n_rows,) in the block layout."""
        states = self._states(x, shard, packed, workspace, None, False)
        return self.pooling.attention(states, shard, packed, workspace)

    def _states(self, x, shard, packed, workspace, seed, save):
        """Run the layers; return the states of the top one."""
        states = None
        for i, layer in enumerate(self.layers):
            if i > 0:
                x = self._connect(i, states, shard, workspace, seed)
            states = layer.forward(
                x, shard, packed, workspace, save,
                self._mask_seeds(seed, i), self.recurrent_dropout,
            )  # fmt: skip
        return states

    def _input_buffer(self, i, shard, workspace):
        return workspace.array(("input", i), (shard.n_rows, self.layers[i].n_inputs))

    def _connect(self, i, states, shard, workspace, seed):
        """The input of layer i: the states of all directions below, after dropout."""
        x = self._input_buffer(i, shard, workspace)
        below = self.layers[i - 1]
        rate = self.dropout if seed is not None else 0.0
        for d in below.directions:
            self.kernels.connect(
                states[d.number], shard.block, shard.alive, 0 if d.reverse else 1,
                shard.positions, self._seed(seed or 0, i), rate, d.number * below.n_hidden,
                below.n_hidden, x, d.number * below.n_units,
            )  # fmt: skip
        return x

    def backward(self, d_raw, x, shard, packed, workspace, slot, *, seed=None):
        """Add the gradients of a shard to ``slot``.

        Parameters
        ----------
        d_raw : ndarray of shape (shard.n_sequences, >= n_outputs)
            Gradient of the raw predictions; zero in padding columns.
        x, shard, packed, workspace, seed
            As in the call of `forward` with ``save=True`` that this one follows.
        """
        slot, top = slot.views, self.layers[-1]
        pooled = workspace.array("pooled", (shard.n_sequences, self.pooling.n_outputs))
        states = [top.states(d, shard, workspace) for d in top.directions]
        d_pooled = self.head.backward(d_raw, pooled, packed, workspace, slot)
        if seed is not None and self.dropout > 0:
            self._drop_pooled(d_pooled, shard, seed)
        finals, d_states = self.pooling.backward(d_pooled, states, shard, packed, workspace, slot)
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            layer_x = x if i == 0 else self._input_buffer(i, shard, workspace)
            d_x = None
            if i > 0:
                d_x = workspace.array(("d_input", i), (shard.n_rows, layer.n_input_columns))
            masked = seed is not None and self.recurrent_dropout > 0
            layer.backward(layer_x, shard, packed, workspace, slot, finals, d_states, d_x, masked)
            if i > 0:
                below = self.layers[i - 1]
                if seed is not None and self.dropout > 0:
                    self.kernels.drop_steps(
                        d_x, shard.block, shard.alive, shard.positions, self._seed(seed, i),
                        self.dropout, below.n_hidden, below.n_units,
                    )  # fmt: skip
                d_states = d_x
                finals = below.zero_finals(shard, workspace)
