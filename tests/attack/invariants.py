"""What must hold after any call: the checks that the attacks share."""

import dis
import re
import warnings

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

_CLEAR_TYPES = {
    ValueError, TypeError, NotFittedError, InvalidParameterError, RuntimeError, ImportError,
    FileNotFoundError,
}  # fmt: skip
_ARGUMENTS = (
    "X", "y", "x", "X_val", "y_val", "sample_weight", "sample_weight_val", "classes", "steps",
    "n_streams", "method", "layer", "state", "fitted", "batch", "streams", "token_pattern",
)  # fmt: skip


def fingerprint(thing):
    """A hash of a model (all its attributes) or of data, which changes if any bit does."""
    state = vars(thing) if hasattr(thing, "get_params") else thing
    return joblib.hash(state, coerce_mmap=True)


def same_bits(a, b):
    """Whether two results are equal to the last bit, in dtype and shape."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype == object:
        return all(same_bits(one, other) for one, other in zip(a.flat, b.flat, strict=True))
    return a.tobytes() == b.tobytes()


def all_finite(result):
    """Whether a result holds neither NaN nor infinity; labels always do not."""
    if isinstance(result, (list, tuple)) or np.asarray(result).dtype.kind == "O":
        return all(map(all_finite, result))
    result = np.asarray(result)
    return result.dtype.kind not in "fc" or bool(np.isfinite(result).all())


def why_unclear(error, model=None):
    """Say what is wrong with an exception as an answer to a user, or return None.

    It must be of a usual type, be raised on purpose in this package or by scikit-learn's checks
    (NumPy's and Numba's errors come from where the mistake was not made), and name an argument.
    """
    if type(error) not in _CLEAR_TYPES:
        return f"unusual type {_short(error)}"
    if not _is_on_purpose(error):
        return f"not raised on purpose: {_short(error)}"
    parameters = () if model is None else tuple(model.get_params())
    names = "|".join(_ARGUMENTS + parameters)
    if not re.search(rf"\b({names})\b", str(error)) and not _is_of_a_metric(error):
        return f"names no argument: {_short(error)}"
    return None


def _is_on_purpose(error):
    """Whether the innermost Python frame is one of ours or scikit-learn's, in a raise statement."""
    trace = _innermost(error)
    package = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
    opcode = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return package in ("skgru", "sklearn") and dis.opname[opcode] == "RAISE_VARARGS"


def _is_of_a_metric(error):
    """Whether a metric of scikit-learn raised it, whose arguments have other names."""
    name = _innermost(error).tb_frame.f_globals.get("__name__", "")
    return name.startswith(("sklearn.metrics", "sklearn.utils.multiclass"))


def _innermost(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _short(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}"


def outcome(function, *args, **kwargs):
    """Call a function; return its result, the exception it raised, and the warnings it gave."""
    result = error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **kwargs)
        except Exception as raised:
            error = raised
    return result, error, [w for w in caught if not _is_meant_for_users(w)]


def _is_meant_for_users(warning):
    """Whether a warning is one that this package gives, not one that escaped from NumPy."""
    meant = (UserWarning, ConvergenceWarning, FutureWarning, DeprecationWarning)
    return issubclass(warning.category, meant)
