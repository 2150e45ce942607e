"""Correctness, alternating clocks and the limit of the core, for the speed benchmark."""

import gc
import importlib.util
import os
import time

import numpy as np

TOLERANCES = {"float32": 1e-4, "float64": 1e-8}

_BLOCK_SECONDS, _MOST_IN_BLOCK = 0.05, 10
_LEAST_CALLS, _MOST_TURNS = 9, 30
# With several threads, those of the engine before still spin for a while in wait of more work.
_PAUSE = 0.02


def check(engines, tolerance):
    """Raise unless final states and gradients of all engines agree with those of the first one.

    Returns
    -------
    seconds : dict of float
        Of the first run of every engine, one of each kind: what remained to be compiled.
    """
    seconds, reference = {}, None
    for name, engine in engines.items():
        found = []
        start = time.perf_counter()
        engine.run(False)
        seconds[name] = time.perf_counter() - start
        found.append(np.array(engine.final()))
        if "training" in engine.kinds:
            start = time.perf_counter()
            engine.run(True)
            seconds[name] += time.perf_counter() - start
            found.append(np.array(engine.final()))
            found += [np.array(value) for value in engine.gradients()]
        if reference is None:
            reference = found
        for expected, value in zip(reference, found, strict=len(found) > 1):
            if expected.shape != value.shape:
                raise AssertionError(f"{name}: shape {value.shape}, not {expected.shape}")
            error = np.abs(expected - value).max() / np.abs(expected).max()
            if not error < tolerance:
                raise AssertionError(f"{name} disagrees: relative error {error:.1e}")
    return seconds


def _cores():
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count())


def _busy_seconds():
    """Seconds that the cores of this process were used by anyone; 0 where Linux does not say."""
    try:
        with open("/proc/stat", encoding="utf-8") as lines:
            words = [line.split() for line in lines]
    except OSError:
        return 0.0
    names = {f"cpu{core}" for core in _cores()}
    # user, nice, system, (idle, waiting,) interrupts, soft interrupts, stolen
    ticks = sum(sum(map(int, [*w[1:4], *w[6:9]])) for w in words if w[0] in names)
    return ticks / os.sysconf("SC_CLK_TCK")


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def time_alternating(engines, train, seconds, pause):
    """Time engines that take turns.

    A turn is a block of calls back to back, each of them recorded, and of as many as fit into 50 ms
    but at most ten. Where it is more than one, a call that is not recorded comes first, so that
    what is measured is the steady state of an engine and not how thoroughly the one before has
    emptied the caches. The order is drawn anew for every round of turns.

    Parameters
    ----------
    engines : dict
        Name to engine; those that cannot do this kind are left out.
    train : bool
    seconds : float
        To spend on each engine, about; at least nine calls are recorded.
    pause : bool
        Whether to wait before each turn until threads of the engine before have gone to sleep.

    Returns
    -------
    times : dict of list of float
        Milliseconds.
    others : float
        Share of the cores of this process that something else used meanwhile. It hits some engines
        harder than others: short calls fit between two turns of the scheduler, and threads that
        wait for each other at every step wait for the one that was put aside.
    """
    kind = "training" if train else "inference"
    engines = {name: engine for name, engine in engines.items() if kind in engine.kinds}
    calls, round_seconds = {}, 0.0
    for name, engine in engines.items():
        engine.run(train)
        once = min(_seconds(lambda run=engine.run: run(train)) for _ in range(2))
        calls[name] = int(np.clip(_BLOCK_SECONDS / once, 1, _MOST_IN_BLOCK))
        round_seconds += (calls[name] + (calls[name] > 1)) * once
    least = -(-_LEAST_CALLS // min(calls.values()))
    turns = max(least, min(_MOST_TURNS, int(seconds * len(engines) / round_seconds)))
    names, rng = list(engines), np.random.default_rng(0)
    times = {name: [] for name in engines}
    busy, began = _busy_seconds() - time.process_time(), time.perf_counter()
    gc.collect()
    gc.disable()
    try:
        for _ in range(turns):
            for name in rng.permutation(names):
                run = engines[name].run
                if pause:
                    time.sleep(_PAUSE)
                if calls[name] > 1:
                    run(train)
                for _ in range(calls[name]):
                    times[name].append(1e3 * _seconds(lambda run=run: run(train)))
    finally:
        gc.enable()
    busy = _busy_seconds() - time.process_time() - busy
    return times, max(0.0, busy) / len(_cores()) / (time.perf_counter() - began)


def summarize(times):
    """Quartiles and number of calls."""
    quartiles = [float(q) for q in np.percentile(times, [25, 50, 75])]
    return {"quartiles": quartiles, "n_calls": len(times)}


class Limit:
    """The best speed of a large sgemm, measured whenever asked and told as a median."""

    _SIZE, _CALLS = 2048, 3

    def __init__(self, pause):
        rng = np.random.default_rng(0)
        self.pause = pause
        a, b = (rng.standard_normal((self._SIZE, self._SIZE), np.float32) for _ in range(2))
        out = np.empty_like(a)
        self.products = [lambda: np.dot(a, b, out=out)]
        if importlib.util.find_spec("torch") is not None:
            import torch

            tensors = [torch.from_numpy(array) for array in (a, b, out)]
            self.products.append(lambda: torch.mm(tensors[0], tensors[1], out=tensors[2]))
        self.found = []
        for product in self.products:
            product()

    def measure(self):
        best = np.inf
        for product in self.products:
            if self.pause:
                time.sleep(_PAUSE)
            best = min(best, *(_seconds(product) for _ in range(self._CALLS)))
        self.found.append(2 * self._SIZE**3 / best / 1e9)
        return self.found[-1]
