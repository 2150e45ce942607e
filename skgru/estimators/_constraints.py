"""What the parameters of both estimators may be."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

POOLINGS = ("last", "mean", "max", "attention")

COMMON_CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "bidirectional": ["boolean"],
    "pooling": [StrOptions(set(POOLINGS)), "array-like"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "recurrent_dropout": [Interval(Real, 0, 1, closed="left")],
    "standardize": ["boolean"],
    "solver": [StrOptions({"adam", "adamw", "sgd", "rmsprop"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "adaptive", "cosine"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": [StrOptions({"auto"}), "boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "n_jobs": [
        None,
        Interval(Integral, None, -1, closed="right"),
        Interval(Integral, 1, None, closed="left"),
    ],
    "device": [str],
    "precision": [StrOptions({"fp32", "tf32", "bf16"})],
    "dtype": [StrOptions({"float32", "float64"})],
}


def check_hidden_layer_sizes(sizes):
    """The units of each layer as a tuple of int."""
    sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
    are_numbers = all(isinstance(n, Integral) and not isinstance(n, bool) for n in sizes)
    if not sizes or not are_numbers or min(sizes) < 1:
        raise ValueError(
            f"hidden_layer_sizes must be a positive integer or a sequence of them, one for each "
            f"layer; got {sizes}."
        )
    return tuple(int(n) for n in sizes)


def check_unchanged(names, earlier, now):
    """Refuse to go on training a model of another kind than it was."""
    changed = [name for name in names if now[name] != earlier[name]]
    if changed:
        raise ValueError(
            f"{' and '.join(changed)} changed since the training that should go on. Restore the "
            "earlier value, or train anew with fit and warm_start=False."
        )


def check_pooling(pooling):
    """The poolings as a tuple of names."""
    kinds = (pooling,) if isinstance(pooling, str) else tuple(pooling)
    if not all(isinstance(kind, str) for kind in kinds):
        kinds = ()
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(POOLINGS):
        raise ValueError(
            f"pooling must be one of {POOLINGS}, or several different ones of them; got "
            f"{pooling!r}."
        )
    return tuple(str(kind) for kind in kinds)


def check_precision(precision, dtype):
    """Refuse less precise products where everything else has twice the bits."""
    if dtype == "float64" and precision != "fp32":
        raise ValueError(
            f"precision={precision!r} needs dtype='float32'; with dtype='float64' all products are "
            "exact to 64 bits. Leave precision at 'fp32'."
        )
