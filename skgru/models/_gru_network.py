"""The network of one stack and one output: from packed sequences to raw predictions."""

from typing import NamedTuple

import numpy as np

from skgru.kernels import get_kernels

from ._dense import Dense
from ._dropout import EMBEDDING_SITE, site_seed
from ._embedding import make_embeddings
from ._gradient import SparseGradient
from ._network import Network
from ._output import Output
from ._pooling import Pooling
from ._stack import GRUStack
from ._steps import EveryStep, scatter_steps


class NetworkPass(NamedTuple):
    """Results of a forward pass that the backward pass needs.

    Attributes
    ----------
    raw : (n_rows, >= n_outputs), raw predictions, in the workspace
    readout : PoolingPass or StepsPass
    layers : list of LayerPass
    """

    raw: np.ndarray
    readout: object
    layers: list

    @property
    def states(self):
        """States of the top layer, one array for each direction."""
        return self.layers[-1].states


class GRUNetwork(Network):
    """A stack of GRU layers, and one raw prediction for each sequence or for each step.

    Parameters
    ----------
    n_features : int
        Numeric features of a step.
    hidden_layer_sizes : tuple of int
        Units of each layer and direction.
    bidirectional : bool
    pooling : tuple of {"last", "mean", "max", "attention"} or None
        Poolings of the top layer, side by side; None for a prediction at every step.
    n_outputs : int
        Columns of the raw prediction.
    dropout : float in [0, 1)
        Share of values dropped between layers and before the head, in training.
    recurrent_dropout : float in [0, 1)
        Share of units whose state is masked before it is multiplied by U, in training; one mask
        per sequence.
    dtype : {float32, float64}
    update_bias : float, default=0.0
        Initial bias of the update gates.
    embeddings : sequence of (n_rows, n_columns, has_rare), default=()
        For each categorical column: rows of its table (see `Embedding`), size of a vector, and
        whether rare symbols of the training data have the code 0.
    loss : Loss, default=None
        Only `train_shard` needs it.
    kernels : module, default=None
        Kernels of the device it runs on; None means the CPU kernels.

    Attributes
    ----------
    embeddings : list of Embedding
    n_embedded : int
        Columns of all embeddings, which are the first ones of the input of the stack.
    n_inputs : int
        Columns of the input of the stack: the embeddings, then the numeric features.
    stack : GRUStack
    output : Output
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
        embeddings=(),
        loss=None,
        kernels=None,
    ):
        kernels, dtype = get_kernels("cpu") if kernels is None else kernels, np.dtype(dtype)
        self.n_features, self.n_outputs = n_features, n_outputs
        self.embeddings, self.n_embedded = make_embeddings(embeddings, kernels)
        self.n_inputs = self.n_embedded + n_features
        self.stack = GRUStack(
            "gru", self.n_inputs, hidden_layer_sizes, bidirectional=bidirectional, dropout=dropout,
            recurrent_dropout=recurrent_dropout, update_bias=update_bias, kernels=kernels,
            dtype=dtype, needs_input_gradient=bool(self.embeddings),
        )  # fmt: skip
        top = self.stack.top
        if pooling is None:
            readout = EveryStep("steps", top, dropout)
        else:
            readout = Pooling("pooling", pooling, top, dropout)
        head = Dense("head", readout.n_groups, top.n_hidden, top.n_units, n_outputs, kernels, dtype)
        self.output = Output("output", readout, head, loss)
        self.has_dropout = dropout > 0 or recurrent_dropout > 0
        modules = [*self.embeddings, *self.stack.layers, *self.output.modules]
        super().__init__(modules, self.stack.widest, kernels, dtype)

    def row_counts(self, lengths):
        return self.output.readout.row_counts(lengths)

    # -- memory ----------------------------------------------------------------------------------
    def new_gradient(self):
        if not self.embeddings:
            return super().new_gradient()
        return SparseGradient(self.layout, self.embeddings, self.kernels, self.dtype)

    def download(self, on_device, parameters):
        super().download(on_device, parameters)
        for embedding in self.embeddings:
            table = self.layout.views(parameters)[embedding.E]
            embedding.share(table)
            self.kernels.copy(table[0], on_device.views[embedding.E][0])

    # -- passes ----------------------------------------------------------------------------------
    def _load(self, feed, shard, packed, workspace, seed=None):
        """Load a shard and complete its inputs: the numeric columns come from the feed."""
        loaded = feed.load(shard, workspace)
        for embedding in self.embeddings:
            embedding.forward(loaded.codes, packed, loaded.x)
        if self.embeddings:
            self._drop_embeddings(loaded.x, loaded.shard, seed)
        return loaded

    def _drop_embeddings(self, rows, shard, seed):
        """Apply dropout to the embeddings in the first columns of rows, or to their gradients."""
        if seed is not None and self.stack.dropout > 0:
            # A row is one group of columns, of which those of the embeddings are real units.
            self.kernels.drop_steps(
                rows, shard.block, shard.alive, shard.positions, site_seed(seed, EMBEDDING_SITE),
                self.stack.dropout, self.n_embedded, rows.shape[1],
            )  # fmt: skip

    def forward(self, x, shard, packed, workspace, *, seed=None, save=False):
        """Raw predictions of a shard.

        Parameters
        ----------
        x : ndarray of shape (shard.n_rows, n_inputs)
            Packed inputs; must stay untouched until `backward`.
        seed : int or None
            Seed of the dropout masks; None, as in prediction, for no dropout.
        save : bool
            Whether `backward` will follow, with the same workspace.

        Returns
        -------
        saved : NetworkPass
        """
        layers = self.stack.forward(x, shard, packed, workspace, seed=seed, save=save)
        raw, readout = self.output.forward(layers[-1].states, shard, packed, workspace, seed)
        return NetworkPass(raw, readout, layers)

    def backward(self, d_raw, saved, shard, packed, workspace, slot, *, seed=None):
        """Add the gradients of a shard to ``slot``.

        Parameters
        ----------
        d_raw : ndarray, like ``saved.raw``
            Gradient of the raw predictions; zero in padding columns.
        saved : NetworkPass
            What `forward` with ``save=True`` returned for the other arguments.
        """
        finals, d_states = self.output.backward(
            d_raw, saved.readout, saved.states, shard, packed, workspace, slot.views, seed
        )
        d_finals = [None] * (len(saved.layers) - 1) + [finals]
        d_x, _ = self.stack.backward(
            saved.layers, shard, packed, workspace, slot.views, d_finals, d_states, seed=seed,
            need_x=bool(self.embeddings),
        )  # fmt: skip
        if self.embeddings:
            slot.d_x = slot.memory.array("d_x", (shard.n_rows, self.n_embedded))
            self.kernels.copy_columns(d_x, 0, slot.d_x)
            self._drop_embeddings(slot.d_x, shard, seed)

    def train_shard(self, feed, shard, packed, workspace, slot, *, seed, scale, losses, place):
        loaded = self._load(feed, shard, packed, workspace, seed)
        saved = self.forward(loaded.x, loaded.shard, packed, workspace, seed=seed, save=True)
        d_raw = self.output.loss_gradient(saved.raw, feed, loaded, workspace, scale, losses, place)
        self.backward(d_raw, saved, loaded.shard, packed, workspace, slot, seed=seed)

    def predict_shard(self, feed, shard, packed, workspace, starts, out):
        loaded = self._load(feed, shard, packed, workspace)
        raw = self.forward(loaded.x, loaded.shard, packed, workspace).raw
        self.output.readout.scatter(self.kernels.to_host(raw), shard, starts, out)

    # -- inner states ------------------------------------------------------------------------------
    def pool_shard(self, feed, shard, packed, workspace, starts, out):
        """Write the pooled vectors of a shard, without padding, to rows ``starts`` of ``out``."""
        loaded, states = self._load_states(feed, shard, packed, workspace)
        readout = self.output.readout
        rows = readout.forward(states, loaded, packed, workspace).rows
        readout.scatter(without_padding(self.kernels.to_host(rows), readout), shard, starts, out)

    def states_shard(self, feed, shard, packed, workspace, starts, out, layer=-1):
        """Write the states of every step of a layer, directions side by side, to ``out``."""
        loaded, states = self._load_states(feed, shard, packed, workspace, layer)
        readout = EveryStep("states", self.stack.layers[layer], 0.0)
        rows = readout.forward(states, loaded, packed, workspace).rows
        readout.scatter(without_padding(self.kernels.to_host(rows), readout), shard, starts, out)

    def attention_shard(self, feed, shard, packed, workspace, starts, out):
        """Write the attention weights of every step of a shard to ``out``, (n_steps, 1)."""
        loaded, states = self._load_states(feed, shard, packed, workspace)
        weights = self.output.readout.attention(states, loaded, packed, workspace)
        scatter_steps(self.kernels.to_host(weights).reshape(-1, 1), shard, starts, out)

    def _load_states(self, feed, shard, packed, workspace, layer=-1):
        """Return the shard on the device, and the states of a layer."""
        loaded = self._load(feed, shard, packed, workspace)
        layers = self.stack.forward(loaded.x, loaded.shard, packed, workspace)
        return loaded.shard, layers[layer].states


def without_padding(rows, readout):
    """Rows of a readout without the padding columns."""
    layer = readout.layer
    groups = rows.reshape(len(rows), readout.n_groups, layer.n_units)
    return groups[:, :, : layer.n_hidden].reshape(len(rows), -1)
