"""The CUDA kernels in the simulator, which has to be chosen before Numba is imported."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent.parent
_FILES = sorted(path.stem for path in (_ROOT / "tests/cuda/sim").glob("test_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", _FILES)
@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
def test_in_the_simulator(tmp_path, name):
    # The outer session's settings of pytest (of a worker of xdist, say) are not for the inner one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment["NUMBA_ENABLE_CUDASIM"] = "1"
    file = f"tests/cuda/sim/{name}.py"
    command = [sys.executable, "-m", "pytest", file, "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, f"--basetemp={tmp_path}/inner"], cwd=_ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
