"""Checkpoint: a callback that stores the model during a fit, for another process to finish."""

import os
import time
from numbers import Integral, Real
from pathlib import Path

from skgru._persistence import save
from skgru._warnings import warn
from skgru.base import Interval, validate_parameter_constraints

from ._callbacks import HAS_CALLBACKS
from ._predictions import Predictions


class Checkpoint:
    """Store the model during a fit, so that the fit can be finished if its process ends.

    It is one of scikit-learn's callbacks, which exist from version 1.9 on:
    ``model.set_callbacks(Checkpoint("model.joblib")).fit(X, y)``. The file holds a model that
    predicts as if the fit had ended after the epoch at which it was written, and the state of
    training. After ``model = skgru.load("model.joblib")``, the call
    ``model.set_params(warm_start=True).fit(X, y)`` with the same data trains for the epochs that
    are missing. The result is equal to the last bit to that of a fit that was never interrupted.

    At every moment the file is the one before or the one after, never a part of one. It is
    written last at the end of the fit, so a fit that has nothing left to do returns at once.

    Parameters
    ----------
    path : str or path-like
        Where to store the model: a file, in a folder that exists.
    every_n_epochs : int, default=None
        Store the model after every epoch whose number is a multiple of this.
    every_minutes : float, default=None
        Store the model after an epoch if this much time has passed since it was last stored. If
        neither interval is given, it is stored once a minute; if both are, at either.

    Raises
    ------
    ImportError
        If scikit-learn is older than 1.9.
    ValueError, TypeError
        If an interval is not positive, or a parameter is of another type.

    Notes
    -----
    Each fit writes to `path`. Fits that run in parallel, as in a search, need a checkpoint each, or
    they replace one another's files. If the file cannot be written, a warning says why, and
    training goes on.

    A checkpoint is a pickle: load only files that you trust.

    Examples
    --------
    >>> import skgru
    >>> from skgru import Checkpoint, GRURegressor
    >>> from skgru.datasets import load_nyc_taxi
    >>> X, y = load_nyc_taxi(return_X_y=True)  # doctest: +SKIP
    >>> model = GRURegressor(max_iter=50, random_state=0)
    >>> model.set_callbacks(Checkpoint("model.joblib")).fit(X, y)  # doctest: +SKIP
    >>> # in another process, after this one was killed
    >>> model = skgru.load("model.joblib").set_params(warm_start=True)  # doctest: +SKIP
    >>> model.set_callbacks(Checkpoint("model.joblib")).fit(X, y)  # doctest: +SKIP
    """

    _parameter_constraints = {
        "path": [str, os.PathLike],
        "every_n_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "every_minutes": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, path, every_n_epochs=None, every_minutes=None):
        if not HAS_CALLBACKS:
            raise ImportError(
                "Checkpoint needs the callbacks of scikit-learn 1.9 or newer, and an older version "
                "is installed."
            )
        validate_parameter_constraints(
            self._parameter_constraints,
            {"path": path, "every_n_epochs": every_n_epochs, "every_minutes": every_minutes},
            caller_name=type(self).__name__,
        )
        if every_n_epochs is None and every_minutes is None:
            every_minutes = 1
        self.path, self.every_n_epochs, self.every_minutes = path, every_n_epochs, every_minutes
        self._last_stored = -float("inf")

    def setup(self, estimator, context):
        """Check, at the beginning of a fit, that the model can be stored."""
        if not isinstance(estimator, Predictions):
            raise TypeError(
                f"Checkpoint stores the models of skgru, not a {type(estimator).__name__}. Call "
                "set_callbacks of the model itself, also where it is a step of a Pipeline."
            )
        path = Path(self.path).absolute()
        if path.is_dir():
            raise IsADirectoryError(
                f"path is {str(self.path)!r}, which is a folder. Name a file in it, for example "
                f"{str(Path(self.path) / 'model.joblib')!r}."
            )
        folder = path.parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"path is {str(self.path)!r}, but there is no folder {str(folder)!r}. Create it "
                "first."
            )
        self._last_stored = time.monotonic()

    def teardown(self, estimator, context):
        """Do nothing at the end of a fit."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing at the beginning of an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Store the model, at the end of a fit or of an epoch for which it is due."""
        if context.task_name != "fit" and not self._is_due(fitted_estimator.n_iter_):
            return
        try:
            save(fitted_estimator, self.path)
        except OSError as error:
            warn(f"Checkpoint could not write {str(self.path)!r}, and training goes on: {error}")
        self._last_stored = time.monotonic()

    def _is_due(self, n_epochs):
        if self.every_n_epochs is not None and n_epochs % self.every_n_epochs == 0:
            return True
        passed = time.monotonic() - self._last_stored
        return self.every_minutes is not None and passed >= 60 * self.every_minutes
