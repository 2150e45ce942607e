"""The benchmark of a GPU on a machine without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.device.mode import mode

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmark_needs_a_gpu(tmp_path):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "benchmarks/gpu.py", "--out", str(tmp_path / "gpu.md")]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.startswith("This benchmark needs a GPU. "), result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(mode() != "emulator", reason="takes minutes; SKGRU_GPU_TESTS=emulator runs it")
def test_the_benchmark_runs_in_the_emulator():
    """Its times mean nothing here; it checks that every engine finds the same."""
    command = [sys.executable, "-m", "tools.ptx_emulator", "benchmarks/gpu.py", "--dry-run"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("this was a dry run.\n"), result.stdout
