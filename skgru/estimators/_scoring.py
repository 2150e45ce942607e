"""How validation data are scored after every epoch: the meaning of ``scoring``."""

import inspect
import re
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Real

import numpy as np

from skgru._warnings import warn
from skgru.base import _safe_indexing, check_X
from skgru.data import StepRows


@dataclass(frozen=True, eq=False)
class Scoring:
    """What the score of validation data is.

    Attributes
    ----------
    name : str
        Tells scores of different kinds apart, in this process and in others.
    scorer : callable or None
        A scorer of scikit-learn's kind; None for the loss and for the score of the target.
    data : tuple or None
        X, y and the keyword arguments with which the scorer is called.
    """

    name: str
    scorer: object = None
    data: tuple | None = None

    def make_score(self, kind, attributes, target, parameters):
        """Make the function that `Trainer.run` takes as ``score``.

        A scorer is called with a model that can predict whatever it is asked to.  For the
        validation data themselves, it returns what the trainer has predicted already.

        Parameters
        ----------
        kind : type
            The class of the estimator.
        attributes : dict
            All attributes of the fitted model but its parameters.
        target : Target
        parameters : ndarray
            Where the trainer has the current parameters when it calls the function.
        """
        if self.name == "loss":
            return None
        if self.name == "score":
            return target.score
        if self.data is None:
            return None
        X, y, weights = self.data
        model = kind._from_attributes(attributes)
        rows = model._rows(check_X(model, X, reset=False), target)
        scoring = f"scoring={self.name.removeprefix('scorer ')}"
        better = "with every class" if "classes_" in attributes else "with more sequences"
        remedy = f"Pass X_val and y_val {better}, raise validation_fraction, or set scoring='loss'."
        is_first, is_undefined = True, False

        def score(raw, target, weight):
            nonlocal is_first, is_undefined
            if not np.isfinite(raw).all():
                return -np.inf
            # A model for every epoch: the scorer may keep it.
            model = kind._from_attributes({**attributes, "_parameters": parameters.copy()})
            model._known_predictions = X, rows, raw
            try:
                with _without_undefined() if is_undefined else nullcontext():
                    found = self.scorer(model, X, y, **weights)
            except ValueError as error:
                raise ValueError(f"{scoring} failed on the validation data: {error}") from error
            del model._known_predictions
            if not isinstance(found, Real):
                raise ValueError(f"scoring must return a number, but returned {found!r:.100}.")
            # Not an error: nobody can know here whether the score will be defined later, as a
            # correlation is as soon as predictions differ, and until then there is the loss, which
            # early stopping watches by default.
            is_undefined = is_undefined or (is_first and np.isnan(found))
            if is_first and is_undefined:
                warn(
                    f"{scoring} is not defined on the validation data (it is NaN). As long as that "
                    f"is so, epochs are compared by the validation loss. {remedy}"
                )
            is_first = False
            return float(found)

        return score


@contextmanager
def _without_undefined():
    """Hide what scikit-learn says of a metric that is not defined: it was said once."""
    from sklearn.exceptions import UndefinedMetricWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        yield


def make_scoring(model, data, validation):
    """Make the `Scoring` of an estimator.

    Parameters
    ----------
    model : BaseGRU
    data : tuple
        The X, y and sample_weight, as the user passed them, that the validation data are part of.
    validation : Dataset or None
        The validation data; a scorer sees their sequences.
    """
    scoring = model.scoring
    if scoring is None:
        return Scoring("score")
    if isinstance(scoring, str) and scoring == "loss":
        return Scoring("loss")
    if isinstance(scoring, str) and issubclass(model._row_type, StepRows):
        from skgru.metrics import step_scorer

        scorer = step_scorer(scoring)
    else:
        from sklearn.metrics import check_scoring  # slow to import, seldom needed

        scorer = check_scoring(model, scoring)
    name = "scorer " + re.sub(" at 0x[0-9a-fA-F]+", "", repr(scoring))
    if validation is None:
        return Scoring(name, scorer)
    X, y, sample_weight = data
    X, y = (_take(values, validation) for values in (X, y))
    weights = {}
    if sample_weight is not None and _takes_weights(scorer):
        weights["sample_weight"] = _weights(validation)
    return Scoring(name, scorer, (X, y, weights))


def _take(values, validation):
    """The part that belongs to the sequences of the validation data."""
    indices = validation.indices
    if len(indices) == len(validation.sequences):
        return values
    return _safe_indexing(values, indices)


def _weights(validation):
    """A weight for each sequence, or an array of weights of its steps for each sequence."""
    if validation.row_offsets is None:
        return validation.weight[validation.indices]
    weights = np.split(validation.weight, validation.row_offsets[1:-1])
    return [weights[i] for i in validation.indices]


def _takes_weights(scorer):
    accepts = getattr(scorer, "_accept_sample_weight", None)
    if accepts is not None:
        return accepts()
    # Scorers of older versions of scikit-learn are asked for their metric, functions themselves.
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters
