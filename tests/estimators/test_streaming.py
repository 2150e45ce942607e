"""Streams: after every step what predict says of the sequence so far, to the last bit."""

import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skgru import GRUClassifier, GRURegressor

from .problems import classes, ragged, table

N_FEATURES = 3


def fitted(estimator=GRURegressor, size=5, *, target=None, **options):
    """A model after two epochs on ragged sequences; ``target`` makes its y from numbers."""
    X, y = ragged(n_features=N_FEATURES)
    if target is None:
        target = classes if estimator is GRUClassifier else np.asarray
    return estimator(size, **{"max_iter": 2, "random_state": 0} | options).fit(X, target(y))


def steps(*shape, seed=1):
    """New values (*shape, n_features), in units that the model has to scale."""
    return np.random.default_rng(seed).normal(size=(*shape, N_FEATURES))


def so_far(model, x, method="predict"):
    """Predictions for every beginning of a sequence, from one step to all of them."""
    return getattr(model, method)([x[: t + 1] for t in range(len(x))])


def assert_same(found, expected):
    """Both are of one type and shape, and equal to the last bit."""
    found, expected = np.array(list(found)), np.array(list(expected))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


def columns(*functions):
    return lambda y: np.column_stack([function(y) for function in functions])


def positive(y):
    return (y > 0).astype(int)


KINDS = {
    "one target": (GRURegressor, None, {}),
    "a column": (GRURegressor, columns(np.sin), {}),
    "several targets": (GRURegressor, columns(np.sin, np.exp), {"standardize": False}),
    "a quantile": (GRURegressor, None, {"loss": "quantile", "quantile": 0.9}),
    "quantiles": (GRURegressor, None, {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}),
    "quantiles of several targets": (
        GRURegressor, columns(np.sin, np.exp), {"loss": "quantile", "quantile": [0.2, 0.8]},
    ),
    "counts": (GRURegressor, positive, {"loss": "poisson"}),
    "two classes": (GRUClassifier, lambda y: classes(y, 2), {}),
    "classes": (GRUClassifier, classes, {}),
    "labels": (GRUClassifier, columns(positive, lambda y: 1 - positive(y), positive), {}),
}  # fmt: skip

METHODS = {
    GRURegressor: ["predict"],
    GRUClassifier: ["predict", "predict_proba", "predict_log_proba", "decision_function"],
}

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@dtypes
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_predict_of_the_sequence_so_far(kind, dtype):
    estimator, target, options = KINDS[kind]
    model = fitted(estimator, target=target, dtype=dtype, **options)
    x = steps(3, 12)
    for method in METHODS[estimator]:
        for sequence in x:
            stream = model.stream(method=method)
            assert_same(
                # All of them before the comparison: a step must not overwrite an earlier one.
                [stream.push(step) for step in sequence], so_far(model, sequence, method),
            )  # fmt: skip
        stream = model.stream(len(x), method=method)
        found = [stream.push(x[:, t]) for t in range(x.shape[1])]
        for i, sequence in enumerate(x):
            assert_same([step[i] for step in found], so_far(model, sequence, method))


@dtypes
@pytest.mark.parametrize("size", [17, (17, 5), (3, 40, 1)])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", ("max", "last", "mean")])
def test_poolings_and_sizes(pooling, size, dtype):
    model = fitted(size=size, pooling=pooling, dtype=dtype, max_iter=1)
    stream, x = model.stream(), steps(25)
    assert_same(map(stream.push, x), so_far(model, x))


def test_a_step_of_a_table_is_one_number():
    X, y = table()
    model = GRURegressor(5, max_iter=2).fit(X, y)
    stream = model.stream(len(X))
    assert stream.n_features == 1
    for step in X.T:
        found = stream.push(step[:, np.newaxis])
    assert_same(found, model.predict(X))
    single = model.stream()
    assert_same([[single.push([value]) for value in X[7]][-1]], model.predict(X[7:8]))


@pytest.mark.parametrize("number", [float, int, np.float32, np.int64, np.array, np.bool_])
def test_a_single_feature_needs_no_axis(number):
    X = np.round(5 * table()[0])
    model = GRURegressor(5, max_iter=2).fit(X, X[:, -1])
    x = np.array([number(value) for value in X[7]])
    stream = model.stream()
    expected = [stream.push([value]) for value in x]
    stream.reset()
    assert_same([stream.push(number(value)) for value in X[7]], expected)
    assert_same(model.stream().extend(x), expected)
    assert_same(model.stream().extend(x[:, np.newaxis]), expected)
    two = model.stream(2)
    assert_same([two.push([value, 0])[0] for value in x], expected)
    assert_same(model.stream(2).extend(np.column_stack([x, x]))[:, 1], expected)
    for wrong in ([1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], 1.0):
        with pytest.raises(ValueError, match="a step of 2 streams has shape"):
            two.push(wrong)
    for wrong in (3.0, np.zeros((2, 3)), np.zeros((2, 2, 2)), np.zeros((2, 1, 1, 1)), []):
        with pytest.raises(ValueError, match=r"should have \(n_steps, 2, 1\) for at least one"):
            two.extend(wrong)


def test_dropout_is_for_training_only():
    model = fitted(size=(8, 8), dropout=0.5, recurrent_dropout=0.5)
    stream, x = model.stream(), steps(10)
    assert_same(map(stream.push, x), so_far(model, x))


@pytest.mark.parametrize("n_streams", [2, 7, 100])
def test_streams_do_not_see_each_other(n_streams):
    model, x = fitted(size=17), steps(n_streams, 6)
    stream = model.stream(np.int64(n_streams))
    assert stream.n_streams == n_streams
    together = [stream.push(x[:, t]) for t in range(6)]
    for i in (0, 1, n_streams // 2, n_streams - 1):
        alone = model.stream()
        assert_same([step[i] for step in together], map(alone.push, x[i]))


def test_what_may_be_pushed():
    model = fitted()
    x = np.array([[1, -2, 0], [3, 1, 1], [0, 0, 1], [2, -1, 4]])
    expected = so_far(model, x.astype(float))
    readonly = x.astype(float)
    readonly.flags.writeable = False
    for given in (
        x, x.tolist(), [tuple(map(float, step)) for step in x], x.astype("float32"),
        x.astype(">f8"), x.astype("int8"), x.astype(object), x.astype(float)[:, ::-1][:, ::-1],
        readonly, [pd.Series(step, list("abc")) for step in x],
    ):  # fmt: skip
        assert_same(map(model.stream().push, given), expected)
    assert_same(map(model.stream().push, x > 0), so_far(model, (x > 0).astype(float)))
    two = model.stream(2)
    assert_same([two.push([step.tolist()] * 2)[1] for step in x], expected)
    assert_same([two.push(np.asfortranarray([x[0], x[1]]))[0] for _ in range(1)],
                so_far(model, np.vstack([x, x[:1]]).astype(float))[-1:])  # fmt: skip


def test_a_step_is_copied_and_left_as_it_is():
    model, x = fitted(), steps(8)
    stream, step, found = model.stream(), np.empty(N_FEATURES), []
    for values in x:
        step[:] = values
        found.append(stream.push(step))
        assert step.tobytes() == values.tobytes()
    assert_same(found, so_far(model, x))


def test_n_steps_counts():
    stream = fitted().stream(2)
    assert stream.n_steps.tolist() == [0, 0]
    assert stream.n_steps.dtype == np.int64
    stream.push(steps(2))
    seen = stream.n_steps
    stream.push(steps(2))
    stream.reset(1)
    assert seen.tolist() == [1, 1]
    assert stream.n_steps.tolist() == [2, 0]
    stream.n_steps[:] = 9
    assert stream.n_steps.tolist() == [2, 0]


# --- states -------------------------------------------------------------------------------------

poolings = pytest.mark.parametrize("pooling", ["last", "mean", "max", ("last", "mean", "max")])


@poolings
def test_reset_starts_again(pooling):
    model, x = fitted(size=(5, 4), pooling=pooling), steps(6)
    stream = model.stream()
    first = [stream.push(step) for step in x]
    stream.reset()
    assert_same(map(stream.push, x), first)
    # What remains of a stream far away must not be seen either.
    stream.push(np.full(N_FEATURES, 1e6))
    stream.reset(0)
    assert_same(map(stream.push, x), first)


@poolings
@pytest.mark.parametrize(
    "chosen",
    [1, -1, [0, 2], (1,), np.array([2, 0]), [False, True, True], np.zeros(3, bool), [], range(3)],
    ids=repr,
)
def test_reset_of_some_streams(pooling, chosen):
    model, x = fitted(size=(5, 4), pooling=pooling), steps(9, 3)
    stream = model.stream(3)
    for step in x[:4]:
        stream.push(step)
    stream.reset(chosen)
    found = [stream.push(step) for step in x[4:]]
    is_reset = np.zeros(3, bool)
    is_reset[np.asarray(chosen, dtype=None if len(np.atleast_1d(chosen)) else int)] = True
    assert stream.n_steps.tolist() == np.where(is_reset, 5, 9).tolist()
    for i in range(3):
        sequence = x[4 if is_reset[i] else 0 :, i]
        assert_same([step[i] for step in found], so_far(model, sequence)[-5:])


def test_reset_of_streams_that_are_not_there():
    model, x = fitted(), steps(4, 2)
    stream = model.stream(2)
    stream.push(x[0])
    for chosen in (2, -3, [0, 5], [True, False, True], [True], "first", [0.5], [[0], [1, 1]], {0}):
        with pytest.raises(
            ValueError, match="^streams is .*0 to 1, a list of them, or a mask of 2"
        ):
            stream.reset(chosen)
    assert_same([stream.push(step)[0] for step in x[1:]], so_far(model, x[:, 0])[1:])


def test_streams_that_end_and_begin_at_different_times():
    model = fitted(GRUClassifier, size=9)
    waiting, found = [steps(length, seed=length) for length in (4, 1, 6, 2, 2, 5, 3)], []
    stream = model.stream(2, method="predict_proba")
    running = [waiting.pop(0), waiting.pop(0)]
    while waiting:
        n_steps = stream.n_steps
        predictions = stream.push([x[n] for x, n in zip(running, n_steps, strict=True)])
        ended = stream.n_steps == [len(x) for x in running]
        for i in np.flatnonzero(ended)[: len(waiting)]:
            found.append((running[i], predictions[i]))
            running[i] = waiting.pop(0)
        stream.reset(ended)
    assert len(found) == 5
    for x, prediction in found:
        assert_same([prediction], model.predict_proba([x]))


@dtypes
@poolings
def test_a_state_goes_on_in_another_stream_of_a_reloaded_model(pooling, dtype):
    model, x = fitted(size=(5, 17), pooling=pooling, dtype=dtype), steps(12, 2)
    stream = model.stream(2)
    for step in x[:5]:
        stream.push(step)
    saved = pickle.dumps((model, stream.get_state()))
    expected = [stream.push(step) for step in x[5:]]
    assert_same([step[1] for step in expected], so_far(model, x[:, 1])[5:])
    reloaded, state = pickle.loads(saved)
    other = reloaded.stream(2)
    other.push(100 * x[0])
    for _ in range(2):  # a state may be used again
        other.set_state(state)
        assert other.n_steps.tolist() == [5, 5]
        assert_same(map(other.push, x[5:]), expected)


@dtypes
def test_states_by_name(dtype):
    model, x = fitted(size=(5, 17), dtype=dtype), steps(2, 7)
    stream = model.stream(2)
    assert not any(array.any() for array in stream.states().values())
    for t in range(x.shape[1]):
        stream.push(x[:, t])
        found = stream.states()
        assert [f"{name}.W" in model.parameters_ for name in found] == [True, True]
        for layer, name in enumerate(found):
            expected = [states[-1] for states in model.states(x[:, : t + 1], layer=layer)]
            assert_same(found[name], expected)
    stream.reset(1)
    assert [array.any(axis=1).tolist() for array in stream.states().values()] == 2 * [[True, False]]
    before = stream.states()["gru1.forward"].copy()
    stream.states()["gru1.forward"][...] = 9
    assert_same(stream.states()["gru1.forward"], before)
    single = model.stream()
    single.push(x[0, 0])
    assert {name: array.shape for name, array in single.states().items()} == {
        "gru0.forward": (5,),
        "gru1.forward": (17,),
    }


def test_a_state_is_a_copy():
    model, x = fitted(), steps(8)
    stream = model.stream()
    for step in x[:3]:
        stream.push(step)
    state = stream.get_state()
    before = [array.copy() for array in state]
    stream.push(x[3])
    for array, old in zip(state, before, strict=True):
        assert array.tobytes() == old.tobytes()
    stream.set_state(state)
    for array in state:
        array[...] = 99
    assert_same(map(stream.push, x[3:]), so_far(model, x)[3:])


@pytest.mark.parametrize(
    "other",
    [
        {"n_streams": 3},
        {"size": 40},
        {"size": (16, 16)},
        {"pooling": ("last", "mean")},
        {"dtype": "float64"},
        {"size": 9},  # padded to the same number of units
    ],
    ids=str,
)
def test_the_state_of_another_network_is_refused(other):
    options = {"n_streams": 2, "size": 16, "pooling": "last", "dtype": "float32"}

    def make(n_streams, **options):
        model = fitted(**options)
        return model, model.stream(n_streams)

    _, foreign = make(**options | other)
    model, stream = make(**options)
    x = steps(5, 2)
    stream.push(x[0])
    foreign.push(steps(foreign.n_streams))
    with pytest.raises(ValueError, match="state"):
        stream.set_state(foreign.get_state())
    with pytest.raises(ValueError, match=r"2 stream\(s\)"):
        stream.set_state(stream.get_state()[:-1])
    for state in (None, 3, "abc", [], [None], [[1], [1, 2]], np.zeros(3)):
        with pytest.raises(ValueError, match="^state is .*Pass what get_state returned"):
            stream.set_state(state)
    assert_same([stream.push(step)[0] for step in x[1:]], so_far(model, x[:, 0])[1:])


def test_the_state_of_other_parameters_or_scales_is_refused():
    model, x = fitted(), steps(2)
    state = model.stream().get_state()
    for name in ("_parameters", "feature_mean_", "feature_scale_"):
        other = copy.deepcopy(model)
        getattr(other, name)[0] += 1
        stream = other.stream()
        before = stream.push(x[0])
        with pytest.raises(ValueError, match="^state belongs to another model, .* checksums"):
            stream.set_state(state)
        stream.reset()
        assert_same([stream.push(x[0])], [before])
        stream.set_state(other.stream().get_state())


def test_a_stream_says_what_it_is():
    model, x = fitted(), steps(4)
    stream = model.stream()
    name = type(model).__name__
    assert repr(stream) == f"<Stream of {name}, 1 stream, 0 steps>"
    stream.push(x[0])
    assert repr(stream) == f"<Stream of {name}, 1 stream, 1 step>"
    several = model.stream(3)
    several.push(steps(3))
    several.push(steps(3))
    assert repr(several) == f"<Stream of {name}, 3 streams, 2 steps>"
    several.reset(1)
    assert repr(several) == f"<Stream of {name}, 3 streams, 0 to 2 steps>"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stream_is_not_copied_but_its_state_is(duplicate):
    # Its buffers are views of each other; a copy of the arrays would compute something else.
    with pytest.raises(TypeError, match="get_state"):
        duplicate(fitted().stream())


# --- refusals -----------------------------------------------------------------------------------


def goes_on_after(model, bad, n_streams, error, message):
    """Check that a push of ``bad`` is refused, twice, and leaves every stream as it was."""
    x = steps(7, n_streams)
    stream = model.stream(n_streams)

    def push(step):
        return stream.push(step[0] if n_streams == 1 else step)

    def refuse():
        for _ in range(2):
            with pytest.raises(error, match=message):
                stream.push(bad)

    refuse()
    found = [push(step) for step in x[:4]]
    refuse()
    assert stream.n_steps.tolist() == [4] * n_streams
    found += [push(step) for step in x[4:]]
    for i in range(n_streams):
        own = found if n_streams == 1 else [step[i] for step in found]
        assert_same(own, so_far(model, x[:, i]))


@pytest.mark.parametrize(
    ("n_streams", "bad", "message"),
    [
        (1, 3.0, r"x has shape \(\), but a step of one stream has shape \(3,\)"),
        (1, [1.0, 2.0], r"x has shape \(2,\), but .* \(3,\)"),
        (1, np.zeros((1, 3)), r"x has shape \(1, 3\), but a step of one stream has shape \(3,\)"),
        (1, [], r"x has shape \(0,\)"),
        (1, None, r"x has shape \(\)"),
        (2, [1.0, 2.0, 3.0], r"x has shape \(3,\), but a step of 2 streams has shape \(2, 3\)"),
        (2, np.zeros((3, 2)), r"x has shape \(3, 2\), but .* \(2, 3\)"),
        (2, np.zeros((1, 3)), r"x has shape \(1, 3\)"),
        (2, np.zeros((2, 1, 3)), r"x has shape \(2, 1, 3\)"),
        (2, 0, r"x has shape \(\)"),
        (2, [[1, 2, 3], [4, 5]], "x is uneven: stream 1 has another length than stream 0"),
    ],
)
def test_another_shape(n_streams, bad, message):
    goes_on_after(fitted(), bad, n_streams, ValueError, message)


def with_value(value, dtype=float):
    """Steps of three streams with another value in stream 2, feature 1."""
    bad = np.ones((3, N_FEATURES), dtype)
    bad[2, 1] = value
    return bad


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (with_value(np.nan), "nan in stream 2, feature 1: not finite.*Fill or skip"),
        (with_value(None, object), "nan in stream 2, feature 1: not finite"),
        (with_value(np.inf), "inf in stream 2, feature 1: not finite"),
        (with_value(-np.inf), "-inf in stream 2, feature 1: not finite"),
        (with_value(1e300), r"1e\+300 in stream 2, feature 1: too large for float32.*Clip"),
        (with_value(-1e39), r"-1e\+39 in stream 2, feature 1: too large"),
    ],
    ids=["NaN", "None", "inf", "-inf", "1e300", "-1e39"],
)
def test_values_that_cannot_be_predicted_from(bad, message, pooling):
    alone = message.replace("stream 2", "stream 0")
    # With units that fill whole vectors even an infinite input saturates the gates, no more.
    for size in ((5, 4), 16):
        model = fitted(size=size, pooling=pooling, max_iter=1)
        goes_on_after(model, bad, 3, ValueError, message)
        goes_on_after(model, bad[2], 1, ValueError, alone)


def test_far_values_are_no_trouble_in_float64():
    model, x = fitted(dtype="float64"), steps(5)
    x[2, 1] = 1e300
    stream = model.stream()
    assert_same(map(stream.push, x), so_far(model, x))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (
            with_value("many", object),
            ValueError,
            "x at stream 2, feature 1 is not a number: .*'many'",
        ),
        (with_value({}, object), TypeError, "x at stream 2, feature 1 is not a number: .*'dict'"),
        (with_value("1", "U4"), ValueError, "x has dtype <U4.*Convert"),
        (with_value(b"1", "S4"), ValueError, "x has dtype .S4"),
        ([["x"] * 3] * 3, ValueError, "x has dtype <U1"),
        (with_value(1j, complex), ValueError, "Complex data not supported: x"),
        (np.zeros((3, 3), "datetime64[s]"), ValueError, "x has dtype datetime64"),
        (np.zeros((3, 3), "timedelta64[s]"), ValueError, "x has dtype timedelta64"),
        (np.ma.masked_equal(np.eye(3), 1), ValueError, "x is a masked array"),
        (sparse.csr_matrix(np.eye(3)), TypeError, "Sparse data was passed for x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_number(bad, error, message):
    # None of it is taken by predict either.
    goes_on_after(fitted(), bad, 3, error, message)


@poolings
def test_states_that_overflow(pooling):
    model = fitted(size=(5, 4), pooling=pooling)
    W, U = model.coefs_[0], model.recurrent_coefs_[0]
    W[...] = np.repeat([0, 0, 1000], 5)  # gates r, z, n
    U[...] = np.repeat([0, 0, 3e38], 5)
    x = 1 + steps(7, 3) ** 2
    bad = x[4].copy()
    bad[1] = [-1e36, -2e36, -1e36]  # -inf from the input, +inf from the state
    message = (
        r"prediction for sequence 0 of X is not finite.* -2e\+36 at step 4, feature 1, is too "
        "large for float32.*Clip such values"
    )
    with pytest.raises(ValueError, match=message):
        model.predict([np.vstack([x[:4, 1], bad[1]])])
    stream = model.stream(3)
    found = [stream.push(step) for step in x[:4]]
    for _ in range(2):
        with pytest.raises(ValueError, match=r"-2e\+36 in stream 1, feature 1: too large"):
            stream.push(bad)
    assert stream.n_steps.tolist() == [4] * 3
    found += [stream.push(step) for step in x[4:]]
    for i in range(3):
        assert_same([step[i] for step in found], so_far(model, x[:, i]))


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_models_that_cannot_run_forward_in_time(estimator):
    for options, message in (
        ({"bidirectional": True}, "bidirectional=True.*whole sequences.*bidirectional=False"),
        ({"pooling": "attention"}, "'attention'.*whole sequences.*'last', 'mean', 'max'"),
        ({"pooling": ("last", "attention")}, "'attention'.*Fit with .*'last', 'mean', 'max'"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted(estimator, max_iter=1, **options).stream()


def test_what_counts_is_how_the_model_was_fitted():
    model, x = fitted(), steps(5)
    model.set_params(bidirectional=True, pooling="attention", hidden_layer_sizes=9)
    stream = model.stream()
    assert_same(map(stream.push, x), so_far(model, x))


@pytest.mark.parametrize("n_streams", [0, -1, 1.5, 2.0, None, "2", [2]])
def test_bad_n_streams(n_streams):
    with pytest.raises(ValueError, match="n_streams.* must be an int in the range"):
        fitted(max_iter=1).stream(n_streams)


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (GRURegressor, "predict_proba"),
        (GRURegressor, "decision_function"),
        (GRUClassifier, "score"),
        (GRUClassifier, "transform"),
        (GRUClassifier, None),
    ],
)
def test_bad_method(estimator, method):
    with pytest.raises(ValueError, match="method.* must be a str among .*'predict'"):
        fitted(estimator, max_iter=1).stream(method=method)


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_before_fit(estimator):
    with pytest.raises(NotFittedError, match=f"This {estimator.__name__} instance is not fitted"):
        estimator().stream()


# --- the model behind ---------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_a_stream_keeps_the_model_as_it_was(estimator):
    model, x = fitted(estimator), steps(6)
    method = METHODS[estimator][-1]
    before = so_far(model, x, method)
    streams = [model.stream(method=method) for _ in range(3)]
    for stream in streams:
        stream.push(x[0])
    X, y = ragged(n_features=N_FEATURES, seed=5)
    y = classes(y) if estimator is GRUClassifier else y
    model.partial_fit(X, y)
    assert_same(map(streams[0].push, x[1:]), before[1:])
    new = model.stream(method=method)
    after = so_far(model, x, method)
    assert (after != before).any()
    assert_same(map(new.push, x), after)
    for array in (*model.coefs_, *model.intercepts_):
        array[...] = 0
    assert_same(map(streams[1].push, x[1:]), before[1:])
    model.set_params(hidden_layer_sizes=8).fit([100 * x for x in X], y[::-1])
    assert_same(map(streams[2].push, x[1:]), before[1:])


def test_streaming_leaves_the_model_as_it_is():
    model = fitted()
    stored = joblib.hash(model)
    stream = model.stream(2)
    stream.push(steps(2))
    stream.reset()
    assert joblib.hash(model) == stored


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_a_model_in_a_memory_map(tmp_path, estimator):
    model, x = fitted(estimator), steps(8)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped._parameters, np.memmap)
    for method in METHODS[estimator]:
        stream = mapped.stream(method=method)
        found = [stream.push(step) for step in x]
        assert_same(found, so_far(model, x, method))
        assert not any(isinstance(prediction, np.memmap) for prediction in found)


def test_streams_in_threads():
    model, x = fitted(size=(17, 9)), steps(16, 150)

    def run(i):
        stream = model.stream()
        return [stream.push(step) for step in x[i]]

    with ThreadPoolExecutor(8) as pool:
        for i, found in enumerate(pool.map(run, range(len(x)))):
            assert_same(found[::10], model.predict([x[i, : t + 1] for t in range(0, 150, 10)]))


# --- memory -------------------------------------------------------------------------------------


def traced(stream, x, n=2000):
    """Bytes that are left by n steps, and the most that any of them held."""
    for _ in range(20):
        stream.push(x)
    tracemalloc.start()
    try:
        stream.push(x)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(n):
            stream.push(x)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before, peak - before


@pytest.mark.parametrize(
    ("estimator", "method"), [(GRURegressor, "predict"), (GRUClassifier, "predict_proba")]
)
def test_a_step_allocates_no_buffers(estimator, method):
    peaks = []
    for size in (4, 400):
        stream = fitted(estimator, size, max_iter=1).stream(4, method=method)
        left, peak = traced(stream, steps(4))
        assert left < 500  # the last prediction, no more
        peaks.append(peak)
    # One array of states is 1600 bytes for every stream.
    assert abs(peaks[1] - peaks[0]) < 200


def test_many_steps():
    model, n = fitted(size=17, pooling=("last", "mean", "max")), 10_000
    x, stream, memory = steps(n), model.stream(), []
    tracemalloc.start()
    try:
        for t in range(n):
            last = stream.push(x[t])
            if t in (100, n - 1):
                memory.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert memory[1] - memory[0] < 500
    assert stream.n_steps.tolist() == [n]
    assert_same([last], model.predict([x]))
