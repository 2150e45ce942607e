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
        Of kind bool, integer or float; it may hold NaN. Any number of dimensions.

    Raises
    ------
    ValueError, TypeError
    """
    refuse_sparse(data, name)
    refuse_masked(data, name)
    _refuse_dates(data, name)
    if isinstance(data, np.ndarray) and data.dtype == object:
        _refuse_date_objects(data, name, axes)
    try:
        array = convert(data)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise _explain(data, name, axes, error) from error
    if array.dtype.kind == "c":
        raise complex_error(name)
    if array.size and array.dtype.kind not in "biuf":
        remedy = _remedy(axes)
        if array.dtype.kind in "mM":
            remedy = _DATES_REMEDY
        raise ValueError(f"{name} has dtype {array.dtype}, which does not hold numbers. {remedy}")
    return array


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
        try:
            float(entries[place])
        except (OverflowError, TypeError, ValueError) as reason:
            if isinstance(entries[place], (complex, np.complexfloating)):
                return complex_error(name)
            where = _where(axes, place)
            if hasattr(data, "columns"):
                where += f" (column {list(data.columns)[place[1]]!r})"
            if isinstance(reason, OverflowError):
                return ValueError(
                    f"{name} at {where} is too large for a 64-bit float ({reason}). Divide by a "
                    "constant, clip such values, or leave them out."
                )
            kind = TypeError if isinstance(reason, TypeError) else ValueError
            return kind(f"{name} at {where} is not a number: {reason}. {_remedy(axes)}")
    if entries.dtype == object and entries.size and isinstance(entries.flat[0], (str, bytes)):
        return ValueError(f"{name} holds strings. {_remedy(axes)}")
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{name} is not an array of numbers: {error}")


def _remedy(axes):
    """What to do about entries that are not numbers.

    Ids must not be the first idea for symbols in X: their sizes and distances mean nothing.
    """
    if axes[-1] == "feature":
        return (
            "Convert strings of digits with astype(float). Give words and other categories one "
            "feature each, 1 where a step is that category and 0 elsewhere."
        )
    return "Convert it to a number, or leave it out."
