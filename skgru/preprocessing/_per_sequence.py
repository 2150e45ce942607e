"""Each sequence standardised by itself, for SequenceScaler and for standardize="sequence".

With the mean m and the standard deviation s of a feature over the steps of one sequence, the
sequence becomes (x - m) / s, and log(s) may be appended as a constant feature, since the size of
the sequence is lost otherwise. Where a feature is constant in a sequence, s is replaced by 1 in the
quotient, and by the smallest s of the training data in the logarithm.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skgru.data import (
    COPY_BYTES,
    ScatteredRows,
    merge_moments,
    varies,
)

# Logarithms that differ by less, as those of sequences that were scaled before, are not blown up.
_LEAST_SPREAD = 0.01


class LogScales(NamedTuple):
    """What is known of the logarithms of the scales of sequences; updated from batch to batch.

    Attributes
    ----------
    total : ndarray of shape (n_features,)
        Sum of the weights of the sequences in which the feature is not constant.
    mean, squares : ndarray of shape (n_features,)
        Mean of the logarithms over these sequences, and sum of squared deviations from it.
    least : ndarray of shape (n_features,)
        The smallest logarithm; infinite if there is none.
    """

    total: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    least: np.ndarray

    @property
    def spread(self):
        """What the logarithms are divided by: their standard deviation, unless it is tiny."""
        variance = self.squares / np.where(self.total > 0, self.total, 1.0)
        return np.where(self.total > 0, np.maximum(np.sqrt(variance), _LEAST_SPREAD), 1.0)

    @property
    def floor(self):
        """The lowest logarithm that is used; that of smaller scales is raised to it."""
        return np.where(self.total > 0, self.least, 0.0)


def learn_log_scales(sequences, sample_weight, before=None):
    """`LogScales` of the sequences, merged with those of earlier ones.

    Parameters
    ----------
    sequences : Sequences
    sample_weight : ndarray of shape (n_sequences,) or None
        Sequences of weight 0 do not count.
    before : LogScales, default=None
    """
    mean, std = sequences.statistics
    weight = np.ones(len(sequences)) if sample_weight is None else sample_weight
    weight = np.where(varies(mean, std), weight[:, np.newaxis], 0.0)
    logs = _log(np.where(weight > 0, std, 1.0))
    total = weight.sum(axis=0)
    divisor = np.where(total > 0, total, 1.0)
    mean = (weight * logs).sum(axis=0) / divisor
    squares = (weight * (logs - mean) ** 2).sum(axis=0)
    found = LogScales(total, mean, squares, np.where(weight > 0, logs, np.inf).min(axis=0))
    return found if before is None else _merged(before, found)


def _merged(first, second):
    parts = [
        merge_moments(
            *((float(part.total[j]), part.mean[j], part.squares[j]) for part in (first, second))
        )
        for j in range(len(first.total))
    ]
    total, mean, squares = map(np.array, zip(*parts, strict=True))
    return LogScales(total, mean, squares, np.minimum(first.least, second.least))


def standardize_each(sequences, dtype, *, with_mean=True, with_std=True, floor=None):
    """Standardise each sequence by itself.

    Parameters
    ----------
    sequences : Sequences
    dtype : str or dtype
        Dtype of the result. Values that overflow it become infinite, for the caller to refuse.
    with_mean, with_std : bool
        Whether to subtract the mean of each sequence, and to divide by its standard deviation.
    floor : ndarray of shape (n_features,), default=None
        If given, the logarithm of the scale of each feature, but no less than this, is appended.

    Returns
    -------
    sequences : Sequences
        Up to 32 MB are computed at once. Larger data are computed from X as they are read.
    """
    mean, std = sequences.statistics
    shift = mean if with_mean else np.zeros_like(mean)
    divisor = np.where(varies(mean, std) & with_std, std, 1.0)
    logs = _log_scales(mean, std, floor)
    return _transformed(sequences, shift, divisor, logs, np.dtype(dtype))


def prepare_sequences(sequences, floor, dtype):
    """What a model with standardize="sequence" makes of X, before means and scales are applied.

    Parameters
    ----------
    sequences : Sequences
    floor : ndarray of shape (n_features,) or None
        The lowest logarithm of a scale. None leaves the sequences as they are, as for a model with
        another `standardize`.
    dtype : str or dtype

    Returns
    -------
    sequences : Sequences
        Each feature scaled by itself in every sequence, then the logarithms of the scales.
    """
    if floor is None:
        return sequences
    return standardize_each(sequences, dtype, floor=floor)


def with_log_scales(sequences, original, mean, spread, floor):
    """Append the standardised logarithms of the scales of the original sequences."""
    logs = (_log_scales(*original.statistics, floor) - mean) / spread
    nothing = np.zeros((len(sequences), 1))
    return _transformed(sequences, nothing, nothing + 1, logs, sequences.values.dtype)


def _log_scales(mean, std, floor):
    if floor is None:
        return np.empty((len(mean), 0))
    is_varying = varies(mean, std)
    return np.where(is_varying, np.maximum(_log(np.where(is_varying, std, 1.0)), floor), floor)


def _log(scale):
    """The logarithm, to a thousandth.

    Sequences that were scaled before have scales of 1 but for rounding, which an estimator behind
    this would standardise to a feature of pure noise.
    """
    return np.round(np.log(scale), 3)


def _transformed(sequences, shift, divisor, columns, dtype):
    rows = StandardizedRows(sequences, shift, divisor, columns, dtype)
    found = replace(sequences, values=rows)
    is_large = rows.shape[0] * rows.shape[1] * dtype.itemsize > COPY_BYTES
    return found if is_large else computed(found)


def computed(sequences):
    """The same sequences with all values in memory."""
    if isinstance(sequences.values, np.ndarray):
        return sequences
    values = np.empty(sequences.values.shape, sequences.values.dtype)
    for piece, found in sequences.pieces():
        values[piece] = found
    return replace(sequences, values=values)


class StandardizedRows(ScatteredRows):
    """Rows that are standardised when they are read, each by what belongs to its sequence.

    Parameters
    ----------
    sequences : Sequences
    shift, divisor : ndarray of shape (n_sequences, n_features or 1)
        A row becomes (row - shift) / divisor, in float64.
    columns : ndarray of shape (n_sequences, n_columns)
        Constant features to append.
    dtype : dtype
    """

    def __init__(self, sequences, shift, divisor, columns, dtype):
        self._sequences, self._facts = sequences, (shift, divisor, columns)
        self.offsets, self.dtype = sequences.offsets, dtype
        self.shape = len(sequences.values), sequences.n_features + columns.shape[1]
        self.items = _Items(self)

    def __getitem__(self, rows):
        values = self._sequences.values[rows]
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        owner = np.searchsorted(self.offsets, rows, side="right") - 1
        return self.scale(values, owner)

    def scale(self, values, owner):
        """Scale rows that belong to the sequences `owner`, one for each row or one for all."""
        shift, divisor, columns = (fact[owner] for fact in self._facts)
        result = np.empty((len(values), self.shape[1]), self.dtype)
        n_features = values.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            result[:, :n_features] = (values.astype(np.float64) - shift) / divisor
        result[:, n_features:] = columns
        return result


class _Items:
    """The sequences of `StandardizedRows`, by their numbers."""

    def __init__(self, rows):
        self._rows = rows

    def __getitem__(self, i):
        return self._rows.scale(self._rows._sequences[i], i)
