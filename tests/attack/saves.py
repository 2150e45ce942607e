"""Files that `skgru.save` was writing when it was killed, and files that were damaged later.

After a kill the file must hold the old model or the new one. A damaged file must be refused: a
model that is not the one which was saved must never be loaded.
"""

import pickle
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import skgru
from skgru import GRURegressor

from .attack import Attack, Verdict
from .inputs import choose
from .invariants import fingerprint, why_unclear
from .processes import server


# --- in a child ---------------------------------------------------------------------------------
def save_again_and_again(first, second, path):
    """Save two models in turn until killed."""
    models = [pickle.loads(Path(name).read_bytes()) for name in (first, second)]
    while True:
        for model in models:
            skgru.save(model, path)


# --- in the parent ------------------------------------------------------------------------------
class World:
    """Two models, large enough that a kill meets a save."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process
        X = np.random.default_rng(0).normal(size=(8, 2, 2))
        self.models = [
            GRURegressor(width, max_iter=1, random_state=0).fit(X, X[:, 0, 0])
            for width in (200, 400)
        ]
        self.fingerprints = [fingerprint(model) for model in self.models]
        self.pickles = [folder / "first.pickle", folder / "second.pickle"]
        for model, path in zip(self.models, self.pickles, strict=True):
            path.write_bytes(pickle.dumps(model))
        self.saved = folder / "saved.joblib"
        small = GRURegressor(3, max_iter=1, random_state=0).fit(X, X[:, 0, 0])
        skgru.save(small, self.saved)
        self.content = self.saved.read_bytes()


@contextmanager
def prepare():
    with tempfile.TemporaryDirectory() as name:
        with server("tests.attack.saves", Path(name)) as process:
            yield World(Path(name), process)


def kill(world, rng):
    """Kill a process that saves; the file must hold one of its models."""
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        path = Path(folder) / "model.joblib"
        skgru.save(world.models[0], path)
        seconds = 0.02 + rng.uniform(0, 0.05)
        world.process.kill_after(seconds, "save_again_and_again", *world.pickles, path)
        try:
            found = fingerprint(skgru.load(path))
        except Exception as error:
            return f"a kill during a save left a file that raises {type(error).__name__}: {error}"
    return None if found in world.fingerprints else "a kill during a save left another model"


def damage(world, rng):
    """Damage a file; it must be refused."""
    content = bytearray(world.content)
    way = choose(rng, ["flip", "truncate", "extend", "zero", "empty"])
    place = int(rng.integers(len(content)))
    if way == "flip":
        content[place] ^= 1 << int(rng.integers(8))
    elif way == "truncate":
        del content[place:]
    elif way == "extend":
        content += rng.bytes(1 + place % 100)
    elif way == "zero":
        content[place : place + 512] = bytes(len(content[place : place + 512]))
        if content == world.content:
            return None
    else:
        content.clear()
    path = world.folder / "damaged.joblib"
    path.write_bytes(content)
    try:
        skgru.load(path)
    except Exception as error:
        reason = why_unclear(error) or ""
        # The message names the file in place of an argument.
        if "names no argument" in reason and str(path) in str(error):
            reason = ""
        return f"{way} at byte {place}: {reason}" if reason else None
    return f"{way} at byte {place} was not noticed"


def check(world, rng, number):
    fault = kill(world, rng) if rng.random() < 0.2 else damage(world, rng)
    return Verdict(1, (fault,) if fault else ())


ATTACK = Attack("saves", "saves that were killed, and damaged files", check, prepare,
                n_cases=1000, n_quick=40)  # fmt: skip
