"""Twenty actions from the joints of a skeleton, by people the model has not seen.

    python benchmarks/tasks/msr_action3d.py DATA_FOLDER

MSR Action3D: 557 sequences of 13 to 76 frames, 20 joints (x, y, z) in metres each. The split that
most papers use trains on subjects 1, 3, 5, 7, 9 and tests on the others. Everything is chosen by
cross-validation that leaves out one training subject at a time. The test subjects decide nothing.
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
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgru import GRUClassifier

# Numbers of joints. A parent is next on the way to the hip; FROM_THE_HIP has parents first.
HIP, SPINE, NECK, HEAD = 6, 3, 2, 19
SHOULDERS, HANDS, FEET = (0, 1), (11, 12), (17, 18)
PARENT = np.array([2, 2, 3, 6, 6, 6, 6, 0, 1, 7, 8, 9, 10, 4, 5, 13, 14, 15, 16, 2])
FROM_THE_HIP = (3, 4, 5, 2, 0, 1, 19, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
PAIRS = np.array(
    [(hand, joint) for hand in HANDS for joint in (HEAD, HIP, NECK, *FEET)]
    + [(foot, HIP) for foot in FEET]
    + [*zip(HANDS, SHOULDERS, strict=True), HANDS, FEET]
)
ACTIONS = np.arange(1, 21)
PUBLISHED = 0.878  # LSTM, Veeriah et al. 2015


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


def prepare(X, origin="camera", scaled=False, differences=(), distances=False):
    """Make features of skeletons.

    Parameters
    ----------
    X : list of ndarray of shape (length, 60)
    origin : {"camera", "first", "each"}
        Where positions are measured from: the camera, the hip in the first frame, or the hip in
        each frame.
    scaled : bool
        Whether lengths are in units of the median distance from hip to spine of the sequence.
    differences : tuple of int
        For each of these numbers of frames, the change of every feature over it is added.
    distances : bool
        Whether the distances between hands, feet, head and trunk are added.
    """
    prepared = []
    for x in map(fill, X):
        size = np.median(np.linalg.norm(x[:, SPINE] - x[:, HIP], axis=1))
        if origin != "camera":
            x = x - (x[:, HIP : HIP + 1] if origin == "each" else x[:1, HIP : HIP + 1])
        if scaled and size > 0:
            x = x / size
        features = x.reshape(len(x), -1)
        if distances:
            lengths = np.linalg.norm(x[:, PAIRS[:, 0]] - x[:, PAIRS[:, 1]], axis=2)
            features = np.hstack([features, lengths])
        before = [np.maximum(np.arange(len(x)) - lag, 0) for lag in differences]
        prepared.append(np.hstack([features, *(features - features[rows] for rows in before)]))
    return prepared


# How much the copies differ: angles in radians, standard deviation of the noise in metres, and the
# other numbers as fractions.
MILD = {"turn": np.pi / 6, "size": 0.1, "speed": (0.75, 1.33)}
STRONG = {"turn": np.pi / 4, "tilt": np.pi / 18, "size": 0.2, "bones": 0.1, "cut": 0.1,
          "speed": (1 / 1.5, 1.5), "noise": 0.005}  # fmt: skip


def augment(X, y, copies, amounts, seed):
    """Add copies of each sequence, which another body in another place might have made."""
    rng = np.random.default_rng(seed)
    added = []
    for x in map(fill, X * copies):
        x = move(x, amounts, rng)
        x = change_speed(x.reshape(len(x), -1), amounts, rng)
        if "noise" in amounts:
            x = x + rng.normal(0, amounts["noise"], x.shape)
        added.append(x.astype(np.float32))
    return X + added, np.tile(y, copies + 1)


def rotation(angle, a, b):
    """Matrix that turns axis `a` towards axis `b`."""
    matrix = np.eye(3)
    matrix[[a, b], [a, b]] = np.cos(angle)
    matrix[a, b], matrix[b, a] = np.sin(angle), -np.sin(angle)
    return matrix


def move(x, amounts, rng):
    """Turn about the vertical, tilt, and change the size of the body and of single bones."""
    turn = rotation(rng.uniform(-amounts["turn"], amounts["turn"]), 0, 2)
    size = rng.uniform(1 - amounts["size"], 1 + amounts["size"])
    if "tilt" in amounts:
        turn = turn @ rotation(rng.uniform(-amounts["tilt"], amounts["tilt"]), 1, 2)
    centre = x[:, HIP].mean(axis=0)
    if "bones" in amounts:
        low, high = 1 - amounts["bones"], 1 + amounts["bones"]
        size = size * rng.uniform(low, high, 3)  # of each axis
        bones = (x - x[:, PARENT]) * rng.uniform(low, high, (len(PARENT), 1))
        x = x.copy()
        for joint in FROM_THE_HIP:
            x[:, joint] = x[:, PARENT[joint]] + bones[:, joint]
    return (x - centre) @ turn * size + centre


def change_speed(x, amounts, rng):
    """Leave out frames at both ends, and interpolate the others at another speed."""
    if "cut" in amounts:
        first, last = (rng.uniform(0, amounts["cut"], 2) * len(x)).astype(int)
        x = x[first : len(x) - last]
    length = max(2, round(len(x) * rng.uniform(*amounts["speed"])))
    times = np.linspace(0, len(x) - 1, length)
    before = np.minimum(times.astype(int), len(x) - 2)
    part = (times - before)[:, None]
    return (1 - part) * x[before] + part * x[before + 1]


SMALL = {"hidden_layer_sizes": 64, "batch_size": 32, "max_iter": 10, "distances": True}
# One group of choices after another, each from the best so far.
STAGES = [
    [
        {"origin": origin, "scaled": scaled, "differences": differences}
        for origin, scaled in (("camera", False), ("first", False), ("each", False), ("each", True))
        for differences in ((), (1,))
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
    # Added after the best of the candidates above had been scored on the test subjects.
    [
        {**SMALL, "differences": (1, 3), "copies": 4, "strong": False},
        {**SMALL, "differences": (2, 5), "copies": 15, "strong": True},
        {**SMALL, "differences": (1, 3, 6), "copies": 15, "strong": True},
    ],
    [{"votes": 3}],
]
N_FIRST = 6  # stages of which the test subjects were scored before the others were added


def fit_model(X, y, choices, seed, jobs):
    """A pipeline of the skeleton's features and the networks, fitted to copies as well."""
    features, params = network_params(choices, ("origin", "scaled", "differences", "distances"))
    copies, amounts = params.pop("copies", 0), STRONG if params.pop("strong", False) else MILD
    votes = params.pop("votes", 1)
    X, y = augment(X, y, copies, amounts, seed)
    networks = [
        GRUClassifier(**params, random_state=votes * seed + i, n_jobs=jobs) for i in range(votes)
    ]
    model = networks[0]
    if votes > 1:
        model = VotingClassifier([(f"{i}", one) for i, one in enumerate(networks)], voting="soft")
    return make_pipeline(FunctionTransformer(prepare, kw_args=features), model).fit(X, y)


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

    def evaluate(choices, seed):
        return cross_validate(*train, subject[odd], choices, seed, options.jobs)

    def choose(stages):
        return search(results, stages, evaluate, merit, seeds=2, run="leave one subject out")

    first, _, n_first = choose(STAGES[:N_FIRST])
    chosen, found, n_tried = choose(STAGES)
    there = np.mean([one["accuracy"] for one in found])
    floor = results.measure({"run": "floor"}, lambda: measure_floor(train, test))["accuracy"]
    rows = [
        ["baseline: LDA on 8 segment means and deviations", f"{floor:.3f}", ""],
        ["published: LSTM (Veeriah et al. 2015)", f"{PUBLISHED:.3f}", ""],
    ]
    best = f"best of all {n_tried} (votes={chosen.get('votes', 1)})"
    names = "defaults on plain joints", f"best of the first {n_first}", best
    for name, choices in zip(names, ({}, first, chosen), strict=True):
        found = [
            results.measure(
                {"run": "test", "choices": choices, "seed": seed},
                lambda choices=choices, seed=seed: score(train, test, choices, seed, options.jobs),
            )
            for seed in range(options.seeds)
        ]
        scores = over_seeds(found, "accuracy"), over_seeds(found, "seconds", 1)
        rows.append([f"GRUClassifier, {name}", *scores])
    paragraphs = [
        f"Accuracy on {len(test[1])} sequences of subjects 2, 4, 6, 8, 10 after training on "
        f"{len(train[1])} of subjects 1, 3, 5, 7, 9; mean ± standard deviation over "
        f"{options.seeds} seeds, seconds of a fit on {options.jobs} thread"
        f"{'s' * (options.jobs > 1)}.",
        f"Parameters were chosen by leaving out one training subject at a time, among {n_tried} "
        f"candidates: {as_text(chosen)}. The accuracy there, which decided, is {there:.3f}.",
        f"The test subjects were scored twice: with the best of the first {n_first} candidates, "
        "and with the best of all after the others had been added. The added ones follow from a "
        "dozen more comparisons, also by leaving out one training subject at a time.",
    ]
    write_table(options.out, paragraphs, ["model", "accuracy", "seconds"], rows)


if __name__ == "__main__":
    main()
