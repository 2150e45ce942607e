"""Models that older commits of this repository fitted and pickled.

The code of a few commits, spread over the history, is taken out of Git and fits models in a
process of its own. Each of its files must load here as a model that predicts what it did there, or
be refused with a message that says what to do. Nothing may load and then fail.
"""

import pickle
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone

from .attack import Attack, Verdict
from .invariants import all_finite, outcome, why_unclear
from .processes import ROOT

_N_COMMITS = 5
_TOLERANCE = 1e-5  # kernels have changed, and with them the last bits of float32

#: Runs with the package of an older commit: fits what it has, stores models and predictions.
_BUILDER = """
import pickle, sys, warnings
from pathlib import Path
import joblib
import numpy as np
import skgru

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
assert folder.parent in Path(skgru.__file__).parents, skgru.__file__
X = np.random.default_rng(0).normal(size=(12, 4, 2))
y, steps = X[:, -1, 0], X[:, :, 0]
for name, targets in {
    "GRURegressor": y, "GRUClassifier": y > 0,
    "GRUStepRegressor": steps, "GRUStepClassifier": (steps > 0).astype(int),
}.items():
    if not hasattr(skgru, name):
        continue
    for kind, options in {"plain": {}, "resumes": {"warm_start": True}}.items():
        model = getattr(skgru, name)(3, max_iter=2, random_state=0, **options).fit(X, targets)
        joblib.dump(model, folder / f"{name}-{kind}.joblib")
        (folder / f"{name}-{kind}.pickle").write_bytes(pickle.dumps(model))
        np.save(folder / f"{name}-{kind}.npy", model.predict(X))
if hasattr(skgru, "SequenceScaler"):
    scaler = skgru.SequenceScaler().fit(X)
    (folder / "SequenceScaler-plain.pickle").write_bytes(pickle.dumps(scaler))
    np.save(folder / "SequenceScaler-plain.npy", scaler.transform(X))
np.save(folder / "X", X)
"""


def _git(*arguments):
    """What Git prints, as bytes, or None where there is no Git or no history."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def older_commits(n=_N_COMMITS):
    """Up to ``n`` commits that changed the estimators, from the first one on, without the last."""
    found = _git("rev-list", "--reverse", "HEAD", "--", "skgru/estimators/_base.py") or b""
    commits = found.decode().split()[:-1]
    places = np.unique(np.linspace(0, len(commits) - 1, n).round().astype(int))
    return [commits[place] for place in places] if commits else []


class World:
    """The commits, and the files that each of them has made so far."""

    def __init__(self, folder):
        self.folder, self.commits = folder, older_commits()

    def files_of(self, commit):
        """The folder with the models of a commit; what went wrong, if it could not make them."""
        code = self.folder / commit
        models = code / "models"
        if models.exists():
            return models, None
        models.mkdir(parents=True)
        archive = _git("archive", commit, "skgru")
        if archive is None:
            return models, "its code cannot be taken out of Git"
        subprocess.run(["tar", "-x", "-C", code], input=archive, check=True)
        done = subprocess.run(
            [sys.executable, "-c", _BUILDER, models], cwd=code, capture_output=True, text=True,
            env={"PYTHONPATH": str(code), "NUMBA_CACHE_DIR": str(code / "cache")},
        )  # fmt: skip
        return models, done.stderr[-300:] if done.returncode else None


@contextmanager
def prepare():
    with tempfile.TemporaryDirectory() as name:
        yield World(Path(name))


def check(world, rng, number):
    """Load all models of one of the commits."""
    if number >= len(world.commits):
        note = "" if world.commits else "there is no Git history to take older commits from"
        return Verdict(0, (), note)
    commit = world.commits[number]
    folder, fault = world.files_of(commit)
    if fault:
        return Verdict(1, (f"commit {commit[:8]} could not fit its own models: {fault}",))
    X = np.load(folder / "X.npy")
    paths = sorted({*folder.glob("*.joblib"), *folder.glob("*.pickle")})
    failures = []
    for path in paths:
        fault = _fault_of(path, X, np.load(path.with_suffix(".npy")))
        if fault:
            failures.append(f"commit {commit[:8]}, {path.name}: {fault}")
    return Verdict(len(paths), tuple(failures))


def _fault_of(path, X, expected):
    """Load a model and use it; return what was wrong, or None."""
    load = joblib.load if path.suffix == ".joblib" else lambda p: pickle.loads(p.read_bytes())
    model, error, _ = outcome(load, path)
    if error is not None:
        reason = why_unclear(error)
        says_what_to_do = "fit" in str(error) or "version" in str(error)
        return None if says_what_to_do and "on purpose" not in (reason or "") else str(error)
    use = model.transform if hasattr(model, "scale_") else model.predict
    found, error, _ = outcome(use, X)
    if error is not None:
        return f"loads, but does not predict: {type(error).__name__}: {error}"
    if not _close(found, expected):
        return "loads, but predicts something else"
    for what, call in (("repr", lambda: repr(model)), ("clone", lambda: clone(model)),
                       ("pickle", lambda: pickle.dumps(model))):  # fmt: skip
        _, error, _ = outcome(call)
        if error is not None:
            return f"loads and predicts, but {what} raises {type(error).__name__}: {error}"
    if getattr(model, "warm_start", False):
        _, error, _ = outcome(model.fit, X, expected)
        if error is not None:
            return f"loads and predicts, but cannot be trained further: {error}"
    return None


def _close(found, expected):
    if expected.dtype.kind != "f":
        return np.array_equal(found, expected)
    return all_finite(found) and np.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE)


ATTACK = Attack("pickles", "models of older commits", check, prepare,
                n_cases=_N_COMMITS, n_quick=0, limit=600.0)  # fmt: skip
