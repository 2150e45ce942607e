"""X of strings: which forms there are, what a symbol is, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skgru.data import as_object_array, form_of_strings, read_strings, strings_of

TEXTS = ["ab", "c", "abc"]
LISTS = [["a", "b"], ["c"], ["a", "b", "c"]]
TABLE = [["a", "b"], ["c", "d"]]


def texts():
    return {
        "list": TEXTS,
        "tuple": tuple(TEXTS),
        "numpy strings": np.array(TEXTS),
        "objects": np.array(TEXTS, dtype=object),
        "pandas": pd.Series(TEXTS),
        "pandas objects": pd.Series(TEXTS, dtype=object),
        "pandas categories": pd.Series(TEXTS, dtype="category"),
        "pandas index": pd.Series(TEXTS, index=[5, 3, 4]),
        "polars": pl.Series(TEXTS),
        "polars categories": pl.Series(TEXTS, dtype=pl.Categorical),
    }


def lists():
    return {
        "lists": LISTS,
        "tuples": tuple(map(tuple, LISTS)),
        "arrays": list(map(np.array, LISTS)),
        "arrays of objects": [np.array(x, dtype=object) for x in LISTS],
        "an array of lists": as_object_array(LISTS),
        "an array of arrays": as_object_array([np.array(x) for x in LISTS]),
        "series": list(map(pd.Series, LISTS)),
        "a series of lists": pd.Series(LISTS),
        "polars": pl.Series(LISTS),
    }


def tables():
    return {
        "numpy strings": np.array(TABLE),
        "objects": np.array(TABLE, dtype=object),
        "pandas": pd.DataFrame(TABLE),
        "pandas categories": pd.DataFrame(TABLE, dtype="category"),
        "polars": pl.DataFrame(TABLE, schema=["t0", "t1"], orient="row"),
    }


def cases():
    for make, form in ((texts, "texts"), (lists, "lists"), (tables, "table")):
        for name, X in make().items():
            yield pytest.param(X, form, id=f"{form}-{name}")


@pytest.mark.parametrize(("X", "form"), cases())
def test_every_form_is_read(X, form):
    assert form_of_strings(X) == form
    column, offsets, layout = read_strings(X, form, list)
    if form == "table":
        assert column == list("abcd") and layout == "2d"
        assert offsets.tolist() == [0, 2, 4]
    else:
        assert column == list("abcabc") and layout == "ragged"
        assert offsets.tolist() == [0, 2, 3, 6]
    assert offsets.dtype == np.int64


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 2.0], [3.0]],
        [np.zeros((2, 3))],
        np.zeros((4, 3)),
        np.zeros((4, 3), dtype=object),
        np.zeros((2, 3, 4), dtype=object),
        np.arange(3.0),
        pd.DataFrame({"a": [1.0], "b": [2]}),
        pd.Series([1.0, 2.0]),
        pl.DataFrame({"a": [1.0]}),
        [pd.DataFrame({"a": [1.0]})],
        [],
        [[]],
        [None, None],
        [sparse.csr_matrix(np.eye(1))],
        {"a": "b"},
        3,
        None,
    ],
)
def test_numbers_and_other_things_are_no_strings(X):
    assert form_of_strings(X) is None


def test_several_columns_with_strings():
    frame = pd.DataFrame({"x": [1.0, 2.0], "word": ["a", "b"]})
    for X in ([frame], [frame.to_numpy()], [pl.DataFrame(frame.to_dict("list"))]):
        assert form_of_strings(X) == "columns"
    assert form_of_strings(np.array([frame.to_numpy()])) == "columns"
    assert form_of_strings([frame[["word"]]]) == "columns"


def test_missing_entries_do_not_hide_strings():
    assert form_of_strings([None, "ab"]) == "texts"
    assert form_of_strings([[None], [np.nan, "a"]]) == "lists"
    assert form_of_strings(pd.Series([pd.NA, "ab"], dtype="string")) == "texts"


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("abc", ValueError, r"X is one string, 'abc'.*A single text is \[X\]"),
        (b"abc", ValueError, r"X is one string, b'abc'"),
        (pd.DataFrame({"text": TEXTS}), ValueError, r"single column 'text'.*X\['text'\].*\[X\]"),
        (pl.DataFrame({"text": TEXTS}), ValueError, r"single column 'text'.*X\['text'\]"),
        (
            pd.DataFrame({"text": TEXTS, "n": [1, 2, 3]}), ValueError,
            r"strings in column 'text' and numbers in column 'n'.*pass \[X\]",
        ),
        (["ab", "", "c"], ValueError, "Sequence 1 of X, '', has no symbols. Remove it"),
        ([["a"], ["b"], []], ValueError, "Sequence 2 of X has no symbols. Remove it"),
        (["ab", None], ValueError, "Sequence 1 of X is missing .None..*'<missing>'"),
        (pd.Series(["ab", np.nan]), ValueError, "Sequence 1 of X is missing .nan."),
        (pl.Series([None, "ab"]), ValueError, "Sequence 0 of X is missing"),
        ([["a"], None], ValueError, "Sequence 1 of X is missing"),
        ([["a"], ["b", None]], ValueError, "Step 1 of sequence 1 of X is missing .None."),
        ([["a"], ["b", np.nan]], ValueError, "Step 1 of sequence 1 of X is missing .nan."),
        (pd.DataFrame([["a", None], ["c", "d"]]), ValueError, "Step 1 of sequence 0 of X is miss"),
        ([["a", 3], ["b"]], TypeError, "Step 1 of sequence 0 of X is 3, of type int.*all of them"),
        (["ab", 3.0], TypeError, "Sequence 1 of X is 3.0, of type float, but others are strings"),
        (["ab", ["a"]], TypeError, "Sequence 1 of X is .'a'., of type list, but others"),
        ([["a"], "ab"], TypeError, "Sequence 1 of X is a string, 'ab', but others are lists"),
        ([["a"], 3], TypeError, "Sequence 1 of X is 3, of type int"),
        ([["a"], {"a"}], TypeError, "Sequence 1 of X is .'a'., of type set"),
        ([["a"], np.array([["a"]])], ValueError, "Sequence 1 of X has 2 dimensions"),
        (["ab", b"c"], TypeError, "Sequence 1 of X is bytes.*decode"),
        ([["a", b"c"]], TypeError, "Step 1 of sequence 0 of X is bytes.*decode"),
        (
            [[("a", "DT"), ("cat", "NN")]], TypeError,
            "Step 0 of sequence 0 of X is .'a', 'DT'.*Join its parts.*categorical_features",
        ),
        (
            [["a", ("cat", "NN")]], TypeError, "Step 1 of sequence 0 of X is .'cat', 'NN'.*Join",
        ),
    ],
)  # fmt: skip
def test_errors_name_place_and_remedy(X, error, message):
    with pytest.raises(error, match=message):
        read_strings(X, form_of_strings(X), list)


def test_errors_call_x_by_its_name():
    with pytest.raises(ValueError, match="Sequence 1 of X_val, '', has no symbols"):
        read_strings(["a", ""], "texts", list, "X_val")


def test_only_strings_are_texts():
    assert strings_of(np.array(TEXTS)) == TEXTS
    for X, what in ((LISTS, "symbols already"), ([1.0], "no strings"), (np.eye(2), "no strings")):
        with pytest.raises(ValueError, match=f"X holds .*{what}"):
            strings_of(X)


def test_what_cuts_the_strings():
    column, offsets, _ = read_strings(["a b", "c"], "texts", str.split)
    assert column == ["a", "b", "c"] and offsets.tolist() == [0, 2, 3]
    with pytest.raises(ValueError, match="Sequence 1 of X, ' ', has no symbols"):
        read_strings(["a", " "], "texts", str.split)
