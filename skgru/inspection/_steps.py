"""Sequences in any form as one table of steps, and back into that form."""

import numpy as np

from skgru.data import as_object_array, form_of_strings


class Steps:
    """All steps of all sequences below each other, with what is needed to restore the form of X.

    The form has been checked by a model. Missing values are kept, as a Pipeline may fill them.

    Parameters
    ----------
    X : array-like or list of arrays
        As a model accepts it.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features)
    lengths : ndarray of shape (n_sequences,)
    time : ndarray of shape (n_rows,)
        Number of the step within its sequence.
    length_of_row : ndarray of shape (n_rows,)
        Length of the sequence to which the row belongs.
    n_features : int
    feature_names : list of str or None
    """

    def __init__(self, X):
        if form_of_strings(X) == "texts":
            raise ValueError(
                "X holds strings, whose symbols cannot be exchanged before they are cut. For a "
                "model that reads strings, pass lists of symbols, such as list(text) for "
                "characters or SequenceTokenizer().transform(X), which it reads in the same way."
            )
        self._X, self.feature_names = X, None
        self._is_array = _is_frame(X) or _is_array(X)
        if self._is_array:
            array = np.asarray(X)
            self._shape = array.shape
            items = array.reshape(*array.shape[:2], -1)
            self.lengths = np.full(len(array), array.shape[1])
        else:
            items = [np.asarray(item) for item in X]
            self._item_ndim = items[0].ndim
            items = [item.reshape(len(item), -1) for item in items]
            self.lengths = np.array([len(item) for item in items])
            self.feature_names = _common_columns(X)
        self.values = np.concatenate(items)
        self.n_features = self.values.shape[1]
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self.length_of_row = np.repeat(self.lengths, self.lengths)
        self.time = np.arange(len(self.values)) - np.repeat(self._offsets[:-1], self.lengths)

    def exchanged(self, order, rows, features):
        """X in its own form, with some values from the sequences of another order.

        Parameters
        ----------
        order : ndarray of shape (n_sequences,)
            Sequence i gets its values from sequence ``order[i]``, at the same relative time.
        rows : ndarray of int or slice
        features : slice
            Which steps and which features are exchanged.
        """
        # The middle of a step lies at relative time (time + 1/2) / length.
        other = np.repeat(self.lengths[order], self.lengths)
        step = (2 * self.time + 1) * other // (2 * self.length_of_row)
        source = (np.repeat(self._offsets[order], self.lengths) + step)[rows]
        values = self.values.copy()
        values[rows, features] = self.values[source, features]
        return self._restore(values)

    def _restore(self, values):
        X = self._X
        if self._is_array:
            return _like_frame(X, values.reshape(self._shape))
        items = np.split(values, self._offsets[1:-1])
        if self._item_ndim == 1:
            items = [item[:, 0] for item in items]
        items = [_like_frame(frame, item) for frame, item in zip(X, items, strict=True)]
        return items if isinstance(X, (list, tuple)) else as_object_array(items)


def _is_frame(data):
    return hasattr(data, "columns")


def _is_array(X):
    """Whether X is an array of two or three dimensions, or nested lists that form one."""
    if not isinstance(X, (list, tuple)):
        return np.asarray(X).ndim > 1
    if not all(isinstance(item, (list, tuple)) for item in X):
        return False
    try:
        return np.asarray(X).ndim > 1
    except ValueError:  # lists of different lengths
        return False


def _common_columns(X):
    """The names of the columns of a list of frames; None without frames."""
    names = [list(item.columns) if _is_frame(item) else None for item in X]
    for i, found in enumerate(names):
        if found != names[0]:
            raise ValueError(
                f"Sequence {i} of X has the columns {found}, but sequence 0 has {names[0]}. Give "
                "all of them the same columns, in the same order."
            )
    return names[0]


def _like_frame(frame, values):
    """The values as a frame, if they come from one, with its names (pandas or polars)."""
    if not _is_frame(frame):
        return values
    if hasattr(frame, "index"):
        return type(frame)(values, index=frame.index, columns=frame.columns)
    return type(frame)(values, schema=list(frame.columns))
