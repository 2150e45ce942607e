"""The loss of docs/how_to_add_a_loss.md works as it stands there."""

import math
import re
import textwrap
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from skgru.kernels.cpu import losses
from skgru.training import Loss
from tests.reference.gru import numerical_gradient

_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "how_to_add_a_loss.md"


def blocks():
    """The page's blocks of Python: the kernel, its twin, the class."""
    found = re.findall(r"^ *```python\n(.*?)^ *```", _PAGE.read_text(), re.S | re.M)
    return [textwrap.dedent(block) for block in found]


def test_the_kernel_and_the_class(rng):
    kernel_code, _, class_code = blocks()
    names = {"kernel": lambda function: function, "math": math, "np": np, "Loss": Loss}
    exec(kernel_code + class_code, names)
    raw, target = rng.normal(size=(2, 7, 3))
    weight, d_raw, sums = rng.uniform(1, 2, 7), np.empty((7, 3)), np.zeros(3)

    def total(raw):
        names["log_cosh"](raw, target, weight, np.zeros(0), 0.5, d_raw, sums, 1)
        return sums[1]

    expected = weight @ np.log(np.cosh(raw - target)).mean(axis=1)
    assert_allclose(total(raw), expected, rtol=1e-12)
    found = d_raw.copy()
    assert_allclose(found, 0.5 * numerical_gradient(total, [raw])[0], atol=1e-8)
    loss = names["LogCosh"](3)
    assert_allclose(loss.constant(target, weight), np.average(target, axis=0, weights=weight))
    # The signature is that of the others.
    theirs = losses.squared_error.py_func.__code__
    ours = names["log_cosh"].__code__
    count = theirs.co_argcount
    assert ours.co_varnames[:count] == theirs.co_varnames[:count] and ours.co_argcount == count


def test_the_twin(rng):
    _, twin_code, _ = blocks()
    names = {
        "device_function": lambda function: function, "math": math, "float64": float,
        "_loss": lambda function, summary: function,
    }  # fmt: skip
    exec(twin_code, names)
    raw, target, d_raw = rng.normal(size=(3, 4, 2))
    found = names["log_cosh"](raw, target, 2, 1.5, None, 0.5, d_raw)
    error = raw[2] - target[2]
    assert_allclose(found, 1.5 * np.log(np.cosh(error)).mean(), rtol=1e-12)
    assert_allclose(d_raw[2], 0.5 * 1.5 / 2 * np.tanh(error))
