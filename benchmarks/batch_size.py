"""The measurement that chooses ``batch_size="auto"`` for small training sets.

    python benchmarks/batch_size.py DATA_FOLDER --out docs/_tables/batch_size.md

Each rule turns the number of training sequences into the size of a batch. The rules are compared by
scores inside the training parts alone: by cross-validation where the whole training part is small,
and by draws of a few sequences, validated on others, where it is larger. Test parts are not read.
Everything but the size of a batch has its default.
"""

import argparse
from pathlib import Path

import _results
import numpy as np
from _data import read_dataset
from _runner import Cell, Store, configured, folds, gru_estimators, markdown_table, run_cells
from sklearn.model_selection import StratifiedShuffleSplit


def between(divisor, lowest):
    """The rule n / divisor, between `lowest` and 32."""
    return lambda n: int(np.clip(n // divisor, lowest, 32))


# Above 1000 sequences, all of them give n / 32 up to 256, as before.
RULES = {
    "always 32 (before)": between(1, 32),
    "n / 4, at least 8": between(4, 8),
    "n / 8, at least 8": between(8, 8),
    "n / 8, at least 4": between(8, 4),
    "n / 16, at least 8": between(16, 8),
    "n / 16, at least 4": between(16, 4),
}
# Sequences to draw for training; None where the training part is small as it is.
DATASETS = {
    "Coffee": (None,),
    "ArrowHead": (None,),
    "BasicMotions": (None,),
    "GunPoint": (None,),
    "ItalyPowerDemand": (None,),
    "ECG200": (None,),
    "JapaneseVowels": (36, 120),
    "SyntheticControl": (24, 60, 200),
    "pendigits": (40, 120, 400),
    "fsdd_mfcc": (40, 120),
    "arem": (None,),
}
_N_VALIDATION = 300


def splits_of(data, n_train, n_seeds):
    """Folds of a small training part; otherwise draws of `n_train` sequences, others validate."""
    if n_train is None:
        return folds(data, n_seeds)
    n_rest = min(_N_VALIDATION, len(data.y_train) - n_train)
    splits = []
    for seed in range(3 * n_seeds):
        draw = StratifiedShuffleSplit(1, train_size=n_train, test_size=n_rest, random_state=seed)
        rows = next(draw.split(np.zeros(len(data.y_train)), data.y_train))
        splits.append((seed, (f"draw {seed} of {n_train}", *rows)))
    return splits


def measure(store, data, n_train, options):
    """Scores of every rule in every split, (n_rules, n_splits)."""
    estimator, splits = gru_estimators()[data.metric], splits_of(data, n_train, options.seeds)
    scores = []
    for name, rule in RULES.items():
        cells = []
        for seed, split in splits:
            size = rule(len(split[1]))
            cells.append(Cell(data, configured(estimator, seed=seed, batch_size=size), name, split))
        results = run_cells(store, cells, deadline=0.0 if options.report_only else None)
        scores.append([np.nan if result is None else result.score for result in results])
    return np.array(scores), len(splits[0][1][1])


def write_report(columns, store, options):
    """Write the table: mean and lowest scores of every rule, over the splits that all have."""
    columns = [(name, n, s[:, ~np.isnan(s).any(axis=0)]) for name, n, s in columns]
    kept = [(name, n, scores) for name, n, scores in columns if scores.size]
    header = ["rule", *(f"{name}, {n}" for name, n, _ in kept), "mean", "mean of the lowest"]
    rows = []
    for i, rule in enumerate(RULES):
        found = [scores[i] for *_, scores in kept]
        means, lowest = [np.mean(s) for s in found], [np.min(s) for s in found]
        cells = [f"{m:.3f}" for m in means]
        rows.append([rule, *cells, f"{np.mean(means):.4f}", f"{np.mean(lowest):.3f}"])
    rows.append(["fits for each rule", *(scores.shape[1] for *_, scores in kept), "", ""])
    text = [
        "Accuracy inside the training parts, a mean over several fits, each with its own split "
        "and seed. A column names the data set and the number of sequences of a fit. "
        '"n" is that number; no rule of this table exceeds 32. The last column is the mean, over '
        "the data sets, of the lowest of these scores. Test parts were not read.",
        markdown_table(header, rows),
        store.measured_with(),
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def main(argv=None):
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    _results.add_arguments(parser)
    parser.add_argument("--datasets", nargs="+", default=DATASETS, choices=DATASETS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=2, help="repeats of 3 folds, or of 3 draws")
    options = parser.parse_args(argv)
    store, columns = Store(_results.results_path(options)), []
    for name in options.datasets:
        data = read_dataset(name, options.data_folder)
        for n_train in DATASETS[name]:
            scores, n = measure(store, data, n_train, options)
            columns.append((name, n, scores))
            write_report(columns, store, options)
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
