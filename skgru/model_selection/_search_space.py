"""What is worth trying for sequences, a search over it, and a vote of what it found."""

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skgru.metrics import step_scorer
from skgru.preprocessing import SequenceDifferences, SequenceFrames, SequenceScaler

# Epochs of the last round over those of the first. If it were larger, the first round would prefer
# what learns fastest, such as frames, to what learns best.
_FACTOR = 3


def search_space(estimator):
    """Return a Pipeline and what is worth trying for its parameters.

    These are the first two arguments of scikit-learn's searches, such as
    `sklearn.model_selection.RandomizedSearchCV`. The Pipeline has two steps. What is tried for

    - ``prepare`` is nothing; each sequence scaled by itself, with the logarithm of its scale as a
      further feature (`skgru.SequenceScaler`); first differences as further features
      (`skgru.SequenceDifferences`); both; frames of 16 steps that begin every 4 or 8 steps
      (`skgru.SequenceFrames`); differences in frames. Estimators that predict every step of a
      sequence get no frames,
    - ``gru``, the estimator, are ``bidirectional``, ``pooling`` if it has one,
      ``hidden_layer_sizes``, ``learning_rate_init`` and ``alpha``. Its other parameters stay as
      they are.

    Parameters
    ----------
    estimator : GRUClassifier, GRURegressor, GRUStepClassifier or GRUStepRegressor
        Not fitted; the Pipeline holds a clone. X must consist of numbers.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        It prepares nothing until its parameters are set.
    param_distributions : dict
        A list of values for each parameter of the Pipeline. It may be changed: delete what shall
        not be tried, add values or parameters.

    Raises
    ------
    TypeError
        If `estimator` is not one of those above.

    See Also
    --------
    make_search : A halving search over this space.

    Examples
    --------
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from skgru import GRUClassifier
    >>> from skgru.datasets import load_japanese_vowels
    >>> from skgru.model_selection import search_space
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> pipeline, distributions = search_space(GRUClassifier(max_iter=2, random_state=0))
    >>> distributions["gru__hidden_layer_sizes"] = [8, (8, 8)]
    >>> search = RandomizedSearchCV(pipeline, distributions, n_iter=2, cv=2, random_state=0)
    >>> search = search.fit(X[::9], y[::9])
    >>> sorted(search.best_params_)[-2:]
    ['gru__pooling', 'prepare']
    """
    is_instance = hasattr(estimator, "get_params") and not isinstance(estimator, type)
    has = estimator.get_params(deep=False) if is_instance else {}
    if not {"hidden_layer_sizes", "learning_rate_init", "bidirectional"} <= has.keys():
        raise TypeError(
            "estimator must be a GRUClassifier, GRURegressor, GRUStepClassifier or "
            f"GRUStepRegressor, as it is and not in a Pipeline, got {estimator!r}."
        )
    scale, differences = SequenceScaler(scope="sequence", add_scale=True), SequenceDifferences()
    distributions = {
        "prepare": ["passthrough", scale, differences, make_pipeline(scale, differences)],
        "gru__bidirectional": [False, True],
        "gru__hidden_layer_sizes": [32, 64],
        "gru__learning_rate_init": [0.003, 0.01],
        "gru__alpha": [1e-4, 1e-2],
    }
    if "pooling" in has:  # others have a target for every step, so the steps must stay as they are
        distributions["prepare"] += [_frames(4), _frames(8), _frames(8, differences)]
        distributions["gru__pooling"] = ["max", ("last", "mean", "max")]
    pipeline = Pipeline([("prepare", "passthrough"), ("gru", clone(estimator))])
    return pipeline, distributions


def make_search(estimator, *, n_candidates=18, random_state=None, **options):
    """Return a halving search over `search_space`, ready to be fitted.

    `n_candidates` pipelines are drawn. All are trained for a third of ``max_iter`` epochs, and the
    best third of them for ``max_iter``; the best of these is then trained on all data. Each is
    trained and scored in three folds, drawn twice and stratified where y has one class for each
    sequence. What is compared is

    - the log loss of a classifier: with few sequences, many pipelines have the same accuracy,
    - the log loss of all steps of a classifier of steps,
    - the estimator's own ``score`` in regression.

    Parameters
    ----------
    estimator : GRUClassifier, GRURegressor, GRUStepClassifier or GRUStepRegressor
        Not fitted. Parameters that are not searched have its values, and ``max_iter`` is the number
        of epochs of the last round.
    n_candidates : int, default=18
        Number of pipelines that are drawn.
    random_state : int, RandomState instance or None, default=None
        Draws the pipelines and the folds. Training has the ``random_state`` of `estimator`.
    **options : dict
        Further arguments of `sklearn.model_selection.HalvingRandomSearchCV`, such as
        ``n_jobs=-1``, or other values of those that are set here: sequences in order of time need
        ``cv=TimeSeriesSplit()``, a multilabel y needs ``scoring="accuracy"`` and ``cv=5``.

    Returns
    -------
    search : sklearn.model_selection.HalvingRandomSearchCV
        Not fitted.

    Raises
    ------
    TypeError
        If `estimator` is not one of those above.

    See Also
    --------
    search_space : The Pipeline and what is tried, for other searches.
    make_vote : A vote of the pipelines of the last round.

    Notes
    -----
    `best_score_` is optimistic, because it was the best of many. Score the search on data that it
    was not given, or with `sklearn.model_selection.cross_val_score`.

    References
    ----------
    K. Jamieson and A. Talwalkar, Non-stochastic best arm identification and hyperparameter
    optimization, AISTATS 2016, arXiv:1502.07943.

    Examples
    --------
    >>> from skgru import GRUClassifier
    >>> from skgru.datasets import load_japanese_vowels
    >>> from skgru.model_selection import make_search
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> model = GRUClassifier(max_iter=9, random_state=0)
    >>> search = make_search(model, n_candidates=3, random_state=0).fit(X[::9], y[::9])
    >>> search.best_params_["gru__max_iter"]
    9
    """
    # scikit-learn offers the class only after this import, as its interface may still change.
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    pipeline, distributions = search_space(estimator)
    # All rounds must have the same folds: scikit-learn wants an int for that.
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    defaults = {
        "factor": _FACTOR,
        "resource": "gru__max_iter",
        "min_resources": max(1, estimator.max_iter // _FACTOR),
        "max_resources": estimator.max_iter,
        "n_candidates": n_candidates,
        "scoring": _scoring(estimator),
        "cv": _folds(estimator)(n_splits=3, n_repeats=2, random_state=seed),
        "random_state": seed,
    }
    return HalvingRandomSearchCV(pipeline, distributions, **{**defaults, **options})


def make_vote(search):
    """Return a vote of the pipelines of the last round of `make_search`, ready to be fitted.

    Where sequences are few, the best of the last round is hardly better than the others, and their
    mean is often better than any of them: they look at the data in different ways. The vote
    averages probabilities in classification and predictions in regression.

    Parameters
    ----------
    search : sklearn.model_selection.HalvingRandomSearchCV
        Fitted, also with ``refit=False``; of a GRUClassifier or GRURegressor.

    Returns
    -------
    vote : sklearn.ensemble.VotingClassifier or sklearn.ensemble.VotingRegressor
        Not fitted. It has the `n_jobs` of `search`.

    Raises
    ------
    NotFittedError
        If `search` is not fitted.
    TypeError
        If `search` is not a halving search, or one of estimators that predict every step.

    Examples
    --------
    >>> from skgru import GRUClassifier
    >>> from skgru.datasets import load_japanese_vowels
    >>> from skgru.model_selection import make_search, make_vote
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> model = GRUClassifier(max_iter=9, random_state=0)
    >>> search = make_search(model, n_candidates=6, random_state=0).fit(X[::9], y[::9])
    >>> len(make_vote(search).fit(X[::9], y[::9]).estimators_)
    2
    """
    check_is_fitted(search, "cv_results_")
    results = search.cv_results_
    if "iter" not in results or not (is_classifier(search) or is_regressor(search)):
        raise TypeError(
            "search must be what make_search returns for a GRUClassifier or GRURegressor, got "
            f"{search!r}."
        )
    (last,) = np.nonzero(results["iter"] == results["iter"].max())
    members = [
        (
            f"candidate{i}",
            clone(search.estimator).set_params(**clone(results["params"][i], safe=False)),
        )
        for i in last
    ]
    if is_regressor(search):
        return VotingRegressor(members, n_jobs=search.n_jobs)
    return VotingClassifier(members, voting="soft", n_jobs=search.n_jobs)


def _frames(step, *before):
    return make_pipeline(*map(clone, before), SequenceFrames(16, step))


def _scoring(estimator):
    if is_classifier(estimator):
        return "neg_log_loss"
    if hasattr(estimator, "predict_proba"):  # of every step
        return step_scorer("neg_log_loss")
    return None


def _folds(estimator):
    return RepeatedStratifiedKFold if is_classifier(estimator) else RepeatedKFold
