"""JAX: a GRU as `lax.scan` under jit."""

import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def _cell(h, a, b, c, u, b_h):
    """New state from projected inputs a, b, c of the gates r, z, n."""
    size = h.shape[1]
    s = h @ u + b_h
    r = jax.nn.sigmoid(a + s[:, :size])
    z = jax.nn.sigmoid(b + s[:, size : 2 * size])
    n = jnp.tanh(c + r * s[:, 2 * size :])
    return n + z * (h - n)


def _direction(parameters, x, alive, reverse, hoist, every):
    """Final state of one direction, and all states if ``every``."""
    w, u, b_i, b_h = parameters
    steps, batch, n_in = x.shape
    gates = [slice(i * len(u), (i + 1) * len(u)) for i in range(3)]
    if hoist:
        # Three arrays: XLA handles slices of one array within the loop badly.
        rows = x.reshape(-1, n_in)
        x = tuple((rows @ w[:, g] + b_i[g]).reshape(steps, batch, -1) for g in gates)

    def step(h, inputs):
        x, alive = inputs
        if not hoist:
            a = x @ w + b_i
            x = tuple(a[:, g] for g in gates)
        new = _cell(h, *x, u, b_h)
        if alive is not None:
            new = jnp.where(alive, new, h)
        return new, new if every else None

    start = jnp.zeros((batch, len(u)), u.dtype)
    return lax.scan(step, start, (x, alive), reverse=reverse)


def _forward(parameters, x, alive, n_directions, hoist):
    n_layers = len(parameters) // n_directions
    for layer in range(n_layers):
        every = layer < n_layers - 1
        found = [
            _direction(parameters[layer * n_directions + d], x, alive, d == 1, hoist, every)
            for d in range(n_directions)
        ]
        if every:
            x = jnp.concatenate([states for _, states in found], axis=2)
    return jnp.concatenate([last for last, _ in found], axis=1)


class Compiled:
    """Runs what a subclass has compiled as ``forward`` and ``gradient``."""

    kinds = ("training", "inference")

    def run(self, train):
        if train:
            found = self.gradient(self.parameters, self.x, self.alive, self.d_final)
            self.last, self.found = jax.block_until_ready(found)
        else:
            self.last = jax.block_until_ready(self.forward(self.parameters, self.x, self.alive))

    def final(self):
        return np.asarray(self.last)


class Jax(Compiled):
    """`lax.scan` under jit, products with the inputs before or inside the loop.

    Which of the two is faster depends on the shape, so both are compiled and the faster one is
    kept, for training and inference apart. Sequences of different lengths are padded; a mask keeps
    the state of those that have ended.

    Attributes
    ----------
    choosing : float
        Seconds that the forms which were not kept, and the choice, have taken.
    """

    def __init__(self, problem, threads):
        # A process has one pool of threads, whose size `speed.py` has set before the import.
        case = problem.case
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.parameters = [tuple(map(jnp.asarray, weights)) for weights in problem.weights]
        self.x = jnp.asarray(problem.time_major())
        self.d_final = jnp.asarray(problem.d_final)
        self.alive = jnp.asarray(problem.alive.T[:, :, None]) if case.kind == "ragged" else None
        self.last, self.found, self.choosing = None, None, 0.0

        def functions(hoist):
            def forward(parameters, x, alive):
                return _forward(parameters, x, alive, case.n_directions, hoist)

            def gradient(parameters, x, alive, d_final):
                last, back = jax.vjp(lambda p: forward(p, x, alive), parameters)
                return last, back(d_final)[0]

            return jax.jit(forward), jax.jit(gradient)

        both = [functions(hoist) for hoist in (True, False)]
        self.forward = self._fastest([f for f, _ in both], self.x, self.alive)
        self.gradient = self._fastest([g for _, g in both], self.x, self.alive, self.d_final)

    def _fastest(self, functions, *arguments):
        def seconds(function):
            start = time.perf_counter()
            jax.block_until_ready(function(self.parameters, *arguments))
            return time.perf_counter() - start

        began = time.perf_counter()
        compiling = [seconds(function) for function in functions]
        running = [min(seconds(function) for _ in range(5)) for function in functions]
        best = int(np.argmin(running))
        self.choosing += time.perf_counter() - began - compiling[best]
        return functions[best]

    def gradients(self):
        found = []
        for d_w, d_u, d_b_i, d_b_h in self.found:
            found += [d_w, d_u, d_b_i, d_b_h[2 * len(d_b_h) // 3 :]]
        return [np.asarray(value) for value in found]
