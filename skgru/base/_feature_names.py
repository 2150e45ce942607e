"""Names of features: the columns of a table, or those of the frames in a list of sequences.

scikit-learn records and compares the names of tables. The same rules hold here for a list (or
object array) of frames, one for each sequence: a name that is missing or in another place is an
error, because a column would silently be read as another feature.
"""

import reprlib

import numpy as np

from skgru._warnings import warn

from ._sklearn import _check_feature_names, _get_feature_names


def feature_names(X, name="X"):
    """Names of the columns of a table, or of those that the frames in a list share.

    Parameters
    ----------
    X : array-like or list of arrays
    name : str
        What messages call X.

    Returns
    -------
    names : ndarray of str or None
        None if there are none.

    Raises
    ------
    ValueError
        If two frames of a list have other names, or the same in another order.
    """
    if not _is_list(X):
        return _get_feature_names(X)
    first = names = nameless = None
    for i, item in _differently_named(X):
        found = _names_of_item(item, f"sequence {i} of {name}")
        if found is None:
            nameless = i if nameless is None else nameless
        elif names is None:
            first, names = i, found
        elif not np.array_equal(names, found):
            raise ValueError(
                f"In sequence {i} of {name}: the feature names should match those of sequence "
                f"{first}, {reprlib.repr(names.tolist())}, in the same order. Found "
                f"{reprlib.repr(found.tolist())}. Select the columns in one order for every frame."
            )
    if names is not None and nameless is not None:
        warn(
            f"Sequence {nameless} of {name} does not have valid feature names, but sequence "
            f"{first} has feature names."
        )
    return names


def check_feature_names(estimator, X, name="X", *, needs_names=True):
    """Compare the names of X with those that a fitted estimator recorded.

    As in scikit-learn, names that are there only on one side are a warning, which is emitted once,
    and other names or another order an error. Without `needs_names`, X may lack them.
    """
    if not needs_names and feature_names(X, name) is None:
        return
    fitted = getattr(estimator, "feature_names_in_", None)
    if not _is_list(X):
        _compare(estimator, X, name)
        if fitted is not None and estimator._layout != "2d" and hasattr(X, "columns"):
            raise ValueError(
                f"{name} is one frame with the columns of a single step. A table is read as one "
                f"univariate sequence in each row: for a single sequence pass [{name}]."
            )
    elif fitted is None and feature_names(X, name) is not None:
        _compare(estimator, _first_with_names(X), name)
    elif fitted is not None and estimator._layout != "2d":
        has_warned = False
        for i, item in _differently_named(X):
            where = f"sequence {i} of {name}"
            is_nameless = _names_of_item(item, where) is None
            if not (is_nameless and has_warned):
                _compare(estimator, item, where)
            has_warned |= is_nameless


def check_names_of_step(names, data, name):
    """Compare the labels of one step (a Series) or of several (a frame) with recorded names.

    Nothing is said of data without labels, which are the usual way to push steps.
    """
    if names is None or not hasattr(data, "columns") and not hasattr(data, "iloc"):
        return
    labels = list(data.columns if hasattr(data, "columns") else data.index)
    if all(isinstance(label, str) for label in labels) and labels != list(names):
        raise ValueError(
            f"In {name}: The feature names should match those that were passed during fit, "
            f"{reprlib.repr(list(names))}, in the same order. Found {reprlib.repr(labels)}."
        )


def _names_of_item(item, where):
    try:
        return _get_feature_names(item)
    except (TypeError, ValueError) as error:  # names that occur twice, or only some are strings
        raise type(error)(f"In {where}: {error}") from error


def _compare(estimator, table, where):
    """Let scikit-learn compare names, and say where they differ."""
    try:
        _check_feature_names(estimator, table, reset=False)
    except ValueError as error:
        raise ValueError(f"In {where}: {error}") from error


def _is_list(X):
    """Whether X holds sequences, and is not a table or an array of numbers."""
    if isinstance(X, (list, tuple)):
        return True
    is_series = hasattr(X, "iloc") and not hasattr(X, "columns")
    return (isinstance(X, np.ndarray) or is_series) and X.ndim == 1 and X.dtype == object


def _differently_named(X):
    """Yield (number, sequence) for the first sequence with each list of columns, or with none."""
    seen = set()
    for i, item in enumerate(X):
        columns = tuple(item.columns) if hasattr(item, "columns") else None
        if columns not in seen:
            seen.add(columns)
            yield i, item


def _first_with_names(X):
    return next(item for _, item in _differently_named(X) if _get_feature_names(item) is not None)
