"""Run a network over a data set, shard by shard."""

import numpy as np

from skgru.data import cut_into_shards, minibatches, pack_shard

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
        network.pack(parameters, self.packed, transposed=False)

    def predict_raw(self, sequences, indices=None, n_threads=1, workspaces=None):
        """Raw predictions of the chosen sequences, (n, n_outputs) in the network's dtype.

        ``workspaces`` of the network, one for each thread, are used where the caller has them.
        """
        indices = np.arange(len(sequences)) if indices is None else indices
        raw = np.empty((len(indices), self.network.n_outputs), dtype=self.network.dtype)

        def predict(x, shard, workspace, chunk):
            found = self.network.forward(x, shard, self.packed, workspace)
            raw[chunk + shard.positions] = found[:, : self.network.n_outputs]

        self._for_shards(predict, sequences, indices, workspaces or self._workspaces(n_threads))
        return raw

    def attention(self, sequences, n_threads=1):
        """Attention weights: a list with one array (length,) for each sequence."""
        found = [None] * len(sequences)

        def attend(x, shard, workspace, chunk):
            weights = self.network.attention(x, shard, self.packed, workspace)
            for i, length in enumerate(shard.lengths):
                found[chunk + shard.positions[i]] = weights[shard.block[:length] + i]

        self._for_shards(attend, sequences, np.arange(len(sequences)), self._workspaces(n_threads))
        return found

    def _workspaces(self, n_threads):
        return [self.network.new_workspace() for _ in range(n_threads)]

    def _for_shards(self, visit, sequences, indices, workspaces):
        network, lengths = self.network, sequences.lengths
        for number, chunk in enumerate(minibatches(indices, _CHUNK_SEQUENCES)):
            shards = cut_into_shards(chunk, lengths, network.shard_size)

            def task(i, workspace, shards=shards, number=number):
                shard = shards[i]
                x = workspace.array("x", (shard.n_rows, network.n_features))
                pack_shard(network.kernels, sequences, shard, self.shift, self.scale, x)
                visit(x, shard, workspace, number * _CHUNK_SEQUENCES)

            run_tasks(task, len(shards), workspaces)
