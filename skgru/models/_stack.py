"""A stack of GRU layers: from inputs to the states of the top layer."""

from ._dropout import input_site, recurrent_site, site_seed
from ._layers import GRULayer


class GRUStack:
    """GRU layers on top of each other.

    Parameters
    ----------
    name : str
        Prefix of the names of its layers, which are numbered from the input upwards.
    n_features : int
        Columns of the input.
    hidden_layer_sizes : tuple of int
        Units of each layer and direction.
    bidirectional : bool
    dropout : float in [0, 1)
        Share of values dropped between layers, in training.
    recurrent_dropout : float in [0, 1)
        Share of units masked before the recurrent weights, one mask per sequence, in training.
    update_bias : float
        Initial bias of the update gates.
    kernels : module
    dtype : dtype
    needs_input_gradient : bool, default=False
        Whether `backward` has to compute the gradient of the input.

    Attributes
    ----------
    layers : list of GRULayer
    """

    def __init__(
        self, name, n_features, hidden_layer_sizes, *, bidirectional, dropout, recurrent_dropout,
        update_bias, kernels, dtype, needs_input_gradient=False,
    ):  # fmt: skip
        self.kernels, self.n_features = kernels, n_features
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.layers = []
        n_groups, size, padded = 1, n_features, n_features
        for i, n_hidden in enumerate(hidden_layer_sizes):
            layer = GRULayer(
                f"{name}{i}", n_groups, size, padded, n_hidden, bidirectional, update_bias,
                kernels, dtype, needs_input_gradient=i > 0 or needs_input_gradient,
            )  # fmt: skip
            self.layers.append(layer)
            n_groups, size, padded = len(layer.directions), n_hidden, layer.n_units
        self._inputs = [f"{layer.name}.x" for layer in self.layers]

    @property
    def top(self):
        """The last layer, whose states an output reads."""
        return self.layers[-1]

    @property
    def widest(self):
        """Units of the widest layer, padding included."""
        return max(layer.n_units for layer in self.layers)

    def forward(self, x, shard, packed, workspace, *, initial=None, seed=None, save=False):
        """Run all layers.

        Parameters
        ----------
        x : (shard.n_rows, n_features)
            Packed inputs; must stay untouched until `backward`.
        initial : list with an entry for each layer, or None
            Initial states, as for `GRULayer.forward`; None means zeros.
        seed : int or None
            Seed of the dropout masks; None, as in prediction, for no dropout.
        save : bool
            Whether `backward` will follow, with the same workspace.

        Returns
        -------
        saved : list of LayerPass
            One for each layer; the states of the last layer are the result of the stack.
        """
        saved = []
        for i, layer in enumerate(self.layers):
            if i > 0:
                x = self._connect(i, saved[-1].states, shard, workspace, seed)
            saved.append(
                layer.forward(
                    x,
                    shard,
                    packed,
                    workspace,
                    save,
                    self._mask_seeds(seed, i),
                    self.recurrent_dropout,
                    None if initial is None else initial[i],
                )  # fmt: skip
            )
        return saved

    def _mask_seeds(self, seed, layer_number):
        if seed is None or self.recurrent_dropout == 0:
            return None
        return [site_seed(seed, recurrent_site(layer_number, d)) for d in range(2)]

    def _connect(self, i, states, shard, workspace, seed):
        """The input of layer i: the states of all directions below, after dropout."""
        below = self.layers[i - 1]
        x = workspace.array(self._inputs[i], (shard.n_rows, self.layers[i].n_inputs))
        rate = self.dropout if seed is not None else 0.0
        connect_directions(below, states, shard, site_seed(seed or 0, input_site(i)), rate, x)
        return x

    def backward(
        self, saved, shard, packed, workspace, slot, d_finals, d_states=None, *, seed=None,
        need_x=False, need_initial=False,
    ):  # fmt: skip
        """Add the gradients of a shard to its slot.

        Parameters
        ----------
        saved, shard, packed, workspace, seed
            Result and arguments of the matching call of `forward`, with ``save=True``.
        slot : dict
            Views of the slot; the keys are names of parameters.
        d_finals : list with an entry for each layer
            Gradients of the final states of each direction (n_sequences, n_units), or None for
            zeros; overwritten.
        d_states : (shard.n_rows, any) or None
            Gradients of the states of every step of the top layer, directions side by side.
        need_x, need_initial : bool
            Whether the gradients of the input and of the initial states are wanted.

        Returns
        -------
        d_x : (shard.n_rows, any) or None
            Gradient of the input, in the first ``n_features`` columns.
        d_initial : list with an entry for each layer, or None
            Gradients of the initial states of each direction.
        """
        d_initial = []
        for i in reversed(range(len(self.layers))):
            layer, finals = self.layers[i], d_finals[i]
            if finals is None:
                finals = layer.no_final_gradients(shard, workspace)
            d_states = layer.backward(
                saved[i], shard, packed, workspace, slot, finals, d_states,
                need_x=i > 0 or need_x, need_initial=need_initial,
            )  # fmt: skip
            d_initial.insert(0, finals)
            if i > 0 and seed is not None and self.dropout > 0:
                below = self.layers[i - 1]
                self.kernels.drop_steps(
                    d_states, shard.block, shard.alive, shard.positions,
                    site_seed(seed, input_site(i)), self.dropout, below.n_hidden, below.n_units,
                )  # fmt: skip
        return d_states, d_initial if need_initial else None


def connect_directions(layer, states, shard, seed, rate, rows):
    """Write the states of every step into the rows of the steps, directions side by side.

    Parameters
    ----------
    layer : GRULayer
    states : list of (shard.n_state_rows, layer.n_units)
    seed : np.uint64
        Seed of the masks of the dropout with this rate.
    rate : float in [0, 1)
    rows : (shard.n_rows, layer.n_outputs)
        Receives the states; rows that belong to no sequence become zero.
    """
    for d in layer.directions:
        layer.kernels.connect(
            states[d.number], shard.block, shard.alive, 0 if d.reverse else 1,
            shard.positions, seed, rate, d.number * layer.n_hidden,
            layer.n_hidden, rows, d.number * layer.n_units,
        )  # fmt: skip
