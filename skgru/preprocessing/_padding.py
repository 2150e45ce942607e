"""Sequences of different lengths in one array: padded, and back."""

import reprlib
from numbers import Integral, Real

import numpy as np

from skgru._warnings import warn
from skgru.data import as_sequences


def pad_sequences(X, *, length=None, value=np.nan, padding="post"):
    """Pad sequences to equal length, in one array.

    The estimators need no padding. Other libraries do: sktime and tslearn mark it by NaN, and Keras
    and torch take zeros with a mask or lengths.

    Parameters
    ----------
    X : list of arrays or array-like of shape (n_sequences, n_timesteps[, n_features])
        The sequences, as the estimators take them. They may hold NaN.
    length : int, default=None
        Number of steps of the result; by default that of the longest sequence.
    value : float, default=nan
        What fills the steps that are added.
    padding : {"post", "pre"}, default="post"
        Whether steps are added after a sequence or before it.

    Returns
    -------
    padded : ndarray of shape (n_sequences, length) or (n_sequences, length, n_features)
        With two dimensions if the sequences have the shape (length,). The dtype is that of X if it
        can hold `value`.

    Raises
    ------
    ValueError
        If a sequence is longer than `length`.
    ValueError, TypeError
        If X cannot be used. The message says where.

    See Also
    --------
    unpad_sequences : The inverse.
    SequenceResampler : Equal lengths without padding.

    Examples
    --------
    >>> from skgru import pad_sequences
    >>> X = [[1.0, 2.0, 3.0], [4.0]]
    >>> pad_sequences(X, value=0.0)
    array([[1., 2., 3.],
           [4., 0., 0.]])
    >>> lengths = [len(x) for x in X]
    """
    _check_padding(padding)
    _check_value(value)
    sequences = as_sequences(X, estimator="pad_sequences", allow_missing=True)
    longest = int(np.argmax(sequences.lengths))
    length = int(sequences.lengths[longest]) if length is None else _as_length(length)
    if sequences.lengths[longest] > length:
        raise ValueError(
            f"Sequence {longest} of X has {sequences.lengths[longest]} steps, more than length="
            f"{length}. Choose a larger length, or cut it before: [x[:{length}] for x in X]."
        )
    dtype = np.result_type(sequences.values.dtype, np.min_scalar_type(value))
    result = np.full((len(sequences) * length, sequences.n_features), value, dtype)
    # How far the rows of each sequence move.
    shifts = np.arange(len(sequences)) * length - sequences.offsets[:-1]
    if padding == "pre":
        shifts += length - sequences.lengths
    for rows, values in sequences.pieces():
        numbers = np.arange(rows.start, rows.start + len(values))
        owner = np.searchsorted(sequences.offsets, numbers, side="right") - 1
        result[numbers + shifts[owner]] = values
    if _has_steps_of_numbers(sequences, X):
        return result.reshape(len(sequences), length)
    return result.reshape(len(sequences), length, -1)


def unpad_sequences(X, *, lengths=None, mask=None, padding="post"):
    """Remove padding: a list with one array for each sequence.

    What marks padding is one of `lengths`, `mask`, or NaN in all features of the steps at the end
    of a sequence (at its beginning with ``padding="pre"``). Zeros mark nothing, because they may be
    data: pass lengths or a mask for these.

    Parameters
    ----------
    X : array-like of shape (n_sequences, n_timesteps) or (n_sequences, n_timesteps, n_features)
        Padded sequences. Values may be missing (NaN) within a sequence, too.
    lengths : array-like of int of shape (n_sequences,), default=None
        Number of steps of each sequence without padding.
    mask : array-like of bool of shape (n_sequences, n_timesteps), default=None
        True where a step belongs to the sequence, as in Keras, and False where it is left out,
        which may be anywhere. (The `key_padding_mask` of torch is the opposite.)
    padding : {"post", "pre"}, default="post"
        Whether padding follows a sequence or precedes it. It has no meaning with `mask`.

    Returns
    -------
    sequences : list of ndarray of shape (length,) or (length, n_features)
        The sequences, in the form in which the estimators take them. With lengths or NaN they are
        views of X, if that is an array in C order.

    Raises
    ------
    ValueError
        If a sequence has no step that is not padding, or if `lengths` or `mask` do not fit X.
    ValueError, TypeError
        If X cannot be used. The message says where.

    Warns
    -----
    UserWarning
        If nothing in X is marked as padding, but several sequences end with zeros.

    See Also
    --------
    pad_sequences : The inverse.
    SequenceImputer : Fill in values that are missing within sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from skgru import unpad_sequences
    >>> unpad_sequences([[1.0, 2.0, 3.0], [4.0, np.nan, np.nan]])
    [array([1., 2., 3.]), array([4.])]
    >>> unpad_sequences([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]], lengths=[3, 1])
    [array([1., 2., 3.]), array([4.])]
    """
    _check_padding(padding)
    sequences = as_sequences(X, estimator="unpad_sequences", allow_missing=True)
    shape = len(sequences), sequences.common_length
    if shape[1] is None:
        raise ValueError(
            "The sequences of X have different lengths: X is not padded, and can be used as it is."
        )
    items = [x[:, 0] for x in sequences] if _has_steps_of_numbers(sequences, X) else list(sequences)
    if mask is not None:
        if lengths is not None:
            raise ValueError("Both lengths and mask are given. Pass one of them.")
        mask = _check_mask(mask, shape)
        return [item[keep] for item, keep in zip(items, mask, strict=True)]
    if lengths is None:
        lengths = _lengths_by_nan(sequences, shape, padding)
    else:
        lengths = _check_lengths(lengths, shape)
    if padding == "pre":
        return [item[shape[1] - n :] for item, n in zip(items, lengths, strict=True)]
    return [item[:n] for item, n in zip(items, lengths, strict=True)]


def _has_steps_of_numbers(sequences, X):
    """Whether a sequence has the shape (length,)."""
    if sequences.layout == "ragged":
        return np.ndim(next(iter(X))) == 1
    return sequences.layout == "2d"


def _check_padding(padding):
    if not isinstance(padding, str) or padding not in ("post", "pre"):
        raise ValueError(f"padding is {padding!r}, but must be 'post' or 'pre'.")


def _check_value(value):
    if not isinstance(value, (Real, np.bool_)):
        raise ValueError(f"value is {reprlib.repr(value)}, but must be a number, such as NaN or 0.")


def _as_length(length):
    if not isinstance(length, Integral) or isinstance(length, bool):
        raise ValueError(f"length is {reprlib.repr(length)}, but must be an integer or None.")
    return int(length)


def _check_lengths(lengths, shape):
    lengths = np.asarray(lengths)
    if lengths.shape != shape[:1] or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths must be {shape[0]} integers, one for each sequence of X; got an array of "
            f"shape {lengths.shape} and dtype {lengths.dtype}."
        )
    is_wrong = (lengths < 1) | (lengths > shape[1])
    if is_wrong.any():
        i = int(np.argmax(is_wrong))
        raise ValueError(
            f"lengths[{i}] is {lengths[i]}, but a sequence of X has 1 to {shape[1]} steps. Leave "
            "empty sequences out, and their targets."
        )
    return lengths


def _check_mask(mask, shape):
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != bool:
        raise ValueError(
            f"mask must be an array of bool of shape {shape}, with an entry for each step of X; "
            f"got {mask.dtype} of shape {mask.shape}."
        )
    if not mask.any(axis=1).all():
        raise _nothing_left(int(np.argmin(mask.any(axis=1))))
    return mask


def _lengths_by_nan(sequences, shape, padding):
    """The number of steps of each sequence without those of NaN at one end."""
    is_padding, is_zero = np.empty((2, len(sequences.values)), bool)
    for rows, values in sequences.pieces():
        is_padding[rows] = np.isnan(values).all(axis=1)
        is_zero[rows] = (values == 0).all(axis=1)
    is_padding, is_zero = is_padding.reshape(shape), is_zero.reshape(shape)
    if padding == "post":
        is_padding, is_zero = is_padding[:, ::-1], is_zero[:, ::-1]
    if is_padding.all(axis=1).any():
        raise _nothing_left(int(np.argmax(is_padding.all(axis=1))))
    lengths = shape[1] - is_padding.argmin(axis=1)
    if (lengths == shape[1]).all() and is_zero[:, 0].sum() > 1:
        end = "end" if padding == "post" else "begin"
        warn(
            f"Nothing in X is marked as padding by NaN, but {is_zero[:, 0].sum()} of its "
            f"{shape[0]} sequences {end} with zeros, which are taken for data. If they are "
            "padding, pass lengths or mask."
        )
    return lengths


def _nothing_left(i):
    return ValueError(f"Sequence {i} of X has padding at every step. Leave it out, and its target.")
