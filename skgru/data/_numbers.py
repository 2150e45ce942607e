"""Conversion of array-likes to real numbers: the one place that defines what data must not hold.

X, each sequence of it, targets, weights and the steps of a stream all pass through here.
"""

import numpy as np
from scipy import sparse
from sklearn.utils import check_array


def to_array(data):
    """Convert a table or targets; missing values in frames become NaN."""
    array = check_array(
        data, ensure_2d=False, allow_nd=True, ensure_all_finite=False, ensure_min_samples=0,
        ensure_min_features=0,
    )  # fmt: skip
    return np.asarray(array)  # with array_api_dispatch a tensor is still a tensor


def as_numbers(data, name, axes, convert=to_array):
    """Convert to an array of real numbers, or explain why that is not possible.

    Parameters
    ----------
    data : array-like
    name : str
        What messages call the data.
    axes : tuple of str
        What an entry along each axis is: ("sequence", "step"), for example.
    convert : callable, default=to_array
        Makes an array of `data`.

    Returns
    -------
    array : ndarray
        Of kind bool, integer or float; it may hold NaN, also in place of None and pandas.NA. Any
        number of dimensions.

    Raises
    ------
    ValueError, TypeError
    """
    refuse_sparse(data, name)
    refuse_masked(data, name)
    _refuse_dates(data, name)
    array = _as_array(data)
    if isinstance(array, np.ndarray) and array.dtype == object:
        _refuse_date_objects(array, name, axes)
    try:
        array = convert(array)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        array = _with_nan_for_na(data)
        if array is None:
            raise _explain(data, name, axes, error) from error
    if array.dtype.kind == "c":
        raise complex_error(name)
    if array.size and array.dtype.kind not in "biuf":
        remedy = _remedy(axes)
        if array.dtype.kind in "mM":
            remedy = _DATES_REMEDY
        raise ValueError(f"{name} has dtype {array.dtype}, which does not hold numbers. {remedy}")
    return array


def _as_array(data):
    """An array in place of nested lists, if they form one; anything else as it is."""
    if not isinstance(data, (list, tuple)):
        return data
    try:
        return np.asarray(data)
    except (OverflowError, ValueError):  # whoever converts them will explain
        return data


def name_of(estimator):
    """What messages call an estimator, which may also be a name or None."""
    if estimator is None:
        return "skgru"
    return estimator if isinstance(estimator, str) else type(estimator).__name__


def refuse_sparse(data, name):
    if sparse.issparse(data):
        raise TypeError(
            f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to "
            "convert it to a dense array."
        )


def refuse_masked(data, name):
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            f"{name} is a masked array with masked entries, which would be lost. Fill them first, "
            "for example with its method 'filled'."
        )


def complex_error(name):
    return ValueError(
        f"Complex data not supported: {name} holds complex numbers. Pass the real and the "
        "imaginary part side by side, for example."
    )


def length_of(part):
    """Length of a part of nested lists; None for a number or any other entry."""
    if isinstance(part, (str, bytes, dict)) or getattr(part, "ndim", 1) == 0:
        return None
    return len(part) if hasattr(part, "__len__") else None


def _refuse_dates(data, name):
    """Refuse frames with columns of dates: some libraries would turn them into numbers."""
    if not (hasattr(data, "columns") and hasattr(data, "dtypes")):
        return
    for column, dtype in zip(data.columns, data.dtypes, strict=True):
        is_temporal = getattr(dtype, "is_temporal", bool)  # polars
        if getattr(dtype, "kind", None) in ("m", "M") or is_temporal():
            raise ValueError(
                f"{name} has dates or times in column {column!r} ({dtype}). Leave the column out, "
                "or turn it into numbers, such as hours since a start."
            )
        if getattr(dtype, "kind", None) == "O":
            entries = np.asarray(data[column], dtype=object)
            _refuse_date_objects(entries, f"Column {column!r} of {name}", ("row",))


_DATES_REMEDY = "Convert dates and times to numbers, such as hours since a start."


def _refuse_date_objects(array, name, axes):
    """Refuse NumPy's dates among objects, which NumPy would turn into numbers."""
    for place in np.ndindex(array.shape):
        if isinstance(array[place], (np.datetime64, np.timedelta64)):
            raise ValueError(f"{name} at {_where(axes, place)} is a date or time. {_DATES_REMEDY}")


def _with_nan_for_na(data):
    """Convert data that hold pandas.NA, of which Python makes no float; None for any others."""
    try:
        entries = np.array(data, dtype=object)
        is_na = np.reshape([_is_na(entry) for entry in entries.flat], entries.shape)
        return np.where(is_na, np.nan, entries).astype(np.float64) if is_na.any() else None
    except (OverflowError, TypeError, ValueError):
        return None


def _is_na(entry):
    return type(entry).__name__ == "NAType"  # without an import of pandas


def _where(axes, place):
    return ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=False))


def _explain(data, name, axes, error):
    """The error for data that cannot be converted to numbers, naming the first place at fault."""
    try:
        entries = np.asarray(data, dtype=object)
    except ValueError:  # lists of lengths so different that NumPy refuses them
        entries = np.empty(0, dtype=object)
    if entries.ndim == 1 < len(axes):
        lengths = [length_of(entry) for entry in entries]
        for i, length in enumerate(lengths):
            if length != lengths[0]:
                return ValueError(
                    f"{name} is uneven: {axes[0]} {i} has another length than {axes[0]} 0. Give "
                    f"every {axes[0]} the same number of {axes[1]}s."
                )
    for place in np.ndindex(entries.shape if entries.ndim else (0,)):
        if entries[place] is None or _is_na(entries[place]):
            continue  # missing values have a message of their own, if everything else is a number
        try:
            float(entries[place])
        except (OverflowError, TypeError, ValueError) as reason:
            if isinstance(entries[place], (complex, np.complexfloating)):
                return complex_error(name)
            where = _where(axes, place)
            if hasattr(data, "columns"):
                column = list(data.columns)[place[1]]
                is_table = axes[0] == "sequence" and axes[-1] == "feature"
                if is_table and length_of(entries[place]) is not None:
                    return _nested_error(data, name, column)
                where += f" (column {column!r})"
            if isinstance(reason, OverflowError):
                return ValueError(
                    f"{name} at {where} is too large for a 64-bit float ({reason}). Divide by a "
                    "constant, clip such values, or leave them out."
                )
            kind = TypeError if isinstance(reason, TypeError) else ValueError
            return kind(f"{name} at {where} is not a number: {reason}. {_remedy(axes)}")
    if entries.dtype == object and entries.size and isinstance(entries.flat[0], (str, bytes)):
        return ValueError(f"{name} holds strings. {_remedy_for_strings(name, axes)}")
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{name} is not an array of numbers: {error}")


def _nested_error(frame, name, column):
    """The error for a frame with an array in each cell, as in the nested frames of sktime."""
    to_list = "tolist" if hasattr(frame, "iloc") else "to_list"  # polars has only the second name
    several = ""
    if len(frame.columns) > 1:
        several = (
            " If several columns hold one feature of the sequences each, pass "
            f"[np.column_stack(row) for row in {name}.to_numpy()]."
        )
    return TypeError(
        f"{name} is a frame with an array in each row of column {column!r}, but a frame holds one "
        f"number in each cell. Pass the arrays as a list, {name}[{column!r}].{to_list}().{several}"
    )


def _remedy_for_strings(name, axes):
    if axes[-1] == "feature":
        return _remedy(axes)
    if axes[0] == "step":
        return "Convert each item to numbers, as np.asarray(item, dtype=float) does."
    return f"Convert them to numbers, for example with {name} = np.asarray({name}, dtype=float)."


def _remedy(axes):
    """What to do about entries that are not numbers."""
    if axes[-1] == "feature":
        return (
            "Convert strings of digits with astype(float). If they are words or other categories, "
            "let all steps be strings, or name their column in categorical_features."
        )
    return "Convert it to a number, or leave it out."
