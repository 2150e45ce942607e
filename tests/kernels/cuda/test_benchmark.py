"""The benchmark of a GPU on a machine without one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmark_needs_a_gpu(tmp_path):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "benchmarks/gpu.py", "--out", str(tmp_path / "gpu.md")]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.startswith("This benchmark needs a GPU. "), result.stderr
    assert not list(tmp_path.iterdir())
