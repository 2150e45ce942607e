"""The examples of the docstrings say what the metrics return."""

import doctest
import importlib

import pytest

from skgru import metrics


@pytest.mark.parametrize("name", metrics.__all__)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(getattr(metrics, name).__module__))
    assert found.attempted > 0
    assert found.failed == 0
