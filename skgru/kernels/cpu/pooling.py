"""Poolings: reduce the states of a sequence to one vector, and propagate gradients back to them.

``block`` holds the first row of every step (see ``gru.py``). The state of sequence i at step t is
row ``block[t + shift] + i`` of ``states``, where shift is 1 for a forward layer and 0 for a
backward one. Its gradient is row ``block[t] + i`` of ``d_states``. Every direction of a layer fills
``n_units`` columns of its own, from ``column`` on.
"""

import math

from ._jit import kernel


@kernel
def pool_last(states, block, lengths, shift, pooled, column):
    """The final state: after the last step, or at the first step of a backward layer (shift 0)."""
    for i in range(lengths.shape[0]):
        row = (block[lengths[i]] if shift == 1 else block[0]) + i
        for j in range(states.shape[1]):
            pooled[i, column + j] = states[row, j]


@kernel
def pool_mean(states, block, lengths, shift, pooled, column, total):
    """The mean over the steps of a sequence.

    ``total`` (n_units,) float64 is work space: sums of many float32 steps would lose digits.
    """
    n_units = states.shape[1]
    for i in range(lengths.shape[0]):
        total[:] = 0
        for t in range(lengths[i]):
            state = states[block[t + shift] + i]
            for j in range(n_units):
                total[j] += state[j]
        for j in range(n_units):
            pooled[i, column + j] = total[j] / lengths[i]


@kernel
def pool_mean_backward(d_pooled, column, block, lengths, d_states, d_column, n_units):
    """Add d_pooled / length to every step."""
    for i in range(lengths.shape[0]):
        source = d_pooled[i, column : column + n_units]
        share = d_states.dtype.type(1.0 / lengths[i])
        for t in range(lengths[i]):
            target = d_states[block[t] + i, d_column : d_column + n_units]
            for j in range(n_units):
                target[j] += source[j] * share


@kernel
def pool_max(states, block, lengths, shift, pooled, column, where):
    """The largest value of each unit; ``where`` (n_sequences, n_units) receives its first step."""
    n_units = states.shape[1]
    for i in range(lengths.shape[0]):
        target, step = pooled[i, column : column + n_units], where[i]
        state = states[block[shift] + i]
        for j in range(n_units):
            target[j], step[j] = state[j], 0
        for t in range(1, lengths[i]):
            state = states[block[t + shift] + i]
            for j in range(n_units):
                # NaN counts as the largest value, so that divergence is not hidden.
                if not (state[j] <= target[j]) and target[j] == target[j]:
                    target[j] = state[j]
                    step[j] = t


@kernel
def pool_max_backward(d_pooled, column, where, block, d_states, d_column):
    """Add d_pooled to the step that held the maximum."""
    for i in range(where.shape[0]):
        for j in range(where.shape[1]):
            d_states[block[where[i, j]] + i, d_column + j] += d_pooled[i, column + j]


def pool(states, block, lengths, shift, pooled, last, mean, largest, where, total):
    """Apply one or several of the poolings last, mean and max.

    Parameters
    ----------
    pooled : (n_sequences, any). OUT
    last, mean, largest : int, first column of each in ``pooled``; negative for none.
    where, total : as in ``pool_max`` and ``pool_mean``.
    """
    if last >= 0:
        pool_last(states, block, lengths, shift, pooled, last)
    if mean >= 0:
        pool_mean(states, block, lengths, shift, pooled, mean, total)
    if largest >= 0:
        pool_max(states, block, lengths, shift, pooled, largest, where)


def pool_backward(
    d_pooled, last, mean, largest, where, block, lengths, final, d_states, d_column, add
):  # fmt: skip
    """The gradients of ``pool``.

    Parameters
    ----------
    final : (n_sequences, n_units), gradients of the final states. OUT
    d_states : (rows, any) or (0, any), those of all states, from ``d_column`` on. OUT
    add : bool, whether to add to the contents of ``d_states``. If so, ``final`` is written only if
        the last state is pooled. If not, every gradient of a sequence is overwritten.
    """
    n_units = final.shape[1]
    if last >= 0:
        final[...] = d_pooled[:, last : last + n_units]
    elif not add:
        final.fill(0)
    if d_states.shape[0] == 0:
        return
    if not add:
        d_states[:, d_column : d_column + n_units] = 0
    if mean >= 0:
        pool_mean_backward(d_pooled, mean, block, lengths, d_states, d_column, n_units)
    if largest >= 0:
        pool_max_backward(d_pooled, largest, where, block, d_states, d_column)


@kernel
def count_step(states, first, n_steps):
    """Add 1 to the steps of every stream if all states after this one are finite; return whether.

    Arguments as in ``advance_mean``, ``n_steps`` INOUT.
    """
    for i in range(n_steps.shape[0]):
        for j in range(states.shape[1]):
            if not math.isfinite(states[first + i, j]):
                return False
    for i in range(n_steps.shape[0]):
        n_steps[i] += 1
    return True


@kernel
def advance_mean(states, first, n_steps, total, pooled, column):
    """``pool_mean`` of streams that have just taken one more step.

    Parameters
    ----------
    states : (any rows, n_units), the state of stream i in row ``first + i``. IN
    n_steps : (n_streams,) int64, steps of each stream, this one included. IN
    total : (n_streams, n_units) float64, sums over the steps of each stream. INOUT
    pooled : (n_streams, any): columns from ``column`` on. OUT
    """
    for i in range(n_steps.shape[0]):
        for j in range(states.shape[1]):
            before = total[i, j] if n_steps[i] > 1 else 0.0
            total[i, j] = before + states[first + i, j]
            pooled[i, column + j] = total[i, j] / n_steps[i]


@kernel
def advance_max(states, first, n_steps, pooled, column):
    """``pool_max`` of streams that have just taken one more step; see ``advance_mean``.

    The columns of ``pooled`` hold the largest values so far. INOUT
    """
    for i in range(n_steps.shape[0]):
        for j in range(states.shape[1]):
            state = states[first + i, j]
            if n_steps[i] == 1 or state > pooled[i, column + j]:
                pooled[i, column + j] = state


@kernel
def attention_scores(states, block, alive, shift, query, add, scores):
    """scores[block[t] + i] (+)= h . query (Raffel & Ellis 2015, arXiv:1512.08756, eq. 1)."""
    zero = states.dtype.type(0)
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            state = states[block[t + shift] + i]
            total = scores[block[t] + i] if add else zero
            for j in range(state.shape[0]):
                total += state[j] * query[j]
            scores[block[t] + i] = total


@kernel
def attention_softmax(scores, block, lengths):
    """Scores become weights that sum to 1 over the steps of each sequence, in place."""
    for i in range(lengths.shape[0]):
        largest = scores[block[0] + i]
        for t in range(1, lengths[i]):
            largest = max(largest, scores[block[t] + i])
        total = 0.0
        for t in range(lengths[i]):
            scores[block[t] + i] = math.exp(scores[block[t] + i] - largest)
            total += scores[block[t] + i]
        for t in range(lengths[i]):
            scores[block[t] + i] /= total


@kernel
def pool_attention(states, block, lengths, shift, attention, pooled, column, total):
    """The mean of the states under the attention weights; ``total`` as in ``pool_mean``."""
    n_units = states.shape[1]
    for i in range(lengths.shape[0]):
        total[:] = 0
        for t in range(lengths[i]):
            state, weight = states[block[t + shift] + i], attention[block[t] + i]
            for j in range(n_units):
                total[j] += weight * state[j]
        for j in range(n_units):
            pooled[i, column + j] = total[j]


@kernel
def attention_weight_gradient(states, block, alive, shift, d_pooled, column, add, d_attention):
    """d_attention[block[t] + i] (+)= d_pooled . h, the gradient of each attention weight."""
    zero = states.dtype.type(0)
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            state = states[block[t + shift] + i]
            total = d_attention[block[t] + i] if add else zero
            for j in range(state.shape[0]):
                total += state[j] * d_pooled[i, column + j]
            d_attention[block[t] + i] = total


@kernel
def attention_softmax_backward(attention, block, lengths, d_attention):
    """d_attention becomes the gradient of the scores: w (d - sum of w d), in place."""
    for i in range(lengths.shape[0]):
        mean = 0.0
        for t in range(lengths[i]):
            mean += attention[block[t] + i] * d_attention[block[t] + i]
        for t in range(lengths[i]):
            row = block[t] + i
            d_attention[row] = attention[row] * (d_attention[row] - mean)


@kernel
def pool_attention_backward(
    states, block, lengths, shift, attention, d_scores, query, d_pooled, column, d_states, d_column,
    d_query,
):  # fmt: skip
    """Add the gradients of the states, w d_pooled + d_score query, and of the query."""
    n_units = states.shape[1]
    for i in range(lengths.shape[0]):
        source = d_pooled[i, column : column + n_units]
        for t in range(lengths[i]):
            row = block[t] + i
            state = states[block[t + shift] + i]
            target = d_states[row, d_column : d_column + n_units]
            weight, d_score = attention[row], d_scores[row]
            for j in range(n_units):
                target[j] += weight * source[j] + d_score * query[j]
            for j in range(n_units):
                d_query[j] += d_score * state[j]
