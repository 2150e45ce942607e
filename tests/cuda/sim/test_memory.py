"""Arrays on the device: filled, copied, sent."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels import cuda as kernels
from tests.cuda.packed import to_device

from .test_pooling import both, both_dtypes


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
    for shape in ((30,), (7,), (3, 4), (2, 3, 5)):
        view = kernels.leading(buffer, shape)
        expected = values[: np.prod(shape)].reshape(shape)
        assert view.shape == shape and view.dtype == dtype
        assert view.strides == expected.strides
        assert_array_equal(view.copy_to_host(), expected)
        kernels.fill(view, len(shape))
        values[: np.prod(shape)] = len(shape)
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


def test_mail_comes_in_order(rng):
    mail = kernels.Mail()
    for n in (3, 50, 7, *range(1, 40)):
        target, letter = to_device(np.zeros(n, np.int64)), rng.integers(0, 99, n)
        mail.send(letter, target)
        assert_array_equal(target.copy_to_host(), letter)


def test_targets_of_chosen_sequences(rng):
    targets, weights, indices = rng.normal(size=(9, 2)), rng.uniform(size=9), np.array([8, 0, 3])
    found = to_device(np.zeros((3, 2)), np.zeros(3))
    kernels.take_targets(*to_device(targets, weights, indices), *found)
    assert_array_equal(found[0].copy_to_host(), targets[indices])
    assert_array_equal(found[1].copy_to_host(), weights[indices])
