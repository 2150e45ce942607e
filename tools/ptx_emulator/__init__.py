"""GPUs that do not exist: CUDA's driver, and the machine below it, on the CPU.

Numba compiles kernels as for a GPU, down to PTX. `ptx` translates that into C, a C compiler makes
a library of it, ``machine.c`` runs its threads, and ``driver.c`` takes the place of CUDA's driver.
So everything of the package and of numba-cuda is the real thing, up to the assembler for a GPU.
What a launch does wrong is told: addresses outside of an allocation, misaligned ones, races between
threads (with ``EMULATOR_RACES=1``), barriers that not all threads reach; memory that nobody has
written holds NaN. What comes out is not what a GPU computes in the last bits: its approximate
instructions are exact here, its assembler may fuse a product with a sum, and its tensor cores
round sums otherwise.

Has to be installed before anything asks Numba for a GPU. Needs gcc or another ``CC`` on Linux.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .ptx import to_c

_FOLDER = Path(__file__).parent
_COMPILED = Path(os.environ.get("NUMBA_CACHE_DIR", _FOLDER / "__pycache__")) / "emulated"
_driver = None
_OPTIONS = [
    "-march=native", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-shared", "-fPIC",
    "-w", "-U_FORTIFY_SOURCE",
]  # fmt: skip


def can_be_built():
    """Whether there is a C compiler for a machine that the emulator runs on."""
    return sys.platform == "linux" and shutil.which(os.environ.get("CC", "gcc")) is not None


def _cpu():
    """What tells machines apart for which ``-march=native`` means different things."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return [line for line in lines if line.startswith(("flags", "Features"))][:1]


def _compile(source, name, *options):
    """Path of the shared library of C code; made once."""
    headers = [(_FOLDER / name).read_text() for name in ("machine.h", "work.h")]
    made_from = f"{source}{headers}{_OPTIONS}{options}{_cpu()}"
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:20]
    library = _COMPILED / digest / name
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_COMPILED) as folder:
            made = Path(folder) / name
            made.with_suffix(".c").write_text(source)
            subprocess.run(
                [os.environ.get("CC", "gcc"), *_OPTIONS, f"-I{_FOLDER}", "-o", made,
                 made.with_suffix(".c"), *options],
                check=True,
            )  # fmt: skip
            made.rename(library)
    return library


def compile_ptx(ptx):
    """Path of the shared library of the kernels of a module."""
    return _compile(to_c(ptx), "kernel.so", "-O1")


def install():
    """Let this process find two GPUs."""
    global _driver
    source = "\n".join((_FOLDER / name).read_text() for name in ("machine.c", "driver.c"))
    path = _compile(
        source, "libcuda.so.1", "-O2", "-Wl,-soname,libcuda.so.1", "-ldl", "-lpthread", "-lm"
    )
    # Whoever loads a library of this name later is given this one.
    _driver = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)

    from cuda.core import ObjectCode
    from numba.cuda.codegen import CUDACodeLibrary

    def get_cubin(self, cc=None):
        cc = self._ensure_cc(cc)
        if cc not in self._cubin_cache:
            (ptx,) = self.get_asm_strs(cc=cc)
            library = compile_ptx(ptx)
            self._cubin_cache[cc] = ObjectCode.from_cubin(f"EMULATED {library}\0".encode())
        return self._cubin_cache[cc]

    CUDACodeLibrary.get_cubin = get_cubin


def n_violations():
    """How often the rules of CUDA have been broken so far."""
    return ctypes.c_long.in_dll(_driver, "driver_n_violations").value


def n_waits():
    """How often the host has synchronised, or copied in a way that waits for what came before."""
    return ctypes.c_long.in_dll(_driver, "driver_n_waits").value


@contextmanager
def check_races():
    """Tell of races within, as with ``EMULATOR_RACES=1``."""
    flag = ctypes.c_int.in_dll(_driver, "machine_checks_races")
    before, flag.value = flag.value, 1
    try:
        yield
    finally:
        flag.value = before
