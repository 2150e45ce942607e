"""Same mathematics, same starting weights, same losses as the frameworks; see ``examples.py``."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgru import GRURegressor, GRUStepClassifier

from .examples import (
    GOLDEN,
    KerasAdam,
    TwinAdam,
    from_keras,
    from_torch,
    keras_losses,
    keras_weights,
    steps_and_labels,
    steps_and_targets,
    swap_gates,
    torch_losses,
    torch_step_losses,
    torch_step_weights,
    torch_weights,
    train,
    windows,
)


@pytest.fixture(scope="module")
def golden():
    return {name: np.array(losses) for name, losses in json.loads(GOLDEN.read_text()).items()}


def by_trainer(example, n_epochs, dtype="float64"):
    if example == "torch":
        X, y = steps_and_targets()
        arrays = from_torch(torch_weights())
        return train(X, y, arrays, lambda n: TwinAdam(n, 1e-8), 0.01, 1000, n_epochs, dtype)
    X, y = windows()
    arrays = from_keras(keras_weights())
    return train(X, y, arrays, lambda n: KerasAdam(n, 1e-7), 1e-3, 32, n_epochs, dtype)


@pytest.mark.parametrize(("example", "n_epochs"), [("torch", 100), ("keras", 10)])
def test_the_losses_of_an_example(golden, example, n_epochs):
    assert len(golden[example]) == n_epochs
    assert golden[example][-1] < 0.2 * golden[example][0]  # it learns something
    assert_allclose(by_trainer(example, n_epochs), golden[example], rtol=1e-8)


@pytest.mark.parametrize("example", ["torch", "keras"])
def test_the_first_ten_losses_in_float32(golden, example):
    assert_allclose(by_trainer(example, 10, "float32"), golden[example][:10], rtol=2e-4)


# An estimator that trains as torch does: plain Adam on the whole batch.
AS_TORCH = {
    "hidden_layer_sizes": 20, "standardize": False, "alpha": 0, "batch_size": 1000,
    "learning_rate": "constant", "learning_rate_init": 0.01, "max_grad_norm": None,
    "shuffle": False, "tol": 0, "n_iter_no_change": np.inf, "dtype": "float64", "max_iter": 1,
}  # fmt: skip


def train_from(model, X, y, arrays, n_epochs):
    """Losses of the epochs of an estimator from given starting weights."""
    model.fit(X, y)
    assert model.parameters_.keys() == arrays.keys()
    for name, array in model.parameters_.items():
        array[...] = arrays[name]
    model.set_params(warm_start=True, max_iter=n_epochs).fit(X, y)
    return np.array(model.loss_curve_[1:])


def test_the_estimator_is_torch_with_one_bias(golden):
    X, y = steps_and_targets()
    model = GRURegressor(pooling="last", epsilon=0.5e-8, **AS_TORCH)
    losses = train_from(model, X, y, from_torch(torch_weights()), 100)
    assert_allclose(2 * losses, golden["torch, one bias"], rtol=1e-8)
    # The second bias matters: with it, torch's own losses are others.
    assert not np.allclose(golden["torch"], golden["torch, one bias"], rtol=1e-3)


def test_the_step_classifier_is_torch_with_one_bias(golden):
    X, y = steps_and_labels()
    model = GRUStepClassifier(bidirectional=True, **AS_TORCH)
    losses = train_from(model, X, y, from_torch(torch_step_weights()), 10)
    assert len(losses) == 10 and losses[-1] < 0.7 * losses[0]
    assert_allclose(losses, golden["torch, steps"], rtol=1e-8)


def test_torch_itself_has_the_losses_of_steps(golden):
    pytest.importorskip("torch")
    assert_allclose(torch_step_losses(10), golden["torch, steps"], rtol=1e-8)


@pytest.mark.parametrize("one_bias", [False, True])
def test_torch_itself_has_these_losses(golden, one_bias):
    pytest.importorskip("torch")
    name = "torch, one bias" if one_bias else "torch"
    assert_allclose(torch_losses(100, one_bias), golden[name], rtol=1e-8)


def test_the_arithmetic_of_keras_has_these_losses(golden):
    assert_allclose(keras_losses(2), golden["keras"][:2], rtol=1e-10)


def test_the_order_of_gates():
    array = np.arange(6).reshape(1, 6)
    assert swap_gates(array).tolist() == [[2, 3, 0, 1, 4, 5]]
    assert (swap_gates(swap_gates(array)) == array).all()
