"""Standardisation of sequences: StandardScaler for series, 3D arrays and ragged lists."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import check_is_fitted

from skgru.data import as_sequences, column_moments, merge_moments, spread_or_one
from skgru.estimators._docs import document
from skgru.estimators._validation import (
    check_layout,
    check_range,
    check_scale,
    check_weight,
    check_X,
)


@document
class _LayoutTransform:
    """`transform` and `fit_transform` of the scaler, in a class of their own.

    scikit-learn wraps those methods where it finds them in a transformer's own class, so that any
    result becomes a frame where the user wants one (`set_output`). Only a table can become a
    frame; here 3D arrays and ragged lists stay what they are.
    """

    def fit_transform(self, X, y=None, sample_weight=None):
        """Learn mean and standard deviation of each feature, then standardise every step.

        Parameters
        ----------
        {X}
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            As in `fit`.

        Returns
        -------
        X_new : ndarray of the shape of X, list of ndarray, or object array
            As from `transform`.
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def transform(self, X):
        """Standardise every step.

        Parameters
        ----------
        {X}

        Returns
        -------
        X_new : ndarray of the shape of X, list of ndarray, or object array
            The standardised sequences in the layout of X: a list where X is a list or tuple. A
            frame becomes an array unless `set_output` asks for a frame. float32 stays float32,
            float16 becomes float32, all else float64.

        {raises_predict}
        ValueError
            If a result would overflow its dtype.
        """
        check_is_fitted(self)
        sequences = check_X(self, X, reset=False)
        divisor = np.ones_like(self.mean_) if self.scale_ is None else self.scale_
        shift = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        result = _map_rows(sequences, lambda rows: (rows - shift) / divisor)
        result = _restore_layout(result, sequences, X)
        if self._layout == sequences.layout == "2d":
            return _wrap_data_with_container("transform", result, X, self)
        return result


@document
class SequenceScaler(_LayoutTransform, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise each feature over all steps of all sequences.

    As `sklearn.preprocessing.StandardScaler` does for tables of samples, take off the mean and
    divide by the standard deviation; `StandardScaler` itself refuses 3D and ragged input and
    would scale every time step of a 2D table by itself. Here

    - a 2D table (n_sequences, n_timesteps) of univariate series has one mean and one standard
      deviation for the whole table, so that the shape of a series is kept,
    - 3D arrays and ragged lists have one of each for every feature of a step. Long sequences
      count for more than short ones, as they have more steps.

    The layout is kept: a table in, a table out; a list in, a list out.

    Parameters
    ----------
    with_mean : bool, default=True
        Take off the mean of each feature.
    with_std : bool, default=True
        Divide by the standard deviation of each feature.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in its units; of shape (1,) for a 2D table.
    var_ : ndarray of shape (n_features,)
        Variance of each feature, in its units squared: the mean of the squared deviations.
    scale_ : ndarray of shape (n_features,) or None
        What each feature is divided by: its standard deviation, or 1 if it is constant or its
        variance below the smallest float64. None without `with_std`.
    n_samples_seen_ : int or float
        Number of sequences seen, or the sum of their weights.
    n_steps_seen_ : int or float
        Number of steps in them, or the sum of the weights of all steps.
    n_features_in_ : int
        Number of features of a step; for a 2D table its width (the number of time steps).
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if `fit` saw a frame whose column names are all strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The same for tables whose columns are features.

    Notes
    -----
    Estimates are in float64 and read the data in pieces, so memory maps larger than memory can be
    fitted, in any view. `transform` returns a new array in memory.

    Examples
    --------
    >>> from skgru import SequenceScaler
    >>> X = [[[0.0, 10.0], [2.0, 10.0]], [[4.0, 10.0]]]
    >>> scaler = SequenceScaler().fit(X)
    >>> scaler.mean_
    array([ 2., 10.])
    >>> scaler.transform(X)[1]
    array([[1.22474487, 0.        ]])
    """

    _parameter_constraints: dict = {"with_mean": ["boolean"], "with_std": ["boolean"]}

    def __init__(self, *, with_mean=True, with_std=True):
        self.with_mean = with_mean
        self.with_std = with_std

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn mean and standard deviation of each feature.

        Parameters
        ----------
        {X}
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence, that is of each of its steps; not negative.

        Returns
        -------
        self : SequenceScaler

        Raises
        ------
        ValueError, TypeError
            If X or the weights are not usable. The message names the place.
        """
        return self._update(X, sample_weight, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Update mean and standard deviation with more sequences.

        Parameters
        ----------
        {X}
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence, that is of each of its steps; not negative.

        Returns
        -------
        self : SequenceScaler

        Raises
        ------
        ValueError, TypeError
            As `fit`, and if X does not fit what was seen before.
        """
        return self._update(X, sample_weight, reset=not hasattr(self, "n_samples_seen_"))

    def inverse_transform(self, X):
        """Return standardised sequences to the units of the data.

        Parameters
        ----------
        X : array-like or list of arrays
            What `transform` returned, or sequences of that form.

        Returns
        -------
        X_original : ndarray of the shape of X, list of ndarray, or object array
            In the layout of X, with the dtype that `transform` would give.

        {raises_predict}
        ValueError
            If a result would overflow its dtype.
        """
        check_is_fitted(self)
        sequences = as_sequences(X, estimator=self)
        check_layout(self, sequences)
        factor = np.ones_like(self.mean_) if self.scale_ is None else self.scale_
        shift = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        result = _map_rows(sequences, lambda rows: rows * factor + shift)
        return _restore_layout(result, sequences, X)

    def _update(self, X, sample_weight, *, reset):
        sequences = check_X(self, X, reset=reset)
        n_samples = len(sequences)
        if sample_weight is not None:
            sample_weight = check_weight(sample_weight, n_samples)
            n_samples = float(sample_weight.sum())

        with np.errstate(over="ignore", invalid="ignore"):
            moments = column_moments(sequences, sample_weight=sample_weight)
            if not reset:
                seen = self.n_steps_seen_, self.mean_, self.var_ * self.n_steps_seen_
                moments = merge_moments(seen, moments)
                n_samples += self.n_samples_seen_
        total, mean, squares = moments
        check_scale(squares, "feature {} of X")
        self.mean_, self.var_ = mean, squares / total
        self.n_samples_seen_ = n_samples
        self.n_steps_seen_ = int(total) if float(total).is_integer() else total
        self.scale_ = None
        if self.with_std:
            self.scale_ = spread_or_one(self.mean_, np.sqrt(self.var_))
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _map_rows(sequences, function):
    """Apply a monotonic `function` to all rows in float64, piece by piece; return a new array."""
    is_single = sequences.values.dtype in (np.float16, np.float32)
    dtype = np.dtype(np.float32 if is_single else np.float64)
    check_range(sequences, function, dtype, remedy="pass X as float64")
    result = np.empty(sequences.values.shape, dtype)
    for rows, values in sequences.pieces():
        result[rows] = function(values.astype(np.float64))
    return result


def _restore_layout(values, sequences, X):
    """Give rows the layout that X had: table, 3D array, list or object array."""
    if sequences.layout == "2d":
        return values.reshape(len(sequences), -1)
    if sequences.layout == "3d":
        return values.reshape(len(sequences), -1, sequences.n_features)
    if np.ndim(next(iter(X))) == 1:
        values = values.reshape(-1)
    items = np.split(values, sequences.offsets[1:-1])
    if not isinstance(X, np.ndarray):
        return items
    result = np.empty(len(items), dtype=object)
    # One by one: assigning the whole list would try to stack sequences of equal length.
    for i, item in enumerate(items):
        result[i] = item
    return result
