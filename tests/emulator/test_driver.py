"""What a fit asks of the driver."""

import numpy as np
import pytest

from skgru import GRURegressor
from tests.emulator import n_waits


@pytest.mark.parametrize("ragged", [False, True])
def test_a_training_step_does_not_wait(rng, ragged):
    """Ten times the updates, and the host waits as often: at the start and after each epoch."""
    X = [rng.normal(size=(rng.integers(1, 4) if ragged else 3, 2)) for _ in range(60)]
    y = np.array([x[0, 0] for x in X])

    def waits(batch_size):
        before = n_waits()
        GRURegressor(3, device="cuda", max_iter=2, batch_size=batch_size, random_state=0).fit(X, y)
        return n_waits() - before

    waits(30)  # compiles
    assert waits(3) == waits(30)
