"""Fifth rung: a memory checker watches every kernel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import sanitized
from .device import EMULATED

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
    if EMULATED:
        pytest.skip("there is no device to be watched")
    checker = compute_sanitizer()
    if checker is None:
        pytest.skip("compute-sanitizer is neither on PATH nor in CUDA_HOME; CUDA's toolkit has it")
    options = "--tool", tool, "--error-exitcode", "99", "--print-limit", "20"
    watch(checker, *options, sys.executable, "-m")


@pytest.mark.skipif(not EMULATED, reason="the emulator is its own checker")
def test_the_emulator_finds_nothing(monkeypatch):
    monkeypatch.setenv("EMULATOR_RACES", "1")
    watch(sys.executable, "-m", "tools.ptx_emulator")


def watch(*checker):
    """Run a small piece of everything, under a checker."""
    done = subprocess.run(
        [*checker, "tests.device.sanitized"], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all ran" in done.stdout


@pytest.mark.skipif(EMULATED, reason="it runs under the checker")
def test_what_the_checker_watches_runs(capsys):
    sanitized.main()
    assert capsys.readouterr().out == "all ran\n"
