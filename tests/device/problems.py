"""The data sets of the package, and how closely a GPU has to agree with the CPU on them.

docs/gpu.md states these numbers; keep them equal.
"""

import numpy as np

from skgru import GRUClassifier, GRURegressor
from skgru.datasets import load_japanese_vowels, load_nyc_taxi

from .device import EMULATED, size

#: After one step, relative to the CPU's: the loss, the step in all parameters, the predictions.
AGREEMENT = {"fp32": 1e-5, "tf32": 2e-3, "bf16": 2e-2}

#: Of final scores: accuracy (three of 370 utterances are 0.008) and R squared.
MARGIN = {
    "fp32": {"vowels": 0.01, "taxi": 0.005},
    "tf32": {"vowels": 0.02, "taxi": 0.01},
    "bf16": {"vowels": 0.02, "taxi": 0.01},
}

DATA = {
    "vowels": (GRUClassifier, load_japanese_vowels),  # ragged, nine classes
    "taxi": (GRURegressor, load_nyc_taxi),  # windows of one length
}

FEW = "few"  # sequences of the only set that an ordinary run trains on in the emulator

#: The default model, for as many epochs as it takes to be good.
EPOCHS = {"vowels": size(40, 5), "taxi": size(15, 12)}
OPTIONS = {"hidden_layer_sizes": 64, "random_state": 0}
SMALL = {"hidden_layer_sizes": (3, 2), "batch_size": 4}  # for the few sequences


def load(name, subset="train"):
    """Sequences and targets; fewer for the emulator."""
    if name == FEW:
        rng = np.random.default_rng(3)
        X = [rng.normal(2, 3, size=(length, 2)) for length in (3, 1, 4, 2, 4, 2)]
        return X, np.array([x[-1, 0] + x[0, 1] for x in X])
    X, y = DATA[name][1](return_X_y=True, subset=subset)
    if EMULATED and name == "taxi":
        X, y = X[::32], y[::32]
    return X, y


def model_of(name, device="cuda", **options):
    estimator = GRURegressor if name == FEW else DATA[name][0]
    own = SMALL if name == FEW else {}
    return estimator(device=device, **(OPTIONS | own | options))


def outputs(model, X):
    """The predictions of a model for sequences, as numbers."""
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
