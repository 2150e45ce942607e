"""A gated recurrent network, written to be obviously right: the oracle of the other tests.

Everything is float64 and handles one sequence, one step at a time.  Nothing here is imported by the
package and nothing of the package is imported here.  Names, and the labels in the comments
(``gates``, ``dzdn``...), are those of the equations in ``docs/derivations/gru.md``.  As there, dr,
dz and dn are the gradients of the sums inside the nonlinearities; the gradients of the values r, z
and n are called dL_dr, dL_dz and dL_dn.

Shapes: T steps, D features, H units.  The gates stand side by side in the order r, z, n.

Sources: Cho et al. (2014), arXiv:1406.1078v1, in the form with the reset gate after the product;
Werbos (1990), Proceedings of the IEEE 78(10), 1550-1560, for back-propagation through time;
Gal and Ghahramani (2016), arXiv:1512.05287, for the recurrent dropout mask;
Raffel and Ellis (2015), arXiv:1512.08756, for attention pooling.
"""

from typing import NamedTuple

import numpy as np


class Direction(NamedTuple):
    """One direction of one layer: the arguments of `gru_layer` after ``x``, in its order."""

    W: np.ndarray  # (D, 3H)
    U: np.ndarray  # (H, 3H)
    b: np.ndarray  # (3H,)
    b_hn: np.ndarray  # (H,)
    h0: np.ndarray | None = None  # (H,), zeros where None
    recurrent_mask: np.ndarray | None = None  # (H,), ones where None


# ---------------------------------------------------------------------------------- the layer


def sigmoid(s):
    """Logistic function; its tanh form cannot overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * s))


def gru_step(x_t, h, W, U, b, b_hn, mask):
    """Advance the state ``h`` (H,) by one input ``x_t`` (D,).

    Returns
    -------
    tuple of ndarray of shape (H,)
        The new state, then r, z, n and a, the recurrent part of the candidate.
    """
    W_r, W_z, W_n = np.split(W, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    b_r, b_z, b_n = np.split(b, 3)

    g = mask * h  # eq. mask: the products see the masked state, the carry below does not
    r = sigmoid(x_t @ W_r + g @ U_r + b_r)  # eq. gates
    z = sigmoid(x_t @ W_z + g @ U_z + b_z)
    a = g @ U_n + b_hn
    n = np.tanh(x_t @ W_n + b_n + r * a)
    return (1 - z) * n + z * h, r, z, n, a


def gru_layer(x, W, U, b, b_hn, h0=None, recurrent_mask=None):
    """Run one direction of one layer from the first step of ``x`` (T, D) to the last.

    Returns
    -------
    ndarray of shape (T, H)
        The state after each step.
    """
    x, W, U, b, b_hn, h, mask = _as_float64(x, W, U, b, b_hn, h0, recurrent_mask)
    states = []
    for x_t in x:
        h, _, _, _, _ = gru_step(x_t, h, W, U, b, b_hn, mask)
        states.append(h)
    return np.array(states)


def gru_layer_backward(d_states, x, W, U, b, b_hn, h0=None, recurrent_mask=None):
    """Gradients of a loss with respect to every argument of `gru_layer` but the mask.

    Parameters
    ----------
    d_states : ndarray of shape (T, H)
        Gradient that reaches each state from above, the way through later steps excluded; dy_t on
        the page.

    Returns
    -------
    dict of str to ndarray
        Under the names of the arguments: x, W, U, b, b_hn and h0.
    """
    x, W, U, b, b_hn, h, mask = _as_float64(x, W, U, b, b_hn, h0, recurrent_mask)
    W_r, W_z, W_n = np.split(W, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)

    steps = []
    for x_t in x:
        before = h
        h, r, z, n, a = gru_step(x_t, before, W, U, b, b_hn, mask)
        steps.append((before, r, z, n, a))

    arguments = {"x": x, "W": W, "U": U, "b": b, "b_hn": b_hn}
    gradient = {name: np.zeros_like(array) for name, array in arguments.items()}
    dh = np.zeros_like(h)
    for t in reversed(range(len(x))):
        before, r, z, n, a = steps[t]
        dh = d_states[t] + dh  # eq. bptt: from above, and from step t + 1
        dL_dz = dh * (before - n)
        dL_dn = dh * (1 - z)
        dz = dL_dz * z * (1 - z)  # eq. dzdn
        dn = dL_dn * (1 - n**2)
        da = dn * r  # eq. dadr
        dL_dr = dn * a
        dr = dL_dr * r * (1 - r)

        g = mask * before
        # eq. dweights, with the masked state of eq. dmask, and the sums of eq. sums
        gradient["x"][t] = dr @ W_r.T + dz @ W_z.T + dn @ W_n.T
        gradient["W"] += np.outer(x[t], np.hstack([dr, dz, dn]))
        gradient["U"] += np.outer(g, np.hstack([dr, dz, da]))
        gradient["b"] += np.hstack([dr, dz, dn])
        gradient["b_hn"] += da
        # eq. dmask: the state before, through the carry and through the three masked products
        dh = dh * z + mask * (dr @ U_r.T + dz @ U_z.T + da @ U_n.T)
    return gradient | {"h0": dh}  # eq. dh0


def _as_float64(x, W, U, b, b_hn, h0, mask):
    n_units = len(U)
    h0 = np.zeros(n_units) if h0 is None else h0
    mask = np.ones(n_units) if mask is None else mask
    return tuple(np.asarray(a, dtype=np.float64) for a in (x, W, U, b, b_hn, h0, mask))


# ---------------------------------------------------------------- directions, stacks, network


def layer_states(x, directions):
    """States of a layer of one direction, (T, H), or of two, (T, 2H) with the forward ones first.

    ``directions`` holds one or two `Direction`.  The second reads ``x`` from its last step to its
    first, and its state at a step stands beside the forward state of the same step.
    """
    states = gru_layer(x, *directions[0])
    if len(directions) == 1:
        return states
    backwards = gru_layer(x[::-1], *directions[1])
    return np.hstack([states, backwards[::-1]])


def stack_states(x, layers, dropout_masks=None):
    """States of the topmost of several layers, each a sequence of one or two `Direction`.

    ``dropout_masks`` holds an array of shape (T, width of the layer) or None for each layer but the
    topmost, which multiplies what that layer hands to the next.
    """
    states = np.asarray(x, dtype=np.float64)
    for i, directions in enumerate(layers):
        if i > 0 and dropout_masks is not None and dropout_masks[i - 1] is not None:
            states = states * dropout_masks[i - 1]
        states = layer_states(states, directions)
    return states


def attention_weights(states, query):
    """Softmax over the steps of ``states`` (T, K) of their products with ``query`` (K,)."""
    scores = np.array([h_t @ query for h_t in states])  # eq. attention
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def pool(states, pooling, n_directions=1, query=None):
    """One vector from the states (T, K) of a sequence.

    Parameters
    ----------
    pooling : {"last", "mean", "max", "attention"} or sequence of these
        Several are concatenated in the order given.
    n_directions : {1, 2}
        With 2, "last" takes the forward half of the last step and the backward half of the first:
        the state that each direction ends with.
    query : ndarray of shape (K,), optional
        What "attention" scores the states with.

    Returns
    -------
    ndarray of shape (K * number of poolings,)
    """
    if not isinstance(pooling, str):
        return np.concatenate([pool(states, p, n_directions, query) for p in pooling])
    if pooling == "last" and n_directions == 2:
        n_units = states.shape[1] // 2
        return np.concatenate([states[-1, :n_units], states[0, n_units:]])
    if pooling == "last":
        return states[-1]
    if pooling == "mean":
        return sum(states) / len(states)
    if pooling == "max":
        return np.max(states, axis=0)
    if pooling == "attention":
        return sum(a * h_t for a, h_t in zip(attention_weights(states, query), states, strict=True))
    raise ValueError(f"unknown pooling {pooling!r}")


def dense(p, V, b_out):
    """Affine head: (K,) or (T, K) to n_outputs columns, with weights ``V`` (K, n_outputs)."""
    return p @ np.asarray(V, dtype=np.float64) + b_out


def embed(codes, tables, values):
    """The input (T, D) of a network: vectors of the symbols of each column, then the numbers.

    ``codes`` (T, n_columns) are rows of the ``tables``, one of which belongs to each column;
    ``values`` (T, n_features) are numbers.
    """
    steps = []
    for symbols, numbers in zip(codes, values, strict=True):
        vectors = [table[code] for table, code in zip(tables, symbols, strict=True)]
        steps.append(np.concatenate([*vectors, numbers]))
    return np.array(steps)


def network(x, layers, pooling, V, b_out, query=None, dropout_masks=None, head_mask=None):
    """Raw outputs (n_outputs,) of the whole network for one sequence ``x`` (T, D).

    ``head_mask`` multiplies the pooled vector before the head; for the rest see `stack_states`,
    `pool` and `dense`.  With ``pooling=None`` the head reads the state of every step instead, and
    the result is (T, n_outputs).
    """
    rows = stack_states(x, layers, dropout_masks)
    if pooling is not None:
        rows = pool(rows, pooling, n_directions=len(layers[-1]), query=query)
    if head_mask is not None:
        rows = rows * head_mask
    return dense(rows, V, b_out)


# --------------------------------------------------------- losses: of one sequence, then of many
# ``y`` and ``raw`` have shape (n_outputs,), unless said otherwise.  The mean is over outputs.


def squared_error(y, raw):
    """Half the squared error."""
    return np.mean(0.5 * (y - raw) ** 2)


def absolute_error(y, raw):
    return np.mean(np.abs(y - raw))


def huber(y, raw, delta):
    """Huber (1964): half the squared error up to an error of ``delta``, a straight line beyond."""
    error = np.abs(y - raw)
    return np.mean(np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)))


def poisson(y, raw):
    """Half the Poisson deviance of the prediction exp(raw), without what depends on y alone."""
    return np.mean(np.exp(raw) - y * raw)


def quantile(y, raw, quantiles):
    """Pinball loss of Koenker and Bassett (1978), raw and ``quantiles`` being one per output."""
    error = y - raw
    return np.mean(np.where(error >= 0, quantiles * error, (quantiles - 1) * error))


def binary_log_loss(y, raw):
    """Log loss of independent labels in {0, 1} from their logits; one output is a binary task."""
    # -log sigmoid(raw) = log(1 + exp(-raw)), and the same with the other sign where y is 0.
    return np.mean(y * np.logaddexp(0, -raw) + (1 - y) * np.logaddexp(0, raw))


def multinomial_log_loss(y, raw):
    """Log loss of the class of index ``y``, an integer, from the logits of all classes."""
    largest = np.max(raw)
    return largest + np.log(np.sum(np.exp(raw - largest))) - raw[y]


def weighted_mean(losses, sample_weight=None):
    """Loss of many sequences, sum(w * l) / sum(w), from the loss of each."""
    losses = np.asarray(losses, dtype=np.float64)
    weight = np.ones(len(losses)) if sample_weight is None else np.asarray(sample_weight)
    return np.sum(weight * losses) / np.sum(weight)


# ---------------------------------------------------------------------------- finite differences


def numerical_gradient(f, arrays, eps=1e-6):
    """Gradient of the number ``f(*arrays)`` with respect to each array, by central differences.

    ``f`` is called with float64 copies; the arrays given are left as they are.

    Returns
    -------
    list of ndarray
        Of the shapes of ``arrays``.  The error is about ``eps**2`` plus 1e-16 / ``eps``.
    """
    arrays = [np.array(a, dtype=np.float64) for a in arrays]
    gradients = [np.empty_like(a) for a in arrays]
    for a, gradient in zip(arrays, gradients, strict=True):
        for i in np.ndindex(a.shape):
            value = a[i]
            a[i] = value + eps
            above = f(*arrays)
            a[i] = value - eps
            below = f(*arrays)
            a[i] = value
            gradient[i] = (above - below) / (2 * eps)
    return gradients
