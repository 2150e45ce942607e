"""Fourth rung: the same seed gives the same bits, wherever the data lie and in any batch."""

from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.training import Trainer

from .device import size
from .problems import DATA, FEW, SMALL, load, model_of, outputs

all_data_sets = pytest.mark.parametrize(
    "data", [*DATA, pytest.param(FEW, marks=pytest.mark.emulator)]
)

#: Everything that draws random numbers, and several batches in an epoch.
STATEFUL = {
    "hidden_layer_sizes": (40, 24), "dropout": 0.2, "recurrent_dropout": 0.2,
    "batch_size": 100, "learning_rate": "constant", "max_iter": size(4, 2),
}  # fmt: skip


def make(data, **options):
    """A model of a data set, with everything that draws random numbers."""
    return model_of(data, **STATEFUL | (SMALL if data == FEW else {}) | options)


@all_data_sets
@pytest.mark.parametrize(
    "precision", ["fp32", "tf32", pytest.param("bf16", marks=pytest.mark.emulator(False))]
)
def test_two_fits(data, precision):
    X, y = load(data)
    one, other = (make(data, precision=precision).fit(X, y) for _ in range(2))
    assert_array_equal(one._parameters, other._parameters)
    assert one.loss_curve_ == other.loss_curve_
    assert_array_equal(outputs(one, X), outputs(other, X))


@all_data_sets
def test_training_resumes_to_the_bit(tmp_path, data):
    X, y = load(data)
    n_epochs = STATEFUL["max_iter"]
    whole = make(data).fit(X, y)
    part = make(data, max_iter=1, warm_start=True)
    for _ in range(n_epochs):
        part.fit(X, y)
        joblib.dump(part, tmp_path / "model.joblib")
        part = joblib.load(tmp_path / "model.joblib")
    assert part.n_iter_ == n_epochs
    assert_array_equal(part._parameters, whole._parameters)
    assert part.loss_curve_ == whole.loss_curve_


@all_data_sets
def test_an_interrupted_fit_is_finished_to_the_bit(monkeypatch, data):
    X, y = load(data)
    options = {"learning_rate": "cosine", "early_stopping": True}
    whole = make(data, **options).fit(X, y)
    part, run_epoch = make(data, **options), Trainer._run_epoch

    def interrupted(trainer, parameters, training, feed, epoch, n_epochs):
        loss = run_epoch(trainer, parameters, training, feed, epoch, n_epochs)
        if epoch == 1:
            raise KeyboardInterrupt
        return loss

    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="interrupted after 1 of"):
        patch.setattr(Trainer, "_run_epoch", interrupted)
        part.fit(X, y)
    part.set_params(warm_start=True).fit(X, y)
    assert_array_equal(part._parameters, whole._parameters)
    assert part.loss_curve_ == whole.loss_curve_


@all_data_sets
def test_data_without_room_on_the_device(monkeypatch, data):
    """They go there batch by batch, or in pieces, with the same result."""
    from skgru.kernels.cuda import memory

    X, y = load(data)
    whole = make(data).fit(X, y)
    others = {"by shards": {"_DATA_SHARE": -1.0},
              "by shards that are too large to be pinned": {"_DATA_SHARE": -1.0, "_PIECE_BYTES": 0},
              "in pieces": {"_CHUNK_BYTES": 1000 if data != FEW else 40}}  # fmt: skip
    for how, settings in others.items():
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setattr(memory, name, value)
            other = make(data).fit(X, y)
            assert_array_equal(other._parameters, whole._parameters, err_msg=how)
            assert_array_equal(outputs(other, X), outputs(whole, X), err_msg=how)


@all_data_sets
def test_predictions_depend_on_neither_order_nor_neighbours(rng, data):
    X, y = load(data)
    model = make(data).fit(X, y)
    expected = outputs(model, X)
    some = rng.permutation(len(X))[: min(50, len(X) - 1)]

    def take(indices):
        return X[indices] if isinstance(X, np.ndarray) else [X[i] for i in indices]

    assert_array_equal(outputs(model, take(some)), expected[some])
    for i in some[:10]:
        assert_array_equal(outputs(model, take([i])), expected[[i]])


def test_threads_fit_and_predict_at_once():
    X, y = load("vowels")
    model = model_of("vowels", **STATEFUL).fit(X, y)
    parts = [slice(start, start + 100) for start in range(0, 170, 7)]
    expected = [model.predict_proba(X[part]) for part in parts]

    def work(i):
        if i % 8 == 0:
            return model_of("vowels", **STATEFUL).fit(X, y)._parameters
        return model.predict_proba(X[parts[i]])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(len(parts))))
    for i, values in enumerate(found):
        assert_array_equal(values, model._parameters if i % 8 == 0 else expected[i])


def test_memory_is_given_back():
    from numba import cuda

    X, y = load("taxi")
    model, free = model_of("taxi", max_iter=1), []
    for _ in range(12):
        model.fit(X, y).predict(X)
        cuda.current_context().deallocations.clear()
        free.append(cuda.current_context().get_memory_info().free)
    # The first fits load kernels; after them, fits must not use up memory.
    assert free[2] - free[-1] < 8 * 2**20, np.diff(free)
