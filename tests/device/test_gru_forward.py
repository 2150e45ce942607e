"""The forward kernel: against the oracle, and against the CPU's saved gates."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru.kernels import cuda as kernels
from skgru.kernels.cuda import _launch, _plan
from tests.kernels.packed import Run, expected_states, random_gradients, random_problem

from .compare import both_directions, both_dtypes
from .packed import TOLERANCE, DeviceRun

pytestmark = pytest.mark.emulator

LENGTHS = (3, 5, 5, 1, 2, 5, 1)


def check(run):
    found, expected = run.sequence_states(), expected_states(run.problem)
    for ours, theirs in zip(found, expected, strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[run.problem.dtype.name])


@both_dtypes
@both_directions
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("n_hidden", [3, 17])
def test_states_agree_with_the_oracle(rng, n_hidden, masked, reverse, dtype):
    problem = random_problem(
        rng, n_hidden, lengths=LENGTHS, dtype=dtype, reverse=reverse, masked=masked
    )
    check(DeviceRun(problem))


@both_directions
@pytest.mark.parametrize(("room", "save"), [(True, True), (True, False), (False, False)])
def test_wide_inputs(rng, room, save, reverse):
    """Inputs beyond the fused ones, multiplied before the loop or, without room, in it."""
    problem = random_problem(rng, 5, lengths=(3, 1, 2), n_features=19, reverse=reverse)
    check(DeviceRun(problem, save=save, room=room))


@both_directions
@pytest.mark.parametrize("n_features", [3, 19])
def test_saved_gates_are_those_of_the_cpu(rng, n_features, reverse):
    problem = random_problem(rng, 5, lengths=LENGTHS, n_features=n_features, reverse=reverse)
    run, cpu = DeviceRun(problem), Run(problem)
    found = run.gates.copy_to_host().reshape(-1, 4, run.n_units)
    theirs = cpu.gates.reshape(-1, cpu.n_panels, 4, cpu.width).swapaxes(1, 2)
    theirs = theirs.reshape(-1, 4, cpu.n_units)
    used = np.concatenate([run.rows(i) for i in range(len(LENGTHS))])
    assert_allclose(found[used, :, :5], theirs[used, :, :5], rtol=0, atol=1e-12)


@both_directions
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
def test_two_slices_that_share_sequences(rng, masked, reverse):
    """Wide enough for the sums to be cut, several rows in a block, several blocks."""
    problem = random_problem(rng, 33, lengths=(2, 3, 1, 3, 2), reverse=reverse, masked=masked)
    check(DeviceRun(problem))


@both_directions
@pytest.mark.parametrize(
    "plan",
    [(1, 1, 8, 0), (2, 1, 4, 3), (4, 2, 8, 2), (8, 4, 4, 1), (2, 4, 8, 2), (2, 2, 4, 0, 800)],
)
@pytest.mark.parametrize("n_features", [3, pytest.param(19, marks=pytest.mark.emulator(False))])
def test_any_plan_gives_the_states(rng, monkeypatch, n_features, plan, reverse):
    """Weights that stream in part, units in several passes, more slices than rows, no shared
    memory."""
    rows, slices, columns, n_cached, *spilled = plan
    problem = random_problem(
        rng, 6, lengths=LENGTHS, n_features=n_features, reverse=reverse, masked=rows == 2
    )
    chosen = _plan.Plan(rows, slices, columns, n_cached, 48 * 1024, *spilled)
    monkeypatch.setattr("skgru.kernels.cuda.gru.plan", lambda *a, **k: chosen)
    check(DeviceRun(problem))


@pytest.mark.parametrize(("precision", "n_blocks"), [("fp32", 5), ("tf32", 2)])
def test_blocks_are_as_many_as_the_sequences_need(rng, monkeypatch, precision, n_blocks):
    """However many steps there are: ten sequences, two or eight to a block."""
    grids = []

    def launch(kernel, grid, *arguments, **options):
        grids.append(grid)
        _launch.launch(kernel, grid, *arguments, **options)

    monkeypatch.setattr("skgru.kernels.cuda.gru.launch", launch)
    monkeypatch.setattr(
        "skgru.kernels.cuda.gru.plan", lambda *a, **k: _plan.Plan(2, 1, 8, 0, 48 * 1024)
    )
    problem = random_problem(rng, 6, lengths=(9, *LENGTHS, 1, 1), dtype="float32")
    with kernels.use_precision(precision):
        DeviceRun(problem).backward(*random_gradients(rng, problem))
    assert grids == [(n_blocks,), (n_blocks,)]


@both_directions
def test_without_initial_states_they_are_zero(rng, reverse):
    problem = random_problem(rng, 3, lengths=LENGTHS, reverse=reverse)
    problem.h0[...] = 0
    given, not_given = DeviceRun(problem), DeviceRun(problem, has_initial=False)
    assert_array_equal(given.states.copy_to_host(), not_given.states.copy_to_host())


def test_blocks_take_further_rows(rng, monkeypatch):
    monkeypatch.setattr("skgru.kernels.cuda.gru.MAX_BLOCKS", 2)
    problem = random_problem(rng, 3, lengths=LENGTHS, reverse=True)
    check(DeviceRun(problem))


@both_dtypes
def test_two_runs_are_equal_to_the_bit(rng, dtype):
    problem = random_problem(rng, 33, lengths=(2, 3, 1), dtype=dtype)
    one, other = DeviceRun(problem), DeviceRun(problem)
    assert_array_equal(one.states.copy_to_host(), other.states.copy_to_host())
    assert_array_equal(one.gates.copy_to_host(), other.gates.copy_to_host())
