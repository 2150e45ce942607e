"""Constructor parameters of the estimators: name, default and constraint, each written once.

Parameters that belong together form a group, a dataclass that an estimator inherits from if they
mean something for it: an inherited field cannot be taken away again.  The rules for such classes
are in ``base/_parameters.py``.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from os import PathLike

import numpy as np

from skgru.base import Interval, Options, ParameterGroup, RealNotInt, StrOptions
from skgru.preprocessing import SequenceTokenizer

from ._constraints import POOLINGS

# Integers may be too large for a float.
_LARGEST = sys.float_info.max
_POSITIVE = Interval(Real, 0, _LARGEST, closed="right")
_NOT_NEGATIVE = Interval(Real, 0, _LARGEST, closed="both")
_BELOW_ONE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


@dataclass(eq=False, repr=False, kw_only=True)
class StackParameters(ParameterGroup):
    """The layers; their sizes are the only parameter that may be passed by position."""

    hidden_layer_sizes: int | Sequence[int] = field(default=64, kw_only=False)
    dropout: float = 0.0
    recurrent_dropout: float = 0.0

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like", _COUNT],
        "dropout": [_BELOW_ONE],
        "recurrent_dropout": [_BELOW_ONE],
    }


@dataclass(eq=False, repr=False, kw_only=True)
class DirectionParameters(ParameterGroup):
    """For estimators that may read a whole sequence before they predict anything for its start."""

    bidirectional: bool = False

    _parameter_constraints = {"bidirectional": ["boolean"]}


@dataclass(eq=False, repr=False, kw_only=True)
class PoolingParameters(ParameterGroup):
    """For estimators that turn the states of all steps into one vector."""

    pooling: str | Sequence[str] = ("last", "mean", "max")

    _parameter_constraints = {"pooling": [StrOptions(set(POOLINGS)), "array-like"]}


@dataclass(eq=False, repr=False, kw_only=True)
class InputParameters(ParameterGroup):
    """How X is processed before the first layer."""

    standardize: bool | str = True
    analyzer: str | SequenceTokenizer | None = None
    categorical_features: str | Sequence | None = "from_dtype"
    min_frequency: int | float | None = None
    max_categories: int | None = None
    embedding_dim: int | str | Sequence[int] = "auto"
    embedding_init: str | PathLike | tuple | None = None

    _parameter_constraints = {
        "standardize": ["boolean", StrOptions({"sequence"})],
        "analyzer": [StrOptions({"char", "word"}), SequenceTokenizer, None],
        "categorical_features": ["array-like", str, None],
        "min_frequency": [_COUNT, Interval(RealNotInt, 0, 1, closed="neither"), None],
        "max_categories": [_COUNT, None],
        "embedding_dim": [StrOptions({"auto"}), _COUNT, "array-like"],
        "embedding_init": [str, PathLike, tuple, list, dict, None],
    }


@dataclass(eq=False, repr=False, kw_only=True)
class RegressionParameters(ParameterGroup):
    """The losses for targets that are numbers."""

    loss: str = "squared_error"
    quantile: float | Sequence[float] = 0.5
    delta: float = 1.35

    _parameter_constraints = {
        "loss": [StrOptions({"squared_error", "absolute_error", "huber", "poisson", "quantile"})],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "delta": [_POSITIVE],
    }


@dataclass(eq=False, repr=False, kw_only=True)
class ClassWeightParameters(ParameterGroup):
    """Weights, for targets that are classes."""

    class_weight: dict | Sequence[dict] | str | None = None

    _parameter_constraints = {"class_weight": [dict, list, StrOptions({"balanced"}), None]}


@dataclass(eq=False, repr=False, kw_only=True)
class TrainingParameters(ParameterGroup):
    """How, how long and where a model is trained."""

    solver: str = "adam"
    alpha: float = 1e-4
    batch_size: int | str = "auto"
    learning_rate: str = "cosine"
    learning_rate_init: float = 1e-2
    max_iter: int = 100
    shuffle: bool = True
    random_state: int | np.random.RandomState | None = None
    tol: float = 1e-4
    verbose: int | bool = 0
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool | str = "auto"
    scoring: str | Callable | None = "loss"
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: int | float = 10
    max_grad_norm: float | None = 1.0
    n_jobs: int | None = None
    device: str = "cpu"
    precision: str = "fp32"
    dtype: str = "float32"

    _parameter_constraints = {
        "solver": [StrOptions({"adam", "adamw", "sgd", "rmsprop"})],
        "alpha": [_NOT_NEGATIVE],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "learning_rate": [StrOptions({"constant", "adaptive", "cosine"})],
        "learning_rate_init": [_POSITIVE],
        "max_iter": [_COUNT],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_NOT_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "scoring": [str, callable, None],
        "validation_fraction": [_BELOW_ONE],
        "beta_1": [_BELOW_ONE],
        "beta_2": [_BELOW_ONE],
        "epsilon": [_POSITIVE],
        "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
        "max_grad_norm": [_POSITIVE, None],
        "n_jobs": [None, Interval(Integral, None, -1, closed="right"), _COUNT],
        "device": [str],
        "precision": [StrOptions({"fp32", "tf32", "bf16"})],
        "dtype": [StrOptions({"float32", "float64"})],
    }
