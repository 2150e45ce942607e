"""The oracle against hand calculation, finite differences, scikit-learn, scipy and torch."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics

from . import gru as ref

POOLINGS = ("last", "mean", "max", "attention")

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "derivations" / "gru.md"


def test_the_equations_that_the_oracle_cites_exist():
    cited = set(re.findall(r"eq\. (\w+)", Path(ref.__file__).read_text()))
    labels = set(re.findall(r"^\$\$ \((\w+)\)$", PAGE.read_text(), re.MULTILINE))
    assert {"gates", "dzdn", "bptt"} <= cited <= labels


def random_direction(rng, n_features, n_units, masked=False):
    """A `ref.Direction` with an initial state, and with a dropout mask if asked."""
    return ref.Direction(
        W=rng.normal(size=(n_features, 3 * n_units)),
        U=rng.normal(size=(n_units, 3 * n_units)),
        b=rng.normal(size=3 * n_units),
        b_hn=rng.normal(size=n_units),
        h0=rng.normal(size=n_units),
        recurrent_mask=rng.choice([0.0, 2.0], size=n_units) if masked else None,
    )


# ---------------------------------------------------------------------------------- the layer


def test_two_steps_of_one_unit_by_hand():
    def unit(x, h):
        r = 1 / (1 + math.exp(-(0.1 * x + 0.4 * h + 0.7)))
        z = 1 / (1 + math.exp(-(0.2 * x - 0.5 * h - 0.8)))
        n = math.tanh(0.3 * x + 0.9 + r * (0.6 * h + 0.25))
        return (1 - z) * n + z * h

    states = ref.gru_layer(
        [[1.5], [-2.0]],
        W=[[0.1, 0.2, 0.3]],
        U=[[0.4, -0.5, 0.6]],
        b=[0.7, -0.8, 0.9],
        b_hn=[0.25],
        h0=[0.5],
    )
    first = unit(1.5, 0.5)
    assert_allclose(states, [[first], [unit(-2.0, first)]], rtol=1e-14)


def test_update_gate_of_one_keeps_the_state_even_of_a_dropped_unit():
    rng = np.random.default_rng(0)
    weights = random_direction(rng, 3, 2)
    wide_open = np.array([0, 0, 500, 500, 0, 0])
    states = ref.gru_layer(
        rng.normal(size=(5, 3)),
        weights.W,
        weights.U,
        wide_open,
        weights.b_hn,
        weights.h0,
        np.array([0.0, 2.0]),
    )
    assert_array_equal(states, np.tile(weights.h0, (5, 1)))


def test_dropped_unit_reaches_no_product():
    rng = np.random.default_rng(1)
    weights = random_direction(rng, 3, 2)
    x = rng.normal(size=(1, 3))
    mask = np.array([0.0, 1.0])
    with_mask = ref.gru_layer(x, *weights[:5], mask)
    U_cut = weights.U * mask[:, np.newaxis]
    without = ref.gru_layer(x, weights.W, U_cut, *weights[2:5])
    assert_allclose(with_mask, without, rtol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n_steps", [1, 4])
def test_backward_agrees_with_finite_differences(n_steps, masked):
    rng = np.random.default_rng(n_steps)
    weights = random_direction(rng, 2, 3, masked)
    x = rng.normal(size=(n_steps, 2))
    d_states = rng.normal(size=(n_steps, 3))

    def loss(x, W, U, b, b_hn, h0):
        states = ref.gru_layer(x, W, U, b, b_hn, h0, weights.recurrent_mask)
        return np.sum(d_states * states)

    expected = ref.numerical_gradient(loss, [x, *weights[:5]])
    gradients = ref.gru_layer_backward(d_states, x, *weights)
    assert list(gradients) == ["x", "W", "U", "b", "b_hn", "h0"]
    for name, value in zip(gradients, expected, strict=True):
        assert_allclose(gradients[name], value, rtol=1e-6, atol=1e-8, err_msg=name)


def test_no_initial_state_means_zeros():
    rng = np.random.default_rng(2)
    weights = random_direction(rng, 2, 3)
    x = rng.normal(size=(4, 2))
    assert_array_equal(ref.gru_layer(x, *weights[:4]), ref.gru_layer(x, *weights[:4], np.zeros(3)))


# ---------------------------------------------------------------- directions, stacks, network


def test_backward_direction_reads_from_the_end():
    rng = np.random.default_rng(3)
    weights = random_direction(rng, 2, 3)
    x = rng.normal(size=(4, 2))
    states = ref.layer_states(x, [weights, weights])
    assert states.shape == (4, 6)
    assert_array_equal(states[:, :3], ref.gru_layer(x, *weights))
    # Its state at the last step has read that step alone, the one at the first step all of them.
    assert_array_equal(states[3, 3:], ref.gru_layer(x[3:], *weights)[0])
    assert_array_equal(states[0, 3:], ref.gru_layer(x[::-1], *weights)[-1])


def test_stack_feeds_states_through_the_dropout_mask():
    rng = np.random.default_rng(4)
    lower = [random_direction(rng, 2, 3), random_direction(rng, 2, 3)]
    upper = [random_direction(rng, 6, 2)]
    x = rng.normal(size=(4, 2))
    mask = rng.choice([0.0, 2.0], size=(4, 6))
    expected = ref.layer_states(ref.layer_states(x, lower) * mask, upper)
    assert_array_equal(ref.stack_states(x, [lower, upper], [mask]), expected)


def test_poolings_by_hand():
    states = np.array([[1.0, 40.0], [3.0, 20.0], [2.0, 30.0]])
    assert_array_equal(ref.pool(states, "last"), [2, 30])
    assert_array_equal(ref.pool(states, "last", n_directions=2), [2, 40])
    assert_array_equal(ref.pool(states, "mean"), [2, 30])
    assert_array_equal(ref.pool(states, "max"), [3, 40])
    query = np.array([math.log(2), 0.0])
    assert_allclose(ref.attention_weights(states, query), np.array([2, 8, 4]) / 14)
    assert_allclose(ref.pool(states, "attention", query=query), [34 / 14, 360 / 14])
    assert_array_equal(ref.pool(states, ["max", "last"], n_directions=2), [3, 40, 2, 40])
    with pytest.raises(ValueError, match="'median'"):
        ref.pool(states, "median")


def test_attention_does_not_overflow():
    weights = ref.attention_weights(np.array([[1.0], [2.0]]), np.array([1e4]))
    assert_array_equal(weights, [0, 1])


def test_network_is_states_pooled_masked_and_mapped():
    rng = np.random.default_rng(5)
    layers = [[random_direction(rng, 2, 3), random_direction(rng, 2, 3)]]
    x, query = rng.normal(size=(4, 2)), rng.normal(size=6)
    V, b_out = rng.normal(size=(24, 2)), rng.normal(size=2)
    head_mask = rng.choice([0.0, 2.0], size=24)
    pooled = ref.pool(ref.layer_states(x, layers[0]), POOLINGS, 2, query)
    raw = ref.network(x, layers, POOLINGS, V, b_out, query=query, head_mask=head_mask)
    assert_allclose(raw, V.T @ (pooled * head_mask) + b_out, rtol=1e-12)


# ------------------------------------------------------------------------------------- losses


@pytest.fixture
def targets():
    """Eight sequences with three outputs, raw predictions and weights."""
    rng = np.random.default_rng(6)
    return rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), rng.uniform(0.1, 3, size=8)


def mean_loss(loss, y, raw, weight, *args):
    per_sequence = [loss(y_i, raw_i, *args) for y_i, raw_i in zip(y, raw, strict=True)]
    return ref.weighted_mean(per_sequence, weight)


def test_regression_losses_agree_with_scikit_learn(targets):
    y, raw, w = targets
    assert_allclose(
        mean_loss(ref.squared_error, y, raw, w),
        metrics.mean_squared_error(y, raw, sample_weight=w) / 2,
    )
    assert_allclose(
        mean_loss(ref.absolute_error, y, raw, w),
        metrics.mean_absolute_error(y, raw, sample_weight=w),
    )
    expected = np.mean(scipy.special.huber(0.7, y - raw), axis=1)
    assert_allclose(mean_loss(ref.huber, y, raw, w, 0.7), np.average(expected, weights=w))


def test_quantile_loss_agrees_with_scikit_learn(targets):
    y, raw, w = targets
    levels = np.array([0.1, 0.5, 0.9])
    expected = [
        metrics.mean_pinball_loss(y[:, 0], raw[:, k], sample_weight=w, alpha=level)
        for k, level in enumerate(levels)
    ]
    assert_allclose(mean_loss(ref.quantile, y[:, :1], raw, w, levels), np.mean(expected))


def test_poisson_is_half_the_deviance_up_to_a_constant(targets):
    _, raw, w = targets
    y = np.random.default_rng(7).poisson(3, size=(8, 1)).astype(float)

    def half_deviance(raw):
        return metrics.mean_poisson_deviance(y[:, 0], np.exp(raw[:, 0]), sample_weight=w) / 2

    first, second = raw[:, :1], raw[:, 1:2]
    difference = mean_loss(ref.poisson, y, first, w) - mean_loss(ref.poisson, y, second, w)
    assert_allclose(difference, half_deviance(first) - half_deviance(second))


def test_classification_losses_agree_with_scikit_learn(targets):
    y, raw, w = targets
    labels = (y > 0).astype(int)
    proba = scipy.special.expit(raw)
    per_label = [
        metrics.log_loss(labels[:, k], proba[:, k], sample_weight=w, labels=[0, 1])
        for k in range(3)
    ]
    assert_allclose(mean_loss(ref.binary_log_loss, labels, raw, w), np.mean(per_label))

    classes = np.array([0, 1, 2, 0, 1, 2, 2, 2])
    assert_allclose(
        mean_loss(ref.multinomial_log_loss, classes, raw, w),
        metrics.log_loss(classes, scipy.special.softmax(raw, axis=1), sample_weight=w),
    )


def test_log_losses_hold_for_large_logits():
    assert ref.binary_log_loss(np.array([1.0]), np.array([-800.0])) == 800
    assert ref.binary_log_loss(np.array([1.0]), np.array([800.0])) == 0
    assert ref.multinomial_log_loss(1, np.array([800.0, 0.0])) == 800


def test_whole_weights_count_repetitions():
    losses = np.array([1.0, 5.0, 2.0])
    assert_allclose(ref.weighted_mean(losses, [2, 0, 1]), ref.weighted_mean([1.0, 1.0, 2.0]))


# ------------------------------------------------------------------ finite differences, torch


def test_numerical_gradient_of_a_known_function():
    a, c = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array(2.0)
    original = a.copy()
    for_a, for_c = ref.numerical_gradient(lambda a, c: np.sum(c * a**3), [a, c])
    assert_allclose(for_a, 6 * a**2, rtol=1e-8)
    assert_allclose(for_c, 100, rtol=1e-8)
    assert_array_equal(a, original)


def as_torch_parameters(direction):
    """The arrays of torch.nn.GRU: transposed, with the second bias where only b_hn is needed."""
    n_units = len(direction.b_hn)
    return {
        "weight_ih": direction.W.T,
        "weight_hh": direction.U.T,
        "bias_ih": direction.b,
        "bias_hh": np.concatenate([np.zeros(2 * n_units), direction.b_hn]),
    }


def test_stack_and_gradients_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(8)
    layers = [
        [random_direction(rng, 2, 3), random_direction(rng, 2, 3)],
        [random_direction(rng, 6, 3), random_direction(rng, 6, 3)],
    ]
    peer = torch.nn.GRU(2, 3, num_layers=2, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for i, layer in enumerate(layers):
            for direction, suffix in zip(layer, ("", "_reverse"), strict=True):
                for name, value in as_torch_parameters(direction).items():
                    getattr(peer, f"{name}_l{i}{suffix}").copy_(torch.tensor(value))
    x = rng.normal(size=(5, 2))
    h0 = torch.tensor(np.array([direction.h0 for layer in layers for direction in layer]))
    states, _ = peer(torch.tensor(x), h0)
    assert_allclose(ref.stack_states(x, layers), states.detach().numpy(), rtol=1e-12)

    d_states = rng.normal(size=(5, 6))
    torch.sum(torch.tensor(d_states) * states).backward()
    below = ref.layer_states(x, layers[0])
    for direction, suffix, part, flip in zip(
        layers[1], ("", "_reverse"), np.split(d_states, 2, axis=1), (1, -1), strict=True
    ):
        gradients = ref.gru_layer_backward(part[::flip], below[::flip], *direction)
        for name, value in as_torch_parameters(_as_direction(gradients)).items():
            theirs = getattr(peer, f"{name}_l1{suffix}").grad.numpy()
            if name == "bias_hh":  # its r and z parts are those of bias_ih
                theirs = np.concatenate([np.zeros(6), theirs[6:]])
            assert_allclose(value, theirs, rtol=1e-9, atol=1e-12, err_msg=name + suffix)


def _as_direction(gradients):
    return ref.Direction(**{name: gradients[name] for name in ("W", "U", "b", "b_hn")})
