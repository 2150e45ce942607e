r"""The gated recurrent unit and its gradient, on vectors of units that stay in registers.

This is the cell of Cho et al. (2014, arXiv:1406.1078v1) with the reset gate after the recurrent
product, as in cuDNN. ``docs/derivations/gru.md`` derives the gradients; the names are the same here
and in the twin of this file, ``kernels/cuda/_cell.py``::

    r = sigmoid(s_r)            s_r = x W_r + h U_r + b_r
    z = sigmoid(s_z)            s_z = x W_z + h U_z + b_z
    n = tanh(x_n + r a)         x_n = x W_n + b_n,   a = h U_n + b_hn
    h' = n + z (h - n)

    dz = dh' (h - n) z (1 - z)          da = dn r
    dn = dh' (1 - z) (1 - n^2)          dr = da a (1 - r)

The gradients dr, dz and dn are those of the sums s_r, s_z and s_n = x_n + r a. The products with W
and U on either side of the cell belong to the tiles (``_tiles.py``).

The functions emit LLVM IR by way of a `Vectors`, once when a tile is compiled. Every argument but
the first is a vector of values, unless said otherwise, and so is every result.
"""


def gru_cell(v, s_r, s_z, x_n, a, h_address):
    """Emit one step; return r, z, n and the next state.

    The state h is loaded from its address only when it is needed: a register that held it through
    the sigmoids and tanh would be missing there.
    """
    r, z = v.two_sigmoids(s_r, s_z)
    n = v.tanh(v.multiply_add(r, a, x_n))
    h = v.load(h_address)
    h_next = v.multiply_add(z, v.sub(h, n), n)
    return r, z, n, h_next


def gru_cell_backward(v, dh_next, r, z, n, a, h):
    """Emit the derivative of a step; return da, dr, dz and dn.

    ``dh_next`` is dh', the gradient of the next state. The part of it that reaches the state before
    without passing a product, dh' z, is left to the caller, who adds the products to it.
    """
    one = v.constant(1.0)
    not_z = v.sub(one, z)
    dz = v.mul(v.mul(dh_next, v.sub(h, n)), v.mul(z, not_z))
    slope = v.sub(one, v.mul(n, n))
    dn = v.mul(v.mul(dh_next, not_z), slope)
    da = v.mul(dn, r)
    dr = v.mul(v.mul(da, a), v.sub(one, r))
    return da, dr, dz, dn
