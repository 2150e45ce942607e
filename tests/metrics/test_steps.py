"""flatten_steps: every layout gives the same steps, and nothing is matched by accident."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.utils.multiclass import type_of_target

from skgru.metrics import flatten_steps

from .problems import ragged

LABELS = [["a", "b"], ["b", "b", "a"], ["a"]]
FLAT = ["a", "b", "b", "b", "a", "a"]
LAYOUTS = {
    "lists": LABELS,
    "tuples": tuple(map(tuple, LABELS)),
    "strings": ["ab", "bba", "a"],
    "array of strings": np.array(["ab", "bba", "a"]),
    "series of strings": pd.Series(["ab", "bba", "a"], index=[7, 8, 9]),
    "arrays": [np.array(labels) for labels in LABELS],
    "arrays of objects": [np.array(labels, object) for labels in LABELS],
    "object array of arrays": ragged([np.array(labels) for labels in LABELS]),
    "object array of lists": ragged(LABELS),
    "series of lists": pd.Series(LABELS, index=[3, 1, 2]),
    "list of series": [pd.Series(labels, index=range(5, 5 + len(labels))) for labels in LABELS],
    "categories": [pd.Series(labels, dtype="category") for labels in LABELS],
    "polars": pl.Series(LABELS),
    "list of polars": [pl.Series(labels) for labels in LABELS],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_of_labels_gives_the_same_steps(name):
    true, pred = flatten_steps(LAYOUTS[name], LABELS)
    assert true.tolist() == pred.tolist() == FLAT
    assert true.dtype.kind == "U"
    other, again = flatten_steps(LABELS, LAYOUTS[name])
    assert other.tolist() == again.tolist() == FLAT
    assert accuracy_score(true, again) == 1


@pytest.mark.parametrize(
    "y",
    [
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(2, 3).tolist(),
        pd.DataFrame(np.arange(6).reshape(2, 3)),
        np.arange(6).reshape(2, 3).astype(object),
        [range(3), range(3, 6)],
    ],
)
def test_tables_of_numbers(y):
    true, pred = flatten_steps(y, np.arange(6).reshape(2, 3))
    assert true.tolist() == pred.tolist() == list(range(6))
    assert type_of_target(true) == "multiclass"


def test_several_outputs_and_probabilities():
    y = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(flatten_steps(y, y)[0], y.reshape(6, 4))
    lists = [sequence.tolist() for sequence in y]
    np.testing.assert_array_equal(flatten_steps(list(y), lists)[1], y.reshape(6, 4))
    probabilities = ragged([np.full((len(labels), 2), 0.5) for labels in LABELS])
    assert log_loss(*flatten_steps(LABELS, probabilities)) == pytest.approx(np.log(2))


def test_empty_sequences_take_no_part():
    true, pred = flatten_steps([[], "ab", []], [np.zeros((0, 3)), np.ones((2, 3)), []])
    assert true.tolist() == ["a", "b"]
    assert pred.shape == (2, 3)


@pytest.mark.parametrize(
    "weight",
    [
        [[1, 0], [1, 2, 0], [1]],
        ragged([np.array([1.0, 0]), np.array([1.0, 2, 0]), np.array([1.0])]),
        [pd.Series([1, 0]), (1, 2, 0), [True]],
    ],
)
def test_weights_of_steps(weight):
    y = [["a", None], ["b", "c", np.nan], ["d"]]
    true, pred, found = flatten_steps(y, [["a", "x"], ["b", "x", "x"], ["d"]], weight)
    assert true.tolist() == ["a", "b", "c", "d"]
    assert true.dtype.kind == "U"
    assert pred.tolist() == ["a", "b", "x", "d"]
    assert found.tolist() == [1, 1, 2, 1]
    assert found.dtype == np.float64


def test_weights_of_sequences():
    y = [[1, 2], [None, pd.NA], [3]]
    true, _, weight = flatten_steps(y, [[1, 2], [0, 0], [3]], [0.5, 0, 2])
    assert true.tolist() == [1, 2, 3]
    assert true.dtype.kind == "i"
    assert weight.tolist() == [0.5, 0.5, 2]
    # As many sequences as steps: a weight without steps is still one of a sequence.
    *_, weight = flatten_steps(np.eye(2), np.eye(2), [1, 3])
    assert weight.tolist() == [1, 1, 3, 3]


def test_a_mask_as_weight():
    y = np.array([[1.0, np.nan, 3.0], [np.nan, 5.0, 7.0]])
    pred = np.where(np.isnan(y), 99.0, y)
    true, pred, weight = flatten_steps(y, pred, ~np.isnan(y))
    assert r2_score(true, pred, sample_weight=weight) == 1
    outputs = np.stack([y, y], axis=2)
    true, *_ = flatten_steps(outputs, outputs, (~np.isnan(y))[:, :, None])
    assert true.shape == (4, 2)


def test_mixed_labels_stay_what_they_are():
    true, _ = flatten_steps([["a", 1]], [["a", 1]])
    assert true.tolist() == ["a", 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LABELS, LABELS[:2]), "y_pred has 2 sequences, but y_true has 3"),
        ((LABELS, [["a"] * 2, ["a"] * 2, ["a"]]), "Sequence 1 has 3 steps in y_true, but 2 in"),
        ((LABELS, LABELS, [1, 1]), "sample_weight has 2 sequences, but y_true has 3"),
        ((LABELS, LABELS, [[1, 1], [1, 1, 1], [1, 1]]), "Sequence 2 has 1 steps in y_true, but 2"),
        ((LABELS, LABELS, [0, 0, 0]), "no step whose weight is not 0"),
        (([["a"], ["b", None]], ["a", "bb"]), "y_true is missing at sequence 1, step 1. Give"),
        (([[1.0, 2.0], [np.nan]], [[1, 2], [3]]), "missing at sequence 1, step 0"),
        (([[1, 2], [None, 4]], [[1, 2], [3, 4]], [[0, 1], [1, 1]]), "sequence 1, step 0"),
        (("ab", "ab"), r"y_true is one string. Pass \[y_true\]"),
        (([1, 2], [1, 2]), "each step of sequence 0"),
        ((np.ones((1, 2, 2)), [[1, 2]], np.ones((1, 2, 2))), "2 weights for each step"),
        (([], []), "y_true has no sequences"),
        (([[[1], [2]], [[1, 2]]], [[1, 2], [1]]), "different shapes"),
        (([np.zeros((2, 2, 2))], [[1, 2]]), r"sequence 0 has shape \(2, 2, 2\)"),
    ],
)
def test_errors_name_the_place(arguments, message):
    with pytest.raises(ValueError, match=message):
        flatten_steps(*arguments)


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2))), min_size=1))
def test_it_is_a_filtered_concatenation(sequences):
    y = [[label if weight else None for label, weight in steps] for steps in sequences]
    pred = [[label + 1 for label, _ in steps] for steps in sequences]
    weight = [[weight for _, weight in steps] for steps in sequences]
    kept = [pair for steps in sequences for pair in steps if pair[1]]
    if not kept:
        with pytest.raises(ValueError, match="no step whose weight|no sequences"):
            flatten_steps(y, pred, weight)
        return
    found = flatten_steps(y, pred, weight)
    assert found[0].tolist() == [label for label, _ in kept]
    assert found[1].tolist() == [label + 1 for label, _ in kept]
    assert found[2].tolist() == [weight for _, weight in kept]
