"""These tests need the emulator in their process; `tests/cuda/test_emulator.py` starts that."""

from tests.gpu.mode import mode

if mode() != "emulator":
    collect_ignore_glob = ["test_*.py"]
