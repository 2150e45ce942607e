"""Shards of a data set, in reach of the kernels."""

import numpy as np

from skgru.data import Shard, gather_steps, gathered_dtype, pack_shard

# Shards that may be on their way to a device: numbers that describe them, and their values.
_DESCRIPTIONS, _PARCELS = 16, 2


def make_feed(network, sequences, shift, scale, target=None, weight=None):
    """What hands a data set to a network, on whatever device that is.

    Parameters
    ----------
    network : GRUNetwork
    sequences : Sequences
    shift, scale : ndarray of shape (n_features,), float64
        Inputs are standardised as (x - shift) * scale.
    target : ndarray of shape (len(sequences), n_target), float64, default=None
    weight : ndarray of shape (len(sequences),), float64, default=None
        Needed by `targets` alone.
    """
    kind = HostFeed if network.kernels.ON_HOST else DeviceFeed
    return kind(network, sequences, shift, scale, target, weight)


class HostFeed:
    """Reads the arrays of the data set themselves; any number of threads may."""

    def __init__(self, network, sequences, shift, scale, target, weight):
        self.network, self.sequences = network, sequences
        self.lengths = sequences.common_length or sequences.lengths
        self._shift, self._scale = shift, scale
        self._target, self._weight = target, weight

    def inputs(self, shard, workspace):
        """The shard as kernels read it, and its inputs (n_rows, n_features)."""
        network = self.network
        x = workspace.array("x", (shard.n_rows, network.n_features))
        pack_shard(network.kernels, self.sequences, shard, self._shift, self._scale, x)
        return shard, x

    def targets(self, shard, workspace):
        """Targets (n_sequences, n_target) and weights (n_sequences,) of what `inputs` returned."""
        return self._target[shard.indices], self._weight[shard.indices]


class DeviceFeed:
    """Copies of the data set on a device: made once if there is room, shard by shard otherwise.

    What describes a shard goes there in one piece, and nothing waits for the device: the next shard
    is prepared while it computes.
    """

    def __init__(self, network, sequences, shift, scale, target, weight):
        kernels = network.kernels
        self.network, self.sequences = network, sequences
        self.lengths = sequences.common_length or sequences.lengths
        self._shift, self._scale = kernels.to_device(shift), kernels.to_device(scale)
        self._target, self._weight = (
            None if array is None else kernels.to_device(array) for array in (target, weight)
        )
        # Last, so that the room for them is what targets and weights leave.
        self._values = kernels.to_device_if_it_fits(sequences.values)
        self._descriptions = kernels.Mail(np.int64, _DESCRIPTIONS)
        self._parcels = kernels.Mail(gathered_dtype(sequences), _PARCELS)
        self._views = None, None, []

    def inputs(self, shard, workspace):
        """The shard as kernels read it, and its inputs (n_rows, n_features)."""
        network, kernels = self.network, self.network.kernels
        values, starts = self._values, self.sequences.offsets[shard.indices]
        if values is None:
            room = self._parcels.room((int(shard.lengths.sum()), network.n_features))
            _, starts = gather_steps(self.sequences, shard, room)
            values = workspace.array(("values", room.dtype), room.shape, room.dtype)
            self._parcels.send(room, values)
        *arrays, starts = self._send([*shard[:5], starts], workspace)
        shard = Shard(*arrays, *shard[5:])
        x = workspace.array("x", (shard.n_rows, network.n_features))
        kernels.pack_sequences(
            values, starts, shard.block, shard.alive, self._shift, self._scale, x
        )
        return shard, x

    def _send(self, arrays, workspace):
        """Copies of arrays of integers on the device."""
        sizes = tuple(map(len, arrays))
        whole = workspace.array("integers", (sum(sizes),), np.int64)
        room = self._descriptions.room(whole.shape)
        np.concatenate(arrays, out=room)
        self._descriptions.send(room, whole)
        known_sizes, known, views = self._views
        if known is not whole or known_sizes != sizes:  # most shards are like the one before
            ends = np.cumsum(sizes)
            views = [
                whole[end - size : end] for size, end in zip(sizes, ends.tolist(), strict=True)
            ]
            self._views = sizes, whole, views
        return views

    def targets(self, shard, workspace):
        """Targets (n_sequences, n_target) and weights (n_sequences,) of what `inputs` returned."""
        n = shard.n_sequences
        target = workspace.array("target", (n, self._target.shape[1]), np.float64)
        weight = workspace.array("weight", (n,), np.float64)
        self.network.kernels.take_targets(self._target, self._weight, shard.indices, target, weight)
        return target, weight
