"""Plain Python threads that take whole shards.

Kernels release the GIL and shards are independent, so this is all the parallelism there is: no
thread pool of Numba or OpenMP, which abort when entered from two threads or die after a fork.  All
models of a process share one pool with as many threads as there are cores, so that several fits at
once, in threads of the caller, do not start more.
"""

import itertools
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib

_lock = threading.Lock()
_pools = {}  # process id -> pool: the threads of a parent do not exist after a fork


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
    # joblib tells its loky workers their share of the cores through such variables.
    share = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cores, int(share)) if share.isdigit() and int(share) > 0 else cores


def _pool():
    with _lock:
        pool = _pools.get(os.getpid())
        if pool is None:
            _pools.clear()
            pool = ThreadPoolExecutor(joblib.cpu_count(), thread_name_prefix="skgru")
            _pools[os.getpid()] = pool
        return pool


def _renew_lock():
    global _lock
    _lock = threading.Lock()  # it may have been held by a thread that the fork did not copy


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def run_tasks(task, n_tasks, workspaces):
    """Call ``task(i, workspace)`` for i = 0 .. n_tasks - 1, one thread for each workspace.

    Tasks start in order.  If one fails, or Ctrl-C arrives, no further one starts, and the exception
    is raised once none is running.
    """
    n_threads = min(n_tasks, len(workspaces))
    if n_threads <= 1:
        for i in range(n_tasks):
            task(i, workspaces[0])
        return
    numbers = itertools.count()
    stop = threading.Event()

    def work(workspace):
        try:
            while not stop.is_set():
                i = next(numbers)
                if i >= n_tasks:
                    return
                task(i, workspace)
        except BaseException:
            stop.set()
            raise

    # The caller is one of the threads: waking one less is worth microseconds at every batch.
    futures = [_pool().submit(work, workspace) for workspace in workspaces[1:n_threads]]
    try:
        work(workspaces[0])
    finally:
        stop.set()
        for future in futures:
            future.exception()  # waits
    for future in futures:
        future.result()
