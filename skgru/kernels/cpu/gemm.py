"""Matrix products on packed panels, for the head and for the gradients of the weights.

A *panel* is a slice of three vectors of columns, stored so that the tile streams through it::

    panels[p, k, :] = B[k, p * 3 * width : (p + 1) * 3 * width]     (zero padded)

A matrix of few columns, such as the weights of most heads, lies in one panel of a single vector.

Every row of the result is the same to the last bit whatever rows surround it; BLAS does not promise
that, and scikit-learn's invariance checks ask for it.
"""

import math

import numpy as np

from ._host import TILE_HEIGHTS, panel_columns
from ._jit import inline_kernel, kernel
from ._tiles import make_product_stripe

#: c[n, one panel] (+)= a[n, k] @ b[k, one panel], for use inside kernels.
multiply_panel = make_product_stripe(3, TILE_HEIGHTS)
_multiply_vector = make_product_stripe(1, TILE_HEIGHTS)

# Rows that `orthonormalize_rows` treats together.
_BLOCK = 64


@inline_kernel
def _is_narrow(n_columns):
    """Whether a panel is a single vector, whose size is a power of two."""
    return n_columns % 3 != 0


@kernel
def multiply(a, panels, c, add):
    """c (+)= a @ B.

    Parameters
    ----------
    a : (m, k), C order. IN
    panels : (n_panels, k, columns), B in panels, columns being 3 * width, or width if there is one
        panel. IN
    c : (m, n_panels * columns), C order, not overlapping ``a``. OUT (INOUT with ``add``)
    """
    m, k = a.shape
    n_panels, _, n_columns = panels.shape
    if _is_narrow(n_columns):
        _multiply_vector(m, a, 0, k, 1, panels, 0, n_columns, k, c, 0, n_columns, add)
        return
    for p in range(n_panels):
        multiply_panel(m, a, 0, k, 1, panels, p * k * n_columns, n_columns, k,
                       c, p * n_columns, c.shape[1], add)  # fmt: skip


@kernel
def multiply_transposed(a, b, panels, add):
    """panels (+)= a.T @ b, the result in panels as ``multiply`` takes them.

    Parameters
    ----------
    a : (m, k), C order. IN
    b : (m, n_panels * columns), C order. IN
    panels : (n_panels, k, columns). OUT (INOUT with ``add``)
    """
    m, k = a.shape
    n_panels, _, n_columns = panels.shape
    if _is_narrow(n_columns):
        _multiply_vector(k, a, 0, 1, k, b, 0, n_columns, m, panels, 0, n_columns, add)
        return
    for p in range(n_panels):
        multiply_panel(k, a, 0, 1, k, b, p * n_columns, b.shape[1], m,
                       panels, p * k * n_columns, n_columns, add)  # fmt: skip


@inline_kernel
def _dot(x, y):
    """x . y with four sums in flight, in a fixed order."""
    whole = x.shape[0] // 4 * 4
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for k in range(0, whole, 4):
        s0 += x[k] * y[k]
        s1 += x[k + 1] * y[k + 1]
        s2 += x[k + 2] * y[k + 2]
        s3 += x[k + 3] * y[k + 3]
    for k in range(whole, x.shape[0]):
        s0 += x[k] * y[k]
    return (s0 + s1) + (s2 + s3)


@kernel
def _orthonormalize_few_rows(matrix):
    """Gram-Schmidt on the rows of a float64 matrix, in place; every row twice, for accuracy."""
    n_rows, n = matrix.shape
    for i in range(n_rows):
        row = matrix[i]
        for _ in range(2):
            for j in range(i):
                other = matrix[j]
                overlap = _dot(row, other)
                for k in range(n):
                    row[k] -= overlap * other[k]
        length = math.sqrt(_dot(row, row))
        for k in range(n):
            row[k] /= length


def orthonormalize_rows(matrix):
    """Gram-Schmidt on the rows of a float64 matrix, in place.

    LAPACK's result may depend on the number of BLAS threads; initial weights must not.
    """
    (n_rows, n), width = matrix.shape, panel_columns(matrix.dtype)
    n_panels = -(-n // width)
    # All finished rows, and their transpose, in panels.
    rows = np.zeros((n_panels, n_rows, width))
    columns = np.zeros((-(-n_rows // width), n, width))
    for first in range(0, n_rows, _BLOCK):
        block = matrix[first : first + _BLOCK]
        finished = columns[: -(-first // width)]
        overlap = np.empty((len(block), len(finished) * width))
        along = np.empty((len(block), n_panels * width))
        for _ in range(2 if first > 0 else 0):  # as for single rows
            multiply(block, finished, overlap, False)
            coefficients = np.ascontiguousarray(overlap[:, :first])
            multiply(coefficients, np.ascontiguousarray(rows[:, :first]), along, False)
            block -= along[:, :n]
        _orthonormalize_few_rows(block)
        if first + _BLOCK >= n_rows:
            return  # the panels serve later blocks only
        for i, row in enumerate(block, start=first):
            columns[i // width, :, i % width] = row
            padded = np.zeros(n_panels * width)
            padded[:n] = row
            rows[:, i] = padded.reshape(n_panels, width)
