"""What batch_size="auto" means, and how many updates it makes of few sequences."""

import numpy as np
import pytest

from skgru import GRURegressor
from skgru.estimators._options import resolve_batch_size


@pytest.mark.parametrize(
    ("n_sequences", "size"),
    [(1, 4), (79, 4), (80, 5), (511, 31), (512, 32), (1023, 32), (1024, 32), (1056, 33),
     (8191, 255), (10**6, 256)],
)  # fmt: skip
def test_auto(n_sequences, size):
    assert resolve_batch_size("auto", n_sequences) == size
    assert resolve_batch_size("auto", n_sequences, is_whole=False) == max(32, size)
    assert resolve_batch_size(7, n_sequences) == 7


def test_the_updates_of_few_sequences():
    X = np.random.default_rng(0).normal(size=(24, 3, 1))
    model = GRURegressor(2, max_iter=2, warm_start=True).fit(X, X[:, 0, 0])
    assert model._resume_state["trainer"]["optimizer"]["n_updates"] == 2 * 6
    # The sequences that are held out are none of them, nor are those of weight 0.
    model = GRURegressor(2, max_iter=2, warm_start=True, early_stopping=True)
    model.fit(X, X[:, 0, 0], sample_weight=np.arange(24) % 2)
    n_training = model._resume_state["trainer"]["optimizer"]["n_updates"] / 2
    assert n_training == 3
