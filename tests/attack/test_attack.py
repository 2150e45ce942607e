"""A few cases of every attack; ``python -m tests.attack`` runs thousands."""

import os
import signal
import subprocess
import sys

import pytest

from . import NAMES, load
from .attack import run_cases
from .processes import ROOT

pytestmark = pytest.mark.skipif(
    not (hasattr(os, "fork") and hasattr(signal, "setitimer")), reason="needs a Unix system"
)

# The models of older commits take a compilation for each commit: they are in the long run, and
# tests/saved_models has models of every format for the ordinary tests.
_QUICK = [name for name in NAMES if name != "pickles"]


# scikit-learn's `config_context` is a generator, and an interrupt while Python closes one is only
# reported.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", _QUICK)
def test_nothing_breaks(name):
    attack = load(name)
    tried, failures = 0, []
    for number, verdict in run_cases(attack, 0, range(attack.n_quick)):
        tried += verdict.tried
        failures += [f"case {number}: {failure}" for failure in verdict.failures]
    assert not failures, "\n".join(failures)
    assert tried >= attack.n_quick > 0


def test_the_long_run_writes_a_table(tmp_path):
    out = tmp_path / "table.md"
    command = [sys.executable, "-m", "tests.attack", "--only", "fuzz", "--scale", "0.002"]
    done = subprocess.run([*command, "--out", out], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| generated calls |" in out.read_text()
    assert "fuzz: 2 of 2 cases" in done.stdout
