"""Checks of parameters that need more than a range or a list of words."""

from collections.abc import Mapping, Set
from numbers import Integral

import numpy as np

POOLINGS = ("last", "mean", "max", "attention")

# The recurrent weights of a layer of this size, 3 * n**2 numbers, take 8 GB in float32.
_MOST_UNITS = 26_000


def check_hidden_layer_sizes(sizes):
    """The units of each layer as a tuple of int."""
    found = [sizes] if isinstance(sizes, Integral) else _as_list(sizes)
    are_numbers = all(isinstance(n, Integral) and not isinstance(n, bool) for n in found)
    if not found or not are_numbers or min(found) < 1:
        raise ValueError(
            f"hidden_layer_sizes must be a positive integer or a sequence of them, one for each "
            f"layer; got {sizes!r}."
        )
    if max(found) > _MOST_UNITS:
        raise ValueError(
            f"hidden_layer_sizes must be at most {_MOST_UNITS} for each layer; got {sizes!r}. The "
            "recurrent weights of a larger layer alone would take more than 8 GB."
        )
    return tuple(int(n) for n in found)


def _as_list(items):
    """The items of a sequence; none if it has no order, or is an array without an axis."""
    if isinstance(items, (Mapping, Set)) or getattr(items, "ndim", 1) != 1:
        return []
    return list(items)


def check_unchanged(names, earlier, now):
    """Refuse to continue training if parameters that define the model have changed."""
    changed = [name for name in names if now[name] != earlier[name]]
    if changed:
        refuse_change(changed)


def refuse_change(names):
    """Raise the error for parameters that must stay as they were."""
    raise ValueError(
        f"{' and '.join(names)} changed since the training that should go on. Restore the "
        "earlier value, or train again with fit and warm_start=False."
    )


def check_embedding_dim(sizes, n_columns):
    """The sizes of the vectors of so many columns of symbols as a list of int; None for "auto"."""
    if isinstance(sizes, str):
        return None
    found = [sizes] * n_columns if isinstance(sizes, Integral) else _as_list(sizes)
    are_numbers = all(isinstance(n, Integral) and not isinstance(n, bool) for n in found)
    if not found or not are_numbers or min(found) < 1:
        raise ValueError(
            "embedding_dim must be 'auto', a positive integer, or a tuple with one for each "
            f"categorical column; got {sizes!r}."
        )
    if len(found) != n_columns:
        columns = "categorical column" if n_columns == 1 else "categorical columns"
        raise ValueError(
            f"embedding_dim has {len(found)} sizes, but X has {n_columns} {columns} (a sequence of "
            "symbols has one). Give one size for each, or a single number for all."
        )
    return [int(n) for n in found]


def check_pooling(pooling):
    """The poolings as a tuple of names."""
    kinds = (pooling,) if isinstance(pooling, str) else tuple(_as_list(pooling))
    if not all(isinstance(kind, str) for kind in kinds):
        kinds = ()
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(POOLINGS):
        raise ValueError(
            f"pooling must be one of {POOLINGS}, or several different ones of them; got "
            f"{pooling!r}."
        )
    return tuple(str(kind) for kind in kinds)


def check_sizes(model):
    """Refuse values that are finite, but not in the dtype of the network."""
    limit = float(np.finfo(model.dtype).max)
    for name in ("alpha", "epsilon", "learning_rate_init"):
        if getattr(model, name) > limit:
            raise ValueError(
                f"{name}={getattr(model, name):g} is too large for dtype={model.dtype!r}, whose "
                f"largest number is {limit:.3g}. Lower it."
            )


def check_precision(precision, dtype):
    """Refuse reduced-precision products in a model that otherwise computes in float64."""
    if dtype == "float64" and precision != "fp32":
        raise ValueError(
            f"precision={precision!r} needs dtype='float32'; with dtype='float64' all products are "
            "exact to 64 bits. Leave precision at 'fp32'."
        )
