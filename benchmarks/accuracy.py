"""Accuracy on real data: simple baselines, published numbers, default and tuned estimators.

    python benchmarks/accuracy.py DATA_FOLDER --out docs/_tables/accuracy.md

For each data set this measures cheap baselines (``accuracy_floors.py``), the estimator with its
pure defaults, and the estimator tuned by cross-validation on the training part only
(``_runner.search``), each fitted on the whole training part once per seed and scored on the test
part. Every single result is kept (``--results``), so that a stopped run goes on where it was, and
``accuracy.png`` is drawn beside the table. Nothing is ever chosen by a test score.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import _results
import numpy as np
from _data import CLASSIFICATION, OPTIONAL, REGRESSION, Dataset, read_dataset, subsample
from _runner import (
    Cell,
    Store,
    as_params,
    configured,
    format_score,
    gru_estimators,
    markdown_table,
    n_candidates,
    run_cells,
    search,
)
from accuracy_floors import best_floor, measure_floors

# Tuning sees at most so many training sequences (None: all); the refit sees them all.
SEARCH_SIZE = {"accuracy": 2000, "rmse": None}
# With few sequences one round of folds says little.
SMALL = 120


@dataclass
class Row:
    """What is known of one data set; scores are lists over seeds, or empty."""

    data: Dataset
    floors: dict
    default: list
    tuned: list
    cells: list
    search: dict | None


def measure_dataset(store, data, estimator, options):
    """Measure one data set, or read from `store` what is there already.

    Parameters
    ----------
    store : Store
    data : Dataset
    estimator : estimator
        With its defaults.
    options : argparse.Namespace

    Returns
    -------
    row : Row
    """
    floors = store.get("floors", data.facts)
    if floors is None:
        floors = measure_floors(data)
        store.put("floors", data.facts, floors)
    print(f"{data.name}: {data.facts} Floors: "
          + ", ".join(f"{k} {format_score(v, data.metric)}" for k, v in floors.items()),
          flush=True)  # fmt: skip

    def over_seeds(label, params):
        cells = [
            Cell(data, configured(estimator, seed=seed, **params), label)
            for seed in range(options.seeds)
        ]
        deadline = 0.0 if options.report_only else None
        results = run_cells(store, cells, jobs=options.jobs, deadline=deadline)
        all_cells.extend(cells)
        return [result.score for result in results if result is not None]

    all_cells = []
    default = over_seeds("defaults", {})
    if options.skip_tuned:
        return Row(data, floors, default, [], all_cells, None)
    record = store.get("search", data.name)
    if not options.report_only:
        record = tune(store, data, estimator, options)
    tuned = [] if record is None else over_seeds("tuned", as_params(record["params"]))
    return Row(data, floors, default, tuned, all_cells, record)


def tune(store, data, estimator, options):
    """Search on the training part; return and store what was chosen, and out of how many."""
    n_repeats = 2 if len(data.y_train) <= SMALL and not data.ordered else 1
    part = subsample(data, SEARCH_SIZE[data.metric])
    params, log = search(
        store, part, estimator, n_repeats=n_repeats, jobs=options.jobs, budget=options.budget
    )
    record = {
        "params": params,
        "n_repeats": n_repeats,
        "n_sequences": len(part.y_train),
        "n_candidates": len(log),
    }
    store.put("search", data.name, record)
    print(f"{data.name}: chosen on the training part: {params or 'the defaults'}", flush=True)
    return record


# -- report --------------------------------------------------------------------------------------


def _mean_std(scores, metric):
    if not scores:
        return "-"
    spread = np.std(scores, ddof=1) if len(scores) > 1 else 0.0
    digits = 3 if metric == "accuracy" else 2
    return f"{np.mean(scores):.{digits}f} ± {spread:.{digits}f}"


def _main_table(rows):
    header = ["data set", "metric", "baseline", "published", "default", "tuned"]
    lines = []
    for row in rows:
        metric = row.data.metric
        lines.append(
            [
                row.data.name,
                metric,
                format_score(best_floor(row.data, row.floors)[1], metric),
                format_score(row.data.published.value, metric)
                + "\\*" * ("another split" in row.data.published.source),
                _mean_std(row.default, metric),
                _mean_std(row.tuned, metric),
            ]
        )
    return markdown_table(header, lines)


def _floor_list(rows):
    lines = []
    for row in rows:
        metric = row.data.metric
        scores = ", ".join(f"{name} {format_score(v, metric)}" for name, v in row.floors.items())
        quoted = row.data.floor
        note = "" if quoted.value is None else f" (reported: {quoted.value:g}, {quoted.source})"
        lines.append(f"- {row.data.name}: {scores}{note}. Published: {row.data.published.source}.")
    return "\n".join(lines)


def _search_list(rows):
    lines = []
    for row in rows:
        if row.search is None:
            continue
        params = as_params(row.search["params"])
        chosen = ", ".join(f"`{k}={v!r}`" for k, v in params.items()) or "the defaults"
        folds = "last quarter" if row.data.ordered else f"{row.search['n_repeats']} x 3 folds"
        extent = f"{folds}, {row.search['n_sequences']} sequences"
        if row.search["n_candidates"] < n_candidates(row.data.metric):
            extent += f"; only {row.search['n_candidates']} candidates finished"
        lines.append(f"- {row.data.name}: {chosen} ({extent}).")
    return "\n".join(lines)


def write_report(rows, store, options):
    """Write the Markdown table and the plot."""
    counts = {len(scores) for row in rows for scores in (row.default, row.tuned) if scores}
    n_seeds = " or ".join(map(str, sorted(counts))) or "0"
    sections = [
        "# Scores",
        f"Scores on the test part, mean ± standard deviation over {n_seeds} seeds. Higher is "
        "better for accuracy, lower for RMSE. An asterisk marks a number that was published for "
        "another division into training and test part.",
        _main_table(rows),
        "# Data sets",
        "Training / test sequences, steps, features (`x`).\n\n"
        + "\n".join(f"- {row.data.name}: {row.data.facts}" for row in rows),
        "# Baselines and published numbers",
        _floor_list(rows),
    ]
    if any(row.search for row in rows):
        sections += [
            "# What tuning chose",
            f"{n_candidates('accuracy')} candidates for classification, {n_candidates('rmse')} for "
            "regression.",
            _search_list(rows),
        ]
    sections.append(store.measured_with())
    if len(store.sources([cell for row in rows for cell in row.cells])) > 1:
        sections.append("Not all scores were measured with the same revision of the package.")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    _plot(rows, options.out.with_suffix(".png"))


def _plot(rows, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    groups = [
        [row for row in reversed(rows) if row.default and row.data.higher_is_better == higher]
        for higher in (False, True)
    ]
    groups = [group for group in groups if group]
    if not groups:
        return
    heights = [len(group) for group in groups]
    figure, axes = plt.subplots(
        len(groups), 1, squeeze=False, layout="constrained",
        figsize=(8, 0.45 * sum(heights) + 1 + 0.5 * len(groups)), height_ratios=heights[::-1],
    )  # fmt: skip
    # Classification on top, and its legend is that of the figure: it has every kind of mark.
    for axis, group in zip(axes[::-1, 0], groups, strict=True):
        _plot_group(axis, group)
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axis.legend(unique.values(), unique.keys(), ncols=4, loc="lower center",
                bbox_to_anchor=(0.5, 1.0), frameon=False)  # fmt: skip
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _plot_group(axis, rows):
    """Draw accuracies as they are, or each RMSE as a share of its floor's."""
    for y, row in enumerate(rows):
        data = row.data
        floor = best_floor(data, row.floors)[1]
        scale = 1.0 if data.higher_is_better else 1 / floor
        axis.plot(floor * scale, y, "|", color="0.3", markersize=14, label="baseline")
        if data.published.value is not None and data.higher_is_better:
            axis.plot(data.published.value, y, "x", color="tab:green", label="published")
        for scores, colour, offset, label in (
            (row.default, "tab:blue", 0.12, "default"),
            (row.tuned, "tab:orange", -0.12, "tuned"),
        ):
            if scores:
                axis.errorbar(np.mean(scores) * scale, y + offset, xerr=np.std(scores) * scale,
                              fmt="o", color=colour, label=label)  # fmt: skip
    axis.set_yticks(range(len(rows)), [row.data.name for row in rows])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    better = rows[0].data.higher_is_better
    axis.set_xlabel("test accuracy" if better else "test RMSE relative to the baseline")
    axis.grid(axis="x", alpha=0.3)


def main(argv=None, estimators=None):
    """Run the benchmark; `estimators` (by metric) replaces the GRUs, for trials of the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    _results.add_arguments(parser)
    parser.add_argument(
        "--datasets", nargs="+", default=CLASSIFICATION + REGRESSION,
        choices=CLASSIFICATION + REGRESSION + OPTIONAL, metavar="NAME",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--skip-tuned", action="store_true", help="measure the defaults only")
    parser.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    parser.add_argument("--budget", type=float, help="seconds of search for each data set")
    options = parser.parse_args(argv)
    estimators = estimators or gru_estimators()
    store = Store(_results.results_path(options))
    rows = []
    for name in options.datasets:
        data = read_dataset(name, options.data_folder)
        if options.report_only and store.get("floors", data.facts) is None:
            continue
        rows.append(measure_dataset(store, data, estimators[data.metric], options))
        # After every data set, so that a stopped run leaves a table too.
        write_report(rows, store, options)
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
