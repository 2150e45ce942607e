"""The pooling module of a network: which kernels run, on which columns."""

import numpy as np

from ._parameters import Parameter


class Pooling:
    """States of a sequence become one vector: one or several poolings side by side.

    The pooled vector holds, for each kind in the order given, the units of every direction.  "last"
    takes each direction's final state; "attention" a mean under softmax weights of h . query.
    """

    def __init__(self, kinds, layer):
        self.kinds, self.layer, self.kernels = kinds, layer, layer.kernels
        self.n_outputs = len(kinds) * layer.n_outputs

    @property
    def n_groups(self):
        return len(self.kinds) * len(self.layer.directions)

    def parameters(self):
        if "attention" not in self.kinds:
            return []
        n_directions = len(self.layer.directions)
        # A zero query weighs all steps alike: training starts from the mean.
        return [Parameter("attention.query", (n_directions, self.layer.n_hidden), True)]

    def gradients(self):
        if "attention" not in self.kinds:
            return []
        shape = (len(self.layer.directions), self.layer.n_units)
        return [Parameter("attention.query", shape, True)]

    def new_packed(self):
        zeros, dtype = self.kernels.zeros, self.layer.dtype
        return {p.name: zeros(p.shape, dtype) for p in self.gradients()}

    def pack(self, views, packed, transposed):
        if "attention" in self.kinds:
            self.kernels.copy_columns(views["attention.query"], 0, packed["attention.query"])

    def unpack_gradient(self, slot, views):
        if "attention" in self.kinds:
            self.kernels.copy_columns(slot["attention.query"], 0, views["attention.query"])

    def _column(self, kind, direction):
        """First column of a kind and direction in the pooled vector."""
        return self.kinds.index(kind) * self.layer.n_outputs + direction.number * self.layer.n_units

    def _columns(self, kind):
        """Of each direction the number, the column of a kind, and the row shift."""
        for direction in self.layer.directions:
            yield direction.number, self._column(kind, direction), 0 if direction.reverse else 1

    def _simple(self, kinds):
        """Of each direction the number, the row shift, and the columns of the simple poolings."""
        for direction in self.layer.directions:
            columns = [
                self._column(kind, direction) if kind in kinds else -1
                for kind in ("last", "mean", "max")
            ]
            yield direction.number, 0 if direction.reverse else 1, columns

    def forward(self, states, shard, packed, workspace):
        """Return the pooled vectors, (n_sequences, n_outputs)."""
        k, block, lengths = self.kernels, shard.block, shard.lengths
        pooled = workspace.array("pooled", (shard.n_sequences, self.n_outputs))
        total = workspace.array("total", (self.layer.n_units,), np.float64)
        if self.kinds != ("attention",):
            for d, shift, columns in self._simple(self.kinds):
                where = self._where(workspace, d, shard)
                k.pool(states[d], block, lengths, shift, pooled, *columns, where, total)
        if "attention" in self.kinds:
            attention = self.attention(states, shard, packed, workspace)
            for d, column, shift in self._columns("attention"):
                k.pool_attention(states[d], block, lengths, shift, attention, pooled, column, total)
        return pooled

    def stream_calls(self, states, n_steps, shard, total, pooled):
        """Kernels, with their arguments, that pool streams after one more step.

        Parameters
        ----------
        states : (2 * n_streams, n_units), those after the step in the second half.
        n_steps : (n_streams,) int64, steps of each stream, this one included.
        shard : Shard of one step.
        total : (n_streams, n_units) float64, what a mean needs to go on.
        pooled : (n_streams, n_outputs)
        """
        k, n = self.kernels, shard.n_sequences
        calls = []
        for kind in self.kinds:
            ((_, column, shift),) = self._columns(kind)
            if kind == "last":
                arguments = states, shard.block, shard.lengths, shift, pooled, column
                calls.append((k.pool_last, arguments))
            elif kind == "mean":
                calls.append((k.advance_mean, (states, n, n_steps, total, pooled, column)))
            else:
                calls.append((k.advance_max, (states, n, n_steps, pooled, column)))
        return calls

    def _where(self, workspace, d, shard):
        return workspace.array(("where", d), (shard.n_sequences, self.layer.n_units), np.int64)

    def attention(self, states, shard, packed, workspace):
        """Attention weights of every step, (shard.n_rows,) in the block layout."""
        attention = workspace.array("attention", (shard.n_rows,))
        for d, _, shift in self._columns("attention"):
            query = packed["attention.query"][d]
            self.kernels.attention_scores(
                states[d], shard.block, shard.alive, shift, query, d > 0, attention
            )
        self.kernels.attention_softmax(attention, shard.block, shard.lengths)
        return attention

    def backward(self, d_pooled, states, shard, packed, workspace, slot):
        """Return the gradients of the final states of each direction, and of all states or None."""
        finals = self.layer.finals(shard, workspace)
        n_rows = 0 if self.kinds == ("last",) else shard.n_rows
        d_states = workspace.array("d_states", (n_rows, self.layer.n_outputs))
        if "attention" not in self.kinds:
            self._simple_backward(self.kinds, d_pooled, finals, d_states, shard, workspace, False)
            return finals, d_states if n_rows > 0 else None
        # One after the other, as they stand: the order of a sum is part of its value.
        for array in (*finals, d_states):
            self.kernels.fill(array, 0)
        for kind in self.kinds:
            if kind == "attention":
                self._attention_backward(d_pooled, states, shard, packed, workspace, slot, d_states)
            else:
                self._simple_backward((kind,), d_pooled, finals, d_states, shard, workspace, True)
        return finals, d_states

    def _simple_backward(self, kinds, d_pooled, finals, d_states, shard, workspace, add):
        for d, _, columns in self._simple(kinds):
            self.kernels.pool_backward(
                d_pooled, *columns, self._where(workspace, d, shard), shard.block, shard.lengths,
                finals[d], d_states, d * self.layer.n_units, add,
            )  # fmt: skip

    def _attention_backward(self, d_pooled, states, shard, packed, workspace, slot, d_states):
        k, block, lengths = self.kernels, shard.block, shard.lengths
        attention = workspace.array("attention", (shard.n_rows,))
        d_attention = workspace.array("d_attention", (shard.n_rows,))
        for d, column, shift in self._columns("attention"):
            k.attention_weight_gradient(
                states[d], block, shard.alive, shift, d_pooled, column, d > 0, d_attention
            )
        k.attention_softmax_backward(attention, block, lengths, d_attention)
        for d, column, shift in self._columns("attention"):
            k.pool_attention_backward(
                states[d], block, lengths, shift, attention, d_attention,
                packed["attention.query"][d], d_pooled, column, d_states, d * self.layer.n_units,
                slot["attention.query"][d],
            )  # fmt: skip
