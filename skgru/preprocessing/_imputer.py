"""Missing values: fill them in, mark them, and say how long ago a feature was observed last."""

import sys
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgru._warnings import warn
from skgru.base import (
    Interval,
    ParameterGroup,
    SavedState,
    StrOptions,
    _fit_context,
    check_arrays,
    check_X,
)

from ._layout import LayoutTransform, result_dtype, step_names

# Integers may be too large for a float.
_LARGEST = sys.float_info.max


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceImputer(
    ParameterGroup,
    LayoutTransform,
    OneToOneFeatureMixin,
    TransformerMixin,
    SavedState,
    BaseEstimator,
):
    """Fill in missing values of sequences, and say where they were and for how long.

    It does for sequences what `sklearn.impute.SimpleImputer` does for tables of samples. Missing
    are NaN, None and `pandas.NA`; infinity is refused. A feature is filled in within its sequence,
    looking only back in time, so that the result at a step does not depend on later steps.

    The result has the layout of the input: a table for a table, a list for a list. Only a 2D table
    to whose steps features are added becomes a 3D array.

    Parameters
    ----------
    strategy : {"ffill", "mean", "constant"}, default="ffill"
        What takes the place of a missing value:

        - "ffill": the last value of that feature that was observed in the sequence (forward fill).
          Before the first one, and where the sequence has none, it is the mean, as with "mean",
        - "mean": the mean of the feature over all steps of `fit` at which it was observed,
        - "constant": `fill_value`.
    fill_value : float, default=None
        What takes the place of missing values with ``strategy="constant"``; None is 0.
    add_indicator : bool, default=False
        Whether to add features that are 1 where a value was missing and 0 elsewhere: one for every
        feature that had missing values in `fit`. They follow the features of X.
    add_elapsed : bool, default=False
        Whether to add the time since a feature was last observed before the present step, for every
        feature that had missing values in `fit` [1]_. It counts from the first step of the sequence
        while nothing has been observed, and is 0 at that step. These features come last.
    time_feature : int or str, default=None
        The feature that holds the times of the steps, by its number or its name, for `add_elapsed`:
        elapsed times are then in its units. Its values must not be missing, nor decrease within a
        sequence. By default, elapsed time is counted in steps.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features,)
        What is filled in where it does not come from the sequence: the mean of each feature, or
        `fill_value` with ``strategy="constant"``; of shape (1,) for a 2D table. The mean of a
        feature that was never observed is 0, and a warning says so.
    missing_features_ : ndarray of shape (n_missing_features,)
        Numbers of the features that had missing values in `fit`.
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.

    See Also
    --------
    sklearn.impute.SimpleImputer : The same for tables whose columns are features.
    unpad_sequences : Remove NaN that marks padding.

    Notes
    -----
    With s the times of the steps and m = 1 where a value was observed, the elapsed time is the
    delta of [1]_: 0 at the first step, then s[t] - s[t - 1], to which delta[t - 1] is added if
    m[t - 1] = 0.

    `fit` reads the data in pieces, so memory maps larger than memory can be fitted, in any view.
    `transform` returns a new array in memory.

    Features that are added follow `fit`: a feature without missing values there has no indicator,
    even if some of its values are missing later (they are filled in).

    References
    ----------
    .. [1] Z. Che, S. Purushotham, K. Cho, D. Sontag, Y. Liu, "Recurrent neural networks for
       multivariate time series with missing values", Scientific Reports 8, 6085, 2018,
       arXiv:1606.01865.

    Examples
    --------
    >>> import numpy as np
    >>> from skgru import SequenceImputer
    >>> X = [[[1.0, 5.0], [np.nan, 6.0], [np.nan, 7.0]], [[np.nan, 8.0], [3.0, 9.0]]]
    >>> imputer = SequenceImputer(add_indicator=True, add_elapsed=True).fit(X)
    >>> imputer.transform(X)[0]
    array([[1., 5., 0., 0.],
           [1., 6., 1., 1.],
           [1., 7., 1., 2.]])
    >>> imputer.get_feature_names_out().tolist()
    ['x0', 'x1', 'missingindicator_x0', 'elapsed_x0']
    """

    strategy: str = "ffill"
    fill_value: float | None = None
    add_indicator: bool = False
    add_elapsed: bool = False
    time_feature: int | str | None = None

    _parameter_constraints = {
        "strategy": [StrOptions({"ffill", "mean", "constant"})],
        "fill_value": [None, Interval(Real, -_LARGEST, _LARGEST, closed="both")],
        "add_indicator": ["boolean"],
        "add_elapsed": ["boolean"],
        "time_feature": [None, str, Interval(Integral, 0, None, closed="left")],
    }
    _allows_missing = True

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the mean of each feature, and which features have missing values.

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
            The fitted imputer.

        Raises
        ------
        ValueError, TypeError
            If X cannot be used, or has no usable `time_feature`. The message says where.
        """
        # All attributes change by the assignment at the end, or none of them.
        found = self._snapshot()
        sequences = check_X(found, X, reset=True, allow_missing=True)
        if self.add_elapsed and self.time_feature is not None:
            found._read_times(sequences)
        n_observed, mean = _observed_means(sequences)
        found.missing_features_ = np.flatnonzero(n_observed < len(sequences.values))
        found.statistics_ = mean
        if self.strategy == "constant":
            found.statistics_ = np.full_like(mean, self.fill_value or 0.0)
        elif not n_observed.all():
            warn(
                f"All values of feature {np.argmin(n_observed)} of X are missing, so that it has "
                "no mean: it is filled with 0. Leave the feature out, or fit on more sequences."
            )
        self.__dict__ = vars(found)
        return self

    def get_feature_names_out(self, input_features=None):
        """Names of the features of the result.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of X; by default those that `fit` has recorded, or x0, x1, ...

        Returns
        -------
        names : ndarray of str
            Names of the features: those of X, then those that are added, for which
            ``missingindicator_`` and ``elapsed_`` stand before the name of a feature. For a 2D
            table without added features, names of its columns.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the names do not match those of `fit`.
        """
        names = super().get_feature_names_out(input_features)
        check_is_fitted(self)
        prefixes = self._added_prefixes()
        if not prefixes:
            return names
        names = step_names(self, names)
        added = [f"{prefix}_{names[k]}" for prefix in prefixes for k in self.missing_features_]
        return np.array([*names, *added], dtype=object)

    def _added_prefixes(self):
        """What the names of added features begin with, for each block of them."""
        wanted = {"missingindicator": self.add_indicator, "elapsed": self.add_elapsed}
        has_missing = len(self.missing_features_) > 0
        return [prefix for prefix, is_wanted in wanted.items() if is_wanted and has_missing]

    def _transform_sequences(self, sequences):
        n_features, added = sequences.n_features, self.missing_features_
        width = n_features + len(added) * len(self._added_prefixes())
        dtype = result_dtype(sequences.values.dtype)
        fill = self._fill_values(dtype)
        times = None
        if self.add_elapsed and len(added) and self.time_feature is not None:
            times = self._read_times(sequences)
        result = np.empty((len(sequences.values), width), dtype)
        for rows, values, last, previous, starts in _observed_rows(sequences):
            missing = np.isnan(values)
            filled = result[rows, :n_features]
            filled[...] = np.where(missing, fill, values)
            if self.strategy == "ffill":
                row, feature = np.nonzero(missing & (last >= starts))
                filled[row, feature] = result[last[row, feature], feature]
            blocks = []
            if self.add_indicator:
                blocks.append(missing[:, added])
            if self.add_elapsed:
                now = np.arange(rows.start, rows.start + len(values))[:, np.newaxis]
                since = np.maximum(previous, starts)[:, added]
                blocks.append(now - since if times is None else times[now] - times[since])
            if width > n_features:
                result[rows, n_features:] = np.hstack(blocks)
        return replace(sequences, values=result)

    def _fill_values(self, dtype):
        """`statistics_` in the dtype of the result."""
        with np.errstate(over="ignore"):
            fill = self.statistics_.astype(dtype)
        if not np.isfinite(fill).all():
            feature = np.argmin(np.isfinite(fill))
            raise ValueError(
                f"What feature {feature} of X is filled with, {self.statistics_[feature]:.3g}, is "
                f"too large for {dtype}. Pass X as float64."
            )
        return fill

    def _read_times(self, sequences):
        """The times of all steps, (n_rows,) float64."""
        k, name = self._time_index(sequences.n_features), f"time_feature={self.time_feature!r}"
        times = np.concatenate([values[:, k] for _, values in sequences.pieces()])
        times = times.astype(np.float64)
        is_back = np.diff(times, prepend=times[0]) < 0
        is_back[sequences.offsets[:-1]] = False
        for is_wrong, what, remedy in (
            (np.isnan(times), "missing", "A step needs a time: leave out those without."),
            (is_back, "earlier than the step before", "Sort the steps of every sequence by time."),
        ):
            if is_wrong.any():
                row = int(np.argmax(is_wrong))
                i = int(np.searchsorted(sequences.offsets, row, side="right")) - 1
                raise ValueError(
                    f"{name} of X is {what} at sequence {i}, step {row - sequences.offsets[i]}. "
                    f"{remedy}"
                )
        return times

    def _time_index(self, n_features):
        """The number of the feature that holds times."""
        feature = self.time_feature
        names = getattr(self, "feature_names_in_", np.empty(0, object))
        if isinstance(feature, str):
            if self._layout == "2d" or feature not in names:
                raise ValueError(
                    f"time_feature={feature!r} is not among the names of the features of X, "
                    f"{names.tolist() if self._layout != '2d' else []}. Pass its number, or a "
                    "list of frames whose columns have names."
                )
            return names.tolist().index(feature)
        if feature >= n_features:
            raise ValueError(
                f"time_feature={feature}, but a step of X has {n_features} feature(s), numbered "
                "from 0."
            )
        return feature

    def _check_state(self):
        if not hasattr(self, "statistics_"):
            return
        n_features = 1 if self._layout == "2d" else self.n_features_in_
        missing = self.missing_features_
        expected = {
            "statistics_": ((n_features,), np.float64),
            "missing_features_": ((len(missing),), np.intp),
        }
        check_arrays(self, expected)
        if not np.isin(missing, np.arange(n_features)).all():
            raise ValueError("missing_features_ names features that do not exist")


def _observed_means(sequences):
    """Number of steps at which each feature was observed, and its mean over these (0 for none)."""
    count = np.zeros(sequences.n_features, np.int64)
    mean = np.zeros(sequences.n_features)
    with np.errstate(over="ignore", invalid="ignore"):
        for _, values in sequences.pieces():
            missing = np.isnan(values)
            observed = np.where(missing, 0.0, values.astype(np.float64))
            n = len(values) - missing.sum(axis=0)
            count += n
            share = n / np.maximum(count, 1)
            mean += share * (observed.sum(axis=0) / np.maximum(n, 1) - mean)
    if not np.isfinite(mean).all():
        raise ValueError(
            f"The mean of feature {np.argmin(np.isfinite(mean))} of X overflows float64. Divide "
            "the feature by a constant first."
        )
    return count, mean


def _observed_rows(sequences):
    """For pieces of all rows, where each feature was observed last.

    Yields
    ------
    rows : slice
        The rows of a piece.
    values : ndarray of shape (n_rows, n_features)
        Their values.
    last, previous : ndarray of shape (n_rows, n_features), dtype int64
        The number of the last row with a value of the feature: up to the row itself, and before
        it. It may belong to an earlier sequence, and is -1 if there is none.
    starts : ndarray of shape (n_rows, 1), dtype int64
        The first row of the sequence.
    """
    carried = np.full((1, sequences.n_features), -1)
    for rows, values in sequences.pieces():
        numbers = np.arange(rows.start, rows.start + len(values))[:, np.newaxis]
        seen = np.vstack([carried, np.where(np.isnan(values), -1, numbers)])
        np.maximum.accumulate(seen, axis=0, out=seen)
        owner = np.searchsorted(sequences.offsets, numbers, side="right") - 1
        yield rows, values, seen[1:], seen[:-1], sequences.offsets[owner]
        carried = seen[-1:]
