"""The compiled CUDA kernels on the CPU; see `tests/emulator`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator import can_be_built

_ROOT = Path(__file__).resolve().parent.parent.parent

#: The tests of a GPU that a CPU runs in little time. The others run by hand:
#: ``SKGRU_GPU_TESTS=emulator pytest tests/gpu``.
_FILES = ["tests/emulator", *(f"tests/gpu/test_{name}.py" for name in (
    "elementwise", "fits", "kernels", "memory_checker", "processes", "reproducible",
))]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("file", _FILES)
@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
@pytest.mark.skipif(not can_be_built(), reason="the emulator needs a C compiler")
def test_in_the_emulator(tmp_path, file):
    # The outer session's settings of pytest (of a worker of xdist, say) are not for the inner one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment["SKGRU_GPU_TESTS"] = "emulator"
    command = [sys.executable, "-m", "pytest", file, "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, f"--basetemp={tmp_path}/inner"], cwd=_ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
