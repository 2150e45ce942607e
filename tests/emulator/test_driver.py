"""What a fit asks of the driver."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from skgru import GRURegressor
from skgru.kernels import use_device
from skgru.kernels.cuda._launch import current_stream, scratch, session
from tests.device.test_embedding_training import make_data, train
from tools.ptx_emulator import n_violations, n_waits


@pytest.fixture(autouse=True)
def _no_violations():
    before = n_violations()
    yield
    assert n_violations() == before


@pytest.mark.parametrize("ragged", [False, True])
def test_a_training_step_does_not_wait(rng, ragged):
    """Ten times the updates, and the host waits as often: at the start and after each epoch."""
    X = [rng.normal(size=(rng.integers(1, 4) if ragged else 3, 2)) for _ in range(60)]
    y = np.array([x[0, 0] for x in X])

    def waits(batch_size):
        before = n_waits()
        GRURegressor(3, device="cuda", max_iter=2, batch_size=batch_size, random_state=0).fit(X, y)
        return n_waits() - before

    waits(30)  # compiles
    assert waits(3) == waits(30)


def test_a_training_step_of_embeddings_does_not_wait():
    """The codes of a batch and the rows that it touches are sent as its other integers are."""

    def waits(batch_size):
        before = n_waits()
        train("cuda:0", make_data(), batch_size=batch_size)
        return n_waits() - before

    waits(7)  # compiles
    assert waits(2) == waits(7)


@pytest.mark.parametrize("n_buffers", [1, 2, 16])
def test_arrays_arrive_as_they_were_staged(n_buffers):
    """A buffer is written again only when its copy is done."""
    with use_device("cuda:0") as kernels:
        target = kernels.zeros((20, 5), np.int64)
        staging = kernels.StagingBuffers(np.int64, n_buffers)
        for i in range(20):
            buffer = staging.next((5,))
            buffer[...] = i
            staging.upload(buffer, target[i])
        assert (kernels.to_host(target) == np.arange(20)[:, None]).all()
        del target, staging, buffer  # they cannot be freed outside


def test_threads_share_neither_stream_nor_work_space():
    both = Barrier(2)

    def work(_):
        with session(0, "fp32"):
            both.wait()
            room = scratch("some", 9, "float64").device_ctypes_pointer.value
            found = room, int(current_stream().handle)
            both.wait()
            return found

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, range(2))
    assert one[0] != other[0]
    assert one[1] != other[1]
