"""Errors of forecasts, relative to the error of a naive forecast."""

from collections.abc import Mapping

import numpy as np
from sklearn.utils import check_consistent_length


def mase(y_true, y_pred, y_train, *, seasonality=1, sample_weight=None):
    """Mean absolute scaled error of forecasts.

    The mean absolute error of the forecast, divided by the mean absolute error, within the
    training part, of predicting each value by the value one season before (Hyndman and Koehler
    [1]_). Below 1, the forecast is better than these naive forecasts. The result for several
    series is the mean of their errors.

    Parameters
    ----------
    y_true, y_pred : array-like
        The true values and the forecasts: shape (horizon,) for one series; an
        array or frame of shape (horizon, n_series), or a list or dict of series, for several.
        Steps that are NaN in `y_true` are left out.
    y_train : array-like
        The series before the forecast, in the same layout. Differences that involve a NaN are
        left out.
    seasonality : int, default=1
        Number of steps of a season; 1 compares with the previous value.
    sample_weight : array-like of shape (n_series,), default=None
        Weights of the series.

    Returns
    -------
    error : float
        0 is perfect.

    Raises
    ------
    ValueError
        If the training part of a series repeats itself every season, so that its scale is 0, or is
        not longer than a season; the message names the series.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
       International Journal of Forecasting 22 (2006).

    Examples
    --------
    >>> from skgru.metrics import mase
    >>> mase([6.0, 8.0], [5.0, 8.0], y_train=[1.0, 2.0, 4.0, 5.0])
    0.375
    """
    if seasonality != int(seasonality) or seasonality < 1:
        raise ValueError(f"seasonality should be a whole number of steps, got {seasonality!r}.")
    true = _as_series(y_true, "y_true")
    pred = _matching(true, _as_series(y_pred, "y_pred"), "y_pred")
    train = _matching(true, _as_series(y_train, "y_train"), "y_train")
    errors = [
        _error(true[name], pred[name], where=_called(name))
        / _scale(train[name], int(seasonality), where=_called(name))
        for name in true
    ]
    check_consistent_length(errors, sample_weight)
    return float(np.average(errors, weights=sample_weight))


def _as_series(y, name):
    """Return {name or number: series}; the name of a single series is None."""
    if isinstance(y, Mapping):
        found = dict(y)
    elif hasattr(y, "columns"):
        found = {column: y[column] for column in y.columns}
    elif isinstance(y, (list, tuple)) and any(np.ndim(item) for item in y):
        found = dict(enumerate(y))
    else:
        array = np.asarray(y)
        found = dict(enumerate(array.T)) if array.ndim == 2 else {None: array}
    found = {key: np.asarray(series, np.float64) for key, series in found.items()}
    for key, series in found.items():
        if series.ndim != 1:
            raise ValueError(
                f"{name} has shape {series.shape} for {_called(key)}; it should be 1-D."
            )
    if not found:
        raise ValueError(f"{name} has no series.")
    return found


def _called(name):
    return "the series" if name is None else f"series {name!r}"


def _matching(true, other, name):
    """`other` under the names of `true`: by name where both have names, else by position."""
    if len(true) != len(other):
        raise ValueError(f"{name} has {len(other)} series, but y_true has {len(true)}.")
    if set(true) == set(other):
        return other
    numbered = [None], list(range(len(true)))
    if list(true) in numbered or list(other) in numbered:
        return dict(zip(true, other.values(), strict=True))
    missing = next(key for key in true if key not in other)
    raise ValueError(f"{name} has no series {missing!r}, which y_true has.")


def _error(true, pred, where):
    if len(true) != len(pred):
        raise ValueError(f"y_true has {len(true)} steps, but y_pred has {len(pred)}, for {where}.")
    known = ~np.isnan(true)
    if not known.any():
        raise ValueError(f"y_true has no known value for {where}.")
    if not np.isfinite(pred[known]).all():
        raise ValueError(f"y_pred is not finite for {where}.")
    return np.abs(true - pred)[known].mean()


def _scale(train, seasonality, where):
    if len(train) <= seasonality:
        raise ValueError(
            f"y_train has {len(train)} steps for {where}; a seasonality of {seasonality} needs at "
            f"least {seasonality + 1}."
        )
    differences = np.abs(train[seasonality:] - train[:-seasonality])
    differences = differences[~np.isnan(differences)]
    scale = differences.mean() if len(differences) else 0.0
    if scale == 0:
        raise ValueError(
            f"The scale of {where} is 0: y_train repeats itself with a season of {seasonality}, or "
            "has no two known values that are that many steps apart. Leave this series out."
        )
    return scale
