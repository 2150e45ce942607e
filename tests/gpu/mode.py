"""Whether the GPU tests were asked for, and where they run.

``pytest -m gpu`` asks for them on a GPU. ``SKGRU_GPU_TESTS=emulator`` runs the same tests on the
compiled kernels, at sizes that a CPU can do (see `tests/emulator`), and
``SKGRU_GPU_TESTS=simulator`` at tiny ones in Numba's simulator: what they say about kernels is then
no more than `tests/cuda/sim` says, but the tests themselves have run. Without either they are
skipped.
"""

import os
import re
import sys

import pytest

_VARIABLE = "SKGRU_GPU_TESTS"


def mode():
    """ "device", "emulator", "simulator" or ""."""
    return os.environ.get(_VARIABLE, "")


if mode() == "simulator":
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when Numba is imported


def _selects_gpu(expression):
    """Whether an expression of ``-m`` selects what is marked gpu."""
    positive = re.sub(r"\bnot\s+gpu\b|\bnot\s*\([^()]*\)", "", expression or "")
    return re.search(r"\bgpu\b", positive) is not None


def settle(config):
    """Decide where the tests run; end a run that asks for them where they cannot."""
    if mode() not in ("", "device", "simulator", "emulator"):
        raise pytest.UsageError(
            f"{_VARIABLE} is {mode()!r}; use 'device', 'emulator' or 'simulator'."
        )
    if not mode() and not _selects_gpu(config.getoption("markexpr")):
        return
    os.environ.setdefault(_VARIABLE, "device")  # for modules of tests, and for workers of xdist
    if mode() == "simulator":
        if "numba" in sys.modules and not sys.modules["numba"].config.ENABLE_CUDASIM:
            raise pytest.UsageError("Numba was imported before the simulator could be chosen.")
    elif os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        raise pytest.UsageError(
            "The tests marked gpu need a GPU, and NUMBA_ENABLE_CUDASIM=1 hides it: unset that, or "
            f"set {_VARIABLE}=simulator."
        )
    if mode() == "emulator":
        from tests.emulator import install

        install()
    from skgru.kernels import resolve_device

    try:
        resolve_device("cuda")
    except (ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"The tests marked gpu cannot run here. {error}") from None
