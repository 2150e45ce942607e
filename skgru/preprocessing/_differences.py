"""First differences of sequences."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgru.base import ParameterGroup, SavedState, _check_feature_names_in, check_finite_result

from ._layout import LayoutTransform, RecordsInput, result_dtype, step_names


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceDifferences(
    ParameterGroup, RecordsInput, LayoutTransform, TransformerMixin, SavedState, BaseEstimator
):
    """Append to each step how much every feature has changed since the step before.

    A GRU sees one step at a time, so that a slow trend of a noisy level is hard to learn for it;
    differences show it. The difference at the first step of a sequence is 0, and the number of
    steps stays the same.

    Parameters
    ----------
    append : bool, default=True
        Whether the differences follow the features as further ones; otherwise they replace them.

    Attributes
    ----------
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.

    See Also
    --------
    SequenceScaler : Scales sequences, and also their differences if it comes after this.

    Notes
    -----
    Differences are computed in float64, and the result has the layout of X. Only a table becomes a
    3D array of two features with ``append=True``. A memory map is read in pieces, and the result is
    a new array in memory.

    Examples
    --------
    >>> from skgru import SequenceDifferences
    >>> SequenceDifferences().fit_transform([[[1.0], [4.0], [2.0]], [[5.0]]])
    [array([[ 1.,  0.],
           [ 4.,  3.],
           [ 2., -2.]]), array([[5., 0.]])]
    """

    append: bool = True

    _parameter_constraints = {"append": ["boolean"]}

    def get_feature_names_out(self, input_features=None):
        """Names of the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of X, by default those of `fit`, or "x0", "x1" and so on.

        Returns
        -------
        names : ndarray of str
            "difference_x0" and so on, after those of X with ``append=True``. For a table they name
            its columns; where it becomes a 3D array, they name the features of a step.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If there are other names, or another number of them, than those of `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        names = _check_feature_names_in(self, input_features)
        names = step_names(self, names) if self.append else names
        differences = [f"difference_{name}" for name in names]
        return np.array([*names, *differences] if self.append else differences, dtype=object)

    def _transform_sequences(self, sequences):
        dtype, n_features = result_dtype(sequences.values.dtype), sequences.n_features
        starts = sequences.offsets[:-1]
        result = np.empty((len(sequences.values), n_features * (1 + self.append)), dtype)
        last = np.zeros((1, n_features))
        for rows, values in sequences.pieces():
            values = values.astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                differences = np.diff(values, axis=0, prepend=last)
                last = values[-1:]
                first, end = np.searchsorted(starts, (rows.start, rows.start + len(values)))
                differences[starts[first:end] - rows.start] = 0.0
                if self.append:
                    result[rows, :n_features] = values
                result[rows, -n_features:] = differences
        result = replace(sequences, values=result)
        check_finite_result(result, dtype)
        return result
