"""Dropout masks: how many are dropped, which, and that every kernel sees the same ones."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.data import make_shard
from skgru.kernels import cpu

SEED = np.uint64(0x123456789ABCDEF0)


def masks(sequences, n_units, rate, seed=SEED):
    """Rows of masks, as ``drop_rows`` makes them."""
    mask = np.ones((len(sequences), n_units))
    cpu.drop_rows(mask, np.asarray(sequences, dtype=np.int64), seed, rate, n_units, n_units)
    return mask


def shard_of(lengths, sequences=None):
    sequences = np.arange(len(lengths)) if sequences is None else np.asarray(sequences)
    return make_shard(sequences, sequences, lengths)


def step_masks(shard, n_units, rate, seed=SEED):
    """A list with the mask (length, n_units) of each sequence, as ``drop_steps`` makes them."""
    x = np.ones((shard.n_rows, n_units))
    cpu.drop_steps(x, shard.block, shard.alive, shard.positions, seed, rate, n_units, n_units)
    return [x[shard.block[:length] + i] for i, length in enumerate(shard.lengths)]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_share_that_is_dropped(rate):
    mask = masks(np.arange(500), 200, rate)
    assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
    dropped = mask == 0

    def assert_near(shares, n):
        # Five standard deviations of a share of n independent values, for every one of them.
        assert np.abs(shares - rate).max() <= 5 * np.sqrt(rate * (1 - rate) / n)

    assert_near(dropped.mean(), dropped.size)
    assert_near(dropped.mean(axis=0), 500)  # of each unit
    assert_near(dropped.mean(axis=1), 200)  # in each sequence


def test_masks_are_independent():
    rate = 0.5
    by_sequence, by_step = (
        masks(np.arange(500), 200, rate),
        step_masks(shard_of([500]), 200, rate)[0],
    )
    pairs = {
        "next sequence": (by_sequence[1:], by_sequence[:-1]),
        "next unit": (by_sequence[:, 1:], by_sequence[:, :-1]),
        "next step": (by_step[1:], by_step[:-1]),
        "next seed": (by_sequence, masks(np.arange(500), 200, rate, np.uint64(int(SEED) + 1))),
        # Row 0 of both is the mask of sequence 0 at step 0.
        "sequence and step": (by_sequence[1:], by_step[1:]),
    }
    assert_array_equal(by_sequence[0], by_step[0])
    for name, (a, b) in pairs.items():
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(a.size), name


def test_a_mask_belongs_to_its_sequence_whatever_the_shard():
    sequences = [7, 3, 11, 0]
    together = masks(sequences, 9, 0.4)
    steps = step_masks(shard_of([4, 4, 2, 1], sequences), 9, 0.4)
    for i, (sequence, length) in enumerate(zip(sequences, [4, 4, 2, 1], strict=True)):
        assert_array_equal(masks([sequence], 9, 0.4)[0], together[i])
        assert_array_equal(masks([sequence], 5, 0.4)[0], together[i, :5])
        assert_array_equal(step_masks(shard_of([length], [sequence]), 9, 0.4)[0], steps[i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [1, 0])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_connect_drops_what_drop_steps_drops(rng, rate, shift, dtype):
    """The mask of the forward pass (connect) is that of the backward pass (drop_steps)."""
    shard, n_units, column = shard_of([5, 3, 3, 1]), 6, 4
    states = rng.normal(size=(shard.block[-1], n_units)).astype(dtype)
    x = np.full((shard.n_rows, n_units + column + 2), np.nan, dtype)
    cpu.connect(
        states,
        shard.block,
        shard.alive,
        shift,
        shard.positions,
        SEED,
        rate,
        column,
        n_units,
        x,
        column,
    )
    outside = np.delete(x, np.s_[column : column + n_units], axis=1)
    assert np.isnan(outside).all()

    mask = np.ones((shard.n_rows, n_units + column), dtype)
    width = mask.shape[1]
    cpu.drop_steps(mask, shard.block, shard.alive, shard.positions, SEED, rate, width, width)
    used = np.zeros(shard.n_rows, bool)
    for i, length in enumerate(shard.lengths):
        rows = shard.block[:length] + i
        used[rows] = True
        expected = states[shard.block[shift:][:length] + i] * mask[rows, column:]
        assert_array_equal(x[rows, column : column + n_units], expected)
    assert not x[~used, column : column + n_units].any()
    assert (~used).any()


def test_masks_do_not_know_of_padding():
    """Two groups of 5 real units have the masks of 10 units, whatever a group is padded to."""
    dense = masks(np.arange(6), 10, 0.4)
    padded = np.ones((6, 2 * 8 + 3))
    cpu.drop_rows(padded, np.arange(6), SEED, 0.4, 5, 8)
    assert_array_equal(np.delete(padded, np.r_[5:8, 13:19], axis=1), dense)
    assert_array_equal(padded[:, np.r_[5:8, 13:19]], 1)


def test_seeds_a_golden_ratio_apart_share_no_masks():
    """A step of the seed must not be a step of the sequence: batches would repeat masks."""
    step = 0x9E3779B97F4A7C15
    seeds = [np.uint64((int(SEED) + i * step) % 2**64) for i in range(8)]
    found = np.vstack([masks(np.arange(32), 64, 0.5, seed) for seed in seeds])
    assert len(np.unique(found, axis=0)) == 8 * 32
