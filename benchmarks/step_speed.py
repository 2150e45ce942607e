"""Time a network that classifies every step beside the same one in torch, on ragged batches.

    python benchmarks/step_speed.py [--threads 1 all] [--seconds 20]

One bidirectional GRU layer and a softmax at every step; 256 sequences of 10 to 200 steps with 16
features, in batches of 64 (the ragged case of `speed.py`, four batches of it), float32, Adam.

A training step is all of an update: forward, log loss of all steps, backward, optimiser. Ours is
measured through the public estimator: a fit of many passes less one of a single pass, both timed in
turns with torch, divided by the updates between them; so the packing of weights and sequences is in
it, and the checks and the set-up of a fit are not. Inference is ``predict_proba`` of the 256
sequences as they come, checks included. torch gets padded batches beforehand; packing them is
timed, its loss and softmax work on the packed steps, and nothing is padded again in training.

The share of the sgemm limit counts the matrix products of the layer and its output, and nothing
else. Each setting of ``--threads`` is a process of its own, as in `speed.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from _runner import markdown_table, source_hash
from _speed_cases import Case
from _speed_timing import Limit, time_alternating
from peers import _torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from skgru import GRUStepClassifier
from skgru.metrics import flatten_steps

N_CLASSES, N_BATCHES, RATE = 8, 4, 3e-3
SHORT, LONG = 1, 4  # passes of the two fits whose difference is measured
CHECK_PASSES, MOST_LOSS_RATIO = 20, 1.25


@dataclass(frozen=True)
class StepCase(Case):
    """A ragged case of one bidirectional layer with an output at every step."""

    kind: str = "ragged"

    @property
    def n_directions(self):
        return 2

    @property
    def update_flop(self):
        """Operations of the matrix products of an update, those of the output included."""
        output = 2 * int(self.lengths.sum()) * self.n_directions * self.hidden * N_CLASSES
        return self.training_flop + 3 * output


CASES = [
    StepCase(64, 200, 16, 64),
    StepCase(64, 200, 16, 128),
]


def make_data(case):
    """Sequences, and labels that depend on the step before and the step after."""
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((n, case.inputs), np.float32)
         for _ in range(N_BATCHES) for n in case.lengths]  # fmt: skip
    before, after = rng.standard_normal((2, case.inputs, N_CLASSES))
    y = []
    for x in X:
        padded = np.pad(x, ((1, 1), (0, 0)))
        y.append((padded[:-2] @ before + padded[2:] @ after).argmax(axis=1))
    return X, y


# -- ours: all that depends on the API of the estimator --------------------------------------------


def make_ours(case, max_iter, threads):
    """A classifier of steps that makes `max_iter` passes, whatever the loss does."""
    return GRUStepClassifier(
        case.hidden, bidirectional=True, standardize=False, batch_size=case.batch,
        max_iter=max_iter, learning_rate="constant", learning_rate_init=RATE, alpha=0.0,
        max_grad_norm=None, early_stopping=False, tol=0.0, n_iter_no_change=max_iter,
        random_state=0, n_jobs=threads,
    )  # fmt: skip


class Fit:
    """Fits of `passes` passes as runs; inference with what the last one learnt."""

    def __init__(self, case, data, passes, threads, kinds=("training",)):
        self.kinds, self.data = kinds, data
        self.model = make_ours(case, passes, threads)
        self.run(True)

    def run(self, train):
        if train:
            self.model.fit(*self.data)
        else:
            self.probabilities = self.model.predict_proba(self.data[0])


# -- torch -----------------------------------------------------------------------------------------


class Network(torch.nn.Module):
    def __init__(self, case):
        super().__init__()
        self.gru = torch.nn.GRU(case.inputs, case.hidden, bidirectional=True)
        self.head = torch.nn.Linear(2 * case.hidden, N_CLASSES)

    def forward(self, packed):
        """Logits of packed steps, as a packed sequence."""
        states = self.gru(packed)[0]
        return states._replace(data=self.head(states.data))


class TorchSteps:
    """The same in torch, packed sequences; a run is as many updates as `passes` passes make."""

    kinds = ("training", "inference")

    def __init__(self, case, data, passes, threads):
        _torch._prepare(threads)
        torch.manual_seed(0)
        self.passes, self.network = passes, Network(case)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
        self.batches = []
        for start in range(0, len(data[0]), case.batch):
            X, y = (part[start : start + case.batch] for part in data)
            lengths = torch.tensor([len(x) for x in X])
            padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(x) for x in X])
            labels = torch.nn.utils.rnn.pack_sequence(
                [torch.from_numpy(labels) for labels in y], enforce_sorted=False
            ).data
            self.batches.append((padded, lengths, labels))

    def run(self, train):
        if not train:
            with torch.inference_mode():
                self.probabilities = [part for batch in self.batches for part in self._infer(batch)]
            return
        for _ in range(self.passes):
            for padded, lengths, labels in self.batches:
                packed = pack_padded_sequence(padded, lengths, enforce_sorted=False)
                loss = torch.nn.functional.cross_entropy(self.network(packed).data, labels)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()

    def _infer(self, batch):
        packed = self.network(pack_padded_sequence(batch[0], batch[1], enforce_sorted=False))
        packed = packed._replace(data=packed.data.softmax(dim=1))
        padded, lengths = pad_packed_sequence(packed, batch_first=True)
        return [part[:n].numpy() for part, n in zip(padded, lengths.tolist(), strict=True)]


# -- one setting -----------------------------------------------------------------------------------


def check(case, data, threads):
    """Log losses after `CHECK_PASSES` passes; raises where they show different work."""
    engines = {
        "skgru": Fit(case, data, CHECK_PASSES, threads),
        "torch": TorchSteps(case, data, CHECK_PASSES, threads),
    }
    engines["torch"].run(True)
    losses = {}
    for name, engine in engines.items():
        engine.run(False)
        losses[name] = float(log_loss(*flatten_steps(data[1], engine.probabilities)))
    if max(losses.values()) > MOST_LOSS_RATIO * min(losses.values()):
        raise AssertionError(f"losses after {CHECK_PASSES} passes are not alike: {losses}")
    return losses


def quartiles(values):
    return [float(q) for q in np.percentile(values, [25, 50, 75])]


def measure(case, threads, seconds, limit):
    """Milliseconds of an update and of an inference, as JSON types."""
    data = make_data(case)
    record = {"case": case.name, "hidden": case.hidden, "threads": threads,
              "log_loss": check(case, data, threads), "source": source_hash()}  # fmt: skip
    updates = (LONG - SHORT) * N_BATCHES
    engines = {
        "long": Fit(case, data, LONG, threads, TorchSteps.kinds),
        "short": Fit(case, data, SHORT, threads),
        "torch": TorchSteps(case, data, LONG - SHORT, threads),
    }
    limit.measure()
    times, others = time_alternating(engines, True, seconds, threads > 1)
    limit.measure()
    differences = np.subtract(np.median(times["long"]), np.median(times["short"])) / updates
    # Fits of one turn stand next to each other; their blocks may differ in the number of calls.
    n = min(len(times["long"]), len(times["short"]))
    spread = np.subtract(times["long"][:n], times["short"][:n]) / updates
    record["training"] = {
        "skgru": [quartiles(spread)[0], float(differences), quartiles(spread)[2]],
        "torch": quartiles(np.divide(times["torch"], updates)),
    }
    times, more = time_alternating(engines, False, seconds, threads > 1)
    record["inference"] = {"skgru": quartiles(times["long"]), "torch": quartiles(times["torch"])}
    record["limit"] = float(np.median(limit.found))
    record["share"] = case.update_flop / (1e6 * record["training"]["skgru"][1]) / record["limit"]
    record["others"] = max(others, more)
    return record


def work(threads, options):
    """Measure every case on so many threads; append a line of JSON for each."""
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    limit = Limit(threads > 1)
    for case in CASES:
        record = measure(case, threads, options.seconds, limit)
        with open(options.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        ratio = record["training"]["torch"][1] / record["training"]["skgru"][1]
        print(f"[{threads}] {case.name}: torch / skgru {ratio:.2f} in training, "
              f"{record['share']:.0%} of sgemm, {record['others']:.0%} of the cores used by others",
              flush=True)  # fmt: skip


# -- all settings ----------------------------------------------------------------------------------


def report(records):
    """The table of the last line of each case and number of threads."""
    header = ["units", "threads", "training, ms (quartiles)", "torch, ms", "ratio",
              "share of sgemm", "inference, ms (quartiles)", "torch, ms", "ratio",
              "cores used by others"]  # fmt: skip
    rows = []

    def text(values):
        return f"{values[1]:.3g} ({values[0]:.3g} - {values[2]:.3g})"

    for record in records:
        row = [record["hidden"], record["threads"]]
        for kind in ("training", "inference"):
            ours, theirs = record[kind]["skgru"], record[kind]["torch"]
            row += [text(ours), text(theirs), f"{theirs[1] / ours[1]:.2f}"]
            if kind == "training":
                row.append(f"{record['share']:.0%}")
        rows.append([*row, f"{record['others']:.0%}"])
    return markdown_table(header, rows)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    folder = Path(__file__).resolve().parent
    out = folder.parent / "docs" / "_tables" / "step_speed.md"
    parser.add_argument("--out", type=Path, default=out, help="Markdown file to write")
    parser.add_argument("--results", type=Path, default=folder / "results" / "step_speed.jsonl")
    parser.add_argument("--threads", nargs="+", default=["1", "all"], help="numbers, or all")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each engine and kind")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    if options.worker:
        work(options.worker, options)
        return
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for threads in dict.fromkeys(n_cores if t == "all" else int(t) for t in options.threads):
        # NumPy and torch read the number of threads when they are imported.
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
                               str(threads))  # fmt: skip
        command = [sys.executable, __file__, "--worker", str(threads)]
        command += ["--seconds", str(options.seconds), "--results", str(options.results)]
        subprocess.run(command, env={**os.environ, **limits}, check=True)
    lines = options.results.read_text(encoding="utf-8").splitlines()
    latest = {(r["hidden"], r["threads"]): r for r in map(json.loads, lines)}
    text = (
        f"Bidirectional, {CASES[0].inputs} features, {N_CLASSES} classes, batches of "
        f"{CASES[0].batch} sequences of 10 to 200 steps, float32; medians. *Training* is one "
        "update with Adam, *inference* the probabilities of all steps of 256 sequences. *Share of "
        "sgemm*: matrix products of an update per second, of the speed of a large sgemm on as many "
        "threads in the same run."
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(f"{text}\n\n{report(latest.values())}\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
