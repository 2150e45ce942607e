"""The kind of a question, and whether a sentence about a film is positive: from their words.

    python benchmarks/tasks/sentences.py DATA_FOLDER

TREC: 5,452 / 500 questions, 6 kinds of answer. Parameters are chosen by three folds of the
training part. Sentence polarity (Pang and Lee 2005): 10,662 sentences, ten folds, with parameters
that were set beforehand and are the same in all. Strings go into the estimator as they are; the
vectors of words are learnt from these sentences alone.
"""

import argparse

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_measured,
    as_text,
    over_seeds,
    search,
    timed_fit,
    write_table,
)
from _texts import read_rt_polarity, read_trec  # found by way of _common
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from skgru import GRUClassifier

WORDS = {"analyzer": "word", "min_frequency": 2, "bidirectional": True, "batch_size": 64,
         "early_stopping": False, "dropout": 0.5}  # fmt: skip
STAGES = [
    [{**WORDS, "max_iter": n, "pooling": "max"} for n in (5, 10)],
    [{"pooling": ("last", "mean", "max")}],
    [{"learning_rate_init": 3e-3}],
]
POLARITY = {**WORDS, "max_iter": 3}
PUBLISHED = {"trec": 0.882, "rt_polarity": 0.759}  # convolutions, vectors of words learnt as here
N_FOLDS = 10


def naive_bayes():
    """Naive Bayes on the counts of words and of pairs of neighbours."""
    counts = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2))
    return make_pipeline(counts, MultinomialNB())


def measure(model, train, test):
    seconds = timed_fit(model, *train)
    return {"accuracy": float(model.score(*test)), "seconds": seconds}


def merit(found):
    return np.mean([one["accuracy"] for one in found])


class Task:
    """One data set and its results."""

    def __init__(self, name, results, options):
        self.name, self.results, self.options = name, results, options

    def fit_and_score(self, choices, seed, train, test):
        model = GRUClassifier(**choices, random_state=seed, n_jobs=self.options.jobs)
        return measure(model, train, test)

    def test(self, train, test, choices, **about):
        """What naive Bayes found, and the networks of all seeds."""
        about = {"task": self.name, "part": "test", **about}
        floor = self.results.measure(
            {**about, "model": "naive Bayes"}, lambda: measure(naive_bayes(), train, test)
        )
        return floor, [
            self.results.measure(
                {**about, "choices": choices, "seed": seed},
                lambda seed=seed: self.fit_and_score(choices, seed, train, test),
            )
            for seed in range(self.options.seeds)
        ]


def run_trec(task):
    X, y, X_test, y_test = read_trec(task.options.data_folder)
    folds = list(StratifiedKFold(3).split(X, y))

    def evaluate(choices, seed):
        found = [
            task.fit_and_score(choices, seed, (X[train], y[train]), (X[test], y[test]))
            for train, test in folds
        ]
        return {"accuracy": float(merit(found))}

    about = {"task": task.name, "part": "validation"}
    chosen, found, n_tried = search(task.results, STAGES, evaluate, merit, seeds=1, **about)
    told = (
        f"For TREC, {n_tried} candidates were compared by three folds of the training part; the "
        f"best has {merit(found):.3f} there: {as_text(chosen)}."
    )
    return *task.test((X, y), (X_test, y_test), chosen), told


def run_rt_polarity(task):
    X, y = read_rt_polarity(task.options.data_folder)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(X, y)
    floors, networks = [], []
    for fold, (train, test) in enumerate(folds):
        parts = (X[train], y[train]), (X[test], y[test])
        floor, found = task.test(*parts, POLARITY, fold=fold)
        floors.append(floor)
        networks.append(found)
    over_folds = [
        {key: float(np.mean([one[key] for one in found])) for key in ("accuracy", "seconds")}
        for found in zip(*networks, strict=True)
    ]
    told = (
        "For sentence polarity, the parameters were set beforehand, after trials of a similar "
        f"network in torch on the first of the folds: {as_text(POLARITY)}."
    )
    return {"accuracy": merit(floors)}, over_folds, told


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "sentences")
    parser.add_argument("--tasks", nargs="+", choices=sorted(PUBLISHED), default=list(PUBLISHED))
    options = parser.parse_args(argv)
    results, rows, told = Results(options.results), [], []
    for name in options.tasks:
        run = run_trec if name == "trec" else run_rt_polarity
        floor, found, text = run(Task(name, results, options))
        told.append(text)
        rows.append(
            [name, f"{floor['accuracy']:.3f}", f"{PUBLISHED[name]:.3f}",
             over_seeds(found, "accuracy"), over_seeds(found, "seconds", 1)]
        )  # fmt: skip
    paragraphs = [
        "Accuracy of a `GRUClassifier` of words: TREC on its test part, sentence polarity over ten "
        f"folds; {as_measured(options)}. *Floor*: naive Bayes on words and pairs of neighbours. "
        "*Published*: a convolutional network without pretrained vectors.",
        *told,
    ]
    header = ["task", "floor", "published", "GRUClassifier", "seconds"]
    write_table(options.out, paragraphs, header, rows)


if __name__ == "__main__":
    main()
