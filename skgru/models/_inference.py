"""Run a network over a data set, shard by shard."""

import numpy as np

from skgru.data import cut_into_shards, minibatches

from ._feeds import make_feed
from ._threads import run_tasks

# Sequences that are sorted by length together; bounds the bookkeeping of a large data set.
_CHUNK_SEQUENCES = 4096


class Predictor:
    """Network, packed weights and scaling, ready to run; read-only and safe to share by threads.

    Parameters
    ----------
    network : GRUNetwork
    parameters : ndarray
        Flat parameter vector; packed once, here.
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    """

    def __init__(self, network, parameters, shift, scale):
        self.network, self.shift, self.scale = network, shift, scale
        self.packed = network.new_packed()
        network.pack(network.place(parameters), self.packed, transposed=False)

    def predict_raw(self, sequences, indices=None, n_threads=1, workspaces=None, feed=None):
        """Raw predictions of the chosen sequences, (n, n_outputs) in the network's dtype.

        ``workspaces`` of the network, one for each thread, and a ``feed`` of the sequences are used
        where the caller has them.
        """
        network = self.network
        indices = np.arange(len(sequences)) if indices is None else indices
        raw = np.empty((len(indices), network.n_outputs), dtype=network.dtype)

        def predict(x, shard, placed, workspace, chunk):
            found = network.forward(x, placed, self.packed, workspace)
            found = network.kernels.to_host(found)
            raw[chunk + shard.positions] = found[:, : network.n_outputs]

        workspaces = workspaces or network.new_workspaces(n_threads)
        feed = feed or make_feed(network, sequences, self.shift, self.scale)
        self._for_shards(predict, feed, indices, workspaces)
        return raw

    def attention(self, sequences, n_threads=1):
        """Attention weights: a list with one array (length,) for each sequence."""
        found, network = [None] * len(sequences), self.network

        def attend(x, shard, placed, workspace, chunk):
            weights = network.attention(x, placed, self.packed, workspace)
            weights = network.kernels.to_host(weights)
            for i, length in enumerate(shard.lengths):
                found[chunk + shard.positions[i]] = weights[shard.block[:length] + i]

        workspaces = network.new_workspaces(n_threads)
        feed = make_feed(network, sequences, self.shift, self.scale)
        self._for_shards(attend, feed, np.arange(len(sequences)), workspaces)
        return found

    def _for_shards(self, visit, feed, indices, workspaces):
        """Call ``visit(x, shard, placed, workspace, chunk)``, ``placed`` being the shard's twin on
        the device, and ``chunk`` the number of sequences before those that it belongs to."""
        network = self.network
        for number, chunk in enumerate(minibatches(indices, _CHUNK_SEQUENCES)):
            limits = network.prediction_limits(len(chunk), len(workspaces))
            shards = cut_into_shards(chunk, feed.lengths, *limits)

            def task(i, workspace, shards=shards, number=number):
                placed, x = feed.inputs(shards[i], workspace)
                visit(x, shards[i], placed, workspace, number * _CHUNK_SEQUENCES)

            run_tasks(task, len(shards), workspaces)
