"""mase against sums written out, in every layout of several series."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgru.metrics import mase


def naive_mase(true, pred, train, m):
    scale = sum(abs(train[t] - train[t - m]) for t in range(m, len(train))) / (len(train) - m)
    return sum(abs(a - b) for a, b in zip(true, pred, strict=True)) / len(true) / scale


def test_known_values():
    # The example of sktime's mean_absolute_scaled_error, which documents this value.
    train, true, pred = [5, 0.5, 4, 6, 3, 5, 2], [3, -0.5, 2, 7, 2], [2.5, 0.0, 2, 8, 1.25]
    steps = [4.5, 3.5, 2, 3, 2, 3]
    assert np.mean([0.5, 0.5, 0, 1, 0.75]) / np.mean(steps) == pytest.approx(0.18333333333333335)
    assert mase(true, pred, train) == pytest.approx(0.18333333333333335)
    assert mase(true, true, train) == 0
    # The naive forecast of the next training value has the error of its own scale.
    assert mase(train[1:], train[:-1], train) == pytest.approx(1)
    assert mase(train[2:], train[:-2], train, seasonality=2) == pytest.approx(1)


@given(
    st.integers(1, 3),
    st.lists(st.integers(-9, 9), min_size=4, max_size=12),
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=6),
    st.floats(0.1, 100),
    st.floats(-100, 100),
)
def test_it_equals_the_sum_and_does_not_depend_on_the_unit(m, train, steps, scale, shift):
    true, pred = np.array(steps, float).T
    train = np.array(train, float)
    if (train[m:] == train[:-m]).all():
        with pytest.raises(ValueError, match="scale of the series is 0"):
            mase(true, pred, train, seasonality=m)
        return
    expected = naive_mase(true, pred, train, m)
    assert mase(true, pred, train, seasonality=m) == pytest.approx(expected)
    moved = [scale * values + shift for values in (true, pred, train)]
    assert mase(*moved, seasonality=m) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_several_series():
    rng = np.random.default_rng(0)
    true, pred, train = rng.standard_normal((3, 2)), rng.standard_normal((3, 2)), np.eye(7)[:, :2]
    each = [naive_mase(true[:, i], pred[:, i], train[:, i], 1) for i in range(2)]
    assert mase(true, pred, train) == pytest.approx(np.mean(each))
    assert mase(true, pred, train, sample_weight=[3, 1]) == pytest.approx(
        (3 * each[0] + each[1]) / 4
    )
    names = ["a", "b"]
    frames = [pd.DataFrame(x, columns=names) for x in (true, pred, train)]
    assert mase(*frames) == pytest.approx(np.mean(each))
    assert mase(*(pl.from_pandas(frame) for frame in frames)) == pytest.approx(np.mean(each))
    # Columns are found by name where both have names, by position where one has none.
    assert mase(frames[0], frames[1][["b", "a"]], frames[2]) == pytest.approx(np.mean(each))
    assert mase(frames[0], pred, list(train.T)) == pytest.approx(np.mean(each))
    assert mase(*({"a": x[:, 0], "b": x[:, 1]} for x in (true, pred, train))) == pytest.approx(
        np.mean(each)
    )
    ragged = [true[:2, 0], true[:, 1]], [pred[:2, 0], pred[:, 1]], [train[:5, 0], train[:, 1]]
    assert mase(*ragged) == pytest.approx(
        np.mean([naive_mase(*(x[0] for x in ragged), 1), naive_mase(*(x[1] for x in ragged), 1)])
    )


def test_missing_values():
    nan = np.nan
    assert mase([1, nan, 3], [2, 9, 3], [1, nan, 3, 5, 4]) == pytest.approx(0.5 / 1.5)
    with pytest.raises(ValueError, match="y_pred is not finite"):
        mase([1, 2], [nan, 2], [1, 2])
    with pytest.raises(ValueError, match="no known value"):
        mase([nan, nan], [1, 2], [1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [1], [2, 2, 2]), "The scale of the series is 0"),
        (({"oil": [1], "gas": [1]}, {"oil": [1], "gas": [1]}, {"oil": [1, 2], "gas": [2, 2]}),
         "The scale of series 'gas' is 0"),
        ((np.ones((1, 2)), np.ones((1, 2)), np.array([[1, 3], [2, 3]])), "of series 1 is 0"),
        (([1], [1], [2]), "y_train has 1 steps for the series; a seasonality of 1 needs"),
        (([1, 2], [1], [1, 2]), "y_true has 2 steps, but y_pred has 1, for the series"),
        ((np.ones((2, 2)), np.ones((2, 1)), np.ones((2, 2))), "y_pred has 1 series, but y_true"),
        (({"a": [1]}, {"b": [1]}, {"a": [1, 2]}), "y_pred has no series 'a'"),
        (([], [], []), "no known value"),
    ],
)  # fmt: skip
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        mase(*arguments)


@pytest.mark.parametrize("seasonality", [0, 1.5, -1])
def test_seasonality_is_a_number_of_steps(seasonality):
    with pytest.raises(ValueError, match="whole number of steps"):
        mase([1], [1], [1, 2], seasonality=seasonality)


def test_weights_are_of_series():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        mase(np.ones((1, 2)), np.ones((1, 2)), np.eye(2), sample_weight=[1, 2, 3])
