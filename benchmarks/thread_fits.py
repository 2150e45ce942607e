"""What a second thread gains in whole fits, by layer size and batch size.

    python benchmarks/thread_fits.py --out docs/_tables/thread_fits.md

Fits of ten epochs of sequences of 50 steps and 8 features take turns on one thread and on two.
Where something else uses a core now and then, medians tell little, so tenth percentiles stand
beside them.
"""

import argparse
import time

import _results
import numpy as np
from _runner import markdown_table

from skgru import GRUClassifier

_CASES = [(units, batch) for units in (32, 64, 128) for batch in (32, 64, 256)]
_SECONDS, _BATCHES = 12.0, 12


def measure_case(units, batch):
    """Milliseconds of an update, in every fit on one thread and on two."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(_BATCHES * batch, 50, 8)).astype(np.float32)
    y = rng.integers(0, 2, len(X))
    times, start = ([], []), time.perf_counter()
    while time.perf_counter() - start < _SECONDS:
        for recorded, n_jobs in zip(times, (1, 2), strict=True):
            model = GRUClassifier(
                units, batch_size=batch, max_iter=10, n_jobs=n_jobs, early_stopping=False,
                random_state=0,
            )  # fmt: skip
            begin = time.perf_counter()
            model.fit(X, y)
            recorded.append(1e3 * (time.perf_counter() - begin) / (10 * _BATCHES))
    found = [np.percentile(recorded[1:], [10, 50]).tolist() for recorded in times]
    return {"units": units, "batch": batch, "one": found[0], "two": found[1]}


def write_report(rows, out):
    """Write the table."""
    header = [
        "units", "batch_size", "one thread, ms", "two threads, ms", "gain, medians",
        "gain, tenth percentiles",
    ]  # fmt: skip
    lines = [
        [
            str(row["units"]), str(row["batch"]), f"{row['one'][1]:.3g}", f"{row['two'][1]:.3g}",
            f"{row['one'][1] / row['two'][1]:.2f}", f"{row['one'][0] / row['two'][0]:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(markdown_table(header, lines) + "\n", encoding="utf-8")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser)
    options = parser.parse_args(argv)
    path = _results.results_path(options)
    if not options.report_only:
        rows = []
        for case in _CASES:
            rows.append(measure_case(*case))
            print(rows[-1], flush=True)
        _results.write(path, rows)
    write_report(_results.read(path), options.out)


if __name__ == "__main__":
    main()
