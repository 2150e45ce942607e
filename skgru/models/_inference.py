"""Run a network over a data set, shard by shard."""

import numpy as np

from skgru.data import cut_into_shards, minibatches

from ._feeds import make_feed
from ._threads import run_tasks

# Number of sequences that are sorted by length at a time; this bounds the bookkeeping for a large
# data set.
_CHUNK_SEQUENCES = 4096


class Predictor:
    """Network, packed weights and scaling, ready to run.

    Parameters
    ----------
    network : Network
    parameters : ndarray
        Flat parameter vector; packed once, here.
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    """

    def __init__(self, network, parameters, shift, scale):
        self.network, self.shift, self.scale = network, shift, scale
        self._packed = network.new_packed()
        self.pack(parameters)

    def pack(self, parameters):
        """Replace the parameters."""
        self.network.pack(self.network.upload(parameters), self._packed, transposed=False)

    def predict_raw(self, sequences, indices=None, n_threads=1, workspaces=None, feed=None):
        """Raw predictions of the chosen sequences, (n_rows, n_outputs) in the network's dtype.

        Each sequence has one row, or one row for each step, and sequences follow one another in the
        chosen order.  The caller may pass ``workspaces`` of the network, one for each thread, and a
        ``feed`` of the sequences; otherwise they are made here.
        """
        network = self.network
        indices = np.arange(len(sequences)) if indices is None else indices
        counts = network.row_counts(sequences.lengths[indices])
        out = np.empty((int(counts.sum()), network.n_outputs), dtype=network.dtype)
        feed = feed or make_feed(network, sequences, self.shift, self.scale)
        workspaces = workspaces or network.new_workspaces(n_threads)
        self._run(network.predict_shard, feed, indices, counts, workspaces, out)
        return out

    def pooled(self, sequences, n_threads=1):
        """Pooled vectors, (n_sequences, n_poolings * n_directions * n_hidden)."""
        readout = self.network.output.readout
        shape = len(sequences), readout.n_groups * readout.layer.n_hidden
        counts = np.ones(len(sequences), np.int64)
        return self._visit(self.network.pool_shard, sequences, counts, shape, n_threads)

    def states(self, sequences, layer=-1, n_threads=1):
        """States of a layer at every step, (n_steps, n_directions * n_hidden)."""

        def visit(*arguments):
            self.network.states_shard(*arguments, layer=layer)

        chosen = self.network.stack.layers[layer]
        shape = int(sequences.offsets[-1]), len(chosen.directions) * chosen.n_hidden
        return self._visit(visit, sequences, sequences.lengths, shape, n_threads)

    def attention(self, sequences, n_threads=1):
        """Attention weights of every step, (n_steps, 1)."""
        shape, visit = (int(sequences.offsets[-1]), 1), self.network.attention_shard
        return self._visit(visit, sequences, sequences.lengths, shape, n_threads)

    def _visit(self, visit, sequences, counts, shape, n_threads):
        out = np.empty(shape, dtype=self.network.dtype)
        feed = make_feed(self.network, sequences, self.shift, self.scale)
        workspaces = self.network.new_workspaces(n_threads)
        self._run(visit, feed, np.arange(len(sequences)), counts, workspaces, out)
        return out

    def _run(self, visit, feed, indices, counts, workspaces, out):
        """Call ``visit(feed, shard, packed, workspace, starts, out)`` for every shard.

        ``counts`` is the number of rows of each chosen sequence in ``out``, and ``starts`` the
        first row of each sequence of the shard.
        """
        network, starts = self.network, np.cumsum(counts) - counts
        for number, chunk in enumerate(minibatches(indices, _CHUNK_SEQUENCES)):
            limits = network.prediction_limits(len(chunk), len(workspaces))
            shards = cut_into_shards(chunk, feed.lengths, *limits)
            chunk_starts = starts[number * _CHUNK_SEQUENCES :]

            def task(i, workspace, shards=shards, chunk_starts=chunk_starts):
                first = chunk_starts[shards[i].positions]
                visit(feed, shards[i], self._packed, workspace, first, out)

            run_tasks(task, range(len(shards)), workspaces)
