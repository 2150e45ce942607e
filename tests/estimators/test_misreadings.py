"""Data that are probably meant in another way: an error, or a warning that says how X is read."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceFrames,
    SequenceScaler,
    sliding_windows,
)

from .problems import small

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(30, 50)).cumsum(axis=1)
HOURS = pd.date_range("2024-01-01", periods=40, freq="h")


def weather(index=None):
    """A series of 40 hours, with features in very different units."""
    return pd.DataFrame(
        {
            "temp": RNG.normal(15, 8, 40),
            "pressure": RNG.normal(1000, 300, 40),
            "load": np.arange(40),
        },
        index=index,
    )


def fit_regressor(X):
    small().fit(X, np.arange(len(X)) % 5)


def fit_scaler(X):
    SequenceScaler().fit(X)


def fit_steps(X):
    small(GRUStepRegressor).fit(X, np.zeros(np.shape(X)[:2]))


FITS = pytest.mark.parametrize("fit", [fit_regressor, fit_scaler, fit_steps])


# --- a series that is read as a table of sequences ----------------------------------------------


@FITS
@pytest.mark.parametrize(
    "index",
    [HOURS, HOURS.to_period(), HOURS - HOURS[0], pd.Index(HOURS.date)],
    ids=lambda i: i.dtype,
)
def test_rows_of_time_are_refused(fit, index):
    message = (
        r"times \(\w*Index\).*40 sequences of 3 steps.*pass \[X\].*skgru.sliding_windows\(X, 24\)"
    )
    with pytest.raises(ValueError, match=message):
        fit(weather(index))
    fit(weather(index).to_numpy())
    with pytest.raises(ValueError, match=r"rows are times .*40 sequences of 1 step"):
        fit(weather(index)[["temp"]])
    if fit is fit_regressor:
        small().fit([weather(index)], [1.0])


def test_the_windows_that_the_message_names():
    X = weather(HOURS)
    windows = sliding_windows(X, 24)
    assert windows.shape == (17, 24, 3)
    np.testing.assert_array_equal(windows[5], X[5:29])


@FITS
def test_rows_of_several_levels_are_refused(fit):
    index = pd.MultiIndex.from_product([range(4), range(10)])
    X = weather(index)[["temp"]]
    with pytest.raises(
        ValueError, match=r"several levels.*40 sequences of 1 step.*groupby\(level=0\)"
    ):
        fit(X)
    fit(X.to_numpy())
    if fit is fit_regressor:
        fit([x for _, x in X.groupby(level=0)])


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier, GRUStepRegressor])
def test_a_frame_in_long_format(estimator):
    X = pd.DataFrame({"id": np.repeat(np.arange(6), 5), "t": np.tile(np.arange(5), 6)})
    X["value"] = SIGNAL[:30, 0]
    message = (
        r"inconsistent numbers of samples.*30 sequences of 3 steps.*6 targets.*X.groupby\('id'\)"
    )
    for y in (np.arange(6) % 2, pd.Series(np.arange(6) % 2), [0, 1] * 3):
        with pytest.raises(ValueError, match=message):
            small(estimator).fit(X, y)
    with pytest.raises(ValueError, match="X has 30 sequences, y has 6 (targets|entries)"):
        small(estimator).fit(X.to_numpy(), [0, 1] * 3)
    with pytest.raises(ValueError, match="X has 30 sequences, y has 31 (targets|entries)"):
        small(estimator).fit(X, np.arange(31) % 2)
    if estimator is not GRUStepRegressor:
        small(estimator).fit([x.drop(columns="id") for _, x in X.groupby("id")], [0, 1] * 3)


@FITS
@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_very_different_spread(fit, library):
    X = library.DataFrame(weather().to_dict("list"))
    with pytest.warns(UserWarning, match=r"40 sequences of 3 steps with 1 feature.*pass \[X\]"):
        fit(X)
    with pytest.warns(UserWarning, match="very different spreads"):
        fit(X[["load", "temp", "pressure"]][:20])
    fit(X[["temp", "load"]])
    fit(X.to_numpy())


@FITS
@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_very_different_mean(fit, library):
    noise = RNG.normal(size=40)
    X = library.DataFrame(
        {"temp": 20 + 5 * noise, "press": 1000 + 10 * noise, "hum": 50 + 2 * noise}
    )
    with pytest.warns(UserWarning, match=r"very different means.*40 sequences of 3 steps.*\[X\]"):
        fit(X)
    fit(X[["temp", "hum"]])
    fit(X.to_numpy())


NOISE = np.random.default_rng(1).normal(size=(40, 4))


@pytest.mark.parametrize(
    "X",
    [
        [100, 300, 350, 250] + NOISE,  # a daily profile with little noise
        [1, 40, 90, 30] + 5 * NOISE,  # one from nearly zero, with more noise
        [1000, 1100, 1210, 1331] + NOISE,  # a trend
        [0, 1000, 5, 1000] + [0, 100, 0, 100] * NOISE,  # with a constant column
        1000 + NOISE[:, [0, 0, 0, 0]].cumsum(axis=0),  # lags
    ],
)
def test_series_whose_means_move(X):
    fit_regressor(pd.DataFrame(X, columns=["night", "morning", "noon", "evening"]))


def test_means_may_jump_in_columns_that_count():
    X = [20, 1000, 50, 1000] + NOISE
    fit_regressor(pd.DataFrame(X, columns=[f"t-{i}" for i in range(3, -1, -1)]))
    with pytest.warns(UserWarning, match="very different means"):
        fit_regressor(pd.DataFrame(X, columns=list("abcd")))


@FITS
@pytest.mark.parametrize("library", [pd, pl])
def test_a_frame_of_one_column(fit, library):
    X = library.DataFrame({"load": np.arange(40.0)})
    with pytest.warns(UserWarning, match=r"40 sequences of 1 step.*pass \[X\]"):
        fit(X)
    fit(X.to_numpy())


def test_days_of_very_different_hours():
    X = pd.DataFrame(SIGNAL[:, :3] * [1, 1, 50], index=HOURS[:30])
    with pytest.warns(UserWarning, match="very different spreads"):
        fit_regressor(X)
    fit_regressor(X.reset_index(drop=True))


@pytest.mark.parametrize(
    "columns",
    [
        range(24),
        [f"lag_{i}" for i in range(24, 0, -1)],
        [*(f"t-{i}" for i in range(23, 0, -1)), "t"],
        [f"{i:02d}:00" for i in range(24)],
        pd.date_range("2024-01-01", periods=24),
        pd.date_range("2024-01-31", periods=24).astype(str),
    ],
)
def test_days_in_rows_and_hours_in_columns(columns):
    fit_regressor(pd.DataFrame(SIGNAL[:, :24], columns=columns, index=HOURS[:30]))
    # Spreads may grow from column to column as long as these count.
    fit_regressor(pd.DataFrame(SIGNAL[:, :24] * np.arange(1, 25) ** 2, columns=columns))


@pytest.mark.parametrize(
    "columns",
    [list("abcd"), ["PM2.5", "PM10", "x1", "x2"], ["u", "1", "2", "3"], [1, 3, 2, 4]],
)
def test_columns_that_do_not_count(columns):
    X = pd.DataFrame(SIGNAL[:, :4] * [1, 1, 1, 50], columns=columns)
    with pytest.warns(UserWarning, match="very different spreads"):
        fit_regressor(X)


# --- axes ---------------------------------------------------------------------------------------


@FITS
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (30, 1, 50),
            r"30 sequences of 1 step with 50 features.*X.transpose\(0, 2, 1\)",
        ),
        ((30, 1, 2), r"1 step with 2 features.*sktime"),
        ((30, 3, 31), r"3 steps with 31 features.*list\(X\)"),
    ],
)
def test_features_before_steps(fit, shape, message):
    X = RNG.normal(size=shape)
    with pytest.warns(UserWarning, match=message):
        fit(X)
    fit(X.transpose(0, 2, 1))
    if fit is not fit_steps:
        fit(list(X))


@pytest.mark.parametrize("shape", [(30, 3, 30), (30, 1, 1), (30, 50, 3)])
def test_steps_before_features(shape):
    fit_regressor(RNG.normal(size=shape))


def test_swapped_axes_in_errors():
    model = small().fit(np.zeros((6, 50, 3)), np.arange(6))
    with pytest.raises(ValueError, match=r"has 50 features.*pass X.transpose\(0, 2, 1\)"):
        model.predict(np.zeros((6, 3, 50)))
    with pytest.raises(ValueError, match=r"has 50 features.*pass \[x.T for x in X\]"):
        model.predict([np.zeros((3, 50))])
    with pytest.raises(ValueError, match="has 50 features.*as input.$"):
        model.predict(np.zeros((6, 4, 50)))
    with pytest.raises(ValueError, match=r"sequence 1 has 7.*pass \[x.T for x in X\]"):
        model.fit([np.zeros((3, n)) for n in (5, 7, 6)], np.arange(3))


def test_transformers_may_make_many_features_of_few_steps(recwarn):
    X, y = np.random.default_rng(0).normal(size=(20, 32, 3)), np.arange(20.0)
    frames = SequenceFrames(16, 16)
    make_pipeline(frames, small()).fit(X, y)
    assert not recwarn
    with pytest.warns(UserWarning, match="transpose"):
        small().fit(np.array(frames.fit_transform(X)), y)


# --- targets ------------------------------------------------------------------------------------


def one_hot(n=30, n_classes=3):
    return np.eye(n_classes, dtype=int)[RNG.integers(0, n_classes, n)]


def test_one_hot_targets():
    X, y = SIGNAL[:, :6], one_hot()
    with pytest.warns(
        UserWarning, match=r"single 1 for each sequence.*3 labels.*y.argmax\(axis=1\)"
    ):
        small(GRUClassifier).fit(X, y)
    with pytest.warns(UserWarning, match="single 1 for each sequence"):
        small(GRUClassifier).fit(X, y.astype(float))
    small(GRUClassifier).fit(X, y.argmax(axis=1))
    small(GRUClassifier).fit(X[:2], [[0, 1], [1, 0]])
    y[7] = 1
    small(GRUClassifier).fit(X, y)
    small(GRURegressor).fit(X, one_hot())


def test_one_hot_targets_of_steps():
    X, y = SIGNAL[:, :6], one_hot(180).reshape(30, 6, 3)
    with pytest.warns(UserWarning, match=r"single 1 for each step.*y.argmax\(axis=-1\)"):
        small(GRUStepClassifier).fit(X, y)
    small(GRUStepClassifier).fit(X, y.argmax(axis=-1))


@pytest.mark.parametrize("X", [SIGNAL, SIGNAL[:, :, None], list(SIGNAL)])
def test_targets_of_steps(X):
    y = (SIGNAL > 0).astype(int)
    message = "50 columns, as many as .* 50 targets of the whole sequence.*fit a {};"
    with pytest.warns(UserWarning, match=message.format("GRUStepClassifier")):
        small(GRUClassifier).fit(X, y)
    with pytest.warns(UserWarning, match=message.format("GRUStepRegressor")):
        small(GRURegressor).fit(X, y)
    small(GRURegressor).fit(X, SIGNAL)  # a forecast as long as the window
    small(GRUClassifier).fit(X, y[:, :49])
    small(GRURegressor).fit(X, SIGNAL[:, :24])
    small(GRUStepClassifier).fit(X, y)
    small(GRUStepRegressor).fit(X, SIGNAL)


@pytest.mark.parametrize("kind", [list, np.array])
@pytest.mark.parametrize("labels", [[0, 1], ["up", "down"]])
def test_ragged_labels_of_steps(labels, kind):
    X = [SIGNAL[i, : 4 + i] for i in range(5)]
    y = [kind((labels * 4)[: len(x)]) for x in X]
    for model in (small(GRUClassifier), small(GRUClassifier).fit(X, [0, 1, 0, 1, 0])):
        with pytest.raises(ValueError, match="y at sequence 0 .*fit a GRUStepClassifier") as caught:
            model.fit(X, y)
        assert "MultiLabelBinarizer" not in str(caught.value)
    with pytest.raises(ValueError, match="MultiLabelBinarizer.*GRUStepClassifier"):
        small(GRUClassifier).fit(X, [labels, labels[:1], labels, labels, labels[:1]])
    with pytest.raises(ValueError, match="GRUStepRegressor"):
        small(GRURegressor).fit(X, [np.zeros(len(x)) for x in X])


def test_labels_of_steps_in_a_table():
    X = SIGNAL[:, :4]
    for y in (np.array([list("abcd")] * 30), RNG.integers(0, 3, (30, 4))):
        with pytest.raises(ValueError, match="fit a GRUStepClassifier") as caught:
            small(GRUClassifier).fit(X, y)
        assert "MultiOutputClassifier" not in str(caught.value)
        with pytest.raises(ValueError, match="MultiOutputClassifier"):
            small(GRUClassifier).fit(X, y[:, :3])


# --- ids ----------------------------------------------------------------------------------------

# Words are numbered in the order of the alphabet, and few of them make up most of a text.
WORDS = 1 / np.arange(1, 5001)
IDS = RNG.permutation(5000)[RNG.choice(5000, size=(120, 20), p=WORDS / WORDS.sum())]


def fit_classifier(X):
    small(GRUClassifier).fit(X, np.arange(len(X)) % 2)


def fit_tagger(X):
    small(GRUStepClassifier).fit(X, [np.arange(len(x)) % 2 for x in X])


@pytest.mark.parametrize("fit", [fit_classifier, fit_tagger])
@pytest.mark.parametrize(
    "X", [IDS, IDS.tolist(), [x[: 10 + i % 11].tolist() for i, x in enumerate(IDS)]]
)
def test_ids_as_numbers(fit, X):
    with pytest.warns(UserWarning, match=r"integers .*as measurements.*1 feature.*ids of words"):
        fit(X)


@pytest.mark.parametrize(
    "X",
    [
        IDS.astype(float),
        IDS - IDS.min() - 1,  # negative
        IDS % 1001,  # up to 1000
        IDS % 100 * 50,  # 100 values
        IDS[:, :, np.newaxis],
        np.sort(IDS, axis=None).reshape(120, 20),  # a smooth order
        IDS * 10,  # one last digit
        np.abs(SIGNAL * 300).astype(int),  # readings
        RNG.gamma(2, 300, size=(500, 1)).astype(int),
        RNG.lognormal(5, 1.5, size=(60, 50)).astype(int),
        RNG.integers(0, 5000, size=(60, 50)),
        (RNG.gamma(2, 300, size=(60, 50)).astype(int) * 3.7).astype(int),  # only some integers
        RNG.gamma(2, 300, size=(60, 50)).astype(int) * (RNG.random((60, 50)) < 0.3),
        (RNG.pareto(1.0, size=(60, 50)) * 30).astype(int),  # counts, or ids ordered by frequency
        RNG.lognormal(3, 1, size=(60, 50)).astype(int) * 100 + 99,  # prices
    ],
)
def test_integers_that_are_no_ids(X):
    fit_classifier(X)


def test_a_regressor_may_read_integers():
    fit_regressor(IDS)


# --- when ---------------------------------------------------------------------------------------


def test_warnings_are_for_the_first_fit_only():
    X, y = RNG.normal(size=(30, 1, 5)), one_hot()
    model = small(GRUClassifier, warm_start=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert len([w for w in caught if "transpose" in str(w.message)]) == 1
    assert len([w for w in caught if "argmax" in str(w.message)]) == 1
    assert {w.filename for w in caught} == {__file__}
    model.predict(X)
    model.score(X, y)
    model.fit(X, y, X_val=X, y_val=y)
    model.partial_fit(X, y)


def test_a_search_warns_once_for_each_fit():
    X, y = RNG.normal(size=(31, 1, 5)), np.arange(31.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_val_score(small(), X, y, cv=3)
    assert len(caught) == 3
