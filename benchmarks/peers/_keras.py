"""Keras 3 on JAX: `keras.layers.GRU`, differentiated and compiled by its backend."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # its torch backend loops in Python and is several times slower

import jax
import keras
import numpy as np

from ._jax import Compiled


class Keras(Compiled):
    """Layers of `keras.layers.GRU(reset_after=True)`, called without state under `jax.jit`."""

    def __init__(self, problem, threads):
        case = problem.case
        self.hidden = case.hidden
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        layers = [self._layer(case, top=i == case.n_layers - 1) for i in range(case.n_layers)]
        shape = problem.x.shape
        for layer in layers:
            layer.build(shape)
            shape = (*shape[:2], case.n_directions * case.hidden)
        values = iter(problem.weights)
        for layer in layers:
            arrays = []
            for _ in range(case.n_directions):
                weights = next(values)
                biases = np.stack([weights.b_i, weights.b_h])
                arrays += [self._swap(array) for array in (weights.W, weights.U, biases)]
            layer.set_weights(arrays)
        self.parameters = [[v.value for v in layer.trainable_variables] for layer in layers]
        rest = [[v.value for v in layer.non_trainable_variables] for layer in layers]
        self.x, self.d_final = jax.numpy.asarray(problem.x), jax.numpy.asarray(problem.d_final)
        self.alive = jax.numpy.asarray(problem.alive) if case.kind == "ragged" else None
        self.last, self.found = None, None

        def forward(parameters, x, alive):
            for layer, trained, fixed in zip(layers, parameters, rest, strict=True):
                x, _ = layer.stateless_call(trained, fixed, x, mask=alive)
            return x

        def gradient(parameters, x, alive, d_final):
            last, back = jax.vjp(lambda p: forward(p, x, alive), parameters)
            return last, back(d_final)[0]

        self.forward, self.gradient = jax.jit(forward), jax.jit(gradient)

    def _layer(self, case, top):
        layer = keras.layers.GRU(
            case.hidden,
            reset_after=True,
            return_sequences=not top,
            dtype=case.dtype.name,
            # Its own tanh rounds float64 to float32.
            activation="tanh" if case.dtype == "float32" else jax.numpy.tanh,
        )
        if case.n_directions == 1:
            return layer
        return keras.layers.Bidirectional(layer, merge_mode="concat", dtype=case.dtype.name)

    def _swap(self, array):
        """Exchange the columns of r and z: Keras has them the other way round."""
        h = self.hidden
        return np.concatenate([array[..., h : 2 * h], array[..., :h], array[..., 2 * h :]], axis=-1)

    def gradients(self):
        found = []
        flat = [self._swap(np.asarray(value)) for layer in self.found for value in layer]
        for i in range(0, len(flat), 3):
            d_w, d_u, d_b = flat[i : i + 3]
            found += [d_w, d_u, d_b[0], d_b[1, 2 * self.hidden :]]
        return found
