"""Categorical columns among numbers: which they are, and that both parts are read."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skgru.data import find_categorical, form_of_strings, split_columns

WORDS, TAGS = [["a", "b"], ["c"], ["b", "a", "d"]], [[3, 1], [1], [2, 2, 3]]
NUMBERS = [[0.5, 1.5], [2.5], [3.5, 4.5, 5.5]]
EVERYTHING = list(zip(WORDS, NUMBERS, TAGS, strict=True))


def frames(library=pd):
    return [library.DataFrame({"word": w, "x": x, "tag": t}) for w, x, t in EVERYTHING]


def object_arrays():
    return [np.array([w, x, t], dtype=object).T for w, x, t in EVERYTHING]


def mask_of(X, wanted):
    return find_categorical(X, form_of_strings(X), wanted)


def number_arrays():
    return [np.column_stack([x, t]) for x, t in zip(NUMBERS, TAGS, strict=True)]


@pytest.mark.parametrize("X", [frames(), frames(pl), object_arrays()], ids=["pd", "pl", "object"])
def test_strings_and_numbers_are_read_apart(X):
    assert mask_of(X, "from_dtype").tolist() == [True, False, False]
    mask = mask_of(X, [0, 2])
    sequences, columns = split_columns(X, mask)
    assert columns[0] == ["a", "b", "c", "b", "a", "d"]
    assert columns[1].tolist() == [3, 1, 1, 2, 2, 3] and columns[1].dtype == np.int64
    np.testing.assert_array_equal(sequences.values[:, 0], np.concatenate(NUMBERS))
    assert sequences.values.shape == (6, 1) and sequences.values.flags.c_contiguous
    assert sequences.layout == "ragged" and sequences.offsets.tolist() == [0, 2, 3, 6]


def test_integers_in_arrays_of_numbers():
    sequences, (column,) = split_columns(number_arrays(), np.array([False, True]))
    assert column.tolist() == [3, 1, 1, 2, 2, 3] and column.dtype == np.int64
    np.testing.assert_array_equal(sequences.values[:, 0], np.concatenate(NUMBERS))


@pytest.mark.parametrize(
    "ids", [TAGS, [np.array(t) for t in TAGS], [np.array([t]).T for t in TAGS]]
)
def test_a_sequence_of_ids(ids):
    sequences, (column,) = split_columns(ids, mask_of(ids, [0]))
    assert column.tolist() == [3, 1, 1, 2, 2, 3]
    assert sequences.values.shape == (6, 0) and sequences.layout == "ragged"


@pytest.mark.parametrize("wrap", [np.array, pd.DataFrame, list])
def test_a_table_of_ids(wrap):
    X = wrap([[3, 1, 2], [5, 3, 1]])
    sequences, (column,) = split_columns(X, mask_of(X, [0]))
    assert column.tolist() == [3, 1, 2, 5, 3, 1] and sequences.layout == "2d"


def test_arrays_of_three_dimensions():
    X = np.array([[["a", 1.5], ["b", 2.5]], [["c", 3.5], ["a", 4.5]]], dtype=object)
    assert mask_of(X, "from_dtype").tolist() == [True, False]
    sequences, (column,) = split_columns(X, np.array([True, False]))
    assert column == list("abca") and sequences.layout == "3d"
    assert sequences.values.ravel().tolist() == [1.5, 2.5, 3.5, 4.5]
    strings = np.array([[["a", "1"], ["b", "2"]]])
    assert mask_of(strings, "from_dtype").tolist() == [True, True]
    assert split_columns(strings, np.array([True, True]))[1] == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize(
    "dtype", ["category", "string", "str", object, pd.CategoricalDtype(["d", "c", "b", "a"])]
)
def test_dtypes_of_pandas(dtype):
    X = [frame.astype({"word": dtype}) for frame in frames()]
    assert mask_of(X, "from_dtype").tolist() == [True, False, False]
    assert split_columns(X, np.array([True, False, False]))[1] == [list("abcbad")]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["a", "b", "c", "d"])])
def test_dtypes_of_polars(dtype):
    X = [frame.with_columns(pl.col("word").cast(dtype)) for frame in frames(pl)]
    assert mask_of(X, "from_dtype").tolist() == [True, False, False]
    assert split_columns(X, np.array([True, False, False]))[1] == [list("abcbad")]


def test_categories_that_are_integers():
    X = [frame.astype({"tag": "category"})[["x", "tag"]] for frame in frames()]
    assert mask_of(X, "from_dtype").tolist() == [False, True]
    column = split_columns(X, np.array([False, True]))[1][0]
    assert column.tolist() == [3, 1, 1, 2, 2, 3] and column.dtype == np.int64


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("from_dtype", [1, 0, 0]),
        ([0, 2], [1, 0, 1]),
        (["word", "tag"], [1, 0, 1]),
        ("word", [1, 0, 0]),
        ([True, False, True], [1, 0, 1]),
        (np.array([2, 0]), [1, 0, 1]),
        ((0,), [1, 0, 0]),
    ],
)
def test_how_columns_are_named(wanted, expected):
    assert mask_of(frames(), wanted).tolist() == expected


def test_no_columns():
    for X, wanted in ((frames(), None), (frames(), []), (number_arrays(), "from_dtype")):
        assert mask_of(X, wanted) is None


@pytest.mark.parametrize(
    ("X", "wanted", "message"),
    [
        (frames(), [3], "names column 3, but a step of X has the columns 0 to 2"),
        (frames(), [-1], "names column -1"),
        (frames(), [1.5], "names column 1.5"),
        (frames(), ["words"], r"names column 'words', but the columns of X are \['word', 'x', 't"),
        (number_arrays(), ["tag"], "names column 'tag', but the sequences of X are not frames"),
        (frames(), [True], "mask of 1 entries, but a step of X has 3 column"),
        (TAGS, [1], "names column 1, but a step of X has the columns 0 to 0"),
        (np.eye(3), [1], "names column 1, but a step of X has the columns 0 to 0"),
        (["ab"], [1], "names column 1, but a step of X has the columns 0 to 0"),
    ],
)
def test_columns_that_do_not_exist(X, wanted, message):
    with pytest.raises(ValueError, match=f"categorical_features .*{message}"):
        mask_of(X, wanted)


def with_entry(X, sequence, column, value):
    X[sequence] = X[sequence].astype({X[sequence].columns[column]: object})
    X[sequence].iloc[0, column] = value
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (with_entry(frames(), 1, 0, None), "Column 'word' at step 0 of sequence 1 of X is missing"),
        (with_entry(frames(), 1, 0, 7), "Column 'word' at step 0 of sequence 1 of X is 7, of type"),
        (
            with_entry(frames(), 2, 2, np.nan),
            "Column 'tag' at step 0 of sequence 2 of X is missing",
        ),
        (with_entry(frames(), 2, 2, (1, 2)), "Column 'tag' at step 0 of sequence 2 of X is .1, 2."),
        (with_entry(frames(), 2, 2, 0.5), "column 'tag', but it is 0.5 at step 0 of sequence 2"),
        (with_entry(frames(), 2, 1, "u"), r"Sequence 2 of X .*\(column 'x'\) is not a number.*cat"),
        ([*frames(), frames()[0][["word", "x"]]], "Sequence 3 of X has 2 features, but .* 3 feat"),
        ([*object_arrays(), np.zeros(3)], r"Sequence 3 of X has the shape \(3,\), but should be"),
    ],
)
def test_errors_name_place_and_column(X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        split_columns(X, np.array([True, False, True]))


def test_numbers_that_are_no_integers():
    X = number_arrays()
    X[2][1, 1] = 0.5
    with pytest.raises(ValueError, match="column 1, but it is 0.5 at step 1 of sequence 2 of X"):
        split_columns(X, np.array([False, True]))
    X[2][1, 1] = np.nan
    with pytest.raises(ValueError, match="NaN at sequence 2, step 1, feature 1"):
        split_columns(X, np.array([False, True]))


@pytest.mark.parametrize(
    ("ids", "largest"),
    [
        (np.array([[2.0**53], [1.0]]), "2..53"),
        (pd.DataFrame({"id": [2**53 + 1, 1], "x": [0.5, 1.0]}), "2..53"),
        (np.array([[2**64 - 1], [1]], np.uint64), "2..63"),
    ],
)
def test_integers_that_would_be_confused(ids, largest):
    is_categorical = np.arange(ids.shape[1]) == 0
    message = rf"column 0, but .* at step 0 of sequence 0 of X, which is too large.*{largest}"
    with pytest.raises(ValueError, match=message):
        split_columns([ids], is_categorical)
    exact = np.array([[2**63 - 1], [2**63 - 2]], np.uint64)
    _, (column,) = split_columns([exact], np.array([True]))
    assert column.tolist() == [2**63 - 1, 2**63 - 2]


# --- many frames are read as one ----------------------------------------------------------------
def test_like_frames_are_read_at_once_as_they_are_one_by_one(monkeypatch):
    texts, kinds = ["ab", "c", "bcd"], (1, 2.5, True)
    forms = {
        "strings": [pd.DataFrame({"x": 1.5, "s": list(t), "n": len(t)}) for t in texts],
        "objects": [pd.DataFrame({"s": list(t)}, dtype=object).assign(b=True) for t in texts],
        "categories": [pd.DataFrame({"s": pd.Categorical(list(t)), "x": 2}) for t in texts],
        "shared": [pd.DataFrame({"s": pd.Categorical(list(t), list("abcd"))}) for t in texts],
        "kinds": [pd.DataFrame({"s": list(t), "x": x}) for t, x in zip(texts, kinds, strict=True)],
        "polars": [pl.DataFrame({"x": [0.5] * len(t), "s": list(t)}) for t in texts],
        "other": [
            pl.DataFrame({"s": list(t), "x": [x] * len(t)})
            for t, x in zip(texts, kinds, strict=True)
        ],
    }
    for form, X in forms.items():
        mask = find_categorical(X, "columns", "from_dtype")
        found, columns = split_columns(X, mask)
        with monkeypatch.context() as patch:
            patch.setattr("skgru.data._columns._in_one_frame", lambda X: None)
            expected, one_by_one = split_columns(X, mask)
        assert columns == one_by_one == [list("abcbcd")], form
        assert found.offsets.tolist() == expected.offsets.tolist() == [0, 2, 3, 6], form
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.layout == expected.layout and found.n_features == expected.n_features


def test_errors_of_one_of_many_frames_name_it():
    X = [pd.DataFrame({"x": [1.0, 2.0], "s": ["a", "b"]}) for _ in range(4)]
    X[2].loc[1, "x"] = np.nan
    with pytest.raises(ValueError, match="NaN at sequence 2, step 1"):
        split_columns(X, np.array([False, True]))
    X[2] = X[2].assign(x=1.0, s=["a", None])
    with pytest.raises(ValueError, match="olumn 's' at step 1 of sequence 2 of X is missing"):
        split_columns(X, np.array([False, True]))
