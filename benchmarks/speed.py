"""Time the engine beside torch, and beside an earlier prototype where its folder is given.

    python benchmarks/speed.py --out docs/_tables/speed.md [--prototype FOLDER] [--threads 1]

One training step is forward, backward for a gradient of the last state, and the gradients of all
weights, packing of weights and inputs included; inference is the forward pass alone. Before
anything is timed the last states and the gradients of every engine are compared. Engines alternate
within one run, and the table shows medians and the quartiles around them: on a shared machine
ratios within a run mean something, milliseconds of different runs do not.
"""

import argparse
import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np

from skgru.data import Sequences, cut_into_shards, pack_shard
from skgru.models import GRUNetwork, run_tasks

# batch, steps, inputs, hidden
SHAPES = [
    (32, 50, 8, 32),
    (32, 100, 16, 64),
    (64, 100, 16, 128),
    (128, 100, 32, 256),
    (64, 50, 64, 512),
    (1, 100, 8, 32),
    (1, 100, 16, 128),
    (32, 100, 16, 17),
    (32, 100, 16, 50),
    (32, 100, 16, 100),
]


class Problem:
    """Random weights, inputs and gradients of the last state for one shape."""

    def __init__(self, batch, steps, inputs, hidden):
        rng = np.random.default_rng(0)

        def draw(*shape):
            return (rng.standard_normal(shape) / np.sqrt(hidden)).astype(np.float32)

        self.shape = batch, steps, inputs, hidden
        self.W, self.U = draw(inputs, 3 * hidden), draw(hidden, 3 * hidden)
        self.b_i, self.b_h = draw(3 * hidden), draw(3 * hidden)
        self.x = rng.standard_normal((batch, steps, inputs)).astype(np.float32)
        self.d_last = rng.standard_normal((batch, hidden)).astype(np.float32)

    @property
    def flop(self):
        batch, steps, inputs, hidden = self.shape
        return 2 * batch * steps * 3 * hidden * (inputs + hidden)


class Engine:
    """This package, below the estimators."""

    def __init__(self, problem, threads):
        batch, steps, inputs, hidden = problem.shape
        self.problem = problem
        self.network = network = GRUNetwork(
            inputs, (hidden,), bidirectional=False, pooling=("last",), n_outputs=1, dropout=0,
            recurrent_dropout=0, dtype=np.float32,
        )  # fmt: skip
        self.layer = network.layers[0]
        self.parameters = np.zeros(network.layout.size, np.float32)
        views = network.layout.views(self.parameters)
        views["gru0.forward.W"][...], views["gru0.forward.U"][...] = problem.W, problem.U
        bias = problem.b_i.copy()
        bias[: 2 * hidden] += problem.b_h[: 2 * hidden]
        views["gru0.forward.b"][...] = bias
        views["gru0.forward.b_hn"][...] = problem.b_h[2 * hidden :]
        offsets = np.arange(batch + 1) * steps
        self.sequences = Sequences(problem.x.reshape(-1, inputs), offsets, "3d")
        self.shift, self.scale = np.zeros(inputs), np.ones(inputs)
        self.packed = network.new_packed()
        self.workspaces = [network.new_workspace() for _ in range(threads)]
        shards = cut_into_shards(np.arange(batch), self.sequences.lengths, network.shard_size)
        self.slots = [network.new_slot() for _ in shards]
        self.gradient = np.zeros_like(self.parameters)
        self.last = np.zeros((batch, hidden), np.float32)

    def run(self, train):
        network, layer = self.network, self.layer
        _, steps, inputs, hidden = self.problem.shape
        shards = cut_into_shards(
            np.arange(len(self.sequences)), self.sequences.lengths, network.shard_size
        )
        network.pack(self.parameters, self.packed, train)

        def work(i, workspace):
            shard = shards[i]
            x = workspace.array("x", (shard.n_rows, inputs))
            pack_shard(network.kernels, self.sequences, shard, self.shift, self.scale, x)
            (states,) = layer.forward(x, shard, self.packed, workspace, train)
            self.last[shard.positions] = states[shard.block[steps] :, :hidden]
            if train:
                self.slots[i][...] = 0
                slot = network._slot_layout.views(self.slots[i])
                final = workspace.zeros("final", (shard.n_sequences, layer.n_units))
                final[:, :hidden] = self.problem.d_last[shard.positions]
                layer.backward(x, shard, self.packed, workspace, slot, [final])

        run_tasks(work, len(shards), self.workspaces)
        if train:
            for slot in self.slots[1:]:
                self.slots[0] += slot
            network.unpack_gradient(self.slots[0], self.gradient)

    def results(self):
        views = self.network.layout.views(self.gradient)
        return self.last, views["gru0.forward.W"], views["gru0.forward.U"]


class Torch:
    """torch.nn.GRU, eager."""

    def __init__(self, problem, threads):
        torch = importlib.import_module("torch")
        torch.set_num_threads(threads)
        _, _, inputs, hidden = problem.shape
        self.torch, self.gru = torch, torch.nn.GRU(inputs, hidden, batch_first=True)
        values = (problem.W.T, problem.U.T, problem.b_i, problem.b_h)
        with torch.no_grad():
            for parameter, value in zip(self.gru.parameters(), values, strict=True):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
        self.x, self.d_last = torch.from_numpy(problem.x), torch.from_numpy(problem.d_last)
        self.last = None

    def run(self, train):
        if not train:
            with self.torch.inference_mode():
                self.last = self.gru(self.x)[1][0]
            return
        self.gru.zero_grad()
        self.last = self.gru(self.x)[1][0]
        (self.last * self.d_last).sum().backward()

    def results(self):
        gru = self.gru
        found = self.last.detach(), gru.weight_ih_l0.grad.T, gru.weight_hh_l0.grad.T
        return [value.numpy() for value in found]


class Prototype:
    """An earlier prototype, one thread, hidden sizes that are multiples of 16."""

    def __init__(self, problem, folder):
        sys.path.insert(0, str(folder))
        net = importlib.import_module("tile_gru").Net
        batch, steps, inputs, hidden = problem.shape
        self.net = net(steps, batch, inputs, hidden, problem.W, problem.U, problem.b_i, problem.b_h)
        self.x = np.ascontiguousarray(problem.x.transpose(1, 0, 2))
        self.d_last = problem.d_last

    def run(self, train):
        self.last = self.net.run(self.x, self.d_last if train else None)

    def results(self):
        return self.last, self.net.dW, self.net.dU


def check(engines):
    """Compare states and gradients of every engine with those of the first."""
    for engine in engines.values():
        engine.run(True)
    reference = next(iter(engines.values())).results()
    for name, engine in engines.items():
        for ours, theirs in zip(reference, engine.results(), strict=True):
            error = np.abs(ours - theirs).max() / np.abs(theirs).max()
            if not error < 1e-4:
                raise AssertionError(f"{name} disagrees: relative error {error:.1e}")


def time_alternating(engines, train, repeats):
    """Milliseconds of every repeat, engines taking turns."""
    times = {name: [] for name in engines}
    for repeat in range(repeats + 2):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run(train)
            if repeat >= 2:
                times[name].append(1e3 * (time.perf_counter() - start))
    return times


def measure(shape, threads, prototype, with_torch):
    problem = Problem(*shape)
    engines = {"skgru": Engine(problem, threads)}
    if with_torch:
        engines["torch"] = Torch(problem, threads)
    if prototype is not None and threads == 1 and shape[3] % 16 == 0:
        engines["prototype"] = Prototype(problem, prototype)
    check(engines)
    repeats = int(np.clip(2e10 / problem.flop, 9, 99))
    row = {"shape": shape, "flop": problem.flop}
    for kind, train in (("training", True), ("inference", False)):
        row[kind] = {
            name: [float(q) for q in np.percentile(times, [25, 50, 75])]
            for name, times in time_alternating(engines, train, repeats).items()
        }
    return row


def table(rows):
    peers = [name for name in ("torch", "prototype") if any(name in r["training"] for r in rows)]
    head = ["batch, steps, inputs, hidden"]
    for kind in ("training", "inference"):
        head += [f"{kind}: skgru ms (quartiles)", *(f"{peer} / skgru" for peer in peers)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [", ".join(map(str, row["shape"]))]
        for kind in ("training", "inference"):
            low, median, high = row[kind]["skgru"]
            cells.append(f"{median:.2f} ({low:.2f} - {high:.2f})")
            for peer in peers:
                peer_times = row[kind].get(peer)
                cells.append("-" if peer_times is None else f"{peer_times[1] / median:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prototype", type=Path)
    options = parser.parse_args(argv)
    with_torch = importlib.util.find_spec("torch") is not None
    rows = []
    for shape in SHAPES:
        rows.append(measure(shape, options.threads, options.prototype, with_torch))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(table(rows) + "\n", encoding="utf-8")
    options.out.with_suffix(".json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
