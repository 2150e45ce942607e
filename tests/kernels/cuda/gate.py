"""Compile what the package launches for devices that are not here, and read the assembler's report.

The public functions are called with NumPy arrays; their launches are recorded instead of started,
and every kernel is compiled for the types and the launch bounds it was launched with.
"""

import re
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

import numpy as np
from cuda.core import Linker, LinkerOptions, ObjectCode
from numba import cuda
from numba.cuda import dispatcher
from numba.cuda.typing.typeof import typeof

from skgru.kernels.cuda import _launch, release_scratch


class Launch:
    """What would have been started."""

    def __init__(self, kernel, device, grid, block, shared, stream, arguments, shared_limit):
        assert min(grid) > 0 and max(grid[1:], default=1) < 2**16
        self.kernel, self.block, self.shared = kernel, block, shared
        self.types = tuple(typeof(argument) for argument in arguments)

    @property
    def key(self):
        return self.kernel.py_func, self.types, self.bound

    @property
    def bound(self):
        return self.kernel.max_threads

    @property
    def threads(self):
        return int(np.prod(self.block))


@contextmanager
def recorded(compute_capability):
    """A list that collects the launches of a device that does not exist."""
    found = []
    device = SimpleNamespace(compute_capability=compute_capability, id=0)
    release_scratch()
    with (
        mock.patch.object(_launch, "start", lambda *launch: found.append(Launch(*launch))),
        mock.patch.object(cuda, "get_current_device", lambda: device),
        mock.patch.object(cuda, "device_array", np.empty),
    ):
        yield found
    release_scratch()


def compile_for(launch, compute_capability):
    """What the assembler says of a launch: registers, bytes of stack, spills, shared memory.

    And which instructions of tensor cores it contains, by name.
    """
    # Device functions ask the driver which device it is.
    device = SimpleNamespace(compute_capability=compute_capability)
    with mock.patch.object(dispatcher, "get_current_device", lambda: device):
        ptx, _ = cuda.compile(
            launch.kernel.py_func, launch.types, device=False, abi="numba", cc=compute_capability,
            launch_bounds=launch.bound,
        )  # fmt: skip
    options = LinkerOptions(
        arch="sm_" + "".join(map(str, compute_capability)), ptxas_options=["-v"]
    )
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    stack, *spills = map(
        int,
        re.search(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log
        ).groups(),
    )
    # Arrays of known size; the report, which is written before they are placed, leaves them out.
    static = sum(map(int, re.findall(r"^\s*\.(?:\w+ )?\.?shared .*\[(\d+)\];", ptx, re.MULTILINE)))
    return {
        "name": launch.kernel.py_func.__name__.lstrip("_"),
        "registers": int(re.search(r"Used (\d+) registers", log)[1]),
        "stack": stack,
        "spills": sum(spills),
        "static": static,
        "tensor": sorted(set(re.findall(r"\bmma\.sync\.[\w.]+", ptx))),
    }
