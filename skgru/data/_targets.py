"""Targets: checked, and encoded as the float64 columns that losses take."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target


def check_length(n_sequences, y, y_name="y", X_name="X"):
    """Refuse targets of another length than X."""
    n_targets = np.shape(y)[0]
    if n_targets != n_sequences:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {X_name} has "
            f"{n_sequences} sequences, {y_name} has {n_targets} targets. Give one target (or one "
            "row of targets) for each sequence."
        )


def encode_regression(y, estimator, name="y"):
    """Continuous targets as an array (n, n_outputs).

    Returns
    -------
    target : ndarray of shape (n, n_outputs), float64
    is_1d : bool
        Whether `y` was one-dimensional, and predictions should be.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    target = check_array(
        y, dtype=np.float64, ensure_2d=False, allow_nd=True, ensure_min_samples=0,
        ensure_min_features=0, ensure_all_finite=False, input_name=name, estimator=estimator,
    )  # fmt: skip
    _check_shape(target, name)
    _check_finite(target, name)
    return target.reshape(len(target), -1), target.ndim == 1


def _check_shape(target, name):
    if target.ndim not in (1, 2) or target.size == 0:
        raise ValueError(
            f"{name} of shape {target.shape} should have the shape (n_sequences,) or "
            "(n_sequences, n_outputs), with at least one sequence."
        )


def _check_finite(target, name):
    """Refuse numbers that are not finite, and objects that stand for a missing value."""
    if target.dtype.kind == "O":
        usable = np.array([not _is_missing(value) for value in target.flat]).reshape(target.shape)
    elif target.dtype.kind == "f":
        usable = np.isfinite(target)
    else:
        return
    if not usable.all():
        value, where = find_first(target, ~usable)
        value = "infinity" if value in (np.inf, -np.inf) else "None" if value is None else "NaN"
        raise ValueError(
            f"Input {name} contains {value} at {where}. Remove such sequences, or fill in the "
            "target."
        )


def find_first(target, condition):
    """The first target that meets a condition, and its place in words."""
    place = np.unravel_index(np.argmax(condition), target.shape)
    where = f"sequence {place[0]}" + (f", output {place[1]}" if target.ndim == 2 else "")
    return target[place], where


def _is_missing(value):
    # The last is pandas.NA, which neither equals nor differs from anything.
    is_number = isinstance(value, Real)
    return value is None or (is_number and not np.isfinite(value)) or repr(value) == "<NA>"


def encode_classes(y, estimator, classes=None, name="y"):
    """Class labels as numbers of classes, or indicators of labels.

    Parameters
    ----------
    classes : ndarray or None
        The labels to encode with; found in ``y`` if None.

    Returns
    -------
    target : ndarray, float64
        (n, 1) with the number of the class (0 or 1 of two), or (n, n_labels) of zeros and ones.
    classes : ndarray
        Sorted labels; 0 .. n_labels - 1 for multilabel targets.
    is_multilabel : bool
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    if not sparse.issparse(y):
        # A list as objects: next to strings, NumPy would turn a missing value into a string.
        array = np.asarray(y, dtype=object if isinstance(y, (list, tuple)) else None)
        _check_shape(array, name)
        _check_finite(array, name)
    check_classification_targets(y)
    if type_of_target(y, input_name=name) == "multilabel-indicator":
        target = check_array(y, dtype=np.float64, accept_sparse=True, input_name=name)
        target = target.toarray() if hasattr(target, "toarray") else target
        found = np.arange(target.shape[1])
        if classes is not None and len(classes) != len(found):
            raise ValueError(f"{name} has {len(found)} labels, but the model knows {len(classes)}.")
        return target, found, True
    labels = column_or_1d(y, warn=True)
    if classes is None:
        classes, numbers = np.unique(labels, return_inverse=True)
    else:
        numbers = _numbers_of(labels, classes, name)
    return numbers.reshape(-1, 1).astype(np.float64), classes, False


def _numbers_of(labels, classes, name):
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        first = int(np.argmax(unknown))
        label = labels[first : first + 1].tolist()[0]  # as Python prints it
        raise ValueError(
            f"`{name}` has classes not in `self.classes_`: {label!r} at sequence {first} is none "
            f"of {classes.tolist()}. List every class in the first call of partial_fit, or "
            "fit anew."
        )
    return np.searchsorted(classes, labels)
