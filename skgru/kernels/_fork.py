"""A forked process can use kernels, whatever other threads of its parent were doing with them.

Only the thread that forks goes on in the child. A lock that another one held at that moment, such
as Numba's while it compiled or loaded a kernel, would never be released there. So every fork first
takes these locks: it waits for the import of the kernels, or for the compilation of one of them,
which takes a second or two. Processes that are started in another way (spawn, loky, subprocess) do
not wait.
"""

import os
import threading

#: Whoever imports kernels holds it: Python's own locks of modules stay locked in a forked process.
import_lock = threading.RLock()

_locks, _held = [import_lock], []


def hold_in_forks(lock):
    """Add a lock that a fork has to take; threads that hold it must not wait for earlier ones.

    ``lock`` may be entered twice by one thread, which may fork while it holds the lock.
    """
    _locks.append(lock)


def _acquire():
    for lock in tuple(_locks):
        lock.__enter__()
        _held.append(lock)


def _release():
    while _held:
        _held.pop().__exit__(None, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)
