"""Conversion of X, as the user passes it, to `Sequences`: the only place that interprets X.

========  =============================================================================
layout    what was passed
========  =============================================================================
"2d"      a table (n_sequences, n_timesteps), frames included: one feature per step
"3d"      an array (n_sequences, n_timesteps, n_features)
"ragged"  a list, tuple or 1-D object array of (length, n_features) or (length,) arrays
========  =============================================================================
"""

import reprlib
from math import isfinite
from numbers import Number

import numpy as np

from ._numbers import as_numbers, length_of
from ._sequences import ScatteredRows, Sequences, stack_rows

# Sequences that are not stacked in C order are copied into one table, which is faster to read, if
# together they take no more than this.  Larger data are gathered while they are read.
COPY_BYTES = 2**25


def as_sequences(X, *, estimator=None, name="X"):
    """Convert X to `Sequences` and check it; X itself is never changed.

    Parameters
    ----------
    X : array-like of shape (n_sequences, n_timesteps), array-like of shape \
            (n_sequences, n_timesteps, n_features), or list of arrays
        A 2D table of univariate series (pandas and polars frames included), a 3D array, or a
        list, tuple or 1-D object array with one array of shape (length, n_features) or
        (length,) per sequence. Nested lists of numbers are read as NumPy reads them, and are
        ragged where their lengths differ. All of it is used in place, except that up to 32 MB in
        another memory order than C, or in a list, are copied once (memory maps never are).
    estimator : str or estimator instance, default=None
        Named in error messages.
    name : str, default="X"
        What error messages call X.

    Returns
    -------
    sequences : Sequences

    Raises
    ------
    ValueError
        If X has no sequence, no step or no feature, holds NaN, infinity, complex numbers or
        things that are not numbers, has too few or too many dimensions, or if its sequences
        disagree about dimensions or number of features. The message names the place.
    TypeError
        If X is or contains a sparse matrix, a `numpy.matrix`, or objects that cannot be numbers.
    """
    caller = _name_of(estimator)
    items = _ragged_items(X)
    if items is None:
        sequences = _from_array(X, name, caller)
    else:
        sequences = _from_items(items, name, caller)
    _check_finite(sequences, name, caller)
    return sequences


def _name_of(estimator):
    if estimator is None:
        return "skgru"
    return estimator if isinstance(estimator, str) else type(estimator).__name__


def _ragged_items(X):
    """List the sequences of X if it is ragged, else return None."""
    if isinstance(X, (list, tuple)):
        items = list(X)
        if items and all(_is_scalar(item) for item in items):
            return None
        if items and all(isinstance(item, (list, tuple)) for item in items):
            return items if _differ_in_length(items) else None
        return items
    if isinstance(X, np.ndarray):
        array = X
    elif getattr(X, "ndim", len(getattr(X, "shape", (0, 0)))) == 1 and hasattr(X, "__array__"):
        array = np.asarray(X)
    else:
        return None
    if array.ndim != 1 or array.dtype != object or all(_is_scalar(item) for item in array):
        return None
    return list(array)


def _is_scalar(item):
    if isinstance(item, (str, bytes, Number, np.generic)) or item is None:
        return True
    return isinstance(item, np.ndarray) and item.ndim == 0


def _differ_in_length(items):
    """Whether nested lists differ in length somewhere, so that they do not form an array."""
    if len({len(item) for item in items}) > 1:
        return True
    return len({length_of(part) for item in items for part in item}) > 1


def _from_array(X, name, caller):
    """`Sequences` of a 2D or 3D array-like."""
    if len(_shape(X)) < 2:
        raise ValueError(_why_no_sequences(X, name))
    array = as_numbers(X, name, ("sequence", "step", "feature"))
    if array.ndim > 3:
        raise ValueError(
            f"Found array with dim {array.ndim}, while dim <= 3 is required by {caller}: {name} of "
            f"shape {array.shape} should be (n_sequences, n_timesteps) or (n_sequences, "
            "n_timesteps, n_features)."
        )
    _check_not_empty(array.shape, name, caller)
    n_sequences, n_timesteps = array.shape[:2]
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_timesteps
    dtype = _plain_dtype(array.dtype)
    is_plain = array.flags.c_contiguous and array.dtype == dtype
    if not is_plain and (_in_memory_map(array) or array.nbytes > COPY_BYTES):
        items = array.reshape(n_sequences, n_timesteps, -1)  # a view: at most an axis is added
        values = ScatteredRows(items, offsets, dtype)
    else:
        rows = array.reshape(n_sequences * n_timesteps, -1)
        values = np.ascontiguousarray(rows, dtype=dtype)
    return Sequences(values, offsets, "2d" if array.ndim == 2 else "3d")


def _shape(X):
    """Shape of X as far as it matters; for nested lists, only the first two axes."""
    if isinstance(X, (list, tuple)):
        return (len(X),) if _is_scalar(X[0]) else (len(X), len(X[0]))
    try:
        return tuple((np.asarray(X) if getattr(X, "shape", None) is None else X).shape)
    except ValueError:
        return ()  # an uneven container that is not a list


def _why_no_sequences(X, name):
    """Explain what an X with fewer than two dimensions is, and what X may be."""
    may_be = (
        f"{name} may be a 2D table with one sequence in each row, a 3D array (n_sequences, "
        "n_timesteps, n_features), or a list with one array for each sequence"
    )
    shape = _shape(X)
    if isinstance(X, dict):
        return f"{name} is a dict. If its values are the sequences, pass list({name}.values())."
    if not shape:
        what = reprlib.repr(X) if _is_scalar(X) else f"of type {type(X).__name__}"
        return f"{name} is {what}, which holds no sequences: {may_be}."
    is_numeric = isinstance(X, np.ndarray) and X.dtype.kind in "biufc"  # and perhaps a long map
    for i, entry in enumerate(() if is_numeric else np.asarray(X, dtype=object)):
        if not isinstance(entry, Number):
            return f"{name} at place {i} is {entry!r:.50}, which is not a sequence: {may_be}."
    return (
        f"Expected 2D array, got 1D array instead: {name} has shape {shape}. Reshape your data: "
        f"{may_be}. A single sequence of numbers is np.reshape({name}, (1, -1))."
    )


def _check_not_empty(shape, name, caller):
    """Refuse data without a sequence, a step or a feature."""
    for count, what in ((shape[0], "sample(s)"), (shape[-1], "feature(s)")):
        if count == 0:
            raise ValueError(
                f"Found array with 0 {what} (shape={shape}) while a minimum of 1 is required by "
                f"{caller}: {name} needs one sequence at least, of one step and one feature."
            )
    if shape[1] == 0:
        raise ValueError(
            f"{name} has 0 time steps (shape={shape}), but {caller} needs at least one step in "
            "every sequence."
        )


def _from_items(items, name, caller):
    """`Sequences` of a list with one array-like per sequence."""
    if not items:
        _check_not_empty((0,), name, caller)
    arrays = [_item_to_array(item, f"Sequence {i} of {name}") for i, item in enumerate(items)]
    ndim = arrays[0].ndim
    for i, array in enumerate(arrays):
        if array.ndim != ndim:
            raise ValueError(
                f"The sequences of {name} have different dimensions: sequence 0 has shape "
                f"{arrays[0].shape}, sequence {i} has shape {array.shape}. Give every sequence "
                "the shape (length, n_features), or every one the shape (length,)."
            )
    if ndim == 1:
        arrays = [array.reshape(-1, 1) for array in arrays]
    n_features = arrays[0].shape[1]
    for i, array in enumerate(arrays):
        if len(array) == 0:
            raise ValueError(
                f"Sequence {i} of {name} is empty (shape={array.shape}), but {caller} needs at "
                f"least one step in every sequence. Remove it from {name}, and its target."
            )
        if array.shape[1] != n_features:
            remedy = ""
            if len({len(array) for array in arrays}) == 1:
                remedy = (
                    " If these are (n_features, length), the order of sktime and aeon, pass "
                    f"[x.T for x in {name}]."
                )
            raise ValueError(
                f"The sequences of {name} have different numbers of features: sequence 0 has "
                f"{n_features}, sequence {i} has {array.shape[1]}. Every sequence must have the "
                f"shape (length, n_features) with the same n_features.{remedy}"
            )
    _check_not_empty(arrays[0].shape, name, caller)
    lengths = [len(array) for array in arrays]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    dtype = _plain_dtype(np.result_type(*{array.dtype for array in arrays}))
    n_bytes = int(offsets[-1]) * n_features * dtype.itemsize
    if n_bytes > COPY_BYTES or any(map(_in_memory_map, arrays)):
        values = ScatteredRows(arrays, offsets, dtype)
    else:
        values = stack_rows(arrays, dtype)
    return Sequences(values, offsets, "ragged")


def _item_to_array(item, name):
    """One sequence of a ragged X as a real array of one or two dimensions."""
    array = as_numbers(item, name, ("step", "feature"), np.asarray)
    if array.ndim == 0:
        raise ValueError(
            f"{name} is {reprlib.repr(item)}, but a sequence is an array of shape (length, "
            "n_features) or (length,). Leave it out, or pass its steps."
        )
    if array.ndim > 2:
        raise ValueError(
            f"{name} has {array.ndim} dimensions (shape={array.shape}), but a sequence has the "
            "shape (length, n_features) or (length,). Reshape your data, for example with "
            "array.reshape(length, n_features)."
        )
    return array


def _plain_dtype(dtype):
    """Native byte order and at most 64 bits: what compiled code can read."""
    return np.dtype(np.float64) if dtype.itemsize > 8 else dtype.newbyteorder("=")


def _in_memory_map(array):
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def _check_finite(sequences, name, caller):
    """Refuse NaN and infinity."""
    if all(map(isfinite, sequences.extremes)):
        return
    place, value = sequences.find(lambda values: ~np.isfinite(values))
    if np.isnan(value):
        raise ValueError(
            f"Input {name} contains NaN at {place}. {caller} does not accept missing values: fill "
            "them in, for example by interpolation along the sequence (with a further feature "
            "that marks the filled steps), or leave those steps or sequences out."
        )
    raise ValueError(
        f"Input {name} contains infinity or a value too large for {value.dtype!r} at {place}. "
        "Replace it with a finite number, or leave that step or sequence out."
    )
