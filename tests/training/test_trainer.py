"""The epoch loop: gradients of batches, penalty, clipping, what is called when."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import as_sequences
from skgru.models import GRUNetwork
from skgru.training import (
    SGD,
    AdamW,
    ConstantRate,
    CosineRate,
    Dataset,
    SquaredError,
    Stopping,
    Trainer,
)
from tests.reference.gru import numerical_gradient


def dataset(rng, n=90, longest=8):
    X = [rng.normal(size=(length, 2)) for length in rng.integers(1, longest, n)]
    target = rng.normal(size=(n, 2))
    return Dataset(as_sequences(X), np.arange(n), target, rng.uniform(0.5, 2, n))


def network_of(dtype="float64", **options):
    options = {"dropout": 0.0, "recurrent_dropout": 0.0, "pooling": ("mean", "last")} | options
    return GRUNetwork(
        2, (3,), bidirectional=True, n_outputs=2, dtype=dtype, loss=SquaredError(2), **options
    )


def trainer_of(network, **options):
    """A trainer and starting parameters; plain gradient descent unless told otherwise."""
    sgd = SGD(network.kernels, network.layout.size, network.dtype, 0.0, False)
    options = {
        "optimizer": sgd, "schedule": ConstantRate(0.1), "stopping": Stopping(np.inf, 0.0),
        "keep_best": False, "batch_size": 1000, "shuffle": False, "penalty": 0.0,
        "max_grad_norm": None, "n_threads": 1, "shift": np.zeros(2), "scale": np.ones(2),
        "random_state": np.random.RandomState(0),
    } | options  # fmt: skip
    parameters = network.layout.initialize(np.random.RandomState(1), network.dtype)
    return Trainer(network, **options), parameters


def batch_loss(trainer, parameters, data, batch, weight, seed, gradient):
    """The mean loss of a batch; its gradient is written."""
    on_device, feed = trainer.network.upload(parameters), trainer.feed(data)
    return trainer.gradient(on_device, feed, batch, weight, seed, gradient)[1:].sum() / weight


@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.3, 0.2)])
def test_the_gradient_of_a_batch_is_that_of_its_loss(rng, rates):
    # Of several shards, weighted, and with the masks of a seed.
    data = dataset(rng, 70, longest=4)
    network = network_of(dropout=rates[0], recurrent_dropout=rates[1])
    trainer, parameters = trainer_of(network, shift=np.array([0.5, 0]), scale=np.array([2, 0.5]))
    batch, gradient = np.arange(3, 70), network.new_gradient()
    weight = data.weight[batch].sum()

    def loss(values):
        seed = 7 if max(rates) > 0 else None
        return batch_loss(trainer, values, data, batch, weight, seed, network.new_gradient())

    batch_loss(trainer, parameters, data, batch, weight, 7 if max(rates) > 0 else None, gradient)
    expected = numerical_gradient(loss, [parameters])[0]
    assert_allclose(gradient.flat, expected, atol=1e-8)
    assert np.abs(expected).max() > 0.01


def test_an_epoch_is_a_step_for_each_batch_in_order(rng):
    data = dataset(rng)
    network = network_of()
    trainer, parameters = trainer_of(network, batch_size=40)
    expected, gradient = parameters.copy(), network.new_gradient()
    losses = []
    for batch in (np.arange(0, 40), np.arange(40, 80), np.arange(80, 90)):
        # A batch of light sequences makes a small step.
        weight = data.weight.mean() * len(batch)
        loss = batch_loss(trainer, expected, data, batch, weight, None, gradient)
        losses.append(loss * weight)
        expected -= 0.1 * gradient.flat
    result = trainer.run(parameters, data, 1)
    assert_allclose(result.parameters, expected, rtol=1e-12)
    assert_allclose(result.loss_curve, [sum(losses) / data.weight.sum()], rtol=1e-12)
    assert trainer.optimizer.n_updates == 3
    assert result.end == "max_iter"


def test_the_penalty_is_on_weights_and_divided_by_the_weight_of_the_batch(rng):
    data, network = dataset(rng), network_of()
    plain, start = trainer_of(network)
    penalised, _ = trainer_of(network, penalty=3.0)
    first, second = plain.run(start.copy(), data, 1), penalised.run(start.copy(), data, 1)
    n, total = network.layout.n_weights, data.weight.sum()
    difference = second.parameters - first.parameters
    assert_allclose(difference[:n], -0.1 * 3.0 / total * start[:n], rtol=1e-8, atol=1e-12)
    assert_allclose(difference[n:], 0, atol=1e-15)
    expected = 0.5 * 3.0 / total * np.sum(start[:n] ** 2)
    assert_allclose(second.loss_curve[0] - first.loss_curve[0], expected, rtol=1e-8)


def test_a_batch_without_weight_is_left_out(rng):
    data, network = dataset(rng), network_of()
    weight = np.where(np.arange(90) < 30, 0.0, data.weight)
    data = Dataset(data.sequences, data.indices, data.target, weight)
    trainer, start = trainer_of(network, batch_size=30)
    trainer.run(start, data, 1)
    assert trainer.optimizer.n_updates == 2


def test_long_gradients_are_shortened_and_short_ones_are_not(rng):
    data, network = dataset(rng), network_of()
    free, start = trainer_of(network)
    step = free.run(start.copy(), data, 1).parameters - start
    norm = np.linalg.norm(step) / 0.1
    for limit, expected in ((norm / 4, step / 4), (norm * 1.01, step)):
        trainer, _ = trainer_of(network, max_grad_norm=limit)
        assert_allclose(trainer.run(start.copy(), data, 1).parameters - start, expected, rtol=1e-8)


def test_the_learning_rate_follows_its_schedule_over_all_updates(rng):
    data, network = dataset(rng), network_of()
    rates = []

    class Spy(SGD):
        def update(self, parameters, gradient, rate, tables=()):
            rates.append(rate)

    spy = Spy(network.kernels, network.layout.size, network.dtype, 0.0, False)
    trainer, start = trainer_of(network, optimizer=spy, batch_size=30, schedule=CosineRate(0.2))
    trainer.run(start, data, 5)
    schedule = CosineRate(0.2)
    assert_allclose(rates, [schedule.rate((i + 0.5) / 15) for i in range(15)])


def test_shuffling_visits_every_sequence_once_in_a_new_order(rng, monkeypatch):
    data, network = dataset(rng), network_of()
    trainer, start = trainer_of(network, batch_size=20, shuffle=True)
    visited = []
    original = trainer.gradient

    def spy(parameters, training, batch, *rest):
        visited.append(batch)
        return original(parameters, training, batch, *rest)

    monkeypatch.setattr(trainer, "gradient", spy)
    some = Dataset(data.sequences, np.arange(5, 90), data.target, data.weight)
    trainer.run(start, some, 2)
    first, second = np.concatenate(visited[:5]), np.concatenate(visited[5:])
    assert_array_equal(np.sort(first), np.arange(5, 90))
    assert_array_equal(np.sort(second), np.arange(5, 90))
    assert (first != second).any()
    assert [len(batch) for batch in visited[:5]] == [20, 20, 20, 20, 5]


def test_dropout_masks_differ_between_batches_and_epochs(rng, monkeypatch):
    data, network = dataset(rng), network_of(dropout=0.5)
    trainer, start = trainer_of(network, batch_size=30)
    seeds = []
    original = trainer.gradient

    def spy(parameters, training, batch, weight, seed, gradient):
        seeds.append(seed)
        return original(parameters, training, batch, weight, seed, gradient)

    monkeypatch.setattr(trainer, "gradient", spy)
    trainer.run(start, data, 4)
    assert len(set(seeds)) == 12
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_validation_sees_the_network_without_dropout(rng):
    data, network = dataset(rng), network_of(dropout=0.9)
    trainer, start = trainer_of(network, schedule=ConstantRate(1e-30))
    part = Dataset(data.sequences, np.arange(7, 29), data.target, data.weight)
    seen = []

    def score(raw, target, weight):
        seen.append((raw, target, weight))
        return 0.25

    reports = []
    result = trainer.run(start, data, 2, validation=part, score=score, on_epoch=reports.append)
    assert result.validation_scores == [0.25, 0.25]
    raw, target, weight = seen[0]
    assert_array_equal(raw, seen[1][0])
    assert_array_equal(target, data.target[7:29])
    losses = [report.validation_loss for report in reports]
    trainer, start = trainer_of(network, schedule=ConstantRate(1e-30))
    assert trainer.run(start, data, 2, validation=part).validation_scores == [-x for x in losses]
    assert_array_equal(weight, data.weight[7:29])
    expected = np.average(0.5 * ((raw - target) ** 2).mean(axis=1), weights=weight)
    assert_allclose(reports[0].validation_loss, expected)
    assert [report.epoch for report in reports] == [0, 1]


def test_what_is_called_when(rng):
    data, network = dataset(rng), network_of()
    trainer, start = trainer_of(network)
    events = []

    def on_epoch(report):
        events.append(f"end {report.epoch}")
        return report.epoch == 1

    result = trainer.run(
        start, data, 9, before_epoch=lambda: events.append("begin"), on_epoch=on_epoch
    )
    assert events == ["begin", "end 0", "begin", "end 1"]
    assert result.end == "callback"
    assert len(result.loss_curve) == 2


def test_the_best_parameters_are_kept_beside_the_last(rng):
    data, network = dataset(rng), network_of()
    trainer, start = trainer_of(network, keep_best=True, stopping=Stopping(1, 0.0))
    scores, seen = iter([0.1, 0.9, 0.5, 0.3, 0.2]), []
    result = trainer.run(
        start, data, 5, validation=data, score=lambda *args: next(scores),
        on_epoch=lambda report: seen.append(report.parameters.copy()),
    )  # fmt: skip
    assert result.end == "plateau"
    assert len(seen) == 4
    assert_array_equal(result.parameters, seen[1])
    assert_array_equal(start, seen[3])  # changed in place: the last ones


def test_state_goes_to_a_like_trainer_and_what_is_of_another_kind_starts_afresh(rng):
    data, network = dataset(rng), network_of()
    trainer, start = trainer_of(network, keep_best=True, shuffle=True)
    trainer.run(start, data, 2, validation=data, score=lambda *args: 0.5)
    state = trainer.get_state()
    like, _ = trainer_of(network, keep_best=True)
    like.set_state(state)
    assert like.optimizer.n_updates == 2
    assert like.stopping.best_score == 0.5
    assert like.random_state.randint(2**31) == trainer.random_state.randint(2**31)
    adamw = AdamW(network.kernels, network.layout.size, "float64", 0.9, 0.999, 1e-8, 0.1, 10)
    other, _ = trainer_of(network, optimizer=adamw)
    other.set_state(state)
    assert other.optimizer.n_updates == 0
    assert other.stopping.best_score == -np.inf


def test_a_network_of_float32_stays_so(rng):
    data, network = dataset(rng), network_of("float32")
    adamw = AdamW(network.kernels, network.layout.size, "float32", 0.9, 0.999, 1e-8, 0.1, 10)
    trainer, start = trainer_of(network, optimizer=adamw, penalty=0.1, max_grad_norm=0.5)
    result = trainer.run(start, data, 2)
    assert result.parameters.dtype == np.float32
    assert all(a.dtype == np.float32 for a in adamw.buffers.values())
