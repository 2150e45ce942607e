"""Poolings and their gradients; definitions and layouts in ``kernels/cpu/pooling.py``.

A thread has one unit of one sequence and goes through its steps in order, so neighbouring threads
read neighbouring units and every sum has the order it has on the CPU.
"""

import math

from numba import cuda, float64

from ._cell import step_of
from ._jit import index, kernel
from ._launch import ROW_THREADS, ROWS, launch_elements, launch_rows, scratch


@kernel
def _pool(states, step_start, lengths, shift, pooled, last, mean, largest, where):
    n_units = index(states.shape[1])
    e = index(cuda.grid(1))
    if e >= index(lengths.shape[0]) * n_units:
        return
    i, j = e // n_units, e % n_units
    if last >= 0:
        step = index(lengths[i]) if shift == 1 else index(0)
        pooled[i, index(last) + j] = states[index(step_start[step]) + i, j]
    if mean < 0 and largest < 0:
        return
    total, top, top_step = 0.0, states[index(step_start[shift]) + i, j], 0
    for t in range(lengths[i]):
        state = states[index(step_start[t + shift]) + i, j]
        total += state
        if not (state <= top) and top == top:
            top, top_step = state, t
    if mean >= 0:
        pooled[i, index(mean) + j] = total / lengths[i]
    if largest >= 0:
        pooled[i, index(largest) + j] = top
        where[i, j] = top_step


def pool(states, block, lengths, shift, pooled, last, mean, largest, where, total):
    """The last state, the mean and the largest values; ``total`` is not used."""
    n = lengths.shape[0] * states.shape[1]
    launch_elements(_pool, n, states, block, lengths, shift, pooled, last, mean, largest, where)


@kernel
def _pool_backward(
    d_pooled, last, mean, largest, where, step_start, lengths, final, d_states, d_column, add
):  # fmt: skip
    """A thread processes all steps of its unit, so it adds only to what it wrote itself."""
    n_units = index(final.shape[1])
    e = index(cuda.grid(1))
    if e >= index(final.shape[0]) * n_units:
        return
    i, j = e // n_units, e % n_units
    if last >= 0:
        final[i, j] = d_pooled[i, index(last) + j]
    elif not add:
        final[i, j] = 0
    if d_states.shape[0] == 0:
        return
    column = index(d_column) + j
    if not add:
        for t in range(lengths[i]):
            d_states[index(step_start[t]) + i, column] = 0
    if mean >= 0:
        value = float64(d_pooled[i, index(mean) + j]) / lengths[i]
        for t in range(lengths[i]):
            d_states[index(step_start[t]) + i, column] += value
    if largest >= 0:
        row = index(step_start[where[i, j]]) + i
        d_states[row, column] += d_pooled[i, index(largest) + j]


def pool_backward(
    d_pooled, last, mean, largest, where, block, lengths, final, d_states, d_column, add
):  # fmt: skip
    """The gradients of ``pool``; without ``add`` rows of padding keep what they hold."""
    launch_elements(
        _pool_backward, final.shape[0] * final.shape[1], d_pooled, last, mean, largest, where,
        block, lengths, final, d_states, d_column, add,
    )  # fmt: skip


@kernel
def _pool_attention(states, step_start, lengths, shift, attention, pooled, column):
    n_units = index(states.shape[1])
    e = index(cuda.grid(1))
    if e < index(lengths.shape[0]) * n_units:
        i, j = e // n_units, e % n_units
        total = 0.0
        for t in range(lengths[i]):
            state = states[index(step_start[t + shift]) + i, j]
            total += state * attention[index(step_start[t]) + i]
        pooled[i, index(column) + j] = total


def pool_attention(states, block, lengths, shift, attention, pooled, column, total):
    """The mean of the states under the attention weights; ``total`` is not used."""
    n = lengths.shape[0] * states.shape[1]
    launch_elements(_pool_attention, n, states, block, lengths, shift, attention, pooled, column)


@kernel
def _products_with_rows(
    states, step_start, alive, shift, vectors, column, by_sequence, add, scores
):
    """scores[row] (+)= state . vector, of the sequence or one for all.

    A few threads share a row; the first of them adds up their sums, in order.
    """
    sums = cuda.shared.array((ROWS, ROW_THREADS), float64)
    x, y = index(cuda.threadIdx.x), index(cuda.threadIdx.y)
    row = index(cuda.blockIdx.x) * index(ROWS) + y
    total, used = 0.0, False
    if row < index(scores.shape[0]):
        t = step_of(row, step_start)
        i = row - index(step_start[t])
        used = i < index(alive[t])
        if used:
            source = index(step_start[t + index(shift)]) + i
            of = i if by_sequence else index(0)
            j = x
            while j < index(states.shape[1]):
                total += float64(states[source, j]) * float64(vectors[of, index(column) + j])
                j += index(ROW_THREADS)
    sums[y, x] = total
    cuda.syncthreads()
    if used and x == index(0):
        total = 0.0
        for j in range(ROW_THREADS):
            total += sums[y, j]
        if add:
            total += float64(scores[row])
        scores[row] = total


def attention_scores(states, block, alive, shift, query, add, scores):
    """scores[block[t] + i] (+)= h . query."""
    launch_rows(
        _products_with_rows, scores.shape[0], states, block, alive, shift,
        query.reshape(1, states.shape[1]), 0, False, add, scores,
    )  # fmt: skip


def attention_weight_gradient(states, block, alive, shift, d_pooled, column, add, d_attention):
    """d_attention[block[t] + i] (+)= d_pooled . h."""
    launch_rows(
        _products_with_rows, d_attention.shape[0], states, block, alive, shift, d_pooled, column,
        True, add, d_attention,
    )  # fmt: skip


@kernel
def _attention_softmax(scores, step_start, lengths):
    i = index(cuda.grid(1))
    if i < index(lengths.shape[0]):
        largest = scores[index(step_start[0]) + i]
        for t in range(1, lengths[i]):
            largest = max(largest, scores[index(step_start[t]) + i])
        total = 0.0
        for t in range(lengths[i]):
            total += math.exp(float64(scores[index(step_start[t]) + i] - largest))
        for t in range(lengths[i]):
            row = index(step_start[t]) + i
            scores[row] = math.exp(float64(scores[row] - largest)) / total


def attention_softmax(scores, block, lengths):
    """Convert scores to weights that sum to 1 over the steps of each sequence, in place."""
    launch_elements(_attention_softmax, lengths.shape[0], scores, block, lengths)


@kernel
def _attention_softmax_backward(attention, step_start, lengths, d_attention):
    i = index(cuda.grid(1))
    if i < index(lengths.shape[0]):
        mean = 0.0
        for t in range(lengths[i]):
            row = index(step_start[t]) + i
            mean += float64(attention[row]) * float64(d_attention[row])
        for t in range(lengths[i]):
            row = index(step_start[t]) + i
            d_attention[row] = float64(attention[row]) * (float64(d_attention[row]) - mean)


def attention_softmax_backward(attention, block, lengths, d_attention):
    """Convert d_attention to the gradient of the scores, in place."""
    n = lengths.shape[0]
    launch_elements(_attention_softmax_backward, n, attention, block, lengths, d_attention)


@kernel
def _pool_attention_backward(
    states, step_start, lengths, shift, attention, d_scores, query, d_pooled, column, d_states,
    d_column, partial, n_parts,
):  # fmt: skip
    """A thread has one unit of the sequences part, part + n_parts..."""
    n_units = index(states.shape[1])
    e = index(cuda.grid(1))
    if e >= index(n_parts) * n_units:
        return
    part, j = e // n_units, e % n_units
    total, weight_of_score = 0.0, query[j]
    i = part
    while i < index(lengths.shape[0]):
        source = d_pooled[i, index(column) + j]
        for t in range(lengths[i]):
            row = index(step_start[t]) + i
            state, d_score = states[index(step_start[t + shift]) + i, j], d_scores[row]
            added = attention[row] * source + d_score * weight_of_score
            d_states[row, index(d_column) + j] += added
            total += float64(d_score) * float64(state)
        i += index(n_parts)
    partial[e] = total


@kernel
def _add_partial(partial, n_parts, target):
    n_units, j = index(target.shape[0]), index(cuda.grid(1))
    if j < n_units:
        total = 0.0
        for part in range(n_parts):
            total += partial[index(part) * n_units + j]
        target[j] += total


def pool_attention_backward(
    states, block, lengths, shift, attention, d_scores, query, d_pooled, column, d_states, d_column,
    d_query,
):  # fmt: skip
    """Add the gradients of the states, w d_pooled + d_score query, and of the query."""
    n_units, n_parts = states.shape[1], min(lengths.shape[0], 256)
    partial = scratch("pool_attention_backward", n_parts * n_units, "float64")
    launch_elements(
        _pool_attention_backward, n_parts * n_units, states, block, lengths, shift, attention,
        d_scores, query, d_pooled, column, d_states, d_column, partial, n_parts,
    )  # fmt: skip
    launch_elements(_add_partial, n_units, partial, n_parts, d_query)
