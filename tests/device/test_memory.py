"""Arrays on the device: filled, copied, sent."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels import cpu
from skgru.kernels import cuda as kernels
from skgru.kernels.cuda._launch import scratch

from .compare import both, both_dtypes
from .packed import to_device

pytestmark = pytest.mark.emulator


@both_dtypes
def test_columns_and_rows(rng, dtype):
    wide, narrow = rng.normal(size=(5, 9)).astype(dtype), rng.normal(size=(5, 4)).astype(dtype)
    both("copy_columns", wide, 3, narrow)
    both("copy_columns", narrow, 1, wide)
    both("copy_columns", narrow[0], 0, wide[0])
    both("fill", wide, 3)


@both_dtypes
def test_views_of_a_buffer(rng, dtype):
    values = rng.normal(size=30).astype(dtype)
    buffer = to_device(values)
    for shape, start in (((30,), 0), ((7,), 0), ((3, 4), 0), ((3, 4), 5), ((2, 3, 5), 0)):
        view = kernels.leading(buffer, shape, start)
        expected = cpu.leading(values, shape, start)
        assert view.shape == shape and view.dtype == dtype
        assert view.strides == expected.strides
        assert_array_equal(view.copy_to_host(), expected)
        kernels.fill(view, len(shape))
        expected[...] = len(shape)
    assert_array_equal(buffer.copy_to_host(), values)


def test_zeros_and_copies(rng):
    values = rng.normal(size=(4, 3))
    values.flags.writeable = False
    device = kernels.to_device(values)
    assert kernels.to_device(device) is device
    assert_array_equal(kernels.to_host(device), values)
    target = kernels.zeros((4, 3), "float64")
    assert not kernels.to_host(target).any()
    kernels.copy(device, target)
    found = np.zeros((4, 3))
    kernels.copy(target, found)
    assert_array_equal(found, values)
    kernels.copy(2 * values, target)
    assert_array_equal(kernels.to_host(target), 2 * values)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int16", "float32"), ("int64", "float64"),
     ("bool", "float32"), ("float16", "float32"), (">f4", "float32")],
)  # fmt: skip
def test_a_data_set_moves_in_pieces(rng, monkeypatch, dtype, expected):
    monkeypatch.setattr(kernels.memory, "_CHUNK_BYTES", 40)
    values = rng.normal(scale=100, size=(11, 3)).astype(dtype)
    found = kernels.to_device_if_it_fits(values)
    assert found.dtype == expected
    assert_array_equal(kernels.to_host(found), values.astype("float64"))


def test_a_data_set_without_room_stays(rng, monkeypatch):
    monkeypatch.setattr(kernels.memory, "_DATA_SHARE", -1.0)
    assert kernels.to_device_if_it_fits(rng.normal(size=(11, 3))) is None


@pytest.mark.parametrize("n_buffers", [1, 2, 16])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_staged_arrays_arrive_in_order(rng, monkeypatch, dtype, n_buffers):
    """Also arrays that are too large for a buffer, whose copies are waited for."""
    monkeypatch.setattr(kernels.memory, "_PIECE_BYTES", 8 * 60)
    monkeypatch.setattr(kernels.memory, "with_room", lambda size: size)  # every buffer grows
    staging, sent = kernels.StagingBuffers(dtype, n_buffers), []
    with kernels.session(0, "fp32"):
        for n in (3, 300, 50, 7, 60, *range(1, 20), 300):
            buffer = staging.next((n, 1))
            assert buffer.shape == (n, 1) and buffer.dtype == dtype
            buffer[...] = rng.integers(0, 99, (n, 1))
            target = kernels.to_device(np.zeros((n, 1), dtype))
            staging.upload(buffer, target)
            sent.append((buffer.copy(), target))
        for expected, target in sent:
            assert_array_equal(kernels.to_host(target), expected)


def test_what_is_read_only_or_cut_is_copied_whole(rng):
    values = rng.normal(size=(6, 5))
    values.flags.writeable = False
    for source in (values[::2], values.T, values[:, 1:3]):
        assert_array_equal(kernels.to_host(kernels.to_device(source)), source)
        target = kernels.zeros(source.shape, "float64")
        kernels.copy(source, target)
        assert_array_equal(kernels.to_host(target), source)


def test_scratch_grows_and_seldom(rng):
    with kernels.session(0, "fp32"):
        assert scratch("some", 0, "float32").size == 0
        first = scratch("some", 1500, "float32")
        assert first.dtype == "float32" and first.ndim == 1 and first.size >= 1500
        for n in (1, 1600, 1500):
            assert scratch("some", n, "float32") is first
        grown = scratch("some", 4000, "float32")
        assert grown.size >= 4000 and scratch("some", 1500, "float32") is grown
        assert scratch("some", 1500, "float64") is not grown
        assert scratch("other", 1500, "float32") is not grown
        with kernels.session(0, "fp32"):
            assert scratch("some", 1, "float32") is not grown
        assert scratch("some", 1, "float32") is grown


def test_targets_of_chosen_sequences(rng):
    targets, weights, indices = rng.normal(size=(9, 2)), rng.uniform(size=9), np.array([8, 0, 3])
    found = to_device(np.zeros((3, 2)), np.zeros(3))
    kernels.take_targets(*to_device(targets, weights, indices), *found)
    assert_array_equal(found[0].copy_to_host(), targets[indices])
    assert_array_equal(found[1].copy_to_host(), weights[indices])
