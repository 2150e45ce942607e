"""How a launch reaches the driver, with a driver that only writes down what it is told."""

import ctypes
import gc
import importlib.util
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)


class Array:
    """What a launch sees of a device array: its pointers lead nowhere."""

    def __init__(self, address, shape, dtype):
        like = np.empty(shape, dtype)
        self.shape, self.strides, self.dtype, self.size = shape, like.strides, like.dtype, like.size
        self.device_ctypes_pointer, self.ndim = ctypes.c_void_p(address), len(shape)

    def is_c_contiguous(self):
        return True

    @property
    def _numba_type_(self):
        from numba.cuda import types
        from numba.cuda.np.numpy_support import from_dtype

        return types.Array(from_dtype(self.dtype), len(self.shape), "C")


class Driver:
    """Reads the arguments as a kernel would, of as many bytes as it is told."""

    CUfunction = int
    CUfunction_attribute = SimpleNamespace(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES=8)

    def __init__(self):
        self.formats, self.launches, self.granted, self.error = [], [], [], 0

    def cuLaunchKernel(self, function, *numbers):
        *configuration, places, _ = numbers
        types = [getattr(ctypes, f"c_{name}") for name in self.formats]
        places = (ctypes.c_void_p * len(types)).from_address(places)
        values = [t.from_address(place).value for t, place in zip(types, places, strict=True)]
        self.launches.append((function, configuration, values))
        return (self.error,)

    def cuKernelSetAttribute(self, attribute, n_bytes, function, device):
        self.granted.append((n_bytes, device))
        return (0,)


class Kernel:
    """Compiles to a function whose handle says how many were compiled before it."""

    __name__ = "kernel"

    def __init__(self, static=0):
        self.compiled, self.types, self._static = {}, [], static

    def compile(self, arguments):
        from numba.cuda.typing.typeof import typeof

        self.types.append([typeof(argument) for argument in arguments])
        attributes = SimpleNamespace(shared=self._static)
        device = SimpleNamespace(id=0)
        found = SimpleNamespace(handle=len(self.types), attrs=attributes, device=device)
        return SimpleNamespace(bind=lambda: None, library=SimpleNamespace(get_cufunc=lambda: found))


@pytest.fixture
def driver():
    from skgru.kernels.cuda import _start

    found = Driver()
    with mock.patch.multiple(_start, driver=found, DeviceNDArray=Array):
        yield found


def start(kernel, *arguments, device=0, grid=(1,), block=(32,), shared=0, limit=100_000):
    from skgru.kernels.cuda._start import start

    return start(kernel, device, grid, block, shared, 77, arguments, lambda: limit)


def test_a_kernel_reads_arrays_and_numbers(driver):
    array = ["int64"] * 4 + ["void_p"]
    driver.formats = [
        *array, *["int64"] * 4, "bool", "int64", "double", "float", "uint64", *array,
        *["int64"] * 2, "bool",
    ]  # fmt: skip
    arguments = (
        Array(2**46, (3, 5), "float32"), True, -7, 0.1, np.float32(0.1), np.uint64(2**64 - 1),
        Array(None, (0,), "float64"), False,
    )  # fmt: skip
    expected = [
        0, 0, 15, 4, 2**46, 3, 5, 20, 4, True, -7, 0.1, np.float32(0.1), 2**64 - 1, 0, 0, 0, 8,
        None, 0, arguments[6].strides[0], False,
    ]  # fmt: skip
    kernel = Kernel()
    assert start(kernel, *arguments, grid=(4, 2), block=(8, 4, 2), shared=128)
    assert not start(kernel, *arguments, grid=(4, 2), block=(8, 4, 2), shared=128)
    for function, configuration, values in driver.launches:
        assert function == 1 and configuration == [4, 2, 1, 8, 4, 2, 128, 77]
        assert values == expected
    assert [str(t) for t in kernel.types[0][:3]] == ["array(float32, 2d, C)", "bool", "int64"]
    assert len(kernel.types) == 1


def test_what_was_compiled_is_told_apart_by_types_and_devices(driver):
    kernel, a = Kernel(), Array(1, (2,), "float32")
    launches = [
        ((a, 1), 0), ((a, 1.0), 0), ((a, np.float32(1)), 0), ((Array(1, (2, 1), "float32"), 1), 0),
        ((Array(1, (2,), "int64"), 1), 0), ((a, 1), 1),
    ]  # fmt: skip
    assert [start(kernel, *arguments, device=n) for arguments, n in launches] == [True] * 6
    assert [start(kernel, *arguments, device=n) for arguments, n in launches] == [False] * 6
    functions = [function for function, _, _ in driver.launches]
    assert functions == [1, 2, 3, 4, 5, 6] * 2


def test_a_packed_argument_lasts_as_long_as_its_array(driver):
    from skgru.kernels.cuda._start import _packed

    driver.formats = ["int64"] * 4 + ["void_p"] + ["int64"] * 2
    kernel, before = Kernel(), set(_packed)
    for address in (2**40, 2**41, 2**42):  # the identity of one may become that of the next
        array = Array(address, (3,), "float32")
        start(kernel, array)
        assert driver.launches[-1][2][4] == address
        start(kernel, array)
        assert set(_packed) - before == {id(array)}
        del array
        gc.collect()
        assert set(_packed) <= before


def test_arguments_that_a_kernel_cannot_have(driver):
    with pytest.raises(KeyError, match="ndarray"):
        start(Kernel(), np.zeros(3))
    with pytest.raises(ValueError):
        start(Kernel(), *[1] * 513)
    driver.formats = ["int64"] * 512
    start(Kernel(), *[1] * 512)


def test_shared_memory_is_asked_for_once_and_all_of_it(driver):
    kernel = Kernel(static=1000)
    for shared in (0, 48 * 1024 - 1000):
        start(kernel, shared=shared)
    assert driver.granted == []
    for shared in (60_000, 99_000, 50_000):
        start(kernel, shared=shared)
    assert driver.granted == [(99_000, 0)]


def test_an_error_of_the_driver_is_raised(driver):
    from cuda.bindings.driver import CUresult

    driver.error = CUresult.CUDA_ERROR_INVALID_VALUE
    with pytest.raises(RuntimeError, match="kernel was not started: CUDA_ERROR_INVALID_VALUE"):
        start(Kernel())
