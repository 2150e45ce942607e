"""The data sets in the package: counts, ranges and splits as published."""

import doctest
import sys
from importlib.resources import files

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from skgru import datasets
from skgru.datasets import _loaders, load_japanese_vowels, load_nyc_taxi, load_pendigits

LOADERS = [getattr(datasets, name) for name in datasets.__all__]
SIZES = {
    load_japanese_vowels: {"train": 270, "test": 370},
    load_pendigits: {"train": 7494, "test": 3498},
    load_nyc_taxi: {"train": 7296, "test": 2928},
}


def as_rows(X):
    return np.concatenate([np.atleast_2d(x) for x in X])


@pytest.mark.parametrize("load", LOADERS)
class TestEveryLoader:
    @pytest.mark.parametrize("subset", ["train", "test"])
    def test_sizes(self, load, subset):
        bunch = load(subset=subset)
        assert len(bunch.data) == len(bunch.target) == SIZES[load][subset]
        assert bunch.target.ndim == 1
        assert bunch.data[0].dtype == np.float64
        assert len(bunch.feature_names) == bunch.data[0].shape[-1]

    def test_all_is_train_followed_by_test(self, load):
        parts = [load(subset=subset) for subset in ("train", "test")]
        whole = load(subset="all")
        for key in set(whole) - {"DESCR", "feature_names", "target_names"}:
            expected = [x for part in parts for x in part[key]]
            assert len(whole[key]) == len(expected)
            for got, want in zip(whole[key], expected, strict=True):
                np.testing.assert_array_equal(got, want)

    @pytest.mark.parametrize("subset", ["train", "test", "all"])
    def test_return_X_y(self, load, subset):
        X, y = load(subset=subset, return_X_y=True)
        bunch = load(subset=subset)
        np.testing.assert_array_equal(as_rows(X), as_rows(bunch.data))
        np.testing.assert_array_equal(y, bunch.target)

    def test_the_default_is_the_training_part(self, load):
        np.testing.assert_array_equal(load().target, load(subset="train").target)

    def test_results_belong_to_the_caller(self, load):
        X, y = load(return_X_y=True)
        X[0][:] = -1e9
        y[:] = 0
        again = load()
        assert as_rows(again.data).min() > -10
        assert again.target.any()

    @pytest.mark.parametrize("subset", ["valid", "Train", None, ["train"]])
    def test_bad_subset(self, load, subset):
        with pytest.raises(ValueError, match=f"'subset' parameter of {load.__name__} must be"):
            load(subset=subset)

    def test_arguments_are_keywords(self, load):
        with pytest.raises(TypeError):
            load("train")

    def test_description_names_source_and_licence(self, load):
        description = load().DESCR
        for part in (":Source:", ":Licence:", ":Changes:", "https://doi.org/"):
            assert part in description


def test_japanese_vowels():
    train, test = load_japanese_vowels(), load_japanese_vowels(subset="test")
    assert np.bincount(train.target).tolist() == [0] + [30] * 9
    assert np.bincount(test.target).tolist() == [0, 31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = [len(x) for x in train.data + test.data]
    assert (min(lengths), max(lengths)) == (7, 29)
    assert {x.shape[1] for x in train.data + test.data} == {12}
    assert len(train.target_names) == 9
    # As printed in the file it comes from.
    assert train.data[0][0, :3].tolist() == [1.860936, -0.207383, 0.261557]
    rows = as_rows(train.data + test.data)
    assert -1.9 < rows.min() < rows.max() < 2.3
    assert (np.abs(rows).max(axis=0) > 0.3).all()


def test_japanese_vowels_can_be_told_apart_by_mean_and_spread():
    def features(X):
        return [np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in X]

    X_train, y_train = load_japanese_vowels(return_X_y=True)
    X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
    model = LinearDiscriminantAnalysis().fit(features(X_train), y_train)
    assert model.score(features(X_test), y_test) == pytest.approx(0.978, abs=0.001)


def test_pendigits():
    train, test = load_pendigits(), load_pendigits(subset="test")
    assert train.data.shape[1:] == test.data.shape[1:] == (8, 2)
    assert np.bincount(train.target).tolist() == [
        780, 779, 780, 719, 780, 720, 720, 778, 719, 719,
    ]  # fmt: skip
    assert np.bincount(test.target).tolist() == [
        363, 364, 364, 336, 364, 335, 336, 364, 336, 336,
    ]  # fmt: skip
    # Every digit was scaled so that it fills the range in one direction at least.
    assert (np.ptp(train.data, axis=1).max(axis=1) == 100).all()
    assert train.data[0, :2].tolist() == [[47, 100], [27, 81]]
    assert train.target[0] == 8


def test_the_nearest_neighbour_recognises_pendigits():
    X_train, y_train = load_pendigits(return_X_y=True)
    X_test, y_test = load_pendigits(return_X_y=True, subset="test")
    model = KNeighborsClassifier(1).fit(X_train.reshape(-1, 16), y_train)
    assert model.score(X_test.reshape(-1, 16), y_test) == pytest.approx(0.977, abs=0.001)


def test_nyc_taxi_series():
    taxi = load_nyc_taxi(subset="all")
    assert taxi.series.shape == taxi.timestamps.shape == (10320,)
    assert (np.diff(taxi.timestamps) == np.timedelta64(30, "m")).all()
    assert str(taxi.timestamps[0]) == "2014-07-01T00:00"
    assert str(taxi.timestamps[-1]) == "2015-01-31T23:30"
    assert taxi.series[:2].tolist() == [10844, 8127]
    assert taxi.series[-1] == 26288
    assert (taxi.series.min(), taxi.series.max()) == (8, 39197)


@pytest.mark.parametrize("subset", ["train", "test"])
def test_nyc_taxi_windows_are_cut_from_the_series_of_the_subset(subset):
    taxi = load_nyc_taxi(subset=subset)
    assert len(taxi.target) == len(taxi.series) - 48
    for i in (0, 100, len(taxi.target) - 1):
        np.testing.assert_array_equal(taxi.data[i], taxi.series[i : i + 48])
        assert taxi.target[i] == taxi.series[i + 48]
        assert taxi.target_timestamps[i] == taxi.timestamps[i + 48]


def test_nyc_taxi_is_split_in_time_and_no_window_reaches_over_the_border():
    train, test = load_nyc_taxi(), load_nyc_taxi(subset="test")
    border = np.datetime64("2014-12-01T00:00")
    assert train.timestamps.max() < border == test.timestamps.min()
    assert train.target_timestamps.max() < border
    day = np.timedelta64(1, "D")
    assert (test.target_timestamps - day).min() == border


def test_the_day_repeats_itself():
    X, y = load_nyc_taxi(return_X_y=True, subset="test")
    assert 0.7 < np.corrcoef(X[:, 0], y)[0, 1] < np.corrcoef(X[:, -1], y)[0, 1] < 1


@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_nyc_taxi_as_frames(subset):
    plain, found = (load_nyc_taxi(subset=subset, as_frame=as_frame) for as_frame in (False, True))
    assert np.array_equal(found.data, plain.data)
    assert np.array_equal(found.target, plain.target)
    assert list(found.data.columns) == plain.feature_names
    assert np.array_equal(found.data.index, plain.target_timestamps)
    assert np.array_equal(found.series.loc[found.target.index], found.target)
    assert list(found.frame.columns) == [*plain.feature_names, "passengers"]
    assert np.array_equal(found.frame["passengers"], plain.target)
    X, y = load_nyc_taxi(subset=subset, as_frame=True, return_X_y=True)
    assert X.equals(found.data) and y.equals(found.target)


def test_japanese_vowels_as_frames():
    plain, found = load_japanese_vowels(), load_japanese_vowels(as_frame=True)
    for frame, array in zip(found.data, plain.data, strict=True):
        assert list(frame.columns) == plain.feature_names
        assert np.array_equal(frame, array)
    assert np.array_equal(found.target, plain.target)
    assert found.target.name == "speaker"


@pytest.mark.parametrize("load", [load_nyc_taxi, load_japanese_vowels])
def test_frames_need_pandas(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=f"{load.__name__} with as_frame=True needs pandas"):
        load(as_frame=True)


def test_every_file_is_attributed():
    folder = files("skgru.datasets") / "data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        if path.name.endswith(".npz"):
            row = next(line for line in readme.splitlines() if f"`{path.name}`" in line)
            assert "commit `" in row
            assert "CC BY 4.0" in row or "MIT" in row
            assert (folder / path.name.replace(".npz", ".rst")).is_file()


def test_examples():
    assert doctest.testmod(_loaders).failed == 0
