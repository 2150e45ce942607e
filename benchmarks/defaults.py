"""The measurement that chooses the estimators' defaults.

    python benchmarks/defaults.py DATA_FOLDER --out docs/_tables/defaults.md

Every candidate (a named set of parameters) is cross-validated on the training part of every data
set, and the candidates are compared by these scores alone. Their scores on the test parts are
printed in a second table for the reader, who may see from it how far the choice carries; they
choose nothing. Results are kept (``--results``), so that a stopped run goes on where it was.
"""

import argparse
import json
from pathlib import Path

import _results
import numpy as np
from _data import CLASSIFICATION, OPTIONAL, REGRESSION, read_dataset, subsample
from _runner import (
    Cell,
    Store,
    as_params,
    configured,
    folds,
    format_score,
    gru_estimators,
    markdown_table,
    run_cells,
)
from scipy.stats import rankdata

# The centre of the comparison; each other candidate changes one or two things.
BASE = {
    "hidden_layer_sizes": 64,
    "pooling": ("last", "mean", "max"),
    "bidirectional": False,
    "solver": "adam",
    "learning_rate": "cosine",
    "learning_rate_init": 3e-3,
    "batch_size": 32,
    "max_iter": 100,
    "alpha": 1e-4,
    "dropout": 0.0,
}
CHANGES = {
    "base": {},
    "pooling last": {"pooling": "last"},
    "pooling max": {"pooling": "max"},
    "bidirectional": {"bidirectional": True},
    "128 units": {"hidden_layer_sizes": 128},
    "adamw": {"solver": "adamw", "alpha": 1e-2},
    "constant rate": {"learning_rate": "constant"},
    "rate 1e-3": {"learning_rate_init": 1e-3},
    "rate 5e-3": {"learning_rate_init": 5e-3},
    "rate 1e-2": {"learning_rate_init": 1e-2},
    "batches of 16": {"batch_size": 16},
    "batches of 64": {"batch_size": 64},
    "dropout 0.2": {"dropout": 0.2},
    # A second round, around the best of the first.
    "rate 2e-2": {"learning_rate_init": 2e-2},
    "rate 1e-2, bidirectional": {"learning_rate_init": 1e-2, "bidirectional": True},
    "rate 1e-2, adamw": {"learning_rate_init": 1e-2, "solver": "adamw", "alpha": 1e-2},
    "rate 1e-2, batches auto": {"learning_rate_init": 1e-2, "batch_size": "auto"},
    "rate 1e-2, dropout 0.2": {"learning_rate_init": 1e-2, "dropout": 0.2},
    "rate 1e-2, attention added": {
        "learning_rate_init": 1e-2,
        "pooling": ("last", "mean", "max", "attention"),
    },
    "rate 1e-2, no clipping": {"learning_rate_init": 1e-2, "max_grad_norm": None},
    "rate 1e-2, 200 epochs": {"learning_rate_init": 1e-2, "max_iter": 200},
}
CANDIDATES = {name: {**BASE, **change} for name, change in CHANGES.items()}
# Enough windows to tell candidates apart; all of them would take most of the time.
N_TRAIN = {
    "beijing_pm25": 4000,
    "beijing_pm25_interpolated": 4000,
    "nyc_taxi": 3000,
    "fsdd_mfcc": 900,
    "pendigits": 2000,
}


def measure(store, data, candidates, estimator, options):
    """Score every candidate on one data set.

    Returns
    -------
    scores : dict of str to dict
        By candidate: "validation" and "test" (mean scores, None where a fit is missing) and
        "seconds" (sum over the fits).
    """
    scores = {}
    splits = folds(data, options.seeds)
    for name, params in candidates.items():
        validation = [
            Cell(data, configured(estimator, seed=repeat, **params), name, split)
            for repeat, split in splits
        ]
        test = [
            Cell(data, configured(estimator, seed=seed, **params), name)
            for seed in range(0 if options.skip_test else options.seeds)
        ]
        deadline = 0.0 if options.report_only else None
        results = run_cells(store, validation + test, jobs=options.jobs, deadline=deadline)
        n = len(validation)
        scores[name] = {
            "validation": _mean(results[:n]),
            "test": _mean(results[n:]),
            "seconds": sum(r.seconds for r in results[:n] if r is not None),
        }
    return scores


def _mean(results):
    if not results or None in results:
        return None
    return float(np.mean([result.score for result in results]))


def score_table(names, columns, part):
    """Return a Markdown table of scores with the mean shortfall and the mean rank.

    Parameters
    ----------
    names : list of str
        Candidates.
    columns : list of (Dataset, dict)
        What `measure` returned for each data set.
    part : {"validation", "test"}

    Returns
    -------
    table : str
        Rows in order of the mean rank; a candidate that lacks a score has none and comes last.
    """
    complete = [n for n in names if all(scores[n][part] is not None for _, scores in columns)]
    ranks, shortfalls = [], []
    for data, scores in columns:
        values = np.array([scores[name][part] for name in complete])
        if data.higher_is_better:
            # Rounded, so that the same number of right answers is the same rank.
            ranks.append(rankdata(-values.round(9)))
            shortfalls.append(values.max(initial=0) - values)
        else:
            ranks.append(rankdata(values))
            shortfalls.append(values / values.min(initial=np.inf) - 1)
    rank = dict(zip(complete, np.mean(ranks, axis=0), strict=True))
    shortfall = dict(zip(complete, np.mean(shortfalls, axis=0), strict=True))
    seconds = {name: sum(scores[name]["seconds"] for _, scores in columns) for name in names}
    reference = seconds[names[0]] or 1.0
    rows = []
    for name in sorted(names, key=lambda n: rank.get(n, np.inf)):
        cells = [format_score(scores[name][part], data.metric) for data, scores in columns]
        extra = ["-", "-"]
        if name in rank:
            extra = [f"{100 * shortfall[name]:.1f}", f"{rank[name]:.1f}"]
        rows.append([name, *cells, f"{seconds[name] / reference:.1f}", *extra])
    header = ["candidate", *(data.name for data, _ in columns),
              "time", "shortfall %", "mean rank"]  # fmt: skip
    return markdown_table(header, rows)


def write_report(candidates, columns, options):
    """Write both tables and the list of candidates."""
    # Without what was never measured, should the report be one on stored results.
    names = [n for n in candidates if any(s[n]["validation"] is not None for _, s in columns)]
    sections = [
        "# Candidates in cross-validation",
        f"Mean scores of {options.seeds} x 3 folds inside the training part (accuracy; RMSE for "
        f"{' and '.join(REGRESSION)}). *Shortfall* is the mean distance to the best candidate of "
        "each column (points of accuracy, per cent of RMSE); *time* is the sum of fitting times "
        "relative to the first candidate, a rough figure. This table chose the defaults.",
        score_table(names, columns, "validation"),
    ]
    if not options.skip_test:
        sections += [
            "## The same candidates on the test parts",
            f"Mean over {options.seeds} seeds. These scores chose nothing.",
            score_table(names, columns, "test"),
        ]
    sections += [
        "## Candidates",
        "\n".join(
            f"- {n}: " + (", ".join(f"`{k}={v!r}`" for k, v in candidates[n].items()) or "as built")
            for n in names
        ),
        "## Data",
        "\n".join(f"- {data.name}: {data.facts}" for data, _ in columns),
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def read_candidates(path):
    """Read candidates from a JSON file: name to parameters; lists become tuples."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: as_params(params) for name, params in content.items()}


def main(argv=None, estimators=None):
    """Run the comparison; `estimators` (by metric) replaces the GRUs, for trials of the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    _results.add_arguments(parser)
    parser.add_argument("--candidates", type=Path, help="JSON file: name to parameters")
    parser.add_argument("--only", nargs="+", metavar="CANDIDATE", help="names of candidates")
    parser.add_argument(
        "--datasets", nargs="+", default=CLASSIFICATION + REGRESSION,
        choices=CLASSIFICATION + REGRESSION + OPTIONAL, metavar="NAME",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=2, help="repeats of the folds, and test fits")
    parser.add_argument("--skip-test", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    options = parser.parse_args(argv)
    candidates = read_candidates(options.candidates) if options.candidates else CANDIDATES
    if options.only:
        unknown = sorted(set(options.only) - set(candidates))
        if unknown:
            parser.error(f"unknown candidates {unknown}; there are {list(candidates)}")
        candidates = {name: candidates[name] for name in options.only}
    estimators = estimators or gru_estimators()
    store = Store(_results.results_path(options))
    columns = []
    for name in options.datasets:
        data = subsample(read_dataset(name, options.data_folder), N_TRAIN.get(name))
        scores = measure(store, data, candidates, estimators[data.metric], options)
        columns.append((data, scores))
        write_report(candidates, columns, options)
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
