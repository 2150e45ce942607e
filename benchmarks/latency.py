"""What a user waits for: the import, the first fit of a process, one prediction, one step.

    python benchmarks/latency.py --out docs/_tables/latency.md

Imports and first fits run in fresh processes, with an empty cache of compiled kernels and with a
full one. The step is that of a stream (``model.stream().push``) at 64 units, and the prediction
that of one sequence of 100 steps. Medians of several runs, and the fastest and slowest of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import _results
import numpy as np
from _runner import markdown_table

_IMPORT = """
import time
import numba, sklearn
start = time.perf_counter()
import skgru
print(time.perf_counter() - start)
"""

_FIRST_FIT = """
import time
import numpy as np
from skgru import GRURegressor
X = np.random.default_rng(0).normal(size=(64, 20, 3))
start = time.perf_counter()
GRURegressor(max_iter=2).fit(X, X[:, -1, 0])
print(time.perf_counter() - start)
"""

_WARMUP = """
import time
import skgru
start = time.perf_counter()
skgru.warmup()
print(time.perf_counter() - start)
"""


def in_new_process(script, cache):
    """Seconds that a script prints."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(result.stdout)


def process_rows(repeats):
    """What a new process pays."""
    found = {"import skgru, after numba and scikit-learn": []}
    for script, what in ((_FIRST_FIT, "first fit"), (_WARMUP, "skgru.warmup()")):
        cold, warm = [], []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as cache:
                cold.append(in_new_process(script, cache))
                warm.append(in_new_process(script, cache))
                print(f"{what}: {cold[-1]:.2f} s, again {warm[-1]:.2f} s", flush=True)
        found[f"{what}, nothing compiled before"] = cold
        found[f"{what}, kernels in the cache"] = warm
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(5 * repeats):
            found["import skgru, after numba and scikit-learn"].append(
                in_new_process(_IMPORT, cache)
            )
    return found


def call_rows(repeats):
    """What a call costs once everything is warm."""
    from skgru import GRUClassifier, GRURegressor

    X = np.random.default_rng(0).normal(size=(64, 100, 8))
    y = X[:, -1, 0]
    found = {}
    for pooling in ("last", ("last", "mean", "max")):
        model = GRURegressor(max_iter=1, pooling=pooling).fit(X, y)
        found[f"predict, one sequence, pooling {pooling}"] = seconds_of(
            lambda model=model: model.predict(X[:1]), repeats
        )
        stream = model.stream()
        found[f"push, pooling {pooling}"] = seconds_of(
            lambda stream=stream: stream.push(X[0, 0]), repeats
        )
    stream = GRUClassifier(max_iter=1).fit(X, y > 0).stream(method="predict_proba")
    found["push, probabilities, all three poolings"] = seconds_of(
        lambda: stream.push(X[0, 0]), repeats
    )
    return found


def seconds_of(call, repeats, number=1000):
    """Seconds per call, of several rounds."""
    found = []
    for _ in range(repeats * 3 + 1):
        start = time.perf_counter()
        for _ in range(number):
            call()
        found.append((time.perf_counter() - start) / number)
    return found[1:]


def write_report(found, out):
    """Write the table."""
    lines = []
    for what, seconds in found.items():
        low, middle, high = np.percentile(seconds, [0, 50, 100])
        scale, unit = (1e6, "us") if middle < 1e-3 else (1, "s")
        low, middle, high = (f"{scale * value:.3g}" for value in (low, middle, high))
        lines.append([what, f"{middle} {unit}", f"{low} - {high}"])
    out.parent.mkdir(parents=True, exist_ok=True)
    table = markdown_table(["what", "median", "fastest and slowest"], lines)
    out.write_text(table + "\n", encoding="utf-8")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(argv)
    path = _results.results_path(options)
    if not options.report_only:
        _results.write(path, process_rows(options.repeats) | call_rows(options.repeats))
    write_report(_results.read(path), options.out)


if __name__ == "__main__":
    main()
