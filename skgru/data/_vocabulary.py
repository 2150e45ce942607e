"""Vocabularies: which row of an embedding stands for a symbol.

Symbols are numbered from 1 in sorted order; row 0 is shared by all that have no row of their own.
A column of symbols is a list of str, or an array of int64 for categories that are integers.
"""

from itertools import repeat
from numbers import Integral

import numpy as np


def learn_symbols(column):
    """Find the different symbols of a column.

    Parameters
    ----------
    column : list of str or ndarray of int64

    Returns
    -------
    symbols : ndarray of object (str) or of int64
        Sorted. The symbol ``symbols[i]`` has the code ``i + 1``.
    codes : ndarray of shape (len(column),), int32
    """
    if isinstance(column, np.ndarray):
        symbols, inverse = np.unique(column, return_inverse=True)
        return symbols, (inverse + 1).astype(np.int32)
    symbols = np.array(sorted(map(str, set(column))), dtype=object)
    return symbols, encode_symbols(column, rows_of(symbols))


def rows_of(symbols):
    """A dict from symbols, which are strings, to the rows of their embedding."""
    return {symbol: row for row, symbol in enumerate(symbols.tolist(), start=1)}


def encode_symbols(column, vocabulary):
    """Codes of a column; 0 for symbols that are not in the vocabulary.

    Parameters
    ----------
    column : list of str or ndarray of int64
    vocabulary : dict from str to int, or ndarray
        Rows by symbol, or the sorted symbols that `learn_symbols` returned.

    Returns
    -------
    codes : ndarray of shape (len(column),), int32
    """
    if isinstance(column, np.ndarray):
        place = np.minimum(np.searchsorted(vocabulary, column), max(len(vocabulary) - 1, 0))
        is_known = vocabulary[place] == column if len(vocabulary) else np.zeros(len(column), bool)
        return np.where(is_known, place + 1, 0).astype(np.int32)
    if isinstance(vocabulary, np.ndarray):
        vocabulary = rows_of(vocabulary)
    return np.fromiter(map(vocabulary.get, column, repeat(0)), np.int32, len(column))


def frequent_symbols(counts, min_frequency=None, max_categories=None):
    """Which symbols get a vector of their own, as in `sklearn.preprocessing.OneHotEncoder`.

    Parameters
    ----------
    counts : ndarray of shape (n_symbols,)
        How often each symbol occurs.
    min_frequency : int, float or None
        Symbols that occur less often are rare; a float is a fraction of all occurrences.
    max_categories : int or None
        Largest number of vectors, the shared one included. The rarest symbols beyond it become
        rare, too; among equally frequent ones, those that come first in sorted order.

    Returns
    -------
    is_frequent : ndarray of shape (n_symbols,), bool
        False, too, for symbols that do not occur.
    """
    is_frequent = counts > 0
    if min_frequency is not None:
        is_count = isinstance(min_frequency, Integral)
        is_frequent &= counts >= (min_frequency if is_count else min_frequency * counts.sum())
    if max_categories is not None:
        by_count = np.argsort(counts, kind="stable")
        is_frequent[by_count[: max(0, len(counts) - (max_categories - 1))]] = False
    return is_frequent
