"""SequenceTokenizer: what a word is, layouts, set_output, Pipelines, and the way back."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)

from skgru import GRUClassifier, SequenceTokenizer

TEXTS = ["What is a GRU? I don't know!", "Ça va: naïve_2 x"]
WORDS = [
    ["What", "is", "a", "GRU", "?", "I", "don", "'", "t", "know", "!"],
    ["Ça", "va", ":", "naïve_2", "x"],
]


@pytest.mark.parametrize(
    "check",
    [
        check_get_params_invariance,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
    ],
)
def test_scikit_learn_checks(check):
    # All checks that pass data pass numbers: scikit-learn skips them for CountVectorizer, too.
    check("SequenceTokenizer", SequenceTokenizer())


def test_words_and_characters():
    assert SequenceTokenizer().transform(TEXTS) == WORDS
    assert SequenceTokenizer(analyzer="char").transform(["a b", "Ü"]) == [["a", " ", "b"], ["Ü"]]
    lower = SequenceTokenizer(lowercase=True).transform(TEXTS)
    assert lower == [[word.lower() for word in words] for words in WORDS]


@pytest.mark.parametrize("pattern", [r"(?u)\b\w\w+\b", r"(\w)\w*", r"\S+"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_patterns_mean_what_they_mean_in_count_vectorizer(pattern, lowercase):
    expected = CountVectorizer(token_pattern=pattern, lowercase=lowercase).build_analyzer()
    tokenizer = SequenceTokenizer(token_pattern=pattern, lowercase=lowercase)
    assert tokenizer.transform(TEXTS) == [expected(text) for text in TEXTS]


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_for_a_list(kind):
    assert SequenceTokenizer().fit_transform(kind(TEXTS)) == WORDS


@pytest.mark.parametrize(
    "X", [np.array(TEXTS), np.array(TEXTS, dtype=object), pd.Series(TEXTS), pl.Series(TEXTS)]
)
def test_an_array_for_an_array(X):
    found = SequenceTokenizer().transform(X)
    assert found.shape == (2,) and found.dtype == object
    assert found.tolist() == WORDS
    # Equal lengths, too: the type never depends on them.
    found = SequenceTokenizer(analyzer="char").transform(np.array(["ab", "cd"]))
    assert found.shape == (2,) and found[0] == ["a", "b"]


def test_the_way_back():
    tokenizer = SequenceTokenizer()
    assert tokenizer.inverse_transform([["a", "cat", "."], ["b"]]) == ["a cat .", "b"]
    found = tokenizer.inverse_transform(tokenizer.transform(pd.Series(["a  cat", "b"])))
    assert isinstance(found, np.ndarray) and found.tolist() == ["a cat", "b"]
    characters = SequenceTokenizer(analyzer="char")
    assert characters.inverse_transform(characters.transform(TEXTS)) == TEXTS


def test_output_of_another_kind_leaves_lists_alone():
    tokenizer = SequenceTokenizer().set_output(transform="pandas")
    assert tokenizer.transform(TEXTS) == WORDS
    assert tokenizer.get_feature_names_out().tolist() == ["symbol"]
    with config_context(transform_output="polars"):
        assert tokenizer.fit_transform(TEXTS) == WORDS
    model = GRUClassifier(2, max_iter=1, embedding_dim=2)
    make_pipeline(SequenceTokenizer(), model).set_output(transform="pandas").fit(TEXTS, [0, 1])


def test_it_needs_no_fit_and_takes_strings():
    tags = get_tags(SequenceTokenizer())
    assert not tags.requires_fit
    assert tags.input_tags.string and not tags.input_tags.two_d_array
    copied = pickle.loads(pickle.dumps(clone(SequenceTokenizer(lowercase=True))))
    assert copied.transform(["A"]) == [["a"]]


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({}, "abc", "X is one string"),
        ({}, [["a"]], "X holds lists of strings, which are symbols already. SequenceTokenizer"),
        ({}, [[1.0]], "X holds no strings"),
        ({}, ["a", None], "Sequence 1 of X is missing"),
        ({}, pd.DataFrame({"text": ["a"]}), r"pass the column itself, X\['text'\]"),
        ({"token_pattern": "("}, ["a"], "token_pattern is '.', which is not a regular expression"),
        ({"token_pattern": "(a)(b)"}, ["a"], "with 2 groups"),
        ({"analyzer": "line"}, ["a"], "'analyzer' parameter of SequenceTokenizer"),
    ],
)
def test_errors(options, X, message):
    for method in ("fit", "transform", "fit_transform"):
        with pytest.raises(ValueError, match=message):
            getattr(SequenceTokenizer(**options), method)(X)


@pytest.mark.parametrize(
    ("X", "message"), [(["a b"], "joined already"), ([[1]], "no lists"), ("a", "one string")]
)
def test_errors_of_the_way_back(X, message):
    with pytest.raises(ValueError, match=message):
        SequenceTokenizer().inverse_transform(X)
