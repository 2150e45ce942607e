"""Which device tests run, and what all of them check in addition."""

import warnings

import pytest

from tools.ptx_emulator import n_violations

from .device import EMULATED, require
from .mode import mode, why_not, why_not_here


class CannotRun(pytest.Module):
    """Skip a file without importing it: importing needs a compiler for GPUs."""

    def collect(self):
        pytest.skip(why_not_here())


def pytest_pycollect_makemodule(module_path, parent):
    return CannotRun.from_parent(parent, path=module_path) if why_not_here() else None


def pytest_itemcollected(item):
    if mode():
        item.add_marker("gpu")


def pytest_runtest_setup(item):
    if why_not(item):
        pytest.skip(why_not(item))


@pytest.fixture(autouse=True)
def _tensor_cores(request):
    if "precision" in request.fixturenames:
        require(request.getfixturevalue("precision"))


@pytest.fixture(autouse=True)
def _hashes_wrap_around():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)
        yield


@pytest.fixture(autouse=True)
def _no_violations():
    """Turn every report of the emulator into an error of the test."""
    before = n_violations() if EMULATED else 0
    yield
    if EMULATED:
        assert n_violations() == before, "the emulator has reported wrong use: see its output"


@pytest.fixture
def kernels():
    """The kernels of the first GPU, entered."""
    from skgru.kernels import use_device

    with use_device("cuda:0") as found:
        yield found
