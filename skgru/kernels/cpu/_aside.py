"""A second process compiles some kernels of training while this one compiles the others.

Numba compiles one kernel at a time in a process. The first fit of all therefore starts a process of
its own for the kernels that a fit needs last, above all the backward pass, and finds them on disk
when it gets there. The process ends by itself. Nothing depends on it: where it cannot be started,
dies or compiles for other types than the fit needs, the fit compiles everything itself.
"""

import atexit
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

from numba import types

# The types of the arguments: t is the dtype of the network, d float64, i int64, b bool; a number
# behind it is the number of dimensions of an array. In the order in which they are compiled.
_KERNELS = {
    "gru_backward": "t2 i1 i1 t4 t1 b t2 t2 t2 t2 t2 i t2 t4 t4 t4 t3 t2 b b",
    "multiply_transposed": "t2 t2 t3 b",
    "pool_mean_backward": "t2 i i1 i1 t2 i i",
    "pool_max_backward": "t2 i i2 i1 t2 i",
    "unpack_gru_gradient": "t4 t4 t3 i i t2 t2 t1 t1",
    "add_penalty": "t1 t1 t i d1 d1 i",
    "unpack_dense_gradient": "t3 t1 i i t2 t1",
    "clip_norm": "t1 d d1",
    "adam": "t1 t1 t1 t1 t t t t t t",
    "add": "t1 t1",
}
_LETTERS = {"d": types.float64, "i": types.int64, "b": types.boolean}

# The package itself is not imported, only its kernels: scikit-learn takes a second to import.
_PROGRAM = """
import json, sys, types
sys.path[:], folder, dtype = json.loads(sys.argv[1])
sys.modules["skgru"] = package = types.ModuleType("skgru")
package.__path__ = [folder]
from skgru.kernels.cpu._aside import compile_all
compile_all(dtype)
"""

# Seconds that a fit waits for one kernel, which takes no more than about ten to compile.
_LONGEST_WAIT = 60.0

_PACKAGE = str(Path(__file__).parents[2])

# Process-wide: the processes that were started, by dtype; None where there was nothing to do.
_processes = {}


def _signature(letters, dtype):
    """The types of the arguments of a kernel."""
    found = []
    for letter, *ndim in letters.split():
        kind = getattr(types, dtype) if letter == "t" else _LETTERS[letter]
        found.append(types.Array(kind, int(ndim[0]), "C") if ndim else kind)
    return tuple(found)


def compile_all(dtype):
    """Compile these kernels one after the other; each is on disk as soon as it is done."""
    from skgru.kernels import cpu

    for name, letters in _KERNELS.items():
        getattr(cpu, name).compile(_signature(letters, dtype))


def compile_aside(dtype):
    """Start the process, unless the kernels are on disk; return at once.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the network that is about to be trained.
    """
    if dtype not in _processes:
        _processes[dtype] = None
        if _is_worth_it(dtype):
            _processes[dtype] = _start(dtype)


def _is_worth_it(dtype):
    from . import gru

    name, backward = "gru_backward", gru.gru_backward
    # A worker of several fits in parallel would compete with the others for the cores.
    return (
        bool(sys.executable)
        and _count_cores() > 1
        and multiprocessing.current_process().name == "MainProcess"
        and backward._cache.lacks(_signature(_KERNELS[name], dtype), backward.targetctx)
    )


def _count_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(dtype):
    """Return the running process, or None if the system refuses it."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps([sys.path, _PACKAGE, dtype])],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is meant for the fit
        )  # fmt: skip
    except OSError:
        return None
    atexit.register(process.kill)
    return process


def wait_for(name, signature):
    """Yield every few milliseconds while another process compiles this kernel, then once more.

    Parameters
    ----------
    name : str
    signature : tuple of types
        Of the arguments.
    """
    for dtype, process in list(_processes.items()):  # another thread may start one meanwhile
        letters = _KERNELS.get(name)
        if process is not None and letters and signature == _signature(letters, dtype):
            end = time.monotonic() + _LONGEST_WAIT
            while process.poll() is None and time.monotonic() < end:
                yield
                time.sleep(0.01)
            _processes[dtype] = None  # it has compiled all it could, or hangs
            yield
            return
