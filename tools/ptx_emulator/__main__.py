"""``python -m tools.ptx_emulator NAME``: run a module, or a file, where the emulator is the GPU.

Ends with 99 if the rules of CUDA were broken.
"""

import runpy
import sys
from pathlib import Path

from . import install, n_violations

install()
sys.argv = sys.argv[1:]
name = sys.argv[0]
try:
    if name.endswith(".py"):
        sys.path.insert(0, str(Path(name).resolve().parent))
        runpy.run_path(name, run_name="__main__")
    else:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
finally:
    if n_violations():
        sys.exit(99)
