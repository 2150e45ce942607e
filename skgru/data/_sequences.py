"""Sequences of any length as one table of steps.

As in a compressed sparse row matrix, ``values`` holds the steps of all sequences below each other
and ``offsets`` holds the row at which each sequence starts. Nothing is padded. Memory maps may be
larger than memory: they are read in pieces, and only pieces are copied.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from skgru._lazy import lazy_property

from ._statistics import sequence_statistics

# Long data are read in pieces of about this size, so that a memory map larger than memory is never
# held as a whole, and each piece stays in the cache while it is processed.
_PIECE_BYTES = 2**20


def stack_rows(parts, dtype, rows=None):
    """Copy arrays (length, n_features) below each other into one of that dtype, in C order.

    ``rows`` is the array to copy to, if the caller already has one.
    """
    if rows is None:
        # Without this, NumPy would stack parts in Fortran order into an array in Fortran order.
        rows = np.empty((sum(map(len, parts)), parts[0].shape[1]), dtype)
    return np.concatenate(parts, out=rows, casting="unsafe")


class ScatteredRows:
    """Rows of a table that is never made: its sequences stay where they are.

    Used for sequences that are not already stacked in C order and in a native dtype, and that
    should not be copied as a whole, such as a slice along time of a memory map, or a long list.
    ``rows[start:stop]`` and ``rows[numbers]`` copy these rows and read no others.

    Parameters
    ----------
    items : ndarray of shape (n_sequences, n_timesteps, n_features) or list of ndarray of shape \
            (length, n_features)
        The sequences.
    offsets : ndarray of shape (n_sequences + 1,), dtype int64
        As in `Sequences`.
    dtype : dtype
        Dtype to which rows are converted when they are read.
    """

    def __init__(self, items, offsets, dtype):
        self.items, self.offsets, self.dtype = items, offsets, dtype
        self.shape = int(offsets[-1]), items[0].shape[1]

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            runs = [rows.indices(len(self))[:2]]
        else:
            cuts = np.flatnonzero(np.diff(rows) != 1) + 1
            runs = ((run[0], run[-1] + 1) for run in np.split(rows, cuts))
        parts = [part for run in runs for part in self._parts(*run)]
        return stack_rows(parts, self.dtype)

    def _parts(self, start, stop):
        """Views of rows `start` to `stop`, one for each sequence that contains some of them."""
        i = int(np.searchsorted(self.offsets, start, side="right")) - 1
        while start < stop:
            first = self.offsets[i]
            yield self.items[i][start - first : stop - first]
            i += 1
            start = self.offsets[i]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of any length, stored below each other.

    Sequence ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    values : ndarray or ScatteredRows of shape (n_rows, n_features)
        The steps of all sequences; real numbers of any native dtype up to 64 bits (float16,
        integers and bool included). An array is in C order. It may share memory with what the user
        passed, be read-only or lie in a memory map, so it must not be written to. Where an array
        would be a copy of a memory map, or a large one, rows are gathered as they are read.
    offsets : ndarray of shape (n_sequences + 1,), dtype int64
        Row at which each sequence starts, then the number of rows. Strictly increasing.
    layout : {"2d", "3d", "ragged"}
        How the user passed the data.
    codes : ndarray of shape (n_rows, n_categorical), dtype int32, or None
        What categorical columns hold, as rows of their embeddings; None where there are none.
        `values` may then have no columns, where every step is a symbol and nothing else.
    """

    values: np.ndarray | ScatteredRows
    offsets: np.ndarray
    layout: str
    codes: np.ndarray | None = None

    def __len__(self):
        return self.n_sequences

    def __getitem__(self, i):
        """Return sequence `i` as a view (length, n_features), in its stored dtype."""
        i = range(self.n_sequences)[i]
        if isinstance(self.values, ScatteredRows):
            return self.values.items[i]
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    @property
    def n_sequences(self):
        """Number of sequences."""
        return len(self.offsets) - 1

    @property
    def n_features(self):
        """Number of numeric features of a step; 1 for a 2D table."""
        return self.values.shape[1]

    @lazy_property
    def lengths(self):
        """Number of steps of each sequence, of shape (n_sequences,) and dtype int64."""
        return np.diff(self.offsets)

    @lazy_property
    def common_length(self):
        """Number of steps if all sequences have the same number, else None."""
        first = int(self.lengths[0])
        return first if (self.lengths == first).all() else None

    @lazy_property
    def statistics(self):
        """Mean and standard deviation of each sequence by itself; see `sequence_statistics`."""
        return sequence_statistics(self)

    def pieces(self):
        """Yield (rows, values) in pieces of bounded size: the slice of rows, and their values."""
        n_features = max(1, self.n_features)
        n_rows = max(1, _PIECE_BYTES // (self.values.dtype.itemsize * n_features))
        for start in range(0, len(self.values), n_rows):
            rows = slice(start, start + n_rows)
            yield rows, self.values[rows]

    def find(self, condition):
        """Find the first value that meets a condition.

        Parameters
        ----------
        condition : callable
            Takes rows (n, n_features), returns a boolean array of that shape.

        Returns
        -------
        place : str or None
            Description in words; None if no value meets the condition.
        value : number or None
        """
        for rows, values in self.pieces():
            met = condition(values)
            if met.any():
                row, feature = divmod(int(np.argmax(met)), self.n_features)
                value, row = values[row, feature], rows.start + row
                i = int(np.searchsorted(self.offsets, row, side="right")) - 1
                place = f"sequence {i}, step {row - self.offsets[i]}, feature {feature}"
                return place, value
        return None, None

    @lazy_property
    def extremes(self):
        """Smallest and largest value; if any value is not finite, at least one of them is not.

        Floats are read once. For integers, the bounds of their dtype are returned instead.
        """
        dtype = self.values.dtype
        if not self.n_features:
            return 0.0, 0.0
        if dtype.kind == "b":
            return 0.0, 1.0
        if dtype.kind != "f":
            bounds = np.iinfo(dtype)
            return float(bounds.min), float(bounds.max)
        lowest, highest = np.inf, -np.inf
        for _, values in self.pieces():
            if dtype == np.float16:  # which NumPy compares several times as slowly
                values = values.astype(np.float32)
            smallest, largest = float(values.min()), float(values.max())
            if not (isfinite(smallest) and isfinite(largest)):
                return smallest, largest
            lowest, highest = min(lowest, smallest), max(highest, largest)
        return lowest, highest
