"""The flat parameter vector, its views and its initial values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cpu
from skgru.models._parameters import Parameter, ParameterLayout, glorot_uniform, orthogonal

from .networks import random_network


def make_layout():
    return ParameterLayout(
        [
            Parameter("a.W", (2, 3), "weight", lambda rs: rs.normal(size=(2, 3))),
            Parameter("a.b", (3,), "bias", lambda rs: np.arange(3.0)),
            Parameter("b.W", (4,), "weight"),
        ]
    )


def test_weights_come_first():
    layout = make_layout()
    assert (layout.size, layout.n_weights) == (13, 10)
    flat = np.arange(13)
    views = layout.views(flat)
    assert list(views) == ["a.W", "a.b", "b.W"]
    assert_array_equal(views["a.W"], [[0, 1, 2], [3, 4, 5]])
    assert_array_equal(views["b.W"], [6, 7, 8, 9])
    assert_array_equal(views["a.b"], [10, 11, 12])


def test_views_write_through():
    layout = make_layout()
    flat = np.zeros(13)
    for value, view in enumerate(layout.views(flat).values(), 1):
        view[...] = value
    assert_array_equal(flat, [1] * 6 + [3] * 4 + [2] * 3)
    flat.flags.writeable = False
    assert not layout.views(flat)["a.W"].flags.writeable


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_values_follow_the_random_state(dtype):
    layout = make_layout()
    found = layout.initialize(np.random.RandomState(3), dtype)
    assert found.dtype == dtype
    drawn = np.random.RandomState(3).normal(size=6).astype(dtype)
    assert_array_equal(found, np.concatenate([drawn, np.zeros(4), np.arange(3)]))


def test_every_parameter_of_a_network_has_its_place(rng):
    network, parameters = random_network(
        rng, hidden_layer_sizes=(3, 5), bidirectional=True, pooling=("attention", "mean")
    )
    layout = network.layout
    numbered = layout.views(np.arange(layout.size))
    taken = np.concatenate([view.ravel() for view in numbered.values()])
    assert_array_equal(np.sort(taken), np.arange(layout.size))
    for name, view in numbered.items():
        is_weight = name.rpartition(".")[2] in ("W", "U", "query")
        assert np.all((view < layout.n_weights) == is_weight), name
    shapes = {name: view.shape for name, view in layout.views(parameters).items()}
    assert shapes["gru0.forward.W"] == (2, 9)
    assert shapes["gru1.backward.W"] == (6, 15)
    assert shapes["gru1.backward.U"] == (5, 15)
    assert shapes["gru1.forward.b_hn"] == (5,)
    assert shapes["pooling.query"] == (2, 5)
    assert shapes["head.W"] == (20, 2)


def test_initial_values_of_a_network(rng):
    network, _ = random_network(
        rng, hidden_layer_sizes=(20, 30), pooling=("attention",), update_bias=0.5
    )
    first = network.layout.initialize(np.random.RandomState(5), np.float64)
    assert_array_equal(first, network.layout.initialize(np.random.RandomState(5), np.float64))
    views = network.layout.views(first)
    for i, (n_in, n_hidden) in enumerate([(2, 20), (20, 30)]):
        for U in np.split(views[f"gru{i}.forward.U"], 3, axis=1):
            assert_allclose(U @ U.T, np.eye(n_hidden), atol=1e-13)
        bound = np.sqrt(6 / (n_in + n_hidden))
        W = views[f"gru{i}.forward.W"]
        assert 0.8 * bound < np.abs(W).max() <= bound
        assert_array_equal(views[f"gru{i}.forward.b"], np.repeat([0, 0.5, 0], n_hidden))
        assert not views[f"gru{i}.forward.b_hn"].any()
    assert not views["head.b"].any() and not views["pooling.query"].any()


def test_glorot_uniform_has_its_variance():
    drawn = glorot_uniform(np.random.RandomState(0), 200, 300)
    assert drawn.shape == (200, 300)
    assert drawn.var() == pytest.approx(2 / 500, rel=0.02)
    assert abs(drawn.mean()) < 1e-3


def test_orthogonal_matrices_are_random_rotations_and_reflections():
    random_state = np.random.RandomState(0)
    drawn = np.array([orthogonal(random_state, 4, cpu) for _ in range(500)])
    assert_allclose(drawn @ drawn.transpose(0, 2, 1), np.tile(np.eye(4), (500, 1, 1)), atol=1e-13)
    # Uniform over the group: every entry has mean 0 and variance 1 / n.
    assert np.abs(drawn.mean(axis=0)).max() < 5 * 0.5 / np.sqrt(500)
    assert_allclose(drawn.var(axis=0), 0.25, atol=0.08)


def test_two_parameters_of_one_name_are_refused():
    twice = [Parameter("head.W", (2, 3), "weight"), Parameter("head.W", (3, 2), "weight")]
    with pytest.raises(ValueError, match="Two modules .* of the name 'head.W'"):
        ParameterLayout(twice)
