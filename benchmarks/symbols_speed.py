"""Time networks of words beside the same ones in torch: a tag for every word, a class a sentence.

    python benchmarks/symbols_speed.py DATA_FOLDER [--threads 1 all] [--seconds 20]

Vectors of words (64 numbers), one bidirectional GRU layer of 64 units in each direction, and a
softmax at every word or on the last, mean and maximal states. The words are real: parts of speech
of `ud_ewt`, and `rt_polarity`, 2,048 sentences each in batches of 64, float32, Adam.

A training step is all of an update, and is measured through the public estimator as in
`step_speed.py`: a fit of more passes less one of a single pass, so that encoding the words, which
happens once, is not in it. torch has encoded and padded its batches beforehand; packing them is
timed. Our rule for the vectors of words is that of `torch.optim.SparseAdam`. torch is timed with
this rule, and with ordinary Adam for everything, which is what one writes first and changes every
vector at each step. The ratio is that to the faster of the two. Inference is ``predict_proba`` of
all sentences, from lists of words with us, from padded numbers in torch.
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
from _speed_timing import time_alternating
from _texts import read_rt_polarity, read_tagged
from peers import _torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from step_speed import quartiles
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from skgru import GRUClassifier, GRUStepClassifier
from skgru.metrics import flatten_steps

UNITS, VECTOR, BATCH, RATE = 64, 64, 64, 3e-3
N_SENTENCES = 2048
SHORT, LONG = 1, 3  # passes of the two fits whose difference is measured
CHECK_PASSES, MOST_LOSS_RATIO = 3, 1.25


@dataclass(frozen=True)
class Task:
    """Sentences as lists of words, and what is to be predicted: a class, or one for each word."""

    name: str
    X: list
    y: object
    pooled: bool

    @property
    def n_updates(self):
        return -(-len(self.X) // BATCH)

    def log_loss(self, probabilities):
        y = self.y
        if not self.pooled:
            y, probabilities = flatten_steps(y, probabilities)
        rows = np.asarray(probabilities, dtype=np.float64)
        return float(log_loss(y, rows / rows.sum(axis=1, keepdims=True)))


def read_tasks(data_folder):
    rng = np.random.default_rng(0)
    tagged = read_tagged(data_folder, "ud_ewt")[0]
    chosen = rng.permutation(len(tagged.sentences))[:N_SENTENCES]
    yield Task(
        "parts of speech",
        [tagged.sentences[i] for i in chosen],
        [tagged.tags[i] for i in chosen],
        False,
    )
    X, y = read_rt_polarity(data_folder)
    chosen = rng.permutation(len(X))[:N_SENTENCES]
    yield Task("sentence polarity", [X[i].split() for i in chosen], y[chosen], True)


class Fit:
    """Fits of `passes` passes as runs; inference with what the last one learnt."""

    def __init__(self, task, passes, threads, kinds=("training",)):
        self.kinds, self.task = kinds, task
        estimator = GRUClassifier if task.pooled else GRUStepClassifier
        self.model = estimator(
            UNITS, bidirectional=True, embedding_dim=VECTOR, batch_size=BATCH, max_iter=passes,
            learning_rate="constant", learning_rate_init=RATE, alpha=0.0, max_grad_norm=None,
            early_stopping=False, tol=0.0, n_iter_no_change=passes, random_state=0,
            n_jobs=threads,
        )  # fmt: skip
        self.run(True)

    def run(self, train):
        if train:
            self.model.fit(self.task.X, self.task.y)
        else:
            self.probabilities = self.model.predict_proba(self.task.X)


class Network(torch.nn.Module):
    """Vectors, a packed GRU, and a linear head on every state or on pooled states."""

    def __init__(self, n_words, n_classes, pooled, sparse):
        super().__init__()
        self.vectors = torch.nn.Embedding(n_words, VECTOR, sparse=sparse)
        torch.nn.init.normal_(self.vectors.weight, std=0.1)
        self.gru = torch.nn.GRU(VECTOR, UNITS, bidirectional=True, batch_first=True)
        self.pooled = pooled
        self.head = torch.nn.Linear(2 * UNITS * (3 if pooled else 1), n_classes)

    def forward(self, words, lengths):
        """Logits: of the packed steps (packed), or of shape (n_sentences, n_classes)."""
        packed = pack_padded_sequence(
            self.vectors(words), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.gru(packed)
        if not self.pooled:
            return states._replace(data=self.head(states.data))
        states, _ = pad_packed_sequence(states, batch_first=True)
        padding = (torch.arange(states.shape[1]) >= lengths[:, None])[:, :, None]
        mean = states.sum(dim=1) / lengths[:, None]  # states in the padding are 0
        largest = states.masked_fill(padding, -torch.inf).amax(dim=1)
        return self.head(torch.cat([last[0], last[1], mean, largest], dim=1))


class TorchWords:
    """The same in torch; a run is as many updates as `passes` passes make."""

    kinds = ("training", "inference")

    def __init__(self, task, passes, threads, sparse):
        _torch._prepare(threads)
        torch.manual_seed(0)
        self.task, self.passes = task, passes
        number = {word: i for i, word in enumerate(sorted({w for x in task.X for w in x}))}
        classes = np.unique(task.y if task.pooled else np.concatenate(task.y))
        self.network = Network(len(number), len(classes), task.pooled, sparse)
        vectors = [self.network.vectors.weight]
        others = [value for value in self.network.parameters() if value is not vectors[0]]
        self.optimizers = [
            torch.optim.Adam(others if sparse else others + vectors, lr=RATE),
            *([torch.optim.SparseAdam(vectors, lr=RATE)] if sparse else []),
        ]
        self.batches = []
        for start in range(0, len(task.X), BATCH):
            X, y = (part[start : start + BATCH] for part in (task.X, task.y))
            words = [torch.tensor([number[word] for word in words]) for words in X]
            if task.pooled:
                labels = torch.from_numpy(np.searchsorted(classes, y))
            else:
                labels = torch.nn.utils.rnn.pack_sequence(
                    [torch.from_numpy(np.searchsorted(classes, tags)) for tags in y],
                    enforce_sorted=False,
                ).data
            lengths = torch.tensor([len(x) for x in X])
            self.batches.append((pad_sequence(words, batch_first=True), lengths, labels))

    def run(self, train):
        if not train:
            with torch.inference_mode():
                self.probabilities = [part for batch in self.batches for part in self._infer(batch)]
            return
        for _ in range(self.passes):
            for words, lengths, labels in self.batches:
                logits = self.network(words, lengths)
                loss = cross_entropy(logits if self.task.pooled else logits.data, labels)
                self.network.zero_grad()
                loss.backward()
                for optimizer in self.optimizers:
                    optimizer.step()

    def _infer(self, batch):
        logits = self.network(*batch[:2])
        if self.task.pooled:
            return logits.softmax(dim=1).numpy()
        logits = logits._replace(data=logits.data.softmax(dim=1))
        padded, lengths = pad_packed_sequence(logits, batch_first=True)
        return [part[:n].numpy() for part, n in zip(padded, lengths.tolist(), strict=True)]


def check(task, threads):
    """Log losses after `CHECK_PASSES` passes; raises where they show different work."""
    engines = {
        "skgru": Fit(task, CHECK_PASSES, threads),
        "torch": TorchWords(task, CHECK_PASSES, threads, sparse=True),
    }
    engines["torch"].run(True)
    losses = {}
    for name, engine in engines.items():
        engine.run(False)
        losses[name] = task.log_loss(engine.probabilities)
    if max(losses.values()) > MOST_LOSS_RATIO * min(losses.values()):
        raise AssertionError(f"losses after {CHECK_PASSES} passes are not alike: {losses}")
    return losses


def measure(task, threads, seconds):
    """Milliseconds of an update and of an inference, as JSON types."""
    record = {"task": task.name, "threads": threads, "log_loss": check(task, threads),
              "source": source_hash()}  # fmt: skip
    updates = (LONG - SHORT) * task.n_updates
    engines = {
        "long": Fit(task, LONG, threads, TorchWords.kinds),
        "short": Fit(task, SHORT, threads),
        "torch": TorchWords(task, LONG - SHORT, threads, sparse=False),
        "torch sparse": TorchWords(task, LONG - SHORT, threads, sparse=True),
    }
    times, others = time_alternating(engines, True, seconds, threads > 1)
    difference = (np.median(times["long"]) - np.median(times["short"])) / updates
    record["training"] = {"skgru": float(difference)}
    for name in ("torch", "torch sparse"):
        record["training"][name] = quartiles(np.divide(times[name], updates))
    times, more = time_alternating(engines, False, seconds, threads > 1)
    record["inference"] = {
        "skgru": quartiles(times["long"]),
        "torch": quartiles(times["torch"]),
    }
    record["others"] = max(others, more)
    return record


def fastest(record):
    return min(record["training"][name][1] for name in ("torch", "torch sparse"))


def work(threads, options):
    """Measure every task on so many threads; append a line of JSON for each."""
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    for task in read_tasks(options.data_folder):
        record = measure(task, threads, options.seconds)
        with open(options.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        ratio = fastest(record) / record["training"]["skgru"]
        print(f"[{threads}] {task.name}: torch / skgru {ratio:.2f} in training, "
              f"{record['others']:.0%} of the cores used by others", flush=True)  # fmt: skip


def report(records):
    """The table of the last line of each task and number of threads."""
    header = ["task", "threads", "training, ms", "torch, Adam, ms", "torch, SparseAdam, ms",
              "ratio", "inference, ms", "torch, ms", "ratio", "cores used by others"]  # fmt: skip
    rows = []
    for record in records:
        training, inference = record["training"], record["inference"]
        rows.append(
            [
                record["task"],
                record["threads"],
                f"{training['skgru']:.3g}",
                f"{training['torch'][1]:.3g}",
                f"{training['torch sparse'][1]:.3g}",
                f"{fastest(record) / training['skgru']:.1f}",
                f"{inference['skgru'][1]:.3g}",
                f"{inference['torch'][1]:.3g}",
                f"{inference['torch'][1] / inference['skgru'][1]:.1f}",
                f"{record['others']:.0%}",
            ]
        )
    return markdown_table(header, rows)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    folder = Path(__file__).resolve().parent
    out = folder.parent / "docs" / "_tables" / "symbols_speed.md"
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--out", type=Path, default=out, help="Markdown file to write")
    parser.add_argument("--results", type=Path, default=folder / "results" / "symbols_speed.jsonl")
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
        command = [sys.executable, __file__, str(options.data_folder), "--worker", str(threads)]
        command += ["--seconds", str(options.seconds), "--results", str(options.results)]
        subprocess.run(command, env={**os.environ, **limits}, check=True)
    lines = options.results.read_text(encoding="utf-8").splitlines()
    latest = {(r["task"], r["threads"]): r for r in map(json.loads, lines)}
    text = (
        f"Vectors of {VECTOR} numbers, bidirectional, {UNITS} units, batches of {BATCH} of "
        f"{N_SENTENCES:,} sentences, float32; medians. *Training* is one update, *inference* the "
        "probabilities of all sentences, ours from words, those of torch from numbers. *Ratio*: "
        "the faster of the two ways in torch over ours."
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(f"{text}\n\n{report(latest.values())}\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
