"""Clocks of a device, engines that take turns, and correctness before either."""

import gc
import time

import numpy as np
from _speed_timing import check

_TURN_MS, _MOST_IN_TURN = 60.0, 20
_LEAST_CALLS, _MOST_TURNS = 9, 30


class WallMark:
    """A point in time on the host; what a trial without a GPU has."""

    def record(self):
        self.time = time.perf_counter()

    def wait(self):
        pass

    def since(self, earlier):
        return 1e3 * (self.time - earlier.time)


class NumbaMark:
    """A point in the work of the stream that our kernels run on."""

    def __init__(self):
        from numba import cuda

        self.event = cuda.event()

    def record(self):
        from skgru.kernels.cuda import current_stream

        self.event.record(current_stream())

    def wait(self):
        self.event.synchronize()

    def since(self, earlier):
        return earlier.event.elapsed_time(self.event)


class TorchMark:
    """A point in the work of torch's stream."""

    def __init__(self):
        import torch

        self.event = torch.cuda.Event(enable_timing=True)

    def record(self):
        self.event.record()

    def wait(self):
        self.event.synchronize()

    def since(self, earlier):
        return earlier.event.elapsed_time(self.event)


def measure(make_mark, run, n):
    """Call ``run`` ``n`` times without waiting in between.

    Returns
    -------
    device : list of float
        Milliseconds from the end of one call's work to that of the next, as the device sees it.
    host : float
        Milliseconds that the host took to start a call.
    """
    marks = [make_mark() for _ in range(n + 1)]
    marks[0].record()
    marks[0].wait()
    marks[0].record()
    start = time.perf_counter()
    for mark in marks[1:]:
        run()
        mark.record()
    host = 1e3 * (time.perf_counter() - start) / n
    marks[-1].wait()
    return [late.since(early) for early, late in zip(marks, marks[1:], strict=False)], host


class Known:
    """Results of an engine that need not be found again."""

    def __init__(self, engine):
        self.kinds = engine.kinds
        engine.run(False)
        self._final = {False: np.array(engine.final())}
        engine.run(True)
        self._final[True] = np.array(engine.final())
        self._gradients = [np.array(gradient) for gradient in engine.gradients()]
        self._train = False

    def run(self, train):
        self._train = train

    def final(self):
        return self._final[self._train]

    def gradients(self):
        return self._gradients


def check_all(known, engines, tolerance):
    """Raise unless all engines find what is known."""
    check({"the CPU": known, **engines}, tolerance)


def time_alternating(engines, train, seconds):
    """Time engines that take turns of several calls, in an order drawn anew for each round.

    Without time to spend every engine has one turn of one call, to try whether it works.

    Returns
    -------
    found : dict of str to (list of float, list of float)
        Milliseconds on the device, of every call; milliseconds to start a call, of every turn.
    """
    calls, found, round_ms = {}, {name: ([], []) for name in engines}, 0.0
    if seconds == 0:
        return {name: (device, [host]) for name, engine in engines.items()
                for device, host in [engine.measure(train, 1)]}  # fmt: skip
    for name, engine in engines.items():
        engine.measure(train, 2)
        device, host = engine.measure(train, 2)
        once = max(min(device), host, 1e-3)
        calls[name] = int(np.clip(_TURN_MS / once, 1, _MOST_IN_TURN))
        round_ms += calls[name] * once
    least = -(-_LEAST_CALLS // min(calls.values()))
    turns = max(least, min(_MOST_TURNS, int(1e3 * seconds * len(engines) / round_ms)))
    names, rng = list(engines), np.random.default_rng(0)
    gc.collect()
    gc.disable()
    try:
        for _ in range(turns):
            for name in rng.permutation(names):
                device, host = engines[name].measure(train, calls[name])
                found[name][0].extend(device)
                found[name][1].append(host)
    finally:
        gc.enable()
    return found
