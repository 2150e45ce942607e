"""Processes that are killed while they fit with checkpoints; the fit is then finished by another.

The finished model must be that of a run which was left alone, to the last bit, wherever the kill
came. If it came before the first checkpoint, there is no file; a file that cannot be loaded is a
failure.
"""

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np

from skgru import Checkpoint, GRUClassifier, GRURegressor

from .attack import Attack, Verdict
from .inputs import choose
from .processes import server

_EPOCHS = 40


def problem(kind):
    """A model and its data."""
    X = np.random.default_rng(0).normal(size=(40, 6, 2))
    y = X[:, -1, 0]
    options = {"max_iter": _EPOCHS, "random_state": 0, "batch_size": 8, "dropout": 0.1}
    models = {
        "cosine": GRURegressor(5, **options),
        "constant": GRURegressor(5, learning_rate="constant", n_iter_no_change=5, **options),
        "early stopping": GRUClassifier(5, early_stopping=True, **options),
    }
    return models[kind], X, (y > 0).astype(int) if kind == "early stopping" else y


KINDS = ("cosine", "constant", "early stopping")


# --- in a child ---------------------------------------------------------------------------------
def fit(kind, checkpoint):
    """Fit with a checkpoint after every epoch."""
    model, X, y = problem(kind)
    model.set_callbacks(Checkpoint(checkpoint, every_n_epochs=1)).fit(X, y)


def fit_alone(kind, result):
    model, X, y = problem(kind)
    _store(model.fit(X, y), X, result)


def finish(kind, checkpoint, result):
    """Finish the fit of a checkpoint."""
    _, X, y = problem(kind)
    _store(joblib.load(checkpoint).set_params(warm_start=True).fit(X, y), X, result)


def _store(model, X, result):
    np.savez(result, parameters=model._parameters, curve=model.loss_curve_, found=model.predict(X))


# --- in the parent ------------------------------------------------------------------------------
class World:
    """Results of runs that were left alone, and how long they take with checkpoints."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process
        self.expected, self.seconds = {}, {}
        for kind in KINDS:
            self.expected[kind] = self.result_of("fit_alone", kind)
            process.call("fit", kind, folder / "warmup.joblib")
            start = time.perf_counter()
            fault = process.call("fit", kind, folder / "warmup.joblib")
            if fault:
                raise RuntimeError(f"A fit with checkpoints does not work: {fault}")
            self.seconds[kind] = time.perf_counter() - start

    def result_of(self, name, *arguments):
        """The arrays that a call in a child stored, as bytes, or what went wrong as a str."""
        path = self.folder / "result.npz"
        path.unlink(missing_ok=True)
        fault = self.process.call(name, *arguments, path)
        if fault:
            return fault
        with np.load(path) as stored:
            return {name: stored[name].tobytes() for name in stored.files}


@contextmanager
def prepare():
    with tempfile.TemporaryDirectory() as name:
        with server("tests.attack.kills", Path(name)) as process:
            yield World(Path(name), process)


def check(world, rng, number):
    """Kill a fit, perhaps again while another process finishes it, and finish it."""
    kind = choose(rng, KINDS)
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        checkpoint = Path(folder) / "checkpoint.joblib"
        seconds = rng.uniform(0.1, 1.0) * world.seconds[kind]
        world.process.kill_after(seconds, "fit", kind, checkpoint)
        if not checkpoint.exists():
            return Verdict()
        found = world.result_of("finish", kind, checkpoint)
    if found == world.expected[kind]:
        return Verdict()
    what = found if isinstance(found, str) else "the finished model has other bits"
    return Verdict(1, (f"{kind}, killed after {seconds:.3f} s: {what}",))


ATTACK = Attack("kills", "SIGKILLs during a fit with checkpoints, and resume", check, prepare,
                n_cases=100, n_quick=4)  # fmt: skip
