"""Data that were probably meant in another way than they are read: what `fit` refuses or warns of.

Each function has one suspicion. It says how the data are read and what to pass instead. Warnings
are emitted by the first fit only: not by predictions, validation data, or training that goes on.
"""

import re

import numpy as np

from skgru._warnings import warn
from skgru.targets import ClassTarget, LabelTarget

# What pandas says of the labels of rows that are points or spans of time.
_TIMES = {"date", "datetime", "datetime64", "period", "timedelta", "timedelta64"}

# Suspicions about values look at no more than this many of them.
_SAMPLE = 100_000


def check_reading(X, sequences):
    """Look at X as it was passed to a first fit, and at the sequences that it was read as."""
    refuse_rows_of_time(X, sequences)
    warn_of_a_single_column(X, sequences)
    warn_of_unlike_columns(X, sequences)
    warn_of_swapped_axes(sequences)


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


def refuse_rows_of_time(X, sequences):
    """Refuse a frame whose rows are the steps of one series, or of several.

    Each row would become a sequence of its own. Rows may have dates if the columns are numbered:
    then they are days, say, with a column for each hour.
    """
    if sequences.layout != "2d" or not hasattr(X, "columns"):
        return
    index = getattr(X, "index", None)
    if getattr(index, "nlevels", 1) > 1:
        raise ValueError(
            "X is a frame whose rows have labels of several levels. A table is read as one "
            f"univariate sequence in each row: here as {_read_as(sequences)}. If the first level "
            "names the series and the rows are their steps, pass [x for _, x in "
            "X.groupby(level=0)]. If each row is a sequence, pass X.reset_index(drop=True)."
        )
    if _has_rows_of_time(X) and not _are_numbered(X.columns):
        raise ValueError(
            f"X is a frame whose rows are times ({type(index).__name__}). A table is read as one "
            f"univariate sequence in each row: here as {_read_as(sequences)}. If the rows are the "
            f"steps of one series, {_HOW_TO_PASS_A_SERIES}. If each row is a sequence, pass "
            "X.reset_index(drop=True)."
        )


def refuse_long_format(X, y, sequences):
    """Refuse a frame with more rows than y has targets: the rows may be steps of several series."""
    if sequences.layout != "2d" or not hasattr(X, "groupby"):
        return
    n_targets = len(y) if isinstance(y, (list, tuple)) else (np.shape(y) or (0,))[0]
    if 0 < n_targets < len(sequences):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X is a frame read as "
            f"{_read_as(sequences)}, y has {n_targets} targets. Give one target for each row. If "
            "the rows are the steps of several series (long format), pass [x.drop(columns='id') "
            "for _, x in X.groupby('id')], with the column that names the series in place of "
            "'id', and y in the order of the groups."
        )


_HOW_TO_PASS_A_SERIES = (
    "pass [X], which is a single sequence, or cut it into windows (n_windows, n_timesteps, "
    "n_features), for example of 24 steps with np.lib.stride_tricks.sliding_window_view(X, 24, "
    "axis=0).transpose(0, 2, 1)"
)


def warn_of_a_single_column(X, sequences):
    """Warn of a frame of one column: it is a series, not a set of series of one step."""
    if sequences.layout == "2d" and hasattr(X, "columns") and len(X.columns) == 1:
        warn(
            "X is a frame of a single column, but each of its rows is read as a sequence: X as "
            f"{_read_as(sequences)}. If the rows are the steps of one series, "
            f"{_HOW_TO_PASS_A_SERIES}. If each row is a sequence, X.to_numpy() is read in the same "
            "way without this warning."
        )


def warn_of_unlike_columns(X, sequences):
    """Warn of a frame whose columns have such different values that they may be features.

    The steps of a univariate series have similar spreads; temperatures and pressures have not. A
    factor of 10 between the largest and the smallest spread is beyond most series that grow or
    calm down.

    Nor does the mean of a series jump far from one step to the next, compared with how far its
    rows differ. It may jump by up to 20 spreads (the larger of the two steps), or by any distance
    as long as it does not become 5 times as large or as small: that leaves room for trends, lags
    and daily profiles, even with hardly any noise. Features of similar size and spread pass, too.

    Series beyond these limits, such as the phases of a process that hardly varies, warn wrongly if
    their columns have names that do not count (0, 1, 2, or lag_3, lag_2, lag_1).
    """
    if sequences.layout != "2d" or not hasattr(X, "columns"):
        return
    if _are_numbered(X.columns) and not _has_rows_of_time(X):
        return
    n_timesteps = sequences.common_length
    chosen = np.linspace(0, len(sequences) - 1, max(2, _SAMPLE // n_timesteps)).astype(int)
    rows = np.stack([sequences[i][:, 0] for i in np.unique(chosen)]).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        spread, mean = rows.std(axis=0), rows.mean(axis=0)
        varies = spread > 0  # constants, such as flags that are not set, say nothing
        what = _unlike(spread[varies], mean[varies])
    if what is not None:
        warn(
            f"The columns of X have very different {what}, like different quantities, but each row "
            f"is read as a univariate sequence: X as {_read_as(sequences)}. If the columns are "
            f"features and the rows are the steps of one series, {_HOW_TO_PASS_A_SERIES}. If each "
            "row is a sequence, X.to_numpy() is read in the same way without this warning."
        )


def _unlike(spread, mean):
    """What differs too much between columns for a series: "spreads", "means" or None."""
    if len(spread) < 2:
        return None
    if spread.max() > 10 * spread.min():
        return "spreads"
    is_far = np.abs(np.diff(mean)) > 20 * np.maximum(spread[1:], spread[:-1])
    size = np.abs(mean)
    is_resized = np.maximum(size[1:], size[:-1]) > 5 * np.minimum(size[1:], size[:-1])
    return "means" if (is_far & is_resized).any() else None


def _has_rows_of_time(X):
    return getattr(getattr(X, "index", None), "inferred_type", None) in _TIMES


def _are_numbered(labels):
    """Whether labels of several columns count upwards or downwards, as time steps do.

    Numbers and dates may, and so may names that differ only in numbers; the first or the last name
    may lack one ("t-2", "t-1", "t").
    """
    labels = list(labels)
    if all(isinstance(label, str) for label in labels):
        patterns = [re.sub(r"\d+", "#", label) for label in labels]
        for end, beside in ((0, 1), (-1, -2)):
            if len(labels) > 2 and patterns[beside] != patterns[end]:
                if patterns[beside].startswith(patterns[end]):
                    del labels[end], patterns[end]
        if len(set(patterns)) != 1 or "#" not in patterns[0]:
            return False
        numbers = [tuple(map(int, re.findall(r"\d+", label))) for label in labels]
        return len(patterns) > 1 and _is_monotonic(numbers)
    try:
        return len(labels) > 1 and _is_monotonic(labels)
    except TypeError:  # labels of several types
        return False


def _is_monotonic(numbers):
    pairs = list(zip(numbers, numbers[1:], strict=False))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


def warn_of_swapped_axes(sequences):
    """Warn of a 3D array that is probably in the order (n_sequences, n_features, n_timesteps).

    Steps that never follow each other are nearly always a mistake. Sequences with more than 10
    times as many features as steps exist, such as short sentences of word vectors, and warn
    wrongly, but a few channels of long series are far more common.
    """
    if sequences.layout != "3d":
        return
    n_timesteps, n_features = sequences.common_length, sequences.n_features
    if n_timesteps == 1 < n_features or n_features > 10 * n_timesteps:
        warn(
            f"X is read as {_read_as(sequences)}: its axes are (n_sequences, n_timesteps, "
            "n_features). If yours are (n_sequences, n_features, n_timesteps), the order of sktime "
            "and aeon, pass X.transpose(0, 2, 1). If they are as they should be, list(X) is read "
            "in the same way without this warning."
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
    if dtype.kind not in "iu" or sequences.n_features > 1 or sequences.layout == "3d":
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
            f"The integers in X are read as measurements: X as {_read_as(sequences)}. If they are "
            "ids of words or items, their sizes mean nothing: pass a list of arrays (length, "
            "n_features) instead, with a column for each id, 1 where a step has it and 0 elsewhere "
            "(one-hot), or with a vector that describes it. If they are measurements, floats are "
            "read in the same way without this warning."
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


def _read_as(sequences):
    """The shape of X, in words."""
    length = sequences.common_length
    steps = "different numbers of steps" if length is None else _count(length, "step")
    features = _count(sequences.n_features, "feature")
    return f"{_count(len(sequences), 'sequence')} of {steps} with {features}"


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
