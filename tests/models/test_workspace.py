"""Buffers that are used again: aligned, shared by name, and never read before they are written."""

import weakref

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels import cpu
from skgru.models._workspace import Workspace

from .networks import SEED, Engine, random_network, random_sequences
from .test_gru_network import architectures, both_dtypes, random_gradient


@pytest.mark.parametrize("shape", [0, 5, (3, 7), (0, 4), (2, 3, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_zeros_start_a_cache_line(shape, dtype):
    held = []
    for _ in range(20):  # the allocator would align a single array by chance
        array = cpu.zeros(shape, dtype)
        held.append(array)
        assert array.shape == (shape if isinstance(shape, tuple) else (shape,))
        assert array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable
        assert array.ctypes.data % 64 == 0 or array.size == 0
        assert not array.any()


def test_a_name_keeps_its_memory():
    workspace = Workspace(cpu, "float32")
    large = workspace.array("a", (10, 4))
    assert large.dtype == np.float32 and large.ctypes.data % 64 == 0
    large[...] = 7
    small = workspace.array("a", (3, 2))
    assert small.shape == (3, 2) and np.shares_memory(small, large)
    assert small.ctypes.data == large.ctypes.data
    assert not np.shares_memory(workspace.array("b", (10, 4)), large)
    grown = workspace.array("a", (100, 4))
    assert grown.shape == (100, 4) and not np.shares_memory(grown, large)
    assert workspace.array("steps", (4,), np.int64).dtype == np.int64


def test_a_buffer_that_grows_lets_the_smaller_one_go_first():
    class Kernels:
        alive = []

        @classmethod
        def zeros(cls, shape, dtype):
            assert [size for size, ref in cls.alive if ref() is not None] == []
            array = np.zeros(shape, dtype)
            cls.alive.append((shape, weakref.ref(array)))
            return array

        leading = staticmethod(cpu.leading)

    workspace = Workspace(Kernels, "float32")
    for n in (10, 20, 100):
        for shape in ((n, 4), (n // 2, 4), (n, 4)):
            assert workspace.array("a", shape).shape == shape
    assert len(Kernels.alive) == 3


def test_zeros_clears_what_was_there():
    workspace = Workspace(cpu, "float64")
    workspace.array("a", (6,))[...] = np.nan
    assert_array_equal(workspace.zeros("a", (2, 2)), np.zeros((2, 2)))


@both_dtypes
@architectures
def test_a_used_workspace_gives_the_same_bits_as_a_fresh_one(rng, options, dtype):
    network, parameters = random_network(rng, dtype=dtype, **options)
    large = random_sequences(rng, network.n_features, (20, 3, 20, 17, 8, 8, 1) * 4, dtype)
    small = random_sequences(rng, network.n_features, (4, 2, 2, 1), dtype)
    d_large, d_small = (random_gradient(rng, network, x).astype(dtype) for x in (large, small))
    raw, gradient = Engine(network, parameters).gradient(small, d_small, seed=SEED)

    used = Engine(network, parameters)
    used.gradient(large, d_large, seed=SEED)
    for poisoned in (False, True):
        if poisoned:
            for buffer in used.workspace._buffers.values():
                buffer[...] = np.nan if buffer.dtype.kind == "f" else 2**40
        found_raw, found_gradient = used.gradient(small, d_small, seed=SEED)
        assert_array_equal(found_raw, raw)
        assert_array_equal(found_gradient, gradient)
