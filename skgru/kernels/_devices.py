"""Choose the kernels for a device; no other module of the package knows about devices.

CUDA is not touched before a GPU is requested, by name or by "auto".
"""

import importlib.metadata
import os
import sys
from contextlib import contextmanager

from skgru._warnings import warn

from ._fork import import_lock

_INSTALL = 'pip install "skgru[cuda]" (or "skgru[cuda12]" where the driver is one of CUDA 12)'

#: The supported series of numba-cuda, as in pyproject.toml: ``cuda/_start.py`` depends on how it
#: passes arguments to kernels.
NUMBA_CUDA = "0.30"

# Process-wide by nature: CUDA belongs to the process that initialised it, and a process warns once.
_state = {"used_by": None, "has_warned": False}


def get_kernels(device="cpu"):
    """Return the module with the kernels for "cpu" or "cuda"."""
    with import_lock:
        if device == "cpu":
            from . import cpu

            return cpu
        from . import cuda  # needs numba-cuda, and a driver at the first launch

        return cuda


def resolve_device(device):
    """Return the name of the device that ``device`` means on this machine at this moment.

    Parameters
    ----------
    device : str
        "cpu", "cuda" (the first GPU), "cuda:N" or "auto" (the first GPU, else the CPU).

    Returns
    -------
    resolved : str
        "cpu" or "cuda:N".

    Raises
    ------
    ValueError
        If ``device`` is not a valid name.
    ImportError
        If a GPU is requested and numba-cuda is not installed, or has an unsupported version.
    RuntimeError
        If a GPU is requested and there is none, or if this process was forked from one that had
        used CUDA.
    """
    kind, _, number = device.partition(":") if isinstance(device, str) else ("", "", "")
    is_known = device in ("cpu", "auto", "cuda") or (kind == "cuda" and number.isdecimal())
    if not is_known:
        raise ValueError(
            f"device must be 'cpu', 'cuda', 'cuda:N' with the number of a GPU, or 'auto'; got "
            f"{device!r}."
        )
    if device == "cpu" or (device == "auto" and _find_fault(0) is not None):
        return "cpu"
    number = int(number or 0)
    fault = _find_fault(number)
    if fault is not None:
        raise fault
    return f"cuda:{number}"


def _version_of_numba_cuda():
    """Return the installed version, or None, without importing the package."""
    try:
        return importlib.metadata.version("numba-cuda")
    except importlib.metadata.PackageNotFoundError:
        return None


def _find_fault(number):
    """Return an exception that says why GPU ``number`` cannot be used, or None if it can."""
    version = _version_of_numba_cuda()
    if version is None:
        return ImportError(
            f"A GPU needs numba-cuda: {_INSTALL}. Without one, use device='cpu' or 'auto'."
        )
    if version.split(".")[:2] != NUMBA_CUDA.split("."):
        return ImportError(f"skgru works with numba-cuda {NUMBA_CUDA}, not {version}: {_INSTALL}.")
    forked = RuntimeError(
        "CUDA was used before this process was forked, and does not work in the fork. Start "
        "the processes by 'spawn' or 'forkserver' (joblib's loky does), use n_jobs=1, or "
        "device='cpu'."
    )
    # Other code may have initialised CUDA through Numba. After a fork, Numba's driver object still
    # lists the devices, but they cannot be used.
    driver = getattr(sys.modules.get("numba.cuda.cudadrv.driver"), "driver", None)
    if not {_state["used_by"], getattr(driver, "pid", None)} <= {None, os.getpid()}:
        return forked
    from numba import cuda

    try:
        n_devices = len(cuda.gpus)
    except Exception as error:  # the type depends on what is wrong with the driver
        reason = " ".join(str(error).split()).rstrip(": .") or type(error).__name__
        if "CUDA_ERROR_NOT_INITIALIZED" in reason:  # other code used CUDA before the fork
            return forked
        return RuntimeError(
            f"There is no GPU that CUDA can use ({reason}). Install NVIDIA's driver, "
            "or use device='cpu' or 'auto'."
        )
    if number >= n_devices:
        return RuntimeError(
            f"There is no GPU number {number}: CUDA finds {n_devices}, counted from 0. Use "
            "another number, or device='cpu' or 'auto'."
        )
    return None


def describe_devices():
    """Describe, for a bug report, what kernels are compiled for and where they are kept.

    Returns
    -------
    facts : dict of str to str
        The CPU, its vectors, the folder of compiled kernels, and the GPUs or why there are none.
    """
    from llvmlite import binding

    from . import cpu
    from .cpu import _host

    fault = _find_fault(0)
    if fault is None:
        from numba import cuda

        gpus = ", ".join(f"{i}: {gpu.name}" for i, gpu in enumerate(cuda.gpus))
    else:
        gpus = f"none ({fault})"
    return {
        "CPU": f"{binding.get_host_cpu_name()}, {os.cpu_count()} cores",
        "vectors": f"{8 * _host.VECTOR_BYTES} bits, {'with' if _host.HAS_FMA else 'without'} fused "
        "multiply-add",
        "kernel cache": cpu.gru_forward.stats.cache_path or "none: every process compiles",
        "GPU": gpus,
    }


def fall_back(device):
    """Return the device to predict on: that of ``resolve_device``, or else the CPU.

    A model that was trained on a GPU must be usable on a machine without one. The first such
    prediction in a process emits a warning.
    """
    try:
        return resolve_device(device)
    except (ImportError, RuntimeError) as error:
        if not _state["has_warned"]:
            _state["has_warned"] = True
            warn(f"Predicting on the CPU. {error}", RuntimeWarning)
        return "cpu"


@contextmanager
def use_device(resolved, precision="fp32"):
    """Activate a device and yield its kernels.

    Parameters
    ----------
    resolved : str
        As `resolve_device` returns it.
    precision : {"fp32", "tf32", "bf16"}, default="fp32"
        Precision of the matrix products on a GPU.
    """
    kind, _, number = resolved.partition(":")
    if kind == "cuda":
        _state["used_by"] = os.getpid()
    kernels = get_kernels(kind)
    with kernels.session(int(number or 0), precision):
        yield kernels
