"""Losses: sums over the rows of ``kernels/_row_losses.py``.

A loss is one block of threads. Each thread takes rows in turn and writes their gradients; the sums
of the threads are added in a fixed order.
"""

from functools import cache

from numba import cuda, float64

from .. import _row_losses
from .._shared import compile_functions
from ._jit import device_function, index, kernel
from ._launch import BLOCK, launch

# A loss is a small part of the work, so a GPU computes all of it in float64.
_compiled = compile_functions(_row_losses, device_function, wide=float64)


@cache
def _make_loss(name):
    row_loss = _compiled[name]

    def loss(raw, target, weight, parameters, scale, d_raw, losses, place):
        sums = cuda.shared.array(BLOCK, float64)
        thread = index(cuda.threadIdx.x)
        total = 0.0
        i = thread
        while i < index(target.shape[0]):
            total = row_loss(raw, target, i, weight[i], parameters, scale, d_raw, total)
            i += index(BLOCK)
        sums[thread] = total
        cuda.syncthreads()
        width = index(BLOCK) // index(2)
        while width > index(0):
            if thread < width:
                sums[thread] += sums[thread + width]
            cuda.syncthreads()
            width //= index(2)
        if thread == index(0):
            losses[place] = sums[0]

    return kernel(loss)


def _loss(name):
    """Make the function that launches the loss of this name in ``_row_losses.py``."""

    def loss(raw, target, weight, parameters, scale, d_raw, sums, place):
        launch(
            _make_loss(name), (1,), (BLOCK,), raw, target, weight, parameters, float(scale), d_raw,
            sums, place,
        )  # fmt: skip

    loss.__name__ = loss.__qualname__ = name
    loss.__doc__ = f"{getattr(_row_losses, name).__doc__}\n\nArguments as on the CPU."
    return loss


squared_error = _loss("squared_error")
absolute_error = _loss("absolute_error")
huber = _loss("huber")
poisson = _loss("poisson")
quantile = _loss("quantile")
binary_log_loss = _loss("binary_log_loss")
multinomial_log_loss = _loss("multinomial_log_loss")


@kernel
def _add_losses(sums, factor, total):
    added = factor * sums[0]
    for i in range(1, sums.shape[0]):
        added += sums[i]
    total[0] += added


def add_losses(sums, factor, total):
    """total[0] += factor * sums[0] + sums[1] + ...: the penalty and the losses of a batch."""
    launch(_add_losses, (1,), (1,), sums, float(factor), total)
