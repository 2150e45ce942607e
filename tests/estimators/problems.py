"""Small learning problems, in every layout, that the tests of the estimators share."""

import itertools

import numpy as np

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor
from skgru.training import Trainer

ESTIMATORS = [GRURegressor, GRUClassifier]
STEP_ESTIMATORS = [GRUStepRegressor, GRUStepClassifier]

# Where only what X is like matters.
SIX = [np.zeros((length, 2)) for length in (3, 1, 4, 2, 2, 5)]

# With these options the order of the sequences, both dropouts and the optimiser have a state.
STATEFUL = {
    "hidden_layer_sizes": (5, 4),
    "dropout": 0.2,
    "recurrent_dropout": 0.2,
    "batch_size": 16,
    "learning_rate": "constant",
    "random_state": 0,
}


def small(estimator=GRURegressor, **options):
    """A model that is fitted at once."""
    return estimator(3, max_iter=1, **options)


def table(n=60, n_steps=6, seed=0):
    """Univariate series (n, n_steps) and their last values."""
    X = np.random.default_rng(seed).normal(size=(n, n_steps))
    return X, X[:, -1].copy()


def ragged(n=60, n_features=2, longest=9, seed=0):
    """Sequences of 1 to ``longest`` steps and the mean of their first feature."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, n_features)) for length in rng.integers(1, longest + 1, n)]
    return X, np.array([x[:, 0].mean() for x in X])


def in_layout(layout, n=60, seed=0):
    """X in a layout ("2d", "3d", "ragged" or "objects") and a target that it determines."""
    if layout == "2d":
        return table(n, seed=seed)
    X, y = ragged(n, seed=seed)
    if layout == "3d":
        X = np.random.default_rng(seed).normal(size=(n, 6, 2))
        y = X[:, :, 0].mean(axis=1)
    elif layout == "objects":
        found = np.empty(n, dtype=object)
        found[:] = X
        X = found
    return X, y


def flat(y):
    """The entries of all steps below each other."""
    return np.concatenate([np.asarray(item) for item in y])


def like(y, values):
    """The entries of all steps in the layout of y: an array, or a list of arrays."""
    if isinstance(y, np.ndarray):
        return values.reshape(*y.shape[:2], *values.shape[1:])
    return np.split(values, np.cumsum([len(item) for item in y])[:-1])


def steps_in_layout(layout, n=60, seed=0):
    """X in a layout and, for every step, the mean of the first feature so far."""
    X, _ = in_layout(layout, n, seed)
    series = [x if x.ndim == 1 else x[:, 0] for x in X]
    y = [x.cumsum() / np.arange(1, len(x) + 1) for x in series]
    return X, np.array(y) if layout in ("2d", "3d") else y


def step_classes(y, n_classes=3):
    """Labels of steps by rank, about as many of each."""
    return like(y, classes(flat(y), n_classes))


def targets_of(estimator, y):
    """What a step model learns from the numbers y."""
    return step_classes(y) if estimator is GRUStepClassifier else y


def classes(y, n_classes=3):
    """Labels by rank of y, about as many of each."""
    ranks = np.argsort(np.argsort(y))
    return np.array(["low", "middle", "top", "peak"])[ranks * n_classes // len(y)]


def same_parameters(first, second):
    """Whether two models have the same parameters to the last bit."""
    return first._parameters.tobytes() == second._parameters.tobytes()


def fails_at(number, error):
    """Replacement of a method that raises at a certain call."""
    calls = itertools.count(1)

    def method(original, *args, **kwargs):
        if next(calls) == number:
            raise error
        return original(*args, **kwargs)

    return method


def patch(monkeypatch, name, replacement):
    """Replace a method of the trainer by a function of the original and its arguments."""
    original = getattr(Trainer, name)
    monkeypatch.setattr(
        Trainer, name, lambda *args, **kwargs: replacement(original, *args, **kwargs)
    )
