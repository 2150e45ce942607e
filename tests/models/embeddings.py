"""Networks with embeddings and sequences for them, and their inputs by the oracle."""

import numpy as np

from skgru.data import Sequences
from skgru.models import _dropout
from tests.reference import gru as ref

from .networks import LENGTHS, _masks, random_network

#: Two categorical columns; the second has rare symbols.
TABLES = ((9, 4, False), (5, 3, True))

SHIFT, SCALE = np.array([1.0, -2.0]), np.array([0.5, 3.0])


def symbol_sequences(rng, tables=TABLES, n_features=2, lengths=LENGTHS, first=0):
    """Sequences of random codes from ``first`` on, and of random numbers."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    codes = [rng.integers(first, n_rows, offsets[-1]) for n_rows, *_ in tables]
    codes = np.ascontiguousarray(np.transpose(codes), np.int32)
    return Sequences(rng.normal(size=(offsets[-1], n_features)), offsets, "ragged", codes)


def symbol_network(rng, tables=TABLES, **options):
    """A network with embeddings, and parameters none of which is zero."""
    return random_network(rng, embeddings=tables, **options)


def embedded(network, parameters, sequences, shift=SHIFT, scale=SCALE, seed=None):
    """The input of each sequence; dropout masks as in a batch of all, in their order."""
    views = network.layout.views(parameters.astype(float))
    tables = [views[f"embedding{i}.E"] for i in range(len(network.embeddings))]
    n, found = sum(table.shape[1] for table in tables), []
    for i in range(len(sequences)):
        rows = slice(*sequences.offsets[i : i + 2])
        values = (sequences.values[rows] - shift) * scale
        x = ref.embed(sequences.codes[rows], tables, values)
        if seed is not None and network.stack.dropout > 0:
            site, rate = _dropout.EMBEDDING_SITE, network.stack.dropout
            x[:, :n] *= _masks(i, (len(x), n), site, rate, seed)
        found.append(x)
    return found
