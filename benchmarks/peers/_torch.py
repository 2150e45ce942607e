"""torch.nn.GRU as it is, and a GRU in the form that torch.compile can take."""

import shutil

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from . import Unsupported


def _parameters(problem):
    """Weights in torch's layout and order, as leaves of the graph."""
    found = []
    for weights in problem.weights:
        for array in (weights.W.T, weights.U.T, weights.b_i, weights.b_h):
            found.append(torch.from_numpy(array.copy()).requires_grad_())
    return found


def _prepare(threads):
    torch.set_num_threads(threads)
    # As our kernels and XLA do by themselves. Gradients that decay over some hundred steps become
    # denormal, and torch as it comes is then several times slower.
    torch.set_flush_denormal(True)


class Torch:
    """`torch.nn.GRU`, eager; sequences of different lengths are packed as part of a run."""

    kinds = ("training", "inference")

    def __init__(self, problem, threads):
        _prepare(threads)
        case = problem.case
        self.n_directions = case.n_directions
        self.gru = torch.nn.GRU(
            case.inputs,
            case.hidden,
            case.n_layers,
            bidirectional=case.n_directions == 2,
            dtype=torch.float64 if case.dtype == "float64" else torch.float32,
        )
        self.parameters = list(self.gru.parameters())
        with torch.no_grad():
            for parameter, value in zip(self.parameters, _parameters(problem), strict=True):
                parameter.copy_(value)
        self.x = torch.from_numpy(problem.time_major())
        self.lengths = torch.from_numpy(problem.lengths) if case.kind == "ragged" else None
        d_final = problem.d_final.reshape(case.batch, case.n_directions, case.hidden)
        self.d_final = torch.from_numpy(d_final.transpose(1, 0, 2).copy())
        self.last, self.found = None, None

    def _forward(self):
        x = self.x
        if self.lengths is not None:
            x = pack_padded_sequence(x, self.lengths, enforce_sorted=False)
        return self.gru(x)[1][-self.n_directions :]

    def run(self, train):
        if not train:
            with torch.inference_mode():
                self.last = self._forward()
            return
        last = self._forward()
        self.found = torch.autograd.grad(last, self.parameters, self.d_final)
        self.last = last.detach()

    def final(self):
        return self.last.transpose(0, 1).flatten(1).numpy()

    def gradients(self):
        found = []
        for i in range(0, len(self.found), 4):
            d_w, d_u, d_b_i, d_b_h = (value.numpy() for value in self.found[i : i + 4])
            found += [d_w.T, d_u.T, d_b_i, d_b_h[2 * len(d_b_h) // 3 :]]
        return found


def _chunk(a, h, u, b_h):
    """A few steps of a GRU, from projected inputs (steps, batch, 3 * hidden)."""
    size = h.shape[1]
    for row in a.unbind(0):
        s = torch.addmm(b_h, h, u.t())
        r, z = torch.sigmoid(row[:, : 2 * size] + s[:, : 2 * size]).chunk(2, 1)
        n = torch.tanh(row[:, 2 * size :] + r * s[:, 2 * size :])
        h = n + z * (h - n)
    return h


class TorchCompiled(Torch):
    """A loop that calls a compiled function for every ten steps.

    `torch.compile` hands nn.GRU back to eager, as it stands. All steps in one graph are somewhat
    faster still, but take minutes to compile for every shape; graphs of ten steps are what is
    bearable, and only for the shapes of `_COMPILED`.
    """

    _COMPILED = ((32, 50, 8, 32), (32, 100, 16, 64))
    _STEPS = 10

    def __init__(self, problem, threads):
        if not problem.case.is_plain or problem.case.shape not in self._COMPILED:
            raise Unsupported("left out because it compiles for half a minute per shape")
        if shutil.which("g++") is None and shutil.which("clang++") is None:
            raise Unsupported("torch.compile needs a C++ compiler")
        _prepare(threads)
        self.parameters = _parameters(problem)
        self.x = torch.from_numpy(problem.time_major())
        self.d_final = torch.from_numpy(problem.d_final)
        self.chunk = torch.compile(_chunk, dynamic=False)
        self.last, self.found = None, None

    def _forward(self):
        w, u, b_i, b_h = self.parameters
        steps, batch, _ = self.x.shape
        a = torch.addmm(b_i, self.x.flatten(0, 1), w.t()).view(steps, batch, -1)
        h = self.x.new_zeros(batch, u.shape[1])
        for part in a.split(self._STEPS):
            h = self.chunk(part, h, u, b_h)
        return h

    def run(self, train):
        if train:
            super().run(True)
            return
        # Not inference_mode: its tensors would be compiled for once more.
        with torch.no_grad():
            self.last = self._forward()

    def final(self):
        return self.last.numpy()
