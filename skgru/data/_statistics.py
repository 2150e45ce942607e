"""Mean and spread of each feature over all steps, in pieces of bounded size.

The mean m and the sum of squared deviations s of n steps are merged with further steps by

    delta = m2 - m1        m = m1 + delta n2 / n        s = s1 + s2 + delta^2 n1 n2 / n

with n = n1 + n2 [1]_. The mean is subtracted before anything is squared, so the result stays
accurate where the mean is large compared with the spread. With weights, n is their sum.

.. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for
   computing sample variances", Technical report STAN-CS-79-773, Stanford University, 1979.
"""

import numpy as np

# Each piece of the data is converted to float64; this bounds its size.
_CHUNK_BYTES = 4 * 2**20

# The squares of deviations below 1e-154 underflow. Features that may have such deviations (with a
# mean above the second number, they can only be rounding errors) are measured again, in units of
# the third number.
_FAINT_SPREAD, _FAINT_MEAN, _FAINT_UNIT = 1e-140, 1e-120, 2.0**-600

# Length of the rows that NumPy adds to each other at once; see `_weighted_sum`.
_LONG_ROW = 1024


def column_statistics(sequences, indices=None, sample_weight=None):
    """Mean and standard deviation of each feature over all steps of the chosen sequences.

    Parameters
    ----------
    sequences : Sequences
    indices : array-like of int of shape (n_chosen,), default=None
        Sequences to use; a sequence named twice counts twice. None means all of them.
    sample_weight : array-like of shape (n_sequences,), default=None
        Weight of each sequence in `sequences`, which applies to each of its steps; finite and not
        negative. Sequences of weight zero are not read.

    Returns
    -------
    mean, std : ndarray of shape (n_features,), dtype float64
        In the units of the data; `std` divides by the number of steps (or the sum of their
        weights). Without any sequence of positive weight both are NaN.
    """
    total, mean, squares = column_moments(sequences, indices, sample_weight)
    if total == 0:
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    std = np.sqrt(squares / total)
    faint = (std < _FAINT_SPREAD) & (np.abs(mean) < _FAINT_MEAN) & (mean != 0)
    if faint.any():
        unit = np.where(faint, _FAINT_UNIT, 1.0)
        squares = column_moments(sequences, indices, sample_weight, unit)[2]
        std = np.where(faint, np.sqrt(squares / total) * unit, std)
    return mean, std


def sequence_statistics(sequences):
    """Mean and standard deviation of each feature over the steps of each sequence.

    Those of a sequence depend on its own steps alone, to the last bit: not on the sequences beside
    it, nor on how the data are stored.

    Parameters
    ----------
    sequences : Sequences

    Returns
    -------
    mean, std : ndarray of shape (n_sequences, n_features), dtype float64
        In the units of the data; `std` divides by the number of steps.
    """
    lengths, offsets = sequences.lengths, sequences.offsets
    mean = np.empty((len(sequences), sequences.n_features))
    std = np.empty_like(mean)
    rows_per_chunk = max(1, _CHUNK_BYTES // (8 * sequences.n_features))
    first = 0
    while first < len(sequences):
        end = int(np.searchsorted(offsets, offsets[first] + rows_per_chunk, side="right")) - 1
        chosen = slice(first, max(end, first + 1))
        if end <= first:  # a long sequence, which is read in pieces
            mean[first], std[first] = column_statistics(sequences, [first])
        else:
            values = sequences.values[offsets[first] : offsets[end]]
            found = _segment_statistics(values, offsets[chosen] - offsets[first], lengths[chosen])
            mean[chosen], std[chosen] = found
        first = chosen.stop
    return mean, std


def _segment_statistics(values, starts, lengths):
    """Mean and standard deviation of the rows of each segment."""
    counts = lengths[:, np.newaxis]
    # In units of a power of two, so that the squares of faint deviations do not underflow.
    values = values.astype(np.float64)
    largest = np.maximum.reduceat(np.abs(values), starts)
    exponent = np.frexp(largest)[1]
    values = np.ldexp(values, -np.repeat(exponent, lengths, axis=0))
    mean = np.add.reduceat(values, starts) / counts
    values -= np.repeat(mean, lengths, axis=0)
    # The mean was rounded, so the deviations have a small sum of their own.
    drift = np.add.reduceat(values, starts) / counts
    values -= np.repeat(drift, lengths, axis=0)
    std = np.sqrt(np.add.reduceat(values * values, starts) / counts)
    return np.ldexp(mean + drift, exponent), np.ldexp(std, exponent)


def varies(mean, std):
    """Whether spreads are more than rounding errors.

    Spreads that are not normal numbers of float64, whose inverse would overflow, do not count.
    """
    least = np.maximum(1e-12 * np.abs(mean), np.finfo(np.float64).tiny)  # tiny has a finite inverse
    return std > least


def spread_or_one(mean, std):
    """Divisors for standardisation: 1 for features that do not vary."""
    return np.where(varies(mean, std), std, 1.0)


def check_scale(scale, name):
    """Refuse columns whose spread is too large for float64; ``{}`` in ``name`` is the number."""
    finite = np.isfinite(scale)
    if not finite.all():
        raise ValueError(
            f"The standard deviation of {name.format(np.argmin(finite))} overflows float64. Divide "
            "by a constant first, take the logarithm, or clip extreme values."
        )


def column_moments(sequences, indices=None, sample_weight=None, unit=None):
    """Total weight, mean and sum of squared deviations of each feature over all steps.

    Takes the arguments of `column_statistics`, and the unit of each feature if it is not 1. The
    result can be merged with the moments of a later batch by `merge_moments`.

    Returns
    -------
    total : float
        Number of steps, or the sum of their weights.
    mean, squares : ndarray of shape (n_features,), dtype float64
        Zero where there is no step.
    """
    moments = 0.0, np.zeros(sequences.n_features), np.zeros(sequences.n_features)
    for rows, weight in _row_chunks(sequences, indices, sample_weight):
        values = sequences.values[rows].astype(np.float64)
        if unit is not None:
            values /= unit
        total = float(len(values) if weight is None else weight.sum())
        mean = _weighted_sum(values, weight) / total
        values -= mean
        # The mean was rounded, so the deviations have a small sum of their own.
        drift = _weighted_sum(values, weight)
        values *= values
        squares = _weighted_sum(values, weight)
        squares = np.maximum(squares - drift * (drift / total), 0.0)
        moments = merge_moments(moments, (total, mean + drift / total, squares))
    return moments


def _weighted_sum(values, weight):
    """Sum of the rows, each times its weight if there are any.

    BLAS is not used, since its result may depend on the number of its threads. Many rows are laid
    side by side, since NumPy adds up long rows several times as fast as short ones.
    """
    if weight is not None:
        values = values * weight[:, np.newaxis]
    n_rows, n_columns = values.shape
    side_by_side = max(1, _LONG_ROW // n_columns)
    whole = n_rows - n_rows % side_by_side
    folded = values[:whole].reshape(-1, side_by_side * n_columns).sum(axis=0)
    return folded.reshape(side_by_side, n_columns).sum(axis=0) + values[whole:].sum(axis=0)


def merge_moments(first, second):
    """Merge two results of `column_moments` into the moments of both sets of steps together."""
    total_1, mean_1, squares_1 = first
    total_2, mean_2, squares_2 = second
    if total_2 == 0:
        return first
    if total_1 == 0:
        return second
    total = total_1 + total_2
    share = total_2 / total
    delta = mean_2 - mean_1
    return total, mean_1 + delta * share, squares_1 + squares_2 + delta**2 * total_1 * share


def _row_chunks(sequences, indices, sample_weight):
    """Yield (rows, weight of each row or None) over the chosen sequences in bounded pieces."""
    rows_per_chunk = max(1, _CHUNK_BYTES // (8 * sequences.n_features))
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, dtype=np.float64)
        indices = np.arange(len(sequences)) if indices is None else np.asarray(indices)
        indices = indices[sample_weight[indices] > 0]
        if (sample_weight[indices] == 1).all():
            sample_weight = None
    is_all = indices is None or np.array_equal(indices, np.arange(len(sequences)))
    if is_all and sample_weight is None:
        for start in range(0, len(sequences.values), rows_per_chunk):
            yield slice(start, start + rows_per_chunk), None
        return
    indices = np.asarray(indices, dtype=np.int64)
    indices = np.where(indices < 0, indices + len(sequences), indices)
    # In the order of storage: the result does not depend on the order, but reading a file does.
    indices = np.sort(indices)
    ends = np.cumsum(sequences.lengths[indices])
    # From the number of a row among the chosen ones to its place in `values`.
    shifts = sequences.offsets[indices] - (ends - sequences.lengths[indices])
    n_rows = int(ends[-1]) if len(ends) else 0
    for start in range(0, n_rows, rows_per_chunk):
        row = np.arange(start, min(start + rows_per_chunk, n_rows))
        owner = np.searchsorted(ends, row, side="right")
        weight = None if sample_weight is None else sample_weight[indices[owner]]
        yield row + shifts[owner], weight
