"""The product of a step of the recurrence on tensor cores, and where its weights are kept.

A block processes eight sequences, the columns of an instruction, and every warp computes 16 units,
its rows. Row g is unit 2 g of the warp and row g + 8 is unit 2 g + 1, so that lane 4 g + q of
``_mma.py`` gets two neighbouring units of the sequences 2 q and 2 q + 1: four cells, whose gates
are all its own, and whose new states are whole words. In the order of the instruction, cell c of a
lane has its unit ``c >> 1`` and its sequence ``c & 1``.

For 8 words along the sum there are three instructions, one for each gate, and a lane needs 12 words
of weights. The weights of the first steps along the sum are held in registers, further weights are
"near", in shared memory, and the rest is "far": read from global memory and rounded again at every
time step. The order of a sum does not depend on where the weights are.
"""

from functools import cache
from typing import NamedTuple

import numba

from ._jit import device_function, index
from ._mma import FORMATS, MMA_WORDS, WARP

#: Sequences of a block and units of a warp: columns and rows of an instruction.
SEQUENCES, UNITS = 8, 16
#: Words of weights that a lane holds for one step along the sum.
STEP_WORDS = 12

# Steps along the sum that are held in registers, by the most threads that the block may have.
_HELD = {256: 8, 512: 2}
_MOST_THREADS = 512


class TensorPlan(NamedTuple):
    """Shape of a launch.

    Attributes
    ----------
    threads, max_threads : int
        Threads of a block, and the limit that its kernel is compiled for.
    n_held, n_near, n_near_inputs : int
        Steps along the sum whose weights are in registers and in shared memory; and those of the
        inputs' weights, which are never in registers.
    shared : int
        Bytes of shared memory.
    """

    threads: int
    max_threads: int
    n_held: int
    n_near: int
    n_near_inputs: int
    shared: int


def line_length(n_words):
    """Words from one sequence to the next; lanes 4 g + q read word q of line g (all 32 banks)."""
    return -(-n_words // MMA_WORDS) * MMA_WORDS + 4


def tensor_plan(precision, n_units, shared_limit, n_inputs=0, backward=False):
    """Choose a `TensorPlan`, or None where a block has too few threads for all units."""
    warps = -(-n_units // UNITS)
    threads = warps * WARP
    if threads > _MOST_THREADS:
        return None
    per_word = FORMATS[precision].per_word
    max_threads = next(n for n in _HELD if threads <= n)

    def steps_of(n):
        return -(-n // (MMA_WORDS * per_word))

    lines = 2 * SEQUENCES  # of this time step and of the next
    n_words = lines * line_length(warps * UNITS // per_word) * (3 if backward else 1)
    if n_inputs > 0:
        n_words += lines * line_length(-(-n_inputs // per_word))
    room = (shared_limit // 4 - n_words) // (STEP_WORDS * threads)
    n_held = min(steps_of(n_units), _HELD[max_threads], room)
    if n_held < 1:
        return None
    n_near = min(steps_of(n_units) - n_held, room)
    n_near_inputs = min(steps_of(n_inputs), room - n_near)
    # Weights that are held in registers are first staged in shared memory.
    n_words += max(n_held, n_near + n_near_inputs) * STEP_WORDS * threads
    return TensorPlan(threads, max_threads, n_held, n_near, n_near_inputs, 4 * n_words)


@cache
def make_weights(precision, n_held):
    """Make two functions: one reads a word of a lane's weights, one loads all cached weights.

    Weights are a flat array in which inputs of the product lie ``k_length`` apart, gates
    ``gate_length``, and units side by side. A lane's words of a step along the sum are numbered as
    the instruction wants them, gate after gate.
    """
    to_word, per_word = FORMATS[precision].to_word, FORMATS[precision].per_word
    zero, n_held_words = numba.float32(0), n_held * STEP_WORDS
    i0, i1, i2, i4, i8 = (index(i) for i in (0, 1, 2, 4, 8))
    i_per_word, i_held, i_step = index(per_word), index(n_held), index(STEP_WORDS)

    @device_function
    def weight_word(weights, k_length, gate_length, n_k, n_units, unit, place, step, e):
        row = unit + e % i2
        k = (step * i8 + place + e % i4 // i2 * i4) * i_per_word
        first, second = zero, zero
        if row < n_units:
            at = k * k_length + e // i4 * gate_length + row
            if k < n_k:
                first = weights[at]
            if per_word == 2:
                if k + i1 < n_k:
                    second = weights[at + k_length]
        return to_word(first, second)

    @device_function
    def place_weights(
        held, shared, near, n_near, stride, weights, k_length, gate_length, n_k, n_units, unit,
        place,
    ):  # fmt: skip
        # Registers are numbered by constants, so the loop that fills them has to be unrolled. It is
        # short: it copies words that a long loop, not unrolled, has stored in shared memory.
        e = i0
        while e < i_held * i_step:
            shared[near + e * stride] = weight_word(
                weights, k_length, gate_length, n_k, n_units, unit, place, e // i_step, e % i_step
            )
            e += i1
        for w in range(n_held_words):
            held[w] = shared[near + index(w) * stride]
        e = i0
        while e < n_near * i_step:
            shared[near + e * stride] = weight_word(
                weights, k_length, gate_length, n_k, n_units, unit, place, i_held + e // i_step,
                e % i_step,
            )  # fmt: skip
            e += i1

    return weight_word, place_weights


@cache
def make_add_products(precision, n_held, last_gate):
    """A function that adds the products of a warp's units and sequences to its sums.

    The four sums of a gate begin at 0, at 4 and, for the last one, at ``last_gate``. The vectors
    are read from shared memory at ``vectors`` (the place of this lane among them), those of the
    next gate ``per_gate`` further on; weights that are near from ``near`` on, ``stride`` apart.
    """
    weight_word, _ = make_weights(precision, n_held)
    mma = FORMATS[precision].mma
    i1, i4, i8 = index(1), index(4), index(MMA_WORDS)
    i_held, i_step = index(n_held), index(STEP_WORDS)

    @device_function
    def add(words, w, shared, vectors, sums, s):
        sums[s], sums[s + 1], sums[s + 2], sums[s + 3] = mma(
            words[w], words[w + 1], words[w + 2], words[w + 3], shared[vectors],
            shared[vectors + i4], sums[s], sums[s + 1], sums[s + 2], sums[s + 3],
        )  # fmt: skip

    @device_function
    def add_products(
        held, moving, shared, near, n_near, stride, weights, k_length, gate_length, n_k, n_units,
        unit, place, n_steps, vectors, per_gate, sums,
    ):  # fmt: skip
        for step in range(n_held):
            for gate in range(3):
                at = vectors + index(step) * i8 + index(gate) * per_gate
                s = last_gate if gate == 2 else 4 * gate
                add(held, STEP_WORDS * step + 4 * gate, shared, at, sums, s)
        step = i_held
        while step < n_steps:
            is_near = step < i_held + n_near
            for gate in range(3):
                for e in range(4):
                    w = index(4 * gate + e)
                    if is_near:
                        moving[e] = shared[near + ((step - i_held) * i_step + w) * stride]
                    else:
                        moving[e] = weight_word(
                            weights, k_length, gate_length, n_k, n_units, unit, place, step, w
                        )
                at = vectors + step * i8 + index(gate) * per_gate
                s = last_gate if gate == 2 else 4 * gate
                add(moving, 0, shared, at, sums, s)
            step += i1

    return add_products


@cache
def make_store_words(precision):
    """A function that rounds a number of each of a lane's cells into a vector in shared memory."""
    to_word, per_word = FORMATS[precision].to_word, FORMATS[precision].per_word
    i1, i_per_word = index(1), index(per_word)

    @device_function
    def store_words(shared, vectors, length, unit, sequence, values):
        for i in range(2):
            at = vectors + (sequence + index(i)) * length + unit // i_per_word
            shared[at] = to_word(values[i], values[2 + i])
            if per_word == 1:
                shared[at + i1] = to_word(values[2 + i], values[i])

    return store_words
