"""Rows of a data set: sequences, or steps of them."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import as_sequences
from skgru.training import Dataset


def test_rows_and_weights_of_steps():
    sequences = as_sequences([np.zeros((length, 1)) for length in (3, 1, 4, 2)])
    weight = np.arange(10.0)
    data = Dataset(sequences, np.array([0, 2, 3]), np.zeros((10, 1)), weight, sequences.offsets)
    assert_array_equal(data.rows, [0, 1, 2, 4, 5, 6, 7, 8, 9])
    assert_allclose(data.sequence_weight, [3, 3, 22, 17])


def test_rows_are_sequences_by_default():
    sequences = as_sequences([np.zeros((length, 1)) for length in (3, 1, 4, 2)])
    weight, indices = np.array([1.0, 0.0, 2.0, 0.5]), np.array([0, 2, 3])
    data = Dataset(sequences, indices, np.zeros((4, 1)), weight)
    assert data.rows is indices and data.sequence_weight is weight
