"""Readers for the public data sets of words and names that the benchmarks of symbols use.

They return symbols as they stand in the files: nothing is folded to lower case or left out.
`DATA_FOLDER` holds ``ud_ewt/``, ``wnut17/``, ``trec/``, ``rt_polarity/`` and ``names/``.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Tagged(NamedTuple):
    """Sentences, lists of words, and the tags of their words."""

    sentences: list
    tags: list


def read_tagged(data_folder, name):
    """Read ``ud_ewt`` or ``wnut17``: a word, a tab and a tag a line, and an empty line at an end.

    Returns
    -------
    train, validation, test : Tagged
        The official parts.
    """
    return tuple(
        _read_words_and_tags(Path(data_folder) / name / f"{part}.txt.gz")
        for part in ("train", "dev", "test")
    )


def _read_words_and_tags(path):
    sentences, tags = [[]], [[]]
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            word, tab, tag = line.rstrip("\n").partition("\t")
            if tab and tag:
                sentences[-1].append(word)
                tags[-1].append(tag)
            elif line.strip():
                raise ValueError(f"{path}, line {number}: expected a word, a tab and a tag.")
            elif sentences[-1]:
                sentences.append([])
                tags.append([])
    if not sentences[-1]:
        del sentences[-1], tags[-1]
    return Tagged(sentences, tags)


def read_trec(data_folder):
    """Questions and the kind of answer they ask for, in 6 classes.

    Returns
    -------
    X_train, y_train, X_test, y_test : ndarray of str
        Questions have spaces between words and punctuation. Training questions are in a random
        order, fixed here, because cross-validation in the order of the file is not representative.
    """
    parts = []
    for part in ("train", "test"):
        path = Path(data_folder) / "trec" / f"TREC.{part}.all"
        lines = path.read_text(encoding="latin-1").split("\n")
        pairs = [line.strip().split(" ", 1) for line in lines if line.strip()]
        y, X = (np.array(column) for column in zip(*pairs, strict=True))
        parts += [X, y]
    order = np.random.default_rng(0).permutation(len(parts[0]))
    return parts[0][order], parts[1][order], parts[2], parts[3]


def read_rt_polarity(data_folder):
    """Sentences of film reviews, 1 where the review is positive.

    Returns
    -------
    X : ndarray of str
        Sentences have spaces between words and punctuation.
    y : ndarray of int
    """
    X, y = [], []
    for label, ending in enumerate(("neg", "pos")):
        path = Path(data_folder) / "rt_polarity" / f"rt-polarity.{ending}"
        # Some lines hold characters that str.splitlines takes for the end of a line.
        lines = [line.strip() for line in path.read_text(encoding="cp1252").split("\n")]
        lines = [line for line in lines if line]
        X += lines
        y += [label] * len(lines)
    return np.array(X), np.array(y)


def read_names(data_folder):
    """Surnames and their languages, 18, in three parts that share no name.

    Names stand in the files several times, and some in several languages. Here every pair of name
    and language occurs once, and all languages of a name are in the same part: a name that had
    been seen in training would need no model. The parts are drawn, once and for all, by name.

    Returns
    -------
    X_train, y_train, X_validation, y_validation, X_test, y_test : ndarray of str
        Seven, one and two tenths of the distinct names.
    """
    pairs = sorted(
        {
            (name.strip(), path.stem)
            for path in (Path(data_folder) / "names").glob("*.txt")
            if path.stem != "SOURCE"
            for name in path.read_text(encoding="utf-8").split("\n")
            if name.strip()
        }
    )
    X, y = (np.array(column) for column in zip(*pairs, strict=True))
    names, which = np.unique(X, return_inverse=True)
    part = np.random.default_rng(0).permutation(len(names))[which] / len(names)
    bounds = ((0, 0.7), (0.7, 0.8), (0.8, 1))
    chosen = [(low <= part) & (part < high) for low, high in bounds]
    return tuple(column[rows] for rows in chosen for column in (X, y))
