"""Permutation importance of the features and of stretches of time of sequences.

scikit-learn's `permutation_importance` permutes the columns of a table. Here a column is a feature
with all its steps, or a stretch of time with all its features.
"""

from numbers import Integral

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from ._steps import Steps


def permutation_importance(
    model, X, y, *, by="feature", n_windows=10, n_repeats=5, scoring=None, sample_weight=None,
    random_state=None, n_jobs=None,
):  # fmt: skip
    """Measure how much the score of a model drops when a part of the sequences is exchanged.

    In turn, each feature (or each stretch of time) is exchanged between sequences at random, so
    that it no longer tells anything about the target, and the model predicts again [1]_. The
    importance of a feature is the score on X minus that score. Use data that the model was not
    trained on, as the importance is then that for new sequences.

    A sequence gets the feature of another sequence as a whole, in its order, so that the course of
    the feature stays what it was and only its relation to the target and to the other features is
    lost. Where the lengths differ, the course is stretched: a step takes the value from the same
    relative time, rounded to a step, of the other sequence. Sequences of equal length exchange
    their values unchanged. (To exchange single steps instead would also destroy the order in time,
    and the model would be asked about courses that never occur.)

    Parameters
    ----------
    model : estimator
        A fitted estimator that predicts from sequences; also a Pipeline or a search.
    X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
        The sequences, in the form that the model accepts. They are copied, never changed.
    y : array-like
        Their targets, or whatever `scoring` compares predictions with.
    by : {"feature", "time"}, default="feature"
        What is exchanged: a feature at all steps, or all features in a stretch of time.
    n_windows : int, default=10
        Only with ``by="time"``: into how many stretches of equal relative length every sequence is
        cut. In a sequence of fewer steps some of them are empty.
    n_repeats : int, default=5
        How many times each part is exchanged.
    scoring : str or callable, default=None
        A scorer of scikit-learn, such as "neg_log_loss", or a callable ``scorer(model, X, y)``, for
        example of `skgru.metrics.step_scorer`. None means the method ``score`` of the model.
    sample_weight : array-like, default=None
        Weights, passed on to the scorer.
    random_state : int, RandomState instance or None, default=None
        Determines who exchanges with whom. All parts have the same exchanges.
    n_jobs : int or None, default=None
        Number of processes, as in `joblib.Parallel`. Each copies X once at a time.

    Returns
    -------
    result : Bunch
        With the attributes

        importances_mean : ndarray of shape (n_parts,)
            Mean importance over the repeats, of each feature or stretch.
        importances_std : ndarray of shape (n_parts,)
            Standard deviation over the repeats.
        importances : ndarray of shape (n_parts, n_repeats)
            All importances.
        feature_names : list of str or None
            With ``by="feature"``: the names of the columns if X consists of frames. (The columns of
            a single frame are time steps; it has one feature.)
        windows : ndarray of shape (n_windows, 2)
            With ``by="time"``: where each stretch begins and ends, 0 being the beginning of a
            sequence and 1 its end.

    Raises
    ------
    ValueError
        If an argument is not valid, if there are fewer than two sequences, or if the longest of
        them has fewer steps than there are stretches.

    See Also
    --------
    sklearn.inspection.permutation_importance : The same for the columns of a table.

    Notes
    -----
    If two features tell the same, the importance of both is small, because the model reads the
    one where the other is exchanged.

    References
    ----------
    .. [1] L. Breiman, "Random Forests", Machine Learning 45, 2001,
       `doi:10.1023/A:1010933404324 <https://doi.org/10.1023/A:1010933404324>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from skgru import GRURegressor
    >>> from skgru.inspection import permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 3)) for length in rng.integers(5, 20, size=100)]
    >>> y = [x[:, 1].mean() for x in X]
    >>> model = GRURegressor(8, max_iter=20, random_state=0).fit(X, y)
    >>> found = permutation_importance(model, X, y, random_state=0)
    >>> int(found.importances_mean.argmax())
    1
    """
    _check_count("n_repeats", n_repeats)
    _check_count("n_windows", n_windows)
    if by not in ("feature", "time"):
        raise ValueError(f"by must be 'feature' or 'time', got {by!r}.")
    scorer = check_scoring(model, scoring=scoring)
    weight = {} if sample_weight is None else {"sample_weight": sample_weight}
    baseline = scorer(model, X, y, **weight)  # also checks X, with the model's own messages

    steps = Steps(X)
    if len(steps.lengths) < 2:
        raise ValueError("X has one sequence, but an exchange needs two at least.")
    if by == "feature":
        facts = {"feature_names": steps.feature_names}
        parts = [(slice(None), slice(i, i + 1)) for i in range(steps.n_features)]
    else:
        facts = {"windows": _windows(n_windows)}
        parts = [(rows, slice(None)) for rows in _rows_of_windows(steps, n_windows)]
    random_state = check_random_state(random_state)
    orders = [random_state.permutation(len(steps.lengths)) for _ in range(n_repeats)]
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_score_exchanged)(model, steps, y, scorer, weight, rows, features, order)
        for rows, features in parts
        for order in orders
    )
    importances = baseline - np.reshape(scores, (len(parts), n_repeats))
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        **facts,
    )


def _check_count(name, value):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")


def _windows(n_windows):
    edges = np.linspace(0, 1, n_windows + 1)
    return np.column_stack([edges[:-1], edges[1:]])


def _rows_of_windows(steps, n_windows):
    """For each stretch of time, the rows that lie in it."""
    longest = int(steps.lengths.max())
    if n_windows > longest:
        raise ValueError(
            f"n_windows is {n_windows}, but the longest sequence has {longest} steps, so that some "
            f"stretches would be empty in all sequences. Pass at most {longest}."
        )
    # The middle of step t lies at (t + 1/2) / length; whole numbers have no rounding errors.
    window = (2 * steps.time + 1) * n_windows // (2 * steps.length_of_row)
    return [np.flatnonzero(window == i) for i in range(n_windows)]


def _score_exchanged(model, steps, y, scorer, weight, rows, features, order):
    return scorer(model, steps.exchanged(order, rows, features), y, **weight)
