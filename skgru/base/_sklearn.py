"""What is used of private modules of scikit-learn, in one place as other versions may move it."""

import sys

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    _get_feature_names,
)

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "_check_feature_names",
    "_check_feature_names_in",
    "_fit_context",
    "_get_feature_names",
    "_safe_indexing",
    "_wrap_data_with_container",
    "find_metric",
    "validate_parameter_constraints",
]

# Between a scorer and the estimator, these hand predictions on one by one.
_PASS_ON = (
    "skgru.", "sklearn.pipeline", "sklearn.compose._target", "sklearn.model_selection._search",
    "sklearn.utils.",
)  # fmt: skip


def find_metric():
    """The metric for which a scorer has asked for the prediction that is being made, or None.

    A scorer tells an estimator nothing about its metric, so the stack is read, which takes
    microseconds.  A prediction that another estimator works on, as in stacking, has no metric.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module in ("sklearn.metrics._scorer", "skgru.metrics._scorer"):
            scorer = frame.f_locals.get("self")
            if hasattr(scorer, "_score_func"):
                return scorer._score_func
        elif not module.startswith(_PASS_ON):
            return None
        frame = frame.f_back
    return None
