"""Time the updates of models with a small and with a large vocabulary.

    python benchmarks/vocabulary.py --out docs/_tables/vocabulary.md

Embeddings of 64 columns and one GRU layer of 64 units, float32, Adam, on sequences of 20 to 50
symbols. Symbols are drawn as words are (the frequency of the k-th is proportional to 1 / k), and
uniformly, which is the hardest case: nearly every step of a batch has a symbol of its own, whose
vector and running means lie anywhere in tables of 26 MB each. Updates of the two models take
turns. What ends an epoch (copies of the parameters and of the running means, checks that they are
finite) is proportional to all parameters, as for every model; it is timed apart.
"""

import argparse
import time
from itertools import product

import _results
import numpy as np
from _runner import markdown_table

from skgru.data import Sequences, minibatches
from skgru.models import GRUNetwork
from skgru.training import (
    Adam,
    ConstantRate,
    Dataset,
    MultinomialLogLoss,
    Stopping,
    Trainer,
)

VOCABULARIES, COLUMNS, UNITS, N_CLASSES = (1_000, 100_000), 64, 64, 4
BATCHES, N_BATCHES = (32, 256), 40
DRAWS, THREADS = ("as words", "uniform"), (1, 2)


class Model:
    """A network in training; an update takes the next batch.

    Parameters
    ----------
    vocabulary : int
    draw : {"as words", "uniform"}
    batch, threads : int
    """

    def __init__(self, vocabulary, draw, batch, threads):
        rng = np.random.default_rng(0)
        n = batch * N_BATCHES
        offsets = np.concatenate([[0], np.cumsum(rng.integers(20, 51, n))])
        share = np.arange(1.0, vocabulary + 1) ** (-1 if draw == "as words" else 0)
        # Codes are random numbers of the symbols: neighbours in the table are not alike in rank.
        ranks = rng.choice(vocabulary, offsets[-1], p=share / share.sum())
        codes = (1 + rng.permutation(vocabulary)[ranks]).astype(np.int32)[:, np.newaxis]
        sequences = Sequences(np.empty((offsets[-1], 0)), offsets, "ragged", codes)
        target = rng.integers(0, N_CLASSES, (n, 1)).astype(float)
        data = Dataset(sequences, np.arange(n), target, np.ones(n))
        self.network = network = GRUNetwork(
            0, (UNITS,), bidirectional=False, pooling=("last",), n_outputs=N_CLASSES, dropout=0,
            recurrent_dropout=0, dtype="float32", loss=MultinomialLogLoss(N_CLASSES),
            embeddings=((1 + vocabulary, COLUMNS, False),),
        )  # fmt: skip
        self.parameters = network.layout.initialize(np.random.RandomState(0), network.dtype)
        self.trainer = Trainer(
            network, Adam(network.kernels, network.layout.size, network.dtype, 0.9, 0.999, 1e-8),
            ConstantRate(1e-3), Stopping(np.inf, 0.0), keep_best=False, batch_size=batch,
            shuffle=False, random_state=np.random.RandomState(0), penalty=0.0, max_grad_norm=1.0,
            n_threads=threads, shift=np.zeros(0), scale=np.ones(0),
        )  # fmt: skip
        self._on_device, self._feed = network.upload(self.parameters), self.trainer.feed(data)
        self._batches, self._next = minibatches(data.indices, batch), 0
        self.update()

    def update(self):
        """Make an update; return milliseconds."""
        batch = self._batches[self._next % N_BATCHES]
        self._next += 1
        start = time.perf_counter()
        self.trainer._step(self._on_device, self._feed, batch, float(len(batch)), None, 0.5)
        return 1e3 * (time.perf_counter() - start)

    def end_epoch(self):
        """Do what ends an epoch; return milliseconds."""
        start = time.perf_counter()
        self.network.download(self._on_device, self.parameters)
        state = self.trainer.optimizer.get_state()
        assert self.trainer._is_finite(0.0, self.parameters, state)
        self.trainer.result(self.parameters, 1, optimizer_state=state)
        return 1e3 * (time.perf_counter() - start)


def measure(draw, batch, threads, seconds):
    """Quartiles of the milliseconds of an update, and medians of those that end an epoch."""
    models = [Model(vocabulary, draw, batch, threads) for vocabulary in VOCABULARIES]
    times, started = [[] for _ in models], time.perf_counter()
    while len(times[0]) < 2 * N_BATCHES or time.perf_counter() - started < seconds:
        for model, found in zip(models, times, strict=True):
            model.update()  # its own data return to the cache
            found += [model.update() for _ in range(4)]
    ends = [float(np.median([model.end_epoch() for _ in range(5)])) for model in models]
    quartiles = [np.percentile(found, [25, 50, 75]).tolist() for found in times]
    return {"symbols": draw, "batch": batch, "threads": threads, "ms": quartiles, "ends": ends}


def report(records):
    small, large = (f"{n:,}" for n in VOCABULARIES)
    header = [
        "symbols", "batch", "threads", f"{small} symbols, ms (quartiles)",
        f"{large} symbols, ms (quartiles)", "ratio", f"end of an epoch, {large}, ms",
    ]  # fmt: skip
    rows = []
    for record in records:
        texts = [f"{q[1]:.3g} ({q[0]:.3g} - {q[2]:.3g})" for q in record["ms"]]
        ratio = record["ms"][1][1] / record["ms"][0][1]
        rows.append([record["symbols"], record["batch"], record["threads"], *texts,
                     f"{ratio:.2f}", f"{record['ends'][1]:.0f}"])  # fmt: skip
    return (
        f"Embeddings of {COLUMNS} columns, {UNITS} units, sequences of 20 to 50 symbols, float32; "
        "medians of an update with Adam.\n\n" + markdown_table(header, rows)
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row of the table")
    _results.add_arguments(parser)
    options = parser.parse_args(argv)
    path = _results.results_path(options)
    if not options.report_only:
        records = [measure(*case, options.seconds) for case in product(DRAWS, BATCHES, THREADS)]
        _results.write(path, {"versions": _results.versions("numpy", "numba"), "rows": records})
    options.out.write_text(report(_results.read(path)["rows"]) + "\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
