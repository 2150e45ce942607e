"""The checks of the attacks find what is planted: each of them is able to fail."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from skgru import GRURegressor, SequenceScaler

from . import __main__ as long_run
from . import fuzz, inputs, interrupts, preparation, symbols, threads
from .attack import Attack, rng_of
from .forks import _wait
from .inputs import Argument
from .invariants import all_finite, outcome, same_bits, why_unclear
from .pickles import _fault_of, older_commits
from .processes import ROOT, server


def session(model):
    found = fuzz.Session(np.random.default_rng(0))
    found.model = model
    return found


def faults_of(function, *arguments, fate=None):
    found = session(GRURegressor())
    found.call(lambda *given: function(found.model, *given), *arguments, fate=fate)
    return " ".join(found.failures)


def change_and_raise(model, X):
    model.alpha = 3.0
    raise ValueError("X is wrong")


def change_argument(model, X):
    X[0] = 7


@pytest.mark.parametrize(
    ("function", "fate", "expected"),
    [
        (change_and_raise, "either", "changed the model although it raised"),
        (change_argument, "good", "changed its arguments"),
        (lambda model, X: None, "bad", "was accepted"),
        (lambda model, X: model.fit(None, None), "good", "was refused"),
        (lambda model, X: X[100], "either", "unusual type IndexError"),
        (lambda model, X: np.array([[1], [2, 3]]), "either", "not raised on purpose: ValueError"),
        (lambda model, X: np.exp(X * 1000.0), "good", "let a warning escape: RuntimeWarning"),
    ],
)
def test_a_call_is_judged(function, fate, expected):
    assert expected in faults_of(function, Argument(np.arange(3.0) + 1, "X"), fate=fate)


class FitsByThreads(GRURegressor):
    """Planted: another model for another number of threads."""

    def fit(self, X, y):
        self.random_state = self.n_jobs
        return super().fit(X, y)


class CentresTheBatch(SequenceScaler):
    """Planted: the result for a sequence depends on the others."""

    def transform(self, X):
        return X - X.mean()


def test_a_model_that_depends_on_threads_is_a_fault():
    found = session(FitsByThreads(2, max_iter=1))
    found.inputs, found.kind, found.shape = inputs, "numbers", inputs.Shape("3d", 1, 3)
    found.fit_in_threads()
    assert "n_jobs changes the fit" in found.failures[0]


def test_a_transform_that_depends_on_the_batch_is_a_fault():
    X = np.arange(6.0).reshape(2, 3)
    found = session(CentresTheBatch().fit(X))
    preparation._check(found, "transform", Argument(X, "X"), found.model.transform(X))
    assert "alone is not that of X" in " ".join(found.failures)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("layout", symbols.LAYOUTS)
def test_symbols_of_every_layout_are_good_or_bad(layout):
    rng, shape = np.random.default_rng(0), symbols.Shape(layout, 2, 4)
    model = GRURegressor(2, max_iter=1).set_params(**symbols.parameters(rng, shape))
    model.fit(symbols.good_X(rng, shape, 6)[0].value, np.arange(6.0))
    assert hasattr(model, "embedding_")
    for _ in range(5):
        with pytest.raises((ValueError, TypeError)):
            model.predict(symbols.bad_X(rng, shape, 3).value)


def test_a_clear_refusal_is_no_fault():
    bad = Argument([[[np.nan]]], "X", "bad")
    assert faults_of(lambda model, X: model.fit(X, [0.0]), bad) == ""


def test_a_message_must_name_an_argument():
    _, error, _ = outcome(GRURegressor().fit, [[1.0]], None)
    assert why_unclear(error) is None
    error.args = ("something is wrong",)
    assert "names no argument" in why_unclear(error)


def test_bits_and_finiteness():
    assert same_bits(np.float32(1), np.float32(1)) and not same_bits(np.float32(1), np.float64(1))
    assert not same_bits(0.0, -0.0)
    assert all_finite(["a", 1.0]) and not all_finite([np.zeros(2), np.array([np.inf])])


def test_cases_do_not_depend_on_those_before():
    assert (
        rng_of(1, 5).integers(10**9) == rng_of(1, 5).integers(10**9) != rng_of(1, 6).integers(10**9)
    )


# --- interrupts ---------------------------------------------------------------------------------
def test_an_interrupt_reaches_every_line():
    reached = []

    def function():
        for i in range(3):
            reached.append(i)

    # Lines of this module are traced; those of `interrupts` itself are not.
    with interrupts.Interrupter().handlers() as interrupter:
        n_lines = interrupter.count_lines(function)
        lengths = set()
        for line in range(1, n_lines + 1):
            reached.clear()
            assert isinstance(interrupter.at_lines(function, {line}), KeyboardInterrupt)
            lengths.add(len(reached))
        assert {0, 1, 2} <= lengths
        error = interrupter.after(lambda: time.sleep(5), [0.01])
        assert isinstance(error, KeyboardInterrupt)
    assert sys.gettrace() is not interrupter._count


def test_a_second_interrupt_arrives():
    seen = []

    def function():
        try:
            for _ in range(10**6):
                seen.append(1)
        except KeyboardInterrupt:
            seen.append(2)
            for _ in range(10**6):
                seen.append(3)

    with interrupts.Interrupter().handlers() as interrupter:
        error = interrupter.at_lines(function, {20, 40})
        assert isinstance(error, KeyboardInterrupt) and 2 in seen
        seen.clear()
        assert isinstance(interrupter.after(function, [1e-3, 1e-3]), KeyboardInterrupt)
        assert 2 in seen


def test_a_model_between_old_and_new_is_a_fault():
    X = np.random.default_rng(0).normal(size=(10, 3, 1))
    model = GRURegressor(2, learning_rate="constant", n_iter_no_change=np.inf, random_state=0)
    target = interrupts.Target(model, (X, X[:, 0, 0]), refit=True)
    broken = target.fresh()
    assert list(target.faults(broken, KeyboardInterrupt())) == []
    broken._parameters = broken._parameters + 1
    assert "neither the old model nor that" in " ".join(target.faults(broken, KeyboardInterrupt()))
    assert "raised OSError" in " ".join(target.faults(target.fresh(), OSError("x")))
    lost = target.fresh()
    lost.__dict__.clear()
    assert list(target.faults(lost, None)) != []


# --- threads, forks and other processes -----------------------------------------------------------
def test_a_prediction_of_no_stage_is_a_fault():
    with threads.prepare() as world:
        model, y, other = world.models[0]
        stages = world.stages(model, world.schedule(model, y, other)[:3])
        watch = threads.Round(world, model, [None] * 3, stages)
        watch.done = 1
        assert watch._judge("predict", stages[1], 1) is None
        assert "no model" in watch._judge("predict", stages[2], 1)  # not yet
        assert "no model" in watch._judge("predict", [stages[0][0] + 1, None], 1)


def test_a_child_that_hangs_is_found(monkeypatch):
    monkeypatch.setattr("tests.attack.forks._CHILD_SECONDS", 0.3)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    assert _wait(child) is None


def test_children_of_a_server(tmp_path):
    with server("time", tmp_path) as process:
        assert process.call("sleep", 0) is None
        assert "no such" in process.call("no such") or "AttributeError" in process.last_words()
        assert process.kill_after(0.1, "sleep", 60) == -signal.SIGKILL
        assert process.kill_after(0.3, "sleep", 0) == 0  # it had ended


# What the process of a group does: one case ends it, one hangs, one fails.
CRASHING = """
import faulthandler, json, os, sys, time
faulthandler.enable()
for number in range(int(sys.argv[-2]), int(sys.argv[-1])):
    if number == 1:
        os._exit(7)
    if number == 3:
        time.sleep(60)
    print(json.dumps([number, 1, ["a fault"] if number == 4 else [], ""]), flush=True)
"""


def test_the_long_run_goes_on_behind_a_crash_and_a_hang(monkeypatch):
    attack = Attack("crashing", "crashes", None, limit=3.0)
    real = subprocess.Popen

    def popen(command, **options):
        return real([sys.executable, "-c", CRASHING, *command[-2:]], **options)

    monkeypatch.setattr(long_run, "load", lambda name: attack)
    monkeypatch.setattr(long_run.subprocess, "Popen", popen)
    result = long_run.run_group("crashing", 0, 0, 5)
    assert [number for number, _ in result.failures] == [1, 3, 4]
    assert "status 7" in result.failures[0][1]
    assert "Fatal Python error: Aborted" in result.failures[1][1]
    assert result.tried == 5
    assert "| crashes | 5 | 3 |" in long_run.report({"crashing": result}, 0)


def test_the_long_run_gives_up_a_group_that_cannot_start(monkeypatch):
    attack, real = Attack("broken", "nothing", None), subprocess.Popen

    def popen(command, **options):
        return real([sys.executable, "-c", "raise ImportError('no module')"], **options)

    monkeypatch.setattr(long_run, "load", lambda name: attack)
    monkeypatch.setattr(long_run.subprocess, "Popen", popen)
    result = long_run.run_group("broken", 0, 0, 100)
    assert result.tried == len(result.failures) - 1 == 5
    assert "no module" in result.failures[0][1]
    assert "given up, 95 cases were not tried" in result.failures[-1][1]


# --- older commits --------------------------------------------------------------------------------
def test_older_commits_are_in_the_history():
    found = older_commits(3)
    if (ROOT / ".git").exists():
        assert 0 < len(found) <= 3
    for commit in found:
        done = subprocess.run(["git", "-C", ROOT, "cat-file", "-e", commit])
        assert done.returncode == 0


def test_without_history_the_table_says_so(monkeypatch):
    from . import pickles

    monkeypatch.setattr(pickles, "_git", lambda *arguments: None)
    with pickles.prepare() as world:
        verdict = pickles.check(world, None, 0)
    assert verdict.tried == 0 and "no Git history" in verdict.note


def test_a_model_that_loads_and_fails_is_a_fault(tmp_path):
    import joblib

    X = np.random.default_rng(0).normal(size=(10, 3, 1))
    model = GRURegressor(2, max_iter=1, random_state=0).fit(X, X[:, 0, 0])
    path, expected = tmp_path / "model.joblib", model.predict(X)
    joblib.dump(model, path)
    assert _fault_of(path, X, expected) is None
    assert "something else" in _fault_of(path, X, expected + 1)
    path.write_bytes(b"no pickle")
    assert _fault_of(path, X, expected) is not None
