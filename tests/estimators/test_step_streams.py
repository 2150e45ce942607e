"""Streams of step models: after every step what predict says of that step, to the last bit."""

import numpy as np
import pytest

from skgru import GRUStepClassifier, GRUStepRegressor

from .problems import STEP_ESTIMATORS, flat, like, step_classes, steps_in_layout
from .test_streaming import assert_same

METHODS = {
    GRUStepRegressor: ["predict"],
    GRUStepClassifier: ["predict", "predict_proba", "predict_log_proba", "decision_function"],
}


def columns(*functions):
    return lambda y: like(y, np.column_stack([function(flat(y)) for function in functions]))


def positive(y):
    return (y > 0).astype(int)


KINDS = {
    "one target": (GRUStepRegressor, lambda y: y, {}),
    "a column": (GRUStepRegressor, columns(np.sin), {}),
    "several targets": (GRUStepRegressor, columns(np.sin, np.exp), {}),
    "a quantile": (GRUStepRegressor, lambda y: y, {"loss": "quantile", "quantile": 0.9}),
    "quantiles": (GRUStepRegressor, lambda y: y, {"loss": "quantile", "quantile": [0.1, 0.9]}),
    "quantiles of several targets": (
        GRUStepRegressor, columns(np.sin, np.exp), {"loss": "quantile", "quantile": [0.2, 0.8]},
    ),
    "counts": (GRUStepRegressor, lambda y: [positive(item) for item in y], {"loss": "poisson"}),
    "two classes": (GRUStepClassifier, lambda y: step_classes(y, 2), {}),
    "classes": (GRUStepClassifier, step_classes, {}),
    "labels": (GRUStepClassifier, columns(positive, lambda y: positive(y + 0.3)), {}),
}  # fmt: skip


def fitted(kind="one target", size=5, **options):
    estimator, target, more = KINDS[kind]
    X, y = steps_in_layout("ragged")
    return estimator(size, max_iter=2, random_state=0, **more, **options).fit(X, target(y))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [5, (17, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_predict_of_that_step(kind, size, dtype, rng):
    model, x = fitted(kind, size, dtype=dtype), rng.normal(size=(3, 12, 2))
    for method in METHODS[type(model)]:
        expected = getattr(model, method)(x)
        for sequence, whole in zip(x, expected, strict=True):
            stream = model.stream(method=method)
            assert_same([stream.push(step) for step in sequence], whole)
        stream = model.stream(3, method=method)
        found = [stream.push(x[:, t]) for t in range(12)]
        for i, whole in enumerate(expected):
            assert_same([step[i] for step in found], whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_and_what_follows(kind, rng):
    model, x = fitted(kind), rng.normal(size=(9, 3, 2))
    for method in METHODS[type(model)]:
        expected = getattr(model, method)(x.transpose(1, 0, 2))
        one, several = model.stream(method=method), model.stream(3, method=method)
        history = one.extend(x[:6, 0])
        assert_same([*history, one.push(x[6, 0]), *one.extend(x[7:, 0])], expected[0])
        found = several.extend(x)
        assert_same(np.moveaxis(found, 0, 1), expected)


def test_reset_and_states(rng):
    model, x = fitted("classes"), rng.normal(size=(8, 2, 2))
    stream = model.stream(2, method="predict_proba")
    whole = model.predict_proba(x.transpose(1, 0, 2))
    stream.extend(x[:3])
    state = stream.get_state()
    assert_same(stream.extend(x[3:])[:, 1], whole[1, 3:])
    stream.set_state(state)
    stream.reset(0)
    found = stream.extend(x[3:])
    assert_same(found[:, 1], whole[1, 3:])
    assert_same(found[:, 0], model.predict_proba([x[3:, 0]])[0])


def test_a_table_is_streamed_number_by_number():
    X, y = steps_in_layout("2d")
    model = GRUStepRegressor(5, max_iter=2).fit(X, y)
    stream = model.stream(len(X))
    assert_same(stream.extend(X.T[:, :, np.newaxis]).T, model.predict(X))


@pytest.mark.parametrize("estimator", STEP_ESTIMATORS)
def test_both_directions_cannot_be_streamed(estimator):
    kind = "classes" if estimator is GRUStepClassifier else "one target"
    with pytest.raises(ValueError, match="bidirectional=True needs whole.*bidirectional=False"):
        fitted(kind, bidirectional=True).stream()
    with pytest.raises(ValueError, match="'method' parameter of stream must be"):
        fitted(kind).stream(method="transform")
