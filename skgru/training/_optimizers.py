"""Optimisers: one step on the flat parameter vector, and their state for an exact resume.

Rows of tables that a batch does not touch, and their running means, stay as they are: the rule of
torch.optim.SparseAdam, for all optimisers.
"""

import math
from abc import ABC, abstractmethod

import numpy as np

from skgru.models import Workspace


class Optimizer(ABC):
    """A rule that computes update steps from gradients.

    Attributes
    ----------
    buffers : dict of str to array
        Running means with one entry for each parameter, on the device of the kernels.
    n_updates : int
        Steps made so far.
    """

    buffer_names: tuple = ()

    def __init__(self, kernels, n_parameters, dtype):
        self.kernels, self.n_updates = kernels, 0
        self._type = np.dtype(dtype).type
        self._memory = Workspace(kernels, dtype)
        self.buffers = {name: kernels.zeros(n_parameters, dtype) for name in self.buffer_names}

    @abstractmethod
    def _step(self, parameters, gradient, buffers, rate):
        """Change ``parameters``, and their running means in ``buffers``, in place."""

    def update(self, parameters, gradient, rate, tables=()):
        """Make one step of size ``rate``.

        Parameters
        ----------
        parameters : (n_parameters,)
        gradient : (n_parameters,), or shorter if there are tables
            The gradient of the dense parameters, which come first, then that of the touched rows
            of each table.
        rate : float
        tables : sequence of TableRows
        """
        self.n_updates += 1
        if not tables:
            self._step(parameters, gradient, self.buffers, rate)
            return
        dense = slice(tables[0].gradient.start)
        buffers = {name: buffer[dense] for name, buffer in self.buffers.items()}
        self._step(parameters[dense], gradient[dense], buffers, rate)
        for table in tables:
            self._step_rows(parameters, gradient[table.gradient], table, rate)

    def _step_rows(self, parameters, gradient, table, rate):
        """Make the step of some rows of a table, on copies of them that lie close together."""
        kernels, arrays, copies = self.kernels, self.buffers | {"parameters": parameters}, {}
        places = []
        for name, array in arrays.items():
            copies[name] = self._memory.array(name, gradient.shape)
            whole = kernels.leading(array[table.table], table.table_shape)
            places.append((kernels.leading(copies[name], table.shape), table.rows, whole))
            kernels.take_rows(whole, table.rows, places[-1][0])
        self._step(copies["parameters"], gradient, copies, rate)
        for place in places:
            kernels.put_rows(*place)

    def is_finite(self, state):
        """Whether the running means in a state are finite; an infinite one stops its parameter."""
        return all(np.isfinite(state[name]).all() for name in self.buffer_names)

    def reset(self):
        """Discard the effect of all steps on the running means and on the step count."""
        self.n_updates = 0
        for buffer in self.buffers.values():
            self.kernels.fill(buffer, 0)

    def get_state(self):
        """Copies of what `set_state` needs to continue as if training had not been interrupted."""
        state = {"n_updates": self.n_updates}
        for name, buffer in self.buffers.items():
            state[name] = np.empty(buffer.shape, buffer.dtype)
            self.kernels.copy(buffer, state[name])
        return state

    def set_state(self, state):
        self.n_updates = int(state["n_updates"])
        for name, buffer in self.buffers.items():
            self.kernels.copy(state[name], buffer)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""

    buffer_names = ("mean", "variance")

    def __init__(self, kernels, n_parameters, dtype, beta_1, beta_2, epsilon):
        super().__init__(kernels, n_parameters, dtype)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _step(self, parameters, gradient, buffers, rate):
        t = self._type
        # m / c1 / (sqrt(v / c2) + eps) = m sqrt(c2) / c1 / (sqrt(v) + eps sqrt(c2))
        root = math.sqrt(1 - self.beta_2**self.n_updates)
        self.kernels.adam(
            parameters,
            gradient,
            buffers["mean"],
            buffers["variance"],
            t(rate * root / (1 - self.beta_1**self.n_updates)),
            t(self.beta_1),
            t(self.beta_2),
            t(1 - self.beta_1),
            t(1 - self.beta_2),
            t(self.epsilon * root),
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

    def __init__(self, kernels, n_parameters, dtype, beta_1, beta_2, epsilon, decay, n_weights):
        super().__init__(kernels, n_parameters, dtype, beta_1, beta_2, epsilon)
        self.decay, self.n_weights = decay, n_weights

    def update(self, parameters, gradient, rate, tables=()):
        weights = parameters[: self.n_weights]
        self.kernels.scale_in_place(weights, self._type(1 - rate * self.decay))
        super().update(parameters, gradient, rate, tables)


class SGD(Optimizer):
    """Stochastic gradient descent with (Nesterov) momentum."""

    buffer_names = ("velocity",)

    def __init__(self, kernels, n_parameters, dtype, momentum, nesterov):
        super().__init__(kernels, n_parameters, dtype)
        self.momentum, self.nesterov = momentum, bool(nesterov)

    def _step(self, parameters, gradient, buffers, rate):
        t, velocity = self._type, buffers["velocity"]
        self.kernels.sgd(parameters, gradient, velocity, t(rate), t(self.momentum), self.nesterov)


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012); ``beta_2`` is the memory of the squared gradients."""

    buffer_names = ("variance",)

    def __init__(self, kernels, n_parameters, dtype, beta_2, epsilon):
        super().__init__(kernels, n_parameters, dtype)
        self.beta_2, self.epsilon = beta_2, epsilon

    def _step(self, parameters, gradient, buffers, rate):
        t, variance = self._type, buffers["variance"]
        self.kernels.rmsprop(
            parameters, gradient, variance, t(rate), t(self.beta_2), t(1 - self.beta_2),
            t(self.epsilon),
        )  # fmt: skip
