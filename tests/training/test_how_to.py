"""The loss of docs/how_to_add_a_loss.md works as it stands there."""

import inspect
import math
import re
import textwrap
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from skgru.kernels import _row_losses
from skgru.kernels.cpu import losses
from skgru.training import Loss
from tests.reference.gru import numerical_gradient

_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "how_to_add_a_loss.md"


def blocks():
    """The page's blocks of Python: the function of one row, the line that names it, the class."""
    found = re.findall(r"^ *```python\n(.*?)^ *```", _PAGE.read_text(), re.S | re.M)
    return [textwrap.dedent(block) for block in found]


def follow_the_page(monkeypatch):
    """The kernel, made of the page's first two blocks by the module that the page names."""
    function_code, line, _ = blocks()
    names = {"math": math}
    exec(function_code, names)
    function = names["log_cosh"]
    assert inspect.signature(function) == inspect.signature(_row_losses.squared_error)
    monkeypatch.setattr(_row_losses, "log_cosh", function, raising=False)
    monkeypatch.setitem(losses._compiled, "log_cosh", losses.step_kernel(function))
    names = {"_loss": losses._loss}
    exec(line, names)
    return names["log_cosh"]


def test_the_kernel(rng, monkeypatch):
    kernel = follow_the_page(monkeypatch)
    raw, target = rng.normal(size=(2, 7, 3))
    weight, d_raw, sums = rng.uniform(1, 2, 7), np.empty((7, 3)), np.zeros(3)

    def total(raw):
        kernel(raw, target, weight, np.zeros(0), 0.5, d_raw, sums, 1)
        return sums[1]

    expected = weight @ np.log(np.cosh(raw - target)).mean(axis=1)
    assert_allclose(total(raw), expected, rtol=1e-12)
    found = d_raw.copy()
    assert_allclose(found, 0.5 * numerical_gradient(total, [raw])[0], atol=1e-8)


def test_the_class(rng):
    *_, class_code = blocks()
    names = {"np": np, "Loss": Loss}
    exec(class_code, names)
    target, weight = rng.normal(size=(7, 3)), rng.uniform(1, 2, 7)
    loss = names["LogCosh"](3)
    assert_allclose(loss.constant(target, weight), np.average(target, axis=0, weights=weight))
