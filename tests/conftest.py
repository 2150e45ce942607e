"""What every test gets: a cache of compiled kernels that is never stale, and a seeded generator."""

import hashlib
import importlib.util
import os
import shutil
import time
from pathlib import Path

_CACHES = Path(__file__).resolve().parent.parent / ".numba_cache"


def _hash_of_sources():
    """A short hash of skgru's sources, which are not imported for it."""
    folder = Path(importlib.util.find_spec("skgru").origin).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _choose_numba_cache():
    # Every state of the sources gets a folder, so that runs before and after an edit, or on two
    # branches, do not replace each other's kernels. Numba reads the variable when it is imported,
    # and child processes inherit it.
    folder = _CACHES / _hash_of_sources()
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    yesterday = time.time() - 24 * 3600
    for other in _CACHES.iterdir():
        if other.stat().st_mtime < yesterday:
            shutil.rmtree(other, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


if "NUMBA_CACHE_DIR" not in os.environ:
    _choose_numba_cache()

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from tests.device import mode  # noqa: E402

# No deadline: the first example of a property may compile a kernel.
hypothesis.settings.register_profile(
    "skgru", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("skgru")


def pytest_configure(config):
    mode.settle(config)


def pytest_collection_modifyitems(items):
    """Spread the slow tests evenly: in one piece they would keep one process of two busy alone."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    if slow and others:
        step = len(others) / len(slow)
        places = [(step * (i + 0.5), item) for i, item in enumerate(slow)]
        items[:] = [item for _, item in sorted([*enumerate(others), *places], key=lambda x: x[0])]


@pytest.fixture
def rng():
    """A generator that gives the same numbers in every run."""
    return np.random.default_rng(20140603)
