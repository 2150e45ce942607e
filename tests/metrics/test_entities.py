"""entity_f1_score against known values, and against an oracle made of a list of rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from skgru.metrics import entity_f1_score

from .problems import ragged


def naive_entities(tags):
    """As conlleval decides: does a chunk start here, does one end before here?"""
    found, previous, kind, start = [], "O", "", None
    for i, tag in enumerate([*tags, "O"]):
        before, old = previous[0], previous[2:]
        now, new = tag[0], tag[2:]
        ends = (
            (before == "B" and now in "BO")
            or (before == "I" and now in "BO")
            or (before != "O" and old != new)
        )
        starts = now == "B" or (before == "O" and now == "I") or (now != "O" and old != new)
        if ends and start is not None:
            found.append((kind, start, i))
            start = None
        if starts:
            kind, start = new, i
        previous = tag
    return found


def naive_f1(y_true, y_pred, kinds=None):
    true, pred = (
        {(i, *entity) for i, tags in enumerate(y) for entity in naive_entities(tags)
         if kinds is None or entity[0] in kinds}
        for y in (y_true, y_pred)
    )  # fmt: skip
    return 2 * len(true & pred) / (len(true) + len(pred))


@pytest.mark.parametrize(
    ("true", "pred", "f1"),
    [
        ("B-A I-A O B-B", "B-A I-A O B-B", 1),
        ("B-A I-A O B-B", "B-A I-A O O", 2 / 3),
        ("B-A I-A O B-B", "B-A O O B-B", 1 / 2),  # the end is wrong
        ("B-A I-A O B-B", "B-B I-B O B-B", 1 / 2),  # the type is wrong
        ("B-A I-A O B-B", "I-A I-A O I-B", 1),  # I- after O begins an entity
        ("B-A B-A", "B-A I-A", 0),
        ("B-A I-B", "B-A B-B", 1),  # so does I- of another type
        ("B-A I-A I-A", "B-A I-A B-A", 0),
        ("O O B-A", "O O I-A", 1),
        ("B I O B", "B I O O", 2 / 3),  # one type, without a name
        ("B-X-1 I-X-1", "B-X-1 I-X-1", 1),
    ],
)
def test_known_values(true, pred, f1):
    true, pred = [true.split()], [pred.split()]
    assert entity_f1_score(true, pred) == pytest.approx(f1)
    assert entity_f1_score(ragged([np.array(true[0])]), ragged(pred)) == pytest.approx(f1)
    assert f1 == pytest.approx(naive_f1(true, pred))


def test_an_entity_does_not_reach_into_the_next_sequence():
    assert entity_f1_score([["B-A"], ["I-A"]], [["B-A"], ["B-A"]]) == 1


def test_averages_and_labels():
    true = [["B-A", "O", "B-A", "O", "B-B"]]
    pred = [["B-A", "O", "O", "O", "B-B"]]
    np.testing.assert_allclose(entity_f1_score(true, pred, average=None), [2 / 3, 1])
    np.testing.assert_allclose(
        entity_f1_score(true, pred, average=None, labels=["B", "A"]), [1, 2 / 3]
    )
    assert entity_f1_score(true, pred, average="macro") == pytest.approx(5 / 6)
    assert entity_f1_score(true, pred) == pytest.approx(4 / 5)
    assert entity_f1_score(true, pred, labels=["A"]) == pytest.approx(2 / 3)
    with pytest.warns(UndefinedMetricWarning, match="no entities"):
        found = entity_f1_score(true, pred, average=None, labels=["A", "C"])
    np.testing.assert_allclose(found, [2 / 3, 0])


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_no_entities_at_all(average):
    with pytest.warns(UndefinedMetricWarning, match="no entities"):
        assert entity_f1_score([["O", "O"]], [["O", "O"]], average=average) == 0.0
    assert entity_f1_score([["O", "O"]], [["O", "B-A"]], average=average) == 0.0


tags = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
pairs = st.lists(st.lists(st.tuples(tags, tags), min_size=1, max_size=8), min_size=1, max_size=4)


@given(pairs)
def test_any_tags_equal_the_rules_of_conlleval(sentences):
    true = [[tag for tag, _ in sentence] for sentence in sentences]
    pred = [[tag for _, tag in sentence] for sentence in sentences]
    if not any(map(naive_entities, true + pred)):
        return
    assert entity_f1_score(true, pred) == pytest.approx(naive_f1(true, pred))
    assert entity_f1_score(true, pred) == entity_f1_score(pred, true)
    kinds = {entity[0] for sentence in true + pred for entity in naive_entities(sentence)}
    by_kind = [naive_f1(true, pred, {kind}) for kind in sorted(kinds)]
    np.testing.assert_allclose(entity_f1_score(true, pred, average=None), by_kind)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([["O"]], [["O"], ["O"]]), "y_pred has 2 sequences"),
        (([["O"], ["O"]], [["O"], ["O", "O"]]), "Sequence 1 has 1 steps in y_true, but 2"),
        (([["O", "E-A"]], [["O", "O"]]), "y_true has the tag 'E-A' at sequence 0, step 1"),
        (([["O"]], [[None]]), "y_pred has the tag None at sequence 0, step 0"),
        (([["O"]], [["O-A"]]), "the tag 'O-A'"),
        ((["O", "B-A"], ["O", "B-A"]), "the tag '-'.*make_scorer, not step_scorer"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        entity_f1_score(*arguments)
    with pytest.raises(ValueError, match="average should be"):
        entity_f1_score([["O"]], [["O"]], average="weighted")
