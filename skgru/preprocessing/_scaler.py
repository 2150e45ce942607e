"""Standardisation of sequences: StandardScaler for series, 3D arrays and ragged lists."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgru.base import (
    ParameterGroup,
    SavedState,
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    check_arrays,
    check_feature_names,
    check_finite_result,
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

from ._layout import LayoutTransform, restore_layout, result_dtype, step_names
from ._per_sequence import LogScales, computed, learn_log_scales, standardize_each, with_log_scales

# What is learnt for ``add_scale=True``.
_LOG_SCALES = ("log_scale_mean_", "log_scale_std_", "_log_scale_floor", "_log_scales")


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


def _can_be_inverted(scaler):
    if scaler.scope == "sequence":
        raise AttributeError(
            'with scope="sequence", the mean and the scale of each sequence are not kept: keep the '
            'original sequences, or use scope="feature"'
        )
    return True


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceScaler(
    ParameterGroup,
    _WeightedLayoutTransform,
    TransformerMixin,
    SavedState,
    BaseEstimator,
):
    """Standardise each feature over all steps of all sequences, or each sequence by itself.

    The mean of each feature is subtracted, and the result is divided by its standard deviation, as
    `sklearn.preprocessing.StandardScaler` does for tables of samples. `StandardScaler` itself
    refuses 3D and ragged input and would scale every time step of a 2D table separately. Here

    - a 2D table (n_sequences, n_timesteps) of univariate series has one mean and one standard
      deviation for the whole table, so that the shape of a series is kept,
    - 3D arrays and ragged lists have one of each for every feature of a step. Long sequences
      count for more than short ones, as they have more steps.

    With ``scope="sequence"``, each feature of a sequence has the mean 0 and the standard deviation
    1 over the steps of that sequence instead, whatever the other sequences are. That helps where
    the scales of the sequences differ so much that most of them would hardly vary beside the
    largest, and harms where the scale itself tells what a sequence is; ``add_scale=True`` keeps it.

    The result has the layout of the input: a table for a table, a list for a list. Only a table
    that gets a further feature becomes a 3D array.

    Parameters
    ----------
    scope : {"feature", "sequence"}, default="feature"
        Over which steps a mean and a standard deviation are taken: those of all sequences, or those
        of one sequence.
    add_scale : bool, default=False
        Whether to append the logarithm of the standard deviation that each feature has within the
        sequence, to a thousandth, as a feature that is the same at every step. They are
        standardised over the training sequences (each counts once; a spread of less than 1 % is not
        enlarged).
        A feature that is constant in a sequence, or varies less there than in any training
        sequence, gets the smallest logarithm of the training sequences.
    with_mean : bool, default=True
        Whether to subtract the mean of each feature.
    with_std : bool, default=True
        Whether to divide by the standard deviation of each feature. A feature that is constant in
        the scope is not divided.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,) or None
        Mean of each feature, in its units; of shape (1,) for a 2D table. None with
        ``scope="sequence"``.
    var_ : ndarray of shape (n_features,) or None
        Variance of each feature, in its units squared; of shape (1,) for a 2D table. None with
        ``scope="sequence"``.
    scale_ : ndarray of shape (n_features,) or None
        What each feature is divided by: its standard deviation, or 1 if the feature is constant or
        its variance is below the smallest float64. None with ``with_std=False`` or
        ``scope="sequence"``.
    log_scale_mean_, log_scale_std_ : ndarray of shape (n_features,)
        Mean of the logarithms that are appended, and what they are divided by. Only with
        ``add_scale=True``.
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

    scope: str = "feature"
    add_scale: bool = False
    with_mean: bool = True
    with_std: bool = True

    _parameter_constraints = {
        "scope": [StrOptions({"feature", "sequence"})],
        "add_scale": ["boolean"],
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

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

    @available_if(_can_be_inverted)
    def inverse_transform(self, X):
        """Return standardised sequences to the units of the data.

        With ``scope="sequence"`` there is no such method, as the mean and the standard deviation of
        each sequence are not kept.

        Parameters
        ----------
        X : array-like or list of arrays
            Standardised sequences, in the form in which `transform` returns them. Features that
            ``add_scale=True`` has appended are removed.

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
        sequences = as_sequences(X, estimator=self)
        if self.add_scale:
            sequences = self._without_log_scales(sequences)
        else:
            check_feature_names(self, X, needs_names=False)
            check_layout(self, sequences)
        shift, factor = self._shift_and_divisor()
        return restore_layout(_map_rows(sequences, lambda rows: rows * factor + shift), X)

    def get_feature_names_out(self, input_features=None):
        """Names of the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of X, by default those of `fit`, or "x0", "x1" and so on.

        Returns
        -------
        names : ndarray of str
            Those of X, followed with ``add_scale=True`` by "log_scale_x0" and so on. For a table
            they name its columns; where it becomes a 3D array, they name the features of a step.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If there are other names, or another number of them, than those of `fit`.
        """
        check_is_fitted(self, "n_samples_seen_")
        names = _check_feature_names_in(self, input_features)
        if not self.add_scale:
            return names
        names = step_names(self, names)
        return np.array([*names, *(f"log_scale_{name}" for name in names)], dtype=object)

    def _transform_sequences(self, sequences):
        dtype = result_dtype(sequences.values.dtype)
        if self.scope == "sequence":
            options = {"with_mean": self.with_mean, "with_std": self.with_std}
            result = computed(standardize_each(sequences, dtype, **options))
            check_finite_result(result, dtype)
        else:
            result = _map_rows(sequences, self._standardizer())
        if not self.add_scale:
            return result
        known = self.log_scale_mean_, self.log_scale_std_, self._log_scale_floor
        return computed(with_log_scales(result, sequences, *known))

    def _without_log_scales(self, sequences):
        """Sequences without the features that `transform` has appended."""
        n_features, n_found = len(self.mean_), sequences.n_features
        if sequences.layout == "2d" or n_found != 2 * n_features:
            raise ValueError(
                f"X has {n_found} features, but {type(self).__name__} with add_scale=True returns "
                f"{2 * n_features} features at each step, and inverse_transform needs them all."
            )
        values = computed(sequences).values[:, :n_features]
        return replace(sequences, values=np.ascontiguousarray(values))

    def _shift_and_divisor(self):
        """What is subtracted from each feature, and what it is then divided by."""
        shift = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        return shift, np.ones_like(self.mean_) if self.scale_ is None else self.scale_

    def _standardizer(self):
        """A function that standardises rows (n, n_features) of float64."""
        shift, divisor = self._shift_and_divisor()
        return lambda rows: (rows - shift) / divisor

    def _step_transformer(self):
        """A function that does what `transform` does with one step of each of several sequences.

        Rows (n_sequences, n_features) that overflow become infinite, for the caller to refuse.
        """
        if self.scope == "sequence" or self.add_scale:
            given = "add_scale=True" if self.add_scale else 'scope="sequence"'
            raise ValueError(
                f"{type(self).__name__} with {given} needs whole sequences and cannot be run step "
                'by step. Fit with scope="feature" and add_scale=False.'
            )
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
        if not reset:
            learnt = self.mean_ is None, hasattr(self, "_log_scales")
            if learnt != (self.scope == "sequence", self.add_scale):
                raise ValueError(
                    "scope or add_scale changed since the last call of fit or partial_fit. Restore "
                    "the earlier value, or call fit with all data."
                )
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

        total, mean, var = self._feature_moments(sequences, sample_weight, reset)
        found.mean_, found.var_ = mean, var
        found.n_samples_seen_ = n_samples if reset else n_samples + self.n_samples_seen_
        found.n_steps_seen_ = int(total) if float(total).is_integer() else total
        found.scale_ = None
        if self.with_std and mean is not None:
            found.scale_ = spread_or_one(mean, np.sqrt(var))
        if reset:
            for name in _LOG_SCALES:
                vars(found).pop(name, None)
        if self.add_scale:
            before = None if reset else LogScales(*self._log_scales)
            logs = learn_log_scales(sequences, sample_weight, before)
            found.log_scale_mean_, found.log_scale_std_ = logs.mean, logs.spread
            found._log_scale_floor, found._log_scales = logs.floor, tuple(logs)
        self.__dict__ = vars(found)
        return self

    def _feature_moments(self, sequences, sample_weight, reset):
        """Total weight of the steps so far; mean and variance of each feature over them."""
        if self.scope == "sequence":
            weight = 1 if sample_weight is None else sample_weight
            total = float((weight * sequences.lengths).sum())
            return total if reset else total + self.n_steps_seen_, None, None
        with np.errstate(over="ignore", invalid="ignore"):
            moments = column_moments(sequences, sample_weight=sample_weight)
            if not reset:
                seen = self.n_steps_seen_, self.mean_, self.var_ * self.n_steps_seen_
                moments = merge_moments(seen, moments)
        total, mean, squares = moments
        check_scale(squares, "feature {} of X")
        return total, mean, squares / total

    def _check_state(self):
        if not hasattr(self, "n_samples_seen_"):
            return
        n_features = 1 if self._layout == "2d" else self.n_features_in_
        names = [
            name
            for name in ("mean_", "var_", "scale_", *_LOG_SCALES[:3])
            if getattr(self, name, None) is not None
        ]
        check_arrays(self, dict.fromkeys(names, ((n_features,), np.float64)))


def _map_rows(sequences, function):
    """`Sequences` of the results of a monotonic `function` of all rows in float64."""
    dtype = result_dtype(sequences.values.dtype)
    check_range(sequences, function, dtype, remedy="pass X as float64")
    result = np.empty(sequences.values.shape, dtype)
    for rows, values in sequences.pieces():
        result[rows] = function(values.astype(np.float64))
    return replace(sequences, values=result)
