"""The CUDA kernels in the simulator, which has to be chosen before Numba is imported."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent.parent
_BENCHMARK = _ROOT / "benchmarks/gpu.py"
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


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
def test_the_benchmark_runs():
    """Its times mean nothing here; that every engine finds the same is checked."""
    command = [sys.executable, str(_BENCHMARK), "--simulate"]
    result = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("nothing was written.\n"), result.stdout


def test_the_benchmark_needs_a_gpu(tmp_path):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    environment.pop("NUMBA_ENABLE_CUDASIM", None)
    command = [sys.executable, str(_BENCHMARK), "--out", str(tmp_path / "gpu.md")]
    result = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.startswith("This benchmark needs a GPU. "), result.stderr
    assert not list(tmp_path.iterdir())
