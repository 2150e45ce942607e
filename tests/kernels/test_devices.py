"""The bound on numba-cuda, which stands in two files; what it is for is in `tests/estimators`."""

import tomllib
from pathlib import Path

import pytest

from skgru.kernels._devices import NUMBA_CUDA

_PROJECT = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"


@pytest.mark.parametrize("extra", ["cuda", "cuda12"])
def test_the_bound_on_numba_cuda_is_that_of_the_extras(extra):
    (requirement,) = tomllib.loads(_PROJECT.read_text())["project"]["optional-dependencies"][extra]
    major, minor = map(int, NUMBA_CUDA.split("."))
    lowest, beyond = requirement.split("]")[1].split(",")
    assert lowest.startswith(f">={major}.{minor}.")
    assert beyond == f"<{major}.{minor + 1}"
