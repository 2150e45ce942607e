"""What show_versions prints."""

import importlib
import os
import platform
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import skgru
from skgru.kernels import _devices


def test_versions_and_kernels(capsys):
    skgru.GRURegressor(2, max_iter=1).fit(np.eye(3), [0, 1, 2])
    skgru.show_versions()
    lines = capsys.readouterr().out.splitlines()
    found = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    assert found["skgru"] == skgru.__version__
    assert found["numba"] == numba.__version__
    assert found["numpy"] == np.__version__
    assert found["machine"] == platform.platform()
    assert found["CPU"].endswith(f", {os.cpu_count()} cores")
    assert found["vectors"].split()[0] in ("128", "256", "512")
    assert any(name.endswith(".nbc") for name in os.listdir(found["kernel cache"]))
    assert found["GPU"]


def test_the_names_of_gpus(capsys, monkeypatch):
    cuda = pytest.importorskip("numba_cuda") and importlib.import_module("numba.cuda")
    monkeypatch.setattr(_devices, "_find_fault", lambda number: None)
    monkeypatch.setattr(cuda, "gpus", [SimpleNamespace(name="First"), SimpleNamespace(name="Next")])
    skgru.show_versions()
    assert "GPU: 0: First, 1: Next\n" in capsys.readouterr().out


def test_without_numba_cuda(capsys, monkeypatch):
    monkeypatch.setattr(_devices, "_version_of_numba_cuda", lambda: None)
    monkeypatch.setattr("skgru._show_versions._PACKAGES", ("skgru", "a-package-that-is-not-there"))
    skgru.show_versions()
    out = capsys.readouterr().out
    assert "GPU: none (A GPU needs numba-cuda" in out
    assert "a-package-that-is-not-there: not installed" in out
