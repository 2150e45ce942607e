"""Compile every kernel ahead of its first use."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgru.kernels import listen_to_compilation

from ._classifier import GRUClassifier
from ._constraints import POOLINGS
from ._progress import describe_compilation
from ._regressor import GRURegressor
from ._step_regressor import GRUStepRegressor


def warmup(dtype="float32", *, verbose=0):
    """Compile ahead whatever `fit`, `predict` and `stream` may need.

    Kernels are compiled the first time they are called and kept on disk, in the folder of the
    package or where ``NUMBA_CACHE_DIR`` says; from then on a process loads them in well under a
    second.  This function gets it over with, by fitting a few tiny models that between them call
    every kernel: when a container image is built, for instance, or before a first
    ``GridSearchCV(n_jobs=2)``, whose workers would each compile the same kernels.  Several
    processes may do so at once.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default="float32"
        Precision of the models that will be fitted.
    verbose : int, default=0
        1 prints a line for each model, and one that names the folder if kernels are compiled.

    Raises
    ------
    ValueError
        If `dtype` is neither of the two.

    Examples
    --------
    >>> import skgru
    >>> skgru.warmup()
    """
    rng = np.random.default_rng(0)
    n = 40  # more than a shard: gradients are added up
    X, number, label = rng.normal(size=(n, 3, 2)), rng.uniform(size=(n, 2)), np.arange(n) % 3
    everything = {
        "hidden_layer_sizes": (3, 3), "bidirectional": True, "pooling": POOLINGS,
        "dropout": 0.1, "recurrent_dropout": 0.1,
    }  # fmt: skip
    levels = {"loss": "quantile", "quantile": [0.1, 0.9]}
    models = (
        (GRURegressor(n_jobs=2, **everything), number, X),  # threads have a kernel, too
        (GRURegressor(loss="absolute_error", solver="sgd"), number, X.astype(np.float32)),
        (GRURegressor(loss="huber", solver="rmsprop"), number[:, 0], X),
        (GRURegressor(loss="poisson", solver="adamw"), number, X[:, :, :1]),
        (GRURegressor(**levels), number, _read_only(X)),
        (GRUClassifier(), label, _read_only(X.astype(np.float32))),
        (GRUClassifier(), label > 0, X),
        (GRUClassifier(), number > number.mean(axis=0), X),
        (GRUStepRegressor(), X, X),  # targets of steps are laid out as their inputs are
        (GRUClassifier(dropout=0.1, max_categories=3), label, ["abc", "bad"] * (n // 2)),
    )
    folders = set()

    def say_once(folder):
        if verbose and folder not in folders:
            folders.add(folder)
            print("[warmup]", describe_compilation(folder), flush=True)

    with listen_to_compilation(say_once):
        for model, targets, inputs in models:
            if verbose:
                print("[warmup]", *repr(model).split(), flush=True)
            _run(model.set_params(max_iter=1, dtype=dtype), inputs, targets)


def _read_only(X):
    """X as joblib hands it to its workers; kernels tell such arrays from others."""
    X = X.copy()
    X.flags.writeable = False
    return X


def _run(model, X, y):
    """Call every method of a model that runs a kernel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is meant to be short
        model.fit(X, y)
    for method in model._target().methods:
        getattr(model, method)(X)
        if not model.bidirectional:
            model.stream(method=method).push(X[0][0])
    if "attention" in getattr(model, "pooling", ()):
        model.attention_weights(X)
