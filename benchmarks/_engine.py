"""The engine of the speed benchmarks: this package below its estimators."""

import numpy as np

from skgru.data import Sequences, cut_into_shards
from skgru.models import GRUNetwork, make_feed, run_tasks


class Engine:
    """The recurrent layers of a network; packing of weights and of inputs is part of a run.

    Parameters
    ----------
    problem : Problem
    threads : int
    kernels : module, default=None
        Of the device; None means those of the CPU, and others need `_gpu_engines.OnDevice`.
    """

    kinds = ("training", "inference")

    def __init__(self, problem, threads, kernels=None):
        case = problem.case
        batch, _, inputs, hidden = case.shape
        self.problem, self.case = problem, case
        self.network = network = GRUNetwork(
            inputs, (hidden,) * case.n_layers, bidirectional=case.n_directions == 2,
            pooling=("last",), n_outputs=1, dropout=0, recurrent_dropout=0, dtype=case.dtype,
            kernels=kernels,
        )  # fmt: skip
        self.layers = network.stack.layers
        self.n_units = self.layers[-1].n_units
        self.parameters = np.zeros(network.layout.size, case.dtype)
        views = network.layout.views(self.parameters)
        for prefix, weights in zip(self._prefixes(), problem.weights, strict=True):
            views[f"{prefix}.W"][...], views[f"{prefix}.U"][...] = weights.W, weights.U
            bias = weights.b_i.copy()
            bias[: 2 * hidden] += weights.b_h[: 2 * hidden]
            views[f"{prefix}.b"][...] = bias
            views[f"{prefix}.b_hn"][...] = weights.b_h[2 * hidden :]
        offsets = np.concatenate([[0], np.cumsum(problem.lengths)])
        self.sequences = Sequences(problem.rows, offsets, "ragged")
        self.feed = make_feed(network, self.sequences, np.zeros(inputs), np.ones(inputs))
        self.packed = network.new_packed()
        self.on_device = network.upload(self.parameters)
        self.workspaces = network.new_workspaces(threads)
        self.lengths = self.sequences.common_length or self.sequences.lengths
        self.batch = np.arange(batch)
        shards = cut_into_shards(self.batch, self.lengths, *network.shard_limits)
        self.slots = [network.new_slot() for _ in shards]
        self.gradient = network.new_gradient()
        self.last = np.zeros((batch, case.n_directions * hidden), case.dtype)

    def _prefixes(self):
        for layer in self.layers:
            for d in layer.directions:
                yield d.W.removesuffix(".W")

    def run(self, train):
        network = self.network
        limits = network.shard_limits
        if not train:
            limits = network.prediction_limits(len(self.batch), len(self.workspaces))
        shards = cut_into_shards(self.batch, self.lengths, *limits)
        for layer in self.layers:
            layer.pack(self.on_device.views, self.packed, train)

        def work(i, workspace):
            shard, x, _ = self.feed.load(shards[i], workspace)
            saved = network.stack.forward(x, shard, self.packed, workspace, save=train)
            self._take_last(saved[-1].states, shard)
            if train:
                self.slots[i].flat.fill(0)
                self._backward(saved, shard, workspace, self.slots[i])

        run_tasks(work, range(len(shards)), self.workspaces)
        if train:
            total = self.slots[0]
            for slot in self.slots[1:]:
                network.kernels.add(total.flat, slot.flat)
            network.unpack_gradient(total, self.gradient)

    def _take_last(self, states, shard):
        hidden, n = self.case.hidden, shard.n_sequences
        # Block t + 1 holds the states after step t, those of a backward layer are in block t.
        last = int(shard.block[-2])
        after = slice(last, last + n)
        if shard.alive[-1] < n:
            after = shard.block[shard.lengths] + np.arange(n)
        for d in self.layers[-1].directions:
            rows = slice(n) if d.reverse else after
            columns = slice(d.number * hidden, (d.number + 1) * hidden)
            self.last[shard.positions, columns] = states[d.number][rows, :hidden]

    def _backward(self, saved, shard, workspace, slot):
        """From gradients of the final states on."""
        stack, hidden = self.network.stack, self.case.hidden
        finals = stack.top.no_final_gradients(shard, workspace)
        for d, final in enumerate(finals):
            d_final = self.problem.d_final[shard.positions, d * hidden : (d + 1) * hidden]
            final[:, :hidden] = d_final
        d_finals = [None] * (len(self.layers) - 1) + [finals]
        stack.backward(saved, shard, self.packed, workspace, slot.views, d_finals)

    def final(self):
        """Final states of the top layer, directions side by side."""
        return self.last

    def gradients(self):
        """For every layer and direction those of W, U, b (of input and state) and b_hn."""
        return [
            self.gradient.views[f"{prefix}.{array}"]
            for prefix in self._prefixes()
            for array in ("W", "U", "b", "b_hn")
        ]
