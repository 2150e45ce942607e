"""What X may be, what becomes of it, and what the errors say."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skgru.data import _inputs, as_sequences

DTYPES = [np.float16, np.float32, np.float64, np.int8, np.uint16, np.int32, np.int64, np.bool_]


def table(dtype=np.float64):
    return np.arange(12).reshape(3, 4).astype(dtype)


@st.composite
def ragged(draw, n_features=None):
    """A list of (length, n_features) arrays of small whole numbers."""
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64]))
    if n_features is None:
        n_features = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    elements = st.integers(-100, 100)
    return [draw(hnp.arrays(dtype, (length, n_features), elements=elements)) for length in lengths]


# --- layouts ------------------------------------------------------------------------------------


@given(ragged())
def test_every_sequence_is_found_again(X):
    sequences = as_sequences(X)
    assert sequences.layout == "ragged"
    assert len(sequences) == sequences.n_sequences == len(X)
    assert sequences.n_features == X[0].shape[1]
    assert sequences.values.dtype == X[0].dtype
    assert sequences.offsets.dtype == sequences.lengths.dtype == np.int64
    assert sequences.lengths.tolist() == [len(x) for x in X]
    for i, x in enumerate(X):
        np.testing.assert_array_equal(sequences[i], x)
    np.testing.assert_array_equal(sequences[-1], X[-1])
    with pytest.raises(IndexError):
        sequences[len(X)]


@given(ragged())
def test_containers_of_ragged_sequences_are_equivalent(X):
    as_objects = np.empty(len(X), dtype=object)
    for i, x in enumerate(X):
        as_objects[i] = x
    expected = as_sequences(X)
    for other in (tuple(X), as_objects, pd.Series(X), [pd.DataFrame(x) for x in X]):
        sequences = as_sequences(other)
        assert sequences.layout == "ragged"
        np.testing.assert_array_equal(sequences.values, expected.values)
        np.testing.assert_array_equal(sequences.offsets, expected.offsets)


@given(ragged(n_features=1))
def test_one_dimensional_sequences_have_one_feature(X):
    sequences = as_sequences([x[:, 0] for x in X])
    np.testing.assert_array_equal(sequences.values, as_sequences(X).values)
    assert sequences.layout == "ragged"


@given(
    hnp.arrays(
        st.sampled_from(DTYPES),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
        elements=st.integers(0, 1),
    )
)
def test_a_3d_array_is_a_view_and_equals_the_list_of_its_parts(X):
    sequences, parts = as_sequences(X), as_sequences(list(X))
    assert (sequences.layout, parts.layout) == ("3d", "ragged")
    assert np.shares_memory(sequences.values, X)
    assert not np.shares_memory(parts.values, X)
    np.testing.assert_array_equal(sequences.values, parts.values)
    np.testing.assert_array_equal(sequences.offsets, parts.offsets)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_table_holds_univariate_series(dtype):
    X = table(dtype)
    sequences = as_sequences(X)
    assert sequences.layout == "2d"
    assert sequences.values.dtype == dtype
    assert sequences.n_features == 1
    assert np.shares_memory(sequences.values, X)
    np.testing.assert_array_equal(sequences.values[:, 0], X.ravel())
    np.testing.assert_array_equal(sequences.offsets, [0, 4, 8, 12])


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame(table()),
        pl.DataFrame(table()),
        pd.DataFrame(table()).astype("Float64"),
        pd.DataFrame(table(), dtype=object),
        table().tolist(),
        tuple(map(tuple, table().tolist())),
        table().astype(object),
        np.asfortranarray(table()),
        table().astype(">f8"),
        table().astype(np.longdouble),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_other_tables(X):
    sequences = as_sequences(X)
    assert sequences.layout == "2d"
    assert sequences.values.dtype == np.float64
    assert sequences.values.flags.c_contiguous
    np.testing.assert_array_equal(sequences.values[:, 0], np.arange(12))


@pytest.mark.parametrize(
    ("X", "layout", "lengths"),
    [
        ([[1, 2], [3, 4]], "2d", [2, 2]),
        ([[1, 2], [3]], "ragged", [2, 1]),
        ([np.array([1, 2]), np.array([3, 4])], "ragged", [2, 2]),
        ([[[1, 2]], [[3, 4]]], "3d", [1, 1]),
        ([[[1, 2]], [[3, 4], [5, 6]]], "ragged", [1, 2]),
        ([[[1], [2]], [[3], [4]]], "3d", [2, 2]),
        ([np.array([[1, 2]]), [[3, 4], [5, 6]]], "ragged", [1, 2]),
        ([[[1, 2], np.array([3, 4])], [[5, 6]]], "ragged", [2, 1]),
        ([[np.array(1), 2], [np.float32(3), True]], "2d", [2, 2]),
    ],
)
def test_nested_lists_are_read_as_numpy_reads_them(X, layout, lengths):
    sequences = as_sequences(X)
    assert sequences.layout == layout
    assert sequences.lengths.tolist() == lengths


@pytest.mark.parametrize(
    "view", [lambda X: X[::-1], lambda X: X[:, ::2], lambda X: X[..., 1:], lambda X: X.T]
)
def test_other_memory_orders_are_copied_once(view):
    X = view(np.arange(60.0).reshape(3, 4, 5))
    sequences = as_sequences(X)
    assert sequences.values.flags.c_contiguous
    np.testing.assert_array_equal(sequences.values, X.reshape(-1, X.shape[2]))


def test_ragged_sequences_in_fortran_order():
    X = [np.asfortranarray(np.arange(6.0).reshape(3, 2)), np.ones((1, 2), order="F")]
    sequences = as_sequences(X)
    assert sequences.values.flags.c_contiguous
    np.testing.assert_array_equal(sequences.values, np.concatenate(X))


def test_mixed_dtypes_take_the_common_one():
    X = [np.array([1, 2], np.int16), np.array([0.5], np.float32), np.array([True])]
    assert as_sequences(X).values.dtype == np.float32


@given(ragged())
def test_input_is_not_changed_and_may_be_read_only(X):
    originals = [x.copy() for x in X]
    for x in X:
        x.setflags(write=False)
    as_sequences(X)
    for x, original in zip(X, originals, strict=True):
        np.testing.assert_array_equal(x, original)
    stacked = X[0][np.newaxis]
    assert not as_sequences(stacked).values.flags.writeable


# --- errors -------------------------------------------------------------------------------------


@given(ragged(), st.data())
def test_nan_and_infinity_are_located(X, data):
    X = [x.astype(np.float32) for x in X]
    i = data.draw(st.integers(0, len(X) - 1))
    step = data.draw(st.integers(0, len(X[i]) - 1))
    feature = data.draw(st.integers(0, X[i].shape[1] - 1))
    place = f"at sequence {i}, step {step}, feature {feature}"
    for bad, name in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        X[i][step, feature] = bad
        with pytest.raises(ValueError, match=f"Input X contains {name}.*{place}"):
            as_sequences(X)


A = np.arange(12.0)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        # no data
        ([], ValueError, r"Found array with 0 sample\(s\)"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\)"),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1"),
        (np.empty((3, 0, 2)), ValueError, "0 time steps"),
        (np.empty((3, 2, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 2, 0\)\)"),
        ([np.empty((2, 0))], ValueError, r"0 feature\(s\)"),
        ([A, A[:0], A], ValueError, r"Sequence 1 of X is empty \(shape=\(0, 1\)\)"),
        ([[], [1]], ValueError, "Sequence 0 of X is empty"),
        # dimensions
        (A, ValueError, "Reshape your data"),
        ([1, 2, 3], ValueError, "Reshape your data"),
        (pd.Series(A), ValueError, "Reshape your data"),
        (np.array([1, 2], dtype=object), ValueError, "Reshape your data"),
        (3.0, ValueError, "X is 3.0, which holds no sequences: X may be"),
        (np.zeros((1, 1, 1, 1)), ValueError, "dim 4, while dim <= 3 is required by GRU"),
        ([A.reshape(2, 3, 2)], ValueError, "Sequence 0 of X has 3 dimensions"),
        ([A, 3], ValueError, "Sequence 1 of X is 3, but a sequence is an array"),
        ([A.reshape(6, 2), A], ValueError, r"different dimensions: sequence 0.*sequence 1"),
        (
            [A.reshape(6, 2), A.reshape(6, 2), A.reshape(4, 3)],
            ValueError,
            "different numbers of features: sequence 0 has 2, sequence 2 has 3",
        ),
        # not numbers
        ([["a", "b"]], ValueError, "X at sequence 0, step 0 is not a number: .*'a'"),
        (np.array([[1, "b"]], object), ValueError, "at sequence 0, step 1 .*'b'"),
        (np.array([[[1, {}]]], object), TypeError, "step 0, feature 1"),
        (pd.DataFrame({"u": [1, 2], "v": ["x", "y"]}), ValueError, "at sequence 0, step 1"),
        ([A, ["a", "b"]], ValueError, "Sequence 1 of X has dtype <U1"),
        ([A, "abc"], ValueError, "Sequence 1 of X has dtype <U3"),
        ([{"u": 1}], TypeError, "Sequence 0 of X.*not 'dict'"),
        ([A, [1, [2, 3]]], ValueError, "Sequence 1 of X is uneven: step 1 has another"),
        (table("datetime64[D]"), ValueError, r"X has dtype datetime64\[D\]"),
        (table() * 1j, ValueError, "Complex data not supported: X"),
        ([A, A * 1j], ValueError, "Complex data not supported: Sequence 1"),
        # missing values that would be lost or filled silently
        ([[1, None]], ValueError, "NaN at sequence 0, step 1"),
        (pl.DataFrame({"u": [1, None]}), ValueError, "NaN at sequence 1, step 0"),
        (pd.DataFrame({"u": pd.array([1, None])}), ValueError, "NaN at sequence 1, step 0"),
        (np.ma.masked_greater(table(), 5), ValueError, "masked"),
        ([A, np.ma.masked_greater(A, 5)], ValueError, "Sequence 1 of X is a masked"),
        # other kinds of matrix
        (sparse.csr_array(table()), TypeError, "Sparse"),
        ([sparse.csr_array(table())], TypeError, "Sparse data was passed for Sequence 0 of X"),
        (np.array([[1, 2]]).view(np.matrix), TypeError, "np.matrix is not supported"),
    ],
)
def test_errors_name_the_place(X, error, message):
    with pytest.raises(error, match=message):
        as_sequences(X, estimator="GRURegressor")


def test_a_masked_array_without_masked_entries_is_fine():
    assert len(as_sequences(np.ma.masked_greater(table(), 50))) == 3


@pytest.mark.parametrize("copy_bytes", [0, 2**25])
def test_values_may_be_missing_where_this_is_allowed(copy_bytes, monkeypatch):
    monkeypatch.setattr(_inputs, "COPY_BYTES", copy_bytes)
    X = np.arange(24.0).reshape(2, 3, 4)
    X[1, 2, 3] = np.nan
    for form in (X, list(X), X[:, :, ::-1]):
        with pytest.raises(ValueError, match="NaN at sequence 1, step 2"):
            as_sequences(form)
        sequences = as_sequences(form, allow_missing=True)
        np.testing.assert_array_equal(sequences.values[3:], form[1])
    X[1, 1, 0] = np.inf
    with pytest.raises(ValueError, match="infinity or .* at sequence 1, step 1, feature 0"):
        as_sequences(X, allow_missing=True)
