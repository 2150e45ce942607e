"""Mean and spread over all steps: against NumPy on the concatenated steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgru.data import (
    _statistics,
    as_sequences,
    column_moments,
    column_statistics,
    merge_moments,
    spread_or_one,
)


@st.composite
def ragged_and_counts(draw):
    """Random sequences, and how often each is to count (some not at all)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_features = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=9))
    counts = draw(st.lists(st.integers(0, 3), min_size=len(lengths), max_size=len(lengths)))
    counts[draw(st.integers(0, len(counts) - 1))] += 1
    X = [rng.normal(3.0, 2.0, size=(length, n_features)) for length in lengths]
    return X, np.array(counts)


@pytest.fixture(params=[None, 64], ids=["one piece", "many pieces"])
def pieces(request, monkeypatch):
    """Run the test as it is, and with pieces of a few rows."""
    if request.param:
        monkeypatch.setattr(_statistics, "_CHUNK_BYTES", request.param)


def reference(X):
    rows = np.concatenate(X).astype(np.float64)
    return rows.mean(axis=0), rows.std(axis=0)


@pytest.mark.usefixtures("pieces")
class TestColumnStatistics:
    @given(ragged_and_counts())
    def test_all_steps(self, X_and_counts):
        X, _ = X_and_counts
        np.testing.assert_allclose(column_statistics(as_sequences(X)), reference(X), atol=1e-12)

    @given(ragged_and_counts())
    def test_weights_indices_and_repetition_agree(self, X_and_counts):
        X, counts = X_and_counts
        sequences = as_sequences(X)
        indices = np.repeat(np.arange(len(X)), counts)
        expected = reference([X[i] for i in indices])
        for got in (
            column_statistics(sequences, indices),
            column_statistics(sequences, indices[::-1] - len(X)),
            column_statistics(sequences, sample_weight=counts),
            column_statistics(sequences, sample_weight=0.1 * counts),
            column_statistics(sequences, np.flatnonzero(counts), counts),
        ):
            np.testing.assert_allclose(got, expected, atol=1e-12)

    @given(ragged_and_counts())
    def test_the_order_of_indices_does_not_matter(self, X_and_counts):
        X, _ = X_and_counts
        sequences = as_sequences(X)
        order = np.random.default_rng(0).permutation(len(X))
        np.testing.assert_array_equal(
            column_statistics(sequences, order), column_statistics(sequences, np.sort(order))
        )

    @given(ragged_and_counts(), st.data())
    def test_batches_merge(self, X_and_counts, data):
        X, counts = X_and_counts
        cut = data.draw(st.integers(0, len(X)))
        sequences = as_sequences(X)
        whole = column_moments(sequences, sample_weight=counts)
        first = column_moments(sequences, np.arange(cut), counts)
        second = column_moments(sequences, np.arange(cut, len(X)), counts)
        for got, expected in zip(merge_moments(first, second), whole, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-11)

    def test_a_large_mean_does_not_swamp_the_spread(self):
        X = 1e9 + np.random.default_rng(0).normal(size=(50, 40, 2))
        _, std = column_statistics(as_sequences(X))
        np.testing.assert_allclose(std, (X - 1e9).reshape(-1, 2).std(axis=0), rtol=1e-7)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint16, np.int64, bool])
    def test_any_dtype_is_summed_in_float64(self, dtype):
        X = np.random.default_rng(0).integers(0, 100, size=(40, 30, 2)).astype(dtype)
        got = column_statistics(as_sequences(X))
        assert all(part.dtype == np.float64 for part in got)
        np.testing.assert_allclose(got, reference(X), rtol=1e-12)


def test_no_sequence_gives_nan():
    sequences = as_sequences([[1.0, 2.0]])
    for got in (
        column_statistics(sequences, np.array([], dtype=int)),
        column_statistics(sequences, sample_weight=[0.0]),
    ):
        np.testing.assert_array_equal(got, [[np.nan], [np.nan]])


@pytest.mark.parametrize("size", [1e-100, 1e-150, 1e-160, 1e-200, 1e-300])
def test_squares_that_underflow(size):
    X = np.random.default_rng(0).normal(1, 2, size=(50, 7, 3))
    expected_mean, expected_std = column_statistics(as_sequences(X))
    factor = np.array([1.0, size, 0.0])
    mean, std = column_statistics(as_sequences(X * factor))
    np.testing.assert_allclose(mean, expected_mean * factor, rtol=1e-12)
    np.testing.assert_allclose(std, expected_std * factor, rtol=1e-10)
    np.testing.assert_array_equal(spread_or_one(mean, std), [std[0], std[1], 1.0])


def test_a_divisor_has_an_inverse():
    assert spread_or_one(np.zeros(1), np.array([1e-310])) == 1
