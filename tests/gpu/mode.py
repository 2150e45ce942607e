"""Whether the GPU tests were asked for, and where they run.

``pytest -m gpu`` asks for them on a GPU. ``SKGRU_GPU_TESTS=emulator`` runs the same tests, with the
same compiled kernels, on the CPU and at sizes that it can do: see `tests/emulator`. Without either
they are skipped.
"""

import importlib.util
import os
import re

import pytest

_VARIABLE = "SKGRU_GPU_TESTS"


def mode():
    """ "device", "emulator" or ""."""
    return os.environ.get(_VARIABLE, "")


def _selects_gpu(expression):
    """Whether an expression of ``-m`` selects what is marked gpu."""
    positive = re.sub(r"\bnot\s+gpu\b|\bnot\s*\([^()]*\)", "", expression or "")
    return re.search(r"\bgpu\b", positive) is not None


def settle(config):
    """Decide where the tests run; end a run that asks for them where they cannot."""
    if mode() not in ("", "device", "emulator"):
        raise pytest.UsageError(f"{_VARIABLE} is {mode()!r}; use 'device' or 'emulator'.")
    if not mode() and not _selects_gpu(config.getoption("markexpr")):
        return
    os.environ.setdefault(_VARIABLE, "device")  # for modules of tests, and for workers of xdist
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        raise pytest.UsageError(
            "The tests marked gpu need a GPU, and NUMBA_ENABLE_CUDASIM=1 hides it: unset that."
        )
    if mode() == "emulator":
        from tests.emulator import can_be_built, install

        if not can_be_built() or importlib.util.find_spec("numba_cuda") is None:
            raise pytest.UsageError(
                "The emulator needs Linux, gcc (or CC) and requirements/cuda-checks.txt."
            )
        install()
    from skgru.kernels import resolve_device

    try:
        resolve_device("cuda")
    except (ImportError, RuntimeError) as error:
        raise pytest.UsageError(f"The tests marked gpu cannot run here. {error}") from None
