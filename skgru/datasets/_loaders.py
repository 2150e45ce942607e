"""Loaders of the data sets in the package.

The files under ``data`` hold integers only, compressed; ``data/README.md`` names their origin and
licence, and ``benchmarks/make_datasets.py`` makes them.
"""

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

_DATA = files("skgru.datasets") / "data"

# nyc_taxi: a window is one day of half-hours, and the last two months are for testing.
_WINDOW = 48
_TEST_START = np.datetime64("2014-12-01T00:00")

_CONSTRAINTS = {
    "subset": [StrOptions({"train", "test", "all"})],
    "return_X_y": ["boolean"],
}
_FRAME_CONSTRAINTS = {**_CONSTRAINTS, "as_frame": ["boolean"]}


@validate_params(_FRAME_CONSTRAINTS, prefer_skip_nested_validation=True)
def load_japanese_vowels(*, subset="train", return_X_y=False, as_frame=False):
    """Load JapaneseVowels: tell nine speakers apart by one utterance (classification).

    =================  ==============================================
    Classes            9 speakers
    Sequences          270 for training, 370 for testing
    Steps              7 to 29 (ragged)
    Features           12 cepstrum coefficients, -1.86 to 2.21
    =================  ==============================================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The published training part, the test part, or the first followed by the second. Each
        part is in order of the speaker.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return each utterance as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : Bunch, or tuple with `return_X_y`
        Bunch with the attributes

        data : list of ndarray of shape (length, 12)
            One array of float64 for each utterance; a step is a frame of 25.6 ms, 6.4 ms after
            the one before. With `as_frame`, DataFrames with `feature_names` as columns.
        target : ndarray of shape (n_sequences,)
            Speaker, 1 to 9. With `as_frame`, a Series.
        feature_names : list of str
            Names of the 12 features.
        target_names : ndarray of shape (9,)
            Names of the classes.
        DESCR : str
            Description, licence and source.

    Examples
    --------
    >>> from skgru.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> len(X), X[0].shape, X[1].shape
    (270, (20, 12), (26, 12))
    """
    arrays = _read("japanese_vowels")
    values = _part(arrays, "millionths", subset) / 1e6
    lengths = _part(arrays, "lengths", subset).astype(np.int64)
    # Copies, so that keeping one sequence does not keep all of them in memory.
    data = [part.copy() for part in np.split(values, np.cumsum(lengths)[:-1])]
    target = _part(arrays, "target", subset).astype(np.int64)
    feature_names = [f"cepstrum_{i}" for i in range(1, 13)]
    if as_frame:
        pandas = _import_pandas("load_japanese_vowels")
        data = [pandas.DataFrame(part, columns=feature_names) for part in data]
        target = pandas.Series(target, name="speaker")
    return _result(
        "japanese_vowels",
        return_X_y,
        data=data,
        target=target,
        feature_names=feature_names,
        target_names=np.array([f"speaker {i}" for i in range(1, 10)]),
    )


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def load_pendigits(*, subset="train", return_X_y=False):
    """Load pendigits: recognise a digit from the path of the pen (classification).

    =================  ==============================================
    Classes            10 digits
    Sequences          7494 for training, 3498 for testing
    Steps              8 points along the path
    Features           2 coordinates, 0 to 100
    =================  ==============================================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The published training part (30 writers), the test part (14 other writers), or the first
        followed by the second.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch, or tuple with `return_X_y`
        Bunch with the attributes

        data : ndarray of shape (n_sequences, 8, 2)
            Coordinates as float64, whole numbers.
        target : ndarray of shape (n_sequences,)
            Digit, 0 to 9.
        feature_names : list of str
            Names of the two features.
        target_names : ndarray of shape (10,)
            Names of the classes.
        DESCR : str
            Description, licence and source.

    Examples
    --------
    >>> from skgru.datasets import load_pendigits
    >>> X, y = load_pendigits(return_X_y=True, subset="test")
    >>> X.shape
    (3498, 8, 2)
    """
    arrays = _read("pendigits")
    return _result(
        "pendigits",
        return_X_y,
        data=_part(arrays, "strokes", subset).astype(np.float64),
        target=_part(arrays, "target", subset).astype(np.int64),
        feature_names=["x", "y"],
        target_names=np.array([str(digit) for digit in range(10)]),
    )


@validate_params(_FRAME_CONSTRAINTS, prefer_skip_nested_validation=True)
def load_nyc_taxi(*, subset="train", return_X_y=False, as_frame=False):
    """Load nyc_taxi: forecast the number of taxi passengers half an hour ahead (regression).

    =================  =====================================================
    Target             passengers in half an hour, 8 to 39197
    Sequences          7296 for training, 2928 for testing
    Steps              48 half-hours, the day before the target
    Features           1 (univariate): passengers
    =================  =====================================================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        July to November 2014, December 2014 and January 2015, or the first followed by the
        second. No window crosses the boundary, neither with its steps nor with its target.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, with `target_timestamps` or `timestamps` as their index.

    Returns
    -------
    data : Bunch, or tuple with `return_X_y`
        Bunch with the attributes

        data : ndarray of shape (n_sequences, 48)
            The last 48 counts before each target, oldest first, as float64. With `as_frame`, a
            DataFrame with `feature_names` as columns.
        target : ndarray of shape (n_sequences,)
            The count to predict, as float64. With `as_frame`, a Series.
        frame : DataFrame of shape (n_sequences, 49)
            Only with `as_frame`: `data` and `target` side by side.
        target_timestamps : ndarray of shape (n_sequences,), dtype datetime64[m]
            Start of the half-hour that the target counts, in local time.
        series : ndarray of shape (n_timestamps,)
            The counts of the subset, from which the windows are cut, as int64. With `as_frame`, a
            Series.
        timestamps : ndarray of shape (n_timestamps,), dtype datetime64[m]
            Start of each half-hour of `series`.
        feature_names : list of str
            Names of the 48 columns of `data`.
        target_names : list of str
            Name of the target.
        DESCR : str
            Description, licence and source.

    Examples
    --------
    >>> from skgru.datasets import load_nyc_taxi
    >>> taxi = load_nyc_taxi()
    >>> taxi.data.shape
    (7296, 48)
    >>> print(taxi.series[:3], taxi.timestamps[0])
    [10844  8127  6210] 2014-07-01T00:00
    """
    arrays = _read("nyc_taxi")
    series = arrays["passengers"].astype(np.int64)
    timestamps = arrays["start"] + np.arange(len(series)) * np.timedelta64(30, "m")
    is_test = timestamps >= _TEST_START
    chosen = {"train": [~is_test], "test": [is_test], "all": [~is_test, is_test]}[subset]
    found = {
        "data": np.concatenate([_windows(series[part]) for part in chosen]).astype(np.float64),
        "target": np.concatenate([series[part][_WINDOW:] for part in chosen]).astype(np.float64),
        "target_timestamps": np.concatenate([timestamps[part][_WINDOW:] for part in chosen]),
        "series": np.concatenate([series[part] for part in chosen]),
        "timestamps": np.concatenate([timestamps[part] for part in chosen]),
        "feature_names": [f"passengers_lag_{lag}" for lag in range(_WINDOW, 0, -1)],
        "target_names": ["passengers"],
    }
    if as_frame:
        found |= _nyc_taxi_as_frames(**found)
    return _result("nyc_taxi", return_X_y, **found)


def _nyc_taxi_as_frames(
    data, target, target_timestamps, series, timestamps, feature_names, target_names
):
    pandas = _import_pandas("load_nyc_taxi")
    (name,) = target_names
    data = pandas.DataFrame(data, index=target_timestamps, columns=feature_names)
    target = pandas.Series(target, index=target_timestamps, name=name)
    return {
        "data": data,
        "target": target,
        "frame": pandas.concat([data, target], axis=1),
        "series": pandas.Series(series, index=timestamps, name=name),
    }


def _windows(series):
    """All windows that are followed by a target in `series`."""
    return np.lib.stride_tricks.sliding_window_view(series[:-1], _WINDOW)


def _read(name):
    """All arrays of a file, by name."""
    with (_DATA / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _part(arrays, key, subset):
    """One of the arrays that are stored for training and testing apart."""
    names = ("train", "test") if subset == "all" else (subset,)
    return np.concatenate([arrays[f"{key}_{name}"] for name in names])


def _import_pandas(function):
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{function} with as_frame=True needs pandas: pip install pandas."
        ) from error
    return pandas


def _result(name, return_X_y, **attributes):
    if return_X_y:
        return attributes["data"], attributes["target"]
    return Bunch(**attributes, DESCR=(_DATA / f"{name}.rst").read_text(encoding="utf-8"))
