"""A part of speech for every word of English web text.

    python benchmarks/tasks/ud_ewt.py DATA_FOLDER

Universal Dependencies, English Web Treebank: 12,544 / 2,001 / 2,077 sentences, 17 tags. The model
reads the words, or the words with their endings, beginnings and shapes as further columns of
categories. Parameters are chosen on the validation part; training is on the training part alone.
"""

import argparse

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_measured,
    as_text,
    network_params,
    over_seeds,
    search,
    timed_fit,
    write_table,
)
from _tagging import AFFIXES, FLOORS, MostFrequentTag, as_columns
from _texts import read_tagged  # found by way of _common
from sklearn.metrics import accuracy_score

from skgru import GRUStepClassifier
from skgru.metrics import flatten_steps

PUBLISHED = "0.954 (Stanza, with pretrained vectors)"
FIRST = {"bidirectional": True, "min_frequency": 2, "batch_size": 64, "embedding_dim": 32,
         "early_stopping": False}  # fmt: skip
STAGES = [
    [
        {**FIRST, "columns": columns, "dropout": 0.3, "max_iter": 5}
        for columns in ((), ("word", "suffix3"), AFFIXES)
    ],
    [{"dropout": 0.5}],
]


def known_words(sentences, training):
    """Whether each word is in the training part, over all sentences."""
    vocabulary = {word for words in training for word in words}
    return np.array([word in vocabulary for words in sentences for word in words])


def measure(train, test, choices, seed, jobs):
    """Fit, and score the words of another part, all of them and those never seen in training."""
    ours, params = network_params(choices, ("columns",))
    X, X_test = (
        as_columns(part.sentences, ours["columns"]) if ours["columns"] else part.sentences
        for part in (train, test)
    )
    model = GRUStepClassifier(**params, random_state=seed, n_jobs=jobs)
    seconds = timed_fit(model, X, train.tags)
    return {**score(model.predict(X_test), train, test), "seconds": seconds}


def score(predicted, train, test):
    true, predicted = flatten_steps(test.tags, predicted)
    known = known_words(test.sentences, train.sentences)
    return {
        "accuracy": float(accuracy_score(true, predicted)),
        "unknown": float(accuracy_score(true[~known], predicted[~known])),
    }


def measure_floor(train, test, longest):
    model = MostFrequentTag(longest).fit(train.sentences, train.tags)
    return score(model.predict(test.sentences), train, test)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "ud_ewt")
    options = parser.parse_args(argv)
    train, validation, test = read_tagged(options.data_folder, "ud_ewt")
    results = Results(options.results)
    chosen, found, n_tried = search(
        results,
        STAGES,
        lambda choices, seed: measure(train, validation, choices, seed, options.jobs),
        lambda found: np.mean([one["accuracy"] for one in found]),
        seeds=1,
        part="validation",
    )
    rows = []
    for longest, name in FLOORS:
        floor = results.measure(
            {"part": "test", "floor": longest},
            lambda longest=longest: measure_floor(train, test, longest),
        )
        rows.append([f"floor: {name}", f"{floor['accuracy']:.3f}", f"{floor['unknown']:.3f}", ""])
    rows.append(["published", PUBLISHED, "", ""])
    words_only = {**chosen, "columns": ()}
    for name, choices in (("words alone", words_only), ("chosen", chosen)):
        measured = [
            results.measure(
                {"part": "test", "choices": choices, "seed": seed},
                lambda choices=choices, seed=seed: measure(
                    train, test, choices, seed, options.jobs
                ),
            )
            for seed in range(options.seeds)
        ]
        scores = (over_seeds(measured, key) for key in ("accuracy", "unknown"))
        rows.append([f"GRUStepClassifier, {name}", *scores, over_seeds(measured, "seconds", 1)])
    n_words = sum(map(len, test.sentences))
    n_new = int((~known_words(test.sentences, train.sentences)).sum())
    paragraphs = [
        f"Accuracy over the {n_words:,} words of the test part and over the {n_new:,} that are not "
        f"in the training part; {as_measured(options)}.",
        f"Chosen on the validation part, with {found[0]['accuracy']:.3f} there, among {n_tried} "
        f"candidates: {as_text(chosen)}.",
    ]
    write_table(options.out, paragraphs, ["model", "accuracy", "unknown words", "seconds"], rows)


if __name__ == "__main__":
    main()
