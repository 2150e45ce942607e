"""Interrupts at any line of a fit, and other threads that copy the model while it is fitted."""

import copy
import itertools
import sys
import threading
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone

from skgru import GRURegressor
from skgru.estimators._fit_run import FitRun

from .problems import table
from .test_interrupt import stored
from .test_resume import assert_same_fit


class Interrupter:
    """Raises KeyboardInterrupt at a line of skgru, counted from the start.

    Python ends tracing when that happens. For a second interrupt, `trace_again` is to be called by
    the code that handles the first one, from where lines are counted again.
    """

    def __init__(self, number, second=None):
        self.number, self.second, self.count = number, second, 0

    def trace(self, frame, event, argument):
        if "skgru" not in frame.f_globals.get("__name__", ""):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
        return self.trace

    def trace_again(self, frame):
        self.number, self.count = self.second, 0
        frame.f_trace = self.trace
        sys.settrace(self.trace)

    def run(self, function):
        before = sys.gettrace()
        # An interrupt just before the end of a `with` block keeps Python from leaving it, so that
        # settings of NumPy and scikit-learn would stay changed in other tests.
        with np.errstate(), config_context():
            sys.settrace(self.trace)
            try:
                return function()
            finally:
                sys.settrace(before)


def lines_to_interrupt(model, X, y):
    """Numbers of lines from anywhere in a fit, and from its end, where the result is taken over."""
    counter = Interrupter(None)
    counter.run(lambda: model.fit(X, y))
    anywhere = np.random.default_rng(0).integers(1, counter.count, 20)
    return [int(number) for number in anywhere], range(counter.count - 60, counter.count + 1, 2)


@pytest.fixture
def models():
    """Data, a model of other targets, and a new one; both have three epochs."""
    X, y = table(20)
    options = {"max_iter": 3, "batch_size": 10, "random_state": 0, "early_stopping": True}
    old, new = (GRURegressor(2, **options).fit(X, target) for target in (-y, y))
    return X, y, old, new


def assert_old_or_new(model, before, X, y, new):
    """Whether the model is the old one; if not, it can be finished, or has been."""
    if vars(model) == before:
        return True
    assert model.set_params(warm_start=True).fit(X, y).n_iter_ in (3, 6)
    if model.n_iter_ == 3:  # otherwise it was complete, and another cycle began
        assert_same_fit(model, new)
    return False


def test_ctrl_c_at_any_line(models):
    X, y, old, new = models
    anywhere, at_the_end = lines_to_interrupt(copy.copy(old), X, y)
    outcomes = set()
    for number in (*anywhere, *at_the_end):
        model, is_raised = copy.copy(old), False
        before = dict(vars(model))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                Interrupter(number).run(lambda: model.fit(X, y))  # noqa: B023
            except KeyboardInterrupt:
                is_raised = True
        is_old = assert_old_or_new(model, before, X, y, new)
        outcomes.add((is_raised, is_old))
        # What was learnt is lost only where no epoch had ended; an interrupt is never swallowed.
        assert not (is_old and number in at_the_end), number
        assert is_raised or not is_old, number
    assert {(True, True), (False, False)} <= outcomes


def test_a_second_ctrl_c_leaves_the_old_model_or_the_new_one(monkeypatch, models):
    X, y, old, new = models
    interrupt, current = FitRun.interrupt, []

    def interrupt_again(run):
        interrupt(run)
        current[-1].trace_again(sys._getframe(1))

    monkeypatch.setattr(FitRun, "interrupt", interrupt_again)
    first = lines_to_interrupt(copy.copy(old), X, y)[1][0]
    are_old = []
    for second in itertools.count(1, 5):
        model = copy.copy(old)
        before = dict(vars(model))
        current.append(Interrupter(first, second))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                current[-1].run(lambda: model.fit(X, y))  # noqa: B023
                break  # there are no more lines
            except KeyboardInterrupt:
                are_old.append(assert_old_or_new(model, before, X, y, new))
    assert len(are_old) > 20
    assert are_old == sorted(are_old, reverse=True)  # the old one, and from some line on the new


# --- other threads meanwhile --------------------------------------------------------------------


def test_a_model_is_copied_while_it_is_fitted():
    X, y = table()
    model = GRURegressor(4, max_iter=30, random_state=0).fit(X, y)
    allowed = [model.predict(X).tobytes(), clone(model).fit(X, -y).predict(X).tobytes()]
    thread = threading.Thread(target=lambda: [model.fit(X, -y) for _ in range(3)])
    seen = set()
    thread.start()
    while thread.is_alive():
        for duplicate in (copy.copy(model), copy.deepcopy(model), stored(model)):
            assert not [name for name in vars(duplicate) if "callback" in name]
            assert duplicate.n_iter_ == 30
            seen.add(duplicate.predict(X).tobytes())
        assert not hasattr(clone(model), "_parameters")
    thread.join()
    assert seen <= set(allowed)


def test_the_state_of_a_pickle_is_not_the_live_dictionary():
    # scikit-learn adds and deletes attributes during a fit, which a pickler must not stumble over.
    model = GRURegressor()
    assert model.__getstate__() is not vars(model)
    model._callback_fit_ctx = model._skl_callbacks_to_teardown = threading.Lock()
    assert stored(model).get_params() == model.get_params()
