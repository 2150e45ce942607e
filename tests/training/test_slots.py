"""Gradient slots: one for each shard of a wave, added in the order of the shards."""

import numpy as np
import pytest

from skgru.training._slots import GradientSlots


class Network:
    """Slots that hold the numbers of the shards that were added to them, in order."""

    def __init__(self):
        self.n_slots = 0

    def new_slot(self):
        self.n_slots += 1
        return Slot()

    @property
    def kernels(self):
        return self

    @staticmethod
    def add(total, other):
        total.extend(other)


class Gradient:
    tables = ()


class Slot:
    def __init__(self):
        self.flat = []


@pytest.mark.parametrize("n_threads", [1, 2, 7])
@pytest.mark.parametrize("n_shards", [1, 2, 8, 9, 10, 16, 17, 18, 25, 100])
def test_slots_are_added_in_the_order_of_the_shards(n_shards, n_threads):
    network = Network()
    slots = GradientSlots(network, n_threads)
    slots.reserve(n_shards)
    visited = []
    for wave in slots.waves(n_shards):
        used = [slots.slot_for(number) for number in wave]
        assert len({id(slot) for slot in used}) == len(wave), "two shards of a wave share a slot"
        for number in reversed(wave):  # whatever the order in which threads get there
            slots.slot_for(number).flat[:] = [number]
        visited += wave
        slots.fold(wave, Gradient())
    assert visited == list(range(n_shards))
    assert slots.total.flat == list(range(n_shards))
    size = max(8, 2 * n_threads)
    assert network.n_slots == min(n_shards, 1 + size)


def test_a_smaller_batch_needs_no_further_slots():
    network = Network()
    slots = GradientSlots(network, 1)
    for n_shards in (20, 3, 9):
        slots.reserve(n_shards)
    assert network.n_slots == 9
    assert [list(wave) for wave in slots.waves(3)] == [[0, 1, 2]]
    assert np.ptp([len(wave) for wave in slots.waves(25)]) == 1
