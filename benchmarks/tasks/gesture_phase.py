"""The phase of a gesture at every frame, by people the model has not seen.

    python benchmarks/tasks/gesture_phase.py DATA_FOLDER

Seven videos of three people who tell stories, 9,901 frames of 18 features (hands, head, spine and
wrists), each frame one of five phases. Two splits: trained on person a, tested on b and c; and
trained on a1, a2, b1, c1, tested on the other videos. Everything is chosen by leaving out one
training video at a time; the test videos are scored once, with what was chosen.

People and cameras stand elsewhere in each video, so features may be used as they come, measured
from the spine in units of the distance from spine to head, or standardised within the video (which
needs the whole of it, but no label). The floor is a softmax over a window of frames around each.
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_text,
    network_params,
    over_seeds,
    search,
    timed_fit,
    write_table,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgru import GRUStepClassifier
from skgru.metrics import flatten_steps, step_scorer

VIDEOS = ("a1", "a2", "a3", "b1", "b3", "c1", "c3")
SPLITS = {
    "a, then b and c": ("a1", "a2", "a3"),
    "a1 a2 b1 c1, then the rest": ("a1", "a2", "b1", "c1"),
}
QUOTED_FLOORS = dict(zip(SPLITS, (0.434, 0.500), strict=True))
HEAD, SPINE = 2, 3  # numbers of points
SEARCH_SEEDS = 2


def read(data_folder):
    """Return {video: (frames (n, 18), phases (n,))}."""
    found = {}
    for name in VIDEOS:
        path = Path(data_folder) / "gesture_phase" / f"{name}.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = list(csv.reader(lines))[1:]
        x = np.array([row[:18] for row in rows], dtype=np.float32)
        found[name] = x, np.array([row[-1] for row in rows])
    return found


def prepare(x, scale="none", differences=0):
    """Make features of the frames of a video.

    Parameters
    ----------
    x : ndarray of shape (n, 18)
    scale : {"none", "spine", "video"}
        Whether positions are measured from the mean position of the spine in the video, in units
        of the median distance from spine to head; or each feature from its own mean in the video,
        in units of its standard deviation.
    differences : int
        Frames over which the change of each feature is added; 0 adds none.
    """
    if scale == "video":
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    elif scale == "spine":
        points = x.reshape(len(x), 6, 3)
        spine = points[:, SPINE]
        size = np.median(np.linalg.norm(points[:, HEAD] - spine, axis=1))
        x = ((points - spine.mean(axis=0)) / size).reshape(len(x), 18)
    if differences:
        before = np.concatenate([np.repeat(x[:1], differences, axis=0), x[:-differences]])
        x = np.hstack([x, x - before])
    return x


def cut(x, length):
    """Cut a video into pieces of `length` frames, each of which begins halfway in the one before.

    The last pieces may be shorter; None does not cut.
    """
    if length is None or len(x) <= length:
        return [x]
    starts = range(0, len(x) - length // 2, length // 2)
    return [x[start : start + length] for start in starts]


# One group of choices after another, each from the best so far.
STAGES = [
    [
        {"scale": scale, "differences": differences}
        for scale in ("none", "spine", "video")
        for differences in (0, 1, 3)
    ],
    [{"length": length, "batch_size": 8} for length in (50, 100, 200, 400)],
    [
        {"dropout": a, "recurrent_dropout": b}
        for a, b in ((0.0, 0.0), (0.3, 0.0), (0.5, 0.0), (0.3, 0.3), (0.5, 0.5))
    ],
    [{"max_iter": n, "learning_rate_init": r} for r in (3e-3, 1e-2) for n in (10, 30, 100)],
    [{"hidden_layer_sizes": size, "alpha": a} for size in (16, 64) for a in (1e-4, 1e-2)],
]
OF_DATA = ("scale", "differences", "length")


def fit_and_score(train, test, choices, seed, jobs):
    """Fit to pieces of the training videos, score whole test videos."""
    ours, params = network_params(choices, OF_DATA)
    length = ours.pop("length", 100)
    X = [piece for x, _ in train for piece in cut(prepare(x, **ours), length)]
    y = [piece for _, phases in train for piece in cut(phases, length)]
    model = GRUStepClassifier(**{"bidirectional": True, **params}, random_state=seed, n_jobs=jobs)
    seconds = timed_fit(model, X, y)
    X_test, y_test = [prepare(x, **ours) for x, _ in test], [phases for _, phases in test]
    right = float(accuracy_score(*flatten_steps(y_test, model.predict(X_test))))
    loss = -float(step_scorer("neg_log_loss")(model, X_test, y_test))
    return {"accuracy": right, "log_loss": loss, "seconds": seconds}


def cross_validate(train, choices, seed, jobs):
    """Mean accuracy and log loss over training videos, each by a model that did not see it."""
    found = [
        fit_and_score(train[:i] + train[i + 1 :], train[i : i + 1], choices, seed, jobs)
        for i in range(len(train))
    ]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def merit(found):
    return np.mean([one["accuracy"] for one in found])


def measure_floors(train, test):
    """Accuracy of the most frequent phase, and of a softmax over frames within 10 of each one."""

    def windows(x, reach=10, step=2):
        padded = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
        return np.hstack([padded[i : i + len(x)] for i in range(0, 2 * reach + 1, step)])

    phases, y = (np.concatenate([phases for _, phases in part]) for part in (train, test))
    names, counts = np.unique(phases, return_counts=True)
    found = {"majority": float(np.mean(y == names[counts.argmax()]))}
    for scale in ("none", "spine", "video"):
        X, X_test = (
            np.concatenate([windows(prepare(x, scale)) for x, _ in part]) for part in (train, test)
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        found[f"softmax_{scale}"] = float(model.fit(X, phases).score(X_test, y))
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "gesture_phase")
    parser.add_argument("--floors", action="store_true", help="measure the floors alone")
    options = parser.parse_args(argv)
    videos, results = read(options.data_folder), Results(options.results)
    rows, choices_made = [], []
    for split, names in SPLITS.items():
        train = [videos[name] for name in names]
        test = [video for name, video in videos.items() if name not in names]
        floors = results.measure(
            {"run": "floor", "split": split},
            lambda train=train, test=test: measure_floors(train, test),
        )
        if options.floors:
            continue
        chosen, found, n_tried = search(
            results,
            STAGES,
            lambda choices, seed, train=train: cross_validate(train, choices, seed, options.jobs),
            merit,
            seeds=SEARCH_SEEDS,
            run="leave one video out",
            split=split,
        )
        choices_made.append(
            f"Chosen for *{split}* among {n_tried} candidates, with "
            f"{over_seeds(found, 'accuracy')} on training videos left out (optimistic): "
            f"{as_text(chosen)}."
        )
        ours = [
            results.measure(
                {"run": "test", "split": split, "choices": chosen, "seed": seed},
                lambda train=train, test=test, chosen=chosen, seed=seed: fit_and_score(
                    train, test, chosen, seed, options.jobs
                ),
            )
            for seed in range(options.seeds)
        ]
        rows.append([
            split, f"{floors['majority']:.3f}",
            ", ".join(f"{floors[f'softmax_{scale}']:.3f}" for scale in ("none", "spine", "video")),
            f"{QUOTED_FLOORS[split]:.3f}", "none known", over_seeds(ours, "accuracy"),
            over_seeds(ours, "seconds", 1),
        ])  # fmt: skip
    if options.floors:
        return
    paragraphs = [
        "Accuracy over all frames of the test videos by a bidirectional `GRUStepClassifier`; mean "
        f"± standard deviation over {options.seeds} seeds, seconds of a fit on {options.jobs} "
        f"thread{'s' * (options.jobs > 1)}. The softmax sees 11 of the 21 frames around each one, "
        "of positions as they come, measured from the spine, and standardised within the video; "
        "the quoted floor, which comes with the data, is another softmax on a window.",
        *choices_made,
    ]
    header = ["trained on, then tested on", "majority", "softmax on a window", "quoted floor",
              "published", "GRUStepClassifier", "seconds"]  # fmt: skip
    write_table(options.out, paragraphs, header, rows)


if __name__ == "__main__":
    main()
