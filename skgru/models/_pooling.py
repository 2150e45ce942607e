"""Pooling: a readout with one row for each sequence."""

from typing import NamedTuple

import numpy as np

from ._dropout import HEAD_SITE, site_seed
from ._parameters import Parameter


class PoolingPass(NamedTuple):
    """Results of a forward pass that the backward pass needs.

    Attributes
    ----------
    rows : (n_sequences, n_outputs), the pooled vectors after dropout
    where : list of (n_sequences, n_units) int64, the steps of the maxima of each direction
    attention : (shard.n_rows,) or None, the weights of the steps
    """

    rows: np.ndarray
    where: list
    attention: np.ndarray | None


class Pooling:
    """Turns the states of a sequence into one vector: one or several poolings side by side.

    The pooled vector holds, for each kind in the order given, the units of every direction.  "last"
    takes each direction's final state; "attention" takes the mean of the states h, weighted by the
    softmax of h . query over the steps.

    Parameters
    ----------
    name : str
        Prefix of its parameters and buffers.
    kinds : tuple of {"last", "mean", "max", "attention"}
    layer : GRULayer
        The layer whose states are pooled.
    dropout : float in [0, 1)
        Share of the pooled values dropped in training.
    """

    def __init__(self, name, kinds, layer, dropout):
        self.name, self.kinds, self.layer, self.kernels = name, kinds, layer, layer.kernels
        self.dropout = dropout
        self.n_outputs = len(kinds) * layer.n_outputs
        self.query = f"{name}.query"
        self._pooled, self._total = f"{name}.pooled", f"{name}.total"
        self._d_states = f"{name}.d_states"
        self._attention, self._d_attention = f"{name}.attention", f"{name}.d_attention"
        self._target, self._weight = f"{name}.target", f"{name}.weight"
        self._where = [f"{name}.where{d.number}" for d in layer.directions]

    @property
    def n_groups(self):
        return len(self.kinds) * len(self.layer.directions)

    def parameters(self):
        if "attention" not in self.kinds:
            return []
        n_directions = len(self.layer.directions)
        # A zero query weighs all steps alike: training starts from the mean.
        return [Parameter(self.query, (n_directions, self.layer.n_hidden), "weight")]

    def gradients(self):
        if "attention" not in self.kinds:
            return []
        shape = (len(self.layer.directions), self.layer.n_units)
        return [Parameter(self.query, shape, "weight")]

    def new_packed(self):
        zeros, dtype = self.kernels.zeros, self.layer.dtype
        return {p.name: zeros(p.shape, dtype) for p in self.gradients()}

    def pack(self, views, packed, transposed):
        if "attention" in self.kinds:
            self.kernels.copy_columns(views[self.query], 0, packed[self.query])

    def unpack_gradient(self, slot, views):
        if "attention" in self.kinds:
            self.kernels.copy_columns(slot[self.query], 0, views[self.query])

    def _column(self, kind, direction):
        """First column of a kind and direction in the pooled vector."""
        return self.kinds.index(kind) * self.layer.n_outputs + direction.number * self.layer.n_units

    def _columns(self, kind):
        """Yield the number, the row shift and the column of a kind, for each direction."""
        for direction in self.layer.directions:
            yield direction.number, 0 if direction.reverse else 1, self._column(kind, direction)

    def _simple(self, kinds):
        """Yield the number, the row shift and the columns of simple poolings, for each direction.

        The column of a pooling that is not among ``kinds`` is -1.
        """
        for direction in self.layer.directions:
            columns = [
                self._column(kind, direction) if kind in kinds else -1
                for kind in ("last", "mean", "max")
            ]
            yield direction.number, 0 if direction.reverse else 1, columns

    # -- rows --------------------------------------------------------------------------------------
    def row_counts(self, lengths):
        """Number of rows of sequences of these lengths: one each."""
        return np.ones(len(lengths), np.int64)

    def targets(self, feed, loaded, workspace):
        """Targets (n_sequences, n_target) and weights (n_sequences,) of the rows of a shard."""
        indices = loaded.shard.indices
        if self.kernels.ON_HOST:
            return feed.target[indices], feed.weight[indices]
        n = loaded.shard.n_sequences
        target = workspace.array(self._target, (n, feed.target.shape[1]), np.float64)
        weight = workspace.array(self._weight, (n,), np.float64)
        self.kernels.take_targets(feed.target, feed.weight, indices, target, weight)
        return target, weight

    def scatter(self, rows, shard, starts, out):
        """Write the row of each sequence of a shard to row ``starts[i]`` of ``out``."""
        out[starts] = rows[:, : out.shape[1]]

    # -- passes ------------------------------------------------------------------------------------
    def forward(self, states, shard, packed, workspace, seed=None):
        """Pool the states of a shard.

        Parameters
        ----------
        states : list of (shard.n_state_rows, n_units)
            States of each direction.
        seed : int or None
            Seed of the dropout mask; None for no dropout.

        Returns
        -------
        saved : PoolingPass
        """
        k, block, lengths = self.kernels, shard.block, shard.lengths
        pooled = workspace.array(self._pooled, (shard.n_sequences, self.n_outputs))
        total = workspace.array(self._total, (self.layer.n_units,), np.float64)
        where = [  # only "max" uses them, but its kernel also computes the other poolings
            workspace.array(name, (shard.n_sequences, self.layer.n_units), np.int64)
            for name in self._where
        ]
        attention = None
        if self.kinds != ("attention",):
            for d, shift, columns in self._simple(self.kinds):
                k.pool(states[d], block, lengths, shift, pooled, *columns, where[d], total)
        if "attention" in self.kinds:
            attention = self.attention(states, shard, packed, workspace)
            for d, shift, column in self._columns("attention"):
                k.pool_attention(states[d], block, lengths, shift, attention, pooled, column, total)
        self._drop(pooled, shard, seed)
        return PoolingPass(pooled, where, attention)

    def _drop(self, pooled, shard, seed):
        """Apply the dropout before the head to the pooled vectors or to their gradients."""
        if seed is not None and self.dropout > 0:
            self.kernels.drop_rows(
                pooled, shard.positions, site_seed(seed, HEAD_SITE), self.dropout,
                self.layer.n_hidden, self.layer.n_units,
            )  # fmt: skip

    def stream(self, states, n_steps, shard):
        """Kernel calls that pool streams after each further step.

        Parameters
        ----------
        states : (2 * n_streams, n_units)
            The second half holds the states after the step.
        n_steps : (n_streams,) int64
            Number of steps of each stream, including this one.
        shard : Shard of one step.

        Returns
        -------
        calls : list of (kernel, arguments)
            Calls to make after every step.
        pooled : (n_streams, n_outputs)
            The pooled vectors, which the calls write.
        memory : list of ndarray
            Arrays carried from one step to the next: the pooled vectors, and the sums of a mean.
        """
        total = np.zeros((shard.n_sequences, self.layer.n_units))
        pooled = self.kernels.zeros((shard.n_sequences, self.n_outputs), self.layer.dtype)
        k, n = self.kernels, shard.n_sequences
        calls = []
        for kind in self.kinds:
            ((_, shift, column),) = self._columns(kind)
            if kind == "last":
                arguments = states, shard.block, shard.lengths, shift, pooled, column
                calls.append((k.pool_last, arguments))
            elif kind == "mean":
                calls.append((k.advance_mean, (states, n, n_steps, total, pooled, column)))
            elif kind == "max":
                calls.append((k.advance_max, (states, n, n_steps, pooled, column)))
            else:
                raise ValueError(f"pooling {kind!r} cannot be computed step by step")
        return calls, pooled, [total, pooled]

    def attention(self, states, shard, packed, workspace):
        """Attention weights of every step, (shard.n_rows,) in the block layout."""
        attention = workspace.array(self._attention, (shard.n_rows,))
        for d, shift, _ in self._columns("attention"):
            query = packed[self.query][d]
            self.kernels.attention_scores(
                states[d], shard.block, shard.alive, shift, query, d > 0, attention
            )
        self.kernels.attention_softmax(attention, shard.block, shard.lengths)
        return attention

    def backward(self, d_rows, saved, states, shard, packed, workspace, slot, seed=None):
        """Turn the gradients of the pooled vectors (overwritten) into gradients of the states.

        Parameters
        ----------
        d_rows : (n_sequences, n_outputs at least)
        saved, states, seed
            Result and arguments of the matching call of `forward`.

        Returns
        -------
        finals : list of (n_sequences, n_units)
            Gradients of the final states of each direction.
        d_states : (shard.n_rows, layer.n_outputs) or None
            Gradients of the states of every step.
        """
        self._drop(d_rows, shard, seed)
        finals = self.layer.final_gradients(shard, workspace)
        n_rows = 0 if self.kinds == ("last",) else shard.n_rows
        d_states = workspace.array(self._d_states, (n_rows, self.layer.n_outputs))
        if "attention" not in self.kinds:
            self._simple_backward(self.kinds, d_rows, saved, finals, d_states, shard, False)
            return finals, d_states if n_rows > 0 else None
        # Add one after the other, in the order given: the order of a sum affects its rounding.
        for array in (*finals, d_states):
            self.kernels.fill(array, 0)
        for kind in self.kinds:
            if kind == "attention":
                self._attention_backward(
                    d_rows, saved, states, shard, packed, workspace, slot, d_states
                )
            else:
                self._simple_backward((kind,), d_rows, saved, finals, d_states, shard, True)
        return finals, d_states

    def _simple_backward(self, kinds, d_pooled, saved, finals, d_states, shard, add):
        for d, _, columns in self._simple(kinds):
            self.kernels.pool_backward(
                d_pooled, *columns, saved.where[d], shard.block, shard.lengths,
                finals[d], d_states, d * self.layer.n_units, add,
            )  # fmt: skip

    def _attention_backward(
        self, d_pooled, saved, states, shard, packed, workspace, slot, d_states
    ):
        k, block, lengths = self.kernels, shard.block, shard.lengths
        attention = saved.attention
        d_attention = workspace.array(self._d_attention, (shard.n_rows,))
        for d, shift, column in self._columns("attention"):
            k.attention_weight_gradient(
                states[d], block, shard.alive, shift, d_pooled, column, d > 0, d_attention
            )
        k.attention_softmax_backward(attention, block, lengths, d_attention)
        for d, shift, column in self._columns("attention"):
            k.pool_attention_backward(
                states[d], block, lengths, shift, attention, d_attention,
                packed[self.query][d], d_pooled, column, d_states, d * self.layer.n_units,
                slot[self.query][d],
            )  # fmt: skip
