"""Compiled kernels, one package per device; every package exports the same functions.

Kernels know arrays only.  They never allocate, validate or print, and nothing in here imports from
the rest of skgru.
"""


def get_kernels(device="cpu"):
    """Return the module with the kernels of a device: the only place that knows devices."""
    if device == "cpu":
        from . import cpu

        return cpu
    if device == "cuda":
        from . import cuda  # needs the compiler of numba-cuda, and a driver at the first launch

        return cuda
    raise ValueError(f"device={device!r} has no kernels; use device='cpu'.")
