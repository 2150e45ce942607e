"""Time the engine beside its peers, and measure what a core could do at best.

    python benchmarks/speed.py --out docs/_tables/speed.md [--threads 1 all]

One training step is forward, backward for a gradient of the final states of the top layer, and the
gradients of all weights (not of the inputs); inference is the final states alone. Our packing of
weights and inputs is timed, and so is torch's `pack_padded_sequence`; otherwise peers get the data
beforehand in the layout they like best. Before anything is timed, final states and gradients of
every engine are compared, to 1e-4 of the largest value (1e-8 in float64). Compilation is timed
apart.

Engines alternate within one run, and the tables show medians and the quartiles around them: on a
shared machine ratios within a run mean something, milliseconds of different runs do not. Each turn
is a block of up to ten calls (50 ms at most), every one of them recorded, after one call that is
not: the steady state of an engine (`_speed_timing.time_alternating`).

Each setting of ``--threads`` is a process of its own, because some engines take their number of
threads from the environment only. The one of one thread is tied to one core.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _results

# Of one core; NumPy, torch and JAX read these when they are imported.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
_PACKAGES = (
    "skgru", "numpy", "numba", "scikit-learn", "torch", "jax", "jaxlib", "keras", "onnx",
    "onnxruntime", "openvino", "skorch",
)  # fmt: skip


# -- in the process of one setting -----------------------------------------------------------------


def build(problem, threads, absent):
    """Engines by name (ours first), seconds each took to build, and reasons for those left out."""
    import peers
    from _engine import Engine

    makers = {"skgru": lambda: Engine(problem, threads)}
    for name in peers.NAMES:
        if name not in absent:
            makers[name] = lambda name=name: peers.load(name)(problem, threads)
            try:
                peers.load(name)  # importing is no part of compiling
            except ImportError as error:
                absent[name] = f"cannot be imported: {error}"
                del makers[name]
    engines, seconds, reasons = {}, {}, {}
    for name, make in makers.items():
        start = time.perf_counter()
        try:
            engines[name] = make()
            seconds[name] = time.perf_counter() - start - getattr(engines[name], "choosing", 0.0)
        except peers.Unsupported as reason:
            reasons[name] = str(reason)
    return engines, seconds, reasons


def companions(case, engine, threads):
    """Our own engine in other circumstances, timed in the same run."""
    from _engine import Engine
    from _speed_cases import Problem

    found = {}
    if threads > 1:
        found["skgru, one thread"] = Engine(engine.problem, 1)
    if case.kind == "odd":
        found["skgru, padded"] = Engine(Problem(case.padded(engine.n_units)), threads)
    if case.kind == "long":
        found["skgru, short"] = Engine(Problem(case.short()), threads)
    return found


def measure(case, threads, options, absent):
    """Everything about one case, as JSON types."""
    from _speed_cases import Problem
    from _speed_timing import TOLERANCES, check, summarize, time_alternating

    engines, built, reasons = build(Problem(case), threads, absent)
    first_runs = check(engines, TOLERANCES[case.dtype.name])
    row = {
        "case": case.name,
        "compile": {name: built[name] + first_runs[name] for name in engines},
        "left_out": reasons,
        "others": {},
    }
    engines |= companions(case, engines["skgru"], threads)
    for kind in ("training", "inference"):
        times, others = time_alternating(engines, kind == "training", options.seconds, threads > 1)
        row[kind] = {name: summarize(values) for name, values in times.items()}
        row["others"][kind] = others
    return row


def work(threads, options):
    """Measure one setting and write it to ``options.out``."""
    import peers
    from _speed_cases import CASES, QUICK
    from _speed_fit import measure_fit
    from _speed_report import progress
    from _speed_timing import Limit

    absent = {}
    for name in peers.NAMES:
        packages = peers.missing(name)
        if packages:
            absent[name] = f"not installed: {', '.join(packages)}"
    limit, rows = Limit(threads > 1), []
    for case in QUICK if options.quick else CASES:
        limit.measure()
        rows.append(measure(case, threads, options, absent))
        print(progress(rows[-1], threads), flush=True)
    limit.measure()
    fit = measure_fit(threads, *((1, 3) if options.quick else (5, 20)))
    limit.measure()
    record = {"threads": threads, "limit": limit.found, "rows": rows, "fit": fit, "absent": absent}
    options.out.write_text(json.dumps(record), encoding="utf-8")


def first_run(out):
    """Seconds until a new process has run one training step and one inference of the engine."""
    from _engine import Engine
    from _speed_cases import CASES, Problem

    problem = Problem(CASES[0])
    start = time.perf_counter()
    engine = Engine(problem, 1)
    engine.run(True)
    engine.run(False)
    out.write_text(json.dumps(time.perf_counter() - start), encoding="utf-8")


# -- in the process of the command -----------------------------------------------------------------


def cores():
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count()))


def quietest_core():
    """The core with the most idle time during a moment, where that can be known."""

    def idle():
        with open("/proc/stat", encoding="utf-8") as lines:
            words = [line.split() for line in lines]
        return {w[0]: int(w[4]) for w in words if w[0].startswith("cpu") and w[0] != "cpu"}

    try:
        before = idle()
        time.sleep(1)
        after = idle()
        return max(cores(), key=lambda core: after[f"cpu{core}"] - before[f"cpu{core}"])
    except (OSError, KeyError, IndexError):
        return cores()[-1]


def run_process(arguments, threads, environment):
    """Run this file again and return what it wrote."""
    pin = None
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        core = quietest_core()

        def pin():
            os.sched_setaffinity(0, {core})

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, __file__, "--out", str(out), *map(str, arguments)]
        # Nothing that torch compiled for an earlier run may make this one look quick.
        environment = {"TORCHINDUCTOR_CACHE_DIR": f"{folder}/torch", **environment}
        subprocess.run(command, env={**os.environ, **environment}, preexec_fn=pin, check=True)
        return json.loads(out.read_text(encoding="utf-8"))


def cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions():
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run_all(options):
    """Run every setting, store what it measured and write the report."""
    forwarded = ["--seconds", options.seconds, *(["--quick"] if options.quick else [])]
    record = {
        "cpu": cpu_name(),
        "n_cores": len(cores()),
        "python": platform.python_version(),
        "versions": versions(),
    }
    print("time to the first result of the engine, without and with compiled kernels", flush=True)
    with tempfile.TemporaryDirectory() as cache:
        fresh = {"NUMBA_CACHE_DIR": cache, **_ONE_THREAD}
        record["first_run"] = [run_process(["--first-run"], 1, fresh) for _ in range(2)]
    settings = {len(cores()) if text == "all" else int(text): None for text in options.threads}
    record["settings"] = []
    for threads in settings:
        environment = _ONE_THREAD if threads == 1 else {"OMP_NUM_THREADS": str(threads)}
        print(f"{threads} thread{'s' * (threads > 1)}", flush=True)
        arguments = [*forwarded, "--worker", threads]
        record["settings"].append(run_process(arguments, threads, environment))
    _results.write(_results.results_path(options), record)
    write_report(record, options.out)


def write_report(record, out):
    """Write the tables and the picture."""
    from _speed_report import write

    write(record, out)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser)
    parser.add_argument("--threads", nargs="+", default=["1", "all"], help="numbers, or all")
    parser.add_argument("--seconds", type=float, default=0.7, help="for each engine and kind")
    parser.add_argument("--quick", action="store_true", help="few cases, to try the script")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first-run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.report_only:
        write_report(_results.read(_results.results_path(options)), options.out)
    elif options.first_run:
        first_run(options.out)
    elif options.worker:
        work(options.worker, options)
    else:
        run_all(options)


if __name__ == "__main__":
    main()
