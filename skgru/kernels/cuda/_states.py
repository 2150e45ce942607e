"""What both forward kernels store in device memory after each step of a cell."""

from ._jit import device_function, index


@device_function
def store_states(states, masked, has_mask, is_first, before, after, unit, old, new, factor):
    """Store the new state in row ``after``, and the state before the first step in ``before``.

    With a mask, U multiplies the state times ``factor``, which is stored in ``masked``.
    """
    if is_first:
        states[before, unit] = old
        if has_mask:
            masked[before, unit] = old * factor
    states[after, unit] = new
    if has_mask:
        masked[after, unit] = new * factor


@device_function
def store_gates(gates, row, unit, n_units, reset, update, candidate, a):
    """Store what the backward pass needs of a cell."""
    gates[row, unit] = reset
    gates[row, n_units + unit] = update
    gates[row, index(2) * n_units + unit] = candidate
    gates[row, index(3) * n_units + unit] = a
