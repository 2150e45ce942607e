"""The second process of a first fit: when it is started, and who waits for it how long."""

import multiprocessing
import subprocess

import pytest
from numba import types

from skgru.kernels.cpu import _aside, gru_backward
from skgru.kernels.cpu._aside import _KERNELS, _signature, compile_aside, wait_for


class Process:
    """A process that ends after it was asked a few times whether it has."""

    def __init__(self, n_polls):
        self.n_left = n_polls

    def poll(self):
        self.n_left -= 1
        return None if self.n_left >= 0 else 1

    def kill(self):
        pass


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    """No process was started yet, and kernels seem to be missing on disk."""
    monkeypatch.setattr(_aside, "_processes", {})
    monkeypatch.setattr(_aside, "_count_cores", lambda: 2)
    monkeypatch.setattr(gru_backward._cache, "lacks", lambda *key: True)
    return _aside._processes


@pytest.fixture
def started(monkeypatch):
    """The commands of all processes that are started."""
    commands = []

    def popen(command, **options):
        commands.append(command)
        return Process(0)

    monkeypatch.setattr(subprocess, "Popen", popen)
    return commands


def test_one_process_is_started_for_each_dtype(started):
    for dtype in ("float32", "float32", "float64", "float32"):
        compile_aside(dtype)
    assert len(started) == 2


@pytest.mark.parametrize("reason", ["one core", "worker", "no interpreter", "on disk"])
def test_no_process_is_started_without_need(reason, started, monkeypatch):
    if reason == "one core":
        monkeypatch.setattr(_aside, "_count_cores", lambda: 1)
    elif reason == "worker":
        monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    elif reason == "no interpreter":
        monkeypatch.setattr("sys.executable", "")
    else:
        monkeypatch.setattr(gru_backward._cache, "lacks", lambda *key: False)
    compile_aside("float32")
    assert not started


def test_a_system_that_refuses_processes_is_no_error(processes, monkeypatch):
    def popen(*command, **options):
        raise PermissionError("no processes here")

    monkeypatch.setattr(subprocess, "Popen", popen)
    compile_aside("float32")
    assert processes == {"float32": None}


def test_a_kernel_is_waited_for_until_the_process_ends(processes):
    processes["float32"] = Process(3)
    signature = _signature(_KERNELS["adam"], "float32")
    assert len(list(wait_for("adam", signature))) == 4  # one more look after its end
    assert len(list(wait_for("adam", signature))) == 0


def test_a_process_that_hangs_is_not_waited_for_any_longer(processes, monkeypatch):
    monkeypatch.setattr(_aside, "_LONGEST_WAIT", 0.05)
    processes["float32"] = Process(10**9)
    signature = _signature(_KERNELS["adam"], "float32")
    assert 1 < len(list(wait_for("adam", signature))) < 10
    assert processes == {"float32": None}


@pytest.mark.parametrize(
    "name, signature",
    [
        ("adam", _signature(_KERNELS["adam"], "float64")),
        ("add", (types.float32[:], types.float32[:])),
        ("gru_forward", ()),
    ],
)
def test_what_it_does_not_compile_is_not_waited_for(name, signature, processes):
    processes["float32"] = Process(3)
    assert list(wait_for(name, signature)) == []


def test_another_thread_may_start_a_process_meanwhile(processes, monkeypatch):
    processes["float32"] = Process(3)

    def start_another(letters, dtype):
        compile_aside("float64")
        return ()

    monkeypatch.setattr(_aside, "_is_worth_it", lambda dtype: False)
    monkeypatch.setattr(_aside, "_signature", start_another)
    assert list(wait_for("adam", (types.float64,))) == []
    assert "float64" in processes
