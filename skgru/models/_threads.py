"""Plain Python threads that process whole shards.

Kernels release the GIL and shards are independent, so no other parallelism is needed.  The thread
pools of Numba and OpenMP are avoided: they abort when entered from two threads, or die after a
fork.  All models of a process share one pool of helpers, one fewer than there are cores, so that
several fits running at once in threads of the caller do not start more threads.
"""

import atexit
import itertools
import multiprocessing
import os
import threading

import joblib
import numpy as np

from skgru.kernels import get_kernels

# How often a thread checks a flag before it sleeps.  It spins for 100 to 200 microseconds, about
# the time of the work between two batches of a small network.
_N_SPINS = 4000
# Places of flags; the first two are a cache line apart, and no thread spins on the last.
_ASKED, _DONE, _UNUSED = 0, 8, 15


def resolve_n_threads(n_jobs):
    """Number of threads for ``n_jobs``, never more than this process may use.

    None means 1, unless a `joblib.parallel_config` says otherwise; -1 means all cores.  A worker of
    joblib's process backends is kept to its share of the cores.
    """
    n_threads = joblib.effective_n_jobs(n_jobs)
    return 1 if n_threads <= 1 else min(n_threads, _available_cores())


def _available_cores():
    if multiprocessing.current_process().daemon:
        return 1  # a worker of a process pool, whose siblings use the other cores
    cores = joblib.cpu_count()
    # joblib sets such variables to the number of cores that each of its loky workers may use.
    share = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cores, int(share)) if share.isdigit() and int(share) > 0 else cores


class _Helper:
    """A thread that runs one function at a time for the caller that took it from ``idle``."""

    def __init__(self, number, idle):
        self._signal_and_spin = get_kernels("cpu").signal_and_spin
        self._flags, self._n_asked = np.zeros(16, np.int64), 0
        self._idle, self._task = idle, None
        self._go = threading.Lock()
        self._go.acquire()
        self._thread = threading.Thread(target=self._serve, name=f"skgru-{number}", daemon=True)
        self._thread.start()

    def start(self, function):
        """Start a function that raises nothing; return the arguments for `wait`."""
        finished = threading.Lock()
        finished.acquire()
        self._n_asked += 1
        self._task = function, finished
        self._go.release()
        self._signal_and_spin(self._flags, _ASKED, self._n_asked, _DONE, 0, 0)
        return self._n_asked, finished

    def wait(self, number, finished):
        """Return when the function is done; may be called again, also after an interrupt."""
        self._signal_and_spin(self._flags, _UNUSED, 0, _DONE, number, _N_SPINS)
        # An earlier call may have been interrupted just after it had acquired the lock, which
        # nobody would release any more, so the flag counts as well.
        while self._flags[_DONE] < number and not finished.acquire(timeout=0.1):
            pass

    def end(self):
        """End the thread, which must be idle."""
        self.start(None)
        self._thread.join()

    def _serve(self):
        for number in itertools.count():
            self._signal_and_spin(self._flags, _DONE, number, _ASKED, number + 1, _N_SPINS)
            self._go.acquire()
            function, finished = self._task
            if function is None:
                return
            function()
            function = self._task = None
            self._idle.append(self)  # before signalling: the caller may soon start a new batch
            finished.release()


class _HelperPool:
    """The helpers of this process; threads of a parent process do not survive a fork."""

    def __init__(self):
        self._start_again()

    def _start_again(self):
        self.process, self.idle, self.everyone, self.most = os.getpid(), [], [], None
        self.renew_lock()

    def renew_lock(self):
        """Needed after a fork: another thread of the parent may have held the lock."""
        self.lock = threading.Lock()

    def take(self, n):
        """Take up to ``n`` helpers: idle ones, and new ones as far as the limit allows."""
        with self.lock:
            if self.process != os.getpid():
                self._start_again()
            if self.most is None:
                self.most = max(1, joblib.cpu_count() - 1)
            while len(self.idle) < n and len(self.everyone) < self.most:
                self.everyone.append(_Helper(len(self.everyone), self.idle))
                self.idle.append(self.everyone[-1])
            return [self.idle.pop() for _ in range(min(n, len(self.idle)))]

    def end(self):
        """End the threads of this process that are idle."""
        if self.process != os.getpid():
            return
        idle = self.idle
        self._start_again()
        while idle:
            idle.pop().end()


_pool = _HelperPool()

# A thread that still spins must not outlive the flags.
atexit.register(_pool.end)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.renew_lock)


def run_tasks(task, numbers, workspaces):
    """Call ``task(i, workspace)`` for all numbers i, at most one thread for each workspace.

    Tasks start in order.  If one fails, or Ctrl-C arrives, no further task starts, and the
    exception is raised once no task is running.
    """
    n_threads = min(len(numbers), len(workspaces))
    if n_threads <= 1:
        for i in numbers:
            task(i, workspaces[0])
        return
    remaining, errors = iter(numbers), []

    def work(workspace):
        try:
            while not errors:
                i = next(remaining, None)
                if i is None:
                    return
                task(i, workspace)
        except BaseException as error:
            errors.append(error)

    # The caller is one of the threads: waking one fewer saves microseconds in every batch.
    tickets = []
    try:
        helpers = _pool.take(n_threads - 1)
        for helper, workspace in zip(helpers, workspaces[1:], strict=False):
            started = helper.start(lambda workspace=workspace: work(workspace))
            tickets.append((helper, *started))
        work(workspaces[0])
        for helper, *ticket in tickets:
            helper.wait(*ticket)
    except BaseException as error:  # Ctrl-C between two tasks, or while waiting
        errors.append(error)
        for helper, *ticket in tickets:
            helper.wait(*ticket)
    if errors:
        raise errors[0]
