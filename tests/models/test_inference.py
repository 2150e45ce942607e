"""Prediction over a data set: for any number of threads and chunks, the same bits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import as_sequences
from skgru.models import Predictor, _inference
from tests.reference import gru as ref

from .networks import Engine, oracle_raw, random_network, random_sequences, rows_of

SHIFT, SCALE = np.array([1.0, -2.0]), np.array([0.5, 3.0])


@pytest.fixture(params=[("attention", "last"), None], ids=["pooled", "every step"])
def setup(request, rng):
    network, parameters = random_network(rng, pooling=request.param)
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
    assert_array_equal(found, expected[rows_of(network, x, indices)])


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("chunk", [7, 4096])
@pytest.mark.parametrize("setup", [("attention", "last")], indirect=True)
def test_attention_weights_of_every_sequence(setup, monkeypatch, chunk, n_threads):
    network, parameters, x, predictor = setup
    monkeypatch.setattr(_inference, "_CHUNK_SEQUENCES", chunk)
    views = network.layout.views(parameters)
    direction = ref.Direction(*(views[f"gru0.forward.{a}"] for a in ("W", "U", "b", "b_hn")))
    sequences = as_sequences(x)
    found = predictor.attention(sequences, n_threads)
    found = np.split(found[:, 0], sequences.offsets[1:-1])
    assert len(found) == len(x)
    for weights, sequence in zip(found, x, strict=True):
        states = ref.layer_states((sequence - SHIFT) * SCALE, [direction])
        expected = ref.attention_weights(states, views["pooling.query"][0])
        assert_allclose(weights, expected, rtol=1e-12)


@pytest.mark.parametrize("chunk", [7, 4096])
def test_states_and_pooled_vectors_agree_with_the_oracle(rng, monkeypatch, chunk):
    monkeypatch.setattr(_inference, "_CHUNK_SEQUENCES", chunk)
    options = {"hidden_layer_sizes": (3, 5), "bidirectional": True, "pooling": ("max", "last")}
    network, parameters = random_network(rng, **options)
    network.shard_limits = 4, 1000
    x = random_sequences(rng, lengths=rng.integers(1, 12, size=50))
    predictor, sequences = Predictor(network, parameters, SHIFT, SCALE), as_sequences(x)
    views = network.layout.views(parameters)
    layers = [
        [
            ref.Direction(*(views[f"gru{i}.{d}.{a}"] for a in ("W", "U", "b", "b_hn")))
            for d in ("forward", "backward")
        ]
        for i in range(2)
    ]
    scaled = [(sequence - SHIFT) * SCALE for sequence in x]
    for layer, below in ((0, layers[:1]), (1, layers), (-1, layers)):
        expected = np.vstack([ref.stack_states(sequence, below) for sequence in scaled])
        for n_threads in (1, 2):
            found = predictor.states(sequences, layer, n_threads)
            assert_allclose(found, expected, rtol=0, atol=1e-13)
    states = [ref.stack_states(sequence, layers) for sequence in scaled]
    expected = np.array([ref.pool(s, ("max", "last"), n_directions=2) for s in states])
    assert_allclose(predictor.pooled(sequences), expected, rtol=0, atol=1e-13)
