"""These tests run in the simulator, in the emulator, and with ``pytest -m gpu`` on a GPU.

Simulator and emulator have processes of their own.

The simulator also needs faster barriers, and no warnings of hashes that wrap around.
"""

import warnings

import numba
import pytest

from tests.cuda.simulator import use_fast_barriers
from tests.gpu.device import require
from tests.gpu.mode import mode

ON_A_DEVICE = mode() in ("device", "emulator")

if mode() == "emulator":
    from tests.gpu.conftest import _no_violations  # noqa: F401

if numba.config.ENABLE_CUDASIM:
    use_fast_barriers()
elif not ON_A_DEVICE:
    collect_ignore_glob = ["test_*.py"]  # test_simulator.py starts that process


def pytest_itemcollected(item):
    if ON_A_DEVICE:
        item.add_marker("gpu")


@pytest.fixture(autouse=True)
def _tensor_cores(request):
    if ON_A_DEVICE and "precision" in request.fixturenames:
        require(request.getfixturevalue("precision"))


@pytest.fixture(autouse=True)
def _hashes_wrap_around():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)
        yield
