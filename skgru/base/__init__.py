"""What every estimator and transformer has: parameters, checks of X, a format of pickles."""

from ._feature_names import check_feature_names, check_names_of_step, feature_names
from ._inputs import (
    check_finite_result,
    check_finite_when_scaled,
    check_layout,
    check_prediction,
    check_range,
    check_X,
    read_X,
    record_X,
    why_too_large,
)
from ._parameters import ParameterGroup
from ._readings import read_as, remember_transformed, warn_of_faint_sequences
from ._saved_state import FORMAT, SavedState, check_arrays
from ._sklearn import (
    Interval,
    Options,
    RealNotInt,
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    _safe_indexing,
    _wrap_data_with_container,
    find_metric,
    validate_parameter_constraints,
)
from ._symbols import encode_columns

__all__ = [
    "FORMAT",
    "Interval",
    "Options",
    "ParameterGroup",
    "RealNotInt",
    "SavedState",
    "StrOptions",
    "_check_feature_names_in",
    "_fit_context",
    "_safe_indexing",
    "_wrap_data_with_container",
    "check_X",
    "check_arrays",
    "check_feature_names",
    "check_finite_result",
    "check_finite_when_scaled",
    "check_layout",
    "check_names_of_step",
    "check_prediction",
    "check_range",
    "feature_names",
    "encode_columns",
    "find_metric",
    "read_X",
    "read_as",
    "record_X",
    "remember_transformed",
    "validate_parameter_constraints",
    "warn_of_faint_sequences",
    "why_too_large",
]
