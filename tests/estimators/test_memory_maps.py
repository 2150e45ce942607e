"""Memory maps in any view: the same bits as the copy in memory, and never read whole."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru import GRUClassifier, GRURegressor, SequenceScaler
from skgru.data import _inputs, _sequences, _statistics
from tests.memory_maps import VIEWS, in_memory, on_disk


@pytest.mark.filterwarnings("ignore:X is read as")  # one of the views has a single step
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", ">f4", ">f8"])
def test_results_are_those_of_the_copy_to_the_last_bit(dtype, tmp_path, rng):
    mapped = on_disk(tmp_path / "X.dat", (100 * rng.normal(size=(40, 7, 6))).astype(dtype))
    for name, view in VIEWS.items():
        X, copy = view(mapped), in_memory(view(mapped))
        n = len(X)
        y, weight = np.arange(n) % 3, np.arange(n) % 4
        model = GRURegressor(3, max_iter=2, batch_size=8, random_state=0, early_stopping=True)
        expected = model.fit(copy, y, sample_weight=weight).predict(copy)
        parameters, mean = model._parameters, model.feature_mean_
        assert_array_equal(model.predict(X), expected, err_msg=name)
        model.fit(X, y, sample_weight=weight)
        assert_array_equal(model._parameters, parameters, err_msg=name)
        assert_array_equal(model.feature_mean_, mean, err_msg=name)


@pytest.mark.filterwarnings("ignore:X is read as")
@pytest.mark.parametrize("dtype", ["f4", "i2", ">f4", ">f8"])
def test_scaling_is_that_of_the_copy(dtype, tmp_path, rng):
    mapped = on_disk(tmp_path / "X.dat", (100 * rng.normal(size=(9, 7, 3))).astype(dtype))
    for name, view in VIEWS.items():
        X, copy = view(mapped), in_memory(view(mapped))
        found, expected = SequenceScaler().fit(X), SequenceScaler().fit(copy)
        assert_array_equal(found.scale_, expected.scale_, err_msg=name)
        for new, old in (
            (found.transform(X), expected.transform(copy)),
            (found.inverse_transform(X), expected.inverse_transform(copy)),
        ):
            assert type(new) is type(old)
            for one, other in zip(new, old, strict=True):
                assert one.dtype == other.dtype
                assert_array_equal(one, other, err_msg=name)


def test_attention_and_partial_fit_take_views(tmp_path, rng):
    X = rng.normal(size=(20, 8, 3))
    mapped = on_disk(tmp_path / "X.dat", X)
    y = np.arange(20) % 2
    model = GRUClassifier(3, max_iter=2, pooling="attention", random_state=0)
    model.fit(X[:, 3:], y).partial_fit(X[:, ::2], y)
    expected = model.predict_proba(X[:, ::2]), model.attention_weights(X[:, ::2])
    model.fit(mapped[:, 3:], y).partial_fit(mapped[:, ::2], y)
    assert_array_equal(model.predict_proba(mapped[:, ::2]), expected[0])
    assert_array_equal(model.attention_weights(mapped[:, ::2]), expected[1])


@pytest.mark.parametrize(
    "view",
    [
        lambda X: X[:, 10:],
        lambda X: X[:, ::2],
        lambda X: X[::2],
        lambda X: X.reshape(64, 64, 2048).T,
        lambda X: X.view(">f4"),
        list,
    ],
    ids=["later steps", "every other step", "every other sequence", "transposed", "big endian",
         "list"],
)  # fmt: skip
def test_fit_and_predict_never_read_a_view_whole(view, tmp_path, monkeypatch):
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", 2**17)
    monkeypatch.setattr(_statistics, "_CHUNK_BYTES", 2**17)
    np.memmap(tmp_path / "X.dat", dtype=np.float32, mode="w+", shape=(8192, 64, 16)).flush()
    X = view(np.memmap(tmp_path / "X.dat", dtype=np.float32, mode="r", shape=(8192, 64, 16)))
    y = np.arange(len(X)) % 7
    model = GRURegressor(2, max_iter=1, batch_size=32, early_stopping=True)
    model.fit(X[:64], y[:64]).predict(X[:64])  # compiles the kernels
    tracemalloc.start()
    try:
        model.fit(X, y).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < sum(x.nbytes for x in X) / 3


@pytest.mark.parametrize("view", ["list", "Fortran order", "every other step"])
def test_large_arrays_in_memory_are_not_copied_either(monkeypatch, view):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((64, 64, 8000) if view == "Fortran order" else (8000, 64, 8), "f4")
    X = VIEWS[view](X)
    n_bytes = sum(x.nbytes for x in X)
    y = np.arange(len(X)) % 3.0
    model = GRURegressor(3, max_iter=1, random_state=0, early_stopping=False)
    expected = model.fit(X, y).predict(X)
    monkeypatch.setattr(_inputs, "COPY_BYTES", n_bytes // 2)
    monkeypatch.setattr(_sequences, "_PIECE_BYTES", n_bytes // 50)
    monkeypatch.setattr(_statistics, "_CHUNK_BYTES", n_bytes // 50)
    tracemalloc.start()
    found = model.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_array_equal(found, expected)
    assert peak < n_bytes / 2
