"""Death in hospital from the first 48 hours in intensive care.

    python benchmarks/tasks/physionet2012.py DATA_FOLDER

PhysioNet / CinC Challenge 2012, set A: 4,000 stays, 37 variables measured now and then, four facts
about the patient (age, gender, height, kind of unit). 13.9 % of the patients died. Five folds, the
number of the stay modulo 5, scored by the area under the ROC curve.

A step is an hour, a value the mean of what was measured in it, NaN where nothing was; more than
nine of ten values are missing. `SequenceImputer` repeats the last value and adds for each variable
whether it was measured in this hour and the time since it last was. The facts stand in every hour.
Beside it, logistic regression on summaries of each variable over the 48 hours. Values beyond the
0.1 and 99.9 percentiles of the training part are often errors (a temperature of 0 degrees) and are
set to these percentiles, for both. Parameters are chosen in each fold by cross-validation within
its training part.
"""

import argparse
import warnings
from pathlib import Path
from typing import NamedTuple

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
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgru import GRUClassifier
from skgru.preprocessing import SequenceImputer

N_HOURS, N_FOLDS = 48, 5
FACTS = ("Age", "Gender", "Height", "ICUType")
SEVERITY = "SAPS-I"  # a severity score that physicians use, computed from the first 24 hours
PUBLISHED = 0.842  # GRU-D, other folds of the same stays (arXiv:1606.01865)
STRENGTHS = [[{"C": strength} for strength in (0.003, 0.01, 0.03, 0.1)]]
FIRST = {"batch_size": 64, "dropout": 0.5, "learning_rate_init": 3e-3}
STAGES = [
    [{**FIRST, "max_iter": 10}],
    [{"pooling": "max"}],
    [{"bidirectional": True}, {"hidden_layer_sizes": 32}],
]


class Stays(NamedTuple):
    """Hourly means of shape (n, 48, 37) and facts of shape (n, 4), NaN where unknown."""

    hours: np.ndarray
    facts: np.ndarray
    died: np.ndarray
    severity: np.ndarray


def read(data_folder):
    """Return the `Stays`."""
    with np.load(Path(data_folder) / "physionet2012" / "set_a.npz") as file:
        stay = np.repeat(np.arange(len(file["counts"])), file["counts"])
        hour = np.minimum(file["minute"] // 60, N_HOURS - 1)
        variable, value = file["variable"], file["value"].astype(np.float64)
        names, outcomes = list(file["variables"]), file["outcomes"]
        columns = list(file["outcome_names"])
    shape = (stay.max() + 1, N_HOURS, len(names))
    known = value != -1
    places = np.ravel_multi_index((stay[known], hour[known], variable[known]), shape)
    sums = np.bincount(places, value[known], np.prod(shape)).reshape(shape)
    numbers = np.bincount(places, minlength=np.prod(shape)).reshape(shape)
    means = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    is_fact = np.isin(names, FACTS)
    return Stays(
        means[:, :, ~is_fact],
        means[:, 0, is_fact],
        outcomes[:, columns.index("In-hospital_death")],
        outcomes[:, columns.index(SEVERITY)],
    )


def clipped(hours, training):
    """Values at most as extreme as the 0.1 and 99.9 percentiles of the stays of `training`."""
    low, high = np.nanpercentile(hours[training], [0.1, 99.9], axis=(0, 1))
    return np.clip(hours, low, high)


def summaries(hours):
    """Mean, deviation, extremes, first and last value, number of values of each variable."""
    known = ~np.isnan(hours)
    rows, columns = np.indices((len(hours), hours.shape[2]))
    first, last = known.argmax(axis=1), N_HOURS - 1 - known[:, ::-1].argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of variables never measured
        return np.hstack(
            [
                np.nanmean(hours, axis=1),
                np.nanstd(hours, axis=1),
                np.nanmin(hours, axis=1),
                np.nanmax(hours, axis=1),
                hours[rows, first, columns],
                hours[rows, last, columns],
                known.sum(axis=1),
            ]
        )


def measure_logistic(stays, train, test, strength):
    """AUC of logistic regression on summaries and facts."""
    table = np.hstack([summaries(clipped(stays.hours, train)), stays.facts])
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=strength, max_iter=2000),
    )
    model.fit(table[train], stays.died[train])
    return {"auc": auc(model, table[test], stays.died[test])}


def auc(model, X, y):
    return float(roc_auc_score(y, model.predict_proba(X)[:, 1]))


def measure_network(stays, train, test, choices, seed, jobs):
    """AUC of the imputer and the network."""
    hours = clipped(stays.hours, train)
    X = np.concatenate([hours, np.repeat(stays.facts[:, None], N_HOURS, axis=1)], axis=2)
    network = GRUClassifier(**choices, random_state=seed, n_jobs=jobs)
    model = make_pipeline(SequenceImputer(add_indicator=True, add_elapsed=True), network)
    seconds = timed_fit(model, X[train], stays.died[train])
    return {"auc": auc(model, X[test], stays.died[test]), "seconds": seconds}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "physionet2012")
    options = parser.parse_args(argv)
    stays = read(options.data_folder)
    fold = np.arange(len(stays.died)) % N_FOLDS
    results = Results(options.results)

    def network(train, test, choices, seed):
        return measure_network(stays, train, test, choices, seed, options.jobs)

    def logistic(train, test, choices, seed):
        return measure_logistic(stays, train, test, choices["C"])

    def choose(train, name, stages, measure, k):
        """Choices for the fold `k` by the mean AUC of three folds of its training part."""

        def evaluate(choices, seed):
            folds = StratifiedKFold(3, shuffle=True, random_state=0).split(train, died)
            found = [measure(train[a], train[b], choices, seed) for a, b in folds]
            return {"auc": float(np.mean([one["auc"] for one in found]))}

        died = stays.died[train]
        merit = lambda found: np.mean([one["auc"] for one in found])  # noqa: E731
        about = {"part": "validation", "model": name, "fold": k}
        return search(results, stages, evaluate, merit, seeds=1, **about)

    def score_folds(name, stages, measure, seeds):
        """For every seed the means over the test folds, and what was chosen as text."""
        found, used = [[] for _ in range(seeds)], []
        for k in range(N_FOLDS):
            train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            chosen, _, n_tried = choose(train, name, stages, measure, k)
            used.append(as_text(chosen))
            for seed in range(seeds):
                run = {"part": "test", "model": name, "fold": k, "choices": chosen, "seed": seed}
                found[seed].append(
                    results.measure(
                        run,
                        lambda train=train, test=test, chosen=chosen, seed=seed: measure(
                            train, test, chosen, seed
                        ),
                    )
                )
        means = [
            {key: float(np.mean([one[key] for one in folds])) for key in ("auc", "seconds")}
            for folds in found
        ]
        counted = "; ".join(f"{used.count(text)} times {text}" for text in dict.fromkeys(used))
        return means, f"{name} ({n_tried} candidates): {counted}"

    floor, of_floor = score_folds("logistic regression on summaries", STRENGTHS, logistic, 1)
    ours, of_ours = score_folds("SequenceImputer and GRUClassifier", STAGES, network, options.seeds)
    severity = np.mean(
        [roc_auc_score(stays.died[fold == k], stays.severity[fold == k]) for k in range(N_FOLDS)]
    )
    rows = [
        ["floor: SAPS-I, a score of severity", f"{severity:.3f}", ""],
        ["floor: logistic regression on summaries", over_seeds(floor, "auc"), ""],
        ["published: GRU-D", f"{PUBLISHED:.3f}", ""],
        ["SequenceImputer and GRUClassifier", over_seeds(ours, "auc"),
         over_seeds(ours, "seconds", 1)],
    ]  # fmt: skip
    paragraphs = [
        f"Area under the ROC curve, mean of {N_FOLDS} folds; {as_measured(options)}.",
        "Chosen in each fold by three folds of its training part: "
        + of_floor
        + ". "
        + of_ours
        + ".",
    ]
    write_table(options.out, paragraphs, ["model", "AUC", "seconds"], rows)


if __name__ == "__main__":
    main()
