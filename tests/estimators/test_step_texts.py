"""Labels of steps that are given as a string for each sequence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

import skgru
from skgru import GRUStepClassifier, SequenceScaler, SequenceTokenizer
from skgru.metrics import flatten_steps, step_scorer

from .problems import same_parameters

OPTIONS = {"hidden_layer_sizes": 3, "max_iter": 2, "embedding_dim": 3, "random_state": 0}

RNG = np.random.default_rng(0)
CHARACTERS = ["".join(RNG.choice(list("abcdef"), n)) for n in RNG.integers(1, 7, 12)]
LETTERS = ["".join("V" if c in "ae" else "C" for c in text) for text in CHARACTERS]
WORDS = [" ".join(text) + "?" for text in CHARACTERS]
# The tokenizer of words would tear these labels.
TAGS = [" ".join(["B-V" if c in "ae" else "PRP$" for c in text] + ["."]) for text in CHARACTERS]

CASES = {
    "characters": (CHARACTERS, LETTERS, {}),
    "words": (WORDS, TAGS, {"analyzer": "word"}),
    "a tokenizer": (WORDS, TAGS, {"analyzer": SequenceTokenizer(lowercase=True)}),
}


def fitted(case, **options):
    X, y, own = CASES[case]
    return GRUStepClassifier(**OPTIONS, **own, **options).fit(X, y)


def cut(y, case):
    return list(map(list, y)) if case == "characters" else [labels.split() for labels in y]


@pytest.mark.parametrize("case", CASES)
def test_predictions_are_strings_where_targets_were(case):
    X, y, options = CASES[case]
    model = fitted(case)
    of_lists = GRUStepClassifier(**OPTIONS, **options).fit(X, cut(y, case))
    same_parameters(of_lists, model)
    found, expected = model.predict(X), of_lists.predict(X)
    assert found.dtype == object and found.shape == (len(X),)
    assert all(type(labels) is str for labels in found)
    assert cut(found, case) == [labels.tolist() for labels in expected]
    assert model.score(X, y) == model.score(X, cut(y, case)) == of_lists.score(X, y)
    assert all(p.ndim == 1 for p in model.predict_proba(X)[0])


@pytest.mark.parametrize("container", [np.array, pd.Series, pl.Series, tuple])
def test_strings_come_in_any_container(container):
    model = GRUStepClassifier(**OPTIONS).fit(container(CHARACTERS), container(LETTERS))
    same_parameters(fitted("characters"), model)
    assert isinstance(model.predict(CHARACTERS)[0], str)


@pytest.mark.parametrize("analyzer", [None, "word"])
def test_labels_may_be_strings_where_steps_are_numbers(analyzer):
    rng = np.random.default_rng(0)
    y = TAGS if analyzer else LETTERS
    lengths = [len(labels) for labels in cut(y, "words" if analyzer else "characters")]
    X = [rng.normal(size=(n, 2)) for n in lengths]
    model = GRUStepClassifier(3, max_iter=1, analyzer=analyzer).fit(X, y)
    assert sorted(model.classes_) == ([".", "B-V", "PRP$"] if analyzer else ["C", "V"])
    true, found = flatten_steps(y, model.predict(X), analyzer=analyzer or "char")
    assert true.shape == found.shape == (sum(lengths),)
    X = rng.normal(size=(6, 4, 2))
    model.fit(X, ["x y z x"] * 6 if analyzer else ["xyzx"] * 6)
    assert model.predict(X).shape == (6,) and isinstance(model.predict(X)[0], str)
    assert model.predict_proba(X).shape == (6, 4, 3)


@pytest.mark.parametrize("case", CASES)
def test_cross_validation_and_scorers_read_strings(case):
    X, y, options = CASES[case]
    model = GRUStepClassifier(**OPTIONS, **options)
    found = cross_val_predict(model, X, y, cv=3)
    assert found.shape == (len(X),) and all(isinstance(labels, str) for labels in found)
    as_lists = cut(y, case)
    for scoring in ("accuracy", "neg_log_loss"):
        scores = [
            cross_val_score(model, X, labels, cv=3, scoring=step_scorer(scoring))
            for labels in (y, as_lists)
        ]
        np.testing.assert_array_equal(*scores)
    model.set_params(scoring="accuracy")
    scores = [
        model.fit(X[:8], labels[:8], X_val=X[8:], y_val=labels[8:]).validation_scores_
        for labels in (y, as_lists)
    ]
    assert scores[0] == scores[1]
    held_out = model.set_params(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert len(held_out.validation_scores_) == held_out.n_iter_


def test_a_scorer_finds_the_model_in_a_pipeline():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(len(labels.split()), 2)) for labels in TAGS]
    model = make_pipeline(
        SequenceScaler(), GRUStepClassifier(3, max_iter=1, analyzer="word", random_state=0)
    ).fit(X, TAGS)
    assert step_scorer("accuracy")(model, X, TAGS) == pytest.approx(model.score(X, TAGS))


@pytest.mark.parametrize("case", CASES)
def test_saved_models_and_further_training_keep_the_form(case, tmp_path):
    X, y, options = CASES[case]
    model = fitted(case)
    skgru.save(model, tmp_path / "model.skgru")
    found = skgru.load(tmp_path / "model.skgru").predict(X)
    assert found.tolist() == model.predict(X).tolist()
    further = GRUStepClassifier(**OPTIONS, **options)
    further.partial_fit(X, y, classes=model.classes_).partial_fit(X, cut(y, case))
    assert isinstance(further.predict(X)[0], str)
    whole = GRUStepClassifier(**OPTIONS, **options)
    whole.partial_fit(X, cut(y, case), classes=model.classes_).partial_fit(X, y)
    same_parameters(further, whole)
    assert isinstance(whole.predict(X)[0], np.ndarray)  # as in the first call
    batches = GRUStepClassifier(**OPTIONS, **options).fit_batches([(X, y)], model.classes_)
    assert isinstance(batches.predict(X)[0], str)


def test_a_new_fit_finds_out_anew():
    model = fitted("words")
    model.set_params(analyzer="char").fit(CHARACTERS, LETTERS)
    assert list(map(len, model.predict(CHARACTERS))) == list(map(len, CHARACTERS))
    model.fit(CHARACTERS, list(map(list, LETTERS)))
    assert isinstance(model.predict(CHARACTERS)[0], np.ndarray)
    # Labels of several characters could not be told apart in a string.
    model = GRUStepClassifier(**OPTIONS)
    model.partial_fit(CHARACTERS, LETTERS, classes=["C", "V", "other"])
    assert isinstance(model.predict(CHARACTERS)[0], np.ndarray)
    model.fit(CHARACTERS[:2], [LETTERS[0], list(LETTERS[1])])
    assert isinstance(model.predict(CHARACTERS)[0], np.ndarray)


def test_a_stream_returns_one_label():
    model = fitted("words")
    stream = model.stream()
    assert stream.push("a") in model.classes_
    assert stream.extend("b c").shape == (2,)


def test_a_wrong_length_names_both_and_the_other_analyzer():
    model = GRUStepClassifier(**OPTIONS, analyzer="word")
    message = r"y of sequence 1 has 3 entries, but that sequence of X has 2 steps\. Give one"
    with pytest.raises(ValueError, match=message):
        model.fit(["a b", "c d"], ["X Y", "X Y X"])
    with pytest.raises(ValueError, match=r"has 1 entries.*'VC' is cut at its spaces; analyzer='c"):
        model.fit(["a b", "c d"], ["X Y", "VC"])
    lists = [["a", "b"], ["c", "d"]]
    with pytest.raises(ValueError, match=r"has 3 entries.* is cut into characters; analyzer='wo"):
        GRUStepClassifier(**OPTIONS).fit(lists, ["X Y", "Y X"])


def test_flatten_steps_cuts_strings_at_spaces():
    assert flatten_steps(["A BC"], [["A", "D"]], analyzer="word")[1].tolist() == ["A", "D"]
    with pytest.raises(ValueError, match="analyzer should be 'char' or 'word', got 'words'"):
        flatten_steps(["A"], ["A"], analyzer="words")
