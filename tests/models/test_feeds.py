"""Feeds: shards of a data set, standardised and in the packed layout."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.data import ScatteredRows, Sequences, as_sequences, make_shard
from skgru.models import make_feed
from tests.data.test_batches import ragged

from .networks import random_network

SHIFT, SCALE = np.array([0.5, -3.0]), np.array([2.0, 0.25])


def packed(sequences, shard, dtype="float64"):
    """The inputs of a shard, as a feed lays them out in a workspace full of NaN."""
    network, _ = random_network(np.random.default_rng(0), dtype=dtype)
    (workspace,) = network.new_workspaces(1)
    workspace.array("x", (shard.n_rows, 2)).fill(np.nan)
    loaded = make_feed(network, sequences, SHIFT, SCALE).load(shard, workspace)
    assert loaded.shard is shard
    assert_array_equal(loaded.starts, sequences.offsets[shard.indices])
    return loaded.x


@pytest.mark.parametrize("out_dtype", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_sequences_of_a_shard_are_standardised_and_packed(dtype, out_dtype):
    x = ragged(dtype)
    shard = make_shard([1, 3, 0, 6], np.arange(4), [5, 4, 2, 1])
    out = packed(as_sequences(x), shard, out_dtype)
    used = np.zeros(shard.n_rows, bool)
    for i, index in enumerate(shard.indices):
        rows = shard.block[: shard.lengths[i]] + i
        used[rows] = True
        expected = (x[index].astype(float) - SHIFT) * SCALE
        assert_allclose(out[rows], expected, rtol=1e-6 if out_dtype == "float32" else 1e-15)
    assert (~used).any() and not out[~used].any()


def test_storage_makes_no_difference():
    x = ragged("float64")
    plain = as_sequences(x)
    shard = make_shard([1, 3, 0, 6], np.arange(4), [5, 4, 2, 1])
    expected = packed(plain, shard)
    frozen = plain.values.copy()
    frozen.flags.writeable = False
    fortran = ScatteredRows([np.asfortranarray(item) for item in x], plain.offsets, np.float64)
    big_endian = ScatteredRows([item.astype(">f4") for item in x], plain.offsets, np.float32)
    for values in (frozen, fortran, big_endian):
        found = packed(Sequences(values, plain.offsets, plain.layout), shard)
        assert_array_equal(found, expected)


class Watched(list):
    """A list that notes which of its items are taken, as memory maps would be read."""

    def __getitem__(self, i):
        self.seen.append(i)
        return super().__getitem__(i)


def test_only_the_sequences_of_the_shard_are_read():
    x, plain = Watched(ragged("float32")), as_sequences(ragged("float32"))
    x.seen = []
    sequences = Sequences(ScatteredRows(x, plain.offsets, np.float32), plain.offsets, "ragged")
    x.seen.clear()
    packed(sequences, make_shard([3, 6], np.arange(2), [4, 1]))
    assert x.seen == [3, 6]


def test_nan_passes(rng):
    # X is checked before; a feed does not check it again.
    x = [rng.normal(size=(3, 2)), rng.normal(size=(2, 2))]
    sequences = as_sequences(x)
    sequences = Sequences(sequences.values.copy(), sequences.offsets, sequences.layout)
    sequences.values[1, 1] = np.nan
    out = packed(sequences, make_shard([0, 1], [0, 1], [3, 2]))
    assert np.isnan(out).sum() == 1 and np.isnan(out[2, 1])
