"""Where the tests of a device run: on a GPU, or in the emulator (`tools/ptx_emulator`).

==================================== ===========================================================
``pytest -m gpu``                    all of them, on a GPU
``SKGRU_GPU_TESTS=emulator pytest``  all of them, in the emulator, at smaller sizes
``pytest``                           those marked ``emulator``, in the emulator, looking for races
==================================== ===========================================================

The first two end with an error where they cannot run. The last one skips what cannot run. The mark
``emulator(False)`` takes parameters out of tests, or tests out of a module, that are marked.
"""

import importlib.util
import os
from functools import cache

import pytest

_VARIABLE = "SKGRU_GPU_TESTS"


def mode():
    """ "device", "emulator", or "" in an ordinary run."""
    return os.environ.get(_VARIABLE, "")


def settle(config):
    """Decide where the tests run; end a run that asks for them where they cannot."""
    if mode() not in ("", "device", "emulator"):
        raise pytest.UsageError(f"{_VARIABLE} is {mode()!r}; use 'device' or 'emulator'.")
    if not mode() and config.getoption("markexpr") != "gpu":
        return
    os.environ.setdefault(_VARIABLE, "device")  # for test modules, and for workers of xdist
    if mode() == "emulator" and start_emulator() is not None:
        raise pytest.UsageError(start_emulator())
    from skgru.kernels import resolve_device

    try:
        resolve_device("cuda")
    except (ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"The tests marked gpu cannot run here. {error}") from None


@cache
def start_emulator():
    """Replace CUDA's driver with the emulator; return the reason if that is impossible."""
    from tools.ptx_emulator import can_be_built, install

    if not can_be_built() or importlib.util.find_spec("numba_cuda") is None:
        return "The emulator needs Linux, gcc (or CC) and requirements/cuda-checks.txt."
    if not mode():
        os.environ.setdefault("EMULATOR_RACES", "1")
    install()
    return None


def why_not_here():
    """Why no test of a device can run, or None."""
    return None if mode() == "device" else start_emulator()


def why_not(item):
    """Why a test of a device does not run, or None."""
    chosen = [marker.args != (False,) for marker in item.iter_markers("emulator")]
    if mode() or (chosen and all(chosen)):
        return None
    return (
        "an ordinary run executes the tests marked emulator; `pytest -m gpu` executes all of them "
        "on a GPU, `SKGRU_GPU_TESTS=emulator pytest` in the emulator"
    )
