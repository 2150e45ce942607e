"""The demo, ``python -m skgru``: train on real data, compare with baselines, save and reload."""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import mean_absolute_error, r2_score

from skgru import GRUClassifier, GRURegressor, __version__, load, save
from skgru.datasets import load_japanese_vowels, load_nyc_taxi


def main(argv=None):
    """Run the demo; `argv` is the list of command-line arguments, ``sys.argv[1:]`` by default."""
    parser = argparse.ArgumentParser(
        prog="python -m skgru",
        description="Train GRUClassifier and GRURegressor on data that ships with the package.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="keep the classifier in this file (default: a temporary file, deleted at the end)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random_state of both models")
    parser.add_argument("--quiet", action="store_true", help="show no progress of training")
    args = parser.parse_args(argv)

    start = time.perf_counter()
    verbose = 0 if args.quiet else 1
    print(f"skgru {__version__}")
    classifier, X_test = _recognise_speakers(args.seed, verbose)
    if args.output is None:
        with tempfile.TemporaryDirectory() as folder:
            size = _save_and_reload(classifier, X_test, Path(folder) / "classifier.joblib")
        place = ""
    else:
        size = _save_and_reload(classifier, X_test, args.output)
        place = f" to {args.output}"
    n_parameters = sum(array.size for array in _arrays(classifier))
    print(
        f"Saved{place} and loaded again ({size / 1024:.0f} KiB, {n_parameters:,} parameters): "
        "predictions are equal to the last bit."
    )
    _forecast_taxi_rides(args.seed, verbose)
    print(f"\nDone in {time.perf_counter() - start:.0f} s.")


def _recognise_speakers(seed, verbose):
    """Fit the classifier; return it with the test sequences."""
    X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
    X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
    lengths = [len(x) for x in [*X_train, *X_test]]
    print(
        f"\nJapaneseVowels: which of {len(np.unique(y_train))} speakers is it?\n"
        f"{len(X_train)} training and {len(X_test)} test sequences, "
        f"{min(lengths)} to {max(lengths)} steps of {X_train[0].shape[1]} features"
    )
    model = GRUClassifier(random_state=seed, verbose=verbose).fit(X_train, y_train)
    baseline = LinearDiscriminantAnalysis().fit(_mean_and_std(X_train), y_train)
    print("Accuracy on the test sequences:")
    _print_scores(
        [
            ("LDA on mean and std of each sequence", baseline.score(_mean_and_std(X_test), y_test)),
            (f"GRUClassifier, {model.n_iter_} epochs", model.score(X_test, y_test)),
        ],
        "{:.3f}",
    )
    return model, X_test


def _save_and_reload(model, X_test, path):
    """Check that `model`, written and read back, predicts the very same; return the file's size."""
    save(model, path)
    loaded = load(path)
    if not np.array_equal(model.predict_proba(X_test), loaded.predict_proba(X_test)):
        raise SystemExit(f"The model read back from {path} predicts something else.")
    return path.stat().st_size


def _forecast_taxi_rides(seed, verbose):
    """Fit the regressor on raw counts and compare with "the same as half an hour ago"."""
    X_train, y_train = load_nyc_taxi(return_X_y=True, subset="train")
    X_test, y_test = load_nyc_taxi(return_X_y=True, subset="test")
    print(
        "\nnyc_taxi: how many passengers in the next half hour?\n"
        f"{len(X_train)} training and {len(X_test)} test windows of {X_train.shape[1]} counts"
    )
    model = GRURegressor(max_iter=15, random_state=seed, verbose=verbose)
    model.fit(X_train, y_train)
    predictions = [
        ("the same as half an hour ago", X_test[:, -1]),
        (f"GRURegressor, {model.n_iter_} epochs", model.predict(X_test)),
    ]
    print("R2 on the test windows:")
    _print_scores([(name, r2_score(y_test, p)) for name, p in predictions], "{:.3f}")
    print("Mean absolute error, in passengers:")
    _print_scores([(name, mean_absolute_error(y_test, p)) for name, p in predictions], "{:,.0f}")


def _mean_and_std(X):
    """One row per sequence, whatever its length: mean and standard deviation of each feature."""
    return np.array([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in X])


def _arrays(model):
    """All weights and biases of `model`, one array after the other."""
    names = ("coefs_", "recurrent_coefs_", "intercepts_", "recurrent_intercepts_")
    return [array for name in names for array in getattr(model, name)]


def _print_scores(rows, form):
    for name, score in rows:
        print(f"  {name:40s}{form.format(score):>8s}")


if __name__ == "__main__":
    main()
