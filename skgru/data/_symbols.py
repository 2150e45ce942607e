"""Reading of X whose steps are strings: what is a symbol, and how strings are cut into symbols.

=========  =========================================================================
form       what was passed
=========  =========================================================================
"texts"    a list, tuple, 1-D array or Series of strings, which are cut into symbols
"lists"    a list, tuple, 1-D object array or Series of lists or 1-D arrays of strings
"table"    a 2-D array, or a frame of several columns, of strings: a symbol per cell
"columns"  frames, arrays (length, n_columns) or a 3-D array, with strings in some columns
=========  =========================================================================
"""

import reprlib
from collections.abc import Set
from itertools import chain
from numbers import Number

import numpy as np

from ._numbers import length_of, name_of

#: What may be cut or is a symbol.
_TEXT = (str, bytes)


def form_of_strings(X, name="X"):
    """Which of the forms above X has, or None if its steps are not strings.

    Raises
    ------
    ValueError
        If X is a single string, or a frame whose only column holds strings.
    """
    if isinstance(X, _TEXT):
        raise ValueError(
            f"{name} is one string, {reprlib.repr(X)}, but should hold several sequences. A single "
            f"text is [{name}]; to train on parts of it, pass a list of those."
        )
    if hasattr(X, "columns") and hasattr(X, "shape"):
        return _form_of_frame(X, name)
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "OUST" or X.ndim == 0 or not X.size:
            return None
        if X.ndim == 1:
            return _form_of_items(X)
        is_text = isinstance(_first(X.flat), _TEXT)
        if X.ndim == 2:
            return "table" if is_text else None
        return "columns" if X.ndim == 3 and any(string_columns(X[0])) else None
    is_series = hasattr(X, "dtype") and hasattr(X, "__iter__") and len(getattr(X, "shape", ())) == 1
    return _form_of_items(X) if isinstance(X, (list, tuple)) or is_series else None


def _form_of_items(X):
    for item in X:
        if isinstance(item, _TEXT):
            return "texts"
        if isinstance(item, Number) or isinstance(item, np.ndarray) and item.dtype.kind in "biufc":
            return None
        if hasattr(item, "columns") or getattr(item, "ndim", 1) == 2:
            return "columns" if any(string_columns(item)) else None
        if length_of(item) and not isinstance(item, (dict, Set)):
            first = _first(item)
            if isinstance(first, _TEXT):
                return "lists"
            if isinstance(first, (list, tuple)) and isinstance(_first(first), _TEXT):
                return "lists"  # steps of several strings, which `read_strings` refuses
            if first is not None:
                return None
    return None


def _form_of_frame(X, name):
    found = string_columns(X)
    if not any(found):
        return None
    if len(found) == 1 and len(X):
        column = list(X.columns)[0]
        raise ValueError(
            f"{name} is a frame of the single column {column!r}. For a text in each row, pass the "
            f"column itself, {name}[{column!r}]. For one sequence whose steps are the rows, pass "
            f"[{name}]."
        )
    if not all(found):
        numeric = list(X.columns)[found.index(False)]
        symbolic = list(X.columns)[found.index(True)]
        raise ValueError(
            f"{name} is a frame with strings in column {symbolic!r} and numbers in column "
            f"{numeric!r}. A frame is read as one sequence in each row, and its columns as the "
            f"steps, which are either all symbols or all numbers: leave out a column that is no "
            f"step. If the rows are the steps of one sequence, pass [{name}]; of several, a list "
            "with a frame for each."
        )
    return "table"


def string_columns(data):
    """Whether each column of a frame or a 2-D array holds strings or categories.

    Of a column of objects, the first entry decides that is not missing.
    """
    if hasattr(data, "columns"):
        return [_holds_strings(data, i, dtype) for i, dtype in enumerate(data.dtypes)]
    data = np.asarray(data)
    if data.ndim != 2:  # a sparse matrix, which whoever reads it will explain
        return []
    if data.dtype.kind in "UST":
        return [True] * data.shape[1]
    if data.dtype != object:
        return [False] * data.shape[1]
    return [isinstance(_first(column), _TEXT) for column in data.T]


def _holds_strings(frame, i, dtype):
    """Whether column i of a frame has a dtype of strings or categories (pandas or polars)."""
    dtype = str(dtype).lower()
    if dtype == "object":
        return isinstance(_first(column_of(frame, i)), _TEXT)
    return dtype == "str" or dtype.startswith(("string", "categor", "enum"))


def column_of(frame, i):
    """Column i of a frame, as a Series."""
    column = frame[frame.columns[i]]  # several times as fast as iloc, if the name occurs once
    return frame.iloc[:, i] if hasattr(column, "columns") else column


def _first(items):
    """The first of them that is not missing; None if all are."""
    return next((item for item in items if not is_missing(item)), None)


def is_missing(entry):
    """Whether an entry is None, NaN or pandas.NA."""
    is_nan = isinstance(entry, (float, np.floating)) and entry != entry
    return entry is None or is_nan or type(entry).__name__ in ("NAType", "NaTType")


def strings_of(X, name="X", caller=None):
    """The strings of a list, array or Series of them, as a list.

    Raises
    ------
    ValueError, TypeError
        If X is anything else. The message says where.
    """
    form = form_of_strings(X, name)
    if form != "texts":
        what = "lists of strings, which are symbols already" if form == "lists" else "no strings"
        raise ValueError(
            f"{name} holds {what}. {name_of(caller)} takes a list, an array or a Series of strings."
        )
    texts = list(X)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise _not_a_text(text, f"Sequence {i} of {name}")
    return texts


def _not_a_text(item, place):
    if isinstance(item, bytes):
        return TypeError(f"{place} is bytes, {reprlib.repr(item)}. Decode it: item.decode().")
    if is_missing(item):
        return ValueError(f"{place} is missing ({item!r}). {_IF_MISSING}")
    return TypeError(
        f"{place} is {reprlib.repr(item)}, of type {type(item).__name__}, but others are strings. "
        "Pass strings only, which are cut into symbols, or lists of symbols only."
    )


_IF_MISSING = (
    "Leave the step or the sequence out, or give missing symbols a name, such as '<missing>'."
)


def read_strings(X, form, cut, name="X"):
    """Read X of the form "texts", "lists" or "table".

    Parameters
    ----------
    X : array-like
    form : str
        What `form_of_strings` returned.
    cut : callable
        Maps a text to a list of str.
    name : str, default="X"
        What error messages call X.

    Returns
    -------
    column : list of str
        The symbols of all steps of all sequences.
    offsets : ndarray of shape (n_sequences + 1,), int64
    layout : {"2d", "ragged"}
    """
    if form == "table":
        array = np.asarray(X, dtype=object)
        items = array.tolist()
    elif form == "texts":
        items = list(map(cut, strings_of(X, name)))
    else:
        items = [_symbols_of_item(item, f"Sequence {i} of {name}") for i, item in enumerate(X)]
    lengths = np.fromiter(map(len, items), np.int64, len(items))
    if not lengths.all():
        i = int(np.argmin(lengths))
        found = f", {reprlib.repr(list(X)[i])}," if form == "texts" else ""
        raise ValueError(
            f"Sequence {i} of {name}{found} has no symbols. Remove it from {name}, and its target."
        )
    column = list(chain.from_iterable(items))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    check_symbols(column, lambda row: place_of_step(row, offsets, name))
    return column, offsets, "2d" if form == "table" else "ragged"


def _symbols_of_item(item, place):
    """The symbols of one sequence that is a list, an array or a Series."""
    if isinstance(item, (list, tuple)):
        return item
    if isinstance(item, str):
        raise TypeError(
            f"{place} is a string, {reprlib.repr(item)}, but others are lists of symbols. Pass "
            "lists only, or strings only, which are cut into symbols."
        )
    if is_missing(item) or length_of(item) is None or isinstance(item, (dict, Set)):
        raise _not_a_text(item, place)
    if getattr(item, "ndim", 1) != 1:
        raise ValueError(
            f"{place} has {item.ndim} dimensions, but others are lists of symbols. Give all of "
            "them one symbol for each step, or all of them several columns."
        )
    return list(item)


def place_of_step(row, offsets, name):
    """Where a row of all steps is, in words."""
    i = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"step {row - offsets[i]} of sequence {i} of {name}"


def check_symbols(column, place):
    """Refuse a column that holds anything but strings; ``place(row)`` says where a row is."""
    if all(issubclass(kind, str) for kind in set(map(type, column))):
        return
    row, entry = next((i, s) for i, s in enumerate(column) if not isinstance(s, str))
    where = place(row)
    where = where[0].upper() + where[1:]
    if is_missing(entry):
        raise ValueError(f"{where} is missing ({entry!r}). {_IF_MISSING}")
    if isinstance(entry, bytes):
        raise TypeError(f"{where} is bytes, {reprlib.repr(entry)}. Decode it: symbol.decode().")
    if isinstance(entry, (list, tuple, np.ndarray)):
        raise TypeError(
            f"{where} is {reprlib.repr(entry)}, but a symbol is a string. Join its parts to one "
            "string, or pass a list of frames or of object arrays (length, n_columns), whose "
            "columns of strings have a vocabulary each (see categorical_features)."
        )
    raise TypeError(
        f"{where} is {reprlib.repr(entry)}, of type {type(entry).__name__}, but others are "
        "strings. Make all of them strings, which are symbols, or all of them numbers."
    )
