"""The head, ``raw = x W + b``, forward and backward; shapes in ``kernels/cpu/dense.py``."""

from .gemm import launch_product, launch_sums_of_products, multiply, no_blocks, nothing


def dense_forward(x, w, bias, raw):
    """raw = x @ W + bias."""
    (n_rows, n_inputs), n_columns = x.shape, raw.shape[1]
    launch_product(
        x, 0, n_inputs, n_rows, n_inputs, w, w.shape[2], n_columns, bias, raw, 0, n_columns, False
    )


def dense_backward(x, d_raw, w_t, d_w, d_bias, d_x):
    """Add to the gradients of the parameters; write the gradient of the input."""
    (n_rows, n_inputs), n_columns = x.shape, d_raw.shape[1]
    none = nothing(x)
    launch_sums_of_products(
        x, n_inputs, none, 0, d_raw, n_columns, 0, 0, n_columns, n_columns, d_w.shape[2], n_rows,
        no_blocks(), False, (d_w, none, d_bias), True,
    )  # fmt: skip
    multiply(d_raw, w_t, d_x, False)
