"""Categorical columns among the features of a step: which they are, and what they hold.

A step then has several columns.  Those that are categorical hold strings or integers, which are
symbols with a vocabulary of their own; the others are numbers, read as everywhere else.
"""

import reprlib
import sys
from dataclasses import replace
from numbers import Integral

import numpy as np

from ._inputs import as_sequences, item_to_array
from ._numbers import name_of
from ._symbols import (
    check_symbols,
    column_of,
    form_of_strings,
    is_missing,
    place_of_step,
    string_columns,
)

# Smaller floats that are integers have not been rounded.
_LARGEST = 2.0**53


def find_categorical(X, form, wanted, name="X"):
    """Find which columns of a step are categorical.

    Parameters
    ----------
    X : array-like
        As the user passed it.
    form : str or None
        What `form_of_strings` returned.
    wanted : "from_dtype", None, or array-like of int, bool or str
        The parameter ``categorical_features``: "from_dtype" for columns of strings or categories,
        otherwise indices of columns, a mask, or names; None for none.
    name : str, default="X"
        What error messages call X.

    Returns
    -------
    is_categorical : ndarray of shape (n_columns,), bool, or None
        None if no column is categorical.
    """
    if wanted is None or (isinstance(wanted, str) and wanted != "from_dtype"):
        if wanted is None:
            return None
        wanted = [wanted]  # the name of a column
    item = _first_item(X, form)
    if isinstance(wanted, str):
        found = string_columns(item) if form == "columns" else []
        return np.array(found) if any(found) else None
    names = list(item.columns) if hasattr(item, "columns") else None
    shape = np.shape(item)
    n_columns = shape[1] if len(shape) == 2 else 1
    found = _as_mask(wanted, n_columns, names, name)
    return found if found.any() else None


def _first_item(X, form):
    """The first sequence, (length,) or (length, n_columns): what a step is like."""
    if form in ("texts", "lists", "table") or len(getattr(X, "shape", ())) == 2:
        return np.empty(1)  # a step is a single symbol or number
    if isinstance(X, (list, tuple)) or len(getattr(X, "shape", ())) in (1, 3):
        for item in X:
            return item if hasattr(item, "columns") else _array_or_row(item)
    return np.empty(1)


def _array_or_row(item):
    try:
        return np.asarray(item)
    except ValueError:  # uneven, which whoever reads it will explain
        return np.empty(1)


def _as_mask(wanted, n_columns, names, name):
    entries = np.asarray(wanted, dtype=object).ravel().tolist()
    if all(isinstance(entry, (bool, np.bool_)) for entry in entries) and entries:
        if len(entries) != n_columns:
            raise ValueError(
                f"categorical_features is a mask of {len(entries)} entries, but a step of {name} "
                f"has {n_columns} column(s). Give one entry for each column."
            )
        return np.array(entries, dtype=bool)
    mask = np.zeros(n_columns, dtype=bool)
    for entry in entries:
        if isinstance(entry, str):
            mask[_place_of_name(entry, names, name)] = True
        elif isinstance(entry, Integral) and 0 <= entry < n_columns:
            mask[entry] = True
        else:
            raise ValueError(
                f"categorical_features names column {entry!r}, but a step of {name} has the "
                f"columns 0 to {n_columns - 1}."
            )
    return mask


def _place_of_name(entry, names, name):
    if names is None:
        raise ValueError(
            f"categorical_features names column {entry!r}, but the sequences of {name} are not "
            "frames and have no names of columns. Pass indices of columns, or a list of frames."
        )
    if entry not in names:
        raise ValueError(
            f"categorical_features names column {entry!r}, but the columns of {name} are "
            f"{reprlib.repr(names)}."
        )
    return names.index(entry)


def split_columns(X, is_categorical, *, estimator=None, name="X"):
    """Read numbers and categories apart.

    Parameters
    ----------
    X : array-like
        Numbers in any form that `as_sequences` takes; or a list of frames or of arrays (length,
        n_columns), or a 3-D array, with strings in categorical columns.
    is_categorical : ndarray of shape (n_columns,), bool
    estimator : str or estimator instance, default=None
        Named in error messages.
    name : str, default="X"
        What error messages call X.

    Returns
    -------
    sequences : Sequences
        The numeric columns, of which there may be none.
    columns : list of list of str or ndarray of int64
        What each categorical column holds at all steps of all sequences.
    """
    whole = _in_one_frame(X)
    if whole is not None:
        try:
            sequences, columns = split_columns([whole], is_categorical, estimator=estimator)
            offsets = np.cumsum([0, *map(len, X)], dtype=np.int64)
            return replace(sequences, offsets=offsets), columns
        except (TypeError, ValueError):
            pass  # one by one, which finds the sequence to be named
    labels = list(range(len(is_categorical)))
    if form_of_strings(X, name) != "columns":
        sequences = as_sequences(X, estimator=estimator, name=name)
        _check_width(sequences.n_features, is_categorical, f"Sequence 0 of {name}", estimator)
        values = sequences.values[:]
        columns = [
            _as_integers(values[:, i], i, sequences.offsets, name)
            for i in np.flatnonzero(is_categorical).tolist()
        ]
        return replace(sequences, values=_numeric(values, is_categorical)), columns
    if isinstance(X, np.ndarray) and X.ndim == 3:
        items, numbers = X, _without_categories(X, is_categorical, f"A step of {name}", estimator)
    else:
        items = list(X)
        numbers = [
            _without_categories(item, is_categorical, f"Sequence {i} of {name}", estimator)
            for i, item in enumerate(items)
        ]
        if hasattr(items[0], "columns"):
            labels = list(items[0].columns)
    sequences = as_sequences(numbers, estimator=estimator, name=name)
    columns = []
    for i in np.flatnonzero(is_categorical).tolist():
        entries = [entry for item in items for entry in _entries(item, i)]
        columns.append(_as_symbols(entries, labels[i], sequences.offsets, name))
    values = _numeric(sequences.values[:], is_categorical)
    return replace(sequences, values=values), columns


def _in_one_frame(X):
    """The rows of several like frames of pandas or polars below each other, or None.

    A frame takes so long to read that thousands of short ones take as long as an epoch.
    """
    if not isinstance(X, (list, tuple)) or len(X) < 2 or not hasattr(X[0], "columns"):
        return None
    kind, names = type(X[0]), list(X[0].columns)
    library = sys.modules.get(kind.__module__.partition(".")[0])
    if not hasattr(library, "concat") or not all(type(x) is kind and len(x) for x in X):
        return None
    if not hasattr(X[0], "iloc"):
        try:
            return library.concat(X)
        except library.exceptions.PolarsError:  # other columns
            return None
    if not all(list(x.columns) == names for x in X) or _has_categories(X[0]):
        return None
    return library.concat(X, ignore_index=True)


def _has_categories(frame):
    """Whether pandas would compare the categories of such frames, which is slow."""
    return any(str(dtype) == "category" for dtype in frame.dtypes)


def _numeric(values, is_categorical):
    return np.ascontiguousarray(values[:, ~is_categorical])


def _check_width(n_columns, is_categorical, place, estimator):
    if n_columns != len(is_categorical):
        raise ValueError(
            f"{place} has {n_columns} features, but {name_of(estimator)} is expecting "
            f"{len(is_categorical)} features as input. Every sequence must have the shape (length, "
            "n_features) with the same columns."
        )


def _without_categories(item, is_categorical, place, estimator):
    """The numbers of a frame or array, with zeros in place of its categories."""
    shape = np.shape(item)
    if len(shape) < 2:
        raise ValueError(
            f"{place} has the shape {shape}, but should be a frame or an array (length, n_columns) "
            f"with {len(is_categorical)} columns."
        )
    _check_width(shape[-1], is_categorical, place, estimator)
    if not hasattr(item, "columns"):
        numbers = np.array(item, dtype=object)
        numbers[..., is_categorical] = 0
        return numbers if numbers.ndim == 3 else item_to_array(numbers, place)
    names = [name for name, leave in zip(item.columns, is_categorical, strict=True) if not leave]
    numbers = np.zeros(shape)
    if names:
        found = item_to_array(item[names], place)
        numbers = numbers.astype(found.dtype)
        numbers[:, ~is_categorical] = found
    return numbers


def _entries(item, i):
    """Column i of a frame or array as a list."""
    column = column_of(item, i) if hasattr(item, "columns") else np.asarray(item)[:, i]
    array = getattr(column, "array", None)
    if hasattr(array, "codes") and len(array.categories) <= len(array):
        # Several times as fast as the method of pandas.
        categories = [*array.categories.tolist(), None]
        return [categories[code] for code in array.codes.tolist()]
    return column.to_list() if hasattr(column, "to_list") else column.tolist()


def _as_symbols(entries, label, offsets, name):
    """A column of categories as a list of str, or as an array if they are integers."""

    def place(row):
        return f"column {label!r} at {place_of_step(row, offsets, name)}"

    if any(issubclass(kind, (str, bytes)) for kind in set(map(type, entries))):
        check_symbols(entries, place)
        return entries
    for row, entry in enumerate(entries):
        if is_missing(entry) or not np.isscalar(entry):
            check_symbols(entries[row : row + 1], lambda _, row=row: place(row))
    return _as_integers(np.array(entries), label, offsets, name)


def _as_integers(values, label, offsets, name):
    """A column of numbers as int64; refused if they are not all integers."""
    if values.dtype.kind not in "biuf":
        values = values.astype(np.float64)
    if values.dtype.kind == "f":
        is_integer = values == np.floor(values)
        if not is_integer.all():
            row = int(np.argmin(is_integer))
            raise ValueError(
                f"categorical_features has column {label!r}, but it is {values[row]:g} at "
                f"{place_of_step(row, offsets, name)}, which is no integer. Categories are "
                "integers or strings: leave a column of measurements out of categorical_features."
            )
        is_exact = np.abs(values) < _LARGEST
    else:
        is_exact = values <= np.iinfo(np.int64).max
    if not is_exact.all():
        row = int(np.argmin(is_exact))
        raise ValueError(
            f"categorical_features has column {label!r}, but it is {values[row]} at "
            f"{place_of_step(row, offsets, name)}, which is too large for a category: below "
            f"{'2**53' if values.dtype.kind == 'f' else '2**63'} no two integers are confused. "
            "Pass the categories as strings."
        )
    return values.astype(np.int64)
