"""Check X against what an estimator was fitted on; shared by every estimator here."""

import numpy as np

from skgru.data import as_sequences

from ._feature_names import check_feature_names, feature_names
from ._readings import check_reading


def check_X(estimator, X, *, reset, name="X"):
    """Convert X to `Sequences`; record what it looks like, or check it against the record.

    A 2D table fixes its width, as scikit-learn's tables do. A 3D array and ragged sequences fix
    only the number of features of a step and may stand in for each other, whatever their lengths.
    Where that number is one, a 2D table of any width may stand in for them too: nested lists
    become a table when their lengths happen to agree.

    Parameters
    ----------
    estimator : estimator instance
        With `reset`, its attributes `n_features_in_`, `feature_names_in_` (of a frame or of a list
        of frames) and `_layout` are set, after X has passed all checks.
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
        If X is not a set of finite sequences, or does not match what was recorded.
    TypeError
        As `skgru.data.as_sequences`.
    """
    if reset:
        sequences, facts = read_X(estimator, X)
        record_X(estimator, facts)
        return sequences
    check_feature_names(estimator, X, name)
    sequences = as_sequences(X, estimator=estimator, name=name)
    check_layout(estimator, sequences, name)
    return sequences


def read_X(estimator, X):
    """Read the X of a first fit; see `check_X`.

    Returns
    -------
    sequences : Sequences
    facts : dict
        The attributes that the fitted estimator records of X.
    """
    sequences = as_sequences(X, estimator=estimator)
    facts = {"n_features_in_": _n_features(sequences), "_layout": sequences.layout}
    names = feature_names(X)
    if names is not None:
        facts["feature_names_in_"] = names
    check_reading(X, sequences)
    return sequences, facts


def record_X(estimator, facts):
    """Record what `read_X` found, in place of an earlier record."""
    vars(estimator).pop("feature_names_in_", None)
    vars(estimator).update(facts)


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
    elif sequences.common_length == expected:
        is_array = sequences.layout == "3d"
        swapped = f"{name}.transpose(0, 2, 1)" if is_array else f"[x.T for x in {name}]"
        remedy = (
            " A sequence has the shape (n_timesteps, n_features): if yours are (n_features, "
            f"n_timesteps), pass {swapped}."
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


def check_range(sequences, standardize, dtype, name="X", remedy="set dtype='float64' and fit"):
    """Refuse finite values that overflow when they are standardised.

    The data are not read as long as the smallest and the largest of all values would be acceptable
    in every feature.

    Parameters
    ----------
    sequences : Sequences
    standardize : callable
        Maps rows (n, n_features) to float64; monotonic in each feature.
    dtype : str or dtype
        Dtype that has to hold the result.
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


def check_finite_when_scaled(sequences, mean, inverse_scale, dtype, name="X"):
    """Refuse finite values that overflow when they are standardised for the network."""
    check_range(sequences, lambda rows: (rows - mean) * inverse_scale, dtype, name)


def check_finite_result(result, dtype, remedy="pass X as float64"):
    """Refuse transformed sequences with values that are not finite because of an overflow."""
    if not np.isfinite(result.extremes).all():
        place, _ = result.find(lambda values: ~np.isfinite(values))
        raise ValueError(f"X at {place} is {why_too_large(dtype, remedy)}")


def why_too_large(dtype, remedy="set dtype='float64' and fit"):
    """Say why a value is refused, and what helps."""
    remedy = f", or {remedy}" if np.dtype(dtype) == np.float32 else ""
    return f"too large for {dtype} on the scale of the training data. Clip such values{remedy}."


def check_prediction(raw, sequences, rows):
    """Refuse predictions that are not finite because of an overflow."""
    finite = np.isfinite(raw).all(axis=1)
    if not finite.all():
        i = rows.sequence_of(int(np.argmin(finite)))
        step, feature = np.unravel_index(np.argmax(np.abs(sequences[i])), sequences[i].shape)
        raise ValueError(
            f"The prediction for sequence {i} of X is not finite: the largest value in it, "
            f"{sequences[i][step, feature]:.3g} at step {step}, feature {feature}, is "
            f"{why_too_large(raw.dtype)}"
        )
