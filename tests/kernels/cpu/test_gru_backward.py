"""Gradients of one direction: against the oracle, against finite differences, chunk by chunk."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.kernels.packed import (
    LENGTHS,
    Run,
    assert_gradients_close,
    expected_gradients,
    random_gradients,
    random_problem,
)
from tests.reference import gru as ref

from .test_gru_forward import both_directions, both_dtypes

#: Relative to the largest gradient of an array.
TOLERANCE = {"float64": 1e-13, "float32": 1e-5}

masked_or_not = pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])


@both_dtypes
@both_directions
@masked_or_not
@pytest.mark.parametrize("n_hidden", [1, 3, 17, 33, 50, 130])
def test_gradients_agree_with_the_oracle(rng, n_hidden, masked, reverse, dtype):
    problem = random_problem(rng, n_hidden, dtype=dtype, reverse=reverse, masked=masked)
    d = random_gradients(rng, problem)
    expected = expected_gradients(problem, *d)
    assert_gradients_close(Run(problem).backward(*d), expected, TOLERANCE[dtype])


@both_dtypes
@both_directions
@pytest.mark.parametrize("lengths", [(1,), (1, 1, 1), (6,), (4,) * 9, (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("n_features", [1, 70])
def test_shapes_of_shards(rng, n_features, lengths, reverse, dtype):
    problem = random_problem(
        rng, 5, lengths=lengths, n_features=n_features, dtype=dtype, reverse=reverse
    )
    d = random_gradients(rng, problem)
    expected = expected_gradients(problem, *d)
    assert_gradients_close(Run(problem).backward(*d), expected, TOLERANCE[dtype])


@both_directions
@masked_or_not
def test_gradients_agree_with_finite_differences(rng, masked, reverse):
    problem = random_problem(
        rng, 3, lengths=(3, 1, 4), n_features=2, reverse=reverse, masked=masked
    )
    d_states, d_final = random_gradients(rng, problem)
    names = ("W", "U", "b", "b_hn", "h0")

    def loss(*arrays):
        for name, array in zip((*names, "x"), arrays[:6], strict=True):
            setattr(problem, name, list(arrays[5:]) if name == "x" else array)
        states = Run(problem, save=False).sequence_states()
        final = np.array([s[0 if reverse else -1] for s in states])
        weighted = sum(np.sum(d * s) for d, s in zip(d_states, states, strict=True))
        return weighted + np.sum(d_final * final)

    found = Run(problem).backward(d_states, d_final)
    arrays = [getattr(problem, name) for name in names] + problem.x
    numerical = ref.numerical_gradient(loss, arrays)
    for name, theirs in zip(names, numerical, strict=False):
        assert_allclose(found[name], theirs, rtol=1e-6, atol=1e-8, err_msg=name)
    for ours, theirs in zip(found["x"], numerical[5:], strict=True):
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@both_dtypes
@both_directions
@masked_or_not
def test_chunks_of_steps_make_no_difference(rng, masked, reverse, dtype):
    problem = random_problem(rng, 17, dtype=dtype, reverse=reverse, masked=masked)
    d = random_gradients(rng, problem)
    run = Run(problem)
    whole = run.backward(*d)
    for chunk_rows in (len(LENGTHS), len(LENGTHS) + 7, 3 * len(LENGTHS)):
        assert chunk_rows < run.shard.n_rows
        chunked = run.backward(*d, chunk_rows=chunk_rows)
        # A sequence passes through the same operations; the sums over all rows are cut elsewhere.
        assert_array_equal(np.concatenate(chunked["x"]), np.concatenate(whole["x"]))
        assert_array_equal(chunked["h0"], whole["h0"])
        assert_gradients_close(chunked, whole, 1e-14 if dtype == "float64" else 2e-6)


@both_directions
def test_only_the_final_state_has_a_gradient(rng, reverse):
    problem = random_problem(rng, 17, reverse=reverse)
    zeros, d_final = random_gradients(rng, problem)
    for d in zeros:
        d[...] = 0
    expected = expected_gradients(problem, zeros, d_final)
    assert_gradients_close(Run(problem).backward(None, d_final), expected, TOLERANCE["float64"])


@both_directions
def test_what_is_not_asked_for_changes_nothing_else(rng, reverse):
    problem = random_problem(rng, 17, reverse=reverse)
    d = random_gradients(rng, problem)
    run = Run(problem)
    whole = run.backward(*d)
    for found in (run.backward(*d, need_x=False), run.backward(*d, need_initial=False)):
        assert len(found) == len(whole) - 1
        for name in ("W", "U", "b", "b_hn"):
            assert_array_equal(found[name], whole[name], err_msg=name)


@both_dtypes
@both_directions
def test_sums_are_added_to_what_is_there(rng, reverse, dtype):
    problem = random_problem(rng, 17, dtype=dtype, reverse=reverse)
    d = random_gradients(rng, problem)
    run = Run(problem)
    plain = run.backward(*d)
    on_top = run.backward(*d, start=3.0, add_to_x=-2.0)
    for name in ("W", "U", "b", "b_hn"):
        on_top[name] = on_top[name] - 3.0
    on_top["x"] = [d_x + 2.0 for d_x in on_top["x"]]
    assert_gradients_close(on_top, plain, 1e-13 if dtype == "float64" else 1e-5)


@both_dtypes
def test_backward_leaves_its_inputs_alone(rng, dtype):
    problem = random_problem(rng, 17, dtype=dtype, masked=True)
    d = random_gradients(rng, problem)
    run = Run(problem)
    first = run.backward(*d)
    second = run.backward(*d)
    for name in ("W", "U", "b", "b_hn", "h0"):
        assert_array_equal(first[name], second[name], err_msg=name)
