"""Which kernels run where: the only place that knows devices.

Nothing here touches CUDA before a device is asked for by name (or by "auto").
"""

import importlib.metadata
import os
import sys
import warnings
from contextlib import contextmanager

_INSTALL = 'pip install "skgru[cuda]" (or "skgru[cuda12]" where the driver is one of CUDA 12)'
_state = {"used_by": None, "has_warned": False}


def get_kernels(device="cpu"):
    """Return the module with the kernels for "cpu" or "cuda"."""
    if device == "cpu":
        from . import cpu

        return cpu
    from . import cuda  # needs numba-cuda, and a driver at the first launch

    return cuda


def resolve_device(device):
    """Name the device that ``device`` stands for, on this machine and now.

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
        If there is no such name.
    ImportError
        If a GPU is asked for and numba-cuda is not installed.
    RuntimeError
        If a GPU is asked for and there is none, or this process is a fork of one that used CUDA.
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
    """None where it is not installed; nothing is imported for this."""
    try:
        return importlib.metadata.version("numba-cuda")
    except importlib.metadata.PackageNotFoundError:
        return None


def _find_fault(number):
    """Why there is no GPU of this number, as an exception; None if there is one."""
    version = _version_of_numba_cuda()
    if version is None:
        return ImportError(
            f"A GPU needs numba-cuda: {_INSTALL}. Without one, use device='cpu' or 'auto'."
        )
    if version.split(".")[:2] != ["0", "30"]:  # what cuda/_start.py knows of arguments
        return ImportError(f"skgru works with numba-cuda 0.30, not {version}: {_INSTALL}.")
    forked = RuntimeError(
        "CUDA was used before this process was forked, and does not work in the fork. Start "
        "the processes by 'spawn' or 'forkserver' (joblib's loky does), use n_jobs=1, or "
        "device='cpu'."
    )
    # Whoever started CUDA by Numba: what it found out about the devices is here, but of no use.
    driver = getattr(sys.modules.get("numba.cuda.cudadrv.driver"), "driver", None)
    if not {_state["used_by"], getattr(driver, "pid", None)} <= {None, os.getpid()}:
        return forked
    from numba import cuda

    try:
        n_devices = len(cuda.gpus)
    except Exception as error:  # no driver, or one that cannot start: the kinds vary
        reason = " ".join(str(error).split()).rstrip(": .") or type(error).__name__
        if "CUDA_ERROR_NOT_INITIALIZED" in reason:  # by cuInit itself: somebody else used CUDA
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


def fall_back(device):
    """Name the device to predict on: that of ``resolve_device``, or the CPU where there is none.

    A model that was trained on a GPU has to be of use without one; the first such prediction of a
    process warns.
    """
    try:
        return resolve_device(device)
    except (ImportError, RuntimeError) as error:
        if not _state["has_warned"]:
            _state["has_warned"] = True
            warnings.warn(f"Predicting on the CPU. {error}", RuntimeWarning, stacklevel=5)
        return "cpu"


@contextmanager
def use_device(resolved, precision="fp32"):
    """Enter a device and yield its kernels.

    Parameters
    ----------
    resolved : str
        As `resolve_device` returns it.
    precision : {"fp32", "tf32", "bf16"}, default="fp32"
        Of the products on a GPU.
    """
    kind, _, number = resolved.partition(":")
    if kind == "cuda":
        _state["used_by"] = os.getpid()
    kernels = get_kernels(kind)
    with kernels.session(int(number or 0), precision):
        yield kernels
