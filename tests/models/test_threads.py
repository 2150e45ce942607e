"""Threads that take tasks: every task once, in order, with errors passed on."""

import multiprocessing
import threading
import time

import joblib
import pytest

from skgru.models import _threads, resolve_n_threads, run_tasks


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("n_tasks", [0, 1, 3, 100])
def test_every_task_runs_once(n_tasks, n_threads):
    done, workspaces = [], [object() for _ in range(n_threads)]

    def task(i, workspace):
        done.append((i, workspace))

    run_tasks(task, range(n_tasks), workspaces)
    assert sorted(i for i, _ in done) == list(range(n_tasks))
    assert {id(workspace) for _, workspace in done} <= {id(w) for w in workspaces}
    if n_threads == 1:
        assert [i for i, _ in done] == list(range(n_tasks))


def test_a_workspace_belongs_to_one_task_at_a_time():
    workspaces = [threading.Lock() for _ in range(4)]

    def task(i, workspace):
        assert workspace.acquire(blocking=False)
        workspace.release()

    run_tasks(task, range(500), workspaces)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_error_is_raised_and_stops_what_has_not_begun(n_threads, error):
    started = []

    def task(i, workspace):
        started.append(i)
        if i == 5:
            raise error("task 5")

    with pytest.raises(error, match="task 5"):
        run_tasks(task, range(100_000), [None] * n_threads)
    assert 5 in started
    assert len(started) < 100_000
    run_tasks(task, range(5), [None] * n_threads)  # the pool still works
    assert sorted(started[-5:]) == list(range(5))


@pytest.fixture
def fresh_helpers():
    _threads._pool.end()
    yield
    _threads._pool.end()


def test_an_error_in_one_thread_stops_the_other(monkeypatch, fresh_helpers):
    monkeypatch.setattr(joblib, "cpu_count", lambda *args, **kwargs: 2)
    failing, done = threading.Event(), []

    def task(i, name):
        if name == "second":
            failing.set()
            raise ValueError("second")
        failing.wait(timeout=10)
        time.sleep(0.001)
        done.append(i)

    # The first is waited for first: it must learn of the failure by itself.
    with pytest.raises(ValueError, match="second"):
        run_tasks(task, range(1000), ["first", "second"])
    assert len(done) < 500


def test_callers_share_the_helpers(monkeypatch, fresh_helpers):
    monkeypatch.setattr(joblib, "cpu_count", lambda *args, **kwargs: 3)
    names, counts = set(), []

    def caller():
        done = []

        def task(i, workspace):
            names.add(threading.current_thread())
            done.append(i)
            if i % 50 == 0:
                time.sleep(0.001)  # long enough for helpers to fall asleep now and then

        for _ in range(30):
            done.clear()
            run_tasks(task, range(100), [None] * 4)
            counts.append(len(done))

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(timeout=60)
    assert counts == [100] * 120
    assert 1 <= len(names - set(callers)) <= 2
    idle, everyone = _threads._pool.idle, _threads._pool.everyone
    assert len(everyone) <= 2 and sorted(map(id, idle)) == sorted(map(id, everyone))


def test_a_helper_lets_go_of_what_it_worked_on():
    import gc
    import weakref

    class Thing:
        pass

    thing = Thing()
    run_tasks(lambda i, workspace, thing=thing: None, range(10), [None, None])
    reference = weakref.ref(thing)
    del thing
    gc.collect()
    assert reference() is None


def test_number_of_threads(monkeypatch):
    monkeypatch.setattr(_threads, "_available_cores", lambda: 4)
    monkeypatch.setattr(joblib, "cpu_count", lambda *args, **kwargs: 4)
    assert resolve_n_threads(None) == 1
    assert resolve_n_threads(1) == 1
    assert resolve_n_threads(3) == 3
    assert resolve_n_threads(64) == 4
    with joblib.parallel_config("threading", n_jobs=2):
        assert resolve_n_threads(None) == 2


def test_a_worker_keeps_to_its_share(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda *args, **kwargs: 8)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert _threads._available_cores() == 8
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert _threads._available_cores() == 2
    monkeypatch.setattr(type(multiprocessing.current_process()), "daemon", True)
    assert _threads._available_cores() == 1


def test_a_wait_that_was_interrupted_may_be_called_again():
    helper = _threads._Helper(0, [])
    number, finished = helper.start(lambda: None)
    helper.wait(number, finished)
    finished.acquire(blocking=False)  # as if the interrupt had come just after this
    again = threading.Thread(target=helper.wait, args=(number, finished), daemon=True)
    again.start()
    again.join(20)
    assert not again.is_alive()
    helper.end()
