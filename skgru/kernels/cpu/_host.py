"""Properties of the vector unit that Numba compiles for.

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` restrict the features that are found here. The tests
use them to run the kernels as on a machine with AVX2 or with SSE2 only.
"""

import platform

from numba import config
from numba.core.codegen import get_host_cpu_features


def _enabled_features():
    listed = config.CPU_FEATURES if config.CPU_FEATURES is not None else get_host_cpu_features()
    return {name[1:] for name in listed.split(",") if name.startswith("+")}


_FEATURES = _enabled_features()

IS_X86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686", "x86")
IS_ARM64 = platform.machine().lower() in ("arm64", "aarch64")

if "avx512f" in _FEATURES:
    VECTOR_BYTES, _N_REGISTERS = 64, 32
elif "avx" in _FEATURES:
    VECTOR_BYTES, _N_REGISTERS = 32, 16
else:  # SSE2 is part of x86-64; NEON has registers of the same width, but 32 of them
    VECTOR_BYTES, _N_REGISTERS = 16, 32 if IS_ARM64 else 16

#: A fused multiply-add without hardware support is a slow library call.
HAS_FMA = IS_ARM64 or bool(_FEATURES & {"fma", "avx512f"})

#: Heights of the register tiles. A tile needs registers for rows x 3 sums, 3 vectors of weights and
#: a broadcast value; remaining rows are covered by smaller tiles and single rows.
TILE_HEIGHTS = (8, 4, 1) if _N_REGISTERS == 32 else (4, 2, 1)


def lanes(dtype):
    """Number of ``dtype`` elements in one vector register."""
    return VECTOR_BYTES // dtype.itemsize


def panel_width(n_hidden, dtype):
    """Units of a panel of a GRU layer: those of one vector."""
    return lanes(dtype)


def panel_columns(dtype):
    """Columns of a panel of ``multiply``: what one row of the register tile holds."""
    return 3 * lanes(dtype)


def head_columns(n_outputs, dtype):
    """Columns of a panel of the weights of a head: one vector where that is enough."""
    return lanes(dtype) if n_outputs <= lanes(dtype) else panel_columns(dtype)
