"""Training of embeddings: gradients, fixed bits, rows that a batch does not touch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.models import GRUNetwork
from skgru.training import (
    SGD,
    Adam,
    AdamW,
    ConstantRate,
    Dataset,
    RMSprop,
    SquaredError,
    Stopping,
    Trainer,
)
from tests.models.embeddings import SCALE, SHIFT, TABLES, symbol_sequences
from tests.reference.gru import numerical_gradient

OPTIMIZERS = {
    "adam": lambda *sizes: Adam(*sizes, 0.8, 0.9, 1e-6),
    "adamw": lambda *sizes: AdamW(*sizes, 0.8, 0.9, 1e-6, 0.3, 10),
    "rmsprop": lambda *sizes: RMSprop(*sizes, 0.9, 1e-6),
    "sgd": lambda *sizes: SGD(*sizes, 0.7, True),
}


def network_of(tables=TABLES, n_features=2, dtype="float64", **options):
    options = {
        "hidden_layer_sizes": (3,), "bidirectional": True, "pooling": ("mean", "last"),
        "dropout": 0.0, "recurrent_dropout": 0.0,
    } | options  # fmt: skip
    return GRUNetwork(
        n_features, n_outputs=2, dtype=dtype, loss=SquaredError(2), embeddings=tables, **options
    )


def dataset(rng, network, n=70, longest=5, tables=TABLES):
    sequences = symbol_sequences(rng, tables, network.n_features, rng.integers(1, longest, n))
    counts = network.row_counts(sequences.lengths)
    n_rows = counts.sum()
    row_offsets = None if n_rows == n else np.concatenate([[0], np.cumsum(counts)])
    target, weight = rng.normal(size=(n_rows, 2)), rng.uniform(0.5, 2, n_rows)
    return Dataset(sequences, np.arange(n), target, weight, row_offsets)


def trainer_of(network, optimizer="sgd", **options):
    options = {
        "schedule": ConstantRate(0.1), "stopping": Stopping(np.inf, 0.0), "keep_best": False,
        "batch_size": 20, "shuffle": True, "penalty": 0.0, "max_grad_norm": None, "n_threads": 1,
        "shift": SHIFT[: network.n_features], "scale": SCALE[: network.n_features],
        "random_state": np.random.RandomState(0),
    } | options  # fmt: skip
    if isinstance(optimizer, str):
        make = OPTIMIZERS[optimizer]
        optimizer = make(network.kernels, network.layout.size, network.dtype)
    parameters = network.layout.initialize(np.random.RandomState(1), network.dtype)
    return Trainer(network, optimizer, **options), parameters


def whole(network, gradient):
    """A gradient of a batch in the layout of the parameters."""
    n, found = network.layout.n_dense, np.zeros(network.layout.size)
    found[:n] = gradient.flat[:n]
    for table in gradient.tables:
        rows = found[table.table].reshape(table.table_shape)
        assert len(set(table.rows.tolist())) == len(table.rows)
        rows[table.rows] = gradient.flat[table.gradient].reshape(table.shape)
    return found


def gradient_of(trainer, parameters, data, batch, seed=None):
    """Mean loss and gradient of a batch."""
    network, gradient = trainer.network, trainer.network.new_gradient()
    weight = data.sequence_weight[batch].sum()
    feed, on_device = trainer.feed(data), network.upload(parameters)
    losses = trainer.gradient(on_device, feed, batch, weight, seed, gradient)
    return losses[1:].sum() / weight, gradient


@pytest.mark.parametrize(
    "options",
    [
        {"n_features": 0, "bidirectional": False, "tables": ((6, 5, False),)},
        {"hidden_layer_sizes": (3, 2)},
        {"dropout": 0.3, "recurrent_dropout": 0.2},
        {"pooling": None, "dropout": 0.3},
    ],
    ids=["symbols alone", "stacked", "dropout", "every step"],
)
def test_the_gradient_of_a_batch_is_that_of_its_loss(rng, options):
    # Of several shards, weighted; some rows of the tables are not touched.
    tables = options.get("tables", TABLES)
    network = network_of(**options)
    data = dataset(rng, network, tables=tables)
    data.sequences.codes[data.sequences.codes == 4] = 1
    trainer, parameters = trainer_of(network)
    parameters += 0.3 * rng.normal(size=parameters.size)
    batch, seed = np.arange(3, 70), 7 if network.has_dropout else None

    def loss(values):
        return gradient_of(trainer, values, data, batch, seed)[0]

    _, found = gradient_of(trainer, parameters, data, batch, seed)
    expected = numerical_gradient(loss, [parameters])[0]
    assert_allclose(whole(network, found), expected, atol=1e-8)
    for i in range(len(tables)):
        table = network.layout.views(expected)[f"embedding{i}.E"]
        assert np.abs(table).max() > 1e-3 and not table[4].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(rng, dtype):
    network = network_of(dtype=dtype, dropout=0.2)
    data = dataset(rng, network, 100)
    results = []
    for n_threads in (1, 2, 3):
        network = network_of(dtype=dtype, dropout=0.2)
        network.shard_limits = 2, 1000  # several waves of shards in a batch
        trainer, start = trainer_of(
            network, "adam", n_threads=n_threads, batch_size=60, max_grad_norm=0.1, penalty=0.1
        )
        results.append(trainer.run(start, data, 2))
    for result in results[1:]:
        assert_array_equal(result.parameters, results[0].parameters)
        assert result.loss_curve == results[0].loss_curve


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_resumes_exactly(rng, optimizer):
    network = network_of(dropout=0.2)
    data = dataset(rng, network)
    trainer, start = trainer_of(network, optimizer)
    expected = trainer.run(start.copy(), data, 4)
    first, _ = trainer_of(network, optimizer)
    part = first.run(start.copy(), data, 2)
    second, _ = trainer_of(network, optimizer)
    second.set_state(part.state)
    found = second.run(part.last_parameters.copy(), data, 2)
    assert_array_equal(found.parameters, expected.parameters)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_untouched_rows_and_their_means_stay_and_others_make_the_dense_step(rng, optimizer):
    tables = ((9, 4, True), (5, 3, True))
    network = network_of(tables)
    data = dataset(rng, network, 40, tables=tables)
    data.sequences.codes[:, 0] %= 6
    trainer, start = trainer_of(network, optimizer, shuffle=False, penalty=2.0)
    first = trainer.run(start.copy(), data, 1)
    state = first.state["optimizer"]
    # Now only codes below 3 occur, and the first of two batches has code 0 alone.
    offset = data.sequences.offsets[20]
    data.sequences.codes[:offset, 0] = 0
    data.sequences.codes[offset:, 0] %= 3
    second = trainer.run(first.last_parameters.copy(), data, 1)
    place = network.layout.place("embedding0.E")

    def rows(flat):
        return flat[place].reshape(9, 4)

    before, after = rows(first.parameters), rows(second.parameters)
    assert_array_equal(after[3:], before[3:])
    assert (after[:3] != before[:3]).all()
    assert_array_equal(before[6:], rows(start)[6:])
    for name in trainer.optimizer.buffer_names:
        means, later = rows(state[name]), rows(second.state["optimizer"][name])
        assert_array_equal(later[3:], means[3:])
        assert (later[:3] != means[:3]).all() and means[3:6].all() and not means[6:].any()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_row_makes_the_step_of_a_dense_parameter(rng, optimizer):
    """With every row touched in every batch, tables train as if the gradient were dense."""
    tables = ((3, 4, True), (2, 3, True))
    network = network_of(tables)
    data = dataset(rng, network, 40, tables=tables)
    trainer, found = trainer_of(network, optimizer)
    expected = found.copy()
    on_device, feed = network.upload(found), trainer.feed(data)
    dense = OPTIMIZERS[optimizer](network.kernels, network.layout.size, network.dtype)
    for batch in (np.arange(20), np.arange(20, 40)):
        _, gradient = gradient_of(trainer, expected, data, batch)
        assert [len(table.rows) for table in gradient.tables] == [3, 2]
        dense.update(expected, whole(network, gradient), 0.1)
        weight = data.weight[batch].sum()
        trainer.gradient(on_device, feed, batch, weight, None, gradient)
        trainer.optimizer.update(on_device.flat, gradient.flat, 0.1, gradient.tables)
        assert_array_equal(found, expected)


def test_clipping_sees_the_norm_of_the_whole_gradient(rng):
    network = network_of()
    data = dataset(rng, network)
    free, start = trainer_of(network, batch_size=100, optimizer=plain(network))
    start += 0.3 * rng.normal(size=start.size)
    _, gradient = gradient_of(free, start, data, np.arange(70))
    norm = np.linalg.norm(whole(network, gradient))
    n = network.layout.n_dense
    assert norm > 1.001 * np.linalg.norm(gradient.flat[:n])
    rows = np.ones(start.size, bool)
    rows[network.layout.place("embedding0.E")][:4] = False  # set to the mean after the epoch
    step = (free.run(start.copy(), data, 1).parameters - start)[rows]
    for limit, expected in ((norm / 4, step / 4), (norm * 1.01, step)):
        trainer, _ = trainer_of(
            network, batch_size=100, optimizer=plain(network), max_grad_norm=limit
        )
        found = (trainer.run(start.copy(), data, 1).parameters - start)[rows]
        assert_allclose(found, expected, rtol=1e-7, atol=1e-15)


def plain(network):
    return SGD(network.kernels, network.layout.size, network.dtype, 0.0, False)


@pytest.mark.parametrize("solver", ["penalty", "adamw"])
def test_tables_are_exempt_from_the_penalty(rng, solver):
    network = network_of()
    data = dataset(rng, network)
    data.sequences.codes[...] = 1
    results = []
    for strength in (0.0, 0.5):
        if solver == "penalty":
            trainer, start = trainer_of(network, plain(network), penalty=strength, batch_size=100)
        else:
            n = network.layout.n_weights
            optimizer = AdamW(
                network.kernels, network.layout.size, network.dtype, 0.9, 0.999, 1e-8, strength, n
            )
            trainer, start = trainer_of(network, optimizer, batch_size=100)
        results.append(trainer.run(start, data, 1).parameters)
    changed, n = results[0] != results[1], network.layout.n_weights
    assert changed[:n].all() and not changed[n:].any()


def test_the_shared_row_is_the_mean_of_the_others_unless_it_is_trained(rng):
    network = network_of()
    data = dataset(rng, network)
    validation = dataset(rng, network)
    data.sequences.codes[:, 0] = np.maximum(data.sequences.codes[:, 0], 1)
    validation.sequences.codes[...] = 0  # unknown symbols
    seen = []

    def score(raw, target, weight):
        seen.append(raw.copy())
        return 0.0

    trainer, start = trainer_of(network)
    result = trainer.run(start.copy(), data, 1, validation=validation, score=score)
    views = network.layout.views(result.parameters)
    table = views["embedding0.E"]
    assert_array_equal(table[0], table[1:].mean(axis=0))
    before = network.layout.views(start)["embedding1.E"]
    assert (views["embedding1.E"][0] != before[0]).all()
    # Validation data were predicted with that mean.
    _, start = trainer_of(network)
    trainer, start = trainer_of(network, plain(network), schedule=ConstantRate(0.0))
    start[:] = result.parameters
    trainer.run(start, data, 1, validation=validation, score=score)
    assert_array_equal(seen[1], seen[0])


def test_a_batch_of_one_sequence_after_a_large_one_forgets_it(rng):
    network = network_of()
    data = dataset(rng, network)
    trainer, parameters = trainer_of(network)
    batches = np.arange(70), np.array([5]), np.arange(30)
    gradient, feed = network.new_gradient(), trainer.feed(data)
    on_device = network.upload(parameters)
    for batch in batches:
        trainer.gradient(on_device, feed, batch, 10.0, None, gradient)
        _, fresh = gradient_of(trainer, parameters, data, batch)
        scale = data.weight[batch].sum() / 10.0
        rows = np.concatenate(
            [data.sequences.codes[slice(*data.sequences.offsets[i : i + 2])] for i in batch]
        )
        for k, table in enumerate(gradient.tables):
            assert set(table.rows.tolist()) == set(rows[:, k].tolist())
        assert_allclose(whole(network, gradient), scale * whole(network, fresh), rtol=1e-9,
                        atol=1e-15)  # fmt: skip
