"""The whole network: against the oracle, finite differences, and itself in other batches."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.reference import gru as ref

from .networks import (
    LENGTHS,
    SEED,
    Engine,
    oracle_raw,
    predicts_steps,
    random_network,
    random_sequences,
    rows_of,
)

KINDS = ("last", "mean", "max", "attention")
POOLINGS = [chosen for n in range(1, 5) for chosen in combinations(KINDS, n)]

#: Everything at once, and then less.
ARCHITECTURES = {
    "one layer": {},
    "wide": {"hidden_layer_sizes": (33,), "n_features": 5},
    "bidirectional": {"bidirectional": True, "pooling": ("last", "mean")},
    "stacked": {"hidden_layer_sizes": (3, 2, 4), "pooling": ("max", "last")},
    "stacked, bidirectional": {
        "hidden_layer_sizes": (2, 9),
        "bidirectional": True,
        "pooling": ("attention", "last", "max"),
    },
    "dropout": {"hidden_layer_sizes": (3, 4), "dropout": 0.4, "pooling": ("mean", "last")},
    "recurrent dropout": {"recurrent_dropout": 0.4},
    "all": {
        "hidden_layer_sizes": (9, 2),
        "bidirectional": True,
        "pooling": KINDS,
        "dropout": 0.3,
        "recurrent_dropout": 0.4,
        "n_outputs": 3,
    },
    "every step": {"pooling": None},
    "every step, all": {
        "hidden_layer_sizes": (9, 2),
        "bidirectional": True,
        "pooling": None,
        "dropout": 0.3,
        "recurrent_dropout": 0.4,
        "n_outputs": 3,
    },
}

architectures = pytest.mark.parametrize("options", ARCHITECTURES.values(), ids=ARCHITECTURES)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@both_dtypes
@architectures
def test_raw_predictions_agree_with_the_oracle(rng, options, dtype, training):
    network, parameters = random_network(rng, dtype=dtype, **options)
    x = random_sequences(rng, network.n_features, dtype=dtype)
    seed = SEED if training else None
    found = Engine(network, parameters).forward(x, seed=seed)
    expected = oracle_raw(network, parameters.astype(float), x, seed)
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert_allclose(found, expected, rtol=0, atol=tolerance)
    if network.has_dropout:
        without = oracle_raw(network, parameters.astype(float), x, None)
        assert training == (np.abs(found - without).max() > 0.01)


def random_gradient(rng, network, x):
    n_rows = sum(map(len, x)) if predicts_steps(network) else len(x)
    return rng.normal(size=(n_rows, network.n_outputs))


def check_gradient(rng, seed=None, **options):
    """Compare every entry of the gradient with finite differences."""
    network, parameters = random_network(rng, **options)
    x = random_sequences(rng, network.n_features)
    d_raw = random_gradient(rng, network, x)
    engine = Engine(network, parameters)

    def weighted_output(parameters):
        network.pack(network.upload(parameters), engine.packed, False)
        return np.sum(d_raw * engine.forward(x, seed=seed))

    raw, found = engine.gradient(x, d_raw, seed=seed)
    assert_array_equal(raw, engine.forward(x, seed=seed))
    (expected,) = ref.numerical_gradient(weighted_output, [parameters])
    theirs = network.layout.views(expected)
    for name, values in network.layout.views(found).items():
        assert np.abs(theirs[name]).max() > 1e-4, name
        assert_allclose(values, theirs[name], rtol=1e-6, atol=2e-8, err_msg=name)


@architectures
def test_gradient_agrees_with_finite_differences(rng, options):
    check_gradient(rng, SEED, **options)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS, ids="+".join)
def test_gradient_of_every_combination_of_poolings(rng, pooling, bidirectional):
    check_gradient(rng, pooling=pooling, bidirectional=bidirectional)


def test_order_of_poolings_is_the_order_of_their_columns(rng):
    for pooling in (("max", "last"), ("last", "max")):
        network, parameters = random_network(rng, pooling=pooling)
        x = random_sequences(rng)
        expected = oracle_raw(network, parameters, x)
        assert_allclose(Engine(network, parameters).forward(x), expected, rtol=0, atol=1e-13)


@architectures
def test_float32_gradient_is_close_to_that_in_float64(rng, options):
    options = options | {"dropout": 0.0, "recurrent_dropout": 0.0}
    network, parameters = random_network(rng, **options)
    x = random_sequences(rng, network.n_features)
    d_raw = random_gradient(rng, network, x)
    _, expected = Engine(network, parameters).gradient(x, d_raw)
    single, _ = random_network(rng, dtype="float32", **options)
    engine = Engine(single, parameters.astype("float32"))
    _, found = engine.gradient(x, d_raw.astype("float32"))
    assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@architectures
def test_gradient_of_shards_adds_up(rng, options):
    network, parameters = random_network(rng, **options)
    x = random_sequences(rng, network.n_features)
    d_raw = random_gradient(rng, network, x)
    engine = Engine(network, parameters)
    raw, whole = engine.gradient(x, d_raw, seed=SEED)
    for shard_size in (1, 4):
        # Dropout included: a mask depends on the position of a sequence in its batch.
        raw_cut, cut = engine.gradient(x, d_raw, shard_size=shard_size, seed=SEED)
        assert_array_equal(raw_cut, raw)
        assert_allclose(cut, whole, rtol=0, atol=1e-13 * np.abs(whole).max())


@settings(max_examples=40)
@given(
    st.sampled_from(list(ARCHITECTURES)),
    st.sampled_from(["float32", "float64"]),
    st.lists(st.integers(1, 8), min_size=1, max_size=40),
    st.integers(1, 33),
    st.integers(0, 2**32 - 1),
)
def test_a_prediction_belongs_to_its_sequence(name, dtype, lengths, shard_size, seed):
    rng = np.random.default_rng(seed)
    network, parameters = random_network(rng, dtype=dtype, **ARCHITECTURES[name])
    x = random_sequences(rng, network.n_features, lengths, dtype)
    engine = Engine(network, parameters)
    together = engine.forward(x)
    order = rng.permutation(len(x))
    found = engine.forward(x, order, shard_size=shard_size)
    assert_array_equal(found, together[rows_of(network, x, order)])
    for i in order[:3]:
        assert_array_equal(engine.forward([x[i]]), together[rows_of(network, x, [i])])


@architectures
def test_seed_picks_the_masks(rng, options):
    network, parameters = random_network(rng, **options)
    x = random_sequences(rng, network.n_features)
    engine = Engine(network, parameters)
    has_dropout = network.has_dropout
    first = engine.forward(x, seed=1)
    assert_array_equal(engine.forward(x, seed=1), first)
    assert np.array_equal(engine.forward(x, seed=2), first) != has_dropout
    assert np.array_equal(engine.forward(x), first) != has_dropout


@pytest.mark.parametrize("bidirectional", [False, True])
def test_nan_shows_in_the_prediction_of_its_sequence_alone(rng, bidirectional):
    network, parameters = random_network(
        rng, pooling=KINDS, hidden_layer_sizes=(3, 3), bidirectional=bidirectional
    )
    x = random_sequences(rng)
    engine = Engine(network, parameters)
    healthy = engine.forward(x)
    x[3][1, 0] = np.nan
    is_sick = np.arange(len(LENGTHS)) == 3
    found = engine.forward(x)
    assert np.isnan(found[is_sick]).all()
    assert_array_equal(found[~is_sick], healthy[~is_sick])


def test_attention_weights_agree_with_the_oracle(rng):
    network, parameters = random_network(rng, pooling=("attention",), bidirectional=True)
    x = random_sequences(rng)
    engine = Engine(network, parameters)
    views = network.layout.views(parameters)
    directions = [
        ref.Direction(*(views[f"gru0.{d}.{a}"] for a in ("W", "U", "b", "b_hn")))
        for d in ("forward", "backward")
    ]
    for shard, _, rows in engine._shards(x, None, 4):
        layers = network.stack.forward(rows, shard, engine.packed, engine.workspace)
        weights = network.output.readout.attention(
            layers[-1].states, shard, engine.packed, engine.workspace
        )
        for i, index in enumerate(shard.indices):
            states = ref.layer_states(x[index], directions)
            expected = ref.attention_weights(states, views["pooling.query"].ravel())
            assert_allclose(weights[shard.block[: shard.lengths[i]] + i], expected, rtol=1e-12)
