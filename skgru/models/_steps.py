"""EveryStep: a readout with one row for each step."""

from typing import NamedTuple

import numpy as np

from ._dropout import HEAD_SITE, site_seed
from ._stack import connect_directions


class StepsPass(NamedTuple):
    """Results of a forward pass that the backward pass needs.

    Attributes
    ----------
    rows : (shard.n_rows, n_outputs), the states of every step after dropout
    """

    rows: np.ndarray


class EveryStep:
    """The states of every step, directions side by side.

    Rows lie in the block layout of a shard.  Rows that belong to no sequence are zero and have
    weight zero.

    Parameters
    ----------
    name : str
        Prefix of its buffers.
    layer : GRULayer
        The layer whose states are read.
    dropout : float in [0, 1)
        Share of the values dropped in training.
    """

    def __init__(self, name, layer, dropout):
        self.name, self.layer, self.kernels, self.dropout = name, layer, layer.kernels, dropout
        self.n_outputs = layer.n_outputs
        self._rows = f"{name}.rows"
        self._target, self._weight = f"{name}.target", f"{name}.weight"

    @property
    def n_groups(self):
        return len(self.layer.directions)

    # It has no parameters.
    def parameters(self):
        return []

    def gradients(self):
        return []

    def new_packed(self):
        return {}

    def pack(self, views, packed, transposed):
        pass

    def unpack_gradient(self, slot, views):
        pass

    # -- rows --------------------------------------------------------------------------------------
    def row_counts(self, lengths):
        """Number of rows of sequences of these lengths: one for each step."""
        return lengths

    def targets(self, feed, loaded, workspace):
        """Targets (shard.n_rows, n_target) and weights (shard.n_rows,) of the rows of a shard."""
        shard, n_target = loaded.shard, feed.target.shape[1]
        target = workspace.array(self._target, (shard.n_rows, n_target), np.float64)
        weight = workspace.array(self._weight, (shard.n_rows, 1), np.float64)
        for values, out in ((feed.target, target), (feed.weight.reshape(-1, 1), weight)):
            shift, scale = feed.identity(out.shape[1])
            self.kernels.pack_sequences(
                values, loaded.starts, shard.block, shard.alive, shift, scale, out, 0
            )
        return target, weight.reshape(-1)

    def scatter(self, rows, shard, starts, out):
        """Write the rows of sequence i of a shard to ``out`` from row ``starts[i]`` on."""
        scatter_steps(rows, shard, starts, out)

    # -- passes ------------------------------------------------------------------------------------
    def forward(self, states, shard, packed, workspace, seed=None):
        """Lay the states of a shard side by side; arguments as for `Pooling.forward`."""
        rows = workspace.array(self._rows, (shard.n_rows, self.n_outputs))
        rate = self.dropout if seed is not None else 0.0
        connect_directions(self.layer, states, shard, site_seed(seed or 0, HEAD_SITE), rate, rows)
        return StepsPass(rows)

    def backward(self, d_rows, saved, states, shard, packed, workspace, slot, seed=None):
        """Turn the gradients of the rows, which are overwritten, into gradients of the states.

        Arguments and results are as for `Pooling.backward`; the final states have no gradient of
        their own.
        """
        if seed is not None and self.dropout > 0:
            self.kernels.drop_steps(
                d_rows, shard.block, shard.alive, shard.positions, site_seed(seed, HEAD_SITE),
                self.dropout, self.layer.n_hidden, self.layer.n_units,
            )  # fmt: skip
        return None, d_rows

    def stream(self, states, n_steps, shard):
        """Like `Pooling.stream`, but without calls: the head reads the states directly."""
        return [], states[shard.n_sequences :], []


def scatter_steps(rows, shard, starts, out):
    """Write rows in the block layout of a shard to a table with one sequence after the other.

    Parameters
    ----------
    rows : (shard.n_rows, >= n_columns)
    starts : (n_sequences,) int
        Row of ``out`` at which each sequence begins.
    out : (any, n_columns)
    """
    alive = shard.alive
    step = np.repeat(np.arange(len(alive)), alive)
    i = np.arange(len(step)) - np.repeat(np.cumsum(alive) - alive, alive)
    out[starts[i] + step] = rows[shard.block[step] + i, : out.shape[1]]
