"""What the tasks that tag the words of sentences share: columns of words, and baselines."""

from collections import Counter, defaultdict

import numpy as np


def shape(word):
    """Letters, capitals and digits as x, X and d, of equal ones at most three in a row."""
    signs = ""
    for letter in word:
        if letter.isdigit():
            sign = "d"
        elif letter.isalpha():
            sign = "X" if letter.isupper() else "x"
        else:
            sign = letter
        if not signs.endswith(3 * sign):
            signs += sign
    return signs


COLUMNS = {
    "word": str,
    "lower": str.lower,
    "suffix2": lambda word: word[-2:].lower(),
    "suffix3": lambda word: word[-3:].lower(),
    "prefix2": lambda word: word[:2].lower(),
    "prefix3": lambda word: word[:3].lower(),
    "shape": shape,
}
AFFIXES = ("word", "suffix2", "suffix3", "prefix2", "shape")


def as_columns(sentences, columns):
    """An array of strings a sentence, a row a word, with these of `COLUMNS`."""
    return [
        np.array([[COLUMNS[name](word) for name in columns] for word in words], dtype=object)
        for words in sentences
    ]


# Longest ending that `MostFrequentTag` looks up, and how a table names it.
FLOORS = (
    (0, "most frequent tag of the word"),
    (5, "the same, unknown words by ending"),
)


class MostFrequentTag:
    """The tag that a word has most often; for unknown words that of its longest known ending.

    Parameters
    ----------
    longest : int
        Letters of the longest ending that is looked up; with 0 an unknown word has the most
        frequent tag of all.
    """

    def __init__(self, longest):
        self.longest = longest

    def fit(self, sentences, tags):
        counts = defaultdict(Counter)
        for words, of_words in zip(sentences, tags, strict=True):
            for word, tag in zip(words, of_words, strict=True):
                counts[word][tag] += 1
                for ending in self._endings(word):
                    counts[ending][tag] += 1
        self._tags = {key: found.most_common(1)[0][0] for key, found in counts.items()}
        return self

    def _endings(self, word):
        """Longest first, each told apart from a whole word; the empty one is in every word."""
        return [(word[len(word) - n :],) for n in range(min(self.longest, len(word)), -1, -1)]

    def _tag(self, word):
        return next(self._tags[key] for key in (word, *self._endings(word)) if key in self._tags)

    def predict(self, sentences):
        return [[self._tag(word) for word in words] for words in sentences]


def tag_transitions(tags, classes):
    """How much more often each tag follows each than it would by chance, as logarithms.

    From counts of the training part, with one added to each.

    Parameters
    ----------
    tags : list of list of str
    classes : list of str

    Returns
    -------
    transitions : ndarray of shape (n_classes, n_classes)
        Row: the tag before.
    """
    number = {tag: i for i, tag in enumerate(classes)}
    counts = np.ones((len(classes), len(classes)))
    for of_words in tags:
        for before, after in zip(of_words, of_words[1:], strict=False):
            counts[number[before], number[after]] += 1
    joint = counts / counts.sum()
    return np.log(joint / np.outer(joint.sum(axis=1), joint.sum(axis=0)))


def forbid_invalid(transitions, classes):
    """Set transitions to -inf where "I-type" would follow neither "B-type" nor "I-type"."""
    transitions = transitions.copy()
    for j, after in enumerate(classes):
        if after.startswith("I-"):
            may_precede = (after, "B-" + after[2:])
            invalid = [i for i, before in enumerate(classes) if before not in may_precede]
            transitions[invalid, j] = -np.inf
    return transitions


def best_path(scores, transitions, classes):
    """The tags whose scores, with those of the transitions between them, have the largest sum.

    Parameters
    ----------
    scores : ndarray of shape (n_words, n_classes)
        Logarithms of probabilities. A sentence cannot start with "I-type".
    transitions : ndarray of shape (n_classes, n_classes)
        Row: the tag before.
    classes : list of str

    References
    ----------
    A. Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding
    algorithm", IEEE Transactions on Information Theory 13 (1967).
    """
    total = scores[0] + np.where([tag.startswith("I-") for tag in classes], -np.inf, 0)
    pointers = []
    for row in scores[1:]:
        paths = total[:, None] + transitions
        pointers.append(paths.argmax(axis=0))
        total = paths.max(axis=0) + row
    path = [int(total.argmax())]
    for row in pointers[::-1]:
        path.append(int(row[path[-1]]))
    return [classes[i] for i in path[::-1]]
