"""A network step by step: the raw predictions of whole sequences, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skgru.data import as_sequences
from skgru.models import NetworkStream, Predictor

from .networks import predicts_steps, random_network

SHIFT, SCALE = np.array([1.0, -2.0, 0.5]), np.array([0.5, 3.0, 1e-3])

poolings = (
    st.permutations(["last", "mean", "max"]).flatmap(
        lambda kinds: st.integers(1, 3).map(lambda n: tuple(kinds[:n]))
    )
    | st.none()
)


@st.composite
def networks(draw):
    """A network, its parameters, and sequences (n_steps, n_streams, n_features)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_features = draw(st.integers(1, 3))
    network, parameters = random_network(
        rng,
        n_features=n_features,
        hidden_layer_sizes=tuple(draw(st.lists(st.sampled_from([1, 3, 17, 33]), min_size=1,
                                               max_size=3))),
        pooling=draw(poolings),
        n_outputs=draw(st.sampled_from([1, 2, 9, 50])),
        dtype=draw(st.sampled_from(["float32", "float64"])),
    )  # fmt: skip
    shape = draw(st.integers(1, 8)), draw(st.sampled_from([1, 2, 5, 19, 70])), n_features
    scaling = SHIFT[:n_features].copy(), SCALE[:n_features].copy()
    return network, parameters, scaling, 3 * rng.normal(size=shape)


def whole(drawn, n_steps):
    """Raw predictions for the first steps, as `predict` computes them."""
    network, parameters, scaling, x = drawn
    sequences = as_sequences(list(x[:n_steps].transpose(1, 0, 2)))
    raw = Predictor(network, parameters, *scaling).predict_raw(sequences)
    if predicts_steps(network):
        raw = raw[n_steps - 1 :: n_steps]
    return raw


@settings(max_examples=60)
@given(networks())
def test_every_step_gives_the_bits_of_the_whole(drawn):
    network, parameters, scaling, x = drawn
    stream = NetworkStream(network, parameters, *scaling, x.shape[1])
    for t, step in enumerate(x):
        raw = stream.push(step)
        assert raw.dtype == network.dtype
        assert_array_equal(raw, whole(drawn, t + 1), strict=True)
    assert_array_equal(stream.n_steps, len(x))


@settings(max_examples=30)
@given(networks(), st.integers(0, 7), st.data())
def test_what_is_reset_or_restored_goes_on(drawn, n_before, data):
    network, parameters, scaling, x = drawn
    n_streams = x.shape[1]
    new = NetworkStream(network, parameters, *scaling, n_streams)
    stream = NetworkStream(network, parameters, *scaling, n_streams)
    for step in x[:n_before]:
        stream.push(100 * step + 7)
    state = stream.get_state()
    expected = [stream.push(step).copy() for step in x]
    new.set_state(state)
    for step, raw in zip(x, expected, strict=True):
        assert_array_equal(new.push(step), raw)
    streams = np.array(data.draw(st.lists(st.booleans(), min_size=n_streams, max_size=n_streams)))
    new.set_state(state)
    new.reset(streams)
    for t, step in enumerate(x):
        raw = new.push(step)
        assert_array_equal(raw[~streams], expected[t][~streams])
        assert_array_equal(raw[streams], whole(drawn, t + 1)[streams])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e60])
def test_a_step_that_is_refused_changes_nothing(rng, value):
    network, parameters = random_network(
        rng, n_features=3, hidden_layer_sizes=(5, 4), pooling=("mean", "max", "last"),
        dtype="float32",
    )  # fmt: skip
    stream = NetworkStream(network, parameters, SHIFT, SCALE, 2)
    x = rng.normal(size=(3, 2, 3))
    bad = x[2].copy()
    bad[1, 2] = value
    assert stream.push(bad) is None
    for step in x:
        assert stream.push(step) is not None
    before = stream.get_state()
    assert stream.push(bad) is None
    for found, expected in zip(stream.get_state(), before, strict=True):
        assert_array_equal(found, expected)


def test_a_state_that_is_not_finite_is_taken_back(rng):
    network, parameters = random_network(
        rng, hidden_layer_sizes=(5, 4), pooling=("mean", "max", "last"), dtype="float32"
    )
    views = network.layout.views(parameters)
    n_gate = np.s_[:, 10:]
    views["gru0.forward.W"][n_gate], views["gru0.forward.U"][n_gate] = 1000, 3e38
    stream = NetworkStream(network, parameters, np.zeros(2), np.ones(2), 2)
    for _ in range(3):
        assert np.isfinite(stream.push(np.ones((2, 2)))).all()
    before = stream.get_state()
    # To the candidate state, the input adds -inf and the state +inf.
    assert stream.push(np.array([[1.0, 1.0], [-1e36, -1e36]])) is None
    for found, expected in zip(stream.get_state(), before, strict=True):
        assert_array_equal(found, expected)
    assert stream.push(np.ones((2, 2))) is not None


def test_later_changes_of_parameters_are_not_seen(rng):
    network, parameters = random_network(rng)
    scaling = np.ones(2), np.ones(2)
    streams = [NetworkStream(network, parameters, *scaling, 1) for _ in range(2)]
    x = rng.normal(size=(3, 1, 2))
    expected = [streams[0].push(step).copy() for step in x]
    parameters[...] = 0
    for step, raw in zip(x, expected, strict=True):
        assert_array_equal(streams[1].push(step), raw)


def test_parameters_that_may_not_be_written(rng):
    network, parameters = random_network(rng)
    arrays = [parameters, SHIFT[:2].copy(), SCALE[:2].copy()]
    x = rng.normal(size=(1, 2))
    expected = NetworkStream(network, *arrays, 1).push(x)
    for array in arrays:
        array.flags.writeable = False
    assert_array_equal(NetworkStream(network, *arrays, 1).push(x), expected)
