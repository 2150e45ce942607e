"""label_error_rate against a table filled cell by cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgru.metrics import _edit_distance as module
from skgru.metrics import label_error_rate

from .problems import ragged


def naive_distance(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (a[i - 1] != b[j - 1]),
            )
    return int(table[-1, -1])


@pytest.mark.parametrize(
    ("true", "pred", "distance"),
    [
        ("kitten", "sitting", 3),
        ("saturday", "sunday", 3),
        ("intention", "execution", 5),
        ("flaw", "lawn", 2),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("a", "bcdefg", 6),
    ],
)
def test_known_distances(true, pred, distance):
    assert label_error_rate([true], [pred]) == distance / len(true)
    assert label_error_rate([list(true)], [np.array(list(pred))]) == distance / len(true)


def test_words_and_numbers():
    true, pred = "the cat sat".split(), "the cat sat down".split()
    assert label_error_rate([true], [pred]) == 1 / 3
    assert label_error_rate(np.array([[1, 2], [3, 4]]), [[1, 2], [4]]) == 1 / 4
    assert (
        label_error_rate(ragged([[1, 2], [3]]), ragged([np.array([1]), np.array([3, 3])])) == 2 / 3
    )


def test_the_rate_is_over_all_symbols_and_can_exceed_one():
    assert label_error_rate(["aaaa", "b"], ["aaaa", ""]) == 1 / 5
    assert label_error_rate(["a", ""], ["bcd", "e"]) == 4


texts = st.lists(st.tuples(st.text("abc", max_size=8), st.text("abcd", max_size=8)), min_size=1)


@given(texts)
def test_any_batch_of_pairs_equals_the_naive_table(pairs):
    true, pred = zip(*pairs, strict=True)
    n_symbols = sum(map(len, true))
    if n_symbols == 0:
        with pytest.raises(ValueError, match="no symbols"):
            label_error_rate(true, pred)
        return
    expected = sum(naive_distance(a, b) for a, b in pairs)
    assert label_error_rate(true, pred) * n_symbols == pytest.approx(expected, abs=1e-9)


@given(st.text("ab", min_size=1, max_size=9), st.text("ab", min_size=1, max_size=9))
def test_it_is_symmetric_and_bounded(a, b):
    forth, back = label_error_rate([a], [b]) * len(a), label_error_rate([b], [a]) * len(b)
    assert forth == pytest.approx(back)
    assert abs(len(a) - len(b)) <= round(forth) <= max(len(a), len(b))
    assert (forth == 0) == (a == b)


def test_pairs_of_several_tables(monkeypatch):
    monkeypatch.setattr(module, "_PAIRS", 4)
    rng = np.random.default_rng(0)
    true, pred = (
        ["".join(rng.choice(list("abc"), rng.integers(0, 12))) for _ in range(30)] for _ in range(2)
    )
    expected = sum(map(naive_distance, true, pred)) / sum(map(len, true))
    assert label_error_rate(true, pred) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "b"], ["a"]), "y_pred has 1 sequences, but y_true has 2"),
        (("ab", ["ab"]), "y_true is one string"),
        ((["", ""], ["a", "b"]), "no symbols"),
        (([[[1, 2]]], [[1]]), "y_true at sequence 0 should have one symbol"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        label_error_rate(*arguments)
