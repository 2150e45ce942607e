"""The result for a sequence does not depend, to the last bit, on what is computed beside it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.kernels.packed import Run, random_gradients, random_problem


@st.composite
def problems(draw):
    """A problem and an order in which to take some of its sequences."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=19))
    problem = random_problem(
        rng,
        draw(st.sampled_from([1, 3, 8, 17, 33, 50, 130])),
        lengths=lengths,
        n_features=draw(st.integers(1, 5)),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        reverse=draw(st.booleans()),
        masked=draw(st.booleans()),
    )
    n_taken = draw(st.integers(1, len(lengths)))
    return problem, rng.permutation(len(lengths))[:n_taken], rng


@settings(max_examples=60)
@given(problems())
def test_states_and_gradients_of_a_sequence_are_its_own(drawn):
    problem, taken, rng = drawn
    d_states, d_final = random_gradients(rng, problem)
    together = Run(problem)
    states, gradients = together.sequence_states(), together.backward(d_states, d_final)

    def compare(indices):
        run = Run(problem.only(indices))
        found = run.backward([d_states[i] for i in indices], d_final[indices])
        for place, (i, own) in enumerate(zip(indices, run.sequence_states(), strict=True)):
            assert_array_equal(own, states[i])
            assert_array_equal(found["x"][place], gradients["x"][i])
            assert_array_equal(found["h0"][place], gradients["h0"][i])

    compare(taken)  # other neighbours, in another order
    compare(taken[:1])  # none at all


@settings(max_examples=40)
@given(problems())
def test_states_before_a_step_do_not_see_what_follows(drawn):
    problem, _, _ = drawn
    full = Run(problem).sequence_states()
    cut = max(len(x) for x in problem.x) // 2 + 1
    keep = slice(-cut, None) if problem.reverse else slice(None, cut)
    problem.x = [x[keep] for x in problem.x]
    for short, states in zip(Run(problem).sequence_states(), full, strict=True):
        assert_array_equal(short, states[keep])
