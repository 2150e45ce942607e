"""Which rows of a shard have which code, for sums of gradients in a fixed order.

This runs on the host for every device. Its time is linear in the rows of the shard, whatever the
size of the table.
"""

from ._jit import kernel


@kernel
def group_rows(
    codes, column, starts, block, alive, number_of, places, rows, n_numbered,
    numbers, group_starts, order,
):  # fmt: skip
    """Group the rows of a shard by code, and number the codes that are new to the batch.

    The codes of a batch have the numbers 0, 1, ... in the order in which they first occur.

    Parameters
    ----------
    codes : (any rows, n_tables) int32, one sequence after the other. IN
    column : int, the column of ``codes`` to read.
    starts : (n_sequences,) int64, first row of each sequence, longest first. IN
    block, alive : see ``gru.py``. IN
    number_of : (rows of the table,) int32, the number of each code, -1 if it has none. IN, OUT
    places : (codes of the batch,) int64, work space of zeros, which are restored.
    rows : (codes of the batch,) int64, the code of each number. OUT
    n_numbered : int, codes that have a number already.
    numbers : (groups,) int64, the number of the code of each group. OUT
    group_starts : (groups + 1,) int64, where each group begins in ``order``. OUT
    order : (steps of the shard,) int64, rows of the shard in the packed layout, group after group
        and rising within a group. OUT

    Returns
    -------
    n_numbered, n_groups : int
    """
    n_groups = 0
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            code = codes[starts[i] + t, column]
            if number_of[code] < 0:
                number_of[code] = n_numbered
                rows[n_numbered] = code
                n_numbered += 1
            number = number_of[code]
            if places[number] == 0:
                numbers[n_groups] = number
                n_groups += 1
            places[number] += 1
    total = 0
    for group in range(n_groups):  # from the size of each group to its start
        group_starts[group] = total
        total += places[numbers[group]]
        places[numbers[group]] = group_starts[group]
    group_starts[n_groups] = total
    for t in range(alive.shape[0]):
        for i in range(alive[t]):
            number = number_of[codes[starts[i] + t, column]]
            order[places[number]] = block[t] + i
            places[number] += 1
    for group in range(n_groups):
        places[numbers[group]] = 0
    return n_numbered, n_groups


@kernel
def forget_numbers(rows, number_of):
    """number_of[rows] = -1."""
    for i in range(rows.shape[0]):
        number_of[rows[i]] = -1
