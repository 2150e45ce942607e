"""A small run of every kernel for a memory checker: ``python -m tests.device.sanitized``."""

import warnings

import numpy as np
from numba import cuda
from sklearn.exceptions import ConvergenceWarning

from skgru import GRUClassifier, GRURegressor


def main(hidden=(5, 128), n=40, steps=9):
    """Layers with and without room for all weights in shared memory, odd sizes, both dtypes."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, steps + 1, n)
    X = [rng.normal(size=(length, 3)) for length in lengths]
    y, labels = np.array([x[-1, 0] for x in X]), np.arange(n) % 3
    options = {"max_iter": 1, "batch_size": n // 2 + 1, "random_state": 0, "device": "cuda"}
    everything = {
        "bidirectional": True, "pooling": ("last", "mean", "max", "attention"), "dropout": 0.1,
        "recurrent_dropout": 0.1, "alpha": 0.1,
    }  # fmt: skip
    for n_hidden in hidden:
        for dtype in ("float32", "float64"):
            model = GRUClassifier((n_hidden, 7), dtype=dtype, **everything, **options)
            assert np.isfinite(model.fit(X, labels).predict_proba(X)).all()
            assert len(model.attention_weights(X)) == n
    has_tensor_cores = cuda.get_current_device().compute_capability >= (8, 0)
    # So many that a block has several, and more inputs than the loop over the steps multiplies.
    many = rng.normal(size=(300, 2, 20))
    for precision in ("fp32", "tf32", "bf16") if has_tensor_cores else ("fp32",):
        model = GRURegressor((hidden[0], 18), precision=precision, **options).fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        model = GRURegressor(hidden[0], precision=precision, **options | {"batch_size": 300})
        assert np.isfinite(model.fit(many, many[:, 0, 0]).predict(many)).all()
    model = GRURegressor(hidden[0], loss="quantile", quantile=[0.1, 0.9], **options)
    assert np.isfinite(model.fit(X, y).predict(X)).all()
    print("all ran")


if __name__ == "__main__":
    main()
