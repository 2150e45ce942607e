"""Sequences as they are stored and read: tables, and views of memory maps that are never whole."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgru.data import ScatteredRows, _sequences, _statistics, as_sequences, column_moments
from tests.memory_maps import VIEWS, in_memory, on_disk

# --- rows of sequences that lie apart -----------------------------------------------------------

lengths_of_all = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def scattered(lengths, dtype=np.float64):
    """Scattered rows with the numbers 0, 1, 2, ... and the table that they stand for."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    table = np.arange(2 * offsets[-1]).reshape(-1, 2).astype(dtype)
    items = [table[i:j].copy() for i, j in zip(offsets, offsets[1:], strict=False)]
    return ScatteredRows(items, offsets, table.dtype), table


@given(lengths_of_all, st.data())
def test_scattered_rows_are_read_like_a_table(lengths, data):
    rows, table = scattered(lengths)
    assert (rows.shape, rows.dtype, len(rows)) == (table.shape, table.dtype, len(table))
    start = data.draw(st.integers(0, len(table) - 1))
    stop = data.draw(st.integers(start + 1, len(table) + 3))
    numbers = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1, max_size=20))
    for chosen in (slice(None), slice(start, stop), np.array(numbers), np.sort(numbers)):
        found = rows[chosen]
        np.testing.assert_array_equal(found, table[chosen])
        assert found.flags.c_contiguous and found.dtype == table.dtype
        assert not any(np.shares_memory(found, item) for item in rows.items)


# --- the first value that, and the extremes ------------------------------------------------------


@pytest.fixture(params=[None, 16], ids=["one piece", "piece by row"])
def pieces(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(_sequences, "_PIECE_BYTES", request.param)


@pytest.mark.usefixtures("pieces")
class TestReading:
    @given(lengths_of_all, st.data())
    def test_the_first_value_is_found(self, lengths, data):
        X = [np.zeros((length, 2)) for length in lengths]
        sequences = as_sequences(X)
        assert sequences.find(lambda values: values != 0) == (None, None)
        places = [(i, t, j) for i, n in enumerate(lengths) for t in range(n) for j in range(2)]
        first = data.draw(st.integers(0, len(places) - 1))
        for i, step, feature in places[first:]:
            X[i][step, feature] = 1 + i
        i, step, feature = places[first]
        place = f"sequence {i}, step {step}, feature {feature}"
        assert as_sequences(X).find(lambda values: values != 0) == (place, 1 + i)

    @given(lengths_of_all, st.integers(0, 2**32 - 1))
    def test_extremes(self, lengths, seed):
        rng = np.random.default_rng(seed)
        X = [rng.normal(size=(length, 2)).astype(np.float32) for length in lengths]
        rows = np.concatenate(X)
        assert as_sequences(X).extremes == (rows.min(), rows.max())


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.int64])
def test_integers_are_not_read_for_their_extremes(dtype):
    X = np.zeros((2, 3), dtype)
    bounds = (0, 1) if dtype is np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert as_sequences(X).extremes == tuple(map(float, bounds))


# --- memory maps ---------------------------------------------------------------------------------


@pytest.fixture(params=["f4", "f8", "i2", ">f4", ">f8", ">i2", "f2", "?", "longdouble"])
def maps(request, tmp_path, rng):
    """Memory maps as they are looked at, each with the copy in memory."""
    X = (100 * rng.normal(size=(6, 7, 3))).astype(request.param)
    mapped = on_disk(tmp_path / "X.dat", X)
    swapped = {">f4": "f4", "f4": ">f4"}.get(request.param, ">f8")
    found = {name: (view(mapped), in_memory(view(X))) for name, view in VIEWS.items()}
    found["all"] = mapped, in_memory(X)
    others = [mapped[0], *X[1:3], mapped[3].astype(swapped), mapped[4, ::2]]
    return found | {"mixed list": (others, in_memory(others))}


@pytest.mark.usefixtures("pieces")
def test_views_of_memory_maps_equal_their_copies(maps):
    indices, weight = np.array([0, 1, 1, 4]), np.array([1, 2, 0.5, 1, 0, 3, 1])
    for name, (view, copy) in maps.items():
        found, expected = as_sequences(view), as_sequences(copy)
        assert (found.layout, found.extremes) == (expected.layout, expected.extremes), name
        assert found.values.dtype == expected.values.dtype, name
        assert found.values.shape == expected.values.shape, name
        np.testing.assert_array_equal(found.offsets, expected.offsets)
        np.testing.assert_array_equal(found.values[:], expected.values)
        for i, expected_rows in enumerate(expected):
            np.testing.assert_array_equal(found[i], expected_rows)
        used, weights = indices[indices < len(found)], weight[: len(found)]
        for chosen in (None, None), (used, None), (None, weights), (used, weights):
            moments = [column_moments(sequences, *chosen) for sequences in (found, expected)]
            for one, other in zip(*moments, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("dtype", ["f4", ">f8"])
@pytest.mark.parametrize("name", VIEWS)
def test_nan_is_found_in_whichever_view(name, dtype, tmp_path, rng):
    X = rng.normal(size=(6, 7, 3)).astype(dtype)
    bad = rng.random(X.shape) < 0.02
    bad[2, 4, 0] = bad[2, 2] = bad[0, -1] = True
    X[bad] = np.nan
    view = VIEWS[name](on_disk(tmp_path / "X.dat", X))
    with pytest.raises(ValueError) as expected:
        as_sequences(in_memory(view))
    with pytest.raises(ValueError, match="NaN at sequence") as found:
        as_sequences(view)
    assert str(found.value) == str(expected.value)


SHAPE = 2048, 64, 64
LARGE_VIEWS = {
    "all": lambda X: X,
    "some sequences": lambda X: X[10:2000],
    "two long sequences": lambda X: X.reshape(2, -1, 64)[:, 1:],
    **VIEWS,
}


@pytest.fixture
def memory_map(tmp_path):
    """32 MiB of zeros on disk."""
    np.memmap(tmp_path / "X.dat", dtype=np.float32, mode="w+", shape=SHAPE).flush()
    return np.memmap(tmp_path / "X.dat", dtype=np.float32, mode="r+", shape=SHAPE)


@pytest.mark.parametrize("dtype", ["f4", ">f4"])
@pytest.mark.parametrize("name", LARGE_VIEWS)
def test_a_memory_map_is_never_held_whole(name, dtype, memory_map, monkeypatch):
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", 2**18)
    monkeypatch.setattr(_statistics, "_CHUNK_BYTES", 2**18)
    X = LARGE_VIEWS[name](memory_map.view(dtype))
    tracemalloc.start()
    try:
        sequences = as_sequences(X)
        assert sequences.find(lambda values: values != 0) == (None, None)
        column_moments(sequences)
        column_moments(sequences, np.arange(0, len(sequences), 3), np.ones(len(sequences)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    stored = sequences.values
    for item in stored.items if isinstance(stored, ScatteredRows) else [stored]:
        assert np.shares_memory(item, memory_map)
    assert peak < 3 * 2**20


def test_nan_in_a_memory_map_is_found_in_whichever_piece(memory_map):
    memory_map[1999, 63, 5] = np.nan
    with pytest.raises(ValueError, match="NaN at sequence 1999, step 63, feature 5"):
        as_sequences(memory_map)
    with pytest.raises(ValueError, match="NaN at sequence 1989, step 13, feature 4"):
        as_sequences(memory_map[10:, 50:, 1:])


def test_a_memory_map_of_one_dimension_is_not_searched_for_words(memory_map):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="Reshape your data"):
            as_sequences(memory_map.reshape(-1))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
