"""Vocabularies: codes, and which symbols are rare, with OneHotEncoder as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from skgru.data import encode_symbols, frequent_symbols, learn_symbols, rows_of


@given(st.lists(st.text(max_size=3), min_size=1))
def test_codes_of_strings(column):
    symbols, codes = learn_symbols(column)
    assert symbols.tolist() == sorted(set(column))
    assert [symbols[code - 1] for code in codes] == column
    assert codes.dtype == np.int32
    np.testing.assert_array_equal(encode_symbols(column, rows_of(symbols)), codes)
    np.testing.assert_array_equal(encode_symbols(column, symbols), codes)


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1))
def test_codes_of_integers(column):
    column = np.array(column)
    symbols, codes = learn_symbols(column)
    np.testing.assert_array_equal(symbols, np.unique(column))
    np.testing.assert_array_equal(symbols[codes - 1], column)
    np.testing.assert_array_equal(encode_symbols(column, symbols), codes)


def test_unknown_symbols_have_the_code_0():
    assert encode_symbols(["b", "x", "a", "aa"], {"a": 1, "b": 2}).tolist() == [2, 0, 1, 0]
    ids = np.array([3, 5, 9])
    assert encode_symbols(np.array([2, 3, 4, 9, 10]), ids).tolist() == [0, 1, 0, 3, 0]
    assert encode_symbols(np.array([2, 3]), ids[:0]).tolist() == [0, 0]
    assert encode_symbols(["a"], {}).tolist() == [0]


def test_strings_of_numpy_are_plain_strings():
    symbols, _ = learn_symbols(list(np.array(["a", "b"])))
    assert [type(symbol) for symbol in rows_of(symbols)] == [str, str]


def test_integers_and_strings_have_the_same_order():
    ids = np.random.default_rng(0).integers(100, 999, 200)
    by_number = learn_symbols(ids)[1]
    np.testing.assert_array_equal(by_number, learn_symbols(list(map(str, ids)))[1])


@given(
    st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=60),
    st.none() | st.integers(1, 8) | st.floats(0.01, 0.5),
    st.none() | st.integers(1, 9),
)
def test_rare_symbols_are_those_of_one_hot_encoder(column, min_frequency, max_categories):
    encoder = OneHotEncoder(
        min_frequency=min_frequency, max_categories=max_categories, handle_unknown="ignore"
    )
    encoder.fit(np.reshape(column, (-1, 1)).astype(object))
    has_limits = min_frequency is not None or max_categories is not None
    infrequent = encoder.infrequent_categories_[0] if has_limits else None
    expected = set() if infrequent is None else set(infrequent)
    symbols, codes = learn_symbols(column)
    counts = np.bincount(codes)[1:]
    found = frequent_symbols(counts, min_frequency, max_categories)
    assert set(symbols[~found]) == expected


@pytest.mark.parametrize("limits", [{}, {"min_frequency": 1}, {"max_categories": 4}])
def test_symbols_that_do_not_occur_get_no_vector(limits):
    counts = np.array([3, 0, 2, 0])
    assert frequent_symbols(counts, **limits).tolist() == [True, False, True, False]


def test_max_categories_counts_the_shared_vector():
    for most in range(1, 8):
        assert frequent_symbols(np.arange(1, 6), None, most).sum() == min(5, most - 1)
