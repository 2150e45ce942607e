"""Generated arguments: X in every layout, targets, weights and parameters, good and bad ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

LAYOUTS = ("2d", "frame", "nested", "3d", "list", "tuple", "objects", "series", "lists", "frames")
FIXED_WIDTH = ("2d", "frame", "nested")  # read as tables of univariate series
RAGGED = ("list", "tuple", "objects", "series", "lists", "frames")
DTYPES = ("f8", "f4", "f2", ">f8", "i8", "i1", "u2", "?")


@dataclass(frozen=True)
class Argument:
    """A value, what it is in words, and whether a call must accept it.

    ``fate`` is "good" (must be accepted), "bad" (must be refused) or "either".
    """

    value: object
    words: str
    fate: str = "good"


@dataclass(frozen=True)
class Shape:
    """What sequences of a model look like: the layout of its fit, features and steps."""

    layout: str
    n_features: int
    n_steps: int


def choose(rng, values):
    """One of some values, of any type (NumPy would convert them)."""
    return values[int(rng.integers(len(values)))]


def any_shape(rng):
    layout = choose(rng, LAYOUTS)
    n_features = 1 if layout in FIXED_WIDTH else int(rng.integers(1, 4))
    return Shape(layout, n_features, int(rng.integers(2, 7)))


# --- X ------------------------------------------------------------------------------------------
def sequences(rng, shape, n):
    """Plain sequences (length, n_features), of equal lengths if the layout demands it."""
    lengths = np.full(n, shape.n_steps)
    if shape.layout in RAGGED and rng.random() < 0.9:
        lengths = rng.integers(1, shape.n_steps + 3, size=n)
    dtype = np.dtype(choose(rng, DTYPES) if rng.random() < 0.3 else "f8")
    scale = 1.0 if rng.random() < 0.8 or dtype.itemsize < 4 else 10.0 ** rng.integers(-9, 9)
    return [(3 * scale * rng.normal(size=(t, shape.n_features))).astype(dtype) for t in lengths]


def arrange(rng, items, layout):
    """Sequences as X of a layout."""
    if layout in ("2d", "frame", "nested"):
        X = np.array(items)[:, :, 0]
        if layout == "frame":
            return pd.DataFrame(X.astype(X.dtype.newbyteorder("=")))
        return X.tolist() if layout == "nested" else _in_some_memory(rng, X)
    if layout == "3d":
        return _in_some_memory(rng, np.array(items))
    if layout == "lists":
        return [item.tolist() for item in items]
    if layout == "frames":
        return [pd.DataFrame(item.astype(item.dtype.newbyteorder("="))) for item in items]
    if layout == "tuple":
        return tuple(items)
    if items[0].shape[1] == 1 and rng.random() < 0.5:
        items = [item[:, 0] for item in items]
    if layout == "list":
        return [_in_some_memory(rng, item) for item in items]
    return pd.Series(items) if layout == "series" else as_objects(items)


def as_objects(items):
    """A one-dimensional array of objects, whatever the lengths."""
    found = np.empty(len(items), dtype=object)
    found[:] = [None] * len(items)
    for i, item in enumerate(items):
        found[i] = item
    return found


def _in_some_memory(rng, array):
    """The same numbers in C or Fortran order, strided, reversed or read-only."""
    kind = int(rng.integers(6))
    if kind == 0:
        return np.asfortranarray(array)
    if kind == 1:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if kind == 2:
        return array[::-1].copy()[::-1]
    if kind == 3:
        array = array.copy()
        array.flags.writeable = False
    return array


def part(X, rows):
    """Some sequences of X, in its layout."""
    if isinstance(X, (pd.DataFrame, pd.Series)):
        return X.iloc[rows]
    return X[rows]


def good_X(rng, shape, n):
    """X of n sequences, and the same as plain sequences."""
    items = sequences(rng, shape, n)
    X = arrange(rng, items, shape.layout)
    return Argument(X, f"X {shape.layout} of {n} sequences ({items[0].dtype})"), items


class _Unreadable:
    """Neither a number nor a sequence."""


def bad_values(rng):
    """Things that are no number in a float array, with the dtype that can hold them."""
    found = [
        (np.nan, float), (np.inf, float), (-np.inf, float), (None, object), ("word", object),
        (1 + 2j, complex), (pd.NA, object), (10**400, object), ([1.0, 2.0], object),
        (_Unreadable(), object), (np.datetime64("2020-01-01"), object), (b"x", object),
        ({}, object),
    ]  # fmt: skip
    return choose(rng, found)


def bad_X(rng, shape, n):
    """X that no call may accept."""
    X, items = good_X(rng, shape, n)
    items = [item.astype(float) for item in items]
    kind = int(rng.integers(7))
    if kind <= 2:  # one bad value somewhere
        value, dtype = bad_values(rng)
        items = [item.astype(dtype) for item in items]
        i = int(rng.integers(n))
        row, column = int(rng.integers(len(items[i]))), int(rng.integers(shape.n_features))
        items[i][row, column] = value
        layout = shape.layout
        if dtype is object and layout in ("3d", "2d", "frame") and isinstance(value, list):
            layout = "lists" if layout == "3d" else "nested"
        return Argument(arrange(rng, items, layout), f"X {layout} with {value!r:.30}", "bad")
    if kind == 3 and shape.layout in RAGGED and n > 1:  # one bad sequence
        i = int(rng.integers(n))
        wrong = choose(
            rng,
            [None, 3.0, "text", np.zeros((0, shape.n_features)), np.zeros((2, 2, 2, 2)),
             np.zeros((3, shape.n_features + 1)), sparse.csr_matrix(np.eye(shape.n_features)),
             [[1.0] * shape.n_features, [1.0] * (shape.n_features + 2)], {"a": 1},
             _Unreadable(), np.zeros((2, 0))],
        )  # fmt: skip
        changed = [*items[:i], wrong, *items[i + 1 :]]
        changed = as_objects(changed) if shape.layout == "objects" else changed
        return Argument(changed, f"list with sequence {i} = {wrong!r:.40}", "bad")
    whole = [
        None, 3.0, "text", [], (), np.zeros((0, 4)), np.zeros((3, 0)), np.zeros((3, 0, 2)),
        np.zeros((3, 2, 0)), np.zeros((2, 2, 2, 2)), np.zeros(5), {"a": [1, 2]}, {1.0, 2.0},
        sparse.csr_matrix(np.eye(4)), np.matrix(np.eye(4)), iter([[1.0]]), _Unreadable(),
        pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), np.array([["a", "b"]]),
        np.array([[1, 2]], dtype="m8[s]"), np.zeros(3, dtype=[("a", float)]),
        np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), [[1.0, [2.0]], [3.0, 4.0]],
        [[]], [[[]]], [np.array(3.0)], pd.Series([1.0, 2.0]), lambda: 0, 10**400, [[10**400]],
    ]  # fmt: skip
    value = choose(rng, whole)
    return Argument(value, f"X = {value!r:.50}", "bad")


# --- y ------------------------------------------------------------------------------------------
def _container(rng, values):
    """Values as an array, a list or a Series."""
    return choose(rng, [np.asarray, list, pd.Series])(values)


def good_labels(rng, n):
    """Labels of n sequences or steps, of at least two classes."""
    numbers = rng.integers(choose(rng, [2, 2, 3]), size=n)
    numbers[:2] = [0, 1]
    kind = int(rng.integers(5))
    if kind == 0:
        return np.array(["up", "down", "sideways"])[numbers]
    if kind == 1:
        return numbers * 10 - 3
    if kind == 2:
        return numbers > 0
    return numbers.astype(float) if kind == 3 else numbers


def good_targets(rng, n):
    scale = 1.0 if rng.random() < 0.8 else 10.0 ** rng.integers(-6, 7)
    return rng.uniform(0.1, 2.0, size=n) * scale


def good_y(rng, kind, items, shape):
    """Targets for a kind of estimator: "classes", "numbers", "step classes", "step numbers"."""
    make = good_labels if "classes" in kind else good_targets
    if not kind.startswith("step"):
        y = make(rng, len(items))
        if rng.random() < 0.15:  # several labels, or several numbers
            y = np.stack([good_targets(rng, len(items)) for _ in range(2)], axis=1)
            if kind == "classes":
                y = (y > np.median(y, axis=0)).astype(int)
            # Early stopping and class weights may rightly refuse several labels of few sequences.
            fate = "either" if kind == "classes" else "good"
            return Argument(y, f"y {y.shape} {y.dtype}", fate)
        return Argument(_container(rng, y), f"y {y.dtype}")
    lengths = [len(item) for item in items]
    flat = make(rng, sum(lengths))
    y = np.split(flat, np.cumsum(lengths)[:-1])
    if shape.layout not in RAGGED and len(set(lengths)) == 1:
        return Argument(np.array(y), f"y of steps {flat.dtype}")
    if rng.random() < 0.3:
        y = as_objects(y)
    elif rng.random() < 0.3:
        y = [item.tolist() for item in y]
    return Argument(y, f"y of steps, ragged {flat.dtype}")


def bad_y(rng, kind, items, shape):
    """Targets that no estimator may accept."""
    n = len(items)
    good = good_y(rng, kind, items, shape).value
    value, _ = bad_values(rng)
    if "classes" in kind and isinstance(value, (str, bytes)):
        value = np.nan
    if kind.startswith("step"):
        broken = [list(item) for item in good]
        i = int(rng.integers(n))
        choices = [
            good[:-1], [*broken[:i], broken[i] + broken[i], *broken[i + 1 :]],
            [*broken[:i], [*broken[i][:-1], value], *broken[i + 1 :]],
            None, 3, [], {}, [*broken[:i], None, *broken[i + 1 :]], [3] * n,
            sparse.csr_matrix(np.ones((n, 2))),
        ]  # fmt: skip
    else:
        plain = list(np.asarray(good).reshape(n, -1)[:, 0])
        choices = [
            plain[:-1], plain + plain, [*plain[:-1], value], np.array([*plain[:-1], np.nan], "O"),
            None, 3, [], {}, np.zeros((n, 2, 2)), np.full(n, np.nan), [[1, 2]] * (n - 1) + [[1]],
            np.full(n, 1 + 2j), sparse.csr_matrix(rng.normal(size=(n, 2))),
            pd.Series([*plain[:-1], pd.NA], dtype=object),
        ]  # fmt: skip
        if kind == "classes":
            choices += [rng.normal(size=n), np.zeros(n, int), np.array([{}] * n, dtype=object)]
    value = choose(rng, choices)
    return Argument(value, f"y = {value!r:.60}", "bad")


# --- weights ------------------------------------------------------------------------------------
def good_weight(rng, n):
    choices = [
        None, np.ones(n), rng.uniform(0.5, 2.0, n), [1] * n, rng.integers(1, 4, n),
        pd.Series(rng.uniform(0.5, 2.0, n)),
    ]  # fmt: skip
    value = choose(rng, choices)
    return Argument(value, f"weight {type(value).__name__}")


def bad_weight(rng, n):
    choices = [
        np.zeros(n), -np.ones(n), np.full(n, np.nan), np.full(n, np.inf), np.ones(n + 1), "heavy",
        [None] * n, np.ones((n, 1, 1)), [1j] * n, [10**400] * n, ["a"] * n, {}, [[1.0], [2.0, 3.0]],
        sparse.csr_matrix(np.ones((n, 1))), [pd.NA] * n, np.full(n, 1e-320),
    ]  # fmt: skip
    value = choose(rng, choices)
    return Argument(value, f"weight = {value!r:.50}", "bad")


# --- parameters ---------------------------------------------------------------------------------
GOOD_PARAMETERS = {
    "hidden_layer_sizes": [1, 3, (2, 3), [4], np.int64(5), np.array([2, 2])],
    "dropout": [0, 0.3, np.float32(0.5)],
    "recurrent_dropout": [0.2],
    "bidirectional": [True, np.True_],
    "pooling": ["last", "mean", "max", "attention", ("last", "attention"), ["max"]],
    "standardize": [False],
    "loss": ["absolute_error", "huber", "poisson", "quantile"],
    "delta": [0.5],
    "class_weight": ["balanced"],
    "solver": ["adamw", "sgd", "rmsprop"],
    "alpha": [0, 0.1],
    "batch_size": [1, 3, 1000],
    "learning_rate": ["constant", "adaptive"],
    "learning_rate_init": [1e-6, 1, 1e6],
    "shuffle": [False],
    "tol": [0, 1.0],
    "momentum": [0, 1],
    "nesterovs_momentum": [False],
    "early_stopping": [True, False],
    "validation_fraction": [0.4],
    "beta_1": [0],
    "beta_2": [0],
    "epsilon": [1e-3],
    "n_iter_no_change": [1, np.inf],
    "max_grad_norm": [None, 1e-3, 5],
    "n_jobs": [1, 2, -1],
    "dtype": ["float64"],
    "warm_start": [True],
}

_NOT_NUMBERS = ["3", None, np.nan, [], {}, 1j, object(), -1, 10.5j]
BAD_PARAMETERS = {
    "hidden_layer_sizes": [0, -3, 2.5, (), (3, 0), "64", None, [[2]], 10**10, True, {"a": 3},
                           np.array(3.5), (3, None), np.nan],
    "dropout": [*_NOT_NUMBERS, 1.0, np.inf],
    "recurrent_dropout": [*_NOT_NUMBERS, 1.0],
    "bidirectional": ["yes", None, 2, []],
    "pooling": ["sum", None, 3, (), ("last", "last"), ("last", 3), [["last"]], {}],
    "standardize": ["yes", None, 2],
    "loss": ["mse", None, 3, ["squared_error"]],
    "quantile": [0, 1, -0.1, [], [0.5, 0.2], [0.1, 0.1], [np.nan], [0.1, np.nan, 0.9], "half",
                 None, [0.5, 1.5], [[0.5]], ["a"], np.nan],
    "delta": [0, *_NOT_NUMBERS],
    "class_weight": ["equal", 3, {"no such class": 2.0}],
    "solver": ["lbfgs", None, 3],
    "alpha": _NOT_NUMBERS,
    "batch_size": [0, -1, 2.5, "all", None, np.nan],
    "learning_rate": ["invscaling", None, 0.1],
    "learning_rate_init": [0, *_NOT_NUMBERS],
    "max_iter": [0, -1, 2.5, None, "many", np.inf],
    "shuffle": ["yes", None, 2],
    "random_state": ["seed", -1, 0.5, []],
    "tol": _NOT_NUMBERS,
    "momentum": [*_NOT_NUMBERS, 1.5],
    "nesterovs_momentum": ["yes", None],
    "early_stopping": ["no", None, 2],
    "validation_fraction": [*_NOT_NUMBERS, 1.0],
    "beta_1": [*_NOT_NUMBERS, 1.0],
    "beta_2": [*_NOT_NUMBERS, 1.0],
    "epsilon": [0, *_NOT_NUMBERS],
    "n_iter_no_change": [0, 2.5, None, "x", -np.inf],
    "max_grad_norm": [0, -1, "1", np.nan, []],
    "n_jobs": [0, 2.5, "all", np.nan],
    "device": ["tpu", None, 3, "cuda:x", ""],
    "precision": ["fp64", None, 16],
    "dtype": ["float16", None, float, "f8"],
    "warm_start": ["yes", None, 2],
    "verbose": ["loud", None, -1],
    "with_mean": ["yes", None, 2],
    "with_std": ["yes", None, 2],
}  # fmt: skip

# Large, odd or ambiguous: either is right, an ordinary fit or a clear refusal.
DOUBTFUL_PARAMETERS = {
    "hidden_layer_sizes": [{3, 5}, np.array(3), [3.0]],
    "pooling": [np.array("last"), {"last", "mean"}],
    "quantile": [[0.5], np.array([0.1, 0.9]), np.array(0.5), [1e-300]],
    "max_grad_norm": [10**30, 10**400, np.inf, 1e-300],
    "learning_rate_init": [10**30, np.inf, 1e-300],
    "alpha": [1e300, np.inf, 10**30],
    "batch_size": [10**20],
    "epsilon": [1e300, np.inf],
    "delta": [1e300, np.inf],
    "tol": [np.inf],
    "n_jobs": [-100, 10**6],
    "random_state": [2**32 - 1, np.random.RandomState(0)],
    "validation_fraction": [0.999, 0],
}


def some_parameters(rng, names, n_good):
    """Good values of some of the parameters that a model has."""
    known = sorted(set(names) & set(GOOD_PARAMETERS))
    chosen = {}
    for _ in range(n_good):
        name = choose(rng, known)
        chosen[name] = choose(rng, GOOD_PARAMETERS[name])
    return chosen


def a_parameter(rng, names, table):
    """A name and a value from one of the tables, for a model that has these parameters."""
    name = choose(rng, sorted(set(names) & set(table)))
    return name, choose(rng, table[name])
