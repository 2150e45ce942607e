"""Gradient slots: where shards leave their gradients, and in which order these are added."""

# Gradients of so many shards (at least) are kept apart before they are added to the first one's.
_WAVE_SIZE = 8


class GradientSlots:
    """Memory for the gradients of the shards of a batch.

    A shard writes to a slot of its own, whatever thread computes it, and the slots are added in the
    order of the shards.  So a gradient has the same bits for every number of threads.  Memory is
    bounded: shards are computed in *waves*, after each of which the slots are added to the first
    one and used again.

    Parameters
    ----------
    network : Network
    n_threads : int
        Shards that are computed at the same time.
    """

    def __init__(self, network, n_threads):
        self._network, self._slots = network, []
        self._size = max(_WAVE_SIZE, 2 * n_threads)

    def waves(self, n_shards):
        """Ranges of shard numbers that may be computed at the same time, in order.

        The first one has one shard more than the others: that of the slot which collects the sum.
        """
        ends = range(min(1 + self._size, n_shards), n_shards + self._size, self._size)
        start = 0
        for end in ends:
            end = min(end, n_shards)
            yield range(start, end)
            start = end

    def slot_for(self, shard_number):
        """The slot of a shard, as `FlatArrays`; what it held is not cleared."""
        number = 0 if shard_number == 0 else 1 + (shard_number - 1) % self._size
        return self._slots[number]

    def reserve(self, n_shards):
        """Make the slots that a batch of so many shards needs."""
        while len(self._slots) < min(1 + self._size, n_shards):
            self._slots.append(self._network.new_slot())

    def fold(self, wave):
        """Add the gradients of a wave to the sum, in the order of the shards."""
        for shard_number in wave:
            if shard_number > 0:
                self._network.kernels.add(self.total.flat, self.slot_for(shard_number).flat)

    @property
    def total(self):
        """The sum of the shards of all waves that were folded."""
        return self._slots[0]
