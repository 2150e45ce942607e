"""The emulator computes what a GPU would, and tells of what a GPU may get wrong."""

import math
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba import cuda
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels.cuda._mma import FORMATS
from tests.device.rounding import rounded
from tools.ptx_emulator import check_races, n_violations

pytestmark = pytest.mark.filterwarnings("ignore::numba.cuda.core.errors.NumbaPerformanceWarning")

N = 64


@pytest.fixture(autouse=True)
def _races():
    with check_races():
        yield


@pytest.fixture
def told(capfd):
    """``told(words)``: whether something was told since it was asked last, with these words."""
    before = [n_violations()]

    def told(words=None):
        cuda.synchronize()
        count, before[0] = n_violations() - before[0], n_violations()
        text = capfd.readouterr().err
        assert (count > 0) == bool(text)
        return count > 0 if words is None else words in text

    return told


def run(kernel, grid, block, *arrays):
    """Launch a kernel on copies of arrays, and copy them back."""
    copies = [cuda.to_device(array) for array in arrays]
    kernel[grid, block](*copies)
    for array, found in zip(arrays, copies, strict=True):
        found.copy_to_host(array)


def test_arithmetic(rng, told):
    """Of float32 and float64, integers of both kinds, and the functions of the cell."""

    @cuda.jit
    def kernel(a, b, i, j, out, whole):
        e = cuda.grid(1)
        if e < a.size:
            x, y = a[e], b[e]
            out[0, e], out[1, e], out[2, e] = x * y + x, x / y, min(x, y) - abs(x)
            out[3, e], out[4, e], out[5, e] = math.exp(x), math.tanh(x), math.sqrt(abs(y))
            out[6, e] = x if x > y else y
            p, q = i[e], j[e]
            whole[0, e], whole[1, e], whole[2, e] = p * q, p // q, p % q
            whole[3, e], whole[4, e], whole[5, e] = p << (q & 7), p >> (q & 7), p ^ q

    for dtype, integer in (("float32", "int64"), ("float64", "uint64")):
        a, b = rng.normal(size=(2, N)).astype(dtype)
        i, j = rng.integers(1, 1000, (2, N)).astype(integer)
        if integer == "int64":
            i[::2] *= -1
        out, whole = np.zeros((7, N), dtype), np.zeros((6, N), integer)
        run(kernel, 2, 40, a, b, i, j, out, whole)
        expected = [a * b + a, a / b, np.minimum(a, b) - abs(a), np.exp(a), np.tanh(a),
                    np.sqrt(abs(b)), np.maximum(a, b)]  # fmt: skip
        assert_allclose(out, expected, rtol=0, atol=8 * np.finfo(dtype).eps)
        bits = j & j.dtype.type(7)
        assert_array_equal(whole, [i * j, i // j, i % j, i << bits, i >> bits, i ^ j])
    assert not told()


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_tensor_cores(rng, told, precision):
    to_word, mma = FORMATS[precision].to_word, FORMATS[precision].mma
    per_word = FORMATS[precision].per_word

    @cuda.jit
    def kernel(a, b, c, d):
        lane = cuda.threadIdx.x
        g, q = lane // 4, lane % 4
        w = per_word
        a0 = to_word(a[g, q * w], a[g, q * w + w - 1])
        a1 = to_word(a[g + 8, q * w], a[g + 8, q * w + w - 1])
        a2 = to_word(a[g, (q + 4) * w], a[g, (q + 4) * w + w - 1])
        a3 = to_word(a[g + 8, (q + 4) * w], a[g + 8, (q + 4) * w + w - 1])
        b0 = to_word(b[q * w, g], b[q * w + w - 1, g])
        b1 = to_word(b[(q + 4) * w, g], b[(q + 4) * w + w - 1, g])
        found = mma(
            a0, a1, a2, a3, b0, b1, c[g, 2 * q], c[g, 2 * q + 1], c[g + 8, 2 * q],
            c[g + 8, 2 * q + 1],
        )  # fmt: skip
        d[g, 2 * q], d[g, 2 * q + 1] = found[0], found[1]
        d[g + 8, 2 * q], d[g + 8, 2 * q + 1] = found[2], found[3]

    # Small integers have few bits: nothing is rounded.
    depth = 8 * per_word
    a, b, c = (
        rng.integers(-9, 9, shape).astype("float32") for shape in ((16, depth), (depth, 8), (16, 8))
    )
    d = np.zeros((16, 8), "float32")
    run(kernel, 1, 32, a, b, c, d)
    assert_array_equal(d, a @ b + c)
    assert not told()


@pytest.mark.parametrize(("precision", "bits"), [("tf32", 10), ("bf16", 7)])
def test_numbers_are_rounded_to_the_nearest(rng, told, precision, bits):
    to_word = FORMATS[precision].to_word

    @cuda.jit
    def kernel(a, words):
        e = cuda.threadIdx.x
        words[e] = to_word(a[e], a[a.size - 1 - e])

    ties = 1 + (np.arange(8) + 0.5) / 2**bits
    a = np.concatenate([rng.normal(size=48), ties, -ties]).astype("float32")
    words = np.zeros(N, "uint32")
    run(kernel, 1, N, a, words)
    expected = rounded(a, precision).astype("float32").view("uint32")
    if precision == "bf16":  # the first number in the lower half
        expected = expected >> 16 | expected[::-1]
    assert_array_equal(words, expected)
    assert not told()


def _reverse_a_block(with_barrier):
    @cuda.jit
    def kernel(a):
        shared = cuda.shared.array(N, numba.float32)
        i = cuda.threadIdx.x
        shared[i] = a[i]
        if with_barrier:
            cuda.syncthreads()
        a[i] = shared[N - 1 - i]

    return kernel


def test_a_missing_barrier_is_a_race(rng, told):
    a = rng.normal(size=N).astype("float32")
    found = a.copy()
    run(_reverse_a_block(True), 1, N, found)
    assert_array_equal(found, a[::-1])
    assert not told()
    run(_reverse_a_block(False), 1, N, found)
    assert told("race: thread")


def test_blocks_without_order(told):
    @cuda.jit
    def kernel(a):
        a[cuda.threadIdx.x] = cuda.blockIdx.x

    run(kernel, 1, N, np.zeros(N))
    assert not told()
    run(kernel, 2, N, np.zeros(N))
    assert told("race: thread")


@pytest.mark.parametrize("reads", [True, False])
def test_addresses_outside(told, reads):
    @cuda.jit
    def kernel(a, b):
        i = cuda.grid(1)
        if reads:
            b[i % 8] = a[i]
        else:
            a[i] = 1

    a, b = cuda.to_device(np.zeros(N)), cuda.to_device(np.zeros(8))
    kernel[1, N + 1](a, b)
    assert told("read from" if reads else "write to")


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("place", [-1, N])
def test_addresses_outside_of_shared_memory(told, place, reads):
    @cuda.jit
    def kernel(a, place):
        shared = cuda.shared.array(N, numba.float64)
        i = cuda.threadIdx.x
        shared[i] = a[i]
        cuda.syncthreads()
        if i == 0:
            if reads:
                a[0] = shared[place]
            else:
                shared[place] = a[0]

    kernel[1, N](cuda.to_device(np.zeros(N)), np.uint64(place % 2**64))
    assert told("read from shared" if reads else "write to shared")


@pytest.mark.parametrize("place", [2, 40])
def test_addresses_outside_of_local_memory(told, place):
    @cuda.jit
    def kernel(a, place, same_place, b):
        local = cuda.local.array(4, numba.float64)
        local[place] = a[0]
        b[0] = local[same_place]

    b = cuda.to_device(np.zeros(1))
    kernel[1, 1](cuda.to_device(np.ones(1)), place, place, b)
    assert told() == (place >= 4)
    assert b.copy_to_host()[0] == (place < 4)


def test_misaligned_addresses(told):
    @cuda.jit
    def kernel(a):
        a[cuda.grid(1)] = 1

    numbers = cuda.to_device(np.zeros(9, "float32"))
    kernel[1, 4](numbers[:8].view("float64"))
    assert not told()
    kernel[1, 4](numbers[1:].view("float64"))
    assert told("write to")


def test_a_barrier_that_some_threads_miss(told):
    @cuda.jit
    def kernel(a):
        if cuda.threadIdx.x != 3:
            cuda.syncthreads()
            a[cuda.threadIdx.x] = 1

    run(kernel, 1, N, np.zeros(N))
    assert told("a barrier that 63 of 64 threads reach")


def test_what_nobody_wrote_is_nan():
    @cuda.jit
    def kernel(a, b):
        shared = cuda.shared.array(N, numba.float64)
        b[0], b[1] = a[0], shared[5]

    b = cuda.to_device(np.zeros(2))
    kernel[1, 1](cuda.device_array(8), b)
    assert np.isnan(b.copy_to_host()).all()


def test_pinned_memory_that_changes_too_early(told):
    stream, source = cuda.stream(), cuda.pinned_array(N)
    for waits in (True, False):
        source[:] = 1
        target = cuda.device_array(N)
        target.copy_to_device(source, stream=stream)
        if waits:
            stream.synchronize()
        source[:] = 2
        stream.synchronize()
        assert told("changed before it was copied") == (not waits)


def test_memory_of_another_device(told):
    @cuda.jit
    def kernel(a):
        a[cuda.grid(1)] = 1

    with cuda.gpus[1]:
        elsewhere = cuda.device_array(N)
        kernel[1, N](elsewhere)
    assert not told()
    with cuda.gpus[0], pytest.raises(Exception, match="CUDA_ERROR"):
        kernel[1, N](elsewhere)
    assert told("of another device")


def test_memory_that_was_freed(told):
    """Its addresses are never given away again."""

    @cuda.jit
    def kernel(a):
        a[cuda.grid(1)] = 1

    array = cuda.device_array(N)
    view = SimpleNamespace(__cuda_array_interface__=array.__cuda_array_interface__)
    view = cuda.as_cuda_array(view)  # which does not keep the memory
    kernel[1, N](view)
    assert not told()
    del array
    cuda.current_context().memory_manager.deallocations.clear()
    addresses = [a.device_ctypes_pointer.value for a in (view, cuda.device_array(N))]
    assert addresses[0] != addresses[1]
    assert not told()
    with pytest.raises(Exception, match="CUDA_ERROR"):
        kernel[1, N](view)
    assert told("was freed")
