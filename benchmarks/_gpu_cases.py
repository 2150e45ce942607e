"""What the GPU benchmark measures, and what no engine could be faster than there."""

from dataclasses import dataclass

from _speed_cases import Case

PRECISIONS = ("fp32", "tf32", "bf16")
KINDS = ("training", "inference")

#: Largest difference from the CPU's final states and gradients, relative to the largest value: is
#: it the same function at all. The tests say how closely a precision agrees.
TOLERANCES = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 1e-1}

_INPUTS = 16
_GRID = [
    Case(batch, steps, _INPUTS, hidden)
    for hidden in (32, 64, 128, 256, 512)
    for steps in (20, 100, 500)
    for batch in (32, 256, 1024)
]
_RAGGED = [
    Case(256, 200, _INPUTS, 64, "ragged"),
    Case(1024, 200, _INPUTS, 128, "ragged"),
    Case(256, 500, _INPUTS, 256, "ragged"),
]
_WIDE = [Case(256, 100, 128, 256)]

CASES = [*_GRID, *_WIDE, *_RAGGED]
#: In the order of their worth, should time run out.
QUICK = [
    Case(256, 100, _INPUTS, 64),
    Case(256, 100, _INPUTS, 256),
    Case(256, 200, _INPUTS, 64, "ragged"),
    Case(32, 100, _INPUTS, 64),
    Case(1024, 100, _INPUTS, 128),
    Case(64, 500, _INPUTS, 128),
    Case(256, 50, _INPUTS, 512),
    Case(32, 20, _INPUTS, 32),
]
#: For a trial without a GPU.
TINY = [Case(3, 3, 2, 2, "ragged")]


@dataclass(frozen=True)
class Ceilings:
    """The best that this device was seen to do.

    Attributes
    ----------
    bytes_per_ms : float
        Read and written by a copy.
    flop_per_ms : dict of str to float or None
        Of a large product, by precision; None where nothing was there to make it.
    step_ms : float
        A step in which threads tell each other a number through shared memory.
    """

    bytes_per_ms: float
    flop_per_ms: dict
    step_ms: float


def floors(case, kind, precision, ceilings):
    """Milliseconds below which no engine can be, by what limits it.

    - "memory": inputs are read once (in training twice), the weights too, and training writes and
      reads the states and writes the gradients;
    - "products": the operations of all matrix products at the rate of a large one;
    - "steps": each waits for the one before, and training goes there and back.
    """
    rows, train = int(case.lengths.sum()), kind == "training"
    n_weights = 3 * case.hidden * (case.inputs + case.hidden)
    numbers = rows * case.inputs + n_weights
    if train:
        numbers += rows * (case.inputs + 2 * case.hidden) + 2 * n_weights
    found = {
        "memory": numbers * case.dtype.itemsize / ceilings.bytes_per_ms,
        "steps": (1 + train) * int(case.lengths.max()) * ceilings.step_ms,
    }
    rate = ceilings.flop_per_ms[precision]
    if rate is not None:
        found["products"] = (case.training_flop if train else case.flop) / rate
    return found
