"""Docstrings: complete, and the same words for the same thing; and what warmup prints."""

import inspect
from collections import defaultdict

import pytest

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceDifferences,
    SequenceFrames,
    SequenceScaler,
    warmup,
)
from skgru.estimators import Stream, _warmup

from .docstrings import entries, sections

POOLED_MODELS = [GRUClassifier, GRURegressor]
STEP_MODELS = [GRUStepClassifier, GRUStepRegressor]
MODELS = [*POOLED_MODELS, *STEP_MODELS]
ESTIMATORS = [*MODELS, SequenceScaler, SequenceDifferences, SequenceFrames]

# What is described in other words in each model: the targets, and weights of what has one.
DIFFERENT = {"y", "y_val", "sample_weight", "sample_weight_val"}
# Here X is what another method returned.
OTHER_X = {"inverse_transform"}


def public_methods(cls):
    """Name and function of each public method that is written here, not in scikit-learn."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if name[0] != "_" and method.__module__.startswith("skgru."):
            yield name, method


METHODS = [
    pytest.param(method, id=f"{cls.__name__}.{name}")
    for cls in (*ESTIMATORS, Stream)
    for name, method in public_methods(cls)
]


def paragraphs(doc, *titles):
    """Each entry of some sections, by title and name."""
    found = sections(doc)
    return {
        (title, name): paragraph
        for title in titles
        for name, paragraph in entries(found.get(title, "")).items()
    }


def check_same(described):
    """Refuse two texts for one thing; takes pairs of a place and what is described there.

    Returns how many things are described in more than one place.
    """
    texts = defaultdict(lambda: defaultdict(list))
    for place, found in described:
        for key, paragraph in found.items():
            texts[key][paragraph].append(place)
    different = {key: dict(found) for key, found in texts.items() if len(found) > 1}
    assert not different
    return sum(len(places) > 1 for found in texts.values() for places in found.values())


def test_estimators_describe_parameters_and_attributes_in_the_same_words():
    found = [
        (cls.__name__, paragraphs(cls.__doc__, "Parameters", "Attributes")) for cls in ESTIMATORS
    ]
    assert check_same(found) > 30


def references(cls):
    """The text of each reference."""
    found = sections(cls.__doc__)["References"].split(".. [")[1:]
    return [" ".join(reference.split()) for reference in found]


def test_references_are_the_same():
    # Models of steps have no pooling, and so none of its references.
    expected = references(GRUClassifier)
    assert references(GRURegressor) == expected
    for cls in STEP_MODELS:
        assert references(cls) == expected[: len(references(cls))] != []


def test_models_describe_a_method_in_the_same_words():
    described = [
        (cls.__name__, {(name, *key): paragraph})
        for cls in MODELS
        for name, method in public_methods(cls)
        for key, paragraph in paragraphs(method.__doc__, "Parameters", "Raises").items()
        if key[1] not in DIFFERENT
    ]
    assert check_same(described) > 10


def test_x_is_described_in_the_same_words_everywhere():
    described = [
        (
            f"{cls.__name__}.{name}",
            {"X": paragraphs(method.__doc__, "Parameters")["Parameters", "X"]},
        )
        for cls in ESTIMATORS
        for name, method in public_methods(cls)
        if "X" in inspect.signature(method).parameters and name not in OTHER_X
    ]
    assert len(described) > 10
    assert check_same(described) == 1


@pytest.mark.parametrize("models", [POOLED_MODELS, STEP_MODELS], ids=["pooled", "steps"])
def test_models_of_a_kind_describe_weights_in_the_same_words(models):
    described = [
        (f"{cls.__name__}.{name}", {key[1]: paragraph})
        for cls in models
        for name, method in public_methods(cls)
        for key, paragraph in paragraphs(method.__doc__, "Parameters").items()
        if key[1] in DIFFERENT - {"y"} and name != "fit_batches"  # one text for both kinds
    ]
    assert check_same(described) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_method_describes_arguments_results_and_errors(method):
    found = sections(method.__doc__)
    summary = found[""].partition("\n")[0]
    assert summary.endswith(".") and len(found[""].split("\n\n")[0].splitlines()) == 1
    arguments = [name for name in inspect.signature(method).parameters if name != "self"]
    assert list(entries(found.get("Parameters", ""))) == arguments
    assert "Returns" in found or method.__name__ in ("reset", "set_state")
    raises_nothing = ("fit_transform", "get_state", "Stream.states")
    assert "Raises" in found or method.__qualname__.endswith(raises_nothing)
    for title in ("Parameters", "Returns", "Raises", "Attributes"):
        for name, (_, text) in entries(found.get(title, "")).items():
            assert text.endswith((".", ":")), (title, name)


@pytest.mark.parametrize("cls", [*ESTIMATORS, Stream])
def test_a_class_describes_itself_in_sentences(cls):
    found = paragraphs(cls.__doc__, "Parameters", "Attributes")
    for key, (kind, text) in found.items():
        assert kind and text[0].isupper() and text.endswith("."), key


def test_warmup_prints_a_line_for_each_model(capsys, monkeypatch):
    monkeypatch.setattr(_warmup, "_run", lambda *arguments: None)
    warmup(verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert all(line.startswith("[warmup] GRU") and "  " not in line for line in lines)
