"""What early stopping watches, and the scorers that compare models."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score, get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
)
from skgru.metrics import mean_d2_pinball_score, step_scorer
from skgru.models import Predictor

from .problems import classes, in_layout, ragged, same_parameters, step_classes, table

SHORT = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0, "early_stopping": False}
X, Y = ragged(60)
LABELS = classes(Y)
STEPS = [x[:, 0].cumsum() for x in X]
LEVELS = [0.1, 0.5, 0.9]


def validated(estimator, y, scoring, weight=None, **options):
    """A model of the first sequences, which was scored on the others."""
    model = estimator(scoring=scoring, **SHORT | options)
    return model.fit(
        X[:40], y[:40], X_val=X[40:], y_val=y[40:],
        sample_weight_val=None if weight is None else weight[40:],
    )  # fmt: skip


def accuracy(model, X, y, sample_weight=None):
    return model.score(X, y, sample_weight)


@pytest.mark.parametrize(
    ("estimator", "y", "scoring", "scorer"),
    [
        (GRUClassifier, LABELS, "accuracy", get_scorer("accuracy")),
        (GRUClassifier, LABELS, "neg_log_loss", get_scorer("neg_log_loss")),
        (GRUClassifier, LABELS == "low", "roc_auc", get_scorer("roc_auc")),
        (GRUClassifier, LABELS, accuracy, accuracy),
        (GRUClassifier, LABELS, make_scorer(f1_score, average="macro"), get_scorer("f1_macro")),
        (GRUClassifier, LABELS.tolist(), None, accuracy),
        (GRURegressor, Y, "neg_mean_absolute_error", get_scorer("neg_mean_absolute_error")),
        (GRURegressor, Y, None, accuracy),
        (GRUStepClassifier, step_classes(STEPS), "f1_macro", step_scorer("f1_macro")),
        (GRUStepClassifier, step_classes(STEPS), step_scorer("accuracy"), accuracy),
        (GRUStepClassifier, step_classes(STEPS), None, accuracy),
        (GRUStepRegressor, STEPS, "r2", accuracy),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_validation_scores_are_those_of_the_scorer(estimator, y, scoring, scorer, weighted):
    weight = None
    if weighted:  # a sequence of weight zero is there, too
        weight = np.arange(60) % 3 / 2.0
    model = validated(estimator, y, scoring, weight)
    given = {} if weight is None else {"sample_weight": weight[40:]}
    expected = scorer(model, X[40:], y[40:], **given)
    assert len(model.validation_scores_) == 3
    assert_allclose(model.validation_scores_[-1], expected, rtol=1e-10)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert not hasattr(model, "_known_predictions")


def test_the_loss_is_the_default():
    for y, name in ((LABELS, "neg_log_loss"), (LABELS == "low", "neg_log_loss")):
        model = validated(GRUClassifier, y, "loss")
        expected = get_scorer(name)(model, X[40:], y[40:])
        assert_allclose(model.validation_scores_[-1], expected, rtol=1e-6)
        assert (
            validated(GRUClassifier, y, None)._parameters.tobytes() == model._parameters.tobytes()
        )
    model = validated(GRURegressor, Y, "loss")
    error = (model.predict(X[40:]) - Y[40:]) / model.target_scale_
    assert_allclose(model.validation_scores_[-1], -np.mean(error**2) / 2, rtol=1e-6)


def held_out(scoring, data=(X, LABELS), **options):
    options = SHORT | {"early_stopping": True, "validation_fraction": 0.3, **options}
    return GRUClassifier(scoring=scoring, **options).fit(*data)


@pytest.mark.parametrize("layout", ["2d", "3d", "ragged", "objects", "list"])
def test_a_scorer_sees_what_is_held_out(layout):
    X, y = in_layout("3d" if layout == "list" else layout)
    X, y = (X.tolist(), classes(y).tolist()) if layout == "list" else (X, classes(y))
    seen = []

    def scorer(model, X, y):
        seen.append((model, X, y))
        return model.score(X, y)

    model = held_out(scorer, (X, y))
    assert model.validation_scores_ == held_out(None, (X, y)).validation_scores_
    assert len(seen) == 3
    for _, X_seen, y_seen in seen:
        assert len(X_seen) == len(y_seen) == 18
    # Each is a model of its own, which predicts anything, also later.
    predicted = [found.predict_proba(X) for found, _, _ in seen]
    assert not np.array_equal(predicted[0], predicted[-1])
    assert_array_equal(seen[-1][0].predict(seen[-1][1]), model.predict(seen[-1][1]))
    pickle.dumps(seen[-1][0].set_params(scoring=None))


def test_the_validation_data_are_predicted_once(monkeypatch):
    calls = []
    predict_raw = Predictor.predict_raw

    def counted(self, *args, **kwargs):
        calls.append(1)
        return predict_raw(self, *args, **kwargs)

    monkeypatch.setattr(Predictor, "predict_raw", counted)
    held_out(lambda model, X, y: roc_auc_score(y, model.predict_proba(X)[:, 0]), (X, Y > 0))
    assert len(calls) == 3


def test_early_stopping_watches_the_scorer():
    scores = iter([0.1, 0.9, np.nan, 0.5, 0.3, 0.2, 0.1])
    model = held_out(lambda *args: next(scores), max_iter=7, n_iter_no_change=3, tol=0.0)
    assert model.n_iter_ == 6
    assert model.best_validation_score_ == 0.9
    scores = iter([0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    shorter = held_out(lambda *args: next(scores), max_iter=7, n_iter_no_change=1, tol=0.0)
    assert shorter.n_iter_ == 4
    assert same_parameters(model, shorter)


def test_another_scoring_begins_anew():
    # Losses are negative: by comparison with an accuracy, no epoch would be the best.
    options = {"warm_start": True, "learning_rate": "constant"}
    model = held_out(None, **options)
    assert len(model.fit(X, LABELS).validation_scores_) == 6
    model.set_params(scoring="loss").fit(X, LABELS)
    assert model.n_iter_ == 9 and len(model.validation_scores_) == 3
    assert model.best_validation_score_ == max(model.validation_scores_) < 0
    best = model._resume_state["trainer"]["stopping"]["best_score"]
    assert best == model.best_validation_score_


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("nothing", "'nothing' is not a valid scoring value"),
        (f1_score, "looks like it is a metric function rather than a scorer"),
        (3, "The 'scoring' parameter of GRUClassifier must be"),
        (lambda model, X, y: "much", "scoring must return a number, but returned 'much'"),
    ],
)
def test_scoring_that_cannot_be_used(scoring, message):
    with pytest.raises(ValueError, match=message):
        held_out(scoring)


def test_the_loss_counts_where_a_score_is_undefined():
    """Only one class is held out, so that its ROC AUC is NaN after every epoch."""
    X, y = table(60)
    positive = np.arange(60) < 40
    options = SHORT | {"early_stopping": True, "max_iter": 30, "learning_rate_init": 0.1}
    options["batch_size"] = 32
    data = {"X_val": X[:9], "y_val": positive[:9]}
    expected = GRUClassifier(**options).fit(X, positive, **data)
    assert expected.n_iter_ < 30
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model = GRUClassifier(**options, scoring="roc_auc").fit(X, positive, **data)
    assert np.isnan(model.validation_scores_).all() and model.n_iter_ == expected.n_iter_
    assert_array_equal(model._parameters, expected._parameters)
    messages = [str(w.message) for w in found]
    assert [w.category.__name__ for w in found] == ["UndefinedMetricWarning", "UserWarning"]
    assert messages[1].startswith("scoring='roc_auc' is not defined on the validation data")
    assert "with every class" in messages[1] and found[1].filename == __file__


def test_a_score_that_is_defined_later_counts():
    calls = []

    def scorer(model, X, y):
        calls.append(model)
        return [np.nan, np.nan, -5.0, -6.0, np.nan][len(calls) - 1]

    with pytest.warns(UserWarning, match="is not defined on the validation data") as found:
        model = held_out(scorer, max_iter=5)
    assert len(found) == 1
    assert_array_equal(model._parameters, calls[2]._parameters)
    assert model.best_validation_score_ == -5


def test_an_error_of_a_scorer_says_that_it_is_of_the_validation_data():
    model = GRUClassifier(scoring="neg_log_loss", **SHORT)
    chosen = LABELS != LABELS[0]
    with pytest.raises(ValueError, match="^scoring='neg_log_loss' failed on the validation data: "):
        model.fit(X, LABELS, X_val=[X[i] for i in np.flatnonzero(chosen)], y_val=LABELS[chosen])


def test_scoring_is_checked_where_nothing_is_held_out():
    with pytest.raises(ValueError, match="not a valid scoring value"):
        GRURegressor(scoring="nothing", **SHORT).fit(X, Y)


# --- partial_fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (GRURegressor, Y),
        (GRUClassifier, LABELS),
        (GRUStepRegressor, STEPS),
        (GRUStepClassifier, step_classes(STEPS)),
    ],
)
def test_partial_fit_scores_validation_data(estimator, y):
    model = estimator(scoring=None, **SHORT | {"early_stopping": True, "tol": 1e3})
    plain = estimator(**SHORT)
    more = {"classes": np.unique(LABELS)} if hasattr(model, "class_weight") else {}
    weight = np.arange(20) % 2 + 0.5
    for n in range(1, 15):
        model.partial_fit(
            X[:40], y[:40], X_val=X[40:], y_val=y[40:], sample_weight_val=weight, **more
        )
        plain.partial_fit(X[:40], y[:40], **more)
        more = {}
        assert len(model.validation_scores_) == model.n_iter_ == n
        expected = model.score(X[40:], y[40:], weight)
        assert_allclose(model.validation_scores_[-1], expected, rtol=1e-6)
    assert same_parameters(model, plain)
    assert plain.validation_scores_ is None
    assert len(model.partial_fit(X[:40], y[:40]).validation_scores_) == 14
    with pytest.raises(ValueError, match="X_val is provided, but y_val is not"):
        model.partial_fit(X, y, X_val=X)
    with config_context(enable_metadata_routing=True):
        model.set_partial_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        requests = model.get_metadata_routing().partial_fit.requests
    assert all(requests[name] is True for name in ("X_val", "y_val", "sample_weight_val"))


# --- several quantiles --------------------------------------------------------------------------


def quantiles(estimator=GRURegressor, quantile=LEVELS, **options):
    return estimator(loss="quantile", quantile=quantile, **SHORT | options)


REFUSAL = (
    "absolute_error compares y with one prediction .* model predicts 3 quantiles. Leave scoring "
    "out .*mean_d2_pinball_score"
)


@pytest.mark.parametrize(
    "model",
    [
        quantiles(),
        make_pipeline(SequenceScaler(), quantiles()),
        GridSearchCV(quantiles(), {"dropout": [0.0]}, cv=2),
    ],
    ids=["alone", "pipeline", "search"],
)
def test_a_metric_of_one_prediction_is_refused(model):
    X, y = table()
    with pytest.raises(ValueError, match=REFUSAL):
        cross_val_score(model, X, y, scoring="neg_mean_absolute_error", error_score="raise", cv=2)


def test_where_such_a_metric_is_refused_too():
    scoring = "neg_mean_absolute_error"
    with pytest.raises(ValueError, match=REFUSAL):
        quantiles(scoring=scoring).fit(X, Y, X_val=X, y_val=Y)
    options = {"cv": 2, "error_score": "raise"}
    with pytest.raises(ValueError, match=REFUSAL):
        cross_val_score(
            quantiles(GRUStepRegressor), X, STEPS, scoring=step_scorer(scoring), **options
        )
    several = GridSearchCV(quantiles(), {}, scoring=[scoring, "r2"], refit="r2", **options)
    with pytest.raises(ValueError, match=REFUSAL):
        several.fit(X, Y)


def test_what_is_not_refused():
    options = {"cv": 2, "error_score": "raise"}
    expected = cross_val_score(quantiles(), X, Y, **options)
    scorer = make_scorer(mean_d2_pinball_score, quantile=LEVELS)
    assert_allclose(cross_val_score(quantiles(), X, Y, scoring=scorer, **options), expected)
    validation = {"X_val": X, "y_val": Y}
    found = quantiles(scoring=scorer).fit(X, Y, **validation).validation_scores_
    assert_allclose(found, quantiles(scoring=None).fit(X, Y, **validation).validation_scores_)
    scorer = step_scorer(mean_d2_pinball_score, quantile=LEVELS)
    model = quantiles(GRUStepRegressor)
    expected = cross_val_score(model, X, STEPS, **options)
    assert_allclose(cross_val_score(model, X, STEPS, scoring=scorer, **options), expected)
    # One quantile is one prediction, and what another model makes of several is one, too.
    for quantile in (0.5, [0.5]):
        found = cross_val_score(quantiles(quantile=quantile), X, Y, scoring="r2", **options)
        assert np.isfinite(found).all()
    stack = StackingRegressor([("gru", quantiles())], Ridge(), cv=2)
    table_X, table_y = table()
    assert np.isfinite(cross_val_score(stack, table_X, table_y, scoring="r2", **options)).all()


@pytest.mark.parametrize("estimator", [GRURegressor, GRUStepRegressor])
def test_a_single_quantile_has_one_score_in_every_form(estimator):
    y = Y if estimator is GRURegressor else STEPS
    number, listed = (
        quantiles(estimator, quantile, early_stopping=True, scoring=None).fit(X, y)
        for quantile in (0.9, [0.9])
    )
    assert same_parameters(number, listed)
    assert number.score(X, y) == listed.score(X, y)
    assert number.validation_scores_ == listed.validation_scores_
    flat_y, flat = (
        (y, number.predict(X))
        if estimator is GRURegressor
        else (np.concatenate(y), np.concatenate(number.predict(X)))
    )
    expected = mean_d2_pinball_score(flat_y, flat[:, np.newaxis], [0.9])
    assert_allclose(number.score(X, y), expected, rtol=1e-9)
