"""Fourth rung: every option of an estimator works on a GPU as on the CPU."""

import numpy as np
import pytest

from skgru import GRUClassifier, GRURegressor

from .device import ragged_lengths, relative_error

N = 40
KINDS = "last", "mean", "max", "attention"
#: Of the parameters after two epochs of small networks, which rounding has not yet driven apart.
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def check(rng, estimator, y, dtype="float32", n_features=3, weighted=False, **options):
    """Train on both, and compare parameters and predictions."""
    X = [rng.normal(size=(length, n_features)) for length in ragged_lengths(N, 9)]
    weights = rng.uniform(0.1, 2.0, N) if weighted else None
    options = {"hidden_layer_sizes": (9,), "max_iter": 2, "batch_size": 17} | options
    host, device = (
        estimator(device=d, dtype=dtype, random_state=0, **options).fit(X, y, sample_weight=weights)
        for d in ("cpu", "cuda")
    )
    assert relative_error(device._parameters, host._parameters) < TOLERANCE[dtype]
    assert relative_error(device.loss_curve_, host.loss_curve_) < TOLERANCE[dtype]
    predict = "predict_proba" if estimator is GRUClassifier else "predict"
    ours, theirs = (getattr(model, predict)(X) for model in (device, host))
    assert relative_error(ours, theirs) < 10 * TOLERANCE[dtype]
    return device


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "poisson", "quantile"]
)
def test_losses_of_a_regressor(rng, loss, dtype):
    y = rng.poisson(2.0, (N, 2)).astype(float)
    options = {"quantile": [0.1, 0.9]} if loss == "quantile" else {}
    check(rng, GRURegressor, y[:, 0] if options else y, dtype, weighted=True, loss=loss, **options)


@pytest.mark.parametrize("shape", [2, 4, (N, 3)], ids=["binary", "multinomial", "multilabel"])
def test_targets_of_a_classifier(rng, shape):
    is_multilabel = isinstance(shape, tuple)
    y = rng.integers(0, 2, shape) if is_multilabel else np.arange(N) % shape
    check(rng, GRUClassifier, y, class_weight=None if is_multilabel else "balanced")


@pytest.mark.parametrize("max_grad_norm", [None, 0.1])
@pytest.mark.parametrize(
    "solver", ["sgd", pytest.param("adam", marks=pytest.mark.emulator), "adamw", "rmsprop"]
)
def test_solvers(rng, solver, max_grad_norm):
    options = {"alpha": 1e-2, "learning_rate": "cosine", "max_grad_norm": max_grad_norm}
    check(rng, GRURegressor, rng.normal(size=N), solver=solver, **options)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "pooling", [*KINDS, pytest.param(KINDS, marks=pytest.mark.emulator)], ids=[*KINDS, "all"]
)
def test_layers(rng, pooling, bidirectional):
    options = {"hidden_layer_sizes": (9, 20), "dropout": 0.2, "recurrent_dropout": 0.2}
    device = check(
        rng, GRURegressor, rng.normal(size=N), n_features=20, pooling=pooling,
        bidirectional=bidirectional, **options,
    )  # fmt: skip
    assert device.device_ == "cuda:0"
