"""Memory that is reused for every shard."""

import math

import numpy as np


class Workspace:
    """Named buffers that grow to the largest shard seen and are never freed in between.

    On a GPU, queued kernels may still use a buffer when it is replaced by a larger one.  That is
    safe: freeing device memory waits for them.

    A workspace belongs to one thread at a time.  A buffer name belongs to one owner: every
    module of a network has a unique name, which is the prefix of its buffers' names.
    """

    def __init__(self, kernels, dtype):
        self.kernels, self.dtype = kernels, np.dtype(dtype)
        self._buffers, self._views = {}, {}

    def array(self, name, shape, dtype=None):
        """An array that shares memory, and so its contents, with earlier arrays of this name.

        Memory that has not been written to yet is zero.
        """
        # Most shards look like the one before, and making a view costs more than finding one.
        view = self._views.get(name)
        if view is not None and view.shape == shape:
            return view
        size = math.prod(shape)
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        if size == 0:  # not every device can make an empty view
            view = self.kernels.zeros(shape, dtype)
        else:
            buffer = self._buffers.get(name)
            if buffer is None or buffer.size < size:
                # Free the smaller buffer, and its view, before making the larger one.
                buffer = view = self._buffers[name] = self._views[name] = None
                buffer = self._buffers[name] = self.kernels.zeros(size + size // 8, dtype)
            view = self.kernels.leading(buffer, shape)
        self._views[name] = view
        return view

    def zeros(self, name, shape, dtype=None):
        """Like `array`, but filled with zeros."""
        array = self.array(name, shape, dtype)
        self.kernels.fill(array, 0)
        return array
