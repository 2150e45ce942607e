"""X that was probably meant in another way than it is read: what `fit` refuses or warns of.

Each function has one suspicion. It says how the data are read and what to pass instead. Warnings
are emitted by the first fit only: not by predictions, validation data, or training that goes on.
"""

import re
import weakref

import numpy as np

from skgru._warnings import warn
from skgru.data import Sequences

# What pandas says of the labels of rows that are points or spans of time.
_TIMES = {"date", "datetime", "datetime64", "period", "timedelta", "timedelta64"}

# Suspicions about values look at no more than this many of them.
_SAMPLE = 100_000

# A sequence is faint if its spread is less than this share of that of all sequences. No more than
# so many sequences are looked at.
_FAINT, _MOST_SEQUENCES = 0.01, 500

# Arrays that transformers here have made, by their ids: the order of their axes is no question.
_transformed = weakref.WeakValueDictionary()

_HOW_TO_PASS_A_SERIES = (
    "pass [X], which is a single sequence, or cut it into windows (n_windows, n_timesteps, "
    "n_features), for example of 24 steps with skgru.sliding_windows(X, 24)"
)


def check_reading(X, sequences):
    """Look at X as it was passed to a first fit, and at the sequences that it was read as."""
    refuse_rows_of_time(X, sequences)
    warn_of_a_single_column(X, sequences)
    warn_of_unlike_columns(X, sequences)
    if _transformed.get(id(X)) is not X:
        warn_of_swapped_axes(sequences)


def remember_transformed(array):
    """Have no suspicion about the axes of an array that a transformer has made."""
    _transformed[id(array)] = array


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
            f"univariate sequence in each row: here as {read_as(sequences)}. If the first level "
            "names the series and the rows are their steps, pass [x for _, x in "
            "X.groupby(level=0)]. If each row is a sequence, pass X.reset_index(drop=True)."
        )
    if _has_rows_of_time(X) and not _are_numbered(X.columns):
        raise ValueError(
            f"X is a frame whose rows are times ({type(index).__name__}). A table is read as one "
            f"univariate sequence in each row: here as {read_as(sequences)}. If the rows are the "
            f"steps of one series, {_HOW_TO_PASS_A_SERIES}. If each row is a sequence, pass "
            "X.reset_index(drop=True)."
        )


def warn_of_a_single_column(X, sequences):
    """Warn of a frame of one column: it is a series, not a set of series of one step."""
    is_table = sequences.layout == "2d" and sequences.n_features
    if is_table and hasattr(X, "columns") and len(X.columns) == 1:
        warn(
            "X is a frame of a single column, but each of its rows is read as a sequence: X as "
            f"{read_as(sequences)}. If the rows are the steps of one series, "
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
    if sequences.layout != "2d" or not hasattr(X, "columns") or not sequences.n_features:
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
            f"is read as a univariate sequence: X as {read_as(sequences)}. If the columns are "
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
            f"X is read as {read_as(sequences)}: its axes are (n_sequences, n_timesteps, "
            "n_features). If yours are (n_sequences, n_features, n_timesteps), the order of sktime "
            "and aeon, pass X.transpose(0, 2, 1). If they are as they should be, list(X) is read "
            "in the same way without this warning."
        )


def warn_of_faint_sequences(sequences, indices, std):
    """Warn where most sequences hardly vary beside the spread of all of them.

    Standardised by that, they are constants for a network. Sequences that really are constant, in
    all of their features, do not count.

    Parameters
    ----------
    sequences : Sequences
    indices : ndarray of int
        The sequences that were standardised.
    std : ndarray of shape (n_features,)
        Standard deviation of each feature over all of their steps.
    """
    places = np.linspace(0, len(indices) - 1, _MOST_SEQUENCES).astype(int)
    looked_at = indices[np.unique(places)]
    most_steps = max(2, _SAMPLE // (len(looked_at) * sequences.n_features))
    chosen = [sequences[i] for i in looked_at]
    chosen = [steps[:: 1 + len(steps) // most_steps] for steps in chosen]
    offsets = np.cumsum([0, *map(len, chosen)])
    sample = Sequences(np.concatenate(chosen), offsets, "ragged")
    firsts = np.repeat(sample.values[offsets[:-1]], sample.lengths, axis=0)
    is_varying = (sample.values != firsts).any(axis=1)
    is_varying = np.logical_or.reduceat(is_varying, offsets[:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        _, spread = sample.statistics
        is_faint = (spread / np.where(std > 0, std, np.inf)).max(axis=1) < _FAINT
    n_varying, n_faint = is_varying.sum(), (is_varying & is_faint).sum()
    if n_faint > n_varying / 2:
        warn(
            f"{100 * n_faint / n_varying:.0f} % of the sequences in X vary by less than "
            f"{100 * _FAINT:.0f} % of the spread of all of them, by which features are "
            'standardised: the network hardly sees their shapes. Set standardize="sequence", which '
            "scales each sequence by itself and keeps the logarithm of its scale, or transform X, "
            "for example by logarithms."
        )


def warn_of_numbers_as_strings(symbols):
    """Warn of symbols that are all numbers in strings, some of them with a fraction.

    Strings of whole numbers may well be ids.
    """
    if len(symbols) > 1 and symbols.dtype == object and all(map(_is_fraction, symbols[:100])):
        warn(
            f"The strings in X, such as {symbols[0]!r}, are read as symbols, not as numbers. If "
            "they are measurements, convert them with astype(float). If they are symbols, nothing "
            "needs to change."
        )


def _is_fraction(symbol):
    return re.fullmatch(r"\s*[-+]?\d*[.,]\d+([eE][-+]?\d+)?\s*", symbol) is not None


def read_as(sequences):
    """The shape of X, in words."""
    length = sequences.common_length
    steps = "different numbers of steps" if length is None else _count(length, "step")
    features = _count(sequences.n_features, "feature")
    if sequences.codes is not None and not sequences.n_features:
        features = _count(sequences.codes.shape[1], "symbol") + " each"
    return f"{_count(len(sequences), 'sequence')} of {steps} with {features}"


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
