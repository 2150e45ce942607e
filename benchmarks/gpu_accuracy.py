"""Accuracy on real data of the same models trained on the CPU and on a GPU.

    python benchmarks/gpu_accuracy.py DATA_FOLDER --out docs/_tables/gpu_accuracy.md

For each data set the estimator with its defaults is fitted with one seed on every device and at
every precision, for as many epochs as ``--steps`` allows, and scored on the test part. The models
start alike and see their batches in the same order, so scores differ by rounding alone. Without a
GPU, ``python -m tools.ptx_emulator benchmarks/gpu_accuracy.py ...`` runs the compiled kernels on
the CPU, slowly. Scores are kept (``--results``), so that a stopped run goes on where it was.
"""

import argparse
import warnings
from pathlib import Path

import _results
import numpy as np
from _data import CLASSIFICATION, REGRESSION, read_dataset
from _runner import Store, configured, format_score, gru_estimators, markdown_table
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, root_mean_squared_error

DEVICES = {
    "CPU": {"device": "cpu"},
    "fp32": {"device": "cuda", "precision": "fp32"},
    "tf32": {"device": "cuda", "precision": "tf32"},
    "bf16": {"device": "cuda", "precision": "bf16"},
}


def n_epochs(data, estimator, n_steps):
    """Epochs that go through about ``n_steps`` steps of sequences, but at least one."""
    per_epoch = sum(len(x) for x in data.X_train)
    return int(np.clip(n_steps // per_epoch, 1, estimator.max_iter))


def measure(data, estimator, epochs, options):
    """Test score of a fit."""
    model = configured(estimator, seed=0, max_iter=epochs, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predicted = model.fit(data.X_train, data.y_train).predict(data.X_test)
    metric = accuracy_score if data.metric == "accuracy" else root_mean_squared_error
    return float(metric(data.y_test, predicted))


def write_report(rows, device, path):
    header = ["data set", "metric", "test sequences", "epochs", *DEVICES]
    path.write_text(
        f"{markdown_table(header, rows)}\n\nOne seed, the defaults but for the epochs; accuracy is "
        f"better when higher, RMSE when lower. The device of the last three columns: {device}.\n",
        encoding="utf-8",
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    _results.add_arguments(parser)
    parser.add_argument(
        "--datasets", nargs="+", default=CLASSIFICATION + REGRESSION,
        choices=CLASSIFICATION + REGRESSION, metavar="NAME",
    )  # fmt: skip
    parser.add_argument("--steps", type=float, default=1e7, help="steps of sequences in a fit")
    options = parser.parse_args(argv)
    store, rows = Store(_results.results_path(options)), []
    if not options.report_only:
        from numba import cuda

        store.put("device", "name", cuda.get_current_device().name)
    device = store.get("device", "name")
    for name in options.datasets:
        data = read_dataset(name, options.data_folder)
        estimator = gru_estimators()[data.metric]
        epochs = n_epochs(data, estimator, options.steps)
        scores = []
        for label, where in DEVICES.items():
            key = f"{name}, {epochs} epochs, {label}, {device}"
            score = store.get("scores", key)
            if score is None and not options.report_only:
                score = measure(data, estimator, epochs, where)
                store.put("scores", key, score)
            scores.append(score)
        if None in scores:
            continue
        scores = [format_score(score, data.metric) for score in scores]
        rows.append([name, data.metric, len(data.y_test), epochs, *scores])
        print(*rows[-1], flush=True)
        write_report(rows, device, options.out)


if __name__ == "__main__":
    main()
