"""Twenty actions from the joints of a skeleton, by people the model has not seen.

    python benchmarks/tasks/msr_action3d.py DATA_FOLDER

MSR Action3D: 557 sequences of 13 to 76 frames, 20 joints (x, y, z) in metres each. The split that
most papers use trains on subjects 1, 3, 5, 7, 9 and tests on the others. Everything is chosen by
cross-validation that leaves out one training subject at a time; the test subjects are scored once,
with what was chosen and with the defaults.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_text,
    network_params,
    over_seeds,
    search,
    write_table,
)
from _data import take  # found by way of _common
from accuracy_floors import mean_std_features, segment_means
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgru import GRUClassifier

HIP, SPINE = 6, 3  # numbers of joints
ACTIONS = np.arange(1, 21)
PUBLISHED = 0.878  # LSTM, Veeriah et al. 2015
GOAL = 0.85
SEARCH_SEEDS = 2


def read(data_folder):
    """Return (X, y, subject): the sequences in the list that most papers use."""
    with np.load(Path(data_folder) / "msr_action3d" / "msr_action3d.npz") as file:
        used, ends = file["used_in_cvpr12"], np.cumsum(file["lengths"])[:-1]
        sequences = np.split(file["X"].astype(np.float32), ends)
        return take(sequences, np.flatnonzero(used)), file["action"][used], file["subject"][used]


def fill(x):
    """Put the last known position where a joint was not tracked, at first the first known one.

    Such joints are given as (0, 0, 0).
    """
    x = x.reshape(len(x), -1, 3).copy()
    known = (x != 0).any(axis=2)
    for joint in range(x.shape[1]):
        rows = np.flatnonzero(known[:, joint])
        if len(rows) > 0:
            last = np.searchsorted(rows, np.arange(len(x)), side="right") - 1
            x[:, joint] = x[rows[np.maximum(last, 0)], joint]
    return x


def prepare(X, origin="camera", scaled=False, differences=False):
    """Make features of skeletons.

    Parameters
    ----------
    X : list of ndarray of shape (length, 60)
    origin : {"camera", "first", "each"}
        Where positions are measured from: the camera, the hip in the first frame, or the hip in
        each frame.
    scaled : bool
        Whether lengths are in units of the median distance from hip to spine of the sequence.
    differences : bool
        Whether the change since the frame before is added to each frame.
    """
    prepared = []
    for x in map(fill, X):
        size = np.median(np.linalg.norm(x[:, SPINE] - x[:, HIP], axis=1))
        if origin != "camera":
            x = x - (x[:, HIP : HIP + 1] if origin == "each" else x[:1, HIP : HIP + 1])
        if scaled and size > 0:
            x = x / size
        x = x.reshape(len(x), -1)
        if differences:
            x = np.hstack([x, np.diff(x, axis=0, prepend=x[:1])])
        prepared.append(x)
    return prepared


def augment(X, y, copies, seed):
    """Add copies of each sequence, turned about the vertical, of another size and speed."""
    rng = np.random.default_rng(seed)
    added = []
    for x in map(fill, X * copies):
        angle, size = rng.uniform(-np.pi / 6, np.pi / 6), rng.uniform(0.9, 1.1)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0],
                         [-np.sin(angle), 0, np.cos(angle)]])  # fmt: skip
        centre = x[:, HIP].mean(axis=0)
        x = ((x - centre) @ turn * size + centre).reshape(len(x), -1)
        length = max(2, round(len(x) * rng.uniform(0.75, 1.33)))
        times = np.linspace(0, len(x) - 1, length)
        before = np.minimum(times.astype(int), len(x) - 2)
        part = (times - before)[:, None]
        added.append(((1 - part) * x[before] + part * x[before + 1]).astype(np.float32))
    return X + added, np.tile(y, copies + 1)


# One group of choices after another, each from the best so far.
STAGES = [
    [
        {"origin": origin, "scaled": scaled, "differences": differences}
        for origin, scaled in (("camera", False), ("first", False), ("each", False), ("each", True))
        for differences in (False, True)
    ],
    [
        {"pooling": pooling, "bidirectional": both}
        for pooling in (("last", "mean", "max"), "max", "mean", "attention")
        for both in (False, True)
    ],
    [
        {"dropout": a, "recurrent_dropout": b}
        for a, b in ((0.0, 0.0), (0.2, 0.0), (0.5, 0.0), (0.2, 0.2), (0.5, 0.2), (0.5, 0.5))
    ],
    [{"hidden_layer_sizes": size} for size in (32, 64, 128, (64, 64))],
    [
        {"learning_rate_init": rate, "max_iter": n}
        for rate, n in ((3e-3, 50), (3e-3, 100), (1e-2, 50))
    ],
    [{"copies": 4, "max_iter": n} for n in (10, 30)],
]


def fit_model(X, y, choices, seed, jobs):
    """A pipeline of the skeleton's features and the network, fitted to copies as well."""
    ours, params = network_params(choices, ("origin", "scaled", "differences", "copies"))
    X, y = augment(X, y, ours.pop("copies", 0), seed)
    network = GRUClassifier(**params, random_state=seed, n_jobs=jobs)
    features = FunctionTransformer(prepare, kw_args=ours)
    return make_pipeline(features, network).fit(X, y)


def cross_validate(X, y, subject, choices, seed, jobs):
    """Accuracy and log loss of all training sequences, each by a model without its subject."""
    probabilities = np.zeros((len(y), len(ACTIONS)))
    for train, test in LeaveOneGroupOut().split(X, y, subject):
        model = fit_model(take(X, train), y[train], choices, seed, jobs)
        columns = np.searchsorted(ACTIONS, model.classes_)
        probabilities[np.ix_(test, columns)] = model.predict_proba(take(X, test))
    return {
        "accuracy": float(accuracy_score(y, ACTIONS[probabilities.argmax(axis=1)])),
        "log_loss": float(log_loss(y, probabilities, labels=ACTIONS)),
    }


def merit(found):
    """More right answers, or as many with a lower log loss."""
    accuracy = np.mean([one["accuracy"] for one in found])
    return round(accuracy, 9), -np.mean([one["log_loss"] for one in found])


def measure_floor(train, test):
    """Shrunken discriminant analysis on the means of 8 segments and the deviations."""

    def features(X):
        X = prepare(X)
        return np.hstack([segment_means(X, 8), mean_std_features(X)[:, 60:]])

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    model.fit(features(train[0]), train[1])
    return {"accuracy": float(model.score(features(test[0]), test[1]))}


def score(train, test, choices, seed, jobs):
    """Fit on the training subjects, score the test subjects."""
    start = time.perf_counter()
    model = fit_model(*train, choices, seed, jobs)
    seconds = round(time.perf_counter() - start, 2)
    return {"accuracy": float(model.score(*test)), "seconds": seconds}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "msr_action3d")
    options = parser.parse_args(argv)
    X, y, subject = read(options.data_folder)
    odd, even = np.flatnonzero(subject % 2 == 1), np.flatnonzero(subject % 2 == 0)
    train, test = (take(X, odd), y[odd]), (take(X, even), y[even])
    results = Results(options.results)
    chosen, found, n_tried = search(
        results,
        STAGES,
        lambda choices, seed: cross_validate(*train, subject[odd], choices, seed, options.jobs),
        merit,
        seeds=SEARCH_SEEDS,
        run="leave one subject out",
    )
    accuracy = np.mean([one["accuracy"] for one in found])
    floor = results.measure({"run": "floor"}, lambda: measure_floor(train, test))
    rows = [
        ["floor: LDA on 8 segment means and deviations", f"{floor['accuracy']:.3f}", ""],
        ["published: LSTM (Veeriah et al. 2015)", f"{PUBLISHED:.3f}", ""],
    ]
    for name, choices in (("defaults, joints as they come", {}), ("chosen", chosen)):
        found = [
            results.measure(
                {"run": "test", "choices": choices, "seed": seed},
                lambda choices=choices, seed=seed: score(train, test, choices, seed, options.jobs),
            )
            for seed in range(options.seeds)
        ]
        rows.append([f"GRUClassifier, {name}", over_seeds(found, "accuracy"),
                     over_seeds(found, "seconds", 1)])  # fmt: skip
    paragraphs = [
        f"Accuracy on {len(test[1])} sequences of subjects 2, 4, 6, 8, 10 after training on "
        f"{len(train[1])} of subjects 1, 3, 5, 7, 9; mean ± standard deviation over "
        f"{options.seeds} seeds, seconds of a fit on {options.jobs} thread"
        f"{'s' * (options.jobs > 1)}. The goal is {GOAL}.",
        f"Chosen by leaving out one training subject at a time, among {n_tried} candidates: "
        f"{as_text(chosen)}. Its accuracy there, optimistic because it was chosen by it, is "
        f"{accuracy:.3f}.",
    ]
    write_table(options.out, paragraphs, ["model", "accuracy", "seconds"], rows)


if __name__ == "__main__":
    main()
