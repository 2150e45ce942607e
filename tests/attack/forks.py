"""Forks while other threads fit and predict; the children must do the same, and finish.

A fork copies locks in the state they are in, and the threads that hold them do not survive it.
"""

import faulthandler
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from contextlib import contextmanager

import numpy as np

from skgru import GRUClassifier, GRURegressor

from .attack import Attack, Verdict
from .inputs import choose
from .invariants import same_bits

_CHILD_SECONDS = 20.0


class World:
    """Threads that fit and predict without end, and what a child must compute."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(70, 4, 2))
        self.long = rng.normal(size=(40, 3000, 2))  # a check of it holds whatever locks there are
        self.y = self.X[:, -1, 0]
        self.model = GRURegressor(3, max_iter=2, random_state=0, n_jobs=2).fit(self.X, self.y)
        self.expected = self.model.predict(self.X)
        self.stop = threading.Event()
        jobs = [self._fit, self._fit_labels, self._predict, self._predict]
        self.threads = [threading.Thread(target=self._repeat, args=(job,)) for job in jobs]

    def _repeat(self, job):
        while not self.stop.is_set():
            job()

    def fresh_fit(self):
        return GRURegressor(3, max_iter=2, random_state=0, n_jobs=2).fit(self.X, self.y)

    def _fit(self):
        self.fresh_fit()

    def _fit_labels(self):
        GRUClassifier(3, max_iter=2, n_jobs=2).fit(self.X, self.y > 0)

    def _predict(self):
        self.model.predict(self.long)

    def in_child(self, what):
        """What a child does; return an exit status."""
        models = {"predict": lambda: self.model, "fit": self.fresh_fit}
        try:
            return 0 if same_bits(models[what]().predict(self.X), self.expected) else 3
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            return 4


@contextmanager
def prepare():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world = World()
        world.fresh_fit()
        world._fit_labels()
        world._predict()
        for thread in world.threads:
            thread.start()
        try:
            yield world
        finally:
            world.stop.set()
            for thread in world.threads:
                thread.join()


def check(world, rng, number):
    """Fork once; the child predicts, or fits."""
    what = choose(rng, ["predict", "fit"])
    time.sleep(rng.uniform(0, 0.02))
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if child == 0:
            os.dup2(file.fileno(), 2)
            faulthandler.register(signal.SIGUSR1, all_threads=False)
            os._exit(world.in_child(what))
        status = _wait(child)
        if status == 0:
            return Verdict()
        file.seek(0)
        stack = " < ".join(line.strip() for line in file.read().decode().splitlines()[1:7])
    reason = {None: "hung", 3: "has other bits", 4: "raised"}.get(status, f"ended with {status}")
    return Verdict(1, (f"a child forked during fits, told to {what}, {reason}: {stack}",))


def _wait(child):
    """The exit status of a child, or None if it had to be killed."""
    end = time.monotonic() + _CHILD_SECONDS
    while time.monotonic() < end:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGUSR1)  # upon which it writes where it is
    time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


ATTACK = Attack("forks", "forks during fits in other threads", check, prepare,
                n_cases=400, n_quick=15, limit=90.0)  # fmt: skip
