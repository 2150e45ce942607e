"""What ``use_precision`` promises, in plain NumPy: factors are rounded, sums are not."""

import numpy as np

#: Largest error of a product, relative to the product of the absolute values: a factor is rounded
#: to the nearest number with 10 (tf32) or 7 (bf16) bits behind the point, so it is off by at most
#: 2**-11 or 2**-8 of itself, and a product has two of them. The rest is for second-order
#: terms, and for sums in float32.
PRECISION = {"tf32": 1.01 * 2**-10, "bf16": 1.01 * 2**-7}

#: The same for a product of factors that have already been rounded: float32 sums alone.
SUMS = 1e-6


def rounded(numbers, precision):
    """Numbers as a product in this precision sees them, in float64."""
    numbers = np.asarray(numbers, np.float64)
    if precision == "fp32":
        return numbers
    fraction, exponent = np.frexp(numbers)
    if precision == "tf32":  # ties away from zero
        fraction = np.copysign(np.floor(abs(fraction) * 2**11 + 0.5), fraction) / 2**11
    else:  # ties to even
        fraction = np.rint(fraction * 2**8) / 2**8
    return np.ldexp(fraction, exponent)


def assert_product(found, left, right, precision, *, on_top=0.0):
    """``found`` is ``left @ right + on_top`` of rounded factors, and near that of exact ones."""
    ours, theirs = rounded(left, precision), rounded(right, precision)
    scale = abs(ours) @ abs(theirs) + abs(on_top)
    error = abs(found - (ours @ theirs + on_top))
    assert (error <= SUMS * scale).all(), (error / scale).max()
    exact = np.float64(left) @ np.float64(right) + on_top
    scale = abs(np.float64(left)) @ abs(np.float64(right)) + abs(on_top)
    assert (abs(found - exact) <= PRECISION.get(precision, SUMS) * scale).all()


#: Largest error of a layer's states and gradients, for values of the order of one and a few steps;
#: errors of products, above, add up over steps and partly cancel.
LAYER = {"tf32": 5e-3, "bf16": 5e-2}


def rounded_layer(problem, precision, d_states=None, d_final=None):
    """States of a `Problem` and, with gradients of these, its gradients; factors are rounded.

    As the oracle does it, one sequence and one step at a time, in float64.
    """

    def near(numbers):
        return rounded(numbers, precision)

    names, flip = ("W", "U", "b", "b_hn"), -1 if problem.reverse else 1
    W, U, b, b_hn = (np.float64(getattr(problem, name)) for name in names)
    n_units = len(U)
    all_states, d_x, d_h0 = [], [], []
    total = {name: np.zeros(getattr(problem, name).shape) for name in names}
    for i, x in enumerate(problem.x):
        x, h = x[::flip], np.float64(problem.h0[i])
        mask = np.ones(n_units) if problem.mask is None else problem.mask[i]
        steps, states = [], []
        for x_t in x:
            of_x, of_h = near(x_t) @ near(W) + b, near(mask * h) @ near(U)
            r, z = np.split(1 / (1 + np.exp(-(of_x + of_h)[: 2 * n_units])), 2)
            a = of_h[2 * n_units :] + b_hn
            n = np.tanh(of_x[2 * n_units :] + r * a)
            steps.append((h, r, z, n, a))
            h = n + z * (h - n)
            states.append(h)
        all_states.append(np.array(states)[::flip])
        if d_states is None:
            continue
        d_h, d_inputs = np.float64(d_final[i]), []
        for t in reversed(range(len(x))):
            h, r, z, n, a = steps[t]
            d_h = d_h + d_states[i][::flip][t]
            d_n = d_h * (1 - z) * (1 - n**2)
            d_z, d_a = d_h * (h - n) * z * (1 - z), d_n * r
            d_r = d_a * a * (1 - r)
            of_x, of_h = np.hstack([d_r, d_z, d_n]), np.hstack([d_r, d_z, d_a])
            total["W"] += np.outer(near(x[t]), near(of_x))
            total["U"] += np.outer(near(mask * h), near(of_h))
            total["b"] += of_x
            total["b_hn"] += d_a
            d_inputs.append(near(of_x) @ near(W).T)
            d_h = d_h * z + mask * (near(of_h) @ near(U).T)
        d_x.append(np.array(d_inputs)[::-flip])
        d_h0.append(d_h)
    return all_states, total | {"x": d_x, "h0": np.array(d_h0)}
