"""Fourth rung: fits on real data beside the CPU's, after one step and at the end."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from skgru import GRURegressor

from .device import relative_error, size
from .problems import AGREEMENT, DATA, EPOCHS, FEW, MARGIN, load, model_of, outputs

both_data_sets = pytest.mark.parametrize("data", DATA)
all_precisions = pytest.mark.parametrize("precision", AGREEMENT)


@both_data_sets
@all_precisions
def test_one_step(data, precision):
    """The gradient of all sequences at once, in a step that is long enough to be seen."""
    X, y = load(data)
    options = {"solver": "sgd", "batch_size": len(X), "max_iter": 1}
    start = model_of(data, "cpu", **options, learning_rate_init=1e-30).fit(X, y)
    host, device = (
        model_of(data, d, **options, learning_rate_init=1.0, precision=precision).fit(X, y)
        for d in ("cpu", "cuda")
    )
    assert device.device_ == "cuda:0"
    tolerance = AGREEMENT[precision]
    steps = [model._parameters - start._parameters for model in (device, host)]
    assert relative_error(*steps) < tolerance
    assert abs(device.loss_ / host.loss_ - 1) < tolerance
    assert relative_error(*(outputs(model, X) for model in (device, host))) < tolerance


@both_data_sets
@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop"])
def test_one_step_of_other_solvers(data, solver):
    """They divide by the gradient: the smallest differ in sign at times, so all are compared."""
    X, y = load(data)
    options = {"solver": solver, "batch_size": len(X), "max_iter": 1}
    host, device = (model_of(data, d, **options).fit(X, y) for d in ("cpu", "cuda"))
    assert relative_error(device._parameters, host._parameters) < AGREEMENT["fp32"]
    assert relative_error(*(outputs(model, X) for model in (device, host))) < AGREEMENT["fp32"]


@both_data_sets
@all_precisions
def test_final_score(data, precision):
    X, y = load(data)
    X_test, y_test = load(data, "test")
    options = {"max_iter": EPOCHS[data], "precision": precision}
    host, device = (
        model_of(data, d, **options).fit(X, y).score(X_test, y_test) for d in ("cpu", "cuda")
    )
    assert host > {"vowels": 0.96, "taxi": size(0.97, 0.9)}[data]
    assert abs(device - host) <= MARGIN[precision][data]


@pytest.mark.parametrize("data", ["vowels", pytest.param(FEW, marks=pytest.mark.emulator)])
@pytest.mark.parametrize(
    "precision", ["tf32", pytest.param("bf16", marks=pytest.mark.emulator(False))]
)
def test_precision_is_that_of_the_products(data, precision):
    """Factors are rounded, and equally in every run."""
    X, y = load(data)
    fits = [
        model_of(data, max_iter=2, precision=p).fit(X, y)._parameters
        for p in ("fp32", precision, precision)
    ]
    assert (fits[0] != fits[1]).any()
    assert_array_equal(fits[1], fits[2])


def test_float64(rng):
    """Twenty steps, with everything that has a gradient."""
    X = list(rng.normal(size=(300, 30, 4)))
    y = np.array([x[-1, 0] + x[:, 1].mean() for x in X])
    options = {
        "hidden_layer_sizes": (33, 20), "bidirectional": True,
        "pooling": ("last", "mean", "max", "attention"), "dropout": 0.2, "recurrent_dropout": 0.2,
        "dtype": "float64", "max_iter": 4, "batch_size": 64, "random_state": 0,
    }  # fmt: skip
    host, device = (GRURegressor(device=d, **options).fit(X, y) for d in ("cpu", "cuda"))
    assert relative_error(device._parameters, host._parameters) < 1e-7
    assert relative_error(device.predict(X), host.predict(X)) < 1e-7
    for ours, theirs in zip(*(m.attention_weights(X) for m in (device, host)), strict=True):
        assert relative_error(ours, theirs) < 1e-7


@both_data_sets
def test_early_stopping(data):
    """Validation data are scored on the device; the same epochs, nearly the same scores."""
    X, y = load(data)
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_iter": 2}
    host, device = (model_of(data, d, **options).fit(X, y) for d in ("cpu", "cuda"))
    assert device.n_iter_ == host.n_iter_
    difference = np.subtract(device.validation_scores_, host.validation_scores_)
    assert np.abs(difference).max() <= MARGIN["fp32"][data]


def test_a_search_with_one_process():
    """With n_jobs=1, as docs/gpu.md recommends, the fits of a search use the GPU in turn."""
    X, y = load("taxi")
    X, y = X[: size(1500, 60)], y[: size(1500, 60)]
    grid = {"pooling": ["last", ("last", "mean", "max")], "learning_rate_init": [1e-6, 1e-2]}
    found = {}
    for device in ("cuda", "cpu"):
        search = GridSearchCV(
            model_of("taxi", device, max_iter=5), grid, cv=size(3, 2), n_jobs=1,
            error_score="raise",
        )  # fmt: skip
        found[device] = search.fit(X, y)
    device, host = found["cuda"], found["cpu"]
    assert device.best_estimator_.device_ == "cuda:0"
    assert device.best_params_["learning_rate_init"] == 1e-2
    scores = [s.cv_results_["mean_test_score"] for s in (device, host)]
    assert np.abs(scores[0] - scores[1]).max() < 0.02  # of five epochs
    alone = model_of("taxi", max_iter=5, **device.best_params_).fit(X, y)
    assert_array_equal(device.predict(X), alone.predict(X))


def test_a_fit_warns_of_nothing():
    """Numba warns about small grids; users should not see these warnings."""
    X, y = load("vowels")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model_of("vowels", max_iter=1).fit(X, y).predict(X)
