"""The kernels as machines with narrower vectors, or without fused multiply-add, would run them.

Tile heights, panel widths and the arithmetic itself depend on the machine.  The tests of the
kernels therefore run once more in a process that is told to be a smaller one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from skgru.kernels.cpu._host import IS_X86

_ROOT = Path(__file__).resolve().parents[3]
_FILES = ("gru_forward", "gru_backward", "bitwise", "activations", "gemm", "packing", "float_mode")
_SSE2 = {"sse", "sse2", "fxsr", "cmov", "cx8"}
_AVX2 = _SSE2 | {"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "f16c"}

pytestmark = pytest.mark.skipif(not IS_X86, reason="restricts the features of x86")


@pytest.mark.parametrize(
    ("cpu_name", "features", "vector_bytes", "has_fma"),
    [("haswell", _AVX2, 32, True), ("x86-64", _SSE2, 16, False)],
    ids=["AVX2", "SSE2"],
)
def test_kernels_as_another_machine(cpu_name, features, vector_bytes, has_fma):
    here = {name for name, enabled in binding.get_host_cpu_features().items() if enabled}
    if not features <= here:
        pytest.skip(f"this machine lacks {sorted(features - here)}")
    # The outer session's settings of pytest (of a worker of xdist, say) are not for the inner one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment |= {
        "NUMBA_CPU_NAME": cpu_name,
        "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in sorted(features)),
        "NUMBA_CACHE_DIR": str(Path(os.environ["NUMBA_CACHE_DIR"]) / cpu_name),
    }

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=_ROOT, env=environment, capture_output=True, text=True
        )

    seen = run("-c", "from skgru.kernels.cpu._host import *; print(VECTOR_BYTES, HAS_FMA)")
    assert seen.stdout.split() == [str(vector_bytes), str(has_fma)], seen.stderr
    files = [f"tests/kernels/cpu/test_{name}.py" for name in _FILES]
    result = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
