"""sliding_windows: against a loop, in every form of a series, and read without a copy."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

from skgru import GRURegressor, sliding_windows
from skgru.data import ScatteredRows, _inputs, _sequences, _statistics, as_sequences
from tests.memory_maps import on_disk

HOURS = pd.date_range("2024-01-01", periods=20, freq="h")
TABLE = np.random.default_rng(0).normal(size=(20, 3))
FRAME = pd.DataFrame(TABLE, index=HOURS, columns=["load", "price", "wind"])


def naive(table, length, step, values=None, horizon=0):
    """Windows and targets one after the other."""
    X, y, start = [], [], 0
    while start + length + horizon <= len(table):
        X.append(table[start : start + length])
        if values is not None:
            y.append(values[start + length - 1 + horizon])
        start += step
    return np.array(X), np.array(y)


@pytest.mark.parametrize("n_times", [5, 6, 7, 20])
@pytest.mark.parametrize("step", [1, 2, 3, 7])
@pytest.mark.parametrize("horizon", [1, 2])
def test_it_is_the_loop(n_times, step, horizon):
    length = 4 if horizon == 1 else 3
    for table in (TABLE[:n_times], TABLE[:n_times, 1]):
        found = sliding_windows(table, length, step=step)
        assert_array_equal(found, naive(table, length, step)[0])
        assert np.shares_memory(found, table) and not found.flags.writeable
        target = TABLE[:n_times, 0]
        X, y = sliding_windows(table, length, step=step, target=target, horizon=horizon)
        expected = naive(table, length, step, target, horizon)
        assert_array_equal(X, expected[0])
        assert_array_equal(y, expected[1])
        assert np.shares_memory(X, table)


def test_the_snippet():
    X, y = sliding_windows(FRAME, 8, target="load", horizon=1)
    assert X.shape == (12, 8, 3) and y.shape == (12,)
    assert_array_equal(X[3], TABLE[3:11])
    assert_array_equal(y, TABLE[8:, 0])
    # The targets have the times that are predicted.
    assert isinstance(y, pd.Series) and y.name == "load"
    assert_array_equal(y.index, HOURS[8:])
    y = sliding_windows(FRAME, 8, step=5, target="load", horizon=3)[1]
    assert_array_equal(y.index, HOURS[10::5])
    assert_array_equal(y, TABLE[10::5, 0])
    cross_val_score(GRURegressor(2, max_iter=1), X, TABLE[8:, 0], cv=TimeSeriesSplit(2, gap=1))


@pytest.mark.parametrize(
    ("series", "target"),
    [
        (FRAME, 0),
        (FRAME, -3),
        (FRAME, FRAME["load"]),
        (TABLE, 0),
        (TABLE, TABLE[:, 0]),
        (pl.DataFrame(TABLE, schema=["load", "price", "wind"]), "load"),
        (pl.DataFrame(TABLE, schema=["load", "price", "wind"]), 0),
        (FRAME["load"], 0),
        (FRAME["load"], "load"),
        (TABLE[:, 0], 0),
        (pl.Series("load", TABLE[:, 0]), "load"),
        (TABLE[:, 0].tolist(), -1),
        (TABLE.astype(">f8"), 0),
        (FRAME.astype("Float64"), "load"),
    ],
)
def test_forms_of_a_series_and_a_target(series, target):
    X, y = sliding_windows(series, 5, target=target)
    assert X.dtype.kind == "f"
    assert_array_equal(X, sliding_windows(TABLE if X.ndim == 3 else TABLE[:, 0], 5)[:-1])
    assert_array_equal(np.asarray(y, float), TABLE[5:, 0])


def test_several_targets():
    polars = pl.DataFrame(TABLE, schema=["load", "price", "wind"])
    for series, target in (
        (FRAME, ["wind", 0]),
        (FRAME, (2, 0)),
        (TABLE, [2, 0]),
        (polars, [2, 0]),
    ):
        y = sliding_windows(series, 5, target=target, horizon=2)[1]
        assert_array_equal(y, TABLE[6:, [2, 0]])
        assert not hasattr(series, "iloc") or y.index[0] == HOURS[6]
    assert sliding_windows(FRAME["load"], 5, target=["load"])[1].shape == (15, 1)
    y = sliding_windows(FRAME, 5, target=FRAME[["wind", "load"]], horizon=2)[1]
    assert_array_equal(y.index, HOURS[6:])


@pytest.mark.parametrize(("step", "horizon"), [(1, 1), (1, 5), (3, 1), (4, 5), (5, 1), (9, 2)])
def test_the_gap_that_the_docstring_names(step, horizon):
    length, rows = 5, np.arange(80)
    X, y = sliding_windows(rows, length, step=step, target=0, horizon=horizon)
    least = (length + horizon - 1) // step
    for gap, is_enough in ((least, True), (least - 1, False)):
        if gap >= 0:
            for train, test in TimeSeriesSplit(2, gap=gap, test_size=2).split(X):
                assert (y[train].max() < X[test].min()) == is_enough


def test_several_horizons():
    series = TABLE[:, 0]
    X, y = sliding_windows(series, 5, target=0, horizon=range(1, 4))
    both = sliding_windows(series, 8)
    assert_array_equal(X, both[:, :5])
    assert_array_equal(y, both[:, 5:])
    X, y = sliding_windows(FRAME, 5, step=2, target="load", horizon=[3, 1])
    assert_array_equal(X, sliding_windows(TABLE, 5, step=2)[: len(X)])
    assert_array_equal(y, np.column_stack([TABLE[7::2, 0], TABLE[5:-2:2, 0]]))
    assert_array_equal(sliding_windows(series, 5, target=0, horizon=[2])[1], series[6:, None])


def test_labels_as_targets():
    labels = np.array(["low", "high"])[(TABLE[:, 0] > 0).astype(int)]
    assert_array_equal(sliding_windows(TABLE, 5, target=labels)[1], labels[5:])


# --- several series -----------------------------------------------------------------------------


def test_several_series():
    series = [TABLE, TABLE[:6], TABLE[3:12]]
    expected = [sliding_windows(x, 5, step=2, target=1) for x in series]
    X, y = sliding_windows(series, 5, step=2, target=1)
    assert isinstance(X, list)
    assert_array_equal(X, np.concatenate([x for x, _ in expected]))
    assert_array_equal(y, np.concatenate([y for _, y in expected]))
    assert all(np.shares_memory(x, TABLE) for x in X)
    assert_array_equal(X, sliding_windows(series, 5, step=2, target=[x[:, 1] for x in series])[0])
    counts = [1 + (len(x) - 5 - 1) // 2 for x in series]  # as the docstring has it
    assert counts == [len(y) for _, y in expected]
    GRURegressor(2, max_iter=1).fit(X, y).predict(X)

    frames = [FRAME, FRAME[:6]]
    X, y = sliding_windows(frames, 5, target="price")
    assert_array_equal(y, [*TABLE[5:, 1], TABLE[5, 1]])
    objects = np.empty(2, object)
    objects[:] = [TABLE[:, 0], TABLE[:7, 0]]
    assert [x.shape for x in sliding_windows(objects, 6)] == [(6,)] * 17
    groups = [x for _, x in FRAME.groupby(FRAME.index.hour < 8)]
    assert len(sliding_windows(groups, 5)) == 8 + 4


def test_texts():
    assert sliding_windows("abcdefgh", 3) == ["abc", "def"]
    assert sliding_windows("abcdefgh", 3, step=2) == ["abc", "cde", "efg"]
    assert sliding_windows(["abcd", "efg"], 2) == ["ab", "cd", "ef"]
    assert sliding_windows([["a", "b", "c", "d"]], 2) == [["a", "b"], ["c", "d"]]
    assert sliding_windows(np.array(list("abc")), 2).tolist() == [["a", "b"], ["b", "c"]]
    with pytest.raises(ValueError, match="target is for series of numbers"):
        sliding_windows("abc", 2, target=0)


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("series", "length", "options", "message"),
    [
        (TABLE, 21, {}, r"X has 20 step\(s\), but length=21 needs 21"),
        (TABLE, 19, {"target": 0, "horizon": 2}, r"X has 20 .* target 2 step\(s\) .* needs 21"),
        ([TABLE, TABLE[:4]], 5, {}, r"Series 1 of X has 4 step\(s\), but length=5 needs 5"),
        ("ab", 3, {}, r"X has 2 step\(s\), but length=3"),
        (FRAME, 5, {"target": "sun"}, r"target='sun' is not among the columns of X, \['load'"),
        (TABLE, 5, {"target": "load"}, r"target='load' is not among the columns of X, \[None\]"),
        (TABLE, 5, {"target": 3}, r"target=3, but X has 3 column\(s\)"),
        (TABLE, 5, {"target": TABLE[1:, 0]}, r"target has the shape \(19,\), but X has 20 steps"),
        ([TABLE], 5, {"target": [TABLE, TABLE]}, "X is a list of 1 series, target has 2 items"),
        (TABLE, 0, {}, "length is 0, but must be a positive integer"),
        (TABLE, 5.0, {}, "length is 5.0, but must be a positive integer"),
        (TABLE, 5, {"step": 0}, "step is 0, but must be"),
        (TABLE, 5, {"horizon": 0, "target": 0}, "horizon is 0, but must be"),
        (TABLE, 5, {"horizon": range(3), "target": 0}, "horizon is 0, but must be"),
        (TABLE, 5, {"horizon": [], "target": 0}, "horizon is empty"),
        (TABLE, 5, {"target": []}, "target is an empty list"),
        (TABLE, 5, {"horizon": [1, 2], "target": [0, 1]}, "2 columns and there are 2 horizons"),
        (TABLE[None], 5, {}, r"X has 3 dimensions.*list\(X\)"),
        ([], 5, {}, "empty list"),
        (FRAME.reset_index(), 5, {}, "X has dates or times in column 'index'"),
        (FRAME.set_index("load", append=True), 5, {}, r"several levels.*groupby\(level=0\)"),
    ],
)
def test_errors(series, length, options, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(series, length, **options)


def test_errors_of_type():
    with pytest.raises(TypeError, match=r"X is a dict.*list\(X.values\(\)\)"):
        sliding_windows({"a": TABLE}, 5)
    with pytest.raises(TypeError, match="target is a list, but not of numbers or names"):
        sliding_windows(TABLE, 5, target=TABLE[:, 0].tolist())


# --- estimators read views ----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["3d", "2d", "several", "memory map"])
def test_a_fit_does_not_copy_windows(form, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    # Windows of 15 MB over series of at most 120 kB.
    n_features, length, dtype = (1, 256, "f8") if form == "2d" else (4, 128, "f4")
    series = rng.normal(size=(7700, n_features)).astype(dtype)
    source = {
        "3d": series,
        "2d": series[:, 0],
        "several": [series[:3000], series[3000:]],
        "memory map": on_disk(tmp_path / "X.dat", series),
    }[form]
    X, y = sliding_windows(source, length, target=0)
    n_bytes = sum(x.nbytes for x in X)
    assert n_bytes > 1.5e7
    monkeypatch.setattr(_inputs, "COPY_BYTES", n_bytes // 2)
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", n_bytes // 50)
    monkeypatch.setattr(_statistics, "_CHUNK_BYTES", n_bytes // 50)
    values = as_sequences(X).values
    assert isinstance(values, ScatteredRows)
    assert np.shares_memory(values.items[0], X[0])
    model = GRURegressor(2, max_iter=1, batch_size=32, random_state=0, early_stopping=False)
    model.fit(X[:64], y[:64]).predict(X[:64])  # compiles the kernels
    tracemalloc.start()
    found = model.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n_bytes / 2
    if form == "3d":
        assert_array_equal(model.fit(np.array(X), y).predict(X), found)
