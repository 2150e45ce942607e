"""Data that were probably meant in another way than they are read: what `fit` refuses or warns of.

These suspicions need the targets; those about X alone are in ``base/_readings.py``.
"""

import numpy as np

from skgru._warnings import warn
from skgru.base import read_as
from skgru.targets import ClassTarget, LabelTarget

# Suspicions about values look at no more than this many of them.
_SAMPLE = 100_000


def check_target_reading(sequences, target, encoded, of_steps):
    """Look at the targets of a first fit.

    Parameters
    ----------
    sequences : Sequences
    target : Target
    encoded : ndarray of shape (n_rows, n_target)
    of_steps : bool
        Whether every step has a target.
    """
    if not of_steps:
        warn_of_targets_of_steps(sequences, target, encoded)
    if isinstance(target, LabelTarget):
        warn_of_one_hot_targets(encoded, of_steps)
    if isinstance(target, (ClassTarget, LabelTarget)):
        warn_of_ids(sequences)


def refuse_long_format(X, y, sequences):
    """Refuse a frame with more rows than y has targets: the rows may be steps of several series."""
    if sequences.layout != "2d" or not hasattr(X, "groupby"):
        return
    n_targets = len(y) if isinstance(y, (list, tuple)) else (np.shape(y) or (0,))[0]
    if 0 < n_targets < len(sequences):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X is a frame read as "
            f"{read_as(sequences)}, y has {n_targets} targets. Give one target for each row. If "
            "the rows are the steps of several series (long format), pass [x.drop(columns='id') "
            "for _, x in X.groupby('id')], with the column that names the series in place of "
            "'id', and y in the order of the groups."
        )


def warn_of_targets_of_steps(sequences, target, encoded):
    """Warn of as many labels for each sequence as it has steps.

    It concerns regressors only if all targets are 0 or 1. Other numbers are more probably a
    forecast, whose horizon is often as long as the window: 24 hours ahead from the last 24.
    """
    n_targets = encoded.shape[1]
    if n_targets == 1 or sequences.common_length != n_targets:
        return
    if np.isin(encoded, (0, 1)).all():
        estimator = "GRUStepClassifier" if isinstance(target, LabelTarget) else "GRUStepRegressor"
        warn(
            f"y has {n_targets} columns, as many as the sequences of X have steps. They are read "
            f"as {n_targets} targets of the whole sequence. If they belong to its steps, fit a "
            f"{estimator}; otherwise nothing needs to change."
        )


def warn_of_one_hot_targets(encoded, of_steps):
    """Warn of indicators with a single 1 in every row: the classes may exclude each other.

    Labels that are independent of each other may look so, above all in few rows, of which two say
    nothing.
    """
    if len(encoded) > 2 and (encoded.sum(axis=1) == 1).all():
        what = "step" if of_steps else "sequence"
        warn(
            f"y has a single 1 for each {what}, but is read as {encoded.shape[1]} labels that do "
            f"not exclude each other (multilabel). If each {what} has one class, pass "
            f"y.argmax(axis={-1 if of_steps else 1})."
        )


def warn_of_ids(sequences):
    """Warn of numbers that look like ids of words or items.

    These are integers from 0 on of one feature, with more than 100 different values, some above
    1000. They are in no smooth order: neighbours differ by more than half of what any two values
    do. And their sizes mean nothing: values that are frequent lie between values that are rare,
    whereas a measurement is about as frequent as the next smaller and the next larger one.

    Readings that jump are told apart by the last condition, but so are some ids, of which nothing
    is said: those that are numbered by frequency, as in many data sets of texts (they look like
    counts), those that are all about equally frequent, and those that hardly recur in few data.
    """
    dtype = sequences.values.dtype
    if dtype.kind not in "iu" or sequences.n_features != 1 or sequences.layout == "3d":
        return
    values = np.asarray(sequences.values[:_SAMPLE]).ravel()
    different, counts = np.unique(values, return_counts=True)
    if different[0] < 0 or different[-1] <= 1000 or len(different) <= 100:
        return
    values = values.astype(np.float64)
    jump = np.abs(np.diff(values)).mean()
    is_smooth = jump <= 0.5 * np.abs(values - np.roll(values, len(values) // 2)).mean()
    if not is_smooth and _are_frequent_at_random(different, counts):
        warn(
            f"The integers in X are read as measurements: X as {read_as(sequences)}. If they are "
            "ids of words or items, their sizes mean nothing: set categorical_features=[0], and "
            "the model learns a vector for each id. If they are measurements, floats are read in "
            "the same way without this warning."
        )


def _are_frequent_at_random(different, counts):
    """Whether the most frequent integers are scattered among rare ones, as those of labels are.

    At least 8 of the 10 most frequent occur 10 times, and 5 times as often as the next smaller and
    the next larger integer that occurs. Prices and rounded numbers may, too (999, 1499, 2000), but
    then half of the 10 have the same last digit.
    """
    top = np.argsort(-counts, kind="stable")[:10]
    padded = np.pad(counts, 1)
    beside = np.maximum(padded[top], padded[top + 2])
    are_alone = (counts[top] >= 10) & (counts[top] >= 5 * beside)
    same_digit = np.bincount((different[top] % 10).astype(int)).max()
    return np.count_nonzero(are_alone) >= 8 and same_digit < 5
