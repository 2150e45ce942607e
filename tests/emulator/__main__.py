"""``python -m tests.emulator NAME``: run a module, or a file, where the emulator is the GPU.

Ends with 99 if the rules of CUDA were broken.
"""

import runpy
import sys
from pathlib import Path

from . import install, n_violations

install()
sys.argv = sys.argv[1:]
name = sys.argv[0]
if name.endswith(".py"):
    sys.path.insert(0, str(Path(name).resolve().parent))
    runpy.run_path(name, run_name="__main__")
else:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
sys.exit(99 if n_violations() else 0)
