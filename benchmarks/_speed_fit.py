"""A whole `fit` beside skorch: the same model, data, batches, epochs and optimiser."""

import importlib.util
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgru import GRURegressor

N_SEQUENCES, STEPS, FEATURES, HIDDEN, BATCH, RATE = 1000, 50, 8, 32, 32, 1e-2
# Weights start elsewhere, so losses are only alike.
MOST_LOSS, MOST_LOSS_RATIO = 0.1, 4.0


def make_data(n=N_SEQUENCES, steps=STEPS, features=FEATURES):
    """Sequences, and a target that later steps have more to say about than earlier ones."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, steps, features)).astype(np.float32)
    decay = 0.9 ** np.arange(steps)[::-1]
    y = np.einsum("nti,i,t->n", X, rng.standard_normal(features), decay)
    return X, ((y - y.mean()) / y.std()).astype(np.float32)


def make_ours(epochs, threads, hidden=HIDDEN, batch=BATCH, **options):
    return GRURegressor(
        hidden, pooling="last", max_iter=epochs, batch_size=batch, learning_rate="constant",
        learning_rate_init=RATE, alpha=0.0, max_grad_norm=None, early_stopping=False, tol=0.0,
        n_iter_no_change=epochs, random_state=0, n_jobs=threads, **options,
    )  # fmt: skip


def make_skorch(epochs, threads):
    import skorch
    import torch

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = torch.nn.GRU(FEATURES, HIDDEN, batch_first=True)
            self.head = torch.nn.Linear(HIDDEN, 1)

        def forward(self, x):
            return self.head(self.gru(x)[1][0])

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return skorch.NeuralNetRegressor(
        Module, max_epochs=epochs, batch_size=BATCH, lr=RATE, optimizer=torch.optim.Adam,
        iterator_train__shuffle=True, train_split=None, callbacks="disable", verbose=0,
    )  # fmt: skip


def measure_fit(threads, repeats, epochs):
    """Seconds of alternating fits; None without skorch.

    Returns
    -------
    record : dict
        ``seconds`` and the final mean squared error, ``loss``, on the training data, by engine.
    """
    if importlib.util.find_spec("skorch") is None or importlib.util.find_spec("torch") is None:
        return None
    X, y = make_data()
    makers = {"skgru": (make_ours, y), "skorch": (make_skorch, y[:, None])}
    record = {"epochs": epochs, "seconds": {name: [] for name in makers}, "loss": {}}
    # Twenty epochs are what is compared, whether or not they are enough.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    for make, target in makers.values():
        make(1, threads).fit(X[:64], target[:64])  # compile, import, start threads
    for _ in range(repeats):
        for name, (make, target) in makers.items():
            model = make(epochs, threads)
            start = time.perf_counter()
            model.fit(X, target)
            record["seconds"][name].append(time.perf_counter() - start)
            record["loss"][name] = float(np.mean((np.ravel(model.predict(X)) - y) ** 2))
            if name == "skgru" and model.n_iter_ != epochs:
                raise AssertionError(f"skgru stopped after {model.n_iter_} of {epochs} epochs")
    ours, theirs = record["loss"]["skgru"], record["loss"]["skorch"]
    if epochs >= 20 and not (
        max(ours, theirs) < MOST_LOSS and max(ours, theirs) < MOST_LOSS_RATIO * min(ours, theirs)
    ):
        raise AssertionError(f"final losses are not comparable: {record['loss']}")
    return record
