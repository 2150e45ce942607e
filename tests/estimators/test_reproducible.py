"""The same bits from the same seed: for every number of threads, backend, order and company."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru import GRUClassifier, GRURegressor
from skgru.models import _threads

from .problems import classes, in_layout, ragged, same_parameters

# Several shards in a batch, several batches, and everything that draws random numbers.
OPTIONS = {
    "max_iter": 2, "batch_size": 100, "dropout": 0.1, "recurrent_dropout": 0.1, "random_state": 0,
    "early_stopping": True,
}  # fmt: skip


def end_threads():
    _threads._pool.end()


@pytest.fixture
def four_cores(monkeypatch):
    """Let ``n_jobs=4`` be four threads, whatever this machine has."""
    end_threads()
    monkeypatch.setattr(_threads, "_available_cores", lambda: 4)
    monkeypatch.setattr(joblib, "cpu_count", lambda *args: 4)
    yield
    end_threads()


def model_of(estimator, n_jobs, **options):
    return estimator((6, 5), bidirectional=True, n_jobs=n_jobs, **{**OPTIONS, **options})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_threads_do_not_change_a_bit(four_cores, estimator, dtype):
    X, y = ragged(300, longest=20)
    y = classes(y) if estimator is GRUClassifier else y
    pooling = ("attention", "max", "mean", "last")
    fits = [
        model_of(estimator, n_jobs, dtype=dtype, pooling=pooling).fit(X, y)
        for n_jobs in (None, 1, 2, 4, -1)
    ]
    running = {thread.name for thread in threading.enumerate() if thread.name.startswith("skgru")}
    assert len(running) == 3  # and the one that runs this
    for other in fits[1:]:
        assert same_parameters(fits[0], other)
        assert fits[0].loss_curve_ == other.loss_curve_
        assert fits[0].validation_scores_ == other.validation_scores_
        assert_array_equal(fits[0].predict(X), other.predict(X))
        for first, second in zip(
            fits[0].attention_weights(X), other.attention_weights(X), strict=True
        ):
            assert_array_equal(first, second)


def fit_in_worker(n_jobs):
    """Fit, and tell how many threads this process may and does use."""
    X, y = ragged(300, longest=20)
    model = model_of(GRURegressor, n_jobs).fit(X, y)
    names = [thread.name for thread in threading.enumerate()]
    n_threads = sum(name.startswith("skgru") for name in names)
    return model._parameters.tobytes(), n_threads, multiprocessing.current_process().pid


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_joblib_backends(backend):
    # The parent has a pool of threads, whose locks a fork must not inherit.
    expected, _, parent = fit_in_worker(2)
    with joblib.parallel_config(backend, n_jobs=2):
        found = joblib.Parallel(timeout=300)(joblib.delayed(fit_in_worker)(4) for _ in range(4))
    assert [parameters == expected for parameters, _, _ in found] == [True] * 4
    cores = joblib.cpu_count()
    for _, n_threads, process in found:
        if backend == "threading":
            assert n_threads <= cores
        else:
            assert process != parent
            # A thread pool is started only for a second thread.
            assert n_threads <= max(cores // 2, 1) and (cores > 3 or n_threads == 0)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
def test_a_forked_process_starts_threads_of_its_own():
    expected, _, _ = fit_in_worker(2)
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=lambda: send.send(fit_in_worker(2)))
    with _threads._pool.lock:  # as if another thread were just starting the pool
        child.start()
    try:
        assert receive.poll(120)
        parameters, n_threads, _ = receive.recv()
    finally:
        child.kill()
        child.join()
    assert parameters == expected
    assert n_threads == (0 if joblib.cpu_count() == 1 else 1)  # beside the main one


def test_fits_at_once_share_one_pool_of_threads(four_cores):
    expected = fit_in_worker(1)[0]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(fit_in_worker, [4, 2, -1, 3, 4, 2]))
    assert [parameters == expected for parameters, _, _ in found] == [True] * 6
    assert max(n_threads for _, n_threads, _ in found) <= 4


# --- predictions --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["float32", "float64"])
def fitted(request):
    X, y = ragged(200, longest=30)
    model = GRUClassifier(
        (7, 5), bidirectional=True, pooling=("last", "mean", "max", "attention"), max_iter=2,
        random_state=0, dtype=request.param,
    )  # fmt: skip
    return model.fit(X, classes(y)), X


def test_predictions_depend_on_neither_order_nor_neighbours(fitted, four_cores):
    model, X = fitted
    expected = model.decision_function(X)
    weights = model.attention_weights(X)
    for seed in range(3):
        some = np.random.default_rng(seed).permutation(200)[: 200 - 80 * seed]
        part = [X[i] for i in some]
        assert_array_equal(model.decision_function(part), expected[some])
        for i, found in zip(some, model.attention_weights(part), strict=True):
            assert_array_equal(found, weights[i])
    for i in range(0, 200, 9):
        assert_array_equal(model.decision_function([X[i]]), expected[[i]])
    for n_jobs in (2, 3, 4):
        model.set_params(n_jobs=n_jobs)
        assert_array_equal(model.decision_function(X), expected)
    model.set_params(n_jobs=None)


def test_predictions_depend_neither_on_layout_nor_on_batches(fitted):
    model, _ = fitted
    X = np.random.default_rng(0).normal(size=(5000, 3, 2))
    expected = model.predict_proba(X)
    assert_array_equal(model.predict_proba(list(X)), expected)
    # More sequences than are sorted at once, and next to longer ones.
    longer = [*np.random.default_rng(1).normal(size=(7, 40, 2)), *X]
    assert_array_equal(model.predict_proba(longer)[7:], expected)
    for part in (slice(4090, 4100), slice(0, 1), slice(17, 60)):
        assert_array_equal(model.predict_proba(X[part]), expected[part])


@pytest.mark.parametrize("layout", ["2d", "3d", "ragged"])
def test_many_threads_predict_on_one_model(layout):
    X, y = in_layout(layout, n=150)
    model = GRURegressor((8, 4), max_iter=2, n_jobs=2).fit(X, y)
    parts = [slice(start, start + 40) for start in range(0, 110, 7)] * 3
    expected = [model.predict(X[part]) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: model.predict(X[part]), parts))
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


def test_one_model_predicts_while_others_are_fitted():
    X, y = ragged(150)
    model = GRURegressor(8, max_iter=2, random_state=0, n_jobs=2).fit(X, y)
    expected = model.predict(X)

    def work(i):
        if i % 2:
            return model.predict(X)
        return GRURegressor(8, max_iter=2, random_state=0, n_jobs=2).fit(X, y).predict(X)

    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(work, range(18)):
            assert_array_equal(found, expected)
