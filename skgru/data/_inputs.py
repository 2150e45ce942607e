"""From what a user passes as X to `Sequences`: the only place that interprets X.

========  =============================================================================
layout    what was passed
========  =============================================================================
"2d"      a table (n_sequences, n_timesteps), frames included: one feature per step
"3d"      an array (n_sequences, n_timesteps, n_features)
"ragged"  a list, tuple or 1-D object array of (length, n_features) or (length,) arrays
========  =============================================================================
"""

from math import isfinite
from numbers import Number

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from ._sequences import ScatteredRows, Sequences, stack_rows

# Sequences that do not lie below each other in C order are copied so that they do, if all take no
# more than this: a table is read faster.  More are gathered as they are read.
_COPY_BYTES = 2**25


def as_sequences(X, *, estimator=None):
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
    name = _name_of(estimator)
    items = _ragged_items(X)
    sequences = _from_items(items, name) if items is not None else _from_array(X, estimator, name)
    _check_finite(sequences, name)
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
    """Whether nested lists have different lengths somewhere, so that they make no array."""
    if len({len(item) for item in items}) > 1:
        return True
    return len({_length(part) for item in items for part in item}) > 1


def _length(part):
    """Length of a step in nested lists; None for a single number or what stands in its place."""
    if isinstance(part, (str, bytes, dict)) or getattr(part, "ndim", 1) == 0:
        return None
    return len(part) if hasattr(part, "__len__") else None


def _from_array(X, estimator, name):
    """`Sequences` of a 2D or 3D array-like."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            "X is a masked array with masked entries, which would be lost. Fill them first, for "
            "example with X.filled(...)."
        )
    try:
        array = check_array(
            X, allow_nd=True, ensure_all_finite=False, input_name="X", estimator=estimator
        )
        if array.dtype == object:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        place = _first_non_number(X)
        if place is None:
            raise
        raise type(error)(f"{error} (in X at {place}). Pass numbers only.") from error
    if array.ndim > 3:
        raise ValueError(
            f"Found array with dim {array.ndim}, while dim <= 3 is required by {name}: X of shape "
            f"{array.shape} should be (n_sequences, n_timesteps) or "
            "(n_sequences, n_timesteps, n_features)."
        )
    if array.ndim == 3 and array.shape[2] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is "
            f"required by {name}."
        )
    if array.shape[1] == 0:
        raise ValueError(
            f"X has 0 time steps (shape={array.shape}), but {name} needs at least one step in "
            "every sequence."
        )
    _check_kind(array.dtype, "X")
    n_sequences, n_timesteps = array.shape[:2]
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_timesteps
    dtype = _plain_dtype(array.dtype)
    is_plain = array.flags.c_contiguous and array.dtype == dtype
    if not is_plain and (_in_memory_map(array) or array.nbytes > _COPY_BYTES):
        items = array.reshape(n_sequences, n_timesteps, -1)  # a view: at most an axis is added
        values = ScatteredRows(items, offsets, dtype)
    else:
        rows = array.reshape(n_sequences * n_timesteps, -1)
        values = np.ascontiguousarray(rows, dtype=dtype)
    return Sequences(values, offsets, "2d" if array.ndim == 2 else "3d")


def _from_items(items, name):
    """`Sequences` of a list with one array-like per sequence."""
    if not items:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required by {name}."
        )
    arrays = [_item_to_array(item, i) for i, item in enumerate(items)]
    ndim = arrays[0].ndim
    for i, array in enumerate(arrays):
        if array.ndim != ndim:
            raise ValueError(
                f"The sequences of X have different dimensions: sequence 0 has shape "
                f"{arrays[0].shape}, sequence {i} has shape {array.shape}. Give every sequence "
                "the shape (length, n_features), or every one the shape (length,)."
            )
    if ndim == 1:
        arrays = [array.reshape(-1, 1) for array in arrays]
    n_features = arrays[0].shape[1]
    for i, array in enumerate(arrays):
        if len(array) == 0:
            raise ValueError(
                f"Sequence {i} of X is empty (shape={array.shape}), but {name} needs at least one "
                "step in every sequence. Remove it from X (and its target from y)."
            )
        if array.shape[1] != n_features:
            raise ValueError(
                f"The sequences of X have different numbers of features: sequence 0 has "
                f"{n_features}, sequence {i} has {array.shape[1]}. Every sequence must have the "
                "shape (length, n_features) with the same n_features."
            )
    if n_features == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={arrays[0].shape}) while a minimum of 1 is "
            f"required by {name}: the sequences of X have no feature."
        )
    lengths = [len(array) for array in arrays]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    dtype = _plain_dtype(np.result_type(*{array.dtype for array in arrays}))
    n_bytes = int(offsets[-1]) * n_features * dtype.itemsize
    if n_bytes > _COPY_BYTES or any(map(_in_memory_map, arrays)):
        values = ScatteredRows(arrays, offsets, dtype)
    else:
        values = stack_rows(arrays, dtype)
    return Sequences(values, offsets, "ragged")


def _item_to_array(item, i):
    """Sequence `i` of a ragged X as a real array of one or two dimensions."""
    if sparse.issparse(item):
        raise TypeError(
            f"Sparse data was passed as sequence {i} of X, but dense data is required. Use "
            "'.toarray()' to convert it to a dense array."
        )
    if isinstance(item, np.ma.MaskedArray) and np.ma.is_masked(item):
        raise ValueError(
            f"Sequence {i} of X is a masked array with masked entries, which would be lost. Fill "
            "them first, for example with the method 'filled'."
        )
    try:
        array = np.asarray(item)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"Sequence {i} of X is not an array of numbers, of shape (length, n_features) or "
            f"(length,): {error}"
        ) from error
    if array.size:
        _check_kind(array.dtype, f"Sequence {i} of X")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"Sequence {i} of X has {array.ndim} dimensions (shape={array.shape}), but a sequence "
            "has the shape (length, n_features) or (length,). Reshape your data, for example with "
            "array.reshape(length, n_features)."
        )
    return array


def _check_kind(dtype, what):
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {what} has dtype {dtype}. Pass the real and the "
            "imaginary part as two features, for example."
        )
    if dtype.kind not in "biuf":
        raise ValueError(
            f"{what} has dtype {dtype}, which does not hold numbers. Convert it to numbers first."
        )


def _plain_dtype(dtype):
    """Native byte order and at most 64 bits: what compiled code can read."""
    return np.dtype(np.float64) if dtype.itemsize > 8 else dtype.newbyteorder("=")


def _in_memory_map(array):
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def _first_non_number(X):
    """Describe the first entry of an object table that is no number; None if there is none."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "biufc":
        return None
    try:
        array = np.asarray(X, dtype=object)
    except (TypeError, ValueError):
        return None
    if array.ndim not in (2, 3) or sparse.issparse(X):
        return None
    for place in np.ndindex(array.shape):
        entry = array[place]
        if isinstance(entry, (complex, np.complexfloating)):
            return None
        try:
            float(entry)
        except (TypeError, ValueError):
            feature = f", feature {place[2]}" if array.ndim == 3 else ""
            return f"sequence {place[0]}, step {place[1]}{feature}"
    return None


def _check_finite(sequences, name):
    """Refuse NaN and infinity."""
    if all(map(isfinite, sequences.extremes)):
        return
    place, value = sequences.find(lambda values: ~np.isfinite(values))
    if np.isnan(value):
        raise ValueError(
            f"Input X contains NaN at {place}. {name} does not accept missing values: fill "
            "them in, for example by interpolation along the sequence (with a further feature "
            "that marks the filled steps), or leave those steps or sequences out."
        )
    raise ValueError(
        f"Input X contains infinity or a value too large for {value.dtype!r} at {place}. "
        "Replace it with a finite number, or leave that step or sequence out."
    )
