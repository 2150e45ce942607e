"""Networks with embeddings: against the oracle, and themselves in other batches and in streams."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import as_sequences, cut_into_shards
from skgru.kernels import cpu
from skgru.models import NetworkStream, Predictor, _inference, make_feed

from .embeddings import SCALE, SHIFT, TABLES, embedded, symbol_network, symbol_sequences
from .networks import SEED, oracle_raw, random_network, random_sequences, rows_of

ARCHITECTURES = {
    "symbols alone": {"n_features": 0},
    "mixed": {"n_features": 2, "pooling": ("mean", "last")},
    "many numbers": {"n_features": 17},
    "all": {
        "n_features": 2,
        "hidden_layer_sizes": (9, 2),
        "bidirectional": True,
        "pooling": ("attention", "max"),
        "dropout": 0.3,
        "recurrent_dropout": 0.4,
    },
    "every step": {"n_features": 2, "pooling": None, "dropout": 0.3},
}

architectures = pytest.mark.parametrize("options", ARCHITECTURES.values(), ids=ARCHITECTURES)


def scaling(network):
    n = network.n_features
    return np.linspace(1, -2, n), np.linspace(0.5, 3, n)


def raw_of(network, parameters, sequences, seed):
    """Raw predictions of all sequences in shards of four, with the masks of a seed."""
    feed = make_feed(network, sequences, *scaling(network))
    (workspace,), packed = network.new_workspaces(1), network.new_packed()
    network.pack(network.upload(parameters), packed, False)
    counts = network.row_counts(sequences.lengths)
    starts, raw = np.cumsum(counts) - counts, np.empty((counts.sum(), network.n_outputs))
    for shard in cut_into_shards(np.arange(len(sequences)), sequences.lengths, 4, 1000):
        loaded = network._load(feed, shard, packed, workspace, seed)
        found = network.forward(loaded.x, shard, packed, workspace, seed=seed).raw
        network.output.readout.scatter(found, shard, starts[shard.positions], raw)
    return raw


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@architectures
def test_raw_predictions_agree_with_the_oracle(rng, options, dtype, training):
    network, parameters = symbol_network(rng, dtype=dtype, **options)
    sequences = symbol_sequences(rng, n_features=network.n_features)
    seed = SEED if training else None
    x = embedded(network, parameters, sequences, *scaling(network), seed)
    expected = oracle_raw(network, parameters.astype(float), x, seed)
    found = raw_of(network, parameters, sequences, seed)
    assert_allclose(found, expected, rtol=0, atol=1e-13 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("pooling", [("attention", "last"), None], ids=["pooled", "every step"])
def test_the_bits_of_a_prediction_do_not_depend_on_the_batch(rng, monkeypatch, pooling):
    network, parameters = symbol_network(rng, pooling=pooling, dtype="float32")
    network.shard_limits = 4, 1000
    sequences = symbol_sequences(rng, lengths=rng.integers(1, 12, size=50))
    predictor = Predictor(network, parameters, SHIFT, SCALE)
    expected = predictor.predict_raw(sequences)
    x = [sequences[i] for i in range(50)]
    for n_threads in (1, 2, 3):
        for chunk in (3, 4096):
            monkeypatch.setattr(_inference, "_CHUNK_SEQUENCES", chunk)
            found = predictor.predict_raw(sequences, n_threads=n_threads)
            assert_array_equal(found, expected)
    for indices in ([7], [49, 3, 3, 20, 0, 7, 8, 9]):
        found = predictor.predict_raw(sequences, np.array(indices))
        assert_array_equal(found, expected[rows_of(network, x, indices)])


@pytest.mark.parametrize("n_features", [0, 2])
def test_a_stream_has_the_bits_of_predictions(rng, n_features):
    network, parameters = symbol_network(rng, n_features=n_features, pooling=None, dtype="float32")
    sequences = symbol_sequences(rng, n_features=n_features, lengths=(6, 6, 6))
    scales = scaling(network)
    expected = Predictor(network, parameters, *scales).predict_raw(sequences)
    stream = NetworkStream(network, parameters, *scales, 3)
    parameters[...] = 0  # later changes of parameters are not seen
    for t in range(6):
        rows = sequences.offsets[:-1] + t
        assert_array_equal(stream.push(sequences.values[rows], sequences.codes[rows]),
                           expected[rows])  # fmt: skip


def test_inner_states_are_those_of_embedded_sequences(rng):
    network, parameters = symbol_network(rng, pooling=("attention",))
    plain, _ = random_network(rng, n_features=network.n_inputs, pooling=("attention",))
    sequences = symbol_sequences(rng)
    n_tables = network.layout.size - network.layout.n_dense
    x = embedded(network, parameters, sequences)
    inputs = type(sequences)(np.concatenate(x), sequences.offsets, "ragged")
    ours = Predictor(network, parameters, SHIFT, SCALE)
    n = network.n_inputs
    theirs = Predictor(plain, parameters[:-n_tables], np.zeros(n), np.ones(n))
    for method in ("states", "pooled", "attention"):
        found, expected = (getattr(p, method) for p in (ours, theirs))
        assert_array_equal(found(sequences), expected(inputs), err_msg=method)


def test_tables_come_last_and_are_no_weights(rng):
    network, _ = symbol_network(rng)
    layout = network.layout
    places = layout.views(np.arange(layout.size))
    for i, (n_rows, n_columns, _) in enumerate(TABLES):
        assert places[f"embedding{i}.E"].shape == (n_rows, n_columns)
        assert (places[f"embedding{i}.E"] >= layout.n_dense).all()
    others = [view.max() for name, view in places.items() if "embedding" not in name]
    assert max(others) == layout.n_dense - 1 > layout.n_weights
    assert places["gru0.forward.W"].shape == (4 + 3 + 2, 9)


def test_the_shared_row_begins_as_the_mean(rng):
    network, _ = symbol_network(rng, tables=(*TABLES, (1, 2, False)))
    views = network.layout.views(network.layout.initialize(np.random.RandomState(0), np.float64))
    mean, rare = views["embedding0.E"], views["embedding1.E"]
    assert_allclose(mean[0], mean[1:].mean(axis=0), rtol=1e-15)
    assert np.abs(rare[0] - rare[1:].mean(axis=0)).max() > 1e-3
    assert np.isfinite(views["embedding2.E"]).all()


def test_numeric_networks_call_no_kernel_of_embeddings(rng, monkeypatch):
    def fail(*arguments):
        raise AssertionError

    for name in ("pack_codes", "embed", "add_rows", "take_rows", "put_rows", "group_rows"):
        monkeypatch.setattr(cpu, name, fail)
    network, parameters = random_network(rng)
    sequences = as_sequences(random_sequences(rng))
    Predictor(network, parameters, SHIFT, SCALE).predict_raw(sequences)
    NetworkStream(network, parameters, SHIFT, SCALE, 1).push(np.zeros((1, 2)))
