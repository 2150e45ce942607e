"""Feeds: they load shards of a data set into memory that the kernels can read."""

from functools import cache
from typing import NamedTuple

import numpy as np

from skgru.data import ScatteredRows, Shard, gather_steps, gathered_dtype

# Number of staging buffers for uploading shards to a device: for the integers that describe a
# shard, and for its values.
_N_DESCRIPTIONS, _N_VALUES = 16, 2


class LoadedShard(NamedTuple):
    """A shard that the kernels can read.

    Attributes
    ----------
    shard : Shard
        Its arrays lie on the device.
    x : (shard.n_rows, n_inputs)
        The standardised inputs, in the block layout. The columns of embeddings come first, and are
        not written yet.
    starts : (n_sequences,) int64
        The row at which each sequence begins in the table of all steps of the data set.  Tables of
        targets and weights that have a row for each step use the same numbering.
    codes : (shard.n_rows, n_categorical) int32 or None
        The codes of the embeddings, in the block layout, with -1 where there is no step.
    """

    shard: Shard
    x: np.ndarray
    starts: np.ndarray
    codes: np.ndarray | None = None


def make_feed(network, sequences, shift, scale, target=None, weight=None):
    """Make a feed, which loads the shards of a data set onto the device of a network.

    Parameters
    ----------
    network : Network
    sequences : Sequences
    shift, scale : ndarray of shape (n_features,), float64
        Inputs are standardised as (x - shift) * scale.
    target : ndarray of shape (n_rows, n_target), float64, default=None
    weight : ndarray of shape (n_rows,), float64, default=None
        The weight of every row of the output of the network (every sequence, or every step).
        Only training needs it.
    """
    kind = HostFeed if network.kernels.ON_HOST else DeviceFeed
    return kind(network, sequences, shift, scale, target, weight)


@cache
def _identity(n_columns):
    """Shift and scale that change nothing."""
    return np.zeros(n_columns), np.ones(n_columns)


class HostFeed:
    """Reads the arrays of the data set in place; any number of threads may use it at once."""

    #: Shift and scale of so many columns that change nothing.
    identity = staticmethod(_identity)

    def __init__(self, network, sequences, shift, scale, target, weight):
        self.network, self.sequences = network, sequences
        self.lengths = sequences.common_length or sequences.lengths
        self.target, self.weight = target, weight
        self._shift, self._scale = shift, scale

    def load(self, shard, workspace):
        """Return the shard as a `LoadedShard`."""
        sequences, network, kernels = self.sequences, self.network, self.network.kernels
        x = workspace.array("x", (shard.n_rows, network.n_inputs))
        starts = first = sequences.offsets[shard.indices]
        codes = None
        if network.embeddings:
            codes = workspace.array("codes", (shard.n_rows, len(network.embeddings)), np.int32)
            kernels.pack_codes(sequences.codes, starts, shard.block, shard.alive, codes)
        if network.n_features == 0:
            return LoadedShard(shard, x, starts, codes)
        values = sequences.values
        # A kernel is compiled for every input type it receives, so less common types are converted
        # here.  Only the sequences of the shard are read, so a memory map is never read as a whole.
        if values.dtype not in (np.float32, np.float64) or isinstance(values, ScatteredRows):
            values, first = gather_steps(sequences, shard)
        kernels.pack_sequences(
            values, first, shard.block, shard.alive, self._shift, self._scale, x, network.n_embedded
        )
        return LoadedShard(shard, x, starts, codes)

    def upload_groups(self, arrays):
        """Arrays of integers where the kernels can read them: these themselves."""
        return arrays


class DeviceFeed:
    """Copies of the data set on a device: made once if there is room, shard by shard otherwise.

    The integers that describe a shard are uploaded in one piece, and nothing waits for the device:
    the host prepares the next shard while the device computes.
    """

    def __init__(self, network, sequences, shift, scale, target, weight):
        kernels = network.kernels
        self.network, self.sequences = network, sequences
        self.lengths = sequences.common_length or sequences.lengths
        self._shift, self._scale = kernels.to_device(shift), kernels.to_device(scale)
        self.target, self.weight = (
            None if array is None else kernels.to_device(array) for array in (target, weight)
        )
        # Upload the values last: they may use the memory that targets and weights leave free.
        self._values = kernels.to_device_if_it_fits(sequences.values)
        self._descriptions = kernels.StagingBuffers(np.int64, _N_DESCRIPTIONS)
        self._staging = kernels.StagingBuffers(gathered_dtype(sequences), _N_VALUES)
        self._views = None, None, []
        self._identities = {}

    def load(self, shard, workspace):
        """Return the shard as a `LoadedShard`."""
        network, kernels = self.network, self.network.kernels
        values, starts = self._values, self.sequences.offsets[shard.indices]
        arrays = [*shard[:5], starts]  # and where each sequence begins in the values, if elsewhere
        if values is None:
            buffer = self._staging.next((int(shard.lengths.sum()), network.n_features))
            arrays.append(gather_steps(self.sequences, shard, buffer)[1])
            values = workspace.array(("values", buffer.dtype), buffer.shape, buffer.dtype)
            self._staging.upload(buffer, values)
        arrays = self._upload(arrays, workspace)
        loaded, starts, first = Shard(*arrays[:5], *shard[5:]), arrays[5], arrays[-1]
        x = workspace.array("x", (shard.n_rows, network.n_features))
        kernels.pack_sequences(
            values, first, loaded.block, loaded.alive, self._shift, self._scale, x, 0
        )
        return LoadedShard(loaded, x, starts)

    def identity(self, n_columns):
        """Shift and scale of so many columns that change nothing."""
        if n_columns not in self._identities:
            self._identities[n_columns] = tuple(
                map(self.network.kernels.to_device, _identity(n_columns))
            )
        return self._identities[n_columns]

    def _upload(self, arrays, workspace):
        """Upload arrays of integers in one piece; return a view of the copy of each."""
        sizes = tuple(map(len, arrays))
        whole = workspace.array("integers", (sum(sizes),), np.int64)
        buffer = self._descriptions.next(whole.shape)
        np.concatenate(arrays, out=buffer)
        self._descriptions.upload(buffer, whole)
        known_sizes, known, views = self._views
        if known is not whole or known_sizes != sizes:  # most shards are like the one before
            ends = np.cumsum(sizes)
            views = [
                whole[end - size : end] for size, end in zip(sizes, ends.tolist(), strict=True)
            ]
            self._views = sizes, whole, views
        return views
