"""Frames of neighbouring steps, which make long sequences shorter."""

from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgru.base import Interval, ParameterGroup, SavedState, _check_feature_names_in
from skgru.data import Sequences

from ._layout import LayoutTransform, RecordsInput, result_dtype, step_names

# Frames are gathered in pieces of about this many steps.
_PIECE_STEPS = 2**18

_COUNT = Interval(Integral, 1, None, closed="left")


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceFrames(
    ParameterGroup, RecordsInput, LayoutTransform, TransformerMixin, SavedState, BaseEstimator
):
    """Cut sequences into frames of several steps, which become the steps of shorter sequences.

    A frame holds the features of `length` steps side by side, and a frame begins every `step`
    steps. A GRU then has `step` times fewer steps to go through: it is faster, and has less to
    remember between the start of a long sequence and its end.

    Parameters
    ----------
    length : int, default=16
        Number of steps of a frame.
    step : int, default=8
        Number of steps from the start of a frame to that of the next one. Frames overlap if it is
        smaller than `length`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.

    Notes
    -----
    No step is lost if ``step <= length``: where the last frame would reach beyond the end of the
    sequence, it begins earlier, so that it ends with the last step. A sequence of fewer than
    `length` steps becomes one frame, filled up by copies of its last step. A sequence of T steps
    becomes ``1 + ceil((T - length) / step)`` frames, at least one.

    The result has the layout of X, but a 2D table becomes a 3D array, as its steps have several
    features. Frames of pandas keep the labels of the last row of each frame. As the number of steps
    changes, a model that predicts every step, such as `GRUStepClassifier`, cannot follow.

    Examples
    --------
    >>> from skgru import SequenceFrames
    >>> X = [[[1.0], [2.0], [3.0], [4.0], [5.0]], [[6.0], [7.0]]]
    >>> SequenceFrames(length=3, step=2).fit_transform(X)
    [array([[1., 2., 3.],
           [3., 4., 5.]]), array([[6., 7., 7.]])]
    """

    length: int = field(default=16, kw_only=False)
    step: int = field(default=8, kw_only=False)

    _parameter_constraints = {"length": [_COUNT], "step": [_COUNT]}

    def get_feature_names_out(self, input_features=None):
        """Names of the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of X, by default those of `fit`, or "x0", "x1" and so on.

        Returns
        -------
        names : ndarray of str
            "x0_0", "x1_0", "x0_1" and so on: the name of a feature, then the number of the step in
            the frame.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If there are other names, or another number of them, than those of `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        names = step_names(self, _check_feature_names_in(self, input_features))
        found = [f"{name}_{number}" for number in range(self.length) for name in names]
        return np.array(found, dtype=object)

    def _transform_sequences(self, sequences):
        lengths = sequences.lengths
        counts = self._n_frames(lengths)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        owner = np.repeat(np.arange(len(sequences)), counts)
        latest = np.maximum(lengths - self.length, 0)
        start = np.minimum((np.arange(offsets[-1]) - offsets[owner]) * self.step, latest[owner])
        width = self.length * sequences.n_features
        result = np.empty((len(start), width), result_dtype(sequences.values.dtype))
        n_frames = max(1, _PIECE_STEPS // self.length)
        for first in range(0, len(start), n_frames):
            piece = slice(first, first + n_frames)
            steps = start[piece, np.newaxis] + np.arange(self.length)
            steps = np.minimum(steps, lengths[owner[piece], np.newaxis] - 1)
            rows = sequences.offsets[owner[piece], np.newaxis] + steps
            result[piece] = sequences.values[rows.ravel()].reshape(-1, width)
        layout = "ragged" if sequences.layout == "ragged" else "3d"
        return Sequences(result, offsets, layout)

    def _n_frames(self, n_steps):
        """Number of frames of sequences of so many steps."""
        return 1 + -(-np.maximum(n_steps - self.length, 0) // self.step)

    def _rows_with_labels(self, frame):
        if not hasattr(frame, "iloc"):
            return frame
        starts = np.arange(self._n_frames(len(frame))) * self.step
        return frame.iloc[np.minimum(starts + self.length, len(frame)) - 1]
