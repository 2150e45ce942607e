"""Gradients of one direction, against the oracle."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgru.kernels.cuda import _plan, gemm
from tests.kernels.packed import (
    assert_gradients_close,
    expected_gradients,
    random_gradients,
    random_problem,
)

from .compare import both_directions, both_dtypes
from .packed import TOLERANCE, DeviceRun

pytestmark = pytest.mark.emulator

LENGTHS = (3, 5, 5, 1, 2, 5, 1)

masked_or_not = pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])


def check(rng, problem, **options):
    d = random_gradients(rng, problem)
    found = DeviceRun(problem).backward(*d, **options)
    assert_gradients_close(found, expected_gradients(problem, *d), TOLERANCE[problem.dtype.name])


@both_dtypes
@both_directions
@masked_or_not
@pytest.mark.parametrize("n_hidden", [3, 17])
def test_gradients_agree_with_the_oracle(rng, n_hidden, masked, reverse, dtype):
    check(
        rng,
        random_problem(rng, n_hidden, lengths=LENGTHS, dtype=dtype, reverse=reverse, masked=masked),
    )


@both_directions
@pytest.mark.parametrize("lengths", [(1,), (1, 1, 1), (4,), (3,) * 5, (1, 2, 3, 4)])
def test_shapes_of_batches(rng, lengths, reverse):
    check(rng, random_problem(rng, 5, lengths=lengths, n_features=34, reverse=reverse))


@both_directions
def test_parts_of_the_sums_over_rows(rng, monkeypatch, reverse):
    monkeypatch.setattr(gemm, "_PART_ROWS", 5)
    check(rng, random_problem(rng, 3, lengths=LENGTHS, reverse=reverse))


@both_directions
@pytest.mark.parametrize(
    "plan",
    [(1, 1, 8, 0), (2, 1, 4, 5), (4, 2, 8, 7), (8, 4, 4, 1), (2, 4, 8, 6), (2, 2, 4, 0, 800)],
)
def test_any_plan_gives_the_gradients(rng, monkeypatch, plan, reverse):
    rows, slices, columns, n_cached, *spilled = plan
    problem = random_problem(rng, 6, lengths=LENGTHS, reverse=reverse, masked=rows == 2)
    run, d = DeviceRun(problem), random_gradients(rng, problem)
    chosen = _plan.Plan(rows, slices, columns, n_cached, 48 * 1024, *spilled)
    monkeypatch.setattr("skgru.kernels.cuda.gru.plan", lambda *a, **k: chosen)
    monkeypatch.setattr("skgru.kernels.cuda.gru.MAX_BLOCKS", 2)
    assert_gradients_close(run.backward(*d), expected_gradients(problem, *d), 1e-12)


@both_directions
def test_only_the_final_state_has_a_gradient(rng, reverse):
    problem = random_problem(rng, 5, lengths=LENGTHS, reverse=reverse)
    zeros, d_final = random_gradients(rng, problem)
    for d in zeros:
        d[...] = 0
    expected = expected_gradients(problem, zeros, d_final)
    assert_gradients_close(DeviceRun(problem).backward(None, d_final), expected, 1e-12)


@both_directions
def test_what_is_not_asked_for_changes_nothing_else(rng, reverse):
    problem = random_problem(rng, 5, lengths=LENGTHS, reverse=reverse)
    d, run = random_gradients(rng, problem), DeviceRun(problem)
    whole = run.backward(*d)
    for found in (run.backward(*d, need_x=False), run.backward(*d, need_initial=False)):
        assert len(found) == len(whole) - 1
        for name in ("W", "U", "b", "b_hn"):
            assert_array_equal(found[name], whole[name], err_msg=name)


@both_dtypes
def test_sums_are_added_to_what_is_there(rng, dtype):
    problem = random_problem(rng, 5, lengths=LENGTHS, dtype=dtype)
    d, run = random_gradients(rng, problem), DeviceRun(problem)
    plain, on_top = run.backward(*d), run.backward(*d, start=3.0, add_to_x=-2.0)
    for name in ("W", "U", "b", "b_hn"):
        on_top[name] = on_top[name] - 3.0
    on_top["x"] = [d_x + 2.0 for d_x in on_top["x"]]
    assert_gradients_close(on_top, plain, TOLERANCE[dtype])


@both_dtypes
def test_two_runs_are_equal_to_the_bit(rng, dtype):
    problem = random_problem(rng, 17, lengths=LENGTHS, dtype=dtype, reverse=True)
    d = random_gradients(rng, problem)
    one, other = DeviceRun(problem).backward(*d), DeviceRun(problem).backward(*d)
    for name in one:
        ours, theirs = (np.concatenate(f[name]) if name == "x" else f[name] for f in (one, other))
        assert_array_equal(ours, theirs, err_msg=name)
