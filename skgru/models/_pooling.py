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

    def _columns(self, kind):
        """First column in the pooled vector, of each direction of a kind, with its row shift."""
        first = self.kinds.index(kind) * self.layer.n_outputs
        for direction in self.layer.directions:
            column = first + direction.number * self.layer.n_units
            yield direction.number, column, 0 if direction.reverse else 1

    def forward(self, states, shard, packed, workspace):
        """Return the pooled vectors, (n_sequences, n_outputs)."""
        k, block, lengths = self.kernels, shard.block, shard.lengths
        pooled = workspace.array("pooled", (shard.n_sequences, self.n_outputs))
        total = workspace.array("total", (self.layer.n_units,), np.float64)
        if "attention" in self.kinds:
            attention = self.attention(states, shard, packed, workspace)
        for kind in self.kinds:
            for d, column, shift in self._columns(kind):
                if kind == "last":
                    k.pool_last(states[d], block, lengths, shift, pooled, column)
                elif kind == "mean":
                    k.pool_mean(states[d], block, lengths, shift, pooled, column, total)
                elif kind == "max":
                    where = self._where(workspace, d, shard)
                    k.pool_max(states[d], block, lengths, shift, pooled, column, where)
                else:
                    k.pool_attention(
                        states[d], block, lengths, shift, attention, pooled, column, total
                    )
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
        k, block, lengths = self.kernels, shard.block, shard.lengths
        n_units = self.layer.n_units
        if "last" in self.kinds:  # writes all of them
            finals = self.layer.finals(shard, workspace)
        else:
            finals = self.layer.zero_finals(shard, workspace)
        d_states = None
        if self.kinds != ("last",):
            d_states = workspace.zeros("d_states", (shard.n_rows, self.layer.n_outputs))
        for kind in self.kinds:
            if kind == "attention":
                self._attention_backward(d_pooled, states, shard, packed, workspace, slot, d_states)
                continue
            for d, column, _ in self._columns(kind):
                if kind == "last":
                    k.copy_columns(d_pooled, column, finals[d])
                elif kind == "mean":
                    k.pool_mean_backward(
                        d_pooled, column, block, lengths, d_states, d * n_units, n_units
                    )
                else:
                    where = self._where(workspace, d, shard)
                    k.pool_max_backward(d_pooled, column, where, block, d_states, d * n_units)
        return finals, d_states

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
