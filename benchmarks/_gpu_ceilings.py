"""What a device does at best: copies, products, launches, and steps that wait for each other."""

import numba
import numpy as np
from _gpu_cases import PRECISIONS, Ceilings
from _gpu_timing import NumbaMark, TorchMark, WallMark, measure
from numba import cuda

from skgru.kernels.cuda._jit import index, kernel
from skgru.kernels.cuda._launch import launch


@kernel
def _empty():
    pass


@kernel
def _empty_with_arrays(a, b, c, d, e, f, g, h, i, j, k, m):
    pass


@kernel(threads=256)
def _exchange(n_steps, result):
    shared = cuda.shared.array(512, numba.float32)
    thread, n_threads = index(cuda.threadIdx.x), index(cuda.blockDim.x)
    neighbour = (thread + index(33)) % n_threads
    value = numba.float32(thread)
    now = index(0)
    for _ in range(n_steps):
        shared[now * n_threads + thread] = value
        cuda.syncthreads()
        value = value * numba.float32(0.5) + shared[now * n_threads + neighbour]
        now = index(1) - now
    result[thread] = value


def _best(mark, run, n=20):
    run()
    device, _ = measure(mark, run, n)
    return max(min(device), 1e-6)  # a trial without a GPU may find less


def copy_rate(kernels, mark, dry_run):
    """Bytes read and written in a millisecond, by the driver's copy and by a kernel."""
    n = 1000 if dry_run else 2**28
    source, target = (kernels.zeros(n, np.float32) for _ in range(2))
    ways = {
        "driver": lambda: kernels.copy(source, target),
        "kernel": lambda: kernels.copy_columns(source, 0, target),
    }
    if dry_run:
        del ways["kernel"]  # a thread of Python for every number
    return {name: 8 * n / _best(mark, run, 10) for name, run in ways.items()}


def product_rates(dry_run):
    """Operations in a millisecond of torch's product of large matrices, by precision."""
    none = dict.fromkeys(PRECISIONS)
    try:
        import torch
    except ImportError:
        return none
    if not dry_run and not torch.cuda.is_available():
        return none
    n, device = (64, "cpu") if dry_run else (8192, "cuda")
    mark, found, before = WallMark if dry_run else TorchMark, {}, (
        torch.backends.cuda.matmul.allow_tf32
    )  # fmt: skip
    for precision in PRECISIONS:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        a, b, c = (torch.zeros(n, n, dtype=dtype, device=device).normal_() for _ in range(3))
        run = lambda a=a, b=b, c=c: torch.mm(a, b, out=c)  # noqa: E731
        found[precision] = 2 * n**3 / _best(mark, run)
    torch.backends.cuda.matmul.allow_tf32 = before
    return found


def launch_costs(kernels, mark, dry_run):
    """Microseconds of a launch that does nothing: on the host, and between two on the device."""
    array, n = kernels.zeros(8, np.float32), 3 if dry_run else 2000
    found = {}
    for name, run in (
        ("no arguments", lambda: launch(_empty, (1,), (4,))),
        ("12 arrays", lambda: launch(_empty_with_arrays, (1,), (4,), *[array] * 12)),
    ):
        run()
        device, host = measure(mark, run, n)
        found[name] = {"host_us": 1e3 * host, "device_us": 1e3 * float(np.median(device))}
    return found


def step_latency(kernels, mark, dry_run):
    """Milliseconds of a step in which 256 threads each read what another one wrote before."""
    n_threads = 4 if dry_run else 256
    result = kernels.zeros(256, np.float32)
    few, many = (2, 6) if dry_run else (2000, 12000)
    times = [
        _best(mark, lambda n=n: launch(_exchange, (1,), (n_threads,), n, result), 10)
        for n in (few, many)
    ]
    return max(times[1] - times[0], 1e-6) / (many - few)


def measure_ceilings(kernels, dry_run):
    """All of it, as JSON types, and as `Ceilings`."""
    mark = WallMark if dry_run else NumbaMark
    found = {
        "bytes_per_ms": copy_rate(kernels, mark, dry_run),
        "flop_per_ms": product_rates(dry_run),
        "launch": launch_costs(kernels, mark, dry_run),
        "step_ms": step_latency(kernels, mark, dry_run),
    }
    best = max(found["bytes_per_ms"].values())
    return found, Ceilings(best, found["flop_per_ms"], found["step_ms"])


def tell(found):
    """What was found, in words, one line for each."""
    rate = max(found["bytes_per_ms"].values()) / 1e6
    products = ", ".join(
        f"{precision} {'-' if flop is None else f'{flop / 1e9:.0f}'}"
        for precision, flop in found["flop_per_ms"].items()
    )
    lines = [
        f"A copy of 1 GiB moves {rate:.0f} GB/s (read and written).",
        f"Products of 8192 x 8192 matrices, TFLOP/s: {products}.",
    ]
    for name, cost in found["launch"].items():
        lines.append(
            f"An empty kernel of ours with {name}: {cost['host_us']:.1f} us on the host, "
            f"{cost['device_us']:.1f} us from one to the next on the device."
        )
    lines.append(
        f"A step in which 256 threads exchange a number through shared memory: "
        f"{1e6 * found['step_ms']:.0f} ns."
    )
    return lines
