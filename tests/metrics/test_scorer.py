"""step_scorer against scikit-learn's scorers on the same steps, laid flat."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    matthews_corrcoef,
    max_error,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skgru.metrics import flatten_steps, step_scorer

from .problems import StepClassifier, StepRegressor, make_problem, ragged

THREE, TWO, NUMBERS = ["N", "V", "X"], ["no", "yes"], [0, 1]


def flat_score(name, model, X, y, weight=None, **kwargs):
    """The score of scikit-learn's own scorer, for the model below and steps laid flat."""
    target, steps, *weight = flatten_steps(y, X, weight)
    kwargs |= {"sample_weight": weight[0]} if weight else {}
    return get_scorer(name)(model.model_, steps, target, **kwargs)


@pytest.mark.parametrize("as_given", [list, ragged, pd.Series])
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("accuracy", THREE),
        ("f1_macro", THREE),
        ("balanced_accuracy", TWO),
        ("neg_log_loss", THREE),
        ("neg_log_loss", TWO),
        ("roc_auc_ovr", THREE),
        ("roc_auc_ovo_weighted", THREE),
        ("roc_auc", TWO),
        ("roc_auc", NUMBERS),
        ("f1", NUMBERS),
        ("average_precision", NUMBERS),
        ("neg_brier_score", NUMBERS),
        ("top_k_accuracy", THREE),
    ],
)
def test_named_scorers_of_classes(name, classes, as_given):
    X, y = make_problem(classes)
    model = StepClassifier().fit(X, y)
    assert not is_classifier(model)
    expected = flat_score(name, model, X, y)
    assert step_scorer(name)(model, X, as_given(y)) == pytest.approx(expected, rel=1e-14)
    # A model that guesses must not reach the same score.
    guessing = StepClassifier(C=1e-9).fit(X, y)
    assert step_scorer(name)(guessing, X, y) < expected


@pytest.mark.parametrize("name", ["r2", "neg_root_mean_squared_error", "neg_mean_absolute_error"])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_named_scorers_of_numbers(name, n_outputs):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 5, 3))
    y = X @ rng.standard_normal((3, n_outputs or 1)) + rng.standard_normal((20, 5, n_outputs or 1))
    y = y if n_outputs else y[:, :, 0]
    model = StepRegressor().fit(X, y)
    assert model.predict(X).shape == y.shape
    expected = flat_score(name, model, X, y)
    assert step_scorer(name)(model, X, y) == pytest.approx(expected, rel=1e-14)
    assert step_scorer(name)(model, list(X), list(y)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", ["neg_log_loss", "roc_auc_ovr", "top_k_accuracy"])
@pytest.mark.filterwarnings("ignore:Only one class is present")
def test_a_fold_may_lack_a_class(name):
    X, y = make_problem(["N", "V", "X", "Z"])
    model = StepClassifier().fit(X, y)
    weight = [[float(label != "V") for label in labels] for labels in y]
    target, probabilities, _ = flatten_steps(y, model.predict_proba(X), weight)
    assert set(target) == {"N", "X", "Z"}
    found = step_scorer(name)(model, X, y, weight)
    if name == "neg_log_loss":
        expected = -log_loss(target, probabilities, labels=model.classes_)
        assert found == pytest.approx(expected, rel=1e-14)
    # Without the labels, columns and classes do not match.
    with pytest.raises(ValueError):
        flat_score(name, model, X, y, weight)


def test_weights():
    X, y = make_problem(THREE)
    model = StepClassifier().fit(X, y)
    rng = np.random.default_rng(1)
    weight = [rng.integers(0, 3, len(x)).astype(float) for x in X]
    missing = [[None if w == 0 else label for w, label in zip(ws, labels, strict=True)]
               for ws, labels in zip(weight, y, strict=True)]  # fmt: skip
    for name in ("accuracy", "neg_log_loss"):
        expected = flat_score(name, model, X, y, weight)
        assert step_scorer(name)(model, X, missing, weight) == pytest.approx(expected, rel=1e-14)
        assert expected != step_scorer(name)(model, X, y)
    of_sequences = np.arange(len(X)) % 3
    expected = flat_score("accuracy", model, X, y, of_sequences)
    assert step_scorer("accuracy")(model, X, y, sample_weight=of_sequences) == expected


def test_a_metric_without_weights_takes_a_mask():
    X, y = make_problem(THREE)
    numbers = [[THREE.index(label) for label in labels] for labels in y]
    model = StepRegressor().fit(X, numbers)
    scorer = step_scorer(max_error, greater_is_better=False)
    errors = [np.abs(p - t) for p, t in zip(model.predict(X), numbers, strict=True)]
    mask = [error < 0.5 for error in errors]
    highest = max(error[kept].max() for error, kept in zip(errors, mask, strict=True) if kept.any())
    assert scorer(model, X, numbers, mask) == pytest.approx(-highest)
    with pytest.raises(ValueError, match="takes no sample_weight"):
        scorer(model, X, numbers, np.arange(len(X)))


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (step_scorer(f1_score, average="macro"), partial(f1_score, average="macro")),
        (step_scorer("f1_macro", labels=["N"]), partial(f1_score, average="macro", labels=["N"])),
        (step_scorer(matthews_corrcoef), matthews_corrcoef),
    ],
    ids=repr,
)
def test_given_metrics(scorer, expected):
    X, y = make_problem(THREE)
    model = StepClassifier().fit(X, y)
    target, steps = flatten_steps(y, X)
    found = expected(target, model.model_.predict(steps))
    assert scorer(model, X, y) == pytest.approx(found, rel=1e-14)


def test_a_given_loss_of_probabilities():
    X, y = make_problem(THREE)
    model = StepClassifier().fit(X, y)
    scorer = step_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
    expected = flat_score("neg_log_loss", model, X, y)
    assert scorer(model, X, y) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
@pytest.mark.parametrize("positive", TWO)
def test_the_positive_class_of_two(method, positive):
    X, y = make_problem(TWO)
    model = StepClassifier().fit(X, y)
    target, steps = flatten_steps(y, X)
    options = {"response_method": method, "pos_label": positive}
    scorer = step_scorer(average_precision_score, **options)
    expected = make_scorer(average_precision_score, **options)(model.model_, steps, target)
    assert scorer(model, X, y) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(ValueError, match="pos_label=1 is none of the classes"):
        step_scorer("average_precision")(model, X, y)


def test_indicators_of_labels_keep_their_columns():
    class Indicators(StepClassifier):
        def fit(self, X, y):
            self.classes_ = np.arange(2)
            return self

        def predict_proba(self, X):
            return 1 / (1 + np.exp(-X[:, :, :2]))

    X = np.random.default_rng(0).standard_normal((10, 4, 3))
    y = (X[:, :, :2] + np.random.default_rng(1).standard_normal((10, 4, 2)) > 0).astype(int)
    model = Indicators().fit(X, y)
    scorer = step_scorer(roc_auc_score, response_method="predict_proba")
    expected = roc_auc_score(y.reshape(40, 2), X[:, :, :2].reshape(40, 2))
    assert scorer(model, X, y) == pytest.approx(expected)
    assert 0.5 < expected < 1


@pytest.mark.parametrize("as_given", [list, ragged, pd.Series])
def test_searches_and_cross_validation(as_given):
    X, y = make_problem(THREE)
    scoring = {"f1": step_scorer("f1_macro"), "loss": step_scorer("neg_log_loss")}
    search = GridSearchCV(
        StepClassifier(), {"C": [1e-9, 1.0]}, scoring=scoring, refit="loss", cv=3,
        error_score="raise",
    ).fit(X, as_given(y))  # fmt: skip
    assert search.best_params_ == {"C": 1.0}
    expected = []
    for train, test in KFold(3).split(X):
        model = StepClassifier().fit([X[i] for i in train], [y[i] for i in train])
        expected.append(flat_score("f1_macro", model, [X[i] for i in test], [y[i] for i in test]))
    found = cross_val_score(StepClassifier(), X, as_given(y), scoring=step_scorer("f1_macro"), cv=3)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(
        [search.cv_results_[f"split{i}_test_f1"][1] for i in range(3)], expected, rtol=1e-14
    )


def test_behind_a_pipeline():
    X, y = make_problem(TWO)
    pipeline = make_pipeline("passthrough", StepClassifier()).fit(X, y)
    scorer = step_scorer("neg_log_loss")
    assert scorer(pipeline, X, y) == scorer(StepClassifier().fit(X, y), X, y)


def test_a_search_passes_weights_on():
    X, y = make_problem(THREE)
    weight = [np.arange(len(x)) % 2 for x in X]
    fitted = {}
    for name, scoring in {
        "one": step_scorer("accuracy"),
        "several": {"accuracy": step_scorer("accuracy"), "f1": step_scorer("f1_macro")},
    }.items():
        search = GridSearchCV(
            StepClassifier(), {"C": [1.0]}, scoring=scoring, cv=3, refit=False,
            error_score="raise",
        ).fit(X, y, sample_weight=weight)  # fmt: skip
        key = "score" if name == "one" else "accuracy"
        fitted[name] = [search.cv_results_[f"split{i}_test_{key}"][0] for i in range(3)]
    expected = {True: [], False: []}
    for train, test in KFold(3).split(X):
        part = [[items[i] for i in train] for items in (X, y, weight)]
        model = StepClassifier().fit(*part)
        for weighted in expected:
            items = [[items[i] for i in test] for items in (X, y, weight)]
            expected[weighted].append(step_scorer("accuracy")(model, *items[: 2 + weighted]))
    assert fitted["one"] == fitted["several"]
    assert fitted["one"] in (expected[True], expected[False])  # by the version of scikit-learn
    assert expected[True] != expected[False]

    with config_context(enable_metadata_routing=True):
        model = StepClassifier().set_fit_request(sample_weight=True)
        for request in (True, False):
            scorer = step_scorer("accuracy").set_score_request(sample_weight=request)
            results = cross_validate(
                model, X, y, params={"sample_weight": weight}, scoring=scorer, cv=3
            )
            assert results["test_score"].tolist() == expected[request]
        with pytest.raises(ValueError, match="sample_weight.*not explicitly set"):
            cross_val_score(
                model, X, y, params={"sample_weight": weight}, scoring=step_scorer("accuracy"),
                cv=3, error_score="raise",
            )  # fmt: skip


def test_pickle_clone_and_repr():
    scorer = step_scorer(f1_score, average="macro", greater_is_better=True)
    assert repr(scorer) == "step_scorer(f1_score, greater_is_better=True, average='macro')"
    assert repr(step_scorer("r2")) == "step_scorer('r2')"
    X, y = make_problem(THREE)
    model = StepClassifier().fit(X, y)
    for one in (scorer, step_scorer("neg_log_loss").set_score_request(sample_weight=True)):
        again = pickle.loads(pickle.dumps(one))
        assert repr(again) == repr(one)
        assert again(model, X, y) == one(model, X, y)
        assert str(again.get_metadata_routing()) == str(one.get_metadata_routing())
    search = clone(GridSearchCV(StepClassifier(), {}, scoring=scorer))
    assert repr(search.scoring) == repr(scorer)


def test_errors():
    with pytest.raises(ValueError, match="'f2' is not a valid scoring value"):
        step_scorer("f2")
    with pytest.raises(TypeError, match="has its own response_method"):
        step_scorer("f1", response_method="predict_proba")
    with pytest.raises(TypeError, match="score_func should be"):
        step_scorer(3)
    X, y = make_problem(THREE)
    numbers = [[THREE.index(label) for label in labels] for labels in y]
    with pytest.raises(AttributeError, match="none of the methods .* predict_proba"):
        step_scorer("neg_log_loss")(StepRegressor().fit(X, numbers), X, y)
