"""Edit distances of many pairs of label sequences at once."""

import numpy as np

from ._steps import as_pairs, as_steps

# Pairs whose tables are filled together: enough to keep NumPy busy, few enough for the cache.
_PAIRS = 256


def label_error_rate(y_true, y_pred):
    """Number of edits that turn predictions into the truth, per symbol of the truth.

    The sum over all pairs of the edit distance (Levenshtein [1]_: insertions, deletions and
    replacements of one symbol count one each), divided by the number of symbols in `y_true`. With
    letters as symbols it is known as the character error rate, with words as the word error rate,
    of speech and handwriting (Graves et al. [2]_). It can exceed 1.

    Parameters
    ----------
    y_true, y_pred : array-like with one item for each sequence
        Items are strings, whose symbols are the characters, or lists or arrays of symbols. For
        words, split them: ``[text.split() for text in y_true]``.

    Returns
    -------
    rate : float
        0 is perfect.

    References
    ----------
    .. [1] V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and
       reversals", Soviet Physics Doklady 10 (1966). The table: R. A. Wagner, M. J. Fischer, "The
       string-to-string correction problem", Journal of the ACM 21 (1974).
    .. [2] A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist temporal
       classification", ICML (2006), section 3.

    Examples
    --------
    >>> from skgru.metrics import label_error_rate
    >>> label_error_rate(["kitten", "abcd"], ["sitting", "abcd"])
    0.3
    """
    true, pred = as_pairs(y_true, y_pred)
    numbers = {}
    true = [_encode(item, "y_true", i, numbers) for i, item in enumerate(true)]
    pred = [_encode(item, "y_pred", i, numbers) for i, item in enumerate(pred)]
    n_symbols = sum(map(len, true))
    if n_symbols == 0:
        raise ValueError("y_true has no symbols, so there is no rate of errors.")
    # Pairs of similar lengths share a table with little padding.
    order = sorted(range(len(true)), key=lambda i: (len(true[i]), len(pred[i])))
    n_edits = 0
    for start in range(0, len(order), _PAIRS):
        chosen = order[start : start + _PAIRS]
        n_edits += _distances([true[i] for i in chosen], [pred[i] for i in chosen]).sum()
    return float(n_edits / n_symbols)


def _encode(item, name, i, numbers):
    """Symbols as numbers, the same for equal symbols; new symbols are added to `numbers`."""
    steps = as_steps(item, name, i)
    if steps.ndim != 1:
        raise ValueError(f"{name} at sequence {i} should have one symbol for each step.")
    symbols = steps.tolist()
    return np.array([numbers.setdefault(symbol, len(numbers)) for symbol in symbols], np.int64)


def _pad(sequences, value):
    """Sequences side by side, of shape (longest, n_sequences)."""
    padded = np.full((max(map(len, sequences)), len(sequences)), value, np.int32)
    for column, sequence in enumerate(sequences):
        padded[: len(sequence), column] = sequence
    return padded


def _distances(first, second):
    """Edit distance of each pair, of shape (n_pairs,).

    The table d[i, j] is the distance of the first i symbols of one sequence and the first j of the
    other. One row of it is kept for all pairs, as ``row[j] = d[i, j] - j``, because then

        row[j] = min(row'[j] + 1, row'[j - 1] - (a[i] == b[j]), row[j - 1])

    (deletion, replacement or equal symbols, insertion; row' is the row before), and the last of
    these, which depends on the same row, is a running minimum.
    """
    a, b = _pad(first, -1), _pad(second, -2)
    ends, lengths = (np.array(list(map(len, sequences))) for sequences in (first, second))
    row = np.zeros((len(b) + 1, len(first)), np.int32)
    pairs = np.arange(len(first))
    found = np.zeros(len(first), np.int32)  # correct where the first sequence is empty
    for i, symbols in enumerate(a, 1):
        equal = row[:-1] - (b == symbols)
        row += 1
        np.minimum(row[1:], equal, out=row[1:])
        np.minimum.accumulate(row, axis=0, out=row)
        found = np.where(ends == i, row[lengths, pairs], found)
    return found + lengths
