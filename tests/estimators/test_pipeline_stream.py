"""Streams of Pipelines and searches: every step passes through the transformers."""

import doctest

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skgru
from skgru import GRUClassifier, GRURegressor, GRUStepRegressor, SequenceScaler
from skgru.estimators import _pipeline_stream

from .problems import classes, in_layout, ragged, steps_in_layout
from .test_streaming import assert_same, so_far

LAYOUTS = ["2d", "3d", "ragged", "objects"]


def gru(estimator=GRURegressor, **options):
    return estimator(**{"hidden_layer_sizes": 5, "max_iter": 2, "random_state": 0} | options)


def beginnings(x, layout):
    """Every beginning of a sequence as an X of its own."""
    if layout == "3d":
        return [x[np.newaxis, : t + 1] for t in range(len(x))]
    return [[x[: t + 1]] for t in range(len(x))]


def shifted(X):
    """X with a mean and a spread that have to be scaled away."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return 100 + 7 * X
    return [100 + 7 * x for x in X]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("with_std", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_step_is_scaled(layout, with_std, dtype):
    X, y = in_layout(layout)
    X = [x.astype(dtype) for x in shifted(X)]
    X = np.array(X) if layout in ("2d", "3d") else X
    model = make_pipeline(SequenceScaler(with_std=with_std), gru(standardize=False)).fit(X, y)
    stream = skgru.stream(model)
    found = [stream.push(step) for step in X[5]]
    if layout == "2d":  # whose width is fixed
        assert_same(found[-1:], model.predict(X[5:6]))
    else:
        expected = [model.predict(given)[0] for given in beginnings(X[5], layout)]
        assert_same(found, expected)
    stream.reset()
    assert_same(stream.extend(X[5]), found)
    # What the stream of the last estimator would have said of a step that is not scaled.
    assert not np.array_equal(model[-1].stream().extend(X[5]), found)


def log_and_sign(X):
    """Two features of one, in every layout."""
    return [np.column_stack([np.log1p(np.abs(x[:, 0])), np.sign(x)]) for x in X]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_several_transformers_in_a_search(method):
    X, y = ragged()
    inner = Pipeline([("nothing", "passthrough"), ("scale", SequenceScaler())])
    model = Pipeline([
        ("function", FunctionTransformer(log_and_sign)),
        ("none", None),
        ("identity", FunctionTransformer()),
        ("inner", Pipeline([("scale", inner[1]), ("gru", gru(GRUClassifier))])),
    ])  # fmt: skip
    search = GridSearchCV(model, {"inner__gru__pooling": ["last", "max"]}, cv=2)
    search.fit(X, classes(y))
    x = X[0] if len(X[0]) > 3 else np.vstack(X[:6])
    stream = skgru.stream(search, method=method)
    assert stream.n_features == 3
    found = [stream.push(step) for step in x]
    assert_same(found, so_far(search, x, method))
    two = skgru.stream(search.best_estimator_, 2, method=method)
    together = [two.push([step, -step]) for step in x]
    assert_same([step[0] for step in together], found)
    assert_same([step[1] for step in together], so_far(search, -x, method))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_function_gets_the_layout_of_fit(layout):
    X, y = in_layout(layout)
    is_array = layout in ("2d", "3d")

    def function(X, power):
        assert isinstance(X, np.ndarray) == is_array or layout == "objects"
        return X**power if is_array else [x**power for x in X]

    model = make_pipeline(FunctionTransformer(function, kw_args={"power": 3}), gru())
    model.fit(X, y)
    assert_same(skgru.stream(model).extend(X[5])[-1:], model.predict(X[5:6]))


def test_models_of_steps_and_bare_estimators():
    X, y = steps_in_layout("3d")
    model = make_pipeline(SequenceScaler(), gru(GRUStepRegressor)).fit(shifted(X), y)
    expected = model.predict(shifted(X[:1]))[0]
    assert_same(skgru.stream(model).extend(shifted(X[0])), expected)
    bare = model[-1]
    assert_same(skgru.stream(bare).extend(X[0]), bare.stream().extend(X[0]))
    assert isinstance(skgru.stream(bare), skgru.estimators.Stream)


def test_a_later_fit_of_the_scaler_does_not_change_a_stream():
    X, y = in_layout("3d")
    model = make_pipeline(SequenceScaler(), gru()).fit(X, y)
    stream = skgru.stream(model)
    expected = stream.extend(X[0])
    model.fit(shifted(X), y)
    stream.reset()
    assert_same(stream.extend(X[0]), expected)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda X: [x - x.mean(axis=0) for x in X],
        lambda X: [np.cumsum(x, axis=0) for x in X],
        lambda X: [np.column_stack([x, np.arange(len(x))]) for x in X],
        lambda X: [np.diff(x, axis=0, prepend=0) for x in X],
        lambda X: [np.diff(x, axis=0, prepend=x[:1]) for x in X],
        lambda X: [np.vstack([x, x]) for x in X],
    ],
    ids=["mean", "sum", "elapsed", "difference", "difference with 0 first", "twice as long"],
)
def test_a_function_of_several_steps_is_refused(function):
    X, y = ragged()
    model = Pipeline([("f", FunctionTransformer(function)), ("gru", gru())]).fit(X, y)
    stream = skgru.stream(model)
    with pytest.raises(ValueError, match="Step 'f' of the Pipeline does not work step by step"):
        for step in np.vstack(X[:3]):
            stream.push(step)
    assert stream.n_steps[0] <= 1


def test_a_function_that_drops_steps_is_refused():
    X, y = ragged()
    X = [np.vstack([x, x]) for x in X]
    halve = FunctionTransformer(lambda X: [x[1::2] for x in X])
    stream = skgru.stream(make_pipeline(halve, gru()).fit(X, y))
    with pytest.raises(ValueError, match=r"returns \(1, 0, 2\) for sequences of 1 step"):
        stream.push(X[0][0])


def test_transformers_that_are_not_for_steps():
    X, y = in_layout("2d")
    for transformer, name in ((StandardScaler(), "StandardScaler"), (PCA(3), "PCA")):
        model = make_pipeline(SequenceScaler(), transformer, gru()).fit(X, y)
        with pytest.raises(TypeError, match=f"Step '{name.lower()}' .*, {name}, cannot be applied"):
            skgru.stream(model)


def test_models_without_a_stream():
    X, y = in_layout("2d")
    fitted = gru().fit(X, y)
    for model in (
        LinearRegression().fit(X, y),
        make_pipeline(gru(), LinearRegression()).fit(X, y),
        TransformedTargetRegressor(gru()).fit(X, y),
        GRURegressor,
        fitted.predict,
        None,
    ):
        with pytest.raises(TypeError, match="stream needs a fitted GRU estimator of skgru"):
            skgru.stream(model)
    search = GridSearchCV(gru(), {"alpha": [0, 1]}, cv=2, refit=False).fit(X, y)
    with pytest.raises(TypeError, match="GridSearchCV has no best_estimator_, .* refit=False"):
        skgru.stream(search)
    for model in (gru(), make_pipeline(SequenceScaler(), gru()), GridSearchCV(gru(), {})):
        with pytest.raises(NotFittedError):
            skgru.stream(model)
    with pytest.raises(ValueError, match="'method' parameter of stream"):
        skgru.stream(fitted, method="transform")
    with pytest.raises(ValueError, match="bidirectional=True needs whole sequences"):
        skgru.stream(make_pipeline(SequenceScaler(), gru(bidirectional=True)).fit(X, y))


def test_wrong_steps_leave_the_stream_as_it_was():
    X, y = in_layout("3d")
    scaled = make_pipeline(SequenceScaler(), gru()).fit(X, y)
    widened = make_pipeline(FunctionTransformer(lambda X: X[:, :, :2]), gru()).fit(X, y)
    table = make_pipeline(FunctionTransformer(np.abs), gru()).fit(X[:, :, 0], y)
    for model, bad, message in (
        (scaled, [1.0, 2.0, 3.0], "x has 3 features, but SequenceScaler is expecting 2"),
        (scaled, 1.0, "x has 1 features, but SequenceScaler is expecting 2"),
        (scaled, [[1.0, 2.0]], r"x has shape \(1, 2\), but a step .* has shape \(n_features,\)"),
        (scaled, [np.nan, 2.0], "x, once transformed, is nan in stream 0, feature 0"),
        (scaled, [1.0, 1e308], "x, once transformed, is .*e.* in stream 0, feature 1"),
        (widened, [1.0], "The transformers make 1 features of a step, but .* fitted on 2"),
        (table, [1.0, 2.0], "x has 2 features, but the Pipeline was fitted on a 2D table"),
    ):
        stream = skgru.stream(model)
        step = X[0, 0] if model is not table else X[0, 0, 0]
        expected = skgru.stream(model).extend([step, step])
        found = [stream.push(step)]
        with pytest.raises(ValueError, match=message):
            stream.push(bad)
        with pytest.raises(ValueError, match="steps|, but"):
            stream.extend([step, bad] if np.shape(bad) == np.shape(step) else [bad])
        assert_same([*found, stream.push(step)], expected)


def test_examples():
    found = doctest.testmod(_pipeline_stream)
    assert found.attempted > 0
    assert found.failed == 0
