"""Imports from private modules of scikit-learn, in one place as other versions may move them."""

from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import _check_feature_names, _get_feature_names

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "_check_feature_names",
    "_fit_context",
    "_get_feature_names",
    "_wrap_data_with_container",
    "validate_parameter_constraints",
]
