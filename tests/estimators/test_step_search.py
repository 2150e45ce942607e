"""Step models in scikit-learn's tools: folds, searches, Pipelines, metadata, common checks."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgru import GRUStepClassifier, GRUStepRegressor, SequenceScaler
from skgru.data import as_object_array

from .problems import STEP_ESTIMATORS, flat, same_parameters
from .test_steps import EXACT, FAST, problem, results, weights_like

estimators = pytest.mark.parametrize("estimator", STEP_ESTIMATORS)

# --- every form of y that taggers use -----------------------------------------------------------

X, TAGS = problem(GRUStepClassifier, n=30)
LETTERS = ["".join(tag[0] for tag in tags) for tags in TAGS]
NUMBERS = [np.searchsorted(["low", "middle", "top"], tags) for tags in TAGS]
CUBE = np.random.default_rng(0).normal(size=(30, 4, 2))

FORMS = {
    "arrays": (X, TAGS),
    "arrays of numbers": (X, NUMBERS),
    "lists of words": (X, [tags.tolist() for tags in TAGS]),
    "lists of integers": (X, [tags.tolist() for tags in NUMBERS]),
    "tuples": (X, [tuple(tags.tolist()) for tags in TAGS]),
    "strings": (X, LETTERS),
    "NumPy strings": (X, np.array(LETTERS)),
    "series of strings": (pd.Series(X), pd.Series(LETTERS)),
    "series of lists": (X, pd.Series([tags.tolist() for tags in TAGS])),
    "series with an index": (X, pd.Series(TAGS, index=range(100, 70, -1))),
    "objects that are arrays": (as_object_array(X), as_object_array(TAGS)),
    "objects that are lists": (X, as_object_array([tags.tolist() for tags in TAGS])),
    "polars series of lists": (X, pl.Series([tags.tolist() for tags in TAGS])),
    "a table of words": (CUBE, np.where(CUBE[:, :, 0] > 0, "up", "down")),
    "a table of integers": (CUBE, (CUBE[:, :, 0] > 0).astype(int)),
    "a frame": (CUBE[:, :, 0], pd.DataFrame(np.where(CUBE[:, :, 0] > 0, "up", "down"))),
    "lists of equal length": (list(CUBE), np.where(CUBE[:, :, 0] > 0, "up", "down").tolist()),
    "strings of equal length": (list(CUBE), ["udud"] * 10 + ["uudd"] * 20),
}
TAGGER = GRUStepClassifier(4, max_iter=1, random_state=0)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_y_is_cut_into_folds(form):
    data, y = FORMS[form]
    scores = cross_val_score(TAGGER, data, y, cv=3, error_score="raise")
    assert scores.shape == (3,) and ((scores >= 0) & (scores <= 1)).all()
    predicted = cross_val_predict(TAGGER, data, y, cv=3)
    if isinstance(data, np.ndarray) and data.dtype != object:
        assert predicted.dtype != object and predicted.shape == data.shape[:2]
    else:
        assert predicted.dtype == object and predicted.shape == (30,)
        assert [len(item) for item in predicted] == [len(x) for x in data]
    # Folds are neither stratified nor shuffled: the first is the first third.
    rest = TAGGER.fit(*(part[10:] for part in FORMS[form])).predict(data[:10])
    for one, other in zip(predicted[:10], rest, strict=True):
        assert_array_equal(one, other)
    search = GridSearchCV(TAGGER, {"bidirectional": [False, True]}, cv=3, error_score="raise")
    search.fit(data, y)
    assert search.score(data, y) == search.best_estimator_.score(data, y)


@pytest.mark.parametrize("form", ["2d", "3d", "ragged", "objects"])
def test_numbers_are_cut_into_folds(form):
    data, y = problem(GRUStepRegressor, form, n=30)
    model = GRUStepRegressor(4, max_iter=2, random_state=0)
    assert cross_val_score(model, data, y, error_score="raise").shape == (5,)
    predicted = cross_val_predict(model, data, y)
    assert flat(predicted).shape == flat(y).shape
    search = GridSearchCV(model, {"loss": ["huber", "quantile"]}, error_score="raise")
    assert search.fit(data, y).best_score_ <= 1
    quantiles = cross_val_predict(model.set_params(loss="quantile", quantile=[0.1, 0.9]), data, y)
    assert flat(quantiles).shape == (len(flat(y)), 2)


def test_a_scorer_of_ones_own():
    scorer = make_scorer(lambda y, predicted: accuracy_score(flat(y), flat(predicted)))
    found = cross_val_score(TAGGER, X, TAGS, scoring=scorer, cv=3)
    assert_allclose(found, cross_val_score(TAGGER, X, TAGS, cv=3), rtol=1e-12)


def test_other_searches_and_curves():
    options = {"n_iter": 2, "cv": 2, "random_state": 0, "error_score": "raise"}
    search = RandomizedSearchCV(TAGGER, {"dropout": [0.0, 0.1, 0.2]}, **options).fit(X, TAGS)
    assert search.best_params_["dropout"] in (0.0, 0.1, 0.2)
    sizes, train, _ = learning_curve(TAGGER, X, TAGS, train_sizes=[0.5, 1.0], cv=2)
    assert sizes.tolist() == [7, 15] and np.isfinite(train).all()
    found = cross_validate(TAGGER, X, TAGS, cv=2, return_estimator=True, return_train_score=True)
    assert len(found["estimator"]) == 2


@estimators
def test_processes_and_threads_of_a_search(estimator):
    data, y = problem(estimator, n=30)
    model = estimator(4, max_iter=2, random_state=0)
    one, two = (
        GridSearchCV(model, {"dropout": [0.0, 0.3]}, cv=2, n_jobs=n_jobs).fit(data, y)
        for n_jobs in (1, 2)
    )
    for key in ("mean_test_score", "split0_test_score"):
        assert_array_equal(one.cv_results_[key], two.cv_results_[key])
    assert same_parameters(one.best_estimator_, two.best_estimator_)


# --- Pipelines ----------------------------------------------------------------------------------


@estimators
@pytest.mark.parametrize("layout", ["2d", "3d", "ragged", "objects"])
def test_behind_a_scaler(estimator, layout):
    data, y = problem(estimator, layout, n=30)
    model = estimator(**FAST)
    pipeline = make_pipeline(SequenceScaler(), model).fit(data, y)
    scaled = SequenceScaler().fit_transform(data)
    expected = clone(model).fit(scaled, y)
    assert same_parameters(pipeline[-1], expected)
    assert results(pipeline[-1], scaled)[0] == [
        np.asarray(item).tobytes() for item in pipeline.predict(data)
    ]
    assert pipeline.score(data, y) == expected.score(scaled, y)
    weight = weights_like(y, zeros=0.2)
    name = estimator.__name__.lower()
    pipeline.fit(data, y, **{f"{name}__sample_weight": weight})
    assert same_parameters(pipeline[-1], clone(model).fit(scaled, y, weight))
    grid = {f"{name}__max_iter": [1, 2], "sequencescaler__with_std": [True, False]}
    assert GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(data, y).best_params_


def test_set_output_passes_a_step_model_by():
    pipeline = make_pipeline(StandardScaler(), TAGGER).set_output(transform="pandas")
    y = (CUBE[:, :, 0] > 0).astype(int)
    found = pipeline.fit(CUBE[:, :, 0], y).predict(CUBE[:, :, 0])
    assert isinstance(found, np.ndarray) and found.shape == (30, 4)
    with config_context(transform_output="pandas"):
        assert isinstance(clone(TAGGER).fit(X, TAGS).predict(X), np.ndarray)


@estimators
def test_weights_are_routed(estimator):
    data, y = problem(estimator, n=30)
    # Routing cuts arrays and lists alike, one entry for each sequence.
    weight = weights_like(y, zeros=0.2)
    model = estimator(4, max_iter=2, random_state=0)
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        found = cross_val_score(model, data, y, cv=3, params={"sample_weight": weight})
        scaler = SequenceScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(data, y, sample_weight=weight)
    expected = []
    for train, test in KFold(3).split(data):
        trained = clone(model).fit(*([part[i] for i in train] for part in (data, y, weight)))
        expected.append(trained.score(*([part[i] for i in test] for part in (data, y, weight))))
    assert_array_equal(found, expected)
    scaled = SequenceScaler().fit_transform(data)
    assert same_parameters(pipeline[-1], clone(model).fit(scaled, y, weight))


# --- scikit-learn's checks ----------------------------------------------------------------------


class OneTargetEach:
    """What lets the common checks run: they pass one target for each row of X.

    No step model takes such a y, so without this all checks that fit would be inapplicable. Here
    every step of a row has the target of the row.
    """

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, spread(X, y), sample_weight)

    def partial_fit(self, X, y, *args, **kwargs):
        return super().partial_fit(X, spread(X, y), *args, **kwargs)

    def score(self, X, y, sample_weight=None):
        return super().score(X, spread(X, y), sample_weight)


def spread(X, y):
    shape = np.asarray(X).shape
    if y is None or len(shape) != 2 or np.asarray(y).ndim != 1:
        return y
    return np.repeat(np.asarray(y)[:, np.newaxis], shape[1], axis=1)


class Regressor(OneTargetEach, GRUStepRegressor):
    pass


class Classifier(OneTargetEach, GRUStepClassifier):
    pass


def inapplicable(estimator):
    found = {
        "check_sample_weights_shape": (
            "It wants weights of two dimensions to be refused; here they are those of steps."
        )
    }
    if estimator.batch_size != EXACT["batch_size"]:
        found["check_sample_weight_equivalence_on_dense_data"] = (
            "Mini-batches see repeated sequences and weighted ones differently."
        )
    if isinstance(estimator, GRUStepClassifier):
        found["check_n_features_in_after_fitting"] = (
            "It names classes to partial_fit only where is_classifier is True."
        )
    return found


@parametrize_with_checks(
    [
        Regressor(4, max_iter=2, dtype="float64", batch_size=EXACT["batch_size"]),
        Regressor(4, max_iter=2, bidirectional=True, loss="quantile", quantile=[0.1, 0.9]),
        Classifier(4, max_iter=2, dtype="float64", batch_size=EXACT["batch_size"]),
        Classifier((4, 3), max_iter=2, dropout=0.1, n_jobs=2, early_stopping=True),
    ],
    expected_failed_checks=inapplicable,
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it the check with array API dispatch switched on skips itself.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@estimators
def test_a_target_for_each_row_is_refused_by_name(estimator):
    data = CUBE[:, :, 0]
    for y in (np.arange(30) % 2, (np.arange(30) % 2).tolist(), pd.Series(np.arange(30) % 2)):
        with pytest.raises(ValueError, match="y of sequence 0 is 0, .*use GRUClassifier or GRUR"):
            estimator(4, max_iter=1).fit(data, y)
