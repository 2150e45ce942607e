"""Networks with embeddings, trained on the device and on the CPU."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import Sequences
from skgru.kernels import use_device
from skgru.models import GRUNetwork, Predictor
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

from .compare import both_dtypes
from .device import relative_error
from .problems import AGREEMENT

pytestmark = pytest.mark.emulator

#: Sequences of a few steps, and tables of which a batch touches few rows.
LENGTHS = (3, 1, 4, 2, 4, 2, 5)
TABLES = ((9, 3, True), (60, 2, False))

SOLVERS = {
    "sgd": lambda network, *layout: SGD(*layout, 0.9, True),
    "adam": lambda network, *layout: Adam(*layout, 0.9, 0.999, 1e-8),
    "adamw": lambda network, *layout: AdamW(
        *layout, 0.9, 0.999, 1e-8, 0.01, network.layout.n_weights
    ),
    "rmsprop": lambda network, *layout: RMSprop(*layout, 0.9, 1e-8),
}


def make_data(n_features=2, tables=TABLES, steps=False):
    """Numbers and codes of sequences, with a target for each, or for each of their steps."""
    rng, n = np.random.default_rng(3), sum(LENGTHS)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    columns = [rng.integers(0 if has_rare else 1, n_rows, n) for n_rows, _, has_rare in tables]
    codes = np.column_stack(columns).astype(np.int32)
    sequences = Sequences(rng.normal(2, 3, (n, n_features)), offsets, "ragged", codes)
    n_rows = n if steps else len(LENGTHS)
    target, weight = rng.normal(size=(n_rows, 1)), rng.uniform(0.5, 2, n_rows)
    return Dataset(sequences, np.arange(len(LENGTHS)), target, weight, offsets if steps else None)


def train(device, *arguments, **options):
    """Start and end of a training run, its losses, its predictions and the running means."""
    with use_device(device) as kernels:
        return run_training(kernels, *arguments, **options)  # nothing there outlives the session


def run_training(
    kernels, data, solver="adam", *, tables=TABLES, rate=0.1, batch_size=4, n_epochs=2,
    max_grad_norm=None, **options,
):  # fmt: skip
    options = {
        "hidden_layer_sizes": (3,), "bidirectional": False, "pooling": ("last",), "n_outputs": 1,
        "dropout": 0.0, "recurrent_dropout": 0.0, "dtype": "float64",
    } | options  # fmt: skip
    n_features = data.sequences.n_features
    scaling = np.full(n_features, 2.0), np.full(n_features, 1 / 3)
    network = GRUNetwork(
        n_features, embeddings=tables, loss=SquaredError(1), kernels=kernels, **options
    )
    start = network.layout.initialize(np.random.RandomState(0), network.dtype)
    optimizer = SOLVERS[solver](network, kernels, network.layout.size, network.dtype)
    trainer = Trainer(
        network, optimizer, ConstantRate(rate), Stopping(np.inf, 0.0), keep_best=False,
        batch_size=batch_size, shuffle=True, random_state=np.random.RandomState(1), penalty=0.1,
        max_grad_norm=max_grad_norm, n_threads=1, shift=scaling[0], scale=scaling[1],
    )  # fmt: skip
    result = trainer.run(start.copy(), data, n_epochs)
    raw = Predictor(network, result.parameters, *scaling).predict_raw(data.sequences)
    return start, result.parameters, result.loss_curve, raw, result.state["optimizer"]


def assert_agree(ours, theirs, tolerance):
    for mine, other in zip(ours[:4], theirs[:4], strict=True):
        assert relative_error(mine, other) < tolerance
    for name, values in ours[4].items():
        assert_allclose(values, theirs[4][name], rtol=tolerance, atol=tolerance)


@both_dtypes
def test_one_step(dtype):
    """In plain gradient descent, a step of all parameters is a picture of the gradient."""
    data, options = make_data(), {"batch_size": len(LENGTHS), "n_epochs": 1, "dtype": dtype}
    device, host = (train(d, data, "sgd", rate=1.0, **options) for d in ("cuda:0", "cpu"))
    tolerance = AGREEMENT["fp32"] if dtype == "float32" else 1e-12
    steps = [end - start for start, end, *_ in (device, host)]
    assert relative_error(*steps) < tolerance
    assert_agree(device, host, tolerance)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_and_clipping(solver):
    """Over several batches, each of which touches other rows."""
    data = make_data()
    device, host = (train(d, data, solver, max_grad_norm=0.05) for d in ("cuda:0", "cpu"))
    assert_agree(device, host, 1e-9)
    assert relative_error(host[1], train("cpu", data, solver)[1]) > 1e-3  # it does clip


@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": True, "dropout": 0.3, "recurrent_dropout": 0.3},
        {"bidirectional": True, "hidden_layer_sizes": (3, 2), "pooling": ("mean", "attention")},
        {"pooling": None},
    ],
    ids=["dropout", "layers", "steps"],
)
def test_networks(options):
    data = make_data(steps=options.get("pooling", "any") is None)
    assert_agree(*(train(d, data, **options) for d in ("cuda:0", "cpu")), 1e-9)


@pytest.mark.parametrize("n_features", [0, 2])
def test_symbols_alone_and_beside_numbers(monkeypatch, n_features):
    """Also where the numbers have no room on the device, and where batches have several shards."""
    from skgru.kernels import cuda as kernels

    data = make_data(n_features)
    device, host = (train(d, data) for d in ("cuda:0", "cpu"))
    assert_agree(device, host, 1e-9)
    for name, value in {"_DATA_SHARE": -1.0, "_PIECE_BYTES": 0}.items():
        monkeypatch.setattr(kernels.memory, name, value)
        assert_array_equal(train("cuda:0", data)[1], device[1], err_msg=name)
    monkeypatch.setattr(kernels, "shard_limits", lambda n_units: (2, 100))
    assert_agree(train("cuda:0", data), host, 1e-9)


def test_the_same_bits_twice():
    data, options = make_data(), {"dtype": "float32", "dropout": 0.2}
    one, other = (train("cuda:0", data, **options) for _ in range(2))
    for mine, theirs in zip(one[1:4], other[1:4], strict=True):
        assert_array_equal(mine, theirs)


def test_rows_that_no_batch_touches_stay():
    data = make_data()
    start, end, *_, state = train("cuda:0", data)
    touched = np.unique(data.sequences.codes[:, 1])
    others = np.setdiff1d(np.arange(1, 60), touched)
    assert len(touched) > 1 and len(others) > 1
    before, after, mean = (flat[-120:].reshape(60, 2) for flat in (start, end, state["mean"]))
    assert_array_equal(after[others], before[others])
    assert not mean[others].any() and (mean[touched] != 0).all()
    assert (after[touched] != before[touched]).all()
    assert_allclose(after[0], after[1:].mean(axis=0))  # of a table without rare symbols
