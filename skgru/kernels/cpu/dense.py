"""The head, ``raw = x W + b``, forward and backward; weights in panels (see ``gemm.py``)."""

import numpy as np

from .gemm import multiply, multiply_transposed


def dense_forward(x, w, bias, raw):
    """raw = x @ W + bias.

    Parameters
    ----------
    x : (n, n_inputs). IN
    w : (n_panels, n_inputs, columns). IN
    bias : (n_panels * columns,). IN
    raw : (n, n_panels * columns). OUT
    """
    np.copyto(raw, bias)
    multiply(x, w, raw, True)


def dense_backward(x, d_raw, w_t, d_w, d_bias, d_x):
    """Add the gradients of the parameters; write that of the input.

    Parameters
    ----------
    x, d_raw : as ``x`` and ``raw`` of the forward pass. IN
    w_t : (panels of inputs, n_panels * columns, columns), W transposed. IN
    d_w, d_bias : as ``w`` and ``bias`` of the forward pass. INOUT
    d_x : (n, panels of inputs * columns). OUT
    """
    multiply_transposed(x, d_raw, d_w, True)
    d_bias += np.add.reduce(d_raw, axis=0)
    multiply(d_raw, w_t, d_x, False)
