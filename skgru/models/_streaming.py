"""Run a network over streams: one step at a time, carrying the states."""

import numpy as np

from skgru.data import make_shard


class NetworkStream:
    """A network of forward layers and a streaming readout, with packed weights and states.

    Each step is a shard of length one whose initial states are the final states of the previous
    step.  It therefore runs the same kernels as a prediction and gives the same bits.  No buffer
    ever moves, so the list of kernel calls of a step is built once, here.

    Parameters
    ----------
    network : GRUNetwork
        It runs on the CPU, in one direction, and has no attention pooling.
    parameters : ndarray
        Flat parameter vector; packed once, here.
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    n_streams : int
    """

    def __init__(self, network, parameters, shift, scale, n_streams):
        kernels, dtype, n = network.kernels, network.dtype, n_streams
        if network.embeddings:
            parameters = parameters.copy()  # packing does not copy tables
        packed = network.new_packed()
        network.pack(network.upload(parameters), packed, transposed=False)
        shard = make_shard(np.arange(n), np.arange(n), np.ones(n, np.int64))
        self.n_steps = np.zeros(n, np.int64)
        self._x = x = kernels.zeros((n, network.n_inputs), dtype)
        self._standardize = kernels.standardize_step, (shift, scale, x, network.n_embedded)
        self._embeddings, self._packed = network.embeddings, packed
        # Block 0 holds the states before a step, block 1 those after it.
        self._layers = network.stack.layers
        self._states, self._layer_calls = [], []
        for layer in self._layers:
            states = kernels.zeros((2 * n, layer.n_units), dtype)
            self._layer_calls.append(layer.stream_call(x, shard, packed, states))
            self._states.append(states)
            x = states[n:]
        self._count = kernels.count_step, (states, n, self.n_steps)
        readout, head = network.output.readout, network.output.head
        calls, rows, self._readout_memory = readout.stream(states, self.n_steps, shard)
        raw = kernels.zeros((n, head.n_columns), dtype)
        self._raw, used = np.zeros((n, network.n_outputs), dtype), raw[:, : network.n_outputs]
        self._head_calls = [
            *calls,
            (kernels.dense_forward, (rows, packed[head.W], packed[head.b], raw)),
            (kernels.copy, (used, self._raw)),
        ]

    def push(self, values, codes=None):
        """Process one step of every stream.

        Parameters
        ----------
        values : ndarray of shape (n_streams, n_features), float64
        codes : ndarray of shape (n_streams, n_categorical), int32, or None
            Only a network with embeddings takes them, and needs them.

        Returns
        -------
        raw : ndarray of shape (n_streams, n_outputs) or None
            Raw predictions after the step; overwritten by the next step.  None if the values are
            too large for the dtype or lead to a state that is not finite; the streams are then
            unchanged.
        """
        standardize, arguments = self._standardize
        if not standardize(values, *arguments):
            return None
        for embedding in self._embeddings:
            embedding.forward(codes, self._packed, self._x)
        for kernel, arguments in self._layer_calls:
            kernel(*arguments)
        count, arguments = self._count
        if not count(*arguments):
            for states in self._states:
                before, after = np.split(states, 2)
                after[...] = before
            return None
        for kernel, arguments in self._head_calls:
            kernel(*arguments)
        return self._raw

    @property
    def states(self):
        """States after the last step, (n_streams, n_hidden) float64 without padding, by name."""
        n = len(self.n_steps)
        return {
            f"{layer.name}.forward": states[n:, : layer.n_hidden].astype(np.float64)
            for layer, states in zip(self._layers, self._states, strict=True)
        }

    @property
    def _memory(self):
        """All arrays that are carried from one step to the next."""
        n = len(self.n_steps)
        return [self.n_steps, *self._readout_memory, *(states[n:] for states in self._states)]

    def reset(self, streams):
        """Reset the chosen streams (anything that indexes an array) to their start."""
        for array in self._memory:
            array[streams] = 0

    def get_state(self):
        """Copies of everything that `set_state` needs to continue with the same bits."""
        return [array.copy() for array in self._memory]

    def set_state(self, state):
        for array, saved in zip(self._memory, state, strict=True):
            array[...] = saved
