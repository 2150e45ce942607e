"""All parameters of a network in one flat vector, with named views and initial values.

One vector makes the optimiser a single pass, and snapshots, norms and copies one line each. Weights
precede biases, so "the weights", which the L2 penalty applies to, are a prefix; tables, of which
an update changes few rows, come last.
"""

import math
from dataclasses import dataclass

import numpy as np

#: The kinds of parameters, in their order in the flat vector.
_KINDS = ("weight", "bias", "table")


@dataclass(frozen=True)
class Parameter:
    """Name, shape and kind ("weight", "bias" or "table") of one array of parameters.

    `initialize` maps a NumPy RandomState to the initial values, or is None for zeros.
    """

    name: str
    shape: tuple
    kind: str
    initialize: object = None

    @property
    def size(self):
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class FlatArrays:
    """A flat vector and its named views, for code that needs both often."""

    flat: np.ndarray
    views: dict


class ParameterLayout:
    """Where each array of parameters lies in the flat vector.

    Parameters
    ----------
    parameters : list of Parameter
        In the order in which they are initialised.

    Attributes
    ----------
    size : int
        Length of the flat vector.
    n_weights : int
        Length of its prefix of weights.
    n_dense : int
        Length of its prefix of weights and biases.

    Raises
    ------
    ValueError
        If two parameters have the same name.
    """

    def __init__(self, parameters):
        names = [p.name for p in parameters]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(
                f"Two modules have parameters of the name {sorted(repeated)[0]!r}. Give every "
                "module of a network a name of its own."
            )
        self.parameters = parameters
        ordered = sorted(parameters, key=lambda p: _KINDS.index(p.kind))
        self._slices, start = {}, 0
        for parameter in ordered:
            self._slices[parameter.name] = slice(start, start + parameter.size)
            start += parameter.size
        self.size = start
        self.n_weights = sum(p.size for p in parameters if p.kind == "weight")
        self.n_dense = sum(p.size for p in parameters if p.kind != "table")

    def dense(self):
        """The layout without the tables; its vectors are prefixes of those of this layout."""
        if self.n_dense == self.size:
            return self
        return ParameterLayout([p for p in self.parameters if p.kind != "table"])

    def place(self, name):
        """The slice of the flat vector that a parameter takes."""
        return self._slices[name]

    def views(self, flat):
        """Named views of a flat vector, writable if it is; callers must not change the dict."""
        return {p.name: flat[self._slices[p.name]].reshape(p.shape) for p in self.parameters}

    def arrays(self, flat):
        """A flat vector with its views."""
        return FlatArrays(flat, self.views(flat))

    def initialize(self, random_state, dtype):
        """Draw a flat vector of initial values."""
        flat = np.zeros(self.size, dtype=dtype)
        for parameter, view in zip(self.parameters, self.views(flat).values(), strict=True):
            if parameter.initialize is not None:
                view[...] = parameter.initialize(random_state)
        return flat


def round_up(n, multiple):
    """The smallest multiple that is not below n."""
    return -(-n // multiple) * multiple


def glorot_uniform(random_state, n_in, n_out):
    """Uniform weights of variance 2 / (n_in + n_out) (Glorot & Bengio 2010)."""
    bound = np.sqrt(6.0 / (n_in + n_out))
    return random_state.uniform(-bound, bound, (n_in, n_out))


def orthogonal(random_state, n, kernels):
    """A random orthogonal matrix, uniform over the group (Saxe et al. 2014, arXiv:1312.6120)."""
    matrix = random_state.normal(size=(n, n))
    kernels.orthonormalize_rows(matrix)
    return matrix
