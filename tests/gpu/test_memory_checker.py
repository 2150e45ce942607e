"""Fifth rung: a memory checker watches every kernel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import sanitized
from .device import SIMULATED

ROOT = Path(__file__).resolve().parent.parent.parent


def compute_sanitizer():
    """Path of NVIDIA's checker, or None."""
    folders = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT")]
    folders = [*filter(None, folders), "/usr/local/cuda"]
    places = [os.environ.get("PATH", ""), *(f"{f}/{sub}" for f in folders
              for sub in ("bin", "compute-sanitizer", "extras/compute-sanitizer"))]  # fmt: skip
    return shutil.which("compute-sanitizer", path=os.pathsep.join(places))


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck", "initcheck"])
def test_nothing_is_found(tool):
    if SIMULATED:
        pytest.skip("not in the simulator: there is no device to be watched")
    checker = compute_sanitizer()
    if checker is None:
        pytest.skip("compute-sanitizer is neither on PATH nor in CUDA_HOME; CUDA's toolkit has it")
    command = [
        checker, "--tool", tool, "--error-exitcode", "99", "--print-limit", "20",
        sys.executable, "-m", "tests.gpu.sanitized",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all ran" in done.stdout


def test_what_the_checker_watches_runs(capsys):
    if SIMULATED:
        sanitized.main(hidden=(2,), n=4, steps=2)
    else:
        sanitized.main()
    assert capsys.readouterr().out == "all ran\n"
