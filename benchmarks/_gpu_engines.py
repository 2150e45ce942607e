"""Engines of the GPU benchmark: ours, and torch's, whose GRU on a GPU is cuDNN's."""

import numpy as np
from _engine import Engine
from _gpu_timing import NumbaMark, TorchMark, WallMark, measure

from skgru.data import cut_into_shards


class OnDevice(Engine):
    """This package below its estimators, on a GPU.

    Sequences lie on the device already; to choose and to pack those of the batch is part of a run,
    as in every batch of a fit, and so is packing the weights.

    Parameters
    ----------
    problem : Problem
    kernels : module
        Of the device, entered.
    precision : {"fp32", "tf32", "bf16"}
    dry_run : bool
        Whether there is a device at all.
    """

    def __init__(self, problem, kernels, precision, dry_run):
        self.precision, self._mark = precision, WallMark if dry_run else NumbaMark
        super().__init__(problem, 1, kernels)
        self.shards, self.d_final = self._cut(), []
        n_columns = self.network.output.readout.n_outputs
        shapes = [(shard.n_sequences, n_columns) for shard in self.shards]
        self.found = [kernels.zeros(shape, self.case.dtype) for shape in shapes]
        hidden = self.case.hidden
        for shard in self.shards:
            d_final = np.zeros((shard.n_sequences, self.case.n_directions, self.n_units))
            given = problem.d_final[shard.positions]
            d_final[:, :, :hidden] = given.reshape(shard.n_sequences, -1, hidden)
            columns = [np.ascontiguousarray(d, self.case.dtype) for d in d_final.swapaxes(0, 1)]
            self.d_final.append([kernels.to_device(d) for d in columns])

    def _cut(self):
        return cut_into_shards(self.batch, self.lengths, *self.network.shard_limits)

    def run(self, train):
        with self.network.kernels.use_precision(self.precision):
            self._run(train)

    def _run(self, train):
        network, (workspace,) = self.network, self.workspaces
        kernels = network.kernels
        for layer in self.layers:
            layer.pack(self.on_device.views, self.packed, train)
        for i, shard in enumerate(self._cut()):
            shard, x, _ = self.feed.load(shard, workspace)
            saved = network.stack.forward(x, shard, self.packed, workspace, save=train)
            readout = network.output.readout
            pooled = readout.forward(saved[-1].states, shard, self.packed, workspace).rows
            kernels.copy_columns(pooled, 0, self.found[i])  # the next shard overwrites it
            if train:
                kernels.fill(self.slots[i].flat, 0)
                self._backward_on_device(saved, shard, workspace, i)
        if train:
            for slot in self.slots[1:]:
                kernels.add(self.slots[0].flat, slot.flat)
            network.unpack_gradient(self.slots[0], self.gradient)

    def _backward_on_device(self, saved, shard, workspace, i):
        stack = self.network.stack
        finals = stack.top.no_final_gradients(shard, workspace)
        for final, d_final in zip(finals, self.d_final[i], strict=True):
            self.network.kernels.copy_columns(d_final, 0, final)
        # No case here has two layers.
        stack.backward(saved, shard, self.packed, workspace, self.slots[i].views, [finals])

    def final(self):
        last = np.zeros_like(self.last)
        for shard, found in zip(self.shards, self.found, strict=True):
            found = self.network.kernels.to_host(found)
            found = found.reshape(shard.n_sequences, -1, self.n_units)[:, :, : self.case.hidden]
            last[shard.positions] = found.reshape(shard.n_sequences, -1)
        return last

    def gradients(self):
        flat = self.network.kernels.to_host(self.gradient.flat)
        views = self.network.layout.views(flat)
        names = (f"{p}.{array}" for p in self._prefixes() for array in ("W", "U", "b", "b_hn"))
        return [views[name] for name in names]

    def measure(self, train, n):
        with self.network.kernels.use_precision(self.precision):
            return measure(self._mark, lambda: self._run(train), n)


def load_torch(dry_run):
    """The class of torch's engine, and what keeps it from running, one of them None."""
    try:
        import torch
    except ImportError:
        return None, "torch is not installed"
    if not dry_run and not torch.cuda.is_available():
        return None, f"torch {torch.__version__} has no CUDA here"
    from peers._torch import Torch

    class TorchOnDevice(Torch):
        """``torch.nn.GRU`` on a GPU; ragged batches are packed as part of a run."""

        def __init__(self, problem, precision):
            super().__init__(problem, torch.get_num_threads())
            self.device = "cpu" if dry_run else "cuda"
            self.gru = self.gru.to(self.device)
            self.parameters = list(self.gru.parameters())
            self.x, self.d_final = self.x.to(self.device), self.d_final.to(self.device)
            self.precision, self._mark = precision, WallMark if dry_run else TorchMark

        def _forward(self):
            with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16"):
                return super()._forward()

        def _choose(self):
            torch.backends.cudnn.allow_tf32 = self.precision == "tf32"
            torch.backends.cuda.matmul.allow_tf32 = self.precision == "tf32"

        def run(self, train):
            self._choose()
            if train:  # autocast may leave the final states in fewer bits
                last = self._forward()
                given = self.d_final.to(last.dtype)
                self.found = torch.autograd.grad(last, self.parameters, given)
                self.last = last.detach()
            else:
                super().run(False)

        def final(self):
            self.last = self.last.float().cpu()
            return super().final()

        def gradients(self):
            self.found = [gradient.float().cpu() for gradient in self.found]
            return super().gradients()

        def measure(self, train, n):
            return measure(self._mark, lambda: self.run(train), n)

    return TorchOnDevice, None
