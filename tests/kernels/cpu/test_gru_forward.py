"""The states of one direction: against the oracle, and what becomes of NaN."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.kernels.packed import LENGTHS, TOLERANCE, Run, expected_states, random_problem

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def assert_states(run, tolerance):
    expected = expected_states(run.problem)
    for i, (found, theirs) in enumerate(zip(run.sequence_states(), expected, strict=True)):
        assert_allclose(found, theirs, rtol=0, atol=tolerance, err_msg=f"sequence {i}")


@both_dtypes
@both_directions
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("n_hidden", [1, 3, 17, 33, 50, 130])
def test_states_agree_with_the_oracle(rng, n_hidden, masked, reverse, dtype):
    problem = random_problem(rng, n_hidden, dtype=dtype, reverse=reverse, masked=masked)
    assert_states(Run(problem), TOLERANCE[dtype])


@both_dtypes
@both_directions
@pytest.mark.parametrize("lengths", [(1,), (1, 1, 1), (6,), (4,) * 9, (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("n_features", [1, 70])
def test_shapes_of_shards(rng, n_features, lengths, reverse, dtype):
    problem = random_problem(
        rng, 5, lengths=lengths, n_features=n_features, dtype=dtype, reverse=reverse
    )
    assert_states(Run(problem), TOLERANCE[dtype])


@both_dtypes
def test_two_hundred_steps(rng, dtype):
    problem = random_problem(rng, 20, lengths=(200, 150, 200), dtype=dtype)
    assert_states(Run(problem), TOLERANCE[dtype])


@both_dtypes
@both_directions
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
def test_saving_the_gates_changes_nothing(rng, masked, reverse, dtype):
    problem = random_problem(rng, 33, dtype=dtype, reverse=reverse, masked=masked)
    assert_array_equal(Run(problem, save=True).states, Run(problem, save=False).states)


@both_dtypes
@both_directions
def test_nan_stays_visible_and_in_its_sequence(rng, reverse, dtype):
    problem = random_problem(rng, 17, dtype=dtype, reverse=reverse)
    healthy = Run(problem).sequence_states()
    sick, step = 2, 4
    problem.x[sick][step, 1] = np.nan
    found = Run(problem).sequence_states()
    for i in range(len(LENGTHS)):
        if i != sick:
            assert_array_equal(found[i], healthy[i])
    after = slice(None, step + 1) if reverse else slice(step, None)
    before = slice(step + 1, None) if reverse else slice(None, step)
    assert np.isnan(found[sick][after]).all()
    assert_array_equal(found[sick][before], healthy[sick][before])


@both_dtypes
def test_huge_inputs_saturate(rng, dtype):
    problem = random_problem(rng, 17, dtype=dtype)
    for x in problem.x:
        x *= 1e30
    for states, h0 in zip(Run(problem).sequence_states(), problem.h0, strict=True):
        # Every state lies between the one before and a candidate in [-1, 1], up to rounding.
        excess = np.abs(states) - np.maximum(1, np.abs(h0))
        assert excess.max() <= len(states) * np.finfo(dtype).eps
