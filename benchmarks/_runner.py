"""Fit, score, remember: what the accuracy benchmarks have in common.

A *cell* is one fit and one score. It is named by its data, its split and the parameters that
differ from the defaults, and finished cells are kept in a file of results, so that a run that was
stopped goes on where it was. The package itself, its defaults included, is not in the name: each
cell records a hash of the sources instead, and `Store.sources` lets a report say that there were
several. Delete the file to measure everything again.
"""

import hashlib
import importlib.util
import time
import warnings
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import _results
import numpy as np
from _data import Dataset, take
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit


def gru_estimators():
    """Return the estimators with their pure defaults, by the metric they are scored with."""
    from skgru import GRUClassifier, GRURegressor

    return {"accuracy": GRUClassifier(), "rmse": GRURegressor()}


class Result(NamedTuple):
    """What a cell measured: score, seconds of the fit, hash of the sources, log loss of classes."""

    score: float
    seconds: float
    source: str
    log_loss: float | None = None


class Store:
    """Finished results in one file, written after every change.

    Parameters
    ----------
    path : path-like
        Read if it exists.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._content = _results.read(self.path) if self.path.exists() else {}

    def get(self, section, key):
        """Return what was put there, or None."""
        return self._content.get(section, {}).get(key)

    def put(self, section, key, value):
        """Remember `value` (of JSON types) and write the file."""
        self._content.setdefault(section, {})[key] = value
        _results.write(self.path, self._content)

    def result(self, cell):
        """Return the `Result` of a cell, or None."""
        found = (self.get("cells", cell.candidate) or {}).get(cell.place)
        return None if found is None else Result(*found)

    def put_result(self, cell, result):
        """Remember the `Result` of a cell, and the versions that measured it."""
        group = self.get("cells", cell.candidate) or {}
        self.put_versions()
        self.put("cells", cell.candidate, group | {cell.place: list(result)})

    def put_versions(self):
        """Remember the versions that measure from now on."""
        self._content["versions"] = _results.versions("scikit-learn", "numpy")

    def measured_with(self):
        """Return a sentence about the versions that measured the cells."""
        found = self._content.get("versions", {})
        return f"Measured with {', '.join(f'{name} {v}' for name, v in found.items())}."

    def sources(self, cells):
        """Return the hashes of the package sources that `cells` were measured with."""
        results = (self.result(cell) for cell in cells)
        return {result.source for result in results if result is not None}


@dataclass(frozen=True)
class Cell:
    """One fit and one score.

    Attributes
    ----------
    data : Dataset
    estimator : estimator
        Not fitted; cloned before the fit.
    label : str
        What progress lines call it.
    split : tuple of (str, ndarray of int, ndarray of int), optional
        Name, training and validation rows, both inside the training part. Without it the whole
        training part is fitted and the test part scored.
    """

    data: Dataset
    estimator: BaseEstimator
    label: str
    split: tuple | None = None

    @cached_property
    def candidate(self):
        """The data, the class of the estimator, and the parameters that are not its defaults."""
        defaults = type(self.estimator)().get_params()
        params = {
            name: value
            for name, value in sorted(self.estimator.get_params().items())
            # Neither says which model is meant: the seed is in `place`.
            if name not in ("n_jobs", "random_state") and repr(value) != repr(defaults[name])
        }
        told = ", ".join(f"{name}={value!r}" for name, value in params.items())
        size = f"{len(self.data.y_train)} sequences"
        return f"{self.data.name}, {size}, {type(self.estimator).__name__}({told})"

    @property
    def place(self):
        """The split and the seed."""
        split = "test" if self.split is None else self.split[0]
        return f"{split}, seed {self.estimator.random_state}"

    def evaluate(self):
        """Fit and score; return a `Result`."""
        data = self.data
        if self.split is None:
            X_fit, y_fit, X_eval, y_eval = data.X_train, data.y_train, data.X_test, data.y_test
        else:
            _, fit_rows, eval_rows = self.split
            X_fit, y_fit = take(data.X_train, fit_rows), data.y_train[fit_rows]
            X_eval, y_eval = take(data.X_train, eval_rows), data.y_train[eval_rows]
        estimator = clone(self.estimator)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X_fit, y_fit)
        seconds = time.perf_counter() - start
        loss = None
        if data.metric == "accuracy":
            probabilities = estimator.predict_proba(X_eval)
            loss = log_loss(y_eval, probabilities, labels=estimator.classes_)
            loss = round(float(loss), 6)
        score = float(_score(estimator, X_eval, y_eval, data.metric))
        return Result(score, round(seconds, 3), source_hash(), loss)


def _score(estimator, X, y, metric):
    predicted = estimator.predict(X)
    if metric == "accuracy":
        return accuracy_score(y, predicted)
    return root_mean_squared_error(y, predicted)


@cache
def source_hash():
    """Hash of the sources of the installed package; "none" where it cannot be imported."""
    found = importlib.util.find_spec("skgru")
    if found is None or found.origin is None:
        return "none"
    digest = hashlib.sha256()
    for path in sorted(Path(found.origin).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def configured(estimator, *, seed, **params):
    """Return a clone with `params`, one thread and `random_state=seed`."""
    return clone(estimator).set_params(**params, random_state=seed, n_jobs=1)


def folds(data, n_repeats, *, n_splits=3):
    """Return the cross-validation splits of the training part.

    Stratified and shuffled anew for each repeat; where rows are in order of time, each
    validation fold comes after its training rows, and the repeats share the folds.

    Returns
    -------
    splits : list of (repeat, (name, training rows, validation rows))
    """
    splits = []
    for repeat in range(n_repeats):
        if data.ordered:
            splitter = TimeSeriesSplit(n_splits)
        else:
            splitter = StratifiedKFold(n_splits, shuffle=True, random_state=repeat)
        for number, (fit_rows, eval_rows) in enumerate(
            splitter.split(np.zeros(len(data.y_train)), data.y_train)
        ):
            name = f"repeat {repeat} fold {number + 1}/{n_splits}"
            splits.append((repeat, (name, fit_rows, eval_rows)))
    return splits


def run_cells(store, cells, *, jobs=1, deadline=None):
    """Evaluate the cells that `store` lacks and return the results of all, in order.

    Parameters
    ----------
    store : Store
    cells : list of Cell
    jobs : int
        Cells evaluated at the same time.
    deadline : float, optional
        Value of ``time.monotonic()`` after which no further cell is started.

    Returns
    -------
    results : list of (Result or None)
        None for a cell that raised (its error is printed, and it is tried again next time) or
        was not started before the deadline.
    """
    missing = {(c.candidate, c.place): c for c in cells if store.result(c) is None}
    missing = list(missing.values())

    def in_time():
        for number, cell in enumerate(missing):
            if deadline is not None and time.monotonic() > deadline:
                return
            yield delayed(_evaluate_safely)(number, cell)

    # Few cells are dispatched ahead, or a deadline would be noticed late.
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs)
    for done, (number, result, error) in enumerate(parallel(in_time()), 1):
        cell = missing[number]
        if error is not None:
            outcome = f"failed: {error}"
        else:
            store.put_result(cell, result)
            outcome = f"{result.score:.4g} after {result.seconds:.1f} s"
        where = "test" if cell.split is None else cell.split[0]
        print(f"[{done}/{len(missing)}] {cell.data.name}, {cell.label}, {where}: {outcome}",
              flush=True)  # fmt: skip
    return [store.result(cell) for cell in cells]


def _evaluate_safely(number, cell):
    # One parameter set that fails must not end a run of hours.
    try:
        return number, cell.evaluate(), None
    except Exception as error:
        return number, None, f"{type(error).__name__}: {error}"


# -- search on the training part -----------------------------------------------------------------

# One group of parameters after another, each from the best so far: about 15 candidates.
# By metric.  Noisy windows of one series are another problem than few clean sequences.
STAGES = {
    "accuracy": (
        ("pooling", [{"pooling": p} for p in ("last", "mean", "max", "attention",
                                              ("last", "mean", "max"))]),
        ("size", [{"hidden_layer_sizes": size, "bidirectional": both}
                  for size in (64, 128, (64, 64)) for both in (False, True)]),
        ("rate", [{"learning_rate_init": rate} for rate in (1e-3, 3e-3, 1e-2, 2e-2)]),
        ("dropout", [{"dropout": rate} for rate in (0.0, 0.2, 0.5)]),
        ("length", [{"max_iter": n} for n in (20, 50, 100, 200)]),
    ),
    "rmse": (
        ("dropout", [{"dropout": a, "recurrent_dropout": b}
                     for a, b in ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.4, 0.4))]),
        ("rate", [{"learning_rate_init": rate} for rate in (1e-3, 3e-3, 1e-2)]),
        ("length", [{"max_iter": n} for n in (10, 20, 50, 100)]),
        ("pooling", [{"pooling": p} for p in ("last", "attention", ("last", "mean", "max"))]),
        ("size", [{"hidden_layer_sizes": size} for size in (32, 64, 128)]),
    ),
}  # fmt: skip


def n_candidates(metric):
    """Candidates of a complete search, the defaults included."""
    return 1 + sum(len(values) for _, values in STAGES[metric])


def last_quarter(data):
    """One split of rows in order of time: the last quarter validates."""
    rows = np.arange(len(data.y_train))
    start = len(rows) - len(rows) // 4
    return [(0, ("last quarter", rows[:start], rows[start:]))]


def search(store, data, estimator, *, n_repeats, jobs=1, budget=None):
    """Choose parameters by staged cross-validation; the test part is never looked at.

    Each stage tries a few values of one group of parameters on top of the best found so far,
    starting from the defaults. The highest mean accuracy wins, the lower mean log loss where
    accuracies are equal (lowest mean RMSE in regression).

    Parameters
    ----------
    store : Store
    data : Dataset
    estimator : estimator
        With its defaults.
    n_repeats : int
        Repeats of 3-fold cross-validation, each with its own folds and `random_state`; rows in
        order of time are validated on their last quarter, once.
    jobs : int
    budget : float, optional
        Seconds after which no further fit is started. Candidates with missing folds do not count.

    Returns
    -------
    params : dict
        What to set on top of the defaults.
    log : list of dict
        Every candidate with its mean scores; what a stage lacked for want of time is left out.
    """
    deadline = None if budget is None else time.monotonic() + budget
    # The cells get no test part at all, so no slip here could read it.
    data = replace(data, X_test=None, y_test=None)
    splits = last_quarter(data) if data.ordered else folds(data, n_repeats)
    params, best, log = {}, None, []
    for stage, options in (("defaults", [{}]), *STAGES[data.metric]):
        candidates = []
        for option in options:
            candidate = {**params, **option}
            candidates.append(
                [
                    Cell(data, configured(estimator, seed=repeat, **candidate), str(candidate), s)
                    for repeat, s in splits
                ]
            )
        flat = [cell for cells in candidates for cell in cells]
        run_cells(store, flat, jobs=jobs, deadline=deadline)
        base = params
        for option, cells in zip(options, candidates, strict=True):
            results = [store.result(cell) for cell in cells]
            if None in results:
                continue
            merit = _merit(data, results)
            log.append(
                {
                    "stage": stage,
                    "params": {name: _plain(v) for name, v in {**base, **option}.items()},
                    "score": float(np.mean([r.score for r in results])),
                    "seconds": round(sum(r.seconds for r in results), 1),
                }
            )
            if best is None or merit > best:
                best, params = merit, {**base, **option}
    return params, log


def _merit(data, results):
    """Something to compare candidates by: greater is better."""
    score = np.mean([r.score for r in results])
    if not data.higher_is_better:
        return (-score,)
    # Rounded, so that the same number of right answers is the same accuracy.
    return (round(float(score), 9), -np.mean([r.log_loss for r in results]))


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def as_params(plain):
    """Turn the lists that JSON makes of tuples back into tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()}


# -- text ----------------------------------------------------------------------------------------


def markdown_table(header, rows):
    """Return a Markdown table; numbers must be formatted already."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def format_score(value, metric):
    """Three decimals for accuracy, two for errors, "-" for None."""
    if value is None:
        return "-"
    return f"{value:.3f}" if metric == "accuracy" else f"{value:.2f}"
