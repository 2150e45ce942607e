"""Few sequences: what a search over preparation and network chooses, and what that is worth.

    python benchmarks/tasks/small_series.py DATA_FOLDER

Six sets of 28 to 100 training sequences. For each seed, `skgru.model_selection.make_search`
chooses preparation, direction, pooling, size and rate by cross-validation on the training part;
the test part is scored with what was chosen, and with the vote of those candidates that were left
in the last round. Beside it `GRUClassifier` with its defaults, and MiniRocket where aeon is
installed. aeon 1.6 wants older versions of Numba and pandas than the other benchmarks, so it has
an environment of its own: there, `--only minirocket` with the same `--results` adds its runs.

Reference: A. Dempster, D. F. Schmidt, G. I. Webb, MiniRocket, arXiv:2012.08791.
"""

import argparse
import warnings

from _common import Results, add_arguments, over_seeds, timed_fit, write_table
from _data import read_dataset
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from skgru import GRUClassifier
from skgru.model_selection import make_search, make_vote

# Accuracies to reach.
GOALS = {
    "ItalyPowerDemand": 0.965,
    "GunPoint": 0.98,
    "Coffee": 1.0,
    "ECG200": 0.88,
    "ArrowHead": 0.80,
    "arem": 0.90,
}


def evaluate_defaults(data, seed, jobs):
    """Accuracy of GRUClassifier() on the test part."""
    model = GRUClassifier(random_state=seed, n_jobs=jobs)
    seconds = timed_fit(model, data.X_train, data.y_train)
    return {"accuracy": float(model.score(data.X_test, data.y_test)), "seconds": seconds}


def evaluate_search(data, seed, jobs):
    """Choose on the training part, then score the test part."""
    estimator = GRUClassifier(batch_size=8, random_state=seed, n_jobs=jobs)
    search = make_search(estimator, random_state=seed)
    seconds = timed_fit(search, data.X_train, data.y_train)
    vote = make_vote(search).fit(data.X_train, data.y_train)
    return {
        "accuracy": float(search.best_estimator_.score(data.X_test, data.y_test)),
        "vote": float(vote.score(data.X_test, data.y_test)),
        "log_loss": -float(search.best_score_),
        "chosen": in_words(search.best_params_),
        "seconds": seconds,
    }


def evaluate_minirocket(data, seed, jobs):
    """Accuracy of aeon's MiniRocketClassifier with its defaults on the test part."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    def channels_first(X):
        return X[:, None] if X.ndim == 2 else X.transpose(0, 2, 1)

    model = MiniRocketClassifier(random_state=seed, n_jobs=jobs)
    seconds = timed_fit(model, channels_first(data.X_train), data.y_train)
    accuracy = model.score(channels_first(data.X_test), data.y_test)
    return {"accuracy": float(accuracy), "seconds": seconds}


EVALUATE = {
    "defaults": evaluate_defaults,
    "search": evaluate_search,
    "minirocket": evaluate_minirocket,
}


def in_words(params):
    """What a search has chosen, as a short text."""
    prepared = params["prepare"]
    steps = [step for _, step in prepared.steps] if isinstance(prepared, Pipeline) else [prepared]
    network = [f"{name.removeprefix('gru__')}={value!r}" for name, value in sorted(params.items())
               if name.startswith("gru__") and name != "gru__max_iter"]  # fmt: skip
    return "; ".join([" + ".join(map(str, steps)), ", ".join(network)])


def write_report(results, n_seeds, data_folder, path):
    """Write the table of accuracies, the times, and what was chosen."""
    rows, chosen = [], []
    for name, goal in GOALS.items():
        data = read_dataset(name, data_folder)
        found = {model: found_for(results, name, model, n_seeds) for model in EVALUATE}
        scores = [
            over_seeds(found[model], score) if found[model] else "-"
            for model, score in (("defaults", "accuracy"), ("search", "accuracy"),
                                 ("search", "vote"), ("minirocket", "accuracy"))
        ]  # fmt: skip
        seconds = [over_seeds(runs, "seconds", 1) if runs else "-" for runs in found.values()]
        known = [f"{value:.3f}" for value in (goal, data.floor.value, data.published.value)]
        rows.append([name, f"{len(data.y_train)} / {len(data.y_test)}", *known, *scores, *seconds])
        chosen += [
            f"- {name}, seed {seed}: {run['chosen']}; log loss {run['log_loss']:.3f}."
            for seed, run in enumerate(found["search"])
        ]
    header = ["data set", "training / test", "goal", "baseline", "published", "defaults", "search",
              "search, vote", "MiniRocket", "s defaults", "s search", "s MiniRocket"]  # fmt: skip
    about = (
        "Accuracy on the test part and seconds of a fit on one thread, mean ± standard deviation "
        f"over {n_seeds} seeds. Other programs ran beside, so the times are rough."
    )
    notes = [
        "What the searches chose on the training part, and the mean log loss there, which decided:",
        "\n".join(chosen),
    ]
    write_table(path, [about], header, rows, notes)


def found_for(results, name, model, n_seeds):
    """What was measured of a model, for those seeds that are finished."""
    found = [results.find(run_of(name, model, seed)) for seed in range(n_seeds)]
    return [one for one in found if one is not None]


def run_of(name, model, seed):
    """The key of a run."""
    return {"data": name, "model": model, "seed": seed}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "small_series")
    parser.add_argument("--datasets", nargs="*", choices=GOALS, default=list(GOALS))
    parser.add_argument("--only", nargs="+", choices=EVALUATE, default=["defaults", "search"])
    options = parser.parse_args(argv)
    results = Results(options.results)
    for seed in range(options.seeds):
        for name in options.datasets:
            data = read_dataset(name, options.data_folder)
            for model in options.only:
                results.measure(
                    run_of(name, model, seed),
                    lambda data=data, model=model, seed=seed: EVALUATE[model](
                        data, seed, options.jobs
                    ),
                )
    write_report(results, options.seeds, options.data_folder, options.out)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        main()
