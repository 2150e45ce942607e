"""The kind of a question, and whether a sentence about a film is positive: from their words.

    python benchmarks/tasks/sentences.py DATA_FOLDER

TREC: 5,452 / 500 questions, 6 kinds of answer. Parameters are chosen by three folds of the
training part. Sentence polarity (Pang and Lee 2005): 10,662 sentences, ten folds; in each fold,
parameters are chosen on a tenth of its training part, and then training is on all of it. Strings go
into the estimator as they are; the vectors of words are learnt from these sentences alone.
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
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from skgru import GRUClassifier

WORDS = {"analyzer": "word", "min_frequency": 2, "bidirectional": True, "batch_size": 64,
         "early_stopping": False, "dropout": 0.5}  # fmt: skip
STAGES = {
    "trec": [
        [{**WORDS, "max_iter": n, "pooling": "max"} for n in (5, 10)],
        [{"pooling": ("last", "mean", "max")}],
        [{"dropout": 0.7}],
        [{"learning_rate_init": 3e-3}],
    ],
    "rt_polarity": [
        [
            {**WORDS, "max_iter": 3, "pooling": pooling}
            for pooling in ("max", ("last", "mean", "max"))
        ],
        [{"max_iter": 5}],
    ],
}
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
    """One data set, its results and what its table row needs."""

    def __init__(self, name, results, options):
        self.name, self.results, self.options = name, results, options

    def fit_and_score(self, choices, seed, train, test):
        model = GRUClassifier(**choices, random_state=seed, n_jobs=self.options.jobs)
        return measure(model, train, test)

    def choose(self, evaluate, **about):
        return search(
            self.results, STAGES[self.name], evaluate, merit, seeds=1, task=self.name,
            part="validation", **about,
        )  # fmt: skip

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
        return {key: float(np.mean([one[key] for one in found])) for key in found[0]}

    chosen, found, n_tried = task.choose(evaluate)
    told = f"TREC ({n_tried} candidates, {merit(found):.3f} there): {as_text(chosen)}"
    return *task.test((X, y), (X_test, y_test), chosen), told


def run_rt_polarity(task):
    X, y = read_rt_polarity(task.options.data_folder)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(X, y)
    floors, networks, used = [], [], []
    for fold, (train, test) in enumerate(folds):
        kept, held_out = train_test_split(train, test_size=0.1, stratify=y[train], random_state=0)
        chosen, _, n_tried = task.choose(
            lambda choices, seed, kept=kept, held_out=held_out: task.fit_and_score(
                choices, seed, (X[kept], y[kept]), (X[held_out], y[held_out])
            ),
            fold=fold,
        )
        floor, found = task.test((X[train], y[train]), (X[test], y[test]), chosen, fold=fold)
        floors.append(floor)
        networks.append(found)
        used.append(as_text({key: chosen[key] for key in chosen if key not in WORDS}))
    over_folds = [
        {key: float(np.mean([one[key] for one in found])) for key in ("accuracy", "seconds")}
        for found in zip(*networks, strict=True)
    ]
    common = as_text({key: WORDS[key] for key in WORDS})
    counted = "; ".join(f"{used.count(text)} times {text}" for text in dict.fromkeys(used))
    told = f"sentence polarity ({n_tried} candidates, in each fold): {common}, and {counted}"
    return {"accuracy": merit(floors)}, over_folds, told


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "sentences")
    parser.add_argument("--tasks", nargs="+", choices=sorted(PUBLISHED), default=sorted(PUBLISHED))
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
        f"Chosen on training data: {'; '.join(told)}.",
    ]
    header = ["task", "floor", "published", "GRUClassifier", "seconds"]
    write_table(options.out, paragraphs, header, rows)


if __name__ == "__main__":
    main()
