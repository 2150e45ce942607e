"""Second rung: gradients of whole networks, by finite differences and against the CPU's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.models.networks import SEED, Engine, random_network, random_sequences
from tests.models.test_gru_network import architectures, both_dtypes

from .device import ragged_lengths, size

KINDS = ("last", "mean", "max", "attention")
EPS = 1e-6


@architectures
def test_finite_differences(kernels, rng, options):
    """In float64, through dropout, poolings, every layer and direction."""
    network, parameters = random_network(rng, kernels=kernels, **options)
    lengths = 5, 1, 9, 3, 3, 7, 2, 9, 9, 4, 1
    x = random_sequences(rng, network.n_features, lengths)
    d_raw = rng.normal(size=(len(x), network.n_outputs))
    engine = Engine(network, parameters)
    _, gradient = engine.gradient(x, d_raw, seed=SEED)

    def weighted_output(parameters):
        network.pack(network.upload(parameters), engine.packed, False)
        return np.sum(d_raw * engine.forward(x, seed=SEED))

    for direction in np.eye(len(parameters)):
        above, below = (weighted_output(parameters + e * direction) for e in (EPS, -EPS))
        assert_allclose(gradient @ direction, (above - below) / (2 * EPS), rtol=2e-6, atol=1e-7)


LARGE = {
    "hidden_layer_sizes": (100, 64), "bidirectional": True, "pooling": KINDS,
    "n_features": 20, "n_outputs": 3, "dropout": 0.2, "recurrent_dropout": 0.2,
}  # fmt: skip


@both_dtypes
@pytest.mark.parametrize("shard_size", [size(256, 70), size(64, 30)], ids=["whole", "cut"])
def test_large_network_against_the_cpu(kernels, rng, shard_size, dtype):
    """Outputs and gradients of everything at once, from one shard and from several."""
    network, parameters = random_network(rng, spread=0.03, dtype=dtype, kernels=kernels, **LARGE)
    host, _ = random_network(rng, **LARGE)
    x = random_sequences(
        rng, network.n_features, ragged_lengths(*size((256, 50), (70, 9))), dtype=dtype
    )
    d_raw = rng.normal(size=(len(x), 3)).astype(dtype)
    raw, found = Engine(network, parameters).gradient(x, d_raw, shard_size=shard_size, seed=SEED)
    x = [sequence.astype("float64") for sequence in x]
    expected_raw, expected = Engine(host, parameters.astype("float64")).gradient(
        x, d_raw.astype("float64"), shard_size=shard_size, seed=SEED
    )
    # If float32 finds a maximum at another step, its gradient moves there: more than rounding.
    raw_tolerance, tolerance = {"float64": (1e-11, 1e-10), "float32": (2e-5, 1e-3)}[dtype]
    assert_allclose(raw, expected_raw, rtol=0, atol=raw_tolerance * np.abs(expected_raw).max())
    theirs = host.layout.views(expected)
    for name, values in network.layout.views(found).items():
        scale = np.abs(theirs[name]).max()
        assert_allclose(values, theirs[name], rtol=0, atol=tolerance * scale, err_msg=name)
