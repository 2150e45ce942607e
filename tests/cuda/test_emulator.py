"""The compiled CUDA kernels on the CPU; see `tests/emulator`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator import can_be_built

_ROOT = Path(__file__).resolve().parent.parent.parent

#: The tests of a GPU that a CPU runs in little time, and which of a file. All of them run by hand:
#: ``SKGRU_GPU_TESTS=emulator pytest tests/emulator tests/gpu``.
_FILES = {
    "tests/emulator": "",
    "tests/cuda/sim": "not test_estimators",
    "tests/gpu/test_elementwise.py": "",
    "tests/gpu/test_kernels.py": "not gradients or float32",
    "tests/gpu/test_fits.py": "vowels",
    "tests/gpu/test_memory_checker.py": "",
    "tests/gpu/test_options.py": "",
    "tests/gpu/test_processes.py": "",
    "tests/gpu/test_reproducible.py": "without_room",
}


@pytest.mark.slow
@pytest.mark.parametrize("file", _FILES)
@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
@pytest.mark.skipif(not can_be_built(), reason="the emulator needs a C compiler")
def test_in_the_emulator(tmp_path, file):
    # The outer session's settings of pytest (of a worker of xdist, say) are not for the inner one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment |= {"SKGRU_GPU_TESTS": "emulator", "EMULATOR_RACES": "1"}
    command = [sys.executable, "-m", "pytest", file, "-q", "-k", _FILES[file]]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--basetemp={tmp_path}/inner"], cwd=_ROOT,
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
