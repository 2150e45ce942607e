"""A process that is forked while another thread holds a lock can use kernels."""

import multiprocessing
import threading
import time

import pytest
from llvmlite.binding import ffi
from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from skgru.kernels import _fork, get_kernels

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)

LOCKS = {
    "import of kernels": _fork.import_lock,
    "compilation": global_compiler_lock,
    "a call of LLVM": ffi.lib._lock,
}


def compile_something(send):
    get_kernels("cpu")
    send.send(njit(lambda x: x + 1)(1))


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_a_fork_waits_for_the_lock_of_another_thread(lock):
    get_kernels("cpu")
    held, released = threading.Event(), []

    def hold():
        with lock:
            held.set()
            time.sleep(0.2)  # the fork happens meanwhile, or would
            released.append(time.monotonic())

    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=compile_something, args=(send,))
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child.start()
    forked = time.monotonic()
    thread.join()
    try:
        assert receive.poll(60), "the child hangs"
        assert receive.recv() == 2
    finally:
        child.kill()
        child.join()
    assert forked > released[0]
    assert njit(lambda x: x + 2)(1) == 3  # the parent still compiles


def test_a_fork_by_the_thread_that_holds_the_locks():
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=compile_something, args=(send,))
    with _fork.import_lock, global_compiler_lock:
        child.start()
    try:
        assert receive.poll(60), "the child hangs"
    finally:
        child.kill()
        child.join()


def test_forks_by_two_threads_at_once():
    context = multiprocessing.get_context("fork")
    children = []

    def fork():
        for _ in range(10):
            children.append(context.Process(target=get_kernels))
            children[-1].start()

    threads = [threading.Thread(target=fork) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 20
    assert not _fork._held
