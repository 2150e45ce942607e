"""Scorers of scikit-learn for estimators that predict every step of a sequence."""

import inspect

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import MetadataRequest

from ._steps import flatten_steps


def step_scorer(score_func, *, response_method=None, greater_is_better=None, **kwargs):
    """Make a scorer that takes every step of every sequence as a sample.

    scikit-learn's own scorers take one target for each sample and fail on targets of sequences
    that differ in length. This one concatenates the steps of all sequences first
    (`flatten_steps`); it can be the `scoring` of a search or of a cross-validation.

    Parameters
    ----------
    score_func : str or callable
        Name of a scorer (`sklearn.metrics.get_scorer_names`), or a metric with the signature
        ``score_func(y_true, y_pred, **kwargs)``.
    response_method : str or tuple of str, default=None
        Method of the estimator whose result is scored, or several in order of preference, as in
        `sklearn.metrics.make_scorer`. None means "predict"; a named scorer has its own.
    greater_is_better : bool, default=None
        Whether `score_func` is a score rather than a loss, whose sign is then changed. None means
        True; a named scorer has its own.
    **kwargs : dict
        Further arguments of the metric, such as ``zero_division=0``.

    Returns
    -------
    scorer : callable
        With the signature ``scorer(estimator, X, y, sample_weight=None)``, where weights are
        as for `flatten_steps`; greater is better. It can request weights with
        ``set_score_request(sample_weight=True)``.

    Notes
    -----
    A metric of probabilities that takes `labels`, such as the log loss, is given the ``classes_``
    of the estimator, because the fold that is scored may lack a class. With two classes,
    the probability of `pos_label` is scored, or of the second class if `pos_label` is not given,
    as in scikit-learn's scorers.

    Examples
    --------
    >>> from skgru.metrics import step_scorer
    >>> step_scorer("f1_macro", zero_division=0)
    step_scorer('f1_macro', zero_division=0)
    """
    return StepScorer(score_func, response_method, greater_is_better, kwargs)


class StepScorer:
    """What `step_scorer` returns."""

    def __init__(self, score_func, response_method, greater_is_better, kwargs):
        self._given = score_func
        self._options = {
            name: value
            for name, value in {
                "response_method": response_method,
                "greater_is_better": greater_is_better,
                **kwargs,
            }.items()
            if value is not None
        }
        self._weight_request = None
        if isinstance(score_func, str):
            if response_method is not None or greater_is_better is not None:
                raise TypeError(
                    f"The scorer {score_func!r} has its own response_method and sign. Pass a "
                    "metric, as sklearn.metrics.make_scorer takes it, to choose them."
                )
            # scikit-learn has no public API that takes the name of a scorer to its parts.
            named = get_scorer(score_func)
            score_func, response_method = named._score_func, named._response_method
            greater_is_better, kwargs = named._sign > 0, {**named._kwargs, **kwargs}
        if not callable(score_func):
            raise TypeError(
                f"score_func should be the name of a scorer or a metric, got {score_func!r}."
            )
        self._score_func, self._kwargs = score_func, kwargs
        self._sign = -1 if greater_is_better is False else 1
        methods = response_method or "predict"
        self._methods = (methods,) if isinstance(methods, str) else tuple(methods)
        # Some callables, such as those written in C, have no signature to inspect.
        try:
            self._parameters = {
                name: parameter.default
                for name, parameter in inspect.signature(score_func).parameters.items()
            }
        except ValueError:
            self._parameters = {}

    def __call__(self, estimator, X, y, sample_weight=None):
        """Score the predictions of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Its predictions have one entry or row for each step.
        X : sequences
        y : array-like
            Targets of the steps, as for `flatten_steps`.
        sample_weight : array-like, default=None
            Weights of sequences or of steps, as for `flatten_steps`.

        Returns
        -------
        score : float
        """
        method = next((name for name in self._methods if hasattr(estimator, name)), None)
        if method is None:
            raise AttributeError(
                f"{type(estimator).__name__} has none of the methods that {self!r} needs: "
                f"{', '.join(self._methods)}."
            )
        response = getattr(estimator, method)(X)
        analyzer = _label_analyzer(estimator)
        y, response, *weight = flatten_steps(y, response, sample_weight, analyzer=analyzer)
        kwargs = dict(self._kwargs)
        classes = getattr(estimator, "classes_", None)
        # Multilabel indicators have one column for each label, not for each class.
        if method != "predict" and classes is not None and y.ndim == 1:
            if len(classes) == 2:
                response = self._of_positive(response, method, classes)
            if "labels" in self._parameters:
                kwargs.setdefault("labels", classes)
        if weight:
            kwargs.update(self._usable_weight(*weight))
        return self._sign * self._score_func(y, response, **kwargs)

    def _of_positive(self, response, method, classes):
        """The column of the positive class of two, or decisions that are greater for it."""
        positive = self._kwargs.get("pos_label", self._parameters.get("pos_label"))
        if positive in (None, inspect.Parameter.empty):
            positive = classes[1]
        found = np.flatnonzero(np.asarray(classes) == positive)
        if len(found) == 0:
            raise ValueError(
                f"pos_label={positive!r} is none of the classes {np.asarray(classes).tolist()}; "
                "pass it to step_scorer."
            )
        if response.ndim == 2:
            return response[:, found[0]]
        return response if method != "decision_function" or found[0] == 1 else -response

    def _usable_weight(self, weight):
        """Weights as an argument of the metric; steps of weight 0 have already been removed."""
        if "sample_weight" in self._parameters:
            return {"sample_weight": weight}
        if (weight != weight[0]).any():
            raise ValueError(
                f"The metric of {self!r} takes no sample_weight; only weights that are 0 or all "
                "the same can be used with it."
            )
        return {}

    def __repr__(self):
        given = self._given
        name = repr(given) if isinstance(given, str) else getattr(given, "__name__", repr(given))
        options = "".join(f", {option}={value!r}" for option, value in self._options.items())
        return f"step_scorer({name}{options})"

    # -- what scikit-learn asks scorers about weights ---------------------------------------------

    def _accept_sample_weight(self):
        # A search asks this where metadata routing is off.
        return True

    def set_score_request(self, *, sample_weight):
        """Say whether a search or a cross-validation passes weights on to this scorer.

        Parameters
        ----------
        sample_weight : bool, None or str
            As in `sklearn.metrics.make_scorer`; a string is the name under which the weights are
            passed.

        Returns
        -------
        scorer : callable
            This scorer.
        """
        self._weight_request = sample_weight
        return self

    def get_metadata_routing(self):
        """Return the `sklearn.utils.metadata_routing.MetadataRequest` of this scorer."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self._weight_request)
        return request

    def _routing_repr(self):
        return repr(self)


def _label_analyzer(estimator):
    """How a model, or that of a Pipeline or a search, cuts strings of labels in y."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            break
    if not hasattr(estimator, "_label_analyzer"):
        return "char"
    return estimator._label_analyzer(estimator._target())
