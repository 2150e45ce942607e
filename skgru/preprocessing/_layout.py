"""Transformers whose result has the layout of what they were given."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgru.base import _fit_context, _wrap_data_with_container, check_X, remember_transformed


class LayoutTransform:
    """Mixin: `transform` and `fit_transform` that return a table for a table, a list for a list.

    A subclass defines ``_transform_sequences(sequences)``, which returns the `Sequences` that take
    their place. These may have another layout than X.

    scikit-learn wraps these methods where it finds them in a transformer's own class, so that any
    result becomes a frame where the user wants one (`set_output`). Here a table and each frame in
    a list become frames; 3D arrays and lists of arrays stay what they are. A transformer therefore
    inherits them from here, and does not define them itself.
    """

    #: Whether X may hold NaN.
    _allows_missing = False

    def fit_transform(self, X, y=None):
        """Fit to X, then transform it.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
        y : None
            Ignored.

        Returns
        -------
        X_new : ndarray, list of ndarray, or object array
            The transformed sequences, as `transform` returns them.
        """
        return self.fit(X, y).transform(X)

    def transform(self, X):
        """Transform sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.

        Returns
        -------
        X_new : ndarray, list of ndarray, or object array
            The transformed sequences in the layout of X: a list if X is a list or tuple. A table
            whose steps get several features becomes a 3D array. A frame becomes an array unless
            `set_output` asks for a frame, and so does each frame in a list. The dtype is float32 if
            that of X is float32 or float16, and float64 otherwise.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        ValueError
            If a result would overflow its dtype.
        """
        check_is_fitted(self)
        sequences = check_X(self, X, reset=False, allow_missing=self._allows_missing)
        transformed = self._transform_sequences(sequences)
        result = restore_layout(transformed, X)
        if self._layout == transformed.layout == "2d" and result.ndim == 2:
            return _wrap_data_with_container("transform", result, X, self)
        if transformed.layout == "3d":
            remember_transformed(result)
        for i, item in enumerate(X if transformed.layout == "ragged" else ()):
            if hasattr(item, "columns"):
                rows = self._rows_with_labels(item)
                result[i] = _wrap_data_with_container("transform", result[i], rows, self)
        return result

    def _rows_with_labels(self, frame):
        """The rows of a frame whose labels the transformed rows get."""
        return frame

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._allows_missing
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class RecordsInput:
    """Mixin: `fit` of a transformer that learns nothing but what X looks like."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check X and the parameters; nothing is learnt but the number of features.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If X cannot be used. The message says where.
        """
        check_X(self, X, reset=True)
        return self


def result_dtype(dtype):
    """The dtype of transformed values: float32 for float32 and float16, otherwise float64."""
    return np.dtype(np.float32 if dtype in (np.float16, np.float32) else np.float64)


def step_names(estimator, names):
    """Names of the features of a step: those of the columns, but "x0" for a 2D table."""
    return np.array(["x0"], dtype=object) if estimator._layout == "2d" else names


def restore_layout(sequences, X):
    """Give sequences made from X the layout that X had: table, 3D array, list or object array."""
    values = sequences.values
    if sequences.layout == "2d" and sequences.n_features == 1:
        return values.reshape(len(sequences), -1)
    if sequences.layout != "ragged":  # further features turn a table into a 3D array
        return values.reshape(len(sequences), -1, sequences.n_features)
    if sequences.n_features == 1 and np.ndim(next(iter(X))) == 1:
        values = values.reshape(-1)
    items = np.split(values, sequences.offsets[1:-1])
    if not isinstance(X, np.ndarray):
        return items
    result = np.empty(len(items), dtype=object)
    # One by one: assigning the whole list would try to stack sequences of equal length.
    for i, item in enumerate(items):
        result[i] = item
    return result
