"""Death in hospital from the first 48 hours in intensive care.

    python benchmarks/tasks/physionet2012.py DATA_FOLDER

PhysioNet / CinC Challenge 2012, set A: 4,000 stays, 37 variables measured now and then, four facts
about the patient (age, gender, height, kind of unit). 13.9 % of the patients died. Five folds, the
number of the stay modulo 5, scored by the area under the ROC curve.

A step is an hour, a value the mean of what was measured in it, NaN where nothing was; more than
nine of ten values are missing. `SequenceImputer` repeats the last value and adds for each variable
whether it was measured in this hour and the time since it last was. The facts stand in every hour.
Beside it, logistic regression on summaries of each variable over the 48 hours. Values beyond
the 0.1 and 99.9 percentiles of the training part are errors more often than not (a temperature of 0
degrees), and set to these, for both. Parameters are chosen in each fold by cross-validation within its training part.
"""

import argparse
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_text,
    over_seeds,
    search,
    timed_fit,
    write_table,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgru import GRUClassifier
from skgru.preprocessing import SequenceImputer

N_HOURS, N_FOLDS = 48, 5
FACTS = ("Age", "Gender", "Height", "ICUType")
SEVERITY = "SAPS-I"  # a severity score that physicians use, computed from the first 24 hours
PUBLISHED = "GRU-D 0.842, GRU with forward filling about 0.82 (arXiv:1606.01865)"


class Stays(NamedTuple):
    """Hourly means of shape (n, 48, 37) and facts of shape (n, 4), NaN where unknown."""

    hours: np.ndarray
    facts: np.ndarray
    died: np.ndarray
    severity: np.ndarray


def read(data_folder):
    """Return the `Stays`."""
    with np.load(Path(data_folder) / "physionet2012" / "set_a.npz") as file:
        stay = np.repeat(np.arange(len(file["counts"])), file["counts"])
        hour = np.minimum(file["minute"] // 60, N_HOURS - 1)
        variable, value = file["variable"], file["value"].astype(np.float64)
        names, outcomes = list(file["variables"]), file["outcomes"]
        columns = list(file["outcome_names"])
    shape = (stay.max() + 1, N_HOURS, len(names))
    known = value != -1
    places = np.ravel_multi_index((stay[known], hour[known], variable[known]), shape)
    sums = np.bincount(places, value[known], np.prod(shape)).reshape(shape)
    numbers = np.bincount(places, minlength=np.prod(shape)).reshape(shape)
    means = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    is_fact = np.isin(names, FACTS)
    return Stays(
        means[:, :, ~is_fact],
        means[:, 0, is_fact],
        outcomes[:, columns.index("In-hospital_death")],
        outcomes[:, columns.index(SEVERITY)],
    )


def clipped(hours, training):
    """Values at most as extreme as the 0.1 and 99.9 percentiles of the stays of `training`."""
    low, high = np.nanpercentile(hours[training], [0.1, 99.9], axis=(0, 1))
    return np.clip(hours, low, high)


def summaries(hours):
    """Mean, deviation, extremes, first and last value and number of hours with one, each variable."""
    known = ~np.isnan(hours)
    rows, columns = np.indices((len(hours), hours.shape[2]))
    first, last = known.argmax(axis=1), N_HOURS - 1 - known[:, ::-1].argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of variables never measured
        return np.hstack(
            [
                np.nanmean(hours, axis=1),
                np.nanstd(hours, axis=1),
                np.nanmin(hours, axis=1),
                np.nanmax(hours, axis=1),
                hours[rows, first, columns],
                hours[rows, last, columns],
                known.sum(axis=1),
            ]
        )


def measure_logistic(stays, train, test, strength):
    """AUC of logistic regression on summaries and facts."""
    table = np.hstack([summaries(clipped(stays.hours, train)), stays.facts])
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=strength, max_iter=2000),
    )
    model.fit(table[train], stays.died[train])
    return {"auc": auc(model, table[test], stays.died[test])}


def auc(model, X, y):
    return float(roc_auc_score(y, model.predict_proba(X)[:, 1]))
