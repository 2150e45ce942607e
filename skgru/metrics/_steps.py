"""Targets and predictions of steps, from the layouts of users to one entry a step."""

import math
from numbers import Real

import numpy as np


def flatten_steps(y_true, y_pred, sample_weight=None, *, analyzer="char"):
    """Concatenate the steps of all sequences, as scikit-learn's metrics take them.

    Parameters
    ----------
    y_true : array-like
        A label or a number for every step of every sequence: an array or frame of shape
        (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs), or one item a sequence, in a
        list, a Series or an object array. An item is an array, a list, a Series or a string of
        labels.
    y_pred : array-like
        Predictions for the same steps, in any of these layouts; also those with a row for every
        step, such as probabilities.
    sample_weight : array-like, default=None
        A weight for each sequence, of shape (n_sequences,), or one for each step, in a layout of
        `y_true`. Steps of weight 0 are left out; only they may lack a label (NaN or None).
    analyzer : {"char", "word"}, default="char"
        How strings of labels are cut: each character is a label, or labels stand between spaces, as
        in `GRUStepClassifier`.

    Returns
    -------
    y_true : ndarray of shape (n_used_steps,) or (n_used_steps, n_outputs)
    y_pred : ndarray of shape (n_used_steps,) or (n_used_steps, n_columns)
    weight : ndarray of shape (n_used_steps,)
        Only where `sample_weight` was given.

    Raises
    ------
    ValueError
        If numbers of sequences or lengths differ, or if a label is missing at a step that counts.

    Examples
    --------
    >>> from sklearn.metrics import accuracy_score
    >>> from skgru.metrics import flatten_steps
    >>> tags = [["DET", "NOUN"], ["PRON", "VERB", "NOUN"]]
    >>> predicted = [["DET", "NOUN"], ["PRON", "NOUN", "NOUN"]]
    >>> accuracy_score(*flatten_steps(tags, predicted))
    0.8
    """
    if analyzer not in ("char", "word"):
        raise ValueError(f"analyzer should be 'char' or 'word', got {analyzer!r}.")
    true, pred = as_pairs(y_true, y_pred)
    if analyzer == "word":
        true, pred = ([_split(item) for item in items] for items in (true, pred))
    true = [as_steps(item, "y_true", i) for i, item in enumerate(true)]
    pred = [as_steps(item, "y_pred", i) for i, item in enumerate(pred)]
    lengths = [len(steps) for steps in true]
    _check_lengths("y_pred", pred, lengths)
    weight = None if sample_weight is None else _step_weights(sample_weight, lengths)
    used = slice(None) if weight is None else weight != 0
    flat_true = _stack(true, "y_true")[used]
    flat_pred = _stack(pred, "y_pred")[used]
    if len(flat_true) == 0:
        raise ValueError("y_true has no step whose weight is not 0, so there is nothing to score.")
    _refuse_missing(flat_true, used, lengths)
    flat = _plain(flat_true), _plain(flat_pred)
    return flat if weight is None else (*flat, weight[used])


def as_pairs(y_true, y_pred):
    """Return two lists with one item for each sequence."""
    true, pred = as_items(y_true, "y_true"), as_items(y_pred, "y_pred")
    _check_number("y_pred", len(pred), len(true))
    return true, pred


def as_items(y, name):
    """Return a list with one item for each sequence."""
    if isinstance(y, (str, bytes)):
        raise ValueError(f"{name} is one string. Pass [{name}] for one sequence.")
    if isinstance(y, (list, tuple)):
        return list(y)
    array = np.asarray(y)
    if array.ndim == 0:
        raise ValueError(f"{name} should have one item for each sequence, got {y!r}.")
    return list(array)


def as_steps(item, name, i):
    """Return sequence `i` as an array with one entry, or one row, for each step."""
    if isinstance(item, str):
        item = list(item)
    if isinstance(item, (list, tuple)) and not any(map(_holds_several, item)):
        # As objects: next to strings, NumPy would turn a missing value into a string.
        steps = np.empty(len(item), object)
        steps[:] = item
        return steps
    steps = np.asarray(item)
    if steps.ndim not in (1, 2):
        raise ValueError(
            f"{name} should have a label or number for each step of sequence {i}, got {item!r}."
            if steps.ndim == 0
            else f"{name} at sequence {i} has shape {steps.shape}; it should be (n_steps,) or "
            "(n_steps, n_columns)."
        )
    return steps


def _split(item):
    return item.split() if isinstance(item, str) else item


def _holds_several(value):
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def _is_missing(value):
    """Whether an object stands for a missing label: None, NaN or pandas.NA."""
    is_nan = isinstance(value, Real) and math.isnan(value)
    return value is None or is_nan or repr(value) == "<NA>"


def _check_number(name, found, expected):
    if found != expected:
        raise ValueError(f"{name} has {found} sequences, but y_true has {expected}.")


def _check_lengths(name, sequences, lengths):
    for i, (steps, length) in enumerate(zip(sequences, lengths, strict=True)):
        check_length(name, i, len(steps), length)


def check_length(name, i, found, expected):
    """Refuse a sequence that has another number of steps than in y_true."""
    if found != expected:
        raise ValueError(f"Sequence {i} has {expected} steps in y_true, but {found} in {name}.")


def _stack(sequences, name):
    """Concatenate arrays; the result holds objects if one of them does not hold numbers."""
    # An empty list has no dtype and no columns of its own.
    sequences = [steps for steps in sequences if len(steps)] or sequences[:1]
    if not sequences:
        raise ValueError(f"{name} has no sequences.")
    columns = sequences[0].shape[1:]
    for i, steps in enumerate(sequences):
        if steps.shape[1:] != columns:
            raise ValueError(
                f"{name} has steps of different shapes: {columns} at first, {steps.shape[1:]} in "
                f"sequence {i} of those that are not empty."
            )
    if any(steps.dtype.kind not in "biuf" for steps in sequences):
        sequences = [steps.astype(object) for steps in sequences]
    return np.concatenate(sequences)


def _step_weights(sample_weight, lengths):
    """One weight for each step, from weights of sequences or of steps."""
    weights = as_items(sample_weight, "sample_weight")
    _check_number("sample_weight", len(weights), len(lengths))
    if not any(map(_holds_several, weights)):
        return np.repeat(np.asarray(weights, np.float64), lengths)
    weights = [as_steps(w, "sample_weight", i) for i, w in enumerate(weights)]
    _check_lengths("sample_weight", weights, lengths)
    stacked = _stack(weights, "sample_weight").astype(np.float64)
    if stacked.ndim == 2 and stacked.shape[1] != 1:
        raise ValueError(
            f"sample_weight has {stacked.shape[1]} weights for each step; it should have one."
        )
    return stacked.reshape(-1)


def _refuse_missing(flat, used, lengths):
    """Refuse labels that are missing where they count."""
    if flat.dtype == object:
        missing = np.array([_is_missing(value) for value in flat.flat], bool).reshape(flat.shape)
    else:
        missing = np.isnan(flat) if flat.dtype.kind == "f" else np.zeros(flat.shape, bool)
    rows = missing.reshape(len(flat), -1).any(axis=1)
    if rows.any():
        ends = np.cumsum(lengths)
        row = np.arange(ends[-1])[used][np.argmax(rows)]
        i = int(np.searchsorted(ends, row, side="right"))
        raise ValueError(
            f"y_true is missing at sequence {i}, step {row - ends[i] + lengths[i]}. Give such "
            "steps a sample_weight of 0."
        )


def _plain(flat):
    """Convert objects of one kind to strings or numbers, as metrics expect them."""
    if flat.dtype != object:
        return flat
    values = flat.ravel().tolist()
    # A mixture of strings and numbers stays objects: NumPy would turn the numbers into strings.
    for kind in (str, (Real, np.bool_)):
        if all(isinstance(value, kind) for value in values):
            return np.array(values).reshape(flat.shape)
    return flat
