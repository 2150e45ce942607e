"""Gradient slots: memory for the gradients of shards, which are added in a fixed order."""

# Minimum number of shards whose gradients are kept apart before they are added to the first slot.
_WAVE_SIZE = 8


class GradientSlots:
    """Memory for the gradients of the shards of a batch.

    Each shard writes to its own slot, whichever thread computes it, and the slots are added in the
    order of the shards.  The gradient therefore has the same bits for every number of threads.  To
    bound memory, shards are computed in *waves*: after each wave, its slots are added to the first
    slot and reused.

    Parameters
    ----------
    network : Network
    n_threads : int
        Number of shards that are computed at the same time.
    """

    def __init__(self, network, n_threads):
        self._network, self._slots = network, []
        self._size = max(_WAVE_SIZE, 2 * n_threads)

    def waves(self, n_shards):
        """Ranges of shard numbers that may be computed at the same time, in order.

        The first wave has one shard more than the others, because its first shard writes directly
        to the slot that collects the sum.
        """
        ends = range(min(1 + self._size, n_shards), n_shards + self._size, self._size)
        start = 0
        for end in ends:
            end = min(end, n_shards)
            yield range(start, end)
            start = end

    def slot_for(self, shard_number):
        """The slot of a shard, as a `Slot`; its old contents are not cleared."""
        number = 0 if shard_number == 0 else 1 + (shard_number - 1) % self._size
        return self._slots[number]

    def reserve(self, n_shards):
        """Make the slots that a batch of ``n_shards`` shards needs."""
        while len(self._slots) < min(1 + self._size, n_shards):
            self._slots.append(self._network.new_slot())

    def fold(self, wave, gradient):
        """Add the gradients of a wave to the sum, in the order of the shards.

        What they leave for the rows of tables is added to ``gradient`` itself.
        """
        for shard_number in wave:
            if shard_number > 0:
                self._network.kernels.add(self.total.flat, self.slot_for(shard_number).flat)
            if gradient.tables:
                gradient.add_shard(shard_number, self.slot_for(shard_number).d_x)

    @property
    def total(self):
        """The sum of the gradients of all waves folded so far."""
        return self._slots[0]
