"""Ctrl-C at any moment of a fit or prediction, once, or twice within microseconds.

Afterwards the model must be the old one or a new one: that of the number of epochs which it says
it has done, to the last bit. The next fit must be as if nothing had happened.

An interrupt is raised at a line of Python, wherever that is, or by a signal after some
microseconds, which Python handles at the next call or loop.
"""

import copy
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn import get_config, set_config

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
)

from .attack import Attack, Verdict
from .inputs import choose
from .invariants import fingerprint, same_bits

_SETTINGS, _FLOATING_POINT = get_config(), np.geterr()
_EPOCHS = 4


class Interrupter:
    """Interrupts a call once or twice; a signal that comes later is ignored."""

    def __init__(self):
        self.armed = False

    @contextmanager
    def handlers(self):
        """Handle SIGINT, and SIGALRM by which timers work, until the end."""
        names = [signal.SIGINT, signal.SIGALRM]
        before = [signal.signal(name, self._on_signal) for name in names]
        tracer = sys.gettrace()  # of a debugger, or of coverage
        try:
            yield self
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.settrace(tracer)
            for name, handler in zip(names, before, strict=True):
                signal.signal(name, handler)

    def _on_signal(self, number, frame):
        if not self.armed:
            return
        if number == signal.SIGALRM:
            if self.delays:
                signal.setitimer(signal.ITIMER_REAL, self.delays.pop(0))
            else:
                self.armed = False
        raise KeyboardInterrupt

    def count_lines(self, function):
        """The number of lines of Python that a call executes."""
        self.n_lines, tracer = 0, sys.gettrace()
        sys.settrace(self._count)
        try:
            function()
        finally:
            sys.settrace(tracer)
        return self.n_lines

    def _count(self, frame, event, argument):
        if frame.f_code.co_filename == __file__:
            return None
        self.n_lines += event == "line"
        return self._count

    def at_lines(self, function, lines):
        """Call and raise KeyboardInterrupt at these lines, counted from the start."""
        left = sorted(lines)
        self.n_lines = 0

        def trace(frame, event, argument):
            if frame.f_code.co_filename == __file__:
                return None
            self.n_lines += event == "line"
            if event == "line" and left and self.n_lines == left[0]:
                del left[0]
                if left:
                    sys.setprofile(trace_again)
                raise KeyboardInterrupt  # upon which Python stops to trace
            return trace

        def trace_again(frame, event, argument):
            sys.setprofile(None)
            sys.settrace(trace)
            while frame is not None and frame.f_code.co_filename != __file__:
                frame.f_trace, frame = trace, frame.f_back

        tracer, profiler = sys.gettrace(), sys.getprofile()
        try:
            # A line of a with statement may be the one that would leave it.
            with np.errstate():
                sys.settrace(trace)
                try:
                    function()
                finally:
                    sys.settrace(tracer)
                    sys.setprofile(profiler)
        except BaseException as error:
            return error
        return None

    def after(self, function, delays):
        """Call and interrupt after some seconds, and again after some more."""
        self.delays, self.armed = list(delays), True
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, self.delays.pop(0))
                function()
            finally:
                self.armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException as error:
            return error
        return None


class Target:
    """A call to interrupt: a model before it, and the models that it may leave behind.

    Parameters
    ----------
    model : estimator
        With ``learning_rate="constant"``, so that a fit of k epochs is the start of a longer one.
    data : tuple
        X and y.
    refit : bool
        Whether the model has been fitted before.
    method : str
    """

    def __init__(self, model, data, *, refit, method="fit"):
        self.X, self.y = data
        self.method, self.old = method, model
        if refit:  # of other data, so that the old model and the new one differ
            n = len(self.y) // 2
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(self.X[:n], self.y[:n])
        self.steps = [k for k in range(1, _EPOCHS + 1) if method == "fit" or k == 1]
        self.after = {}
        for k in self.steps:
            done = copy.deepcopy(model)
            self.call(done.set_params(max_iter=k))
            self.after[done.n_iter_] = learnt(done)
        self.before = learnt(model)
        self.finished = copy.deepcopy(model).set_params(max_iter=_EPOCHS)
        self.call(self.finished)
        self.expected = self.finished.predict(self.X)

    def fresh(self):
        return copy.deepcopy(self.old).set_params(max_iter=_EPOCHS)

    def call(self, model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(model, self.method)(*(self.X, self.y)[: 2 if "fit" in self.method else 1])

    def use(self, model):
        return model.predict(self.X)

    def faults(self, model, error):
        """What is wrong with a model after an interrupt; what was raised is ``error``."""
        # An interrupt just before the end of a `with` block keeps Python from leaving it, so that
        # settings of NumPy and scikit-learn stay changed.
        set_config(**_SETTINGS)
        np.seterr(**_FLOATING_POINT)
        if error is not None and not isinstance(error, KeyboardInterrupt):
            yield f"raised {type(error).__name__}: {str(error)[:200]}"
        parameters = {**model.get_params(), "max_iter": None}
        if fingerprint(parameters) != fingerprint({**self.old.get_params(), "max_iter": None}):
            yield "lost its parameters"
            return
        now = learnt(model)
        if now != self.before and now != self.after.get(getattr(model, "n_iter_", None)):
            epochs = getattr(model, "n_iter_", "no")
            yield f"is neither the old model nor that of {epochs} epochs"
            return
        if error is None and now == self.before and self.method != "predict":
            yield "returned without having trained"
        # Nothing that outlives the call is broken either, such as the threads of the process.
        again = self.fresh()
        self.call(again)
        if not same_bits(self.use(again), self.expected):
            yield "the next fit is not as if nothing had happened"


class Prediction(Target):
    """A prediction to interrupt; it never changes the model."""

    def __init__(self, model, data):
        self.method, (self.X, self.y) = "predict", data
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.old = model.fit(*data)
        self.before, self.after = learnt(model), {}
        self.expected = model.predict(self.X)


class ScalerFit(Target):
    """A fit of a scaler to interrupt; it knows no epochs, so there is one new scaler."""

    def __init__(self, X, other):
        self.method, self.X, self.y = "fit", X, None
        self.old = SequenceScaler().fit(other)
        done = self.fresh()
        self.call(done)
        self.before, self.after = learnt(self.old), {None: learnt(done)}
        self.expected = self.use(done)

    def fresh(self):
        return copy.deepcopy(self.old)

    def use(self, model):
        return model.transform(self.X)


def learnt(model):
    """A hash of what fits have learnt and predictions depend on."""
    if isinstance(model, SequenceScaler):
        return fingerprint(model)
    names = ("_parameters", "n_iter_", "loss_curve_", "feature_mean_", "feature_scale_",
             "_network_options", "_target_facts", "classes_", "n_features_in_")  # fmt: skip
    if not hasattr(model, "_parameters"):
        return "unfitted"
    return fingerprint({name: getattr(model, name, None) for name in names})


def _targets():
    """Fits, refits, passes and predictions of small models, in one thread and in two."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4, 2))  # more than a shard: a second thread has something to do
    ragged = [rng.normal(size=(length, 2)) for length in rng.integers(1, 6, 12)]
    number, label = X[:, -1, 0], (X[:, -1, 0] > 0).astype(int)
    steps = [x[:, 0] for x in ragged]
    options = {
        "hidden_layer_sizes": 3, "max_iter": _EPOCHS, "learning_rate": "constant",
        "n_iter_no_change": np.inf, "random_state": 0, "batch_size": 50,
    }  # fmt: skip
    goes_on = {**options, "warm_start": True, "dropout": 0.2}
    return [
        Target(GRURegressor(**options), (X, number), refit=False),
        Target(GRUClassifier(n_jobs=2, **options), (X, label), refit=True),
        Target(GRURegressor(**goes_on), (X, number), refit=True),
        Target(GRUStepRegressor(**options), (ragged, steps), refit=True),
        Target(GRUClassifier(early_stopping=True, **options), (X, label), refit=True),
        Target(GRURegressor(**options), (X, number), refit=True, method="partial_fit"),
        Prediction(GRUStepClassifier(**options), (ragged, [x > 0 for x in steps])),
        Prediction(GRURegressor(n_jobs=2, **options), (X, number)),
        ScalerFit(X, [10 + 3 * item for item in ragged]),
    ]


class World:
    """Calls to interrupt, with their lengths in lines and seconds."""

    def __init__(self, interrupter):
        self.interrupter, self.targets = interrupter, _targets()
        for target in self.targets:
            target.call(target.fresh())  # imports and kernels are loaded now
            model = target.fresh()
            start = time.perf_counter()
            target.call(model)
            target.seconds = time.perf_counter() - start
            model = target.fresh()
            target.n_lines = interrupter.count_lines(lambda t=target, m=model: t.call(m))


@contextmanager
def prepare():
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Signals reach the main thread alone: run this attack there.")
    with Interrupter().handlers() as interrupter:
        yield World(interrupter)


def check(world, rng, number):
    """Interrupt one call, at a line or by a signal, once or twice."""
    target = choose(rng, world.targets)
    by_signal, is_double = rng.random() < 0.4, rng.random() < 0.5
    model = target.fresh()
    if by_signal:
        delays = [rng.uniform(0, target.seconds), *rng.uniform(2e-6, 4e-5, size=int(is_double))]
        error = world.interrupter.after(lambda: target.call(model), np.maximum(delays, 1e-6))
        words = f"after {' + '.join(f'{1e6 * delay:.0f}' for delay in delays)} us"
    else:
        first = int(rng.integers(1, target.n_lines + 1))
        lines = {first} | ({first + int(rng.geometric(0.1))} if is_double else set())
        error = world.interrupter.at_lines(lambda: target.call(model), lines)
        words = f"at line(s) {sorted(lines)} of {target.n_lines}"
    subject = f"interrupt {words} of {target.method} of {model!r}"
    faults = [f"{' '.join(subject.split())}: {fault}" for fault in target.faults(model, error)]
    return Verdict(1, tuple(faults))


ATTACK = Attack(
    "interrupts", "interrupts, single and double", check, prepare, n_cases=3000, n_quick=150
)
