"""Readers for the public data sets that the accuracy benchmarks use.

Every reader takes the data folder and returns a :class:`Dataset`: a training part, a test part
that no choice may look at, and the numbers that others reached. Nothing is scaled here, because
the estimators are meant to take data as people have it.

Layouts follow ``skgru``: a 2D table for univariate series of one length, a 3D array for several
features, a list of ``(length, n_features)`` arrays where lengths differ.
"""

import csv
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split

LSTM_FCN = "LSTM-FCN, arXiv:1709.05206 (repository table, chosen by training loss)"
MLSTM_FCN = "arXiv:1801.04503"


@dataclass(frozen=True)
class Quoted:
    """A number somebody else reported (None where there is none), and who, or how obtained."""

    value: float | None
    source: str


NOTHING = Quoted(None, "none known")


@dataclass(frozen=True)
class Dataset:
    """One learning problem with a fixed split.

    Attributes
    ----------
    name : str
        Name in tables and on the command line.
    X_train, X_test : ndarray of shape (n, n_timesteps) or (n, n_timesteps, n_features), or list
        Sequences; a list of ``(length, n_features)`` arrays where lengths differ.
    y_train, y_test : ndarray of shape (n,)
        Class labels or regression targets, in their own unit.
    metric : {"accuracy", "rmse"}
        What is reported; accuracy is better when higher, RMSE (unit of ``y``) when lower.
    floor : Quoted
        A cheap baseline as quoted with the data. ``accuracy_floors.py`` measures it again.
    published : Quoted
        A published result on the same problem.
    ordered : bool
        True if the rows are in order of time, so that cross-validation must not look ahead.
    facts : str
        Sizes, split and preparation in one sentence or two.
    """

    name: str
    X_train: object
    y_train: np.ndarray
    X_test: object
    y_test: np.ndarray
    metric: str
    floor: Quoted
    published: Quoted
    ordered: bool
    facts: str

    @property
    def higher_is_better(self):
        return self.metric == "accuracy"


def take(X, indices):
    """Return the sequences of `X` at `indices`, for arrays and ragged lists alike."""
    return X[indices] if isinstance(X, np.ndarray) else [X[i] for i in indices]


def subsample(dataset, n_train, *, seed=0):
    """Return `dataset` with at most `n_train` training sequences; the test part stays whole.

    Classes keep their shares. Rows that are in order of time stay in order.
    """
    n = len(dataset.y_train)
    if n_train is None or n <= n_train:
        return dataset
    keep, _ = train_test_split(
        np.arange(n),
        train_size=n_train,
        random_state=seed,
        stratify=None if dataset.ordered else dataset.y_train,
    )
    keep.sort()
    return replace(
        dataset,
        X_train=take(dataset.X_train, keep),
        y_train=dataset.y_train[keep],
        facts=f"{dataset.facts} Here {n_train} of {n} training sequences, drawn with seed {seed}.",
    )


# -- UCR / UEA archive ---------------------------------------------------------------------------


def read_ts(path):
    """Read a ``.ts`` file of the UCR / UEA archive.

    A header of ``@`` lines ends with ``@data``; each further line is one case: its dimensions
    separated by colons, the class label last. ``?`` is a missing value (read as NaN).

    Parameters
    ----------
    path : path-like

    Returns
    -------
    X : ndarray of shape (n, n_timesteps) or (n, n_timesteps, n_features), or list of ndarray
        A 2D table for univariate cases of one length, 3D for several dimensions, a list of
        ``(length, n_features)`` arrays where the cases differ in length.
    y : ndarray of shape (n,), dtype str
    """
    cases, labels, in_data = [], [], False
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not in_data:
                in_data = line.lower().startswith("@data")
                continue
            if not line or line[0] in "#%":
                continue
            *dimensions, label = line.split(":")
            columns = [np.array(d.replace("?", "nan").split(","), dtype=float) for d in dimensions]
            if len({len(column) for column in columns}) != 1:
                raise ValueError(f"{path}, line {number}: the dimensions differ in length.")
            cases.append(np.column_stack(columns))
            labels.append(label)
    if not cases:
        raise ValueError(f"{path} has no cases after '@data'.")
    y = np.array(labels)
    if len({len(case) for case in cases}) > 1:
        return cases, y
    X = np.stack(cases)
    return (X[:, :, 0] if X.shape[2] == 1 else X), y


# name: (quoted floor, how, published, source)
_UCR = {
    "JapaneseVowels": (0.978, "LDA on mean and std", 0.99, f"LSTM-FCN, {MLSTM_FCN}"),
    "ItalyPowerDemand": (0.955, "1-NN", 0.962, LSTM_FCN),
    "GunPoint": (0.913, "1-NN", 1.0, LSTM_FCN),
    "ArrowHead": (0.800, "1-NN", 0.897, LSTM_FCN),
    "ECG200": (0.880, "1-NN", 0.870, LSTM_FCN),
    "Coffee": (1.0, "1-NN", 1.0, LSTM_FCN),
    "SyntheticControl": (0.880, "1-NN", 0.987, LSTM_FCN),
    "BasicMotions": (1.0, "LDA on mean and std; 1-NN .6", 1.0, "source not named"),
}


def _read_ucr(name, data_folder):
    folder = Path(data_folder) / "ucr" / name
    X_train, y_train = read_ts(folder / f"{name}_TRAIN.ts")
    X_test, y_test = read_ts(folder / f"{name}_TEST.ts")
    floor, how, published, source = _UCR[name]
    if isinstance(X_train, list):
        lengths = [len(x) for x in X_train + X_test]
        shape = f"{min(lengths)}-{max(lengths)} steps x {X_train[0].shape[1]}"
    else:
        shape = " x ".join(map(str, X_train.shape[1:]))
    facts = f"{len(np.unique(y_train))} classes, {len(y_train)} / {len(y_test)}, {shape}."
    return Dataset(
        name, X_train, y_train, X_test, y_test, "accuracy",
        Quoted(floor, how), Quoted(published, source), False, facts,
    )  # fmt: skip


# -- other classification sets -------------------------------------------------------------------


def _read_pendigits(data_folder):
    """Pen strokes of ten digits: 8 points (x, y) each, 0 to 100; the writers' own split."""
    parts = []
    for ending in ("tra", "tes"):
        path = Path(data_folder) / "pendigits" / f"pendigits.{ending}"
        table = np.loadtxt(path, delimiter=",", skiprows=1)  # line 1 lists the classes
        parts += [table[:, :16].reshape(-1, 8, 2), table[:, 16].astype(int)]
    return Dataset(
        "pendigits", *parts, "accuracy",
        Quoted(0.977, "1-NN"), Quoted(0.97, f"LSTM-FCN, {MLSTM_FCN}"), False,
        f"10 classes, {len(parts[1])} / {len(parts[3])}, 8 x 2; test writers are not in training.",
    )  # fmt: skip


def _read_fsdd(data_folder):
    """Spoken digits as 13 MFCC per frame, ragged; the file is shuffled, every 10th is test."""
    with np.load(Path(data_folder) / "fsdd_mfcc" / "digits.npz") as file:
        values, lengths, y = file["X"], file["lengths"], file["y"]
    X = np.split(values, np.cumsum(lengths)[:-1])
    is_test = np.arange(len(y)) % 10 == 9
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return Dataset(
        "fsdd_mfcc", take(X, train), y[train], take(X, test), y[test], "accuracy",
        Quoted(0.950, "LDA on 4 segment means"), NOTHING, False,
        f"10 classes, {len(train)} / {len(test)}, {lengths.min()}-{lengths.max()} steps x 13; "
        "every 10th recording (the 10th, the 20th, ...) is test; speakers are in both parts.",
    )  # fmt: skip


def _read_arem_file(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                # Separators differ between files and lines: commas, spaces, a stray tab.
                rows.append([float(cell) for cell in re.split(r"[,\s]+", line.strip().strip(","))])
    table = np.array(rows)
    if table.shape != (480, 7):
        raise ValueError(f"{path}: expected 480 rows of time and 6 signals, got {table.shape}.")
    return table[:, 1:]  # the clock is the same in every file


def _read_arem(data_folder):
    """Activities from 6 radio signals; half of each activity is training, drawn with seed 0.

    The published split (39 test sequences: .8974, .9231 and .7692 are 35, 36 and 30 of 39) was
    never released as a list of files, and the published runs kept the clock as a 7th signal, so
    their numbers and ours are not on the same test sequences.
    """
    folder = Path(data_folder) / "arem"
    activities = sorted(path.name for path in folder.iterdir() if path.is_dir())
    paths = [
        path
        for activity in activities
        for path in sorted(
            (folder / activity).glob("dataset*.csv"), key=lambda p: int(re.sub(r"\D", "", p.stem))
        )
    ]
    X = np.stack([_read_arem_file(path) for path in paths])
    y = np.array([path.parent.name for path in paths])
    halves = StratifiedShuffleSplit(n_splits=1, train_size=0.5, random_state=0)
    train, test = (np.sort(half) for half in next(halves.split(X, y)))
    return Dataset(
        "arem", X[train], y[train], X[test], y[test], "accuracy",
        Quoted(0.769, f"DTW on another split, {MLSTM_FCN}"),
        Quoted(0.923, f"MLSTM-FCN (LSTM-FCN 0.897) on another split, {MLSTM_FCN}"), False,
        f"{len(activities)} classes, {len(train)} / {len(test)}, 480 x 6; own stratified halves "
        "(StratifiedShuffleSplit, random_state=0), since the published split is not public.",
    )  # fmt: skip


# -- regression ----------------------------------------------------------------------------------


def _forward_fill(column):
    """Repeat the last known value over NaN; NaN before the first known value stay."""
    last = np.maximum.accumulate(np.where(np.isnan(column), 0, np.arange(len(column))))
    return column[last]


def _read_beijing_pm25(data_folder, *, n_steps=12, interpolated=False):
    """Hourly air quality: the last 12 hours of all signals, PM2.5 of the next hour; 2014 is test.

    Missing PM2.5 (2,067 hours): in the inputs the last known value is repeated, as one could have
    done at the time; a window whose target is missing is dropped, and so are the first hours,
    before the first known value. Wind direction is one column per direction, PM2.5 comes first.

    The numbers quoted with the data (last value again: 21.9) come from filling gaps by linear
    interpolation, targets included; ``interpolated=True`` reproduces those windows. It lets the
    inputs see beyond a gap, up to the target itself, so it is here only for comparison.
    """
    with open(Path(data_folder) / "beijing_pm25" / "pollution.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    target = np.array([float("nan") if r["pm2.5"] == "NA" else float(r["pm2.5"]) for r in rows])
    if interpolated:
        known = ~np.isnan(target)
        hours = np.arange(len(target))
        interpolation = np.interp(hours, hours[known], target[known])
        target = np.where(hours < known.argmax(), np.nan, interpolation)
        rule = "missing PM2.5 interpolated in inputs and targets, which looks ahead."
    else:
        rule = "missing PM2.5 carried forward in the inputs, dropped as target."
    wind = np.array([r["cbwd"] for r in rows])
    weather = np.array([[float(r[k]) for k in ("DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")]
                        for r in rows])  # fmt: skip
    values = np.column_stack(
        [_forward_fill(target), weather, wind[:, None] == np.unique(wind)[None, :]]
    ).astype(np.float32)
    # windows[i] holds rows i .. i + n_steps - 1, and its target is row i + n_steps.
    windows = np.lib.stride_tricks.sliding_window_view(values, n_steps, axis=0)[:-1]
    windows = windows.transpose(0, 2, 1)
    target, year = target[n_steps:], np.array([int(r["year"]) for r in rows])[n_steps:]
    usable = ~np.isnan(target) & ~np.isnan(windows).any(axis=(1, 2))
    train, test = usable & (year < 2014), usable & (year == 2014)
    return Dataset(
        "beijing_pm25_interpolated" if interpolated else "beijing_pm25",
        windows[train], target[train], windows[test], target[test], "rmse",
        Quoted(20.8, "HistGradientBoostingRegressor, gaps interpolated (last value 21.9)"),
        Quoted(26.50, "LSTM, trained on 2010, tested on the rest: another split"), True,
        f"{train.sum()} / {test.sum()}, {n_steps} x {values.shape[1]}, one hour ahead; "
        f"training 2010-2013, test 2014; {rule}",
    )  # fmt: skip


def _read_nyc_taxi(data_folder, *, n_steps=48):
    """Taxi passengers per half hour: the last day as a univariate table, the next half hour.

    The last fifth of the series is test (it holds three of the five labelled anomalies, New Year
    and a blizzard among them, so errors there are larger than in training).
    """
    path = Path(data_folder) / "nab" / "data" / "realKnownCause" / "nyc_taxi.csv"
    with open(path, encoding="utf-8") as file:
        series = np.array([float(row["value"]) for row in csv.DictReader(file)])
    X = np.lib.stride_tricks.sliding_window_view(series, n_steps)[:-1].copy()
    y = series[n_steps:]
    n_train = int(0.8 * len(y))
    return Dataset(
        "nyc_taxi", X[:n_train], y[:n_train], X[n_train:], y[n_train:], "rmse",
        NOTHING, NOTHING, True,
        f"{n_train} / {len(y) - n_train}, {n_steps} x 1, half an hour ahead; last fifth is test.",
    )  # fmt: skip


def make_adding_problem(n_sequences, *, n_timesteps=600, seed=0, dtype=np.float32):
    """Draw sequences of the adding problem.

    Feature 0 is uniform on [0, 1); feature 1 is zero but for two ones at distinct random places;
    the target is the sum of the two values marked. Predicting 1 always has an MSE of 1/6.

    Parameters
    ----------
    n_sequences : int
    n_timesteps : int, default=600
    seed : int or numpy.random.Generator, default=0
    dtype : dtype, default=float32

    Returns
    -------
    X : ndarray of shape (n_sequences, n_timesteps, 2)
    y : ndarray of shape (n_sequences,)

    References
    ----------
    S. Hochreiter, J. Schmidhuber, Long short-term memory (1997); in the form of
    arXiv:1803.01271, section 5.
    """
    if n_timesteps < 2:
        raise ValueError(f"n_timesteps must be at least 2, got {n_timesteps}.")
    rng = np.random.default_rng(seed)
    X = np.zeros((n_sequences, n_timesteps, 2), dtype=dtype)
    X[:, :, 0] = rng.random((n_sequences, n_timesteps), dtype=np.float32)
    rows = np.arange(n_sequences)
    first = rng.integers(n_timesteps, size=n_sequences)
    second = rng.integers(n_timesteps - 1, size=n_sequences)
    second += second >= first  # uniform over the places that are not the first
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, X[rows, first, 0] + X[rows, second, 0]


_READERS = {
    "pendigits": _read_pendigits,
    "fsdd_mfcc": _read_fsdd,
    "arem": _read_arem,
    "beijing_pm25": _read_beijing_pm25,
    "beijing_pm25_interpolated": partial(_read_beijing_pm25, interpolated=True),
    "nyc_taxi": _read_nyc_taxi,
}
CLASSIFICATION = (*_UCR, "pendigits", "fsdd_mfcc", "arem")
REGRESSION = ("beijing_pm25", "nyc_taxi")
OPTIONAL = ("beijing_pm25_interpolated",)


def read_dataset(name, data_folder):
    """Read one data set by name.

    Parameters
    ----------
    name : str
        One of ``CLASSIFICATION + REGRESSION + OPTIONAL``; another raises ValueError.
    data_folder : path-like
        The folder that holds ``ucr/``, ``pendigits/``, ``arem/`` and so on.

    Returns
    -------
    Dataset
    """
    if name in _UCR:
        return _read_ucr(name, data_folder)
    if name not in _READERS:
        known = ", ".join(CLASSIFICATION + REGRESSION + OPTIONAL)
        raise ValueError(f"Unknown data set {name!r}; choose among {known}.")
    return _READERS[name](data_folder)
