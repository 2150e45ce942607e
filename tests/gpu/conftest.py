"""A device for every test of this folder, and its marker."""

import warnings

import pytest

from tests.emulator import n_violations

from .mode import mode


class NotAskedFor(pytest.Module):
    """A file that is not even imported: that takes a compiler for GPUs."""

    def collect(self):
        pytest.skip("not asked for: `pytest -m gpu` runs them, on a machine with a GPU")


def pytest_pycollect_makemodule(module_path, parent):
    return None if mode() else NotAskedFor.from_parent(parent, path=module_path)


def pytest_itemcollected(item):
    item.add_marker("gpu")


@pytest.fixture(autouse=True)
def _hashes_wrap_around():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)
        yield


@pytest.fixture(autouse=True)
def _no_violations():
    """What the emulator tells of is an error of the test."""
    before = n_violations() if mode() == "emulator" else 0
    yield
    if mode() == "emulator":
        assert n_violations() == before, "the emulator has told of wrong use: see its output"


@pytest.fixture
def kernels():
    """The kernels of the first GPU, entered."""
    from skgru.kernels import use_device

    with use_device("cuda:0") as found:
        yield found
