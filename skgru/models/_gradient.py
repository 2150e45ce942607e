"""The gradient of a batch: of all parameters, or of those that the batch touches."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ._parameters import FlatArrays
from ._workspace import Workspace


@dataclass(eq=False)
class Slot:
    """Memory for the gradients of a shard.

    Attributes
    ----------
    flat : ndarray
        What the kernels sum, in their layout.
    views : dict
        Named views of ``flat``.
    memory : Workspace
        Holds what a shard leaves besides.
    d_x : (shard.n_rows, any) or None
        Gradients of the embeddings of every step, in this memory.
    """

    flat: np.ndarray
    views: dict
    memory: Workspace
    d_x: np.ndarray | None = None


class DenseGradient(FlatArrays):
    """The gradient of a network without tables."""

    tables = ()

    def begin(self, feed, shards):
        """A batch begins; nothing has to be prepared for it."""


class TableRows(NamedTuple):
    """The rows of a table that a batch touches, and their gradient.

    Attributes
    ----------
    rows : (n,) int64
        Numbers of the rows, all different, where the kernels can read them.
    table : slice
        Where the table lies in the flat vector of parameters.
    table_shape : (n_rows, n_columns)
    gradient : slice
        Where the gradient of the rows lies in the gradient of the batch.
    """

    rows: np.ndarray
    table: slice
    table_shape: tuple
    gradient: slice

    @property
    def shape(self):
        """The shape of the rows, (n, n_columns)."""
        return len(self.rows), self.table_shape[1]


class SparseGradient:
    """A gradient that holds few rows of the tables of a network.

    Memory and time are those of a batch, whatever the size of a table. The rows of a table are
    summed shard by shard, and within a shard in the order of its rows, so the bits do not depend on
    the number of threads or on the device.

    Parameters
    ----------
    layout : ParameterLayout
    embeddings : list of Embedding
    kernels : module
    dtype : dtype

    Attributes
    ----------
    flat : (n_dense + touched values,)
        The gradient of the dense parameters, then that of the rows of each table.
    views : dict
        Named views of the gradient of the dense parameters.
    tables : list of TableRows
    """

    def __init__(self, layout, embeddings, kernels, dtype):
        self._layout, self._embeddings, self._n_dense = layout, embeddings, layout.n_dense
        self._kernels, self._dtype = kernels, np.dtype(dtype)
        self._number_of = [np.full(e.n_rows, -1, np.int32) for e in embeddings]
        self._places = np.zeros(0, np.int64)
        self.tables, self._sums, self._groups = [], [], []
        self._buffer = kernels.zeros(0, dtype)
        self._reserve(self._n_dense)

    def _reserve(self, size):
        """Make ``flat`` of this size; its contents may be lost."""
        if self._buffer.size < size:
            self._buffer = self._kernels.zeros(size + size // 8, self._dtype)
            self.views = self._layout.dense().views(self._buffer)
        self.flat = self._kernels.leading(self._buffer, (size,))

    def begin(self, feed, shards):
        """Find the rows that a batch touches, and set their sums to zero.

        Parameters
        ----------
        feed : HostFeed or DeviceFeed
        shards : list of Shard
            On the host.
        """
        n_steps = sum(int(shard.lengths.sum()) for shard in shards)
        if n_steps > len(self._places):
            self._places = np.zeros(n_steps + n_steps // 8, np.int64)
        found = [
            self._number(e, numbers, feed.sequences, shards, n_steps)
            for e, numbers in zip(self._embeddings, self._number_of, strict=True)
        ]
        n = 1 + 3 * len(shards)  # arrays of a table
        arrays = feed.upload_groups([array for table in found for array in table])
        arrays = [arrays[k * n : (k + 1) * n] for k in range(len(found))]
        self.tables, end = [], self._n_dense
        for (rows, *_), e in zip(arrays, self._embeddings, strict=True):
            start, end = end, end + len(rows) * e.n_columns
            place = self._layout.place(e.E)
            self.tables.append(TableRows(rows, place, (e.n_rows, e.n_columns), slice(start, end)))
        self._groups = [
            [table[1 + 3 * i : 4 + 3 * i] for table in arrays] for i in range(len(shards))
        ]
        self._reserve(end)
        self._kernels.fill(self.flat[self._n_dense :], 0)
        self._sums = [self._kernels.leading(self.flat[t.gradient], t.shape) for t in self.tables]

    def _number(self, embedding, number_of, sequences, shards, n_steps):
        """The touched rows of a table, then numbers, starts and order of each shard."""
        k, rows, n = self._kernels, np.empty(min(n_steps, embedding.n_rows), np.int64), 0
        arrays = [rows]
        for shard in shards:
            size = int(shard.lengths.sum())
            numbers, order = np.empty(min(size, len(rows)), np.int64), np.empty(size, np.int64)
            starts = np.empty(len(numbers) + 1, np.int64)
            n, n_groups = k.group_rows(
                sequences.codes, embedding.number, sequences.offsets[shard.indices], shard.block,
                shard.alive, number_of, self._places, rows, n, numbers, starts, order,
            )  # fmt: skip
            arrays += [numbers[:n_groups], starts[: n_groups + 1], order]
        arrays[0] = rows[:n]
        k.forget_numbers(arrays[0], number_of)
        return arrays

    def add_shard(self, number, d_x):
        """Add the gradients of the embeddings of a shard, in the first columns of d_x."""
        tables = zip(self._embeddings, self._sums, self._groups[number], strict=True)
        for embedding, sums, groups in tables:
            self._kernels.add_rows(sums, *groups, d_x, embedding.first)
