"""The base of all networks: memory for passes, and parameters in the layout of the kernels."""

from abc import ABC, abstractmethod

from ._gradient import DenseGradient, Slot
from ._parameters import ParameterLayout
from ._workspace import Workspace

# Sequences in a shard of a prediction; larger shards are not faster (``docs/benchmarks.md``).
_PREDICTION_SIZE = 64


class Network(ABC):
    """Modules with parameters, and passes over shards of sequences.

    A trainer uses only the methods and attributes declared here. A `Predictor` also reads the inner
    states of a `GRUNetwork`.

    Parameters
    ----------
    modules : list
        Objects with ``parameters``, ``gradients``, ``new_packed``, ``pack`` and
        ``unpack_gradient``, in the order in which their parameters are initialised.
    widest : int
        Units of the widest layer, padding included.
    kernels : module
        Kernels of the device it runs on.
    dtype : dtype
        Type of parameters and states.

    Attributes
    ----------
    layout : ParameterLayout
    output : Output
        Its loss measures predictions of validation data.
    shard_limits : tuple of int
        Maximum number of sequences and of rows of a shard in training.
    has_dropout : bool
        Whether `train_shard` needs a seed.
    """

    has_dropout = False

    def __init__(self, modules, widest, kernels, dtype):
        self.modules, self.kernels, self.dtype = modules, kernels, dtype
        self.layout = ParameterLayout([p for m in modules for p in m.parameters()])
        self._slot_layout = ParameterLayout([p for m in modules for p in m.gradients()])
        self.shard_limits = kernels.shard_limits(widest)

    # -- passes ----------------------------------------------------------------------------------
    @abstractmethod
    def train_shard(self, feed, shard, packed, workspace, slot, *, seed, scale, losses, place):
        """Add the gradients of a shard to its slot, and write its loss to ``losses``.

        Parameters
        ----------
        feed : HostFeed or DeviceFeed
            Feed of the training data.
        shard : Shard
        packed : dict
            What `pack` wrote, transposed weights included.
        workspace : Workspace
            Workspace of the calling thread.
        slot : Slot
            A slot made by `new_slot`.
        seed : int or None
            Seed of the dropout masks; None for no dropout.
        scale : float
            One over the sum of the weights of the batch, which makes the result the gradient of
            the weighted mean loss.
        losses : array of float64
            ``losses[place]`` receives the sum of weight times loss of the shard.
        """

    @abstractmethod
    def predict_shard(self, feed, shard, packed, workspace, starts, out):
        """Write the raw predictions of sequence i of a shard to ``out`` from row ``starts[i]``."""

    @abstractmethod
    def row_counts(self, lengths):
        """How many rows the raw predictions of sequences of these lengths have."""

    def prediction_limits(self, n_sequences, n_threads):
        """Limits of the shards of a prediction; they do not change the result in any bit.

        Larger shards than in training are faster.  With several threads, though, there have to be
        several shards for each thread, because the first shards hold the longest sequences.
        """
        size, n_rows = self.shard_limits
        n_shards = 1 if n_threads == 1 else 4 * n_threads
        return max(size, min(_PREDICTION_SIZE, n_sequences // n_shards)), n_rows

    # -- memory ----------------------------------------------------------------------------------
    def new_workspaces(self, n_threads):
        """One workspace for each thread; a device is driven by a single thread."""
        n = n_threads if self.kernels.ON_HOST else 1
        return [Workspace(self.kernels, self.dtype) for _ in range(n)]

    def new_packed(self):
        """Memory for `pack`."""
        packed = {}
        for module in self.modules:
            packed.update(module.new_packed())
        return packed

    def new_slot(self):
        """Zeros to which `train_shard` adds the gradients of a shard."""
        layout = self._slot_layout
        flat = self.kernels.zeros(layout.size, self.dtype)
        return Slot(flat, layout.views(flat), Workspace(self.kernels, self.dtype))

    def new_gradient(self):
        """Memory for the gradient of a batch."""
        flat = self.kernels.zeros(self.layout.size, self.dtype)
        return DenseGradient(flat, self.layout.views(flat))

    # -- parameters ------------------------------------------------------------------------------
    def upload(self, parameters):
        """A flat parameter vector as `FlatArrays` that the kernels can read and write.

        They share memory with the vector if it is already on the device.
        """
        return self.layout.arrays(self.kernels.to_device(parameters))

    def download(self, on_device, parameters):
        """Copy `FlatArrays` of parameters to a flat vector on the host, at the end of an epoch."""
        self.kernels.copy(on_device.flat, parameters)

    def pack(self, parameters, packed, transposed):
        """Bring `FlatArrays` of parameters into the layout of the kernels.

        With ``transposed``, also pack the arrays that only a backward pass needs.
        """
        for module in self.modules:
            module.pack(parameters.views, packed, transposed)

    def unpack_gradient(self, slot, gradient):
        """Turn the summed slots of a batch into the gradient of the parameters."""
        for module in self.modules:
            module.unpack_gradient(slot.views, gradient.views)
