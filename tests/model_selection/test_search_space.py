"""The search space fits every estimator it is made for, and scikit-learn's searches take it."""

import doctest
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ParameterGrid, RandomizedSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

import skgru
from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor
from skgru.model_selection import _search_space, make_search, make_vote, search_space

ESTIMATORS = [GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor]
FAST = {"max_iter": 3, "batch_size": 8, "random_state": 0}


def data(estimator, n=24):
    """Ragged sequences of 17 to 20 steps, and what the estimator is to predict of them."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(17 + i % 4, 2)) for i in range(n)]
    y = {
        GRUClassifier: np.array(["a", "b"] * (n // 2)),
        GRURegressor: np.array([x[:, 0].mean() for x in X]),
        GRUStepClassifier: [np.where(x[:, 0] > 0, "a", "b") for x in X],
        GRUStepRegressor: [x[:, 0] for x in X],
    }
    return X, y[estimator]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_value_can_be_fitted(estimator):
    X, y = data(estimator)
    pipeline, distributions = search_space(estimator(**FAST))
    for i in range(max(map(len, distributions.values()))):
        params = {name: values[i % len(values)] for name, values in distributions.items()}
        model = clone(pipeline).set_params(**clone(params, safe=False), gru__max_iter=1)
        assert np.isfinite(model.fit(X, y).score(X, y))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_space_is_that_of_the_estimator(estimator):
    pipeline, distributions = search_space(estimator(**FAST, alpha=0.5))
    assert pipeline.get_params()["gru__alpha"] == 0.5
    assert distributions.keys() <= pipeline.get_params().keys()
    predicts_steps = "Step" in estimator.__name__
    assert ("gru__pooling" in distributions) == (not predicts_steps)
    assert ("SequenceFrames" in str(distributions)) == (not predicts_steps)
    defaults = estimator().get_params()
    for name, values in distributions.items():
        if name.startswith("gru__"):  # the model as it is can win
            assert defaults[name.removeprefix("gru__")] in values


def test_short_series_are_not_suspected_of_swapped_axes():
    X, y = np.random.default_rng(0).normal(size=(12, 10)), [0, 1] * 6
    pipeline, distributions = search_space(GRUClassifier(**FAST))
    for prepare in distributions["prepare"]:  # warnings are errors in these tests
        clone(pipeline).set_params(prepare=prepare, gru__max_iter=1).fit(X, y)


def test_the_caller_may_change_what_is_returned():
    estimator = GRUClassifier()
    pipeline, distributions = search_space(estimator)
    assert pipeline["gru"] is not estimator
    for values in distributions.values():
        values.clear()
    assert all(search_space(estimator)[1].values())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_search_chooses_fits_and_predicts(estimator):
    X, y = data(estimator)
    search = make_search(estimator(**FAST), n_candidates=3, random_state=0, error_score="raise")
    copy = clone(search)
    search.fit(X, y)
    assert search.n_iterations_ == 2
    assert search.n_resources_ == [1, 3]
    assert search.n_candidates_ == [3, 1]
    assert search.n_splits_ == 6
    assert search.best_params_["gru__max_iter"] == 3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(X)) == len(X)
    restored = pickle.loads(pickle.dumps(search))
    assert restored.score(X, y) == search.score(X, y)
    again = copy.fit(X, y)
    assert again.best_params_.keys() == search.best_params_.keys()
    assert np.array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_classes_are_in_every_fold_and_log_loss_decides():
    X, y = data(GRUClassifier)
    search = make_search(GRUClassifier(**FAST), random_state=0)
    assert search.scoring == "neg_log_loss"
    for train, test in search.cv.split(X, y):
        assert set(y[train]) == set(y[test]) == {"a", "b"}
    assert make_search(GRUStepClassifier()).scoring is not None
    assert make_search(GRURegressor()).scoring is None


def test_options_are_those_of_the_halving_search():
    folds = StratifiedKFold(2)
    search = make_search(GRUClassifier(), scoring="accuracy", cv=folds, n_jobs=2, factor=2)
    assert (search.scoring, search.cv, search.n_jobs, search.factor) == ("accuracy", folds, 2, 2)
    with pytest.raises(TypeError, match="n_iter"):
        make_search(GRUClassifier(), n_iter=3)


def test_several_labels():
    X, y = data(GRURegressor)
    labels = np.column_stack([y > 0, y < 0.1])
    search = make_search(GRUClassifier(**FAST), n_candidates=1, scoring="accuracy", cv=2)
    assert search.set_params(error_score="raise").fit(X, labels).predict(X).shape == (24, 2)


def test_random_state_draws_candidates_and_folds():
    first, same, other = (make_search(GRUClassifier(), random_state=i) for i in (0, 0, 1))
    assert first.random_state == same.random_state != other.random_state
    splits = [[test.tolist() for _, test in search.cv.split(np.zeros((12, 2)), [0, 1] * 6)]
              for search in (first, same, other)]  # fmt: skip
    assert splits[0] == splits[1] != splits[2]
    search = make_search(GRUClassifier(), random_state=np.random.RandomState(0))
    assert search.random_state == first.random_state


@pytest.mark.parametrize("estimator", [GRUClassifier, GRURegressor])
def test_the_last_round_votes(estimator):
    X, y = data(estimator)
    search = make_search(estimator(**FAST), n_candidates=6, cv=2, random_state=0).fit(X, y)
    vote = make_vote(search)
    assert len(vote.estimators) == search.n_candidates_[-1] == 2
    vote.fit(X, y)
    members = vote.estimators_
    assert {member["gru"].max_iter for member in members} == {3}
    method = "predict" if estimator is GRURegressor else "predict_proba"
    expected = [getattr(member, method)(X) for member in members]
    np.testing.assert_allclose(getattr(vote, method)(X), np.mean(expected, axis=0))
    best = getattr(search, method)(X)
    assert any(np.array_equal(found, best) for found in expected)


def test_what_cannot_vote():
    X, y = data(GRUStepRegressor)
    with pytest.raises(NotFittedError):
        make_vote(make_search(GRUClassifier()))
    search = make_search(GRUStepRegressor(**FAST), n_candidates=1, cv=2, refit=False).fit(X, y)
    with pytest.raises(TypeError, match="what make_search returns for a GRUClassifier"):
        make_vote(search)
    X, y = data(GRUClassifier)
    pipeline, distributions = search_space(GRUClassifier(**FAST))
    search = RandomizedSearchCV(pipeline, distributions, n_iter=1, cv=2, refit=False).fit(X, y)
    with pytest.raises(TypeError, match="what make_search returns"):
        make_vote(search)


def test_other_searches_take_the_space():
    X, y = data(GRUClassifier)
    pipeline, distributions = search_space(GRUClassifier(**FAST))
    assert len(ParameterGrid(distributions)) > 100
    search = RandomizedSearchCV(pipeline, distributions, n_iter=2, cv=2, random_state=0)
    assert isinstance(search.fit(X, y).best_estimator_, Pipeline)


@pytest.mark.parametrize("estimator", [Pipeline([("gru", GRUClassifier())]), GRUClassifier, None])
@pytest.mark.parametrize("function", [search_space, make_search])
def test_other_estimators_are_refused(function, estimator):
    with pytest.raises(TypeError, match="must be a GRUClassifier.*not in a Pipeline"):
        function(estimator)


def test_the_package_offers_it():
    assert skgru.model_selection.make_search is make_search
    assert "model_selection" in dir(skgru)


def test_examples():
    found = doctest.testmod(_search_space)
    assert found.attempted > 0
    assert found.failed == 0
