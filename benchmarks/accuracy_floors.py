"""Cheap baselines, measured on the same split as the networks.

A recurrent network that does not beat these has shown nothing. Run

    python benchmarks/accuracy_floors.py DATA_FOLDER [--datasets NAME ...] [--out floors.json]

Classification: linear discriminant analysis (LDA) on the mean and standard deviation of every
feature, LDA on the means of four equal segments, one nearest neighbour (1-NN, Euclidean, raw
values), and 1-NN under dynamic time warping (DTW) where DTW is the quoted floor. Regression: the
last value again, and HistGradientBoostingRegressor on the flattened window, once for the value and
once for its change (a tree ensemble cannot extrapolate, so the change is the fairer form).
"""

import argparse
import json
from pathlib import Path

import numba
import numpy as np
from _data import CLASSIFICATION, OPTIONAL, REGRESSION, read_dataset
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.neighbors import KNeighborsClassifier


def mean_std_features(X):
    """Mean and standard deviation over time of every feature: (n, 2 * n_features)."""
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in _as_columns(X)])


def segment_means(X, n_segments=4):
    """Mean of every feature over `n_segments` nearly equal parts: (n, n_segments * n_features)."""
    return np.stack(
        [
            np.concatenate([part.mean(axis=0) for part in np.array_split(x, n_segments)])
            for x in _as_columns(X)
        ]
    )


def _as_columns(X):
    return X[:, :, None] if isinstance(X, np.ndarray) and X.ndim == 2 else X


@numba.njit(error_model="numpy")
def _dtw_distances(queries, references):
    """Squared DTW cost, all features warped together, no window: (n_queries, n_references)."""
    n_steps = queries.shape[1]
    distances = np.empty((len(queries), len(references)))
    previous, current = np.empty(n_steps + 1), np.empty(n_steps + 1)
    for q in range(len(queries)):
        for r in range(len(references)):
            previous[:] = np.inf
            previous[0] = 0.0
            for i in range(n_steps):
                current[0] = np.inf
                for j in range(n_steps):
                    cost = 0.0
                    for k in range(queries.shape[2]):
                        cost += (queries[q, i, k] - references[r, j, k]) ** 2
                    current[j + 1] = cost + min(previous[j], previous[j + 1], current[j])
                previous, current = current, previous
            distances[q, r] = previous[n_steps]
    return distances


def _lda(features, data):
    model = LinearDiscriminantAnalysis().fit(features(data.X_train), data.y_train)
    return model.score(features(data.X_test), data.y_test)


def _one_nn(data):
    def flat(X):
        return X.reshape(len(X), -1)

    model = KNeighborsClassifier(1).fit(flat(data.X_train), data.y_train)
    return model.score(flat(data.X_test), data.y_test)


def _one_nn_dtw(data):
    mean, std = data.X_train.mean(axis=(0, 1)), data.X_train.std(axis=(0, 1))
    distances = _dtw_distances((data.X_test - mean) / std, (data.X_train - mean) / std)
    return np.mean(data.y_train[distances.argmin(axis=1)] == data.y_test)


def _last_value(X):
    return (X[:, -1] if X.ndim == 2 else X[:, -1, 0]).astype(float)


def _boosting(data, *, of_change):
    flat_train, flat_test = (X.reshape(len(X), -1) for X in (data.X_train, data.X_test))
    base_train = _last_value(data.X_train) if of_change else 0.0
    base_test = _last_value(data.X_test) if of_change else 0.0
    model = HistGradientBoostingRegressor(random_state=0).fit(flat_train, data.y_train - base_train)
    return root_mean_squared_error(data.y_test, model.predict(flat_test) + base_test)


def measure_floors(data):
    """Measure every cheap baseline that fits the data set.

    Parameters
    ----------
    data : Dataset

    Returns
    -------
    scores : dict of str to float
        Test accuracy or RMSE by the name of the baseline.
    """
    if data.metric == "rmse":
        return {
            "last value": root_mean_squared_error(data.y_test, _last_value(data.X_test)),
            "HistGradientBoosting": _boosting(data, of_change=False),
            "HistGradientBoosting on the change": _boosting(data, of_change=True),
        }
    scores = {
        "LDA on mean and std": _lda(mean_std_features, data),
        "LDA on 4 segment means": _lda(segment_means, data),
    }
    if isinstance(data.X_train, np.ndarray):
        scores["1-NN"] = _one_nn(data)
        if "DTW" in data.floor.source:
            scores["1-NN DTW"] = _one_nn_dtw(data)
    return {name: float(score) for name, score in scores.items()}


def best_floor(data, scores):
    """Return (name, score) of the strongest baseline."""
    best = max if data.higher_is_better else min
    return best(scores.items(), key=lambda item: item[1])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--datasets", nargs="+", default=CLASSIFICATION + REGRESSION + OPTIONAL)
    parser.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    options = parser.parse_args(argv)
    measured = {}
    for name in options.datasets:
        data = read_dataset(name, options.data_folder)
        measured[name] = scores = {k: float(v) for k, v in measure_floors(data).items()}
        quoted = "-" if data.floor.value is None else f"{data.floor.value:g} ({data.floor.source})"
        listing = ", ".join(f"{baseline} {score:.4g}" for baseline, score in scores.items())
        print(f"{name}: {listing}; quoted: {quoted}", flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(measured, indent=None) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
