"""Standardisation of sequences: StandardScaler for series, 3D arrays and ragged lists."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgru.base import (
    ParameterGroup,
    SavedState,
    _fit_context,
    check_arrays,
    check_feature_names,
    check_layout,
    check_range,
    check_X,
)
from skgru.data import (
    SequenceRows,
    as_sequences,
    check_scale,
    column_moments,
    merge_moments,
    spread_or_one,
)

from ._layout import LayoutTransform, restore_layout, result_dtype


class _WeightedLayoutTransform(LayoutTransform):
    def fit_transform(self, X, y=None, sample_weight=None):
        """Learn mean and standard deviation of each feature, then standardise every step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. A weight counts for each step of
            the sequence. All are 1 by default.

        Returns
        -------
        X_new : ndarray of the shape of X, list of ndarray, or object array
            The standardised sequences, as `transform` returns them.
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X)


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceScaler(
    ParameterGroup,
    _WeightedLayoutTransform,
    OneToOneFeatureMixin,
    TransformerMixin,
    SavedState,
    BaseEstimator,
):
    """Standardise each feature over all steps of all sequences.

    The mean of each feature is subtracted, and the result is divided by its standard deviation, as
    `sklearn.preprocessing.StandardScaler` does for tables of samples. `StandardScaler` itself
    refuses 3D and ragged input and would scale every time step of a 2D table separately. Here

    - a 2D table (n_sequences, n_timesteps) of univariate series has one mean and one standard
      deviation for the whole table, so that the shape of a series is kept,
    - 3D arrays and ragged lists have one of each for every feature of a step. Long sequences
      count for more than short ones, as they have more steps.

    The result has the layout of the input: a table for a table, a list for a list.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean of each feature.
    with_std : bool, default=True
        Whether to divide by the standard deviation of each feature.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in its units; of shape (1,) for a 2D table.
    var_ : ndarray of shape (n_features,)
        Variance of each feature, in its units squared; of shape (1,) for a 2D table.
    scale_ : ndarray of shape (n_features,) or None
        What each feature is divided by: its standard deviation, or 1 if the feature is constant or
        its variance is below the smallest float64. None with ``with_std=False``.
    n_samples_seen_ : int or float
        Number of sequences seen, or the sum of their weights.
    n_steps_seen_ : int or float
        Number of steps in them, or the sum of the weights of all steps.
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.

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

    with_mean: bool = True
    with_std: bool = True

    _parameter_constraints = {"with_mean": ["boolean"], "with_std": ["boolean"]}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn mean and standard deviation of each feature.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. A weight counts for each step of
            the sequence. All are 1 by default.

        Returns
        -------
        self : estimator
            The fitted scaler.

        Raises
        ------
        ValueError, TypeError
            If X or the weights cannot be used. The message says where.
        """
        return self._update(X, sample_weight, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Update mean and standard deviation with more sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. A weight counts for each step of
            the sequence. All are 1 by default.

        Returns
        -------
        self : estimator
            The fitted scaler.

        Raises
        ------
        ValueError, TypeError
            If X or the weights cannot be used, or if X does not match the X of earlier calls. The
            message says where.
        """
        return self._update(X, sample_weight, reset=not hasattr(self, "n_samples_seen_"))

    def inverse_transform(self, X):
        """Return standardised sequences to the units of the data.

        Parameters
        ----------
        X : array-like or list of arrays
            Standardised sequences, in the form in which `transform` returns them.

        Returns
        -------
        X_original : ndarray of the shape of X, list of ndarray, or object array
            The sequences in the units of the data, in the layout of X and in the dtype that
            `transform` would return.

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
        check_feature_names(self, X, needs_names=False)
        sequences = as_sequences(X, estimator=self)
        check_layout(self, sequences)
        factor = np.ones_like(self.mean_) if self.scale_ is None else self.scale_
        shift = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        return restore_layout(_map_rows(sequences, lambda rows: rows * factor + shift), X)

    def _transform_sequences(self, sequences):
        return _map_rows(sequences, self._standardizer())

    def _standardizer(self):
        """A function that standardises rows (n, n_features) of float64."""
        divisor = np.ones_like(self.mean_) if self.scale_ is None else self.scale_
        shift = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        return lambda rows: (rows - shift) / divisor

    def _step_transformer(self):
        """A function that does what `transform` does with one step of each of several sequences.

        Rows (n_sequences, n_features) that overflow become infinite, for the caller to refuse.
        """
        standardize, n_features = self._standardizer(), len(self.mean_)

        def transform(rows):
            if rows.shape[1] != n_features:
                raise ValueError(
                    f"x has {rows.shape[1]} features, but {type(self).__name__} is expecting "
                    f"{n_features} features as input."
                )
            with np.errstate(over="ignore", invalid="ignore"):
                return standardize(rows.astype(np.float64)).astype(result_dtype(rows.dtype))

        return transform

    def _update(self, X, sample_weight, *, reset):
        # All attributes change by the assignment at the end, or none of them.
        found = self._snapshot()
        sequences = check_X(found, X, reset=reset)
        n_samples = len(sequences)
        if sample_weight is not None:
            sample_weight = SequenceRows(sequences).weights(sample_weight)
            n_samples = float(sample_weight.sum())
            if n_samples < np.finfo(np.float64).tiny:
                raise ValueError(
                    f"sample_weight sums to {n_samples:.3g}, which is beyond the range of float64. "
                    "Divide the weights by their mean."
                )

        with np.errstate(over="ignore", invalid="ignore"):
            moments = column_moments(sequences, sample_weight=sample_weight)
            if not reset:
                seen = self.n_steps_seen_, self.mean_, self.var_ * self.n_steps_seen_
                moments = merge_moments(seen, moments)
                n_samples += self.n_samples_seen_
        total, mean, squares = moments
        check_scale(squares, "feature {} of X")
        found.mean_, found.var_ = mean, squares / total
        found.n_samples_seen_ = n_samples
        found.n_steps_seen_ = int(total) if float(total).is_integer() else total
        found.scale_ = None
        if self.with_std:
            found.scale_ = spread_or_one(mean, np.sqrt(found.var_))
        self.__dict__ = vars(found)
        return self

    def _check_state(self):
        if not hasattr(self, "n_samples_seen_"):
            return
        n_features = 1 if self._layout == "2d" else self.n_features_in_
        names = ("mean_", "var_") if self.scale_ is None else ("mean_", "var_", "scale_")
        check_arrays(self, dict.fromkeys(names, ((n_features,), np.float64)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _map_rows(sequences, function):
    """`Sequences` of the results of a monotonic `function` of all rows in float64."""
    dtype = result_dtype(sequences.values.dtype)
    check_range(sequences, function, dtype, remedy="pass X as float64")
    result = np.empty(sequences.values.shape, dtype)
    for rows, values in sequences.pieces():
        result[rows] = function(values.astype(np.float64))
    return replace(sequences, values=result)
