"""Does the memory of `fit` stay bounded, and does its time grow in proportion to the work?

    python benchmarks/memory.py --out docs/_tables/memory.md [--gigabytes 4] [--folder FOLDER]

Every fit whose memory is measured has a process of its own, watched from outside through Linux's
``/proc``. X and y are there and the kernels are loaded (by a fit of four short sequences) before
the measurement starts; what the resident memory then grows by at its peak is "beyond X". The peak
is ``VmHWM``, the number behind ``ru_maxrss``, set back just before the fit.

With X in a memory map two kinds of pages count as resident: anonymous ones, which are what a fit
needs, and those of the file, which the system lends while it has memory to spare and takes back
when it has not. The kinds are told apart by reading them every 5 ms. One fit has its private memory
limited to 1 GB by the system and would fail if it asked for more. Another one hands the pages of
the file back every millisecond, in the place of a system short of memory; that leaves a total
that can be compared with 1 GB. ``--folder`` is where the file is written, and deleted in the end.
"""

import argparse
import gc
import json
import mmap
import os
import select
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import _results
import numpy as np
from _memory_report import write

FEATURES, UNITS, LIMIT = 8, 32, 10**9
MAP_STEPS, MAP_UNITS = 128, 16
SAMPLE_SECONDS, RELEASE_SECONDS, NEWS_SECONDS = 0.005, 0.001, 20.0
_CASE = {
    "steps": 50, "units": UNITS, "batch": 256, "epochs": 2, "jobs": 1, "standardize": True,
    "early_stopping": False, "map": None, "limit": None, "release": False,
}  # fmt: skip
_SIZES = ("n", "steps", "units", "batch", "epochs", "jobs", "release")
_FIELDS = {
    "VmHWM": "peak", "VmRSS": "total", "RssAnon": "anonymous", "RssFile": "file",
    "RssShmem": "shared",
}  # fmt: skip


# -- in the process of one fit ---------------------------------------------------------------------


def make_model(case):
    from skgru import GRURegressor

    return GRURegressor(
        hidden_layer_sizes=case["units"], batch_size=case["batch"], max_iter=case["epochs"],
        standardize=case["standardize"], early_stopping=case["early_stopping"],
        n_iter_no_change=case["epochs"] + 1, random_state=0, n_jobs=case["jobs"],
    )  # fmt: skip


def make_data(n_sequences, steps, seed=0):
    """Noise, and the mean of its first feature as the target."""
    X = np.empty((n_sequences, steps, FEATURES), dtype=np.float32)
    np.random.default_rng(seed).standard_normal(out=X, dtype=np.float32)
    return X, X[:, :, 0].mean(axis=1, dtype=np.float64)


def load_kernels(jobs=1):
    """Compile or load all that a fit needs; too small to leave memory that is used again."""
    tiny = {**_CASE, "units": 4, "batch": 2, "jobs": jobs}
    for early_stopping in (False, True):
        make_model({**tiny, "early_stopping": early_stopping}).fit(*make_data(4, 3))


def read_memory(process="self"):
    """Resident bytes of a process by kind, as far as they can be read."""
    found = {}
    with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in _FIELDS:
                found[_FIELDS[name]] = 1024 * int(value.split()[0])
    return found


def release_pages(X):
    """From now on, take the pages of a memory map out of the resident memory every millisecond.

    At a function call, by Python's hook for profilers: unlike another thread or a timer, which may
    come late on a busy machine, it does not let the fit run ahead.
    """
    last = 0.0

    def hook(*_):
        nonlocal last
        if time.monotonic() - last > RELEASE_SECONDS:
            X.base.madvise(mmap.MADV_DONTNEED)
            last = time.monotonic()

    sys.setprofile(hook)


def probe(case):
    """Run one fit; tell the watching process when it starts, and what was found."""
    warnings.simplefilter("ignore")  # two epochs do not converge
    if case["map"]:
        folder = Path(case["map"])
        X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    else:
        X, y = make_data(case["n"], case["steps"])
    load_kernels(case["jobs"])
    if case["limit"]:
        import resource

        # Private memory that can be written to: all that a process has but code and mapped files.
        resource.setrlimit(resource.RLIMIT_DATA, (case["limit"], case["limit"]))
    model = make_model(case)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets VmHWM to VmRSS
    before = read_memory()
    if case["release"]:
        release_pages(X)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    after = read_memory()
    sys.setprofile(None)
    if not case["early_stopping"] and model.n_iter_ != case["epochs"]:
        raise AssertionError(f"fit ended after {model.n_iter_} of {case['epochs']} epochs")
    print(json.dumps({"before": before, "peak": after["peak"], "seconds": seconds}), flush=True)


def time_fits(options):
    """Seconds of fits by what is varied: sequences, steps or epochs."""
    warnings.simplefilter("ignore")
    load_kernels()
    axes = {
        "sequences": [250 * 2**i for i in range(4 if options.quick else 6)],
        "steps": [25 * 2**i for i in range(4 if options.quick else 6)],
        "epochs": [2**i for i in range(4 if options.quick else 6)],
    }
    found = {axis: {value: [] for value in values} for axis, values in axes.items()}
    # Everything once, then again: a disturbance hits different points, not one of them thrice.
    for _ in range(options.repeats):
        for axis, values in axes.items():
            for value in values:
                size = {"sequences": 1000, "steps": 50, "epochs": 4, axis: value}
                X, y = make_data(size["sequences"], size["steps"])
                model = make_model({**_CASE, "batch": 32, "epochs": size["epochs"]})
                start = time.perf_counter()
                model.fit(X, y)
                found[axis][value].append(time.perf_counter() - start)
                if model.n_iter_ != size["epochs"]:
                    raise AssertionError(f"fit ended after {model.n_iter_} epochs")
    print(json.dumps(found), flush=True)


# -- in the process of the command -----------------------------------------------------------------


def run_process(*arguments):
    """Start this file again."""
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        # A pool of BLAS threads would count as memory of the fit.
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


def measure(**changes):
    """Run a fit in a new process and watch its memory.

    Returns
    -------
    record : dict
        `_SIZES` of the case; bytes ``before`` the fit by kind; ``highest`` of each kind, sampled;
        ``peak``, exact, of all of it; ``seconds``.
    """
    case = {**_CASE, **changes}
    child = run_process("--probe", json.dumps(case))
    try:
        if child.stdout.readline() != "ready\n":
            raise RuntimeError(f"the process of {case} ended before its fit")
        highest = watch(child)
        found = child.stdout.readline()
    finally:
        child.stdin.close()
        if child.wait() != 0:
            raise RuntimeError(f"the fit of {case} failed (exit status {child.returncode})")
    found = json.loads(found)
    record = {name: case[name] for name in _SIZES}
    record["before"] = {kind: found["before"][kind] for kind in ("total", "anonymous")}
    record |= {"highest": highest, "peak": found["peak"], "seconds": found["seconds"]}
    growth = record["peak"] - record["before"]["total"]
    print(f"{case['n']:,} sequences of {case['steps']} steps, n_jobs={case['jobs']}"
          f"{', memory map' * bool(case['map'])}{', pages handed back' * case['release']}: "
          f"peak {record['peak'] / 1e6:,.0f} MB in all, {growth / 1e6:,.1f} MB more than before; "
          f"anonymous {highest['anonymous'] / 1e6:,.0f} MB ({record['seconds']:.0f} s)",
          flush=True)  # fmt: skip
    return record


def watch(child):
    """Let the fit begin; highest resident bytes of each kind until it has something to say."""
    highest = dict.fromkeys(("anonymous", "mapped"), 0)
    child.stdin.write("go\n")
    child.stdin.flush()
    start = news = time.monotonic()
    while not select.select([child.stdout], [], [], SAMPLE_SECONDS)[0]:
        now = read_memory(child.pid)
        if "anonymous" not in now:  # it has just ended
            break
        highest["anonymous"] = max(highest["anonymous"], now["anonymous"])
        highest["mapped"] = max(highest["mapped"], now["file"] + now["shared"])
        if time.monotonic() - news > NEWS_SECONDS:
            news = time.monotonic()
            anonymous, files = now["anonymous"] / 1e6, (now["file"] + now["shared"]) / 1e6
            print(f"  {news - start:4.0f} s: {anonymous:,.0f} + {files:,.0f} MB", flush=True)
    return highest


def write_map(folder, n_sequences):
    """Write X and y of the memory-mapped fit, piece by piece."""
    shape, piece = (n_sequences, MAP_STEPS, FEATURES), 16_384
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float32, shape=shape)
    y = np.empty(n_sequences)
    for number, start in enumerate(range(0, n_sequences, piece)):
        part = slice(start, min(start + piece, n_sequences))
        X[part], y[part] = make_data(part.stop - start, MAP_STEPS, seed=[1, number])
        if number % 10 == 0:
            X.flush()
            X.base.madvise(mmap.MADV_DONTNEED)
            print(f"  writing {100 * part.stop / n_sequences:3.0f} %", flush=True)
    X.flush()
    np.save(folder / "y.npy", y)


def measure_map(options):
    """The memory-mapped fit: with a limit on private memory, and with pages handed back."""
    n_sequences = int(options.gigabytes * 1e9) // (4 * MAP_STEPS * FEATURES)
    case = {"n": n_sequences, "steps": MAP_STEPS, "units": MAP_UNITS, "epochs": 1}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        write_map(Path(folder), n_sequences)
        return [
            measure(**case, map=folder, limit=LIMIT),
            measure(**case, map=folder, limit=LIMIT, release=True),
        ]


def measure_growth(quick):
    """Peaks by number of sequences, X in memory."""
    sizes = (1000, 4000, 16_000, 64_000) if quick else (1000, 4000, 16_000, 64_000, 256_000)
    return [measure(n=n, epochs=1 if quick else 2) for n in sizes]


def measure_in_flight(quick):
    """Peaks by steps and threads.

    Without standardising: finding the scales takes pieces of 16 MiB, beside which the shards in
    flight would not be seen.
    """
    sizes = [(2000, 50, 1), (2000, 500, 1), (8000, 500, 1), (2000, 2000, 1)]
    if len(os.sched_getaffinity(0)) > 1:
        sizes += [(2000, 500, 2), (2000, 2000, 2)]
    else:
        print("a single core: n_jobs=2 is left out.")
    return [
        measure(n=n, steps=steps, jobs=jobs, epochs=1, standardize=False)
        for n, steps, jobs in (sizes[:3] if quick else sizes)
    ]


def measure_cost(options):
    quick = ["--quick"] if options.quick else []
    child = run_process("--time", "--repeats", str(options.repeats), *quick)
    output, _ = child.communicate()
    if child.returncode != 0:
        raise RuntimeError(f"timing failed (exit status {child.returncode})")
    return json.loads(output)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser, required=False)
    parser.add_argument("--gigabytes", type=float, default=4, help="size of the memory map")
    parser.add_argument("--folder", type=Path, help="where to write it; the system's by default")
    parser.add_argument("--repeats", type=int, default=3, help="timings of which the median counts")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--probe", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--time", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.probe:
        return probe(options.probe)
    if options.time:
        return time_fits(options)
    if not options.out:
        parser.error("--out is required")
    path = _results.results_path(options)
    if options.report_only:
        return write(_results.read(path), options.out)
    if not Path("/proc/self/clear_refs").exists():
        parser.error("resident memory is read from /proc of Linux")
    measure(n=64, steps=3)  # leaves the compiled kernels on disk: compiling would count as peak
    record = {
        "n_cores": len(os.sched_getaffinity(0)),
        "versions": _results.versions("numpy", "numba"),
        "map_limit": LIMIT,
        "cost": measure_cost(options),
        "growth": measure_growth(options.quick),
        "in_flight": measure_in_flight(options.quick),
        "map": measure_map(options),
    }
    _results.write(path, record)
    write(record, options.out)


if __name__ == "__main__":
    main()
