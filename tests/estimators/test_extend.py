"""Stream.extend: several steps at once are the same steps one by one, or none of them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skgru import GRUClassifier, GRURegressor

from .test_streaming import KINDS, METHODS, assert_same, fitted, so_far, steps


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_is_its_steps(kind):
    estimator, target, options = KINDS[kind]
    model = fitted(estimator, target=target, **options)
    x = steps(9, 3)
    for method in METHODS[estimator]:
        one, several = model.stream(method=method), model.stream(3, method=method)
        first, expected = one.extend(x[:4, 0]), so_far(model, x[:, 0], method)
        assert_same(first, expected[:4])
        assert_same([one.push(x[4, 0])], expected[4:5])
        assert_same(one.extend(x[5:, 0]), expected[5:])
        assert_same(first, expected[:4])  # not overwritten by later steps
        pushed = model.stream(3, method=method)
        assert_same(several.extend(x), [pushed.push(step) for step in x])
        assert several.n_steps.tolist() == [9, 9, 9]


def test_the_shape_of_one_step_and_of_one_stream():
    model, x = fitted(GRUClassifier), steps(1, 2)
    assert model.stream().extend(x[:, 0]).shape == (1,)
    assert model.stream(2).extend(x).shape == (1, 2)
    assert model.stream(method="predict_proba").extend(x[:, 0]).shape == (1, 3)
    assert model.stream(2, method="predict_proba").extend(x).shape == (1, 2, 3)


def test_what_may_be_a_history():
    model, x = fitted(), np.array([[1, -2, 0], [3, 1, 1], [0, 0, 1], [2, -1, 4]])
    expected = so_far(model, x.astype(float))
    for given in (
        x, x.tolist(), [tuple(step) for step in x], x.astype(">f8"), x.astype(object),
        np.asfortranarray(x), pd.DataFrame(x), pl.DataFrame(x), list(x),
    ):  # fmt: skip
        assert_same(model.stream().extend(given), expected)


def test_a_history_is_left_as_it_is():
    model, x = fitted(), steps(5)
    x.flags.writeable = False
    before = x.copy()
    model.stream().extend(x)
    assert x.tobytes() == before.tobytes()


@pytest.mark.parametrize("pooling", ["last", ("mean", "max")])
@pytest.mark.parametrize("n_streams", [1, 2])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "steps is nan at step 3, stream {}, feature 2: not finite.*Fill or skip"),
        (-np.inf, "steps is -inf at step 3, stream {}, feature 2: not finite"),
        (1e300, r"steps is 1e\+300 at step 3, stream {}, feature 2: too large for float32.*Clip"),
    ],
)
def test_a_step_that_is_refused_takes_all_with_it(value, message, n_streams, pooling):
    model = fitted(size=(5, 4), pooling=pooling)
    stream, x = model.stream(n_streams), steps(10, n_streams)
    bad = x[4:].copy()
    bad[3, -1, 2] = value

    def shaped(steps):
        return steps[:, 0] if n_streams == 1 else steps

    found = [stream.extend(shaped(x[:4]))]
    for _ in range(2):
        with pytest.raises(ValueError, match=message.format(n_streams - 1)):
            stream.extend(shaped(bad))
        assert stream.n_steps.tolist() == [4] * n_streams
    found.append(stream.extend(shaped(x[4:])))
    found = np.concatenate(found).reshape(10, n_streams)
    for i in range(n_streams):
        assert_same(found[:, i], so_far(model, x[:, i]))


def test_a_state_that_overflows_takes_all_with_it():
    model = fitted()
    model.coefs_[0][...] = np.repeat([0, 0, 1000], 5)  # gates r, z, n
    model.recurrent_coefs_[0][...] = np.repeat([0, 0, 3e38], 5)
    x = 1 + steps(7) ** 2
    bad = x.copy()
    bad[4] = [-1e36, -2e36, -1e36]
    stream = model.stream()
    stream.extend(x[:2])
    with pytest.raises(ValueError, match=r"-2e\+36 at step 2, stream 0, feature 1: too large"):
        stream.extend(bad[2:])
    assert_same(stream.extend(x[2:]), so_far(model, x)[2:])


@pytest.mark.parametrize(
    ("n_streams", "bad", "error", "message"),
    [
        (1, np.ones(3), ValueError, r"steps has shape \(3,\).*\(n_steps, 3\).*one stream.*push"),
        (1, np.ones((2, 2)), ValueError, r"steps has shape \(2, 2\).*\(n_steps, 3\)"),
        (1, np.ones((2, 1, 3)), ValueError, r"steps has shape \(2, 1, 3\)"),
        (1, np.ones((0, 3)), ValueError, r"steps has shape \(0, 3\).*at least one step"),
        (1, [], ValueError, r"steps has shape \(0,\)"),
        (1, 3.0, ValueError, r"steps has shape \(\)"),
        (1, None, ValueError, r"steps has shape \(\)"),
        (2, np.ones((2, 3)), ValueError, r"steps has shape \(2, 3\).*\(n_steps, 2, 3\).*2 streams"),
        (2, np.ones((4, 1, 3)), ValueError, r"steps has shape \(4, 1, 3\)"),
        (1, [[1, 2, 3], [1, 2]], ValueError, "steps is uneven: step 1 .* step 0"),
        (1, [[1, 2, 3], [1, {}, 2]], TypeError, "steps at step 1, feature 1 is not a number"),
        (2, [[[1, 2, 3], [1, "a", 2]]], ValueError, "steps "),
    ],
)
def test_what_is_no_history(n_streams, bad, error, message):
    stream = fitted().stream(n_streams)
    with pytest.raises(error, match=message):
        stream.extend(bad)
    assert stream.n_steps.tolist() == [0] * n_streams


def test_a_table_and_a_long_history():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 400))
    model = GRURegressor(5, max_iter=1).fit(X, X[:, -1])
    stream = model.stream()
    assert_same(stream.extend(X[0][:, np.newaxis])[-1:], model.predict(X[:1]))
    assert stream.n_steps.tolist() == [400]
