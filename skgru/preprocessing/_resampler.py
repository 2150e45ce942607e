"""Sequences of any length, resampled to a fixed number of steps."""

from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from skgru.base import Interval, ParameterGroup, SavedState, _fit_context, check_X

from ._layout import LayoutTransform, result_dtype

# Sequences are read and resampled in blocks of no more than about this size.
_BLOCK_BYTES = 2**22


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceResampler(
    ParameterGroup,
    LayoutTransform,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    SavedState,
    BaseEstimator,
):
    """Resample sequences to a fixed number of steps, by linear interpolation.

    The new steps are at equal distances between the first and the last step of a sequence, both of
    which are kept. Long sequences become shorter and train faster, short ones become longer, and
    what their length says is lost. Sequences that are much longer than `length` are not smoothed:
    what happens between two new steps is not seen.

    The result has steps of its own, so in a Pipeline this class cannot stand before an estimator
    of steps, whose targets belong to the steps of X.

    Parameters
    ----------
    length : int, default=None
        Number of steps of the result, at least 2. By default that of the longest sequence of
        `fit`.

    Attributes
    ----------
    length_ : int
        Number of steps of the result.
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.

    See Also
    --------
    pad_sequences : Equal lengths by steps that are added.

    Notes
    -----
    A 2D table becomes a 2D table of `length_` columns. Everything else becomes a 3D array
    (n_sequences, `length_`, n_features), whether or not the sequences had equal lengths.

    Examples
    --------
    >>> from skgru import SequenceResampler
    >>> X = [[[0.0, 1.0], [2.0, 1.0]], [[3.0, 5.0]]]
    >>> SequenceResampler(length=3).fit_transform(X)
    array([[[0., 1.],
            [1., 1.],
            [2., 1.]],
    <BLANKLINE>
           [[3., 5.],
            [3., 5.],
            [3., 5.]]])
    """

    length: int | None = field(default=None, kw_only=False)

    _parameter_constraints = {"length": [None, Interval(Integral, 2, None, closed="left")]}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the number of steps of the result, and check X.

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
            The fitted resampler.

        Raises
        ------
        ValueError, TypeError
            If X cannot be used. The message says where.
        """
        # All attributes change by the assignment at the end, or none of them.
        found = self._snapshot()
        sequences = check_X(found, X, reset=True)
        found.length_ = int(sequences.lengths.max()) if self.length is None else self.length
        self.__dict__ = vars(found)
        return self

    def get_feature_names_out(self, input_features=None):
        """Names of the features of the result.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored for a 2D table, whose columns are steps. Otherwise names of the features of X;
            by default those that `fit` has recorded, or x0, x1, ...

        Returns
        -------
        names : ndarray of str
            For a 2D table a name for each of its new columns: "sequenceresampler0" and so on.
            Otherwise the names of the features of X.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the names do not match those of `fit`.
        """
        check_is_fitted(self)
        if self._layout == "2d":
            return super().get_feature_names_out()
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)

    @property
    def _n_features_out(self):
        return self.length_

    def _transform_sequences(self, sequences):
        n, length = len(sequences), self.length_
        result = np.empty((n, length, sequences.n_features), result_dtype(sequences.values.dtype))
        n_parts = max(length - 1, 1)
        for first, stop in _blocks(sequences, length):
            start = sequences.offsets[first]
            values = sequences.values[start : sequences.offsets[stop]].astype(np.float64)
            last = sequences.lengths[first:stop, np.newaxis] - 1
            # In integers, so that a step of the sequence is hit exactly wherever a new step is one.
            before, parts = np.divmod(np.arange(length) * last, n_parts)
            weight = (parts / n_parts)[:, :, np.newaxis]
            begin = sequences.offsets[first:stop, np.newaxis] - start
            low = values[begin + before]
            high = values[begin + np.minimum(before + 1, last)]
            mixed = (1 - weight) * low + weight * high
            # Without rounding errors where both are equal.
            result[first:stop] = np.clip(mixed, np.minimum(low, high), np.maximum(low, high))
        layout = "2d" if sequences.layout == "2d" else "3d"
        offsets = np.arange(n + 1, dtype=np.int64) * length
        values = result.reshape(n * length, -1)
        return replace(sequences, values=values, offsets=offsets, layout=layout)


def _blocks(sequences, length):
    """Cut the sequences into blocks: (number of the first, after the last).

    Neither the steps of a block nor those of its result, `length` for each sequence, take more than
    the bound, unless it is a single sequence.
    """
    n_rows = max(1, _BLOCK_BYTES // (8 * sequences.n_features))
    most = max(1, n_rows // length)
    first = 0
    while first < len(sequences):
        end = sequences.offsets[first] + n_rows
        stop = int(np.searchsorted(sequences.offsets, end, side="right")) - 1
        stop = max(min(stop, first + most), first + 1)
        yield first, stop
        first = stop
