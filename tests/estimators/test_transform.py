"""transform: the pooled vectors of classifiers and regressors; states: those of all steps."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_mixin_order

from skgru import GRUClassifier, GRURegressor, SequenceScaler

from .problems import ESTIMATORS, STEP_ESTIMATORS, classes, in_layout, targets_of

LAYOUTS = ["2d", "3d", "ragged", "objects"]
POOLINGS = ["last", "mean", "max", "attention", ("max", "last"), ("last", "mean", "max")]

estimators = pytest.mark.parametrize("estimator", ESTIMATORS)


def fitted(estimator, layout="ragged", size=(4, 6), **options):
    X, y = in_layout(layout)
    model = estimator(size, **{"max_iter": 2, "random_state": 0} | options)
    return model.fit(X, classes(y) if estimator is GRUClassifier else y), X


def head_output(model, vectors):
    """What the head makes of pooled vectors, in units of the result."""
    raw = vectors @ model.coefs_[-1] + model.intercepts_[-1]
    if isinstance(model, GRURegressor):
        return raw[:, 0] * model.target_scale_ + model.target_mean_
    return raw


@estimators
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_head_reads_these_vectors(layout, pooling, bidirectional, estimator):
    model, X = fitted(
        estimator, layout, pooling=pooling, bidirectional=bidirectional, dtype="float64"
    )
    found = model.transform(X)
    n_poolings = 1 if isinstance(pooling, str) else len(pooling)
    assert found.shape == (60, n_poolings * (1 + bidirectional) * 6)
    assert found.dtype == np.float64 and isinstance(found, np.ndarray)
    result = model.decision_function(X) if estimator is GRUClassifier else model.predict(X)
    assert_allclose(head_output(model, found), result, rtol=1e-10, atol=1e-12)


@estimators
def test_in_float32(estimator):
    model, X = fitted(estimator)
    found = model.transform(X)
    assert found.dtype == np.float64
    assert_array_equal(found, found.astype(np.float32))
    result = model.decision_function(X) if estimator is GRUClassifier else model.predict(X)
    assert_allclose(head_output(model, found), result, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_poolings_of_the_states(bidirectional, dtype):
    model, X = fitted(
        GRURegressor, pooling=("last", "mean", "max"), bidirectional=bidirectional, dtype=dtype
    )
    states = model.states(X)
    last, mean, highest = np.split(model.transform(X), 3, axis=1)
    # The GRU that reads from the end has its last state at the first step.
    ends = [np.concatenate([s[-1, :6], s[0, 6:]]) for s in states]
    assert_array_equal(last, ends)
    assert_array_equal(highest, [s.max(axis=0) for s in states])
    precision = {"float32": 1e-5, "float64": 1e-12}[dtype]
    assert_allclose(mean, [s.mean(axis=0) for s in states], rtol=0, atol=precision)


@estimators
def test_neighbours_and_threads_change_no_bit(estimator):
    model, X = fitted(estimator)
    together, states = model.transform(X), model.states(X)
    for i in (0, 31, 59):
        assert_array_equal(model.transform([X[i]])[0], together[i])
        assert_array_equal(model.states([X[i]])[0], states[i])
    model.set_params(n_jobs=2)
    assert_array_equal(model.transform(X), together)
    for one, other in zip(model.states(X), states, strict=True):
        assert_array_equal(one, other)


# --- as a step of a Pipeline --------------------------------------------------------------------


@estimators
def test_names_of_the_columns(estimator):
    model, X = fitted(estimator, pooling="mean")
    prefix = estimator.__name__.lower()
    names = model.get_feature_names_out()
    assert names.tolist() == [f"{prefix}{i}" for i in range(6)]
    model.set_output(transform="pandas")
    frame = model.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == names.tolist()
    assert_array_equal(frame.to_numpy(), clone_with_output(model).transform(X))
    assert isinstance(model.predict(X), np.ndarray)
    model.set_output(transform="polars")
    assert model.transform(X).columns == names.tolist()


def clone_with_output(model):
    """An equal model whose output is an array."""
    other = clone(model)
    vars(other).update({k: v for k, v in vars(model).items() if k != "_sklearn_output_config"})
    return other.set_output(transform="default")


@estimators
@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_before_another_model(estimator, output):
    X, y = in_layout("2d")
    labels = classes(y)
    target = labels if estimator is GRUClassifier else y
    model = estimator(5, max_iter=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model, StandardScaler(), LogisticRegression())
    pipeline.set_output(transform=output)
    # The step before the last learns from y, too: of a regressor these are numbers.
    numbers = labels if estimator is GRUClassifier else (target > 0).astype(int)
    pipeline.fit(X, numbers)
    assert pipeline.predict(X).shape == (60,)
    if output == "pandas":
        assert isinstance(pipeline[:-1].transform(X), pd.DataFrame)
        assert pipeline[:2].get_feature_names_out().tolist() == (
            pipeline[:2].transform(X).columns.tolist()
        )
        assert pipeline[-1].feature_names_in_[0] == f"{estimator.__name__.lower()}0"


@estimators
def test_as_the_last_step(estimator):
    X, y = in_layout("2d")
    target = classes(y) if estimator is GRUClassifier else y
    pipeline = make_pipeline(StandardScaler(), estimator(5, max_iter=2, pooling="last"))
    pipeline.set_output(transform="pandas").fit(X, target)
    assert pipeline.predict(X).shape == (60,)
    assert isinstance(pipeline.predict(X), np.ndarray)
    found = pipeline.transform(X)
    assert isinstance(found, pd.DataFrame) and found.shape == (60, 5)
    assert pipeline.get_feature_names_out().tolist() == found.columns.tolist()
    assert isinstance(pipeline.fit_transform(X, target), pd.DataFrame)


@estimators
def test_vectors_of_ragged_sequences_train_another_model(estimator):
    X, y = in_layout("ragged")
    labels = classes(y, 2)
    target = (labels == "low").astype(int)
    steps = SequenceScaler(), estimator(8, max_iter=20, random_state=0), LogisticRegression()
    assert cross_val_score(make_pipeline(*steps), X, target, cv=3).mean() > 0.7


@estimators
def test_fit_transform_and_unions(estimator):
    X, y = in_layout("2d")
    target = classes(y) if estimator is GRUClassifier else y
    model = estimator(3, max_iter=2, pooling="last", random_state=0)
    assert_array_equal(model.fit_transform(X, target), model.fit(X, target).transform(X))
    union = FeatureUnion([("gru", model), ("scaled", StandardScaler())]).fit(X, target)
    assert union.transform(X).shape == (60, 9)
    assert union.get_feature_names_out()[0] == f"gru__{estimator.__name__.lower()}0"


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *STEP_ESTIMATORS])
def test_the_order_of_the_mixins(estimator):
    check_mixin_order(estimator.__name__, estimator())


@estimators
def test_before_fit_and_with_bad_X(estimator):
    with pytest.raises(NotFittedError):
        estimator().transform(np.zeros((3, 4)))
    with pytest.raises(NotFittedError):
        estimator().get_feature_names_out()
    model, X = fitted(estimator)
    with pytest.raises(ValueError, match="Input X contains NaN at sequence 0"):
        model.transform([x * np.nan for x in X])
    with pytest.raises(ValueError, match="X has 3 features, but .* expecting 2"):
        model.transform([np.zeros((4, 3))])


# --- states -------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *STEP_ESTIMATORS])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_states_of_every_layer(layout, estimator):
    X, y = in_layout(layout)
    if estimator in STEP_ESTIMATORS:
        series = [x if x.ndim == 1 else x[:, 0] for x in X]
        y = targets_of(estimator, np.array(series) if layout in ("2d", "3d") else series)
    elif estimator is GRUClassifier:
        y = classes(y)
    model = estimator((3, 5), max_iter=2, bidirectional=True).fit(X, y)
    for layer, width in ((0, 6), (1, 10), (-1, 10), (-2, 6), (np.int64(1), 10)):
        found = model.states(X, layer)
        assert isinstance(found, list)
        assert [s.shape for s in found] == [(len(x), width) for x in X]
        assert all(s.dtype == np.float64 and np.abs(s).max() <= 1 for s in found)
    for one, other in zip(model.states(X), model.states(X, layer=1), strict=True):
        assert_array_equal(one, other)
    for one, other in zip(model.states(X, 0), model.states(X, -2), strict=True):
        assert_array_equal(one, other)


def test_states_by_the_equations_of_the_cell():
    model, X = fitted(GRURegressor, size=4, dtype="float64")
    W, U, b, b_hn = (model.parameters_[f"gru0.forward.{name}"] for name in ("W", "U", "b", "b_hn"))
    x = (X[0] - model.feature_mean_) / model.feature_scale_
    h = np.zeros(4)
    for step, found in zip(x, model.states(X)[0], strict=True):
        inputs, recurrent = step @ W + b, h @ U
        r, z = (
            1 / (1 + np.exp(-inputs[i : i + 4] - recurrent[i : i + 4])) for i in (0, 4)
        )  # fmt: skip
        n = np.tanh(inputs[8:] + r * (recurrent[8:] + b_hn))
        h = (1 - z) * n + z * h
        assert_allclose(found, h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", [2, -3, 0.0, "last", None, [0]])
def test_layers_that_are_not_there(layer):
    model, X = fitted(GRURegressor)
    message = r"layer is .*integer from -2 to 1: the model has 2 layer\(s\)"
    with pytest.raises(ValueError, match=message):
        model.states(X, layer)


def test_states_before_fit_and_with_bad_X():
    with pytest.raises(NotFittedError):
        GRURegressor().states(np.zeros((3, 4)))
    model, X = fitted(GRURegressor)
    with pytest.raises(ValueError, match="Input X contains NaN at sequence 0, step 0"):
        model.states([x * np.nan for x in X])


# --- parameters_ --------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_parameters_by_name(pooling):
    model, X = fitted(GRUClassifier, pooling=pooling, bidirectional=True)
    assert not hasattr(GRUClassifier(), "parameters_")
    found = model.parameters_
    assert list(found) == [line.split()[0] for line in model.summary().splitlines()[2:-3]]
    assert sum(array.size for array in found.values()) == model._parameters.size
    assert ("pooling.query" in found) == (pooling == "attention")
    before = model.decision_function(X)
    found["head.b"][...] += 1  # views: what is changed changes the model
    assert_allclose(model.decision_function(X), before + 1, rtol=1e-5, atol=1e-6)
    assert all(np.shares_memory(array, model._parameters) for array in found.values())
