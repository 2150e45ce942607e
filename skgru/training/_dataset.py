"""Sequences with their encoded targets, and the score of their predictions."""

from dataclasses import dataclass

import numpy as np

from skgru._lazy import lazy_property
from skgru.data import Sequences
from skgru.models import Predictor


@dataclass(frozen=True, eq=False)
class Dataset:
    """Sequences with encoded targets.

    Attributes
    ----------
    sequences : Sequences
    indices : ndarray of int
        The sequences to use.
    target : ndarray of shape (n_rows, n_target), float64
        One row for each sequence, or for each step of each sequence.
    weight : ndarray of shape (n_rows,), float64
    row_offsets : ndarray of shape (len(sequences) + 1,), int64, or None
        First row of each sequence; None where each sequence has exactly one row.
    """

    sequences: Sequences
    indices: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    row_offsets: np.ndarray | None = None

    #: Number of data sets that `parts` returns; other training data may have several.
    n_parts = 1

    def parts(self):
        """The data sets that make one pass over the training data."""
        return [self]

    @lazy_property
    def rows(self):
        """Numbers of the rows of the sequences to use."""
        if self.row_offsets is None:
            return self.indices
        starts, ends = self.row_offsets[self.indices], self.row_offsets[self.indices + 1]
        counts = ends - starts
        return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())

    @lazy_property
    def sequence_weight(self):
        """The sum of the weights of the rows of each sequence, (len(sequences),)."""
        if self.row_offsets is None:
            return self.weight
        return np.add.reduceat(self.weight, self.row_offsets[:-1])


class Validation:
    """Loss and score of validation data after every epoch.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    score : callable or None
        ``score(raw, target, weight)``; higher is better. None means minus the loss.
    feed : HostFeed or DeviceFeed
        Feed of the sequences.
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    """

    def __init__(self, network, dataset, score, feed, shift, scale):
        self._network, self._dataset, self._score, self._feed = network, dataset, score, feed
        self._scaling, self._predictor = (shift, scale), None

    def __call__(self, parameters, workspaces):
        """Loss and score with these parameters."""
        data = self._dataset
        if self._predictor is None:
            self._predictor = Predictor(self._network, parameters, *self._scaling)
        else:
            self._predictor.pack(parameters)
        raw = self._predictor.predict_raw(
            data.sequences, data.indices, workspaces=workspaces, feed=self._feed
        )
        target, weight = data.target[data.rows], data.weight[data.rows]
        loss = float(self._network.output.loss.mean(raw, target, weight))
        return loss, -loss if self._score is None else self._score(raw, target, weight)
