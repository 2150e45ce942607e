"""Check X against what an estimator was fitted on; shared by every estimator here."""

import numpy as np
from sklearn.utils.validation import _check_feature_names

from skgru.data import as_numbers, as_sequences, find_first


def check_X(estimator, X, *, reset, name="X"):
    """Convert X to `Sequences`; record what it looks like, or check it against the record.

    A 2D table fixes its width, as scikit-learn's tables do. A 3D array and ragged sequences fix
    only the number of features of a step and may stand in for each other, whatever their lengths.
    Where that number is one, a 2D table of any width may stand in for them too: nested lists
    become a table when their lengths happen to agree.

    Parameters
    ----------
    estimator : estimator instance
        With `reset`, its attributes `n_features_in_`, `feature_names_in_` (frames only) and
        `_layout` are set, after X has passed all checks.
    X : array-like or list of arrays
        As in `skgru.data.as_sequences`.
    reset : bool
        True in `fit` and in the first call of `partial_fit`, otherwise False.
    name : str, default="X"
        What error messages call X.

    Returns
    -------
    sequences : Sequences

    Raises
    ------
    ValueError
        If X is no set of finite sequences, or does not fit what was recorded.
    TypeError
        As `skgru.data.as_sequences`.
    """
    if not reset:
        try:
            _check_feature_names(estimator, X, reset=False)
        except ValueError as error:
            raise ValueError(f"In {name}: {error}") from error
    sequences = as_sequences(X, estimator=estimator, name=name)
    if reset:
        record_X(estimator, X, sequences)
    else:
        check_layout(estimator, sequences, name)
    return sequences


def record_X(estimator, X, sequences):
    """Record what X looks like, for later checks; see `check_X`."""
    _check_feature_names(estimator, X, reset=True)
    estimator.n_features_in_ = _n_features(sequences)
    estimator._layout = sequences.layout


def check_layout(estimator, sequences, name="X"):
    """Refuse sequences that do not fit what `estimator` was fitted on; see `check_X`."""
    is_table = sequences.layout == "2d"
    n_features = 1 if is_table and estimator._layout != "2d" else _n_features(sequences)
    caller, expected = type(estimator).__name__, estimator.n_features_in_
    if estimator._layout == "2d" and not is_table:
        raise ValueError(
            f"{name} is {_DESCRIPTION[sequences.layout]}, but {caller} was fitted on a 2D table "
            f"with {expected} time steps. Pass a 2D array of that width, or fit on a 3D array or "
            "a list of arrays."
        )
    if n_features == expected:
        return
    remedy = ""
    if estimator._layout == "2d":
        remedy = (
            f" A 2D {name} is a table of sequences of equal length, whose width (here the number "
            "of time steps) is fixed by fit. For sequences of any length, fit on a 3D array or on "
            "a list of arrays."
        )
    elif is_table:
        remedy = (
            f" A 2D {name} is a table of univariate sequences, one in each row; pass several "
            "sequences as a 3D array or a list, and a single one of shape (n_timesteps, "
            f"n_features) as {name}[np.newaxis] or [{name}]."
        )
    raise ValueError(
        f"{name} has {n_features} features, but {caller} is expecting {expected} features as "
        f"input.{remedy}"
    )


def _n_features(sequences):
    """Count features the way scikit-learn does: a table has as many as it has columns."""
    return int(sequences.lengths[0]) if sequences.layout == "2d" else sequences.n_features


_DESCRIPTION = {
    "3d": "a 3D array (n_sequences, n_timesteps, n_features)",
    "ragged": "ragged (one array per sequence)",
}


def hold_out(indices, fraction, seed, labels=None):
    """Split off sequences for validation.

    Parameters
    ----------
    indices : ndarray of int64
        The sequences to split.
    fraction : float
        Share to hold out, rounded up.
    seed : int
    labels : ndarray or None
        Label of every sequence of the data set. Kept in proportion where every label has two
        sequences and finds room in both parts.

    Returns
    -------
    training, validation : ndarray of int64
        Sorted indices.
    """
    n_sequences = len(indices)
    n_validation = int(np.ceil(fraction * n_sequences))
    n_training = n_sequences - n_validation
    if n_validation < 1 or n_training < 1:
        raise ValueError(
            f"The validation set is too small: validation_fraction={fraction} of the sequences "
            f"(n_samples = {n_sequences}) leaves none to validate on, or none to train on. Change "
            "validation_fraction, pass X_val and y_val, or set early_stopping=False."
        )
    if labels is not None:
        labels = labels[indices]
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() < 2 or min(n_validation, n_training) < len(counts):
            labels = None
    from sklearn.model_selection import train_test_split  # 50 ms that few fits need

    parts = train_test_split(indices, test_size=n_validation, random_state=seed, stratify=labels)
    return [np.sort(part) for part in parts]


def check_weight(sample_weight, n_sequences, name="sample_weight"):
    """Weights of sequences as float64: finite, not negative, and not all zero."""
    if sample_weight is None:
        return np.ones(n_sequences)
    weight = as_numbers(sample_weight, name, ("sequence",)).astype(np.float64)
    if weight.ndim == 0:
        weight = np.full(n_sequences, weight)
    if weight.shape != (n_sequences,):
        raise ValueError(
            f"{name} has shape {weight.shape}, but there are {n_sequences} sequences. Give one "
            "weight for each, as a 1D array."
        )
    usable = (weight >= 0) & (weight < np.inf)
    if not usable.all():
        i = int(np.argmin(usable))
        raise ValueError(
            f"{name} at sequence {i} is {weight[i]:g}, but weights must be finite and not "
            "negative. A weight of zero leaves a sequence out."
        )
    if not weight.any():
        raise ValueError(f"{name} is zero for every sequence; at least one must be positive.")
    with np.errstate(over="ignore"):
        if weight.sum() == np.inf:
            raise ValueError(f"The sum of {name} overflows float64. Divide {name} by its maximum.")
    return weight


def check_training_weight(weight, alpha, batch_size, dtype):
    """Refuse weights so far from one that nothing is learnt from the sequences they belong to.

    Parameters
    ----------
    weight : ndarray
        Weights of the training sequences, those of their classes included.
    alpha : float
        Strength of the penalty in the gradient.
    batch_size : int
    dtype : str
        Of the gradient.
    """
    with np.errstate(over="ignore"):
        mean = weight.mean()
    limits = np.finfo(np.float64)
    if not limits.tiny <= mean <= limits.max:
        reason = "is beyond the range of float64"
    elif alpha * np.finfo(dtype).eps > mean * batch_size:
        reason = f"is so small that beside the penalty (alpha={alpha:g}) the loss is rounded away"
    else:
        return
    raise ValueError(
        f"The mean of sample_weight, {mean:.3g} (times class_weight, if there is one), {reason}. "
        "Divide the weights by their mean."
    )


def check_scale(scale, name):
    """Refuse features or outputs whose spread is too large for float64; ``{}`` is the number."""
    finite = np.isfinite(scale)
    if not finite.all():
        raise ValueError(
            f"The standard deviation of {name.format(np.argmin(finite))} overflows float64. Divide "
            "by a constant first, take the logarithm, or clip extreme values."
        )


def check_counts(target, name, first):
    """Refuse negative targets and, in the first data to fit, a mean without a logarithm."""
    if (target < 0).any():
        value, where = find_first(target, target < 0)
        raise ValueError(
            f"{name} at {where} is {value:g}, but with loss='poisson' targets must not be negative."
        )
    if first and not target.any():
        raise ValueError(f"With loss='poisson' the targets in {name} must not be all zero.")


def check_target_range(target, dtype):
    """Refuse targets that the network cannot hold."""
    size = np.abs(target).max(axis=1)
    if size.max() > np.finfo(dtype).max:
        raise ValueError(
            f"y at sequence {np.argmax(size)} is too large for dtype={dtype!r}. Set "
            "standardize=True, rescale y, or set dtype='float64'."
        )


def check_range(sequences, standardize, dtype, name="X", remedy="set dtype='float64' and fit"):
    """Refuse values that are finite, but not once they are standardised.

    Nothing is read for it as long as the smallest and the largest of all values would do as values
    of every feature.

    Parameters
    ----------
    sequences : Sequences
    standardize : callable
        From rows (n, n_features) to float64; monotonic in each feature.
    dtype : str or dtype
        What has to hold the result.
    name : str
        What the message calls the sequences.
    remedy : str
        What helps if `dtype` is float32, other than clipping.
    """

    def overflows(rows):
        with np.errstate(over="ignore", invalid="ignore"):
            return ~np.isfinite(standardize(rows).astype(dtype))

    if overflows(np.reshape(sequences.extremes, (2, 1))).any():
        place, value = sequences.find(overflows)
        if place is not None:
            raise ValueError(f"{name} is {value:.3g} at {place}: {why_too_large(dtype, remedy)}")


def why_too_large(dtype, remedy="set dtype='float64' and fit"):
    """Say why a value is refused, and what helps."""
    remedy = f", or {remedy}" if np.dtype(dtype) == np.float32 else ""
    return f"too large for {dtype} on the scale of the training data. Clip such values{remedy}."


def check_prediction(raw, sequences):
    """Refuse predictions that are lost to overflow."""
    finite = np.isfinite(raw).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        step, feature = np.unravel_index(np.argmax(np.abs(sequences[i])), sequences[i].shape)
        raise ValueError(
            f"The prediction for sequence {i} of X is not finite: the largest value in it, "
            f"{sequences[i][step, feature]:.3g} at step {step}, feature {feature}, is "
            f"{why_too_large(raw.dtype)}"
        )
