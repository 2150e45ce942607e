"""An emulator of CUDA's driver and of GPUs that execute PTX, on the CPU; see README.md.

Numba compiles kernels as for a GPU, down to PTX. `ptx` translates that into C, a C compiler makes
a library of it, ``machine.c`` runs its threads, and ``driver.c`` replaces CUDA's driver. Everything
else of the package and of numba-cuda is used as on a GPU, except the assembler.
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
    """What distinguishes machines for which ``-march=native`` has different meanings."""
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
    """Let this process find two GPUs; nothing in it may have asked for one before."""
    global _driver
    source = "\n".join((_FOLDER / name).read_text() for name in ("machine.c", "driver.c"))
    path = _compile(
        source, "libcuda.so.1", "-O2", "-Wl,-soname,libcuda.so.1", "-ldl", "-lpthread", "-lm"
    )
    # Later requests for a library of this name are given this one.
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
    """Report races while this is entered, as with ``EMULATOR_RACES=1``."""
    flag = ctypes.c_int.in_dll(_driver, "machine_checks_races")
    before, flag.value = flag.value, 1
    try:
        yield
    finally:
        flag.value = before
