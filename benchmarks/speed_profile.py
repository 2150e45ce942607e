"""Where the time of a training step and of an inference goes, and what a second thread gains.

    python benchmarks/speed_profile.py --out docs/_tables/speed_profile.md

On one thread, the clocks are around the kernels of every shape of the speed benchmark: the
recurrence forward and backward (with the products for the weights), the packing of weights and of
inputs; what is left is Python and small moves. The share of the sgemm limit that each of the two
recurrences reaches is of its own products, activations included in its time. On two threads,
medians tell little where something else uses a core now and then, so the tenth percentile stands
beside them. Runs of ten calls on one thread and on two take turns.
"""

import argparse
import time
from types import SimpleNamespace

import _results
import numpy as np
from _engine import Engine
from _runner import markdown_table
from _speed_cases import CASES, Problem
from _speed_report import SHAPE
from _speed_timing import Limit

_PARTS = {
    "forward": ("gru_forward",),
    "backward": ("gru_backward",),
    "weights": ("pack_gru", "unpack_gru_gradient", "add"),
    "inputs": ("pack_sequences", "connect"),
}
_SECONDS, _BLOCK, _LEAST = 0.6, 10, 12


class ClockedKernels:
    """The kernels of a network, with a clock around those of `_PARTS`."""

    def __init__(self, network):
        self.spent = dict.fromkeys(_PARTS, 0.0)
        clocked = SimpleNamespace(**vars(network.kernels))
        for part, names in _PARTS.items():
            for name in names:
                setattr(clocked, name, self._with_clock(getattr(clocked, name), part))
        for owner in (network, *network.modules):
            owner.kernels = clocked

    def _with_clock(self, kernel, part):
        def run(*arguments):
            start = time.perf_counter()
            kernel(*arguments)
            self.spent[part] += time.perf_counter() - start

        return run


def profile(case, limit):
    """Milliseconds of each part, of a training step and of an inference on one thread."""
    found = []
    for train in (True, False):
        engine = Engine(Problem(case), 1)
        clock = ClockedKernels(engine.network)
        engine.run(train)
        parts, started = [], time.perf_counter()
        while len(parts) < _LEAST or time.perf_counter() - started < _SECONDS:
            clock.spent = dict.fromkeys(_PARTS, 0.0)
            start = time.perf_counter()
            engine.run(train)
            whole = time.perf_counter() - start
            parts.append([whole, *clock.spent.values()])
        whole, *spent = (1e3 * float(x) for x in np.median(parts, axis=0))
        spent = dict(zip(_PARTS, spent, strict=True))
        work = {"forward": case.flop, "backward": case.backward_flop}
        shares = {
            part: work[part] / (1e6 * spent[part]) / limit
            for part in ("forward", "backward")
            if spent[part] > 0
        }
        found.append({"case": case.name, "train": train, "ms": whole, **spent, "shares": shares})
    return found


def second_thread(case):
    """Times on one thread and on two, in turns."""
    problem, found = Problem(case), []
    engines = Engine(problem, 1), Engine(problem, 2)
    for train in (True, False):
        times = [], []
        started = time.perf_counter()
        while len(times[0]) < _BLOCK * 4 or time.perf_counter() - started < 4 * _SECONDS:
            for engine, recorded in zip(engines, times, strict=True):
                engine.run(train)
                for _ in range(_BLOCK):
                    start = time.perf_counter()
                    engine.run(train)
                    recorded.append(1e3 * (time.perf_counter() - start))
        quantiles = [np.percentile(recorded, [10, 50, 90]).tolist() for recorded in times]
        found.append({"case": case.name, "train": train, "one": quantiles[0], "two": quantiles[1]})
    return found


def profile_table(rows):
    header = [
        SHAPE, "pass", "all, ms", "forward", "backward", "weights", "inputs", "other",
        "forward / sgemm", "backward / sgemm",
    ]  # fmt: skip
    lines = []
    for row in rows:
        rest = row["ms"] - sum(row[part] for part in _PARTS)
        shares = [
            f"{100 * row['shares'][p]:.0f}%" if p in row["shares"] else "-"
            for p in ("forward", "backward")
        ]
        times = [f"{x:.3g}" for x in (row["ms"], *(row[part] for part in _PARTS), rest)]
        lines.append([row["case"], "training" if row["train"] else "inference", *times, *shares])
    return markdown_table(header, lines)


def threads_table(rows):
    header = [
        SHAPE, "pass", "one thread, ms (10 - 90 %)", "two threads, ms (10 - 90 %)",
        "gain, medians", "gain, tenth percentiles",
    ]  # fmt: skip
    lines = []
    for row in rows:
        one, two = row["one"], row["two"]
        lines.append([
            row["case"], "training" if row["train"] else "inference",
            *(f"{t[1]:.3g} ({t[0]:.3g} - {t[2]:.3g})" for t in (one, two)),
            f"{one[1] / two[1]:.2f}", f"{one[0] / two[0]:.2f}",
        ])  # fmt: skip
    return markdown_table(header, lines)


def write_report(record, out):
    """Write the tables."""
    text = [
        "# Parts of a run on one thread",
        f"Milliseconds; the rate of sgemm was {np.median(record['limit']):.0f} GFLOP/s.",
        profile_table(record["parts"]),
        "# A second thread",
        threads_table(record["threads"]),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def measure():
    """Measure every shape; return JSON types."""
    limit = Limit(pause=False)
    parts, threads = [], []
    for case in CASES:
        limit.measure()
        if case.kind != "float64":
            parts += profile(case, float(np.median(limit.found)))
        if case.batch > 1 and case.hidden >= 50:
            threads += second_thread(case)
        print(case.name, flush=True)
    return {"limit": limit.found, "parts": parts, "threads": threads}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser)
    options = parser.parse_args(argv)
    path = _results.results_path(options)
    if not options.report_only:
        _results.write(path, measure())
    write_report(_results.read(path), options.out)


if __name__ == "__main__":
    main()
