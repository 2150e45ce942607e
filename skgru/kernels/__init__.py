"""Compiled kernels, one package per device; every package exports the same functions.

Kernels know arrays only.  They do not validate or print, arrays are made in ``memory`` (and work
space of a device in its ``_launch``), and nothing in here imports from the rest of skgru, except
how it warns.
"""

from ._compilation import listen_to_compilation
from ._devices import describe_devices, fall_back, get_kernels, resolve_device, use_device

__all__ = [
    "describe_devices",
    "fall_back",
    "get_kernels",
    "listen_to_compilation",
    "resolve_device",
    "use_device",
]
