"""The estimators among scikit-learn's own: clones, pipelines, searches, ensembles, routing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import estimator_html_repr, get_tags

from skgru import GRUClassifier, GRURegressor, SequenceScaler

from .problems import classes, in_layout, ragged, same_parameters, table

FAST = {"max_iter": 8, "learning_rate_init": 0.03, "random_state": 0}
LAYOUTS = ["2d", "3d", "ragged", "objects"]


def regressor(**options):
    return GRURegressor(4, **{**FAST, **options})


def classifier(**options):
    return GRUClassifier(4, **{**FAST, **options})


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_clone_takes_the_parameters_and_nothing_else(estimator):
    X, y = table()
    model = estimator((3, 2), pooling=("last", "attention"), max_iter=1, random_state=0)
    model.fit(X, y > 0)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert vars(copy).keys() == copy.get_params().keys()
    assert same_parameters(copy.fit(X, y > 0), model)


# --- searches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_grid_search_over_a_pipeline(layout):
    X, y = in_layout(layout, n=90)
    search = GridSearchCV(
        make_pipeline(SequenceScaler(), regressor(max_iter=30)),
        {
            "gruregressor__pooling": [("last",), "mean"],
            "gruregressor__learning_rate_init": [1e-9, 0.03],
        },
        cv=3,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["gruregressor__learning_rate_init"] == 0.03
    if layout == "2d":
        assert search.best_params_["gruregressor__pooling"] == ("last",)
    assert search.best_score_ > 0.3
    expected = clone(search.best_estimator_).fit(X, y).predict(X)
    assert_array_equal(search.predict(X), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_halving_search(layout):
    X, y = in_layout(layout, n=90)
    search = HalvingRandomSearchCV(
        classifier(),
        {"hidden_layer_sizes": [2, 4, (3, 3)], "bidirectional": [True, False]},
        resource="max_iter",
        min_resources=2,
        max_resources=8,
        n_candidates=4,
        cv=2,
        n_jobs=2,
        random_state=0,
        error_score="raise",
    ).fit(X, classes(y))
    assert search.n_iterations_ == 2
    assert search.best_estimator_.n_iter_ == 6
    assert search.predict(X).shape == (90,)


def test_halving_search_over_sequences():
    X, y = ragged(120)
    search = HalvingRandomSearchCV(
        regressor(), {"learning_rate_init": [1e-9, 1e-4, 0.03]}, n_candidates=3,
        min_resources=30, cv=2, random_state=0, error_score="raise",
    ).fit(X, y)  # fmt: skip
    assert search.best_params_["learning_rate_init"] == 0.03


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cross_validation(layout):
    X, y = in_layout(layout, n=60)
    model = classifier()
    scores = cross_validate(
        model, X, classes(y), cv=3, scoring=["accuracy", "neg_log_loss", "roc_auc_ovr"],
        return_train_score=True, n_jobs=2, error_score="raise",
    )  # fmt: skip
    assert np.isfinite(scores["test_neg_log_loss"]).all()
    assert scores["train_accuracy"].mean() > 0.4
    probability = cross_val_predict(model, X, classes(y), cv=3, method="predict_proba")
    assert_allclose(probability.sum(axis=1), 1)


def test_learning_curve_trains_in_steps():
    X, y = ragged(60)
    sizes, train, _ = learning_curve(
        regressor(), X, y, train_sizes=[0.5, 1.0], cv=2, exploit_incremental_learning=True,
        error_score="raise",
    )  # fmt: skip
    assert sizes.tolist() == [15, 30]
    assert np.isfinite(train).all()


# --- ensembles and wrappers ---------------------------------------------------------------------


def test_transformed_target():
    X, y = in_layout("3d", n=80)
    model = TransformedTargetRegressor(regressor(max_iter=40), func=np.log, inverse_func=np.exp)
    assert model.fit(X, np.exp(y)).score(X, np.exp(y)) > 0.5
    assert (model.predict(X) > 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(layout, method):
    X, y = in_layout(layout, n=60)
    model = CalibratedClassifierCV(classifier(), method=method, cv=2).fit(X, classes(y))
    probability = model.predict_proba(X)
    assert probability.shape == (60, 3)
    assert_allclose(probability.sum(axis=1), 1)
    assert len(model.calibrated_classifiers_) == 2


def test_multi_output():
    X, y = in_layout("3d")
    Y = np.column_stack([y, -y])
    found = MultiOutputRegressor(regressor(), n_jobs=2).fit(X, Y).predict(X)
    assert_array_equal(found[:, 0], regressor().fit(X, y).predict(X))
    assert_array_equal(found[:, 1], regressor().fit(X, -y).predict(X))


@pytest.mark.parametrize("layout", ["2d", "3d"])
def test_bagging(layout):
    # Its check of X knows arrays only.
    X, y = in_layout(layout, n=80)
    if layout == "3d":
        with pytest.raises(ValueError, match="dim 3"):
            BaggingRegressor(regressor(), n_estimators=2).fit(X, y)
        return
    options = {"n_estimators": 3, "n_jobs": 2, "random_state": 0}
    bag = BaggingRegressor(regressor(max_iter=40), oob_score=False, **options).fit(X, y)
    assert bag.score(X, y) > 0.5
    assert len({model._parameters.tobytes() for model in bag.estimators_}) == 3
    bag = BaggingClassifier(classifier(max_iter=40), max_samples=0.8, **options)
    assert bag.fit(X, classes(y), sample_weight=np.ones(80)).score(X, classes(y)) > 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_stacking_and_voting(layout):
    X, y = in_layout(layout, n=80)
    members = [("last", regressor(pooling="last")), ("mean", regressor(pooling="mean"))]
    stack = StackingRegressor(members, Ridge(), cv=2, n_jobs=2).fit(X, y)
    assert stack.score(X, y) > 0
    options = {"max_iter": 25, "n_jobs": 2}
    members = [(pool, classifier(pooling=pool, **options)) for pool in ("last", "mean")]
    stack = StackingClassifier(members, LogisticRegression(), cv=2).fit(X, classes(y))
    assert stack.score(X, classes(y)) > 0.5
    vote = VotingClassifier(members, voting="soft").fit(X, classes(y))
    assert_allclose(
        vote.predict_proba(X), np.mean([m.predict_proba(X) for m in vote.estimators_], axis=0)
    )


def test_permutation_importance_finds_the_step_that_counts():
    X, y = table(100)
    model = regressor(max_iter=40).fit(X, y)
    found = permutation_importance(model, X, y, n_repeats=3, n_jobs=2, random_state=0)
    assert found.importances_mean.argmax() == 5
    assert found.importances_mean[5] > 5 * np.abs(found.importances_mean[:5]).max()


# --- metadata -----------------------------------------------------------------------------------


def test_weights_and_validation_data_go_through_a_pipeline():
    X, y = ragged(90)
    X = [100 + 7 * x for x in X]
    X_val, y_val = X[60:], y[60:]
    weight = np.arange(60) % 3 + 1.0
    options = {"standardize": False, "early_stopping": True, "scoring": None, "dtype": "float64"}
    with config_context(enable_metadata_routing=True):
        model = regressor(**options).set_fit_request(
            sample_weight=True, X_val=True, y_val=True, sample_weight_val=True
        )
        scaler = SequenceScaler().set_fit_request(sample_weight=True)
        pipeline = Pipeline([("scale", scaler), ("gru", model)], transform_input=["X_val"])
        pipeline.fit(
            X[:60], y[:60], sample_weight=weight, X_val=X_val, y_val=y_val,
            sample_weight_val=np.ones(30),
        )  # fmt: skip
    scaler = SequenceScaler().fit(X[:60], sample_weight=weight)
    expected = regressor(**options).fit(
        scaler.transform(X[:60]), y[:60], sample_weight=weight,
        X_val=scaler.transform(X_val), y_val=y_val,
    )  # fmt: skip
    assert same_parameters(pipeline[-1], expected)
    assert pipeline[-1].validation_scores_ == expected.validation_scores_
    assert abs(pipeline.score(X_val, y_val) - max(expected.validation_scores_)) < 1e-6


def test_weights_reach_fit_and_score_of_a_search():
    X, y = ragged(40)
    weight = np.arange(40) % 2 + 0.0
    with config_context(enable_metadata_routing=True):
        model = regressor().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"pooling": ["last", "mean"]}, cv=2, error_score="raise")
        search.fit(X, y, sample_weight=weight)
        model = regressor().set_partial_fit_request(sample_weight=True)
        assert model.get_metadata_routing().partial_fit.requests["sample_weight"] is True
    expected = clone(search.best_estimator_).fit(X, y, sample_weight=weight)
    assert same_parameters(search.best_estimator_, expected)


def test_weights_without_routing():
    X, y = ragged(40)
    weight = np.arange(40) % 2 + 0.0
    pipeline = make_pipeline(SequenceScaler(), regressor())
    pipeline.fit(X, y, gruregressor__sample_weight=weight)
    scaled = SequenceScaler().fit_transform(X)
    assert same_parameters(pipeline[-1], regressor().fit(scaled, y, sample_weight=weight))


def test_what_can_be_requested():
    assert set(GRUClassifier().get_metadata_routing().fit.requests) == {
        "sample_weight", "X_val", "y_val", "sample_weight_val",
    }  # fmt: skip
    assert set(GRUClassifier().get_metadata_routing().partial_fit.requests) == {
        "sample_weight", "classes", "X_val", "y_val", "sample_weight_val",
    }  # fmt: skip
    assert set(GRURegressor().get_metadata_routing().score.requests) == {"sample_weight"}
    assert not GRURegressor().get_metadata_routing().predict.requests


# --- representation -----------------------------------------------------------------------------


@pytest.mark.parametrize("fitted", [False, True])
def test_representations(fitted):
    model = GRUClassifier(4, pooling=("last", "attention"), max_iter=3)
    if fitted:
        model.fit(*(table()[0], classes(table()[1])))
    text = estimator_html_repr(make_pipeline(SequenceScaler(), model))
    assert "GRUClassifier" in text
    assert "SequenceScaler" in text
    assert "hidden_layer_sizes" in text or "4" in text
    assert repr(model) == (
        "GRUClassifier(hidden_layer_sizes=4, max_iter=3, pooling=('last', 'attention'))"
    )
    assert repr(GRURegressor()) == "GRURegressor()"


def test_tags():
    regressor_tags, classifier_tags = get_tags(GRURegressor()), get_tags(GRUClassifier())
    assert regressor_tags.target_tags.multi_output
    assert not regressor_tags.target_tags.positive_only
    assert get_tags(GRURegressor(loss="poisson")).target_tags.positive_only
    assert classifier_tags.classifier_tags.multi_label
    for tags in (regressor_tags, classifier_tags):
        assert tags.input_tags.two_d_array
        assert tags.input_tags.three_d_array
        assert not tags.input_tags.sparse
        assert not tags.input_tags.allow_nan
        assert not tags.non_deterministic
