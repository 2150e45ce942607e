"""Prediction over a data set: for any number of threads and chunks, the same bits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import as_sequences
from skgru.models import Predictor, _inference
from tests.reference import gru as ref

from .networks import Engine, oracle_raw, random_network, random_sequences

SHIFT, SCALE = np.array([1.0, -2.0]), np.array([0.5, 3.0])


@pytest.fixture
def setup(rng):
    network, parameters = random_network(rng, pooling=("attention", "last"))
    network.shard_limits = 4, 1000
    x = random_sequences(rng, lengths=rng.integers(1, 12, size=50))
    return network, parameters, x, Predictor(network, parameters, SHIFT, SCALE)


def test_predictions_are_those_of_standardised_sequences(setup):
    network, parameters, x, predictor = setup
    scaled = [(sequence - SHIFT) * SCALE for sequence in x]
    found = predictor.predict_raw(as_sequences(x))
    assert_allclose(found, oracle_raw(network, parameters, scaled), rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("chunk", [3, 7, 4096])
def test_threads_and_chunks_make_no_difference(setup, monkeypatch, chunk, n_threads):
    network, parameters, x, predictor = setup
    scaled = [(sequence - SHIFT) * SCALE for sequence in x]
    expected = Engine(network, parameters).forward(scaled)
    monkeypatch.setattr(_inference, "_CHUNK_SEQUENCES", chunk)
    sequences = as_sequences(x)
    assert_array_equal(predictor.predict_raw(sequences, n_threads=n_threads), expected)
    indices = np.array([49, 3, 3, 20, 0, 7, 8, 9])
    found = predictor.predict_raw(sequences, indices, n_threads)
    assert_array_equal(found, expected[indices])


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("chunk", [7, 4096])
def test_attention_weights_of_every_sequence(setup, monkeypatch, chunk, n_threads):
    network, parameters, x, predictor = setup
    monkeypatch.setattr(_inference, "_CHUNK_SEQUENCES", chunk)
    views = network.layout.views(parameters)
    direction = ref.Direction(*(views[f"gru0.forward.{a}"] for a in ("W", "U", "b", "b_hn")))
    found = predictor.attention(as_sequences(x), n_threads)
    assert len(found) == len(x)
    for weights, sequence in zip(found, x, strict=True):
        states = ref.layer_states((sequence - SHIFT) * SCALE, [direction])
        expected = ref.attention_weights(states, views["attention.query"][0])
        assert_allclose(weights, expected, rtol=1e-12)
