"""Time the engine on a GPU beside torch's GRU (cuDNN) and the limits of the device.

    python benchmarks/gpu.py --out docs/_tables/gpu.md [--quick] [--minutes 8]

First the device is asked what it can do: copies, products, launches, and steps that wait for each
other. Then, for a grid of shapes and at equal precision, a training step (forward, and backward to
the gradients of the parameters) and inference (the final states), as device events tell, the
engines taking turns. Results of every engine are compared with our CPU engine before it is timed.
Last, a whole fit beside a plain loop of torch with its data on the device, and beside our own fit
on all cores.

Precisions: fp32; tf32, torch's ``allow_tf32``; bf16, torch's autocast. Our packing of weights and
of the batch is timed, as is torch's `pack_padded_sequence`.

``--quick`` takes a few shapes and less than nine minutes. When ``--minutes`` are over no further
shape is begun, and the tables say so. ``--dry-run`` runs tiny cases, with torch on the
CPU, and writes nothing; ``python -m tools.ptx_emulator benchmarks/gpu.py --dry-run`` tries the
script without a GPU.
"""

import argparse
import gc
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _results


def describe_device():
    """Name, compute capability, driver and versions."""
    import importlib.metadata

    from numba import cuda
    from speed import cores, cpu_name, versions

    device = cuda.get_current_device()
    found = {
        "device": getattr(device, "name", "unknown"),
        "compute_capability": list(device.compute_capability),
        "cpu": cpu_name(),
        "n_cores": len(cores()),
        "python": platform.python_version(),
        "versions": versions(),
    }
    for package in ("numba-cuda", "cuda-bindings", "nvidia-nvvm"):
        try:
            found["versions"][package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if isinstance(found["device"], bytes):
        found["device"] = found["device"].decode()
    tool = shutil.which("nvidia-smi")
    if tool:
        query = "name,driver_version,power.limit,clocks.max.sm,clocks.max.mem,memory.total"
        command = [tool, f"--query-gpu={query}", "--format=csv,noheader", "--id=0"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            found["nvidia-smi"] = f"{query}: {done.stdout.strip()}"
    try:
        import torch
    except ImportError:
        return found
    if torch.version.cuda:
        found["versions"]["torch's CUDA"] = torch.version.cuda
        found["versions"]["cuDNN"] = str(torch.backends.cudnn.version())
    return found


def build(problem, precision, kernels, their_class, dry_run):
    """Engines by name, ours first, and why others are left out."""
    from _gpu_engines import OnDevice

    makers = {"skgru": lambda: OnDevice(problem, kernels, precision, dry_run)}
    if their_class is not None:
        makers["torch"] = lambda: their_class(problem, precision)
    engines, reasons = {}, {}
    for name, make in makers.items():
        try:
            engines[name] = make()
            for train in (False, True):
                engines[name].run(train)
        except (RuntimeError, ValueError) as error:
            # Of torch: no kernel for a type, no memory. Ours: no tensor cores.
            if name == "skgru" and not isinstance(error, ValueError):
                raise
            engines.pop(name, None)
            reasons[name] = str(error).strip().split("\n")[0]
    return engines, reasons


def measure_case(case, precision, known, problem, context):
    """One shape in one precision, as JSON types."""
    from _gpu_cases import KINDS, TOLERANCES, floors
    from _gpu_timing import check_all, time_alternating
    from _speed_timing import summarize

    kernels, ceilings, their_class, options = context
    start = time.perf_counter()
    engines, reasons = build(problem, precision, kernels, their_class, options.dry_run)
    row = {
        "case": case.name,
        "shape": [*case.shape, case.kind],
        "precision": precision,
        "left_out": reasons,
        "compile": time.perf_counter() - start,
    }
    check_all(known, engines, TOLERANCES[precision])
    for kind in KINDS:
        found = time_alternating(engines, kind == "training", options.seconds)
        row[kind] = {
            name: summarize(device) | {"host": summarize(host)["quartiles"]}
            for name, (device, host) in found.items()
        }
        row[f"{kind} floors"] = floors(case, kind, precision, ceilings)
    return row


def give_back(dry_run):
    """Return the memory of the engines of a shape to the device."""
    from numba import cuda

    from skgru.kernels.cuda import release_scratch

    release_scratch()
    gc.collect()
    if dry_run:
        return
    cuda.current_context().deallocations.clear()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()


def work(options):
    """Measure everything; return the record."""
    from _engine import Engine
    from _gpu_cases import CASES, PRECISIONS, QUICK, TINY
    from _gpu_ceilings import measure_ceilings, tell
    from _gpu_engines import load_torch
    from _gpu_fit import measure_fit
    from _gpu_report import progress
    from _gpu_timing import Known
    from _speed_cases import Problem
    from speed import cores

    from skgru.kernels import use_device

    began = time.perf_counter()
    their_class, reason = load_torch(options.dry_run)
    print("torch.nn.GRU takes part" if reason is None else f"Without a peer: {reason}", flush=True)
    record = {"without_torch": reason, "rows": [], "fit": None, "not_begun": [], "errors": []}
    with use_device("cuda:0") as kernels:
        record |= describe_device()
        print(record["device"], flush=True)
        record["ceilings"], ceilings = measure_ceilings(kernels, options.dry_run)
        print("\n".join(tell(record["ceilings"])), flush=True)
        context = kernels, ceilings, their_class, options
        cases = TINY if options.dry_run else QUICK if options.quick else CASES
        for case in cases:
            if time.perf_counter() - began > 60 * options.minutes * 0.8:  # the fit takes the rest
                record["not_begun"].append(case.name)
                continue
            problem = Problem(case)
            known = Known(Engine(problem, len(cores())))
            for precision in PRECISIONS:
                try:
                    row = measure_case(case, precision, known, problem, context)
                except Exception as error:  # the other shapes may tell more about it
                    text = f"{type(error).__name__}: {error}"
                    failed = {"case": case.name, "precision": precision, "error": text}
                    record["errors"].append(failed)
                    print(f"FAILED: {failed}", flush=True)
                else:
                    record["rows"].append(row)
                    print(progress(row, time.perf_counter() - began), flush=True)
                give_back(options.dry_run)
            save(record, options)
    print("whole fits", flush=True)
    try:
        record["fit"] = measure_fit(reason is None, options.dry_run, options.quick)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        record["errors"].append({"case": "whole fit", "precision": "any", "error": text})
        print(f"FAILED: {text}", flush=True)
    record["minutes"] = (time.perf_counter() - began) / 60
    return record


def save(record, options):
    """Keep what there is, should the rest be cut off."""
    if not options.dry_run:
        _results.write(_results.results_path(options), record)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser, required=False)
    parser.add_argument("--quick", action="store_true", help="few shapes, below nine minutes")
    parser.add_argument("--minutes", type=float, help="begin no shape when so many are over")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each engine and kind")
    parser.add_argument(
        "--dry-run", action="store_true", help="run tiny cases and write nothing, to try the script"
    )
    options = parser.parse_args(argv)
    if options.out is None and not options.dry_run:
        parser.error("--out is needed")
    if options.minutes is None:
        options.minutes = 8.0 if options.quick else float("inf")
    if options.dry_run:
        options.seconds = 0.0
    if options.report_only:
        from _gpu_report import write

        write(_results.read(_results.results_path(options)), options.out)
        return
    from skgru.kernels import resolve_device

    try:
        resolve_device("cuda")
    except (ImportError, RuntimeError) as error:
        sys.exit(f"This benchmark needs a GPU. {error}")
    from _gpu_report import write

    record = work(options)
    if options.dry_run:
        with tempfile.TemporaryDirectory() as folder:
            write(record, Path(folder) / "gpu.md")
        print("All of it ran. Nothing was written: this was a dry run.")
    else:
        save(record, options)
        write(record, options.out)
    if record["errors"]:
        sys.exit(f"{len(record['errors'])} measurements failed; the tables name them.")


if __name__ == "__main__":
    main()
