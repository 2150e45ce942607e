"""The head of an output: a linear map from rows to raw predictions."""

import numpy as np

from ._parameters import Parameter, glorot_uniform, round_up


class Dense:
    """``raw = x W + b`` for any number of rows.

    Parameters
    ----------
    name : str
        Prefix of its parameters and buffers.
    n_groups, size, padded : int
        The input is ``n_groups`` groups of ``size`` features, each padded to ``padded`` columns.
    n_outputs : int
        Columns of the result, which are padded to whole panels.
    kernels : module
    dtype : dtype
    """

    def __init__(self, name, n_groups, size, padded, n_outputs, kernels, dtype):
        self.name, self.kernels, self.dtype = name, kernels, np.dtype(dtype)
        self.W, self.b, self.W_T = f"{name}.W", f"{name}.b", f"{name}.W^T"
        self.raw, self.d_x = f"{name}.raw", f"{name}.d_x"
        self.n_groups, self.size, self.padded = n_groups, size, padded
        self.n_inputs, self.n_outputs = n_groups * padded, n_outputs
        self.input_panel = kernels.panel_columns(self.dtype)
        self.panel = kernels.head_columns(n_outputs, self.dtype)
        self.n_columns = round_up(n_outputs, self.panel)

    def parameters(self):
        n_in = self.n_groups * self.size

        def weights(random_state):
            return glorot_uniform(random_state, n_in, self.n_outputs)

        return [
            Parameter(self.W, (n_in, self.n_outputs), "weight", weights),
            Parameter(self.b, (self.n_outputs,), "bias"),
        ]

    def gradients(self):
        return [
            Parameter(self.W, (self.n_columns // self.panel, self.n_inputs, self.panel), "weight"),
            Parameter(self.b, (self.n_columns,), "weight"),
        ]

    def new_packed(self):
        shapes = {p.name: p.shape for p in self.gradients()}
        n_panels = -(-self.n_inputs // self.input_panel)
        shapes[self.W_T] = (n_panels, self.n_columns, self.input_panel)
        return {name: self.kernels.zeros(shape, self.dtype) for name, shape in shapes.items()}

    def pack(self, views, packed, transposed):
        self.kernels.pack_dense(
            views[self.W], views[self.b], self.size, self.padded, transposed,
            packed[self.W], packed[self.b], packed[self.W_T],
        )  # fmt: skip

    def unpack_gradient(self, slot, views):
        self.kernels.unpack_dense_gradient(
            slot[self.W], slot[self.b], self.size, self.padded, views[self.W], views[self.b]
        )

    def forward(self, x, packed, workspace):
        """Return raw predictions, (n, n_columns)."""
        raw = workspace.array(self.raw, (x.shape[0], self.n_columns))
        self.kernels.dense_forward(x, packed[self.W], packed[self.b], raw)
        return raw

    def backward(self, d_raw, x, packed, workspace, slot):
        """Add the gradients of the parameters to the slot; return the gradient of the input."""
        n_columns = packed[self.W_T].shape[0] * self.input_panel
        d_x = workspace.array(self.d_x, (x.shape[0], n_columns))
        self.kernels.dense_backward(x, d_raw, packed[self.W_T], slot[self.W], slot[self.b], d_x)
        return d_x
