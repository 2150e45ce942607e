"""Scores of named entities, from tags of tokens."""

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skgru._warnings import warn

from ._steps import as_pairs, as_steps, check_length


def entity_f1_score(y_true, y_pred, *, labels=None, average="micro"):
    """F1 score of the entities that BIO tags mark.

    An entity counts as found if its type, its first and its last token are all right. As in the
    evaluation of CoNLL-2000 to 2003 (Tjong Kim Sang and Buchholz [1]_, ``conlleval``), an entity
    begins at ``B-type``, and at an ``I-type`` that follows no tag of that type; it ends before the
    next tag that is not ``I-type``.

    Parameters
    ----------
    y_true, y_pred : array-like with one item for each sequence
        Items are lists or arrays of tags: "O", "B-type", "I-type"; or "B" and "I" where there is
        one type, which is then called "".
    labels : list of str, default=None
        Types that count; None means all that occur in either.
    average : {"micro", "macro", None}, default="micro"
        Over all entities, the mean over types, or a score for each type.

    Returns
    -------
    f1 : float or ndarray of shape (n_types,)
        With ``average=None``, types are in the order of `labels`, or sorted. A score without any
        entity to be found or predicted is 0, with a warning.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang, S. Buchholz, "Introduction to the CoNLL-2000 shared task:
       chunking", CoNLL (2000).

    Examples
    --------
    >>> from skgru.metrics import entity_f1_score
    >>> true = [["B-PER", "I-PER", "O", "B-LOC"]]
    >>> entity_f1_score(true, [["B-PER", "I-PER", "O", "O"]])
    0.6666666666666666
    """
    if average not in ("micro", "macro", None):
        raise ValueError(f"average should be 'micro', 'macro' or None, got {average!r}.")
    true, pred = as_pairs(y_true, y_pred)
    counts = {}  # by type: entities in both, in the truth, in the prediction
    for i, (item, other) in enumerate(zip(true, pred, strict=True)):
        hint = _IF_FLAT if isinstance(item, str) else ""
        tags, guesses = as_steps(item, "y_true", i), as_steps(other, "y_pred", i)
        check_length("y_pred", i, len(guesses), len(tags))
        entities = _find_entities(tags, "y_true", i, hint)
        guessed = _find_entities(guesses, "y_pred", i, hint)
        for column, found in enumerate((entities & guessed, entities, guessed)):
            for kind, _, _ in found:
                counts.setdefault(kind, np.zeros(3, np.int64))[column] += 1
    kinds = sorted(counts) if labels is None else list(labels)
    table = np.array([counts.get(kind, np.zeros(3)) for kind in kinds]).reshape(-1, 3)
    if average == "micro":
        table = table.sum(axis=0, keepdims=True)
    scores = _f1(table)
    return scores if average is None else float(scores.mean()) if len(scores) else 0.0


_IF_FLAT = (
    " A string is read as a sequence of tags of one character: pass a list of tags for each "
    "sequence (in a search with make_scorer, not step_scorer)."
)


def _f1(table):
    """F1 of each row: entities in both, in the truth, in the prediction."""
    both, either = table[:, 0], table[:, 1] + table[:, 2]
    if len(table) == 0 or (either == 0).any():
        warn(
            "The F1 score is undefined, and set to 0, where there are no entities to be found or "
            "predicted.",
            UndefinedMetricWarning,
        )
    return 2 * both / np.maximum(either, 1)


def _find_entities(tags, name, i, hint):
    """Return {(type, first step, step after the last)} of one sequence."""
    found, kind, start = set(), None, 0
    for step, tag in enumerate([*tags, "O"]):
        prefix, _, new = tag.partition("-") if isinstance(tag, str) else (None, None, None)
        if prefix not in ("B", "I", "O") or (prefix == "O" and tag != "O"):
            raise ValueError(
                f"{name} has the tag {tag!r} at sequence {i}, step {step}; tags should be 'O', "
                f"'B-type' or 'I-type'.{hint}"
            )
        if kind is not None and (prefix != "I" or new != kind):
            found.add((kind, start, step))
            kind = None
        if prefix != "O" and kind is None:
            kind, start = new, step
    return found
