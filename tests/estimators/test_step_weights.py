"""Weights of step models: of steps, of sequences and of classes; and labels that are missing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru import GRUStepClassifier, GRUStepRegressor

from .problems import flat, like, same_parameters, steps_in_layout
from .test_steps import EXACT, FAST, estimators, problem, results, weights_like


@estimators
@pytest.mark.parametrize("layout", ["3d", "ragged"])
def test_a_weight_of_a_sequence_is_that_of_its_steps(estimator, layout):
    X, y = problem(estimator, layout)
    weight = np.random.default_rng(0).uniform(0.5, 2, 60)
    each = [np.full(len(item), w) for item, w in zip(y, weight, strict=True)]
    each = np.array(each) if layout == "3d" else each
    first = estimator(**FAST).fit(X, y, weight)
    second = estimator(**FAST).fit(X, y, each)
    assert same_parameters(first, second)
    assert first.score(X, y, weight) == first.score(X, y, each) != first.score(X, y)
    assert same_parameters(estimator(**FAST).fit(X, y, 1.0), estimator(**FAST).fit(X, y))


@estimators
@pytest.mark.parametrize("layout", ["2d", "ragged"])
def test_what_stands_at_a_weight_of_zero_does_not_matter(estimator, layout):
    X, y = problem(estimator, layout)
    weight = weights_like(y, zeros=0.3)
    without = flat(weight) == 0
    assert 0.2 < without.mean() < 0.4
    missing = [None, np.nan]
    if estimator is GRUStepRegressor:
        missing += [np.inf, 1e300, -5.0]
    else:
        missing += ["a label that nothing else has", "low"]
    options = FAST | {"early_stopping": True, "recurrent_dropout": 0.1}
    expected = estimator(**options).fit(X, y, weight)
    if estimator is GRUStepClassifier:
        assert expected.classes_.tolist() == ["low", "middle", "top"]
    for value in missing:
        values = flat(y).astype(object)
        values[without] = value
        other = like(y, values)
        found = estimator(**options).fit(X, other, weight)
        assert same_parameters(found, expected)
        assert found.validation_scores_ == expected.validation_scores_
        assert found.score(X, other, weight) == expected.score(X, y, weight)
        assert results(found, X) == results(expected, X)
        validated = estimator(**FAST, scoring=None).fit(
            X, y, X_val=X, y_val=other, sample_weight_val=weight
        )  # fmt: skip
        expected_score = validated.score(X, y, weight)
        assert_allclose(validated.best_validation_score_, expected_score, rtol=1e-12)
        found.partial_fit(X, other, sample_weight=weight)
    assert not same_parameters(expected, estimator(**options).fit(X, y))


@estimators
def test_masks_are_weights(estimator):
    X, y = problem(estimator, "3d")
    mask = np.random.default_rng(0).uniform(size=(60, 6)) > 0.3
    found = estimator(**FAST).fit(X, y, sample_weight=mask)
    assert same_parameters(found, estimator(**FAST).fit(X, y, sample_weight=mask.astype(float)))
    numbers = np.random.default_rng(1).normal(size=(60, 6))
    numbers[~mask] = np.nan
    GRUStepRegressor(**FAST).fit(X, numbers, sample_weight=~np.isnan(numbers))


@estimators
def test_sequences_without_any_weight_are_as_good_as_absent(estimator):
    X, y = problem(estimator)
    weight = [np.full(len(item), float(i % 3 > 0)) for i, item in enumerate(y)]
    kept = [i for i in range(60) if i % 3]
    found = estimator(**FAST).fit(X, y, weight)
    expected = estimator(**FAST).fit([X[i] for i in kept], [y[i] for i in kept])
    assert same_parameters(found, expected)
    assert_array_equal(found.feature_mean_, expected.feature_mean_)


@estimators
def test_last_steps_without_weight_are_as_good_as_cut_off(estimator):
    # Of one direction only, and without scaling: what these steps are is never looked at.
    X, y = problem(estimator)
    weight = [(np.arange(len(item)) < max(1, len(item) - 2)).astype(float) for item in y]
    lengths = [int(w.sum()) for w in weight]
    options = EXACT | {"standardize": False}
    found = estimator(**options).fit(X, y, weight)
    expected = estimator(**options).fit(
        [x[:n] for x, n in zip(X, lengths, strict=True)],
        [item[:n] for item, n in zip(y, lengths, strict=True)],
    )
    assert_allclose(found._parameters, expected._parameters, rtol=1e-9, atol=1e-12)
    assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-12)


@estimators
def test_whole_weights_are_repetitions(estimator):
    X, y = problem(estimator)
    counts = np.random.default_rng(0).integers(0, 4, 60)
    found = estimator(**EXACT).fit(X, y, counts)
    repeated = np.repeat(np.arange(60), counts)
    expected = estimator(**EXACT).fit([X[i] for i in repeated], [y[i] for i in repeated])
    assert_allclose(found._parameters, expected._parameters, rtol=1e-7, atol=1e-9)
    assert_allclose(found.feature_scale_, expected.feature_scale_, rtol=1e-12)


@estimators
def test_features_are_scaled_over_all_steps(estimator):
    X, y = problem(estimator)
    model = estimator(**FAST).fit(X, y)
    assert_allclose(model.feature_mean_, np.mean(np.vstack(X), axis=0), rtol=1e-12)
    assert_allclose(model.feature_scale_, np.std(np.vstack(X), axis=0), rtol=1e-12)
    weight = np.arange(60.0)
    model.fit(X, y, weight)
    steps = np.repeat(weight, [len(x) for x in X])
    assert_allclose(model.feature_mean_, np.average(np.vstack(X), axis=0, weights=steps))
    if estimator is GRUStepRegressor:
        assert_allclose(model.target_mean_, np.average(flat(y), weights=steps))
        # Targets have a weight of their own at every step.
        weight = weights_like(y, zeros=0.3)
        model.fit(X, y, weight)
        assert_allclose(model.target_mean_, np.average(flat(y), weights=flat(weight)))


def test_class_weights_are_weights():
    X, y = problem(GRUStepClassifier)
    labels = flat(y)
    given = {"low": 3.0, "top": 0.5}
    weight = like(y, np.select([labels == label for label in given], list(given.values()), 1.0))
    options = EXACT | {"standardize": False}
    found = GRUStepClassifier(class_weight=given, **options).fit(X, y)
    assert same_parameters(found, GRUStepClassifier(**options).fit(X, y, weight))
    few = like(y, (labels != "low") | (np.arange(len(labels)) % 5 == 0))
    counts = {label: (labels[flat(few)] == label).sum() for label in np.unique(labels)}
    balanced = {label: sum(counts.values()) / (3 * n) for label, n in counts.items()}
    found = GRUStepClassifier(class_weight="balanced", **options).fit(X, y, few)
    expected = GRUStepClassifier(class_weight=balanced, **options).fit(X, y, few)
    assert same_parameters(found, expected)
    assert not same_parameters(found, GRUStepClassifier(**options).fit(X, y, few))


def test_class_weights_of_labels():
    X, y = steps_in_layout("ragged")
    indicators = np.column_stack([flat(y) > 0, flat(y) > 0.5]).astype(int)
    y = like(y, indicators)
    given = [{0: 1, 1: 3}, {0: 2, 1: 1}]
    weight = like(y, np.where(indicators[:, 0], 3.0, 1) * np.where(indicators[:, 1], 1.0, 2))
    options = EXACT | {"standardize": False}
    found = GRUStepClassifier(class_weight=given, **options).fit(X, y)
    assert same_parameters(found, GRUStepClassifier(**options).fit(X, y, weight))
