"""pad_sequences and unpad_sequences: one is the inverse of the other."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgru import GRURegressor, pad_sequences, unpad_sequences
from skgru.data import _inputs, _sequences

from .layouts import layouts, ragged


@pytest.mark.parametrize("layout", ["list", "tuple", "one feature", "equal lengths", "objects"])
@pytest.mark.parametrize("padding", ["post", "pre"])
@pytest.mark.parametrize("length", [None, 9])
@pytest.mark.parametrize("piece", [1, 2**20])
def test_there_and_back(layout, padding, length, piece, monkeypatch):
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", piece)
    X = layouts()[layout]
    lengths = np.array([len(x) for x in X])
    options = {"length": length, "padding": padding}
    padded = pad_sequences(X, **options)
    n_steps = length or max(lengths)
    assert padded.shape == (len(X), n_steps, *X[0].shape[1:])
    numbers = np.arange(n_steps)
    first = np.zeros(5, int) if padding == "post" else n_steps - lengths
    mask = (numbers >= first[:, None]) & (numbers < (first + lengths)[:, None])
    assert np.isnan(padded[~mask]).all() and not np.isnan(padded[mask]).any()
    zeros = pad_sequences(X, value=0.0, **options)
    for result in (
        unpad_sequences(padded, padding=padding),
        unpad_sequences(zeros, lengths=lengths, padding=padding),
        unpad_sequences(zeros, lengths=lengths.tolist(), padding=padding),
        unpad_sequences(zeros, mask=mask),
    ):
        assert isinstance(result, list)
        for found, expected in zip(result, X, strict=True):
            assert_array_equal(found, expected)
    assert np.shares_memory(unpad_sequences(padded, padding=padding)[0], padded)
    assert np.shares_memory(unpad_sequences(zeros, lengths=lengths, padding=padding)[0], zeros)


def test_arrays():
    X = layouts()["3d"]
    assert_array_equal(pad_sequences(X), X)
    assert pad_sequences(X, length=6).shape == (6, 6, 3)
    assert pad_sequences(X[:, :, 0], length=6).shape == (6, 6)
    frame = pd.DataFrame([[1.0, None], [2.0, 3.0]])
    assert [x.tolist() for x in unpad_sequences(frame)] == [[1.0], [2.0, 3.0]]
    assert_array_equal(unpad_sequences(X), X)


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("f4", np.nan, "f4"),
        ("f4", 0, "f4"),
        ("i8", np.nan, "f8"),
        ("i8", -1, "i8"),
        ("i1", 1000, "i4"),
        ("?", False, "?"),
    ],
)
def test_dtypes(dtype, value, expected):
    X = [np.ones(2, dtype), np.ones(3, dtype)]
    padded = pad_sequences(X, value=value)
    assert padded.dtype == expected
    assert_array_equal(padded, [[1, 1, value], [1, 1, 1]])


def test_large_views_are_not_copied(monkeypatch):
    monkeypatch.setattr(_inputs, "COPY_BYTES", 0)
    X = pad_sequences(ragged()).transpose(0, 2, 1).copy().transpose(0, 2, 1)
    for view in (X, X[:, :, 0]):
        result = unpad_sequences(view)
        assert [len(x) for x in result] == [4, 1, 7, 2, 4]
        assert all(np.shares_memory(x, X) for x in result)
    assert_array_equal(pad_sequences(X, length=7), X)


def test_missing_values_within_a_sequence_stay():
    X = ragged()
    X[0][1] = np.nan  # a whole step
    X[2][-1, 0] = np.nan  # at the end, but not all of it
    for padding in ("post", "pre"):
        result = unpad_sequences(pad_sequences(X, padding=padding), padding=padding)
        for found, expected in zip(result, X, strict=True):
            assert_array_equal(found, expected)


def test_a_mask_may_have_holes():
    mask = np.array([[True, False, True], [False, True, False]])
    result = unpad_sequences([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], mask=mask)
    assert [x.tolist() for x in result] == [[1.0, 3.0], [5.0]]


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_zeros_are_data_but_not_in_silence(padding):
    X = pad_sequences(ragged(), value=0.0, padding=padding)
    with pytest.warns(UserWarning, match="4 of its 5 sequences (end|begin) with zeros.*lengths"):
        assert_array_equal(unpad_sequences(X, padding=padding), X)
    unpad_sequences(X[1:3], padding=padding)  # one sequence may well end with zeros
    X[0, 0 if padding == "pre" else -1] = np.nan
    unpad_sequences(X, padding=padding)  # NaN marks something


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda X: pad_sequences(X, length=4),
            r"Sequence 2 of X has 7 steps, .*x\[:4\]",
        ),
        (lambda X: pad_sequences(X, padding="end"), "padding is 'end', but must be"),
        (lambda X: pad_sequences(X, padding=[]), "padding is"),
        (lambda X: pad_sequences(X, length=9.5), "length is 9.5, but must be an integer"),
        (lambda X: pad_sequences(X, value="0"), "value is '0', but must be a number"),
        (lambda X: unpad_sequences(X), "different lengths: X is not padded"),
        (lambda X: unpad_sequences(np.ones((2, 3)), lengths=[3]), "lengths must be 2 integers"),
        (lambda X: unpad_sequences(np.ones((2, 3)), lengths=[3, 1.0]), "lengths must be 2 int"),
        (lambda X: unpad_sequences(np.ones((2, 3)), lengths=[3, 0]), r"lengths\[1\] is 0, .* 1 to"),
        (lambda X: unpad_sequences(np.ones((2, 3)), lengths=[4, 1]), r"lengths\[0\] is 4"),
        (lambda X: unpad_sequences(np.ones((2, 3)), mask=np.ones((2, 3))), "array of bool"),
        (lambda X: unpad_sequences([[1, 2]], mask=[[True]]), r"of shape \(1, 2\), .*\(1, 1\)"),
        (lambda X: unpad_sequences([[1, 2]], mask=[[False, False]]), "Sequence 0 .* every step"),
        (lambda X: unpad_sequences([[1, 2]], mask=[[True, True]], lengths=[1]), "Both lengths"),
        (lambda X: unpad_sequences([[1, 2], [np.nan] * 2]), "Sequence 1 .* padding at every step"),
        (lambda X: unpad_sequences([[1, np.inf]]), "infinity"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(ragged())


def test_in_a_pipeline():
    X, y = ragged(), np.arange(5.0)
    model = make_pipeline(
        FunctionTransformer(unpad_sequences), GRURegressor(2, max_iter=1, random_state=0)
    )
    padded = pad_sequences(X)
    model.fit(padded, y)
    assert_array_equal(model.predict(padded), model[-1].predict(X))
