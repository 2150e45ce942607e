"""The measurement that chooses initial weights and the bias of the update gates.

    python benchmarks/initial_weights.py DATA_FOLDER --out docs/_tables/initial_weights.md

Variants of the default classifier differ in nothing but where training starts.  They are compared
by cross-validation on the training part; test parts are not read.
"""

import argparse
from pathlib import Path

import _results
import numpy as np
from _data import read_dataset, subsample
from _runner import Cell, Store, configured, folds, markdown_table, run_cells

from skgru import GRUClassifier

DATASETS = (
    "GunPoint", "ItalyPowerDemand", "ECG200", "ArrowHead", "BasicMotions", "SyntheticControl",
    "JapaneseVowels", "fsdd_mfcc", "arem",
)  # fmt: skip
N_TRAIN = {"fsdd_mfcc": 900}


class ClosedGates(GRUClassifier):
    """b_z = -1: states follow the candidate."""

    _update_bias = -1.0


class EvenGates(GRUClassifier):
    """b_z = 0, as torch and Keras start (but for torch's random biases)."""

    _update_bias = 0.0


class OpenGates(GRUClassifier):
    """b_z = 1."""

    _update_bias = 1.0


class WideGates(GRUClassifier):
    """b_z = 2: states change slowly."""

    _update_bias = 2.0


class UniformWeights(GRUClassifier):
    """All weights and biases uniform within 1 / sqrt(H), as in torch."""

    def _make_trainer(self, *arguments):
        trainer, parameters = super()._make_trainer(*arguments)
        draw = np.random.RandomState(self._seed)
        for name, view in trainer.network.layout.views(parameters).items():
            if name.startswith("gru"):
                bound = 1 / np.sqrt(self._network_options["hidden_layer_sizes"][0])
                view[...] = draw.uniform(-bound, bound, view.shape)
        return trainer, parameters


VARIANTS = (ClosedGates, EvenGates, OpenGates, WideGates, UniformWeights)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    _results.add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(argv)
    store = Store(_results.results_path(options))
    scores = {variant: [] for variant in VARIANTS}
    for name in DATASETS:
        data = subsample(read_dataset(name, options.data_folder), N_TRAIN.get(name))
        for variant in VARIANTS:
            cells = [
                Cell(data, configured(variant(), seed=repeat), variant.__name__, split)
                for repeat, split in folds(data, options.seeds)
            ]
            deadline = 0.0 if options.report_only else None
            results = run_cells(store, cells, jobs=options.jobs, deadline=deadline)
            scores[variant].append(np.mean([result.score for result in results]))
    rows = [
        [variant.__doc__.rstrip("."), *(f"{s:.3f}" for s in found), f"{np.mean(found):.4f}"]
        for variant, found in scores.items()
    ]
    options.out.write_text(markdown_table(["start", *DATASETS, "mean"], rows) + "\n", "utf-8")
    print(options.out.read_text("utf-8"))


if __name__ == "__main__":
    main()
