"""Sixteen threads predict with a model, copy, pickle and clone it while another one fits it.

The fits are the same in every round, so the predictions of every stage of the model are known. A
prediction must be that of a stage the model was in at some moment of the call, to the last bit.
Some of the fits are refused, and must not be noticed.
"""

import copy
import pickle
import sys
import threading
import time
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from skgru import GRUClassifier, GRURegressor

from .attack import Attack, Verdict
from .invariants import same_bits

_N_THREADS = 16


class World:
    """A schedule of fits, and the predictions after each of them."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(70, 4, 2))
        self.few = self.X[:9]
        number, label = self.X[:, -1, 0], (self.X[:, -1, 0] > 0).astype(int)
        options = {"max_iter": 2, "random_state": 0, "batch_size": 35}
        self.models = [
            (GRURegressor(3, **options), number, 10 * number),
            (GRURegressor((3, 2), n_jobs=2, **options), number, -number),
            (GRUClassifier(4, **options), label, 1 - label),
        ]

    def schedule(self, model, y, other):
        """The calls of a round; the first two of them start every round alike."""
        return [
            lambda: model.fit(self.X, y),
            lambda: model.fit(self.X, y[:-1]),  # refused
            lambda: model.fit(self.X[:, :, :1], other),  # another number of features
            lambda: model.fit(self.X, np.full(len(y), np.nan)),  # refused
            lambda: model.fit(self.X, other),
            lambda: model.partial_fit(self.X, other),
            lambda: model.partial_fit(self.X[:, :3], other[:-2]),  # refused
        ]

    def stages(self, model, schedule):
        """What two kinds of predictions are after every call."""
        return [(_run(call), self.predictions(model))[1] for call in schedule]

    def predictions(self, model):
        """Predictions of two features and of one; None where the model takes another number."""
        found = []
        for X in (self.few, self.few[:, :, :1]):
            try:
                found.append(model.predict(X))
            except ValueError:
                found.append(None)
        return found


def _run(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except ValueError:
            pass  # a refused fit, or the sequel of another number of features


@contextmanager
def prepare():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns often
    try:
        yield World()
    finally:
        sys.setswitchinterval(interval)


class Round:
    """One thread fits a model a few times while the others use it.

    ``done`` counts the calls that are over. While call number ``done`` runs, the model may be in
    stage ``done - 1`` or, if it was just assigned, in stage ``done``.
    """

    def __init__(self, world, model, schedule, stages):
        self.world, self.model = world, model
        self.schedule, self.stages = schedule, stages
        self.done, self.tried, self.failures = 1, 0, []
        self.lock = threading.Lock()

    def use(self, seed):
        """Use the model in every way until the fits are over."""
        rng = np.random.default_rng(seed)
        while self.done < len(self.stages):
            way = int(rng.integers(5))
            first = self.done
            try:
                fault = [self._predict, self._predict, self._copy, self._pickle, self._clone][way](
                    first
                )
            except BaseException as error:
                fault = f"{type(error).__name__}: {str(error)[:200]}"
            with self.lock:
                self.tried += 1
                if fault:
                    self.failures.append(f"{fault} (during call {first} of the schedule)")

    def _predict(self, first):
        return self._judge("predict", self.world.predictions(self.model), first)

    def _copy(self, first):
        duplicate = copy.copy(self.model) if first % 2 else copy.deepcopy(self.model)
        return self._judge("copy", self.world.predictions(duplicate), first)

    def _pickle(self, first):
        loaded = pickle.loads(pickle.dumps(self.model))
        return self._judge("pickle", self.world.predictions(loaded), first)

    def _clone(self, first):
        if clone(self.model).get_params() != self.model.get_params():
            return "clone has other parameters"
        repr(self.model)
        return None

    def _judge(self, what, found, first):
        """Compare with the stages from before the call to after it; the two parts one by one."""
        last = min(self.done, len(self.stages) - 1)
        allowed = self.stages[first - 1 : last + 1]
        for place, result in enumerate(found):
            if not any(_equal(result, stage[place]) for stage in allowed):
                return f"{what} is that of no model that there was"
        return None

    def run(self):
        users = [threading.Thread(target=self.use, args=(i,)) for i in range(_N_THREADS)]
        for user in users:
            user.start()
        time.sleep(0.005)
        for call in self.schedule[1:]:
            _run(call)
            self.done += 1
            time.sleep(0.002)
        for user in users:
            user.join()


def _equal(a, b):
    return a is b is None or (a is not None and b is not None and same_bits(a, b))


def check(world, rng, number):
    """One round with one of the models."""
    model, y, other = world.models[int(rng.integers(len(world.models)))]
    model = clone(model)
    schedule = world.schedule(model, y, other)
    stages = world.stages(model, schedule)
    _run(schedule[0])
    found = Round(world, model, schedule, stages)
    found.run()
    subject = " ".join(repr(model).split())
    return Verdict(found.tried, tuple(f"{subject}: {fault}" for fault in found.failures))


ATTACK = Attack(
    "threads", "uses of a model by 16 threads while it is fitted", check, prepare,
    n_cases=150, n_quick=4,
)  # fmt: skip
