"""First rung: the kernels of a direction at real sizes, against the CPU's and the oracle."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.kernels.packed import (
    Run,
    assert_gradients_close,
    expected_gradients,
    expected_states,
    random_gradients,
    random_problem,
)

from .compare import both_directions, both_dtypes
from .device import BATCHES, HIDDEN, STEPS, ragged_lengths
from .packed import DeviceRun
from .rounding import LAYER

pytestmark = pytest.mark.usefixtures("kernels")

#: Largest differences from float64, of states and relative to the largest entry of a gradient.
STATES = {"float64": 1e-12, "float32": 1e-5}
GRADIENTS = {"float64": 1e-11, "float32": 2e-5}


def exact(problem):
    """The same numbers in float64."""
    names = "W", "U", "b", "b_hn", "h0"
    wide = {name: getattr(problem, name).astype("float64") for name in names}
    mask = None if problem.mask is None else problem.mask.astype("float64")
    return replace(problem, x=[x.astype("float64") for x in problem.x], mask=mask, **wide)


def problem_of(rng, n_hidden, batch, even, reverse, dtype):
    """Ragged sequences have more inputs than the persistent kernel multiplies itself."""
    lengths = (STEPS,) * batch if even else ragged_lengths(batch, STEPS)
    problem = random_problem(
        rng, n_hidden, lengths=lengths, n_features=3 if even else 40, dtype=dtype, reverse=reverse,
        masked=reverse,
    )  # fmt: skip
    if reverse:
        problem.mask[:, 0] = 1.5  # a layer of one unit would have nothing left
    return problem


@both_dtypes
@both_directions
@pytest.mark.parametrize("even", [True, False], ids=["even", "ragged"])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n_hidden", HIDDEN)
def test_states_and_gradients(rng, n_hidden, batch, even, reverse, dtype):
    problem = problem_of(rng, n_hidden, batch, even, reverse, dtype)
    d_states, d_final = random_gradients(rng, problem)
    reference, run = exact(problem), DeviceRun(problem)
    host = Run(reference)
    states = run.sequence_states()
    for ours, theirs in zip(states, host.sequence_states(), strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=STATES[dtype])
    found = run.backward(d_states, d_final)
    d_states, d_final = [d.astype("float64") for d in d_states], d_final.astype("float64")
    assert_gradients_close(found, host.backward(d_states, d_final), GRADIENTS[dtype])

    # The oracle takes one sequence at a time; a few of them suffice to check the CPU.
    some = sorted({0, batch // 2, batch - 1})
    reference = reference.only(some)
    for i, theirs in zip(some, expected_states(reference), strict=True):
        assert_allclose(states[i], theirs, rtol=0, atol=STATES[dtype])
    expected = expected_gradients(reference, [d_states[i] for i in some], d_final[some])
    found = {"x": [found["x"][i] for i in some], "h0": found["h0"][some]}
    assert_gradients_close(found, expected, GRADIENTS[dtype])


@both_directions
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("batch", BATCHES[1:])
@pytest.mark.parametrize("n_hidden", HIDDEN)
def test_tensor_cores(kernels, rng, n_hidden, batch, precision, reverse):
    """How far rounding goes; `test_tensor_gru.py` checks what is rounded to what."""
    problem = problem_of(rng, n_hidden, batch, not reverse, reverse, "float32")
    d_states, d_final = random_gradients(rng, problem)
    with kernels.use_precision(precision):
        run, other = DeviceRun(problem), DeviceRun(problem)
        states, found = run.sequence_states(), run.backward(d_states, d_final)
        again = other.backward(d_states, d_final)
        i = batch // 2
        (alone,) = DeviceRun(problem.only([i])).sequence_states()
    host = Run(exact(problem))
    for ours, theirs in zip(states, host.sequence_states(), strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=LAYER[precision])
    d_states, d_final = [d.astype("float64") for d in d_states], d_final.astype("float64")
    assert_gradients_close(found, host.backward(d_states, d_final), LAYER[precision])
    assert_array_equal(alone, states[i])
    for name in ("W", "U", "b", "b_hn", "h0"):
        assert_array_equal(found[name], again[name], err_msg=name)


@both_dtypes
@both_directions
@pytest.mark.parametrize("n_hidden", HIDDEN)
def test_weights_give_the_same_bits_from_shared_memory_and_from_the_cache(
    rng, monkeypatch, n_hidden, reverse, dtype
):
    """With all the shared memory there is (above 48 KB it has to be asked for), and with less.

    With next to none, the vectors of a step lie in global memory too.
    """
    problem = problem_of(rng, n_hidden, BATCHES[1], False, reverse, dtype)
    d = random_gradients(rng, problem)

    def run():
        one = DeviceRun(problem)
        found = one.backward(*d)
        return [*one.sequence_states(), *found.pop("x"), *found.values()]

    most = run()
    for less in (48 * 1024, 64):
        monkeypatch.setattr("skgru.kernels.cuda.gru.shared_limit", lambda less=less: less)
        for ours, theirs in zip(run(), most, strict=True):
            assert_array_equal(ours, theirs)


@both_dtypes
def test_a_sequence_has_the_same_bits_in_any_company(rng, dtype):
    problem = problem_of(rng, HIDDEN[-1], BATCHES[-1], False, False, dtype)
    together = DeviceRun(problem).sequence_states()
    for i in sorted({0, 1, BATCHES[-1] // 2, BATCHES[-1] - 1}):
        (alone,) = DeviceRun(problem.only([i])).sequence_states()
        assert_array_equal(alone, together[i])


@both_dtypes
def test_layers_that_share_a_kernel_take_turns(rng, dtype):
    """Each requests its own amount of shared memory; a later request must not revoke a grant."""
    problems = [problem_of(rng, n, 5, True, False, dtype) for n in (128, 100)]
    first = [DeviceRun(problem).sequence_states() for problem in problems]
    for _ in range(2):
        for problem, expected in zip(problems, first, strict=True):
            for ours, theirs in zip(DeviceRun(problem).sequence_states(), expected, strict=True):
                assert_array_equal(ours, theirs)


def test_the_shared_memory_that_a_device_has():
    from numba import cuda

    from skgru.kernels.cuda._launch import shared_limit

    device = cuda.get_current_device()
    assert shared_limit() <= device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    if device.compute_capability >= (7, 0):
        assert shared_limit() > 48 * 1024, "no test of this file has asked for more than 48 KB"


def test_too_much_shared_memory_is_refused():
    from numba import cuda

    from skgru.kernels.cuda._jit import kernel
    from skgru.kernels.cuda._launch import launch

    @kernel
    def touch(array):
        array[0] = 1

    array, too_much = cuda.to_device(np.zeros(1)), 1024 * 1024
    with pytest.raises(Exception, match="(?i)invalid"):  # the driver's own, whatever its class
        launch(touch, (1,), (1,), array, shared=too_much)
    assert array.copy_to_host()[0] == 0
    launch(touch, (1,), (1,), array)  # and the device still works
    assert array.copy_to_host()[0] == 1
