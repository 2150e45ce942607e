"""Windows of long series, with targets ahead of them."""

from numbers import Integral

import numpy as np

from skgru.data import as_numbers


def sliding_windows(X, length, *, step=None, target=None, horizon=1):
    """Cut a series, or several, into windows of equal length, and take targets from what follows.

    Parameters
    ----------
    X : array-like of shape (n_times,) or (n_times, n_features), str, or list of these
        One series: an array, a pandas or polars Series or frame, a list of numbers, or a text. Its
        rows are its steps, in the order of time. A list holds several series; a list of words in
        it is cut as a text is. (The estimators read a 2D table in the other direction, as one
        univariate series in each row: for a set of such series pass ``list(X)``.)
    length : int
        Number of steps of a window.
    step : int, default=None
        Number of steps from one window to the next. By default 1, and `length` for texts, which
        are cut into pieces that do not overlap.
    target : int, str, list of int or str, or array-like of shape (n_times,) or \
            (n_times, n_targets), default=None
        What to predict: a column of X by its number or its name, several columns, or an array,
        Series or frame with a row for each step of X. For several series in a list, it is a column
        of each, or a list with an array for each. The only column of a univariate series is 0.
        None returns windows alone.
    horizon : int or iterable of int, default=1
        How many steps after the last step of its window a target lies. With several, such as
        ``range(1, 13)``, there is a target for each. Without `target` it has no meaning.

    Returns
    -------
    windows : ndarray of shape (n_windows, length) or (n_windows, length, n_features), or list
        The windows, in the order of time. They are read-only views of X that take no memory of
        their own (a list of numbers, and a frame whose columns differ in type, are converted once,
        before they are cut). For several series it is a list of all their windows, one series
        after the other. Windows of a text are a list of str.
    y : ndarray, Series or frame of shape (n_windows,), (n_windows, n_targets) or \
            (n_windows, n_horizons)
        Only with `target`: the target of each window. That of a single pandas series keeps its
        index, so that ``y.index`` has the times that are predicted (except with several horizons,
        which give an array).

    Raises
    ------
    ValueError
        If a series is too short for a single window with its target, if there is no such column,
        or if `length`, `step` or `horizon` is not positive. The message names the series and the
        number of steps that are needed.
    TypeError, ValueError
        If X or the target has another form than those described.

    Notes
    -----
    Windows **overlap** unless ``step >= length``. A split at random puts nearly the same window
    into both parts, and scores are then far too good. Split in time, and leave out the windows that
    share steps with both parts::

        TimeSeriesSplit(gap=(length + horizon - 1) // step)

    With several horizons the largest counts. For early stopping, pass the latest windows as `X_val`
    and `y_val`, as the part that is held out otherwise is drawn at random.

    Window ``i`` of a series consists of its steps ``i * step`` to ``i * step + length - 1``, of
    which the last has the time ``frame.index[length - 1 :: step][i]``. Steps at the end that do not
    fill a window are left out. A list of several series gives as many windows of each as
    ``1 + (len(series) - length - horizon) // step`` (with ``horizon = 0`` if there is no target),
    in this order; `numpy.repeat` makes groups for `GroupKFold` of these numbers.

    Estimators read views without copying them as a whole. The column of the target is a feature,
    too, as its past is known.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Folds in the order of time, with a gap.

    Examples
    --------
    >>> import numpy as np
    >>> from skgru import sliding_windows
    >>> sliding_windows(np.arange(5), 3)
    array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4]])
    >>> X, y = sliding_windows(np.arange(12).reshape(6, 2), 3, target=1, horizon=2)
    >>> X.shape, y
    ((2, 3, 2), array([ 9, 11]))
    >>> sliding_windows("to be or not to be", 6)
    ['to be ', 'or not', ' to be']
    """
    several = isinstance(horizon, (list, tuple, range, np.ndarray))
    horizons = [_positive(h, "horizon") for h in (horizon if several else [horizon])]
    if not horizons:
        raise ValueError("horizon is empty. Give it one number of steps at least.")
    cut = _Cut(
        length=_positive(length, "length"),
        step=None if step is None else _positive(step, "step"),
        horizons=np.array(horizons) if several else None,
        ahead=0 if target is None else max(horizons),
    )
    if not _holds_series(X):
        return cut(X, target, "X")
    if len(X) == 0:
        raise ValueError("X is an empty list, which holds no series.")
    targets = [target] * len(X)
    if isinstance(target, (list, tuple)) and not _names_columns(target):
        targets = target
        if len(target) != len(X):
            raise ValueError(
                f"X is a list of {len(X)} series, target has {len(target)} items. Give an array "
                "for each series, or name the column."
            )
    parts = [cut(x, t, f"series {i} of X") for i, (x, t) in enumerate(zip(X, targets, strict=True))]
    if target is None:
        return [window for windows in parts for window in windows]
    windows = [window for windows, _ in parts for window in windows]
    return windows, np.concatenate([np.asarray(y) for _, y in parts])


def _positive(number, name):
    if isinstance(number, Integral) and not isinstance(number, bool) and number > 0:
        return int(number)
    raise ValueError(f"{name} is {number!r}, but must be a positive integer.")


def _holds_series(X):
    """Whether X is a list of several series, and not a single one."""
    if isinstance(X, np.ndarray):
        X = X if X.dtype == object and X.ndim == 1 else ()
        return any(np.ndim(x) > 0 for x in X)
    return isinstance(X, (list, tuple)) and not (X and all(_is_number(x) for x in X))


def _is_number(x):
    return np.ndim(x) == 0 and not isinstance(x, str)


class _Cut:
    """How series are cut.

    Parameters
    ----------
    length, step : int
        As in `sliding_windows`; `step` may be None.
    horizons : ndarray of int, or None
        None if there is a single one, `ahead`.
    ahead : int
        How many steps after its window the last target lies; 0 without targets.
    """

    def __init__(self, *, length, step, horizons, ahead):
        self.length, self.step, self.horizons, self.ahead = length, step, horizons, ahead

    def __call__(self, series, target, name):
        """The windows of one series, and their targets if there is a `target`."""
        if isinstance(series, str) or _is_list_of_words(series):
            return self._cut_text(series, target, name)
        table = _as_table(series, name)
        n_windows = self._count(len(table), name)
        step = self.step or 1
        windows = np.lib.stride_tricks.sliding_window_view(table, self.length, axis=0)
        windows = windows[:n_windows:step]
        if table.ndim == 2:
            windows = windows.transpose(0, 2, 1)
        if target is None:
            return windows
        y = _target_of_steps(series, table, target, name)
        first = self.length - 1
        if self.horizons is None:
            rows = slice(first + self.ahead, None, step)
            return windows, y.iloc[rows] if hasattr(y, "iloc") else np.asarray(y)[rows]
        y = np.asarray(y)
        if y.ndim > 1:
            raise ValueError(
                f"target has {y.shape[1]} columns and there are {len(self.horizons)} horizons. "
                "Choose one column, or one horizon."
            )
        last = np.arange(first, first + n_windows, step)
        return windows, y[last[:, np.newaxis] + self.horizons]

    def _cut_text(self, text, target, name):
        if target is not None:
            raise ValueError("target is for series of numbers, but X holds text.")
        step = self.step or self.length
        starts = range(0, self._count(len(text), name), step)
        return [text[start : start + self.length] for start in starts]

    def _count(self, n_steps, name):
        """The number of windows at every step of a series, or an error if there is none."""
        needed = self.length + self.ahead
        if n_steps >= needed:
            return n_steps - needed + 1
        why = f"length={self.length}"
        if self.ahead:
            why = f"a window of {why} and a target {self.ahead} step(s) after it"
        raise ValueError(
            f"{name[0].upper()}{name[1:]} has {n_steps} step(s), but {why} needs {needed}: its "
            "rows are read as steps. Shorten the windows, or leave the series out."
        )


def _is_list_of_words(series):
    return isinstance(series, (list, tuple)) and any(isinstance(x, str) for x in series)


def _as_table(series, name):
    """One series as an array (n_times,) or (n_times, n_features)."""
    index = getattr(series, "index", None)
    if getattr(index, "nlevels", 1) > 1:
        raise ValueError(
            f"{name} has rows with labels of several levels. If the first level names the series "
            "and the rows are their steps, pass [x for _, x in X.groupby(level=0)]."
        )
    if isinstance(series, dict):
        raise TypeError(f"{name} is a dict. If its values are series, pass list(X.values()).")
    is_symbols = isinstance(series, np.ndarray) and series.dtype.kind == "U"
    table = series if is_symbols else as_numbers(series, name, ("step", "feature"))
    if table.ndim not in (1, 2):
        remedy = " If its first axis counts series, pass list(X)." if table.ndim == 3 else ""
        raise ValueError(
            f"{name} has {table.ndim} dimensions (shape={table.shape}), but a series has the shape "
            f"(n_times,) or (n_times, n_features).{remedy}"
        )
    return table


def _names_columns(target):
    return all(isinstance(t, (str, Integral)) for t in target)


def _target_of_steps(series, table, target, name):
    """What `target` is at each step of a series."""
    if isinstance(target, (list, tuple)):
        if not target:
            raise ValueError("target is an empty list. Name a column, or leave it at None.")
        if not _names_columns(target):
            raise TypeError(
                "target is a list, but not of numbers or names of columns. Pass values of the "
                "target as an array, a Series or a frame."
            )
        columns = [_column(series, table, t, name) for t in target]
        if hasattr(series, "iloc") and series.ndim == 2:
            return series[[column.name for column in columns]]
        return np.column_stack(columns)
    if isinstance(target, (str, Integral)):
        return _column(series, table, target, name)
    shape = np.shape(target)
    if len(shape) not in (1, 2) or shape[0] != len(table):
        raise ValueError(
            f"target has the shape {shape}, but {name} has {len(table)} steps. Give it a row for "
            "every step of the series, not for every window."
        )
    return target


def _column(series, table, target, name):
    """A column of a series, by its number or its name."""
    if isinstance(target, str):
        names = list(getattr(series, "columns", [getattr(series, "name", None)]))
        if target not in names:
            raise ValueError(
                f"target={target!r} is not among the columns of {name}, {names}. For what is not "
                "in X, pass an array with a row for each step."
            )
        return series[target] if hasattr(series, "columns") else series
    n_columns = 1 if table.ndim == 1 else table.shape[1]
    if not -n_columns <= target < n_columns:
        raise ValueError(
            f"target={target}, but {name} has {n_columns} column(s), numbered from 0. For what is "
            "not in X, pass an array with a row for each step."
        )
    if hasattr(series, "iloc"):
        return series.iloc[:, target] if series.ndim == 2 else series
    return table if table.ndim == 1 else table[:, target]
