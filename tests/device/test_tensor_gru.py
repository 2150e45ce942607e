"""A layer on tensor cores: against rounding in NumPy, and against the exact oracle."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels import cuda as kernels
from skgru.kernels.cuda._recurrent_products import TensorPlan, tensor_plan
from tests.kernels.packed import (
    assert_gradients_close,
    expected_gradients,
    expected_states,
    random_gradients,
    random_problem,
)

from .compare import both_directions
from .packed import DeviceRun
from .rounding import LAYER, rounded_layer

pytestmark = pytest.mark.emulator

both_precisions = pytest.mark.parametrize("precision", ["tf32", "bf16"])

#: More than the eight sequences of a block.
LENGTHS = (2, 3, 3, 1, 2, 3, 1, 3, 1, 2, 3)

#: Largest difference from the NumPy emulation, which rounds the same numbers but otherwise uses
#: float64: the error of float32. A number that lies halfway between two may, rarely, be rounded
#: differently, by one unit in the last place of the precision.
CLOSE, RARELY = 2e-6, 0.03


def check(rng, precision, problem, **options):
    d = random_gradients(rng, problem)
    with kernels.use_precision(precision):
        run = DeviceRun(problem, **options)
        found = run.sequence_states()
        states, gradients = rounded_layer(problem, precision, *d)
        assert largest(found, states) < CLOSE
        exact = largest(found, expected_states(problem))
        assert LAYER[precision] / 500 < exact < LAYER[precision]
        if options.get("save", True):
            found = run.backward(*d)
            assert_nearly_all_close(found, gradients)
            assert_gradients_close(found, gradients, LAYER[precision] / 5)
            assert_gradients_close(found, expected_gradients(problem, *d), 3 * LAYER[precision])


def assert_nearly_all_close(found, expected):
    for name, values in found.items():
        ours, theirs = (np.concatenate(v) if name == "x" else v for v in (values, expected[name]))
        far = abs(ours - theirs) > 5 * CLOSE * abs(theirs).max()
        assert far.mean() < RARELY, (name, far.mean())


def largest(found, expected):
    return max(abs(ours - theirs).max() for ours, theirs in zip(found, expected, strict=True))


@both_precisions
@both_directions
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
def test_a_layer(rng, precision, masked, reverse):
    problem = random_problem(
        rng, 17, lengths=LENGTHS, dtype="float32", reverse=reverse, masked=masked
    )
    check(rng, precision, problem)


@both_precisions
@pytest.mark.parametrize(("room", "save"), [(True, True), (True, False), (False, False)])
def test_wide_inputs(rng, precision, room, save):
    """Inputs beyond the fused ones, multiplied before the loop or, without room, in it."""
    problem = random_problem(
        rng, 5, lengths=(3, 1, 2), n_features=19, dtype="float32", reverse=room
    )
    check(rng, precision, problem, room=room, save=save)


@both_precisions
@pytest.mark.parametrize(("n_held", "n_near", "n_near_inputs"), [(0, 1, 0), (1, 1, 1)])
def test_any_place_of_the_weights(rng, monkeypatch, precision, n_held, n_near, n_near_inputs):
    """The same bits whether weights are in registers, in shared memory or far away."""
    problem = random_problem(rng, 18, lengths=(2, 1), dtype="float32")
    d = random_gradients(rng, problem)

    def results():
        with kernels.use_precision(precision):
            run = DeviceRun(problem)
            return run.states.copy_to_host(), run.backward(*d)["U"]

    planned = results()
    chosen = TensorPlan(64, 256, n_held, n_near, n_near_inputs, 48 * 1024)
    monkeypatch.setattr("skgru.kernels.cuda.gru.tensor_plan", lambda *a, **k: chosen)
    for ours, theirs in zip(results(), planned, strict=True):
        assert_array_equal(ours, theirs)


@both_precisions
def test_blocks_take_further_rows(rng, monkeypatch, precision):
    monkeypatch.setattr("skgru.kernels.cuda.gru.MAX_BLOCKS", 1)
    problem = random_problem(rng, 3, lengths=LENGTHS, dtype="float32", reverse=True)
    check(rng, precision, problem)


@both_precisions
@both_directions
def test_a_sequence_does_not_depend_on_its_neighbours(rng, precision, reverse):
    problem = random_problem(rng, 5, lengths=LENGTHS, dtype="float32", reverse=reverse)
    with kernels.use_precision(precision):
        whole = DeviceRun(problem).sequence_states()
        for i in (1, 3):
            (alone,) = DeviceRun(problem.only([i])).sequence_states()
            assert_array_equal(alone, whole[i])


@both_precisions
@both_directions
def test_what_is_not_asked_for_changes_nothing_else(rng, precision, reverse):
    problem = random_problem(rng, 5, lengths=LENGTHS, dtype="float32", reverse=reverse)
    zeros, d_final = random_gradients(rng, problem)
    for d in zeros:
        d[...] = 0
    with kernels.use_precision(precision):
        run = DeviceRun(problem)
        whole = run.backward(zeros, d_final)
        found = run.backward(None, d_final, need_initial=False)
    assert set(whole) - set(found) == {"h0"}
    for name in found:
        ours, theirs = (np.concatenate(f[name]) if name == "x" else f[name] for f in (found, whole))
        assert_array_equal(ours, theirs, err_msg=name)


def test_layers_too_wide_for_a_block_are_not_rounded(rng, monkeypatch):
    assert tensor_plan("tf32", 516, 227 * 1024) is None
    problem = random_problem(rng, 5, lengths=(2, 1), dtype="float32")
    exact = DeviceRun(problem).states.copy_to_host()
    monkeypatch.setattr("skgru.kernels.cuda.gru.tensor_plan", lambda *a, **k: None)
    with kernels.use_precision("bf16"):
        assert_array_equal(DeviceRun(problem).states.copy_to_host(), exact)


def test_float64_is_never_rounded(rng):
    problem = random_problem(rng, 5, lengths=(2, 3))
    exact = DeviceRun(problem).states.copy_to_host()
    with kernels.use_precision("tf32"):
        assert_array_equal(DeviceRun(problem).states.copy_to_host(), exact)
