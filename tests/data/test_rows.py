"""Rows: what a target, a weight and a prediction belong to, in every form a user may give them."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skgru.data import (
    SequenceRows,
    StepRows,
    as_object_array,
    as_sequences,
    encode_classes,
    encode_regression,
)

LENGTHS = (3, 1, 2)
RAGGED = as_sequences([np.zeros((length, 2)) for length in LENGTHS])
TABLE = as_sequences(np.zeros((2, 3)))
CUBE = as_sequences(np.zeros((2, 3, 4)))

ONES = np.ones(6)
# Step 1 of sequence 0 has no weight.
WITHOUT_ONE = np.array([1.0, 0, 1, 1, 1, 1])


def cut(flat, lengths=LENGTHS):
    return np.split(np.asarray(flat), np.cumsum(lengths)[:-1])


def as_lists(flat):
    return [part.tolist() for part in cut(flat)]


def in_every_container(items):
    """The same entries, one for each sequence, in every container that a user may have."""
    return {
        "list": items,
        "tuple": tuple(items),
        "object array": as_object_array(items),
        "series": pd.Series(items, index=[7, 7, 0]),
        "polars": pl.Series([item if isinstance(item, str) else list(item) for item in items]),
    }


def in_every_form(flat):
    """The same labels or numbers of ragged steps in every form."""
    arrays, lists = cut(flat), as_lists(flat)
    return {
        **{f"arrays in a {name}": y for name, y in in_every_container(arrays).items()},
        **{f"lists in a {name}": y for name, y in in_every_container(lists).items()},
        "tuples": [tuple(part) for part in lists],
        "object arrays": [part.astype(object) for part in arrays],
        "series in a list": [pd.Series(part, index=range(9, 9 - len(part), -1)) for part in lists],
        "polars series in a list": [pl.Series(part) for part in lists],
        "categories": [pd.Series(part, dtype="category") for part in lists],
        "NumPy numbers in lists": [list(part) for part in arrays],
        "mixed containers": [lists[0], arrays[1], tuple(lists[2])],
    }


# --- labels -------------------------------------------------------------------------------------

LABELS = {
    "words": ["DET", "NOUN", "VERB", "DET", "ADJECTIVE", "NOUN"],
    "integers": [3, 1, 2, 3, 0, 1],
    "booleans": [True, False, True, True, False, False],
}


@pytest.mark.parametrize("form", in_every_form([0] * 6))
@pytest.mark.parametrize("kind", LABELS)
def test_labels_in_every_form(kind, form):
    labels = np.array(LABELS[kind])
    y = in_every_form(labels)[form]
    target, classes, is_multilabel = encode_classes(y, StepRows(RAGGED), ONES)
    expected, numbers = np.unique(labels, return_inverse=True)
    assert classes.dtype.kind == labels.dtype.kind
    assert classes.tolist() == expected.tolist()
    assert target.dtype == np.float64
    assert target.tolist() == numbers[:, np.newaxis].tolist()
    assert not is_multilabel


@pytest.mark.parametrize("form", in_every_container(["aba", "b", "cb"]))
def test_a_string_is_the_labels_of_its_characters(form):
    y = in_every_container(["aba", "b", "cb"])[form]
    target, classes, _ = encode_classes(y, StepRows(RAGGED), ONES)
    assert classes.tolist() == ["a", "b", "c"]
    assert target.ravel().tolist() == [0, 1, 0, 1, 2, 1]
    numpy_strings = np.array(["aba", "b", "cb"])
    assert encode_classes(numpy_strings, StepRows(RAGGED), ONES)[0].tolist() == target.tolist()


@pytest.mark.parametrize("rows", [StepRows(TABLE), StepRows(CUBE)], ids=["2d", "3d"])
def test_labels_as_a_table(rows):
    labels = [["a", "b", "a"], ["b", "b", "a"]]
    for y in (labels, np.array(labels), np.array(labels, dtype=object), pd.DataFrame(labels),
              pl.DataFrame(labels, orient="row"), ["aba", "bba"]):  # fmt: skip
        target, classes, _ = encode_classes(y, rows, ONES)
        assert classes.tolist() == ["a", "b"]
        assert target.ravel().tolist() == [0, 1, 0, 1, 1, 0]


def test_indicators_of_labels():
    indicators = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0, 0], [1, 1]])
    parts = cut(indicators)
    for y in (
        parts, [part.tolist() for part in parts], as_object_array(parts),
        [pd.DataFrame(part) for part in parts], [part.astype(bool) for part in parts],
        [part.astype(float) for part in parts], [part.astype(object) for part in parts],
    ):  # fmt: skip
        target, classes, is_multilabel = encode_classes(y, StepRows(RAGGED), ONES)
        assert is_multilabel
        assert target.tolist() == indicators.tolist()
        assert classes.tolist() == [0, 1]
    target = encode_classes(indicators.reshape(2, 3, 2), StepRows(CUBE), ONES)[0]
    assert target.tolist() == indicators.tolist()


def test_known_classes():
    rows, classes = StepRows(RAGGED), np.array(["a", "b", "z"])
    target, found, _ = encode_classes(["zba", "b", "az"], rows, ONES, classes)
    assert found is classes
    assert target.ravel().tolist() == [2, 1, 0, 1, 0, 2]
    message = r"y_val at sequence 2, step 1 is 'q', which is none of the classes \['a', 'b', 'z'\]"
    with pytest.raises(ValueError, match=message):
        encode_classes(["zba", "b", "aq"], rows, ONES, classes, "y_val")
    # Where the weight is 0 any label may stand.
    weight = np.array([1.0, 1, 1, 1, 1, 0])
    assert encode_classes(["zba", "b", "aq"], rows, weight, classes)[0][:5].ravel().tolist() == [
        2, 1, 0, 1, 0,
    ]  # fmt: skip


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", in_every_form([0] * 6))
def test_numbers_in_every_form(form):
    flat = np.array([0.5, -1, 2, 3, 4, 5.25])
    target, is_1d = encode_regression(in_every_form(flat)[form], StepRows(RAGGED), ONES)
    assert is_1d
    assert target.dtype == np.float64
    assert target.tolist() == flat[:, np.newaxis].tolist()


def test_several_numbers_a_step():
    flat = np.arange(12.0).reshape(6, 2)
    parts = cut(flat)
    for y in (
        parts, [part.tolist() for part in parts], [pd.DataFrame(part) for part in parts],
        [pl.DataFrame(part) for part in parts], as_object_array(parts),
    ):  # fmt: skip
        target, is_1d = encode_regression(y, StepRows(RAGGED), ONES)
        assert not is_1d
        assert target.tolist() == flat.tolist()
    target, is_1d = encode_regression(flat.reshape(2, 3, 2), StepRows(CUBE), ONES)
    assert not is_1d
    assert target.tolist() == flat.tolist()


@pytest.mark.parametrize("rows", [StepRows(TABLE), StepRows(CUBE)], ids=["2d", "3d"])
def test_numbers_as_a_table(rows):
    table = np.arange(6.0).reshape(2, 3)
    for y in (table, table.astype(int), table.tolist(), pd.DataFrame(table), pl.DataFrame(table),
              table.astype(object)):  # fmt: skip
        target, is_1d = encode_regression(y, rows, ONES)
        assert is_1d
        assert target.ravel().tolist() == [0, 1, 2, 3, 4, 5]
    column = encode_regression(table[:, :, np.newaxis], rows, ONES)
    assert column[0].tolist() == table.reshape(6, 1).tolist()
    assert not column[1]


# --- what is missing ----------------------------------------------------------------------------

MISSING_LABELS = {
    "None among words": [["a", None, "a"], ["b"], ["a", "b"]],
    "NaN among words": [["a", np.nan, "a"], ["b"], ["a", "b"]],
    "NA among words": [pd.Series(["a", None, "a"], dtype="string"), ["b"], ["a", "b"]],
    "None among integers": [[0, None, 0], [1], [0, 1]],
    "None among numbers": [[0.0, None, 0.0], [1.0], [0.0, 1.0]],
    "NaN among numbers": [[0, np.nan, 0], [1], [0, 1]],
    "NaN in arrays": cut([0, np.nan, 0, 1, 0, 1]),
    "NA of pandas": [pd.Series([0, None, 0], dtype="Int64"), [1], [0, 1]],
    "null of polars": pl.Series([["a", None, "a"], ["b"], ["a", "b"]]),
    "object arrays": as_object_array(cut(np.array(["a", None, "a", "b", "a", "b"], object))),
    "indicators": cut(np.array([[1, 0], [np.nan, np.nan], [0, 1], [1, 1], [0, 0], [1, 0]])),
}


@pytest.mark.parametrize("case", MISSING_LABELS)
def test_labels_may_be_missing_where_the_weight_is_zero(case):
    y, rows = MISSING_LABELS[case], StepRows(RAGGED)
    target, classes, is_multilabel = encode_classes(y, rows, WITHOUT_ONE)
    assert len(classes) == 2
    assert np.isfinite(target).all()
    if not is_multilabel:
        assert target[WITHOUT_ONE > 0].ravel().tolist() == [0, 0, 1, 0, 1]
    for weight in (ONES, np.array([0.0, 1, 0, 0, 0, 0]), WITHOUT_ONE[::-1]):
        with pytest.raises(
            ValueError,
            match="Input y contains (None|NaN) at sequence 0, step 1.*sample_weight of 0, or fill",
        ):
            encode_classes(y, rows, weight)


MISSING_NUMBERS = {
    "None": [[0.5, None, 0], [1], [0, 1]],
    "NaN": [[0.5, np.nan, 0], [1], [0, 1]],
    "infinity": [[0.5, np.inf, 0], [1], [0, 1]],
    "NaN in arrays": cut([0.5, np.nan, 0, 1, 0, 1]),
    "NA of pandas": [pd.Series([0.5, None, 0], dtype="Float64"), [1], [0, 1]],
    "null of polars": pl.Series([[0.5, None, 0.0], [1.0], [0.0, 1.0]]),
    "NA in frames": [
        pd.DataFrame({"a": [0.5, None, 0], "b": [0, None, 1]}, dtype="Float64"),
        [[1.0, 2.0]], np.zeros((2, 2)),
    ],
    "one of two": [[[0.5, 0], [1, None], [0, 1]], [[1, 2]], [[0, 0], [0, 0]]],
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING_NUMBERS)
def test_numbers_may_be_missing_where_the_weight_is_zero(case):
    y, rows = MISSING_NUMBERS[case], StepRows(RAGGED)
    target, _ = encode_regression(y, rows, WITHOUT_ONE)
    assert target[:, 0].tolist() == [0.5, 0, 0, 1, 0, target[5, 0]]
    assert not target[1].any()
    with pytest.raises(ValueError, match="Input y contains (NaN|infinity) at sequence 0, step 1"):
        encode_regression(y, rows, ONES)


def test_sequences_have_no_such_exception():
    rows = SequenceRows(RAGGED)
    with pytest.raises(ValueError, match="NaN at sequence 1. Remove such sequences"):
        encode_regression([0, np.nan, 1], rows, np.array([1.0, 0, 1]))
    with pytest.raises(ValueError, match="None at sequence 1. Remove such sequences"):
        encode_classes(["a", None, "b"], rows, np.array([1.0, 0, 1]))


def test_what_stands_at_a_weight_of_zero_is_not_changed_for_the_user():
    y = np.array([[1.0, np.nan, 2], [3, 4, 5]])
    encode_regression(y, StepRows(TABLE), WITHOUT_ONE)
    assert np.isnan(y[0, 1])


# --- weights ------------------------------------------------------------------------------------


def test_no_weights_and_weights_of_sequences():
    rows = StepRows(RAGGED)
    assert rows.weights(None).tolist() == [1] * 6
    assert rows.weights(2).tolist() == [2] * 6
    for weight in ([1, 2, 3], np.array([1, 2, 3], "f4"), pd.Series([1, 2, 3], index=[3, 4, 5]),
                   pl.Series([1, 2, 3]), (1, 2, 3)):  # fmt: skip
        found = rows.weights(weight)
        assert found.dtype == np.float64
        assert found.tolist() == [1, 1, 1, 2, 3, 3]
    # As many as there are sequences is one for each, even if every sequence has one step.
    single = StepRows(as_sequences([np.zeros((1, 2))] * 3))
    assert single.weights([1, 2, 3]).tolist() == single.weights([[1], [2], [3]]).tolist()
    assert SequenceRows(RAGGED).weights([True, False, True]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("form", in_every_form([0] * 6))
def test_weights_of_steps_in_every_form(form):
    flat = np.array([0.5, 0, 2, 3, 4, 5.25])
    found = StepRows(RAGGED).weights(in_every_form(flat)[form])
    assert found.dtype == np.float64
    assert found.tolist() == flat.tolist()


def test_masks_are_weights():
    mask = np.array([True, False, True, True, False, False])
    for form, y in in_every_form(mask).items():
        assert StepRows(RAGGED).weights(y).tolist() == [1, 0, 1, 1, 0, 0], form
    numbers = np.array([[1, np.nan, 2], [3, 4, np.nan]])
    for weight in (~np.isnan(numbers), pd.DataFrame(~np.isnan(numbers))):
        assert StepRows(CUBE).weights(weight).tolist() == [1, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], r"{} has shape \(2,\), but there are 3 sequences. Give one weight for each, or "),
        ([1] * 6, r"{} has shape \(6,\), but there are 3 sequences.*for every step in the layout"),
        ([[1, 1], [1], [1, 1]], "{} of sequence 0 has 2 entries, but that .* Z has 3 steps. Give"),
        ([[1, 1, 1], [1]], "Z has 3 sequences, {} has 2 entries"),
        ([[1, 1, 1], 1, [1, 1]], "{} of sequence 1 is 1, but must have an entry for every step"),
        ([np.ones((n, 2)) for n in LENGTHS], "{} has a list of 2 for each step. Give one number"),
        ([[1, 1, 1], [1], [1, -2]], "{} at sequence 2, step 1 is -2, .* leaves a step out"),
        ([[1, np.nan, 1], [1], [1, 1]], "{} at sequence 0, step 1 is nan, .*finite"),
        ([[1, None, 1], [1], [1, 1]], "{} at sequence 0, step 1 is nan, .*finite"),
        ([1, -1, 1], "{} at sequence 1, step 0 is -1"),
        ([[1, 1, np.inf], [1], [1, 1]], "{} at sequence 0, step 2 is inf"),
        ([[1, 1, 1], [1], ["a", 1]], "{} of sequence 2 at step 0 is not a number: .*'a'"),
        (["abc", "d", "ef"], "{} at sequence 0 is not a number"),
        ([0, 0, 0], "{} is zero for every step"),
        ([np.full(n, 1e308) for n in LENGTHS], "sum of {} overflows float64"),
        ([[1, 1, 1j], [1], [1, 1]], "Complex data not supported: {}"),
    ],
)
def test_bad_weights_of_steps(weight, message):
    rows = StepRows(RAGGED, "Z")
    with pytest.raises(ValueError, match=message.format("sample_weight_val")):
        rows.weights(weight, "sample_weight_val")


# --- errors of targets --------------------------------------------------------------------------

FORMS = {
    "one entry too few": (
        [["a", "b"], ["b"], ["a", "b"]], ValueError,
        "q of sequence 0 has 2 entries, but that sequence of Z has 3 steps. Give one entry for",
    ),
    "one entry too many": (
        ["aba", "b", "abb"], ValueError, "q of sequence 2 has 3 entries, .* Z has 2 steps",
    ),
    "an empty one": ([["a"] * 3, [], ["b"] * 2], ValueError, "q of sequence 1 has 0 entries"),
    "one sequence too few": (
        [["a", "b", "a"], ["b"]], ValueError,
        "Z has 3 sequences, q has 2 entries. Give q an entry for each sequence, with one target",
    ),
    "a target for each sequence": (
        [0, 1, 0], ValueError,
        "q of sequence 0 is 0, but must have an entry for every step .*GRUClassifier or GRURegr",
    ),
    "the same in an array": (np.array([0.5, 1, 0]), ValueError, "q of sequence 0 is 0.5, but"),
    "the same in a series": (pd.Series([0, 1, 0]), ValueError, "q of sequence 0 is 0, but must"),
    "the same among others": ([[0, 1, 0], 1, [0, 1]], ValueError, "q of sequence 1 is 1, but"),
    "one string": ("abab", ValueError, "q is one string, 'abab'. Pass a list with one string"),
    "nothing": (None, ValueError, "q is None, but must hold targets for every step"),
    "a number": (3, ValueError, "q is 3, but must hold targets for every step"),
    "a set": ([{"a", "b", "c"}, {"b"}, {"a", "b"}], ValueError, "q of sequence 0 is {.* in an arr"),
    "a dict": ([{"a": 1}] * 3, ValueError, "q of sequence 0 is {'a': 1}, but must have"),
    "sparse": (sparse.csr_matrix(np.eye(3)), TypeError, "Sparse data was passed for q,"),
    "sparse items": (
        [sparse.csr_matrix(np.eye(n)) for n in LENGTHS], TypeError,
        "Sparse data was passed for q of sequence 0",
    ),
    "masked": (np.ma.masked_equal(np.eye(3), 1), ValueError, "q is a masked array"),
    "masked items": (
        [np.ma.masked_equal([1, 2, 3], 2), [1], [1, 2]], ValueError,
        "q of sequence 0 is a masked array",
    ),
    "too many dimensions": (
        [np.zeros((n, 1, 1)) for n in LENGTHS], ValueError,
        r"q of sequence 0 has 3 dimensions, .*\(length, n_outputs\)",
    ),
    "another number of targets": (
        [np.zeros((3, 2)), np.zeros((1, 2)), np.zeros((2, 3))], ValueError,
        "q has a list of 2 for each step of sequence 0, but a list of 3 .* sequence 2. Give",
    ),
    "one target and several": (
        [np.zeros((3, 2)), np.zeros(1), np.zeros((2, 2))], ValueError,
        "q has a list of 2 for each step of sequence 0, but a single value for each step of "
        "sequence 1",
    ),
    "uneven steps": (
        [[[1, 0], [1], [0, 1]], [[1, 1]], [[0, 1]] * 2], ValueError,
        "q of sequence 0 has a list of 2 at step 0, but a list of 1 at step 1. Give every step",
    ),
    "a label and a list": (
        [["a", "b", "a"], [["b"]], ["a", ["b"]]], ValueError,
        "q of sequence 2 has a single value at step 0, but a list of 1 at step 1",
    ),
    "nothing in place of a list": (
        [[[1, 0], None, [0, 1]], [[1, 1]], [[0, 1]] * 2], ValueError,
        "q of sequence 0 has a list of 2 at step 0, but a single value at step 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_bad_forms(case):
    y, error, message = FORMS[case]
    for encode in (encode_classes, encode_regression):
        with pytest.raises(error, match=message):
            encode(y, StepRows(RAGGED, "Z"), ONES, name="q")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([["a", 1, "a"], ["b"], ["a", "b"]], "q at sequence 0, step 1 is 1. Labels must be all st"),
        ([[2, 1, 1], ["b"], [1, 1]], "q at sequence 1, step 0 is 'b'. .* sequence 0, step 0 is 2"),
        ([["a", {}, "a"], ["b"], ["a", "b"]], "q at sequence 0, step 1 is {}. Labels must be"),
        ([[{1}, {2}, {1}], [{1}], [{2}, {1}]], "q .*sequence 0.*"),
        ([[1, 2, 0.5], [1], [2, 1]], "q is 0.5 at sequence 0, step 2.* fit a GRUStepRegressor"),
        (cut(np.arange(12).reshape(6, 2)), r"q of shape \(6, 2\) should be a 1d array of cl"),
        ([[1, 2, 1j], [1], [2, 1]], "Complex data not supported: q"),
        ([np.zeros((n, 0)) for n in LENGTHS], r"q of shape \(6, 0\) should have .*\(n_steps,\)"),
    ],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        encode_classes(y, StepRows(RAGGED), ONES, name="q")


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([["a", 1, 1], [1], [1, 2]], ValueError, "q of sequence 0 at step 0 is not a .*: .*'a'"),
        (["abc", "d", "ef"], ValueError, "q of sequence 0 at step 0 is not a number: .*'a'"),
        ([[1, 1, 1], [{}], [1, 2]], TypeError, "q of sequence 1 at step 0 is not a number"),
        (
            [[[1, 1]] * 3, [[1, 1]], [[1, 1], [1, "b"]]], ValueError,
            "q of sequence 2 .*",
        ),
        ([[1, 1, 1], [1], [1j, 1]], ValueError, "Complex data not supported: q"),
        ([np.zeros(n, "M8[s]") for n in LENGTHS], ValueError, "q of sequence 0 has dtype datetime"),
        ([np.zeros((n, 0)) for n in LENGTHS], ValueError, r"q of shape \(6, 0\) should have"),
    ],
)  # fmt: skip
def test_bad_numbers(y, error, message):
    with pytest.raises(error, match=message):
        encode_regression(y, StepRows(RAGGED), ONES, "q")


@pytest.mark.parametrize(
    "y", [[[0, 1, 0], [1], [0, 1]], cut(np.arange(6.0)), as_object_array(cut(np.arange(6.0)))]
)
def test_targets_of_steps_where_sequences_have_one(y):
    rows = SequenceRows(RAGGED)
    with pytest.raises(ValueError, match="every step of a sequence, fit a GRUStepClassifier"):
        encode_classes(y, rows, np.ones(3))
    with pytest.raises(ValueError, match="y is uneven.* every step .*, fit a GRUStepRegressor"):
        encode_regression(y, rows, np.ones(3))
    with pytest.raises(ValueError, match="MultiOutputClassifier; .* fit a GRUStepClassifier"):
        encode_classes([[0, 1, 2], [2, 1, 0], [1, 1, 2]], rows, np.ones(3))


# --- predictions --------------------------------------------------------------------------------


@pytest.mark.parametrize("trailing", [(), (2,), (2, 3)])
def test_predictions_in_the_layout_of_X(trailing):
    values = np.random.default_rng(0).normal(size=(6, *trailing))
    for sequences in (TABLE, CUBE):
        found = StepRows(sequences).join(values)
        assert found.shape == (2, 3, *trailing)
        assert found.dtype == np.float64
        assert found.reshape(6, *trailing).tobytes() == values.tobytes()
    found = StepRows(RAGGED).join(values)
    assert found.shape == (3,)
    assert found.dtype == object
    assert [item.shape for item in found] == [(length, *trailing) for length in LENGTHS]
    assert np.concatenate(list(found)).tobytes() == values.tobytes()


def test_predictions_of_a_list_are_objects_even_if_all_lengths_are_equal():
    for X in ([np.zeros((3, 2))] * 2, [np.zeros((1, 2))] * 6, [np.zeros((6, 2))]):
        found = StepRows(as_sequences(X)).join(np.arange(6))
        assert found.dtype == object
        assert found.shape == (len(X),)
        assert all(item.shape == (len(x),) for item, x in zip(found, X, strict=True))
    words = StepRows(as_sequences([np.zeros((3, 2))] * 2)).join(np.array(list("abcabc")))
    assert words.dtype == object and words[1].tolist() == ["a", "b", "c"]


def test_places_and_numbers_of_sequences():
    rows = StepRows(RAGGED)
    assert len(rows) == 6
    assert [rows.sequence_of(row) for row in range(6)] == [0, 0, 0, 1, 2, 2]
    assert [re.findall(r"\d", rows.place(row)) for row in (0, 2, 3, 5)] == [
        ["0", "0"], ["0", "2"], ["1", "0"], ["2", "1"],
    ]  # fmt: skip
    assert len(SequenceRows(RAGGED)) == 3
    assert SequenceRows(RAGGED).place(2) == "sequence 2"
    assert SequenceRows(RAGGED).join(values := np.ones(3)) is values
