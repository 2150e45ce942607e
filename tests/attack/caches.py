"""Kernel caches that are damaged, or cannot be written: models are fitted all the same.

For every case an intact cache is copied, some of its files are damaged, and a process that finds it
fits and predicts, twice. Both must work and give the bits that the intact cache gives.
"""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from skgru import GRURegressor

from .attack import Attack, Verdict
from .inputs import choose
from .processes import server


# --- in a child ---------------------------------------------------------------------------------
def fit_and_predict(result, max_file_size=None):
    """Fit a model and write its predictions; with a limit, no file may become longer."""
    if max_file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_size, resource.RLIM_INFINITY))
    X = np.random.default_rng(0).normal(size=(12, 4, 2))
    model = GRURegressor(3, max_iter=2, random_state=0).fit(X, X[:, -1, 0])
    predicted = model.predict(X).astype("f8").tobytes().hex()
    if max_file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    Path(result).write_text(json.dumps([predicted, sorted(_used_kernels())]))


def _used_kernels():
    """The names of the kernels that this process has loaded or compiled."""
    from numba.core.registry import CPUDispatcher

    modules = [module for name, module in sys.modules.items() if name.startswith("skgru.")]
    for module in modules:
        for kernel in vars(module).values():
            if isinstance(kernel, CPUDispatcher) and kernel.signatures:
                yield kernel.py_func.__name__


# --- damage -------------------------------------------------------------------------------------
def _truncate(rng, path):
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(len(content)))])


def _empty(rng, path):
    path.write_bytes(b"")


def _flip_bits(rng, path):
    content = bytearray(path.read_bytes())
    for place in rng.integers(len(content), size=int(rng.integers(1, 9))):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _zero(rng, path):
    content = bytearray(path.read_bytes())
    start = int(rng.integers(len(content)))
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    path.write_bytes(content)


def _garbage(rng, path):
    path.write_bytes(rng.bytes(int(rng.integers(1, 5000))))


def _extend(rng, path):
    path.write_bytes(path.read_bytes() + rng.bytes(100))


def _swap(rng, path):
    others = [other for other in path.parent.iterdir() if other.suffix == path.suffix]
    other = others[int(rng.integers(len(others)))]
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def _delete(rng, path):
    path.unlink()


def _make_folder(rng, path):
    path.unlink()
    path.mkdir()


_DAMAGES = [_truncate, _empty, _flip_bits, _zero, _garbage, _extend, _swap, _delete, _make_folder]


class World:
    """A process with a cache of its own, and the state of the cache when it was intact."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process
        self.cache, self.intact, self.result = (
            folder / name for name in ("cache", "intact", "result")
        )
        fault = process.call("fit_and_predict", self.result)
        if fault:
            raise RuntimeError(f"The intact cache does not work: {fault}")
        self.expected, used = json.loads(self.result.read_text())
        for path in self.cache.rglob("*"):  # files that no case would read need no copies
            if path.is_file() and not any(f".{name}-" in path.name for name in used):
                path.unlink()
        shutil.copytree(self.cache, self.intact)

    def restore(self):
        shutil.rmtree(self.cache)
        shutil.copytree(self.intact, self.cache)  # with its times, which Numba compares

    def fault(self, *arguments):
        """Fit in a fresh process; return what went wrong, or None."""
        self.result.unlink(missing_ok=True)
        fault = self.process.call("fit_and_predict", self.result, *arguments)
        if fault:
            return fault
        return None if json.loads(self.result.read_text())[0] == self.expected else "other bits"


@contextmanager
def prepare():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cache").mkdir()
        filled = os.environ.get("NUMBA_CACHE_DIR", "")  # what is compiled already saves a minute
        if filled and Path(filled).is_dir():
            shutil.copytree(filled, folder / "cache", dirs_exist_ok=True)
        variables = {"NUMBA_CACHE_DIR": str(folder / "cache")}
        with server("tests.attack.caches", folder, **variables) as process:
            yield World(folder, process)


def check(world, rng, number):
    """Damage some files of the cache, or leave no room for new ones, and fit twice."""
    world.restore()
    files = sorted(path for path in world.cache.rglob("*") if path.is_file())
    chosen = [files[i] for i in rng.choice(len(files), size=int(rng.integers(1, 4)), replace=False)]
    no_room = rng.random() < 0.15
    damages = [_delete if no_room else choose(rng, _DAMAGES) for _ in chosen]
    done = []
    for path, damage in zip(chosen, damages, strict=True):
        if path.is_file():
            damage(rng, path)
            done.append(f"{damage.__name__[1:]} {'.'.join(path.name.split('.')[1:2])}{path.suffix}")
    limit = [int(rng.integers(1, 4096))] if no_room else []
    failures = []
    for attempt, arguments in (("first", limit), ("second", [])):
        fault = world.fault(*arguments)
        if fault:
            words = f", files of at most {limit[0]} bytes" if limit else ""
            failures.append(f"{json.dumps(done)}{words}: {attempt} fit: {fault}")
    return Verdict(1, tuple(failures))


ATTACK = Attack("caches", "damaged or full kernel caches", check, prepare,
                n_cases=120, n_quick=3, limit=300.0)  # fmt: skip
