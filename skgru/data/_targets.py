"""Checks of targets, and their encoding as the float64 columns that losses take."""

import reprlib
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ._numbers import complex_error, length_of, refuse_masked


def _check_length(y, rows, name):
    """Refuse targets whose length differs from the length of X."""
    n_targets = np.shape(y)[0]
    if n_targets != len(rows):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {rows.name} has "
            f"{len(rows)} sequences, {name} has {n_targets} targets. Give one target (or one "
            "row of targets) for each sequence."
        )


def encode_regression(y, rows, weight, name="y"):
    """Continuous targets as an array (n_rows, n_outputs).

    Parameters
    ----------
    y : array-like
    rows : SequenceRows or StepRows
    weight : ndarray of shape (n_rows,)
        Targets of rows of weight zero may be missing steps; they become zero.
    name : str

    Returns
    -------
    target : ndarray of shape (n_rows, n_outputs), float64
    is_1d : bool
        Whether each row, and hence each prediction, is a single number.
    """
    target = rows.numbers(rows.flatten(y, name), name).astype(np.float64, copy=False)
    _check_shape(target, rows, name)
    _check_length(target, rows, name)
    _check_finite(target, rows, name, weight)
    target = _without_unused(target, rows, weight, 0.0)
    return target.reshape(len(target), -1), target.ndim == 1


def _without_unused(target, rows, weight, value):
    """Replace the targets of steps of weight zero, which may be missing."""
    unused = weight == 0
    if rows.offsets is None or not unused.any():
        return target
    target = target.copy()
    target[unused] = value
    return target


def _check_shape(target, rows, name):
    if target.ndim not in (1, 2) or target.size == 0:
        raise ValueError(
            f"{name} of shape {target.shape} should have the shape (n_{rows.noun}s,) or "
            f"(n_{rows.noun}s, n_outputs), with at least one {rows.noun}."
        )


def _check_finite(target, rows, name, weight):
    """Refuse numbers that are not finite, and objects that stand for a missing value.

    Steps of weight zero may have such targets.
    """
    if target.dtype.kind == "O":
        usable = np.array([not _is_missing(value) for value in target.flat]).reshape(target.shape)
    elif target.dtype.kind == "f":
        usable = np.isfinite(target)
    else:
        return
    if rows.offsets is not None:
        usable[weight == 0] = True
    if not usable.all():
        value, where = find_first(target, ~usable, rows)
        is_infinite = isinstance(value, Real) and np.isinf(value)
        value = "infinity" if is_infinite else "None" if value is None else "NaN"
        remedy = "Remove such sequences, or fill in the target."
        if rows.offsets is not None:
            remedy = "Give steps without a target a sample_weight of 0, or fill in the target."
        raise ValueError(f"Input {name} contains {value} at {where}. {remedy}")


def find_first(target, condition, rows):
    """The first target that meets a condition, and its place in words."""
    place = np.unravel_index(np.argmax(condition), target.shape)
    where = rows.place(place[0]) + (f", output {place[1]}" if target.ndim == 2 else "")
    return target[place], where


def _is_missing(value):
    # Integers may be too large for np.isfinite; pandas.NA is not equal to anything, nor unequal.
    is_lost = isinstance(value, Real) and (value != value or abs(value) == np.inf)
    return value is None or is_lost or repr(value) == "<NA>"


def encode_classes(y, rows, weight, classes=None, name="y"):
    """Encode class labels as class numbers, or as indicators of labels.

    Parameters
    ----------
    y : array-like
    rows : SequenceRows or StepRows
    weight : ndarray of shape (n_rows,)
        Labels of steps of weight zero may be missing; they become the first class.
    classes : ndarray or None
        The labels to encode with; found in ``y`` if None.
    name : str

    Returns
    -------
    target : ndarray, float64
        (n_rows, 1) with the number of the class (0 or 1 if there are two), or (n_rows, n_labels)
        with zeros and ones.
    classes : ndarray
        Sorted labels; 0 .. n_labels - 1 for multilabel targets.
    is_multilabel : bool
    """
    flat = rows.flatten(y, name)
    if sparse.issparse(flat):
        flat = flat.toarray()
    refuse_masked(flat, name)
    # A list as objects: next to strings, NumPy would turn a missing value into a string.
    array = np.asarray(flat, dtype=object if isinstance(flat, (list, tuple)) else None)
    _check_shape(array, rows, name)
    _check_length(array, rows, name)
    _check_labels(array, rows, name)
    _check_finite(array, rows, name, weight)
    if rows.offsets is not None:
        first = array[int(np.argmax(weight > 0))]
        array = _without_unused(array, rows, weight, first)
    _check_same_kind(array, rows, name)
    if rows.offsets is not None:
        flat = _as_labels(array)
    elif not (isinstance(flat, (list, tuple)) or hasattr(flat, "iloc")):
        flat = array  # of a tensor, for example; but scikit-learn knows more of lists and Series
    kind = type_of_target(flat, input_name=name)
    _check_kind(kind, flat, rows, name)
    check_classification_targets(flat)  # warns of suspiciously many classes
    if kind == "multilabel-indicator":
        target = check_array(flat, dtype=np.float64, input_name=name)
        found = np.arange(target.shape[1])
        if classes is not None and len(classes) != len(found):
            raise ValueError(
                f"{name} has {len(found)} columns, but the model was fitted with {len(classes)}, "
                "one for each label. Pass the same labels in the same order."
            )
        return target, found, True
    labels = column_or_1d(flat, warn=True)
    if classes is None:
        classes, numbers = np.unique(labels, return_inverse=True)
    else:
        numbers = _numbers_of(labels, classes, rows, name)
    return numbers.reshape(-1, 1).astype(np.float64), classes, False


def _check_same_kind(array, rows, name):
    """Refuse strings beside numbers, of which NumPy would make strings: 1 would become "1"."""
    if array.dtype != object:
        return
    is_string = np.reshape([isinstance(label, str) for label in array.flat], array.shape)
    usable = is_string
    if not is_string.flat[0]:
        is_number = [isinstance(label, (np.bool_, Real)) for label in array.flat]
        usable = np.reshape(is_number, array.shape)
        if not usable.flat[0] and not is_string.any():
            return  # objects of another kind, which scikit-learn names
    if not usable.all():
        label, where = find_first(array, ~usable, rows)
        raise ValueError(
            f"{name} at {where} is {reprlib.repr(label)}. Labels must be all strings or all "
            f"numbers, and that at {rows.place(0)} is {reprlib.repr(array.flat[0])}. Convert them, "
            "for example with [str(label) for label in y]."
        )


def _as_labels(array):
    """Convert labels of steps, which may be objects, to their common dtype."""
    if array.dtype != object:
        return array
    if isinstance(array.flat[0], str):
        return array.astype(str)
    return np.array(array.tolist())


def _check_labels(array, rows, name):
    """Refuse complex numbers, and lists of labels."""
    if array.dtype.kind == "c":
        raise complex_error(name)
    if array.dtype != object:
        return
    for place in np.ndindex(array.shape):
        label = array[place]
        if isinstance(label, (complex, np.complexfloating)):
            raise complex_error(name)
        if isinstance(label, int) and not -(2**63) <= label < 2**64:
            raise ValueError(
                f"{name} at {rows.place(place[0])} is an integer of more than 64 bits. Pass such "
                "labels as strings."
            )
        if isinstance(label, (list, tuple, set, np.ndarray)):
            raise ValueError(
                f"{name} at {rows.place(place[0])} is {reprlib.repr(label)}, but should be one "
                f"label. {_remedy_for_lists(array, rows)}"
            )


def _remedy_for_lists(array, rows):
    """What to fit, or to pass, where there is a list in place of a label."""
    several = (
        f"For several labels of a {rows.noun} pass indicators, as "
        "sklearn.preprocessing.MultiLabelBinarizer makes them."
    )
    if rows.offsets is not None:
        return several
    if array.ndim == 1 and [length_of(item) for item in array] == rows.lengths.tolist():
        return "For a label at every step of a sequence, fit a GRUStepClassifier."
    return f"{several} For a label at every step of a sequence, fit a GRUStepClassifier."


def _check_kind(kind, y, rows, name):
    """Refuse targets that are not classes, by scikit-learn's name for their kind."""
    if kind == "multiclass-multioutput":
        remedy = ""
        if rows.offsets is None and (rows.lengths == np.shape(y)[1]).all():
            remedy = " For a label at every step of a sequence, fit a GRUStepClassifier."
        elif rows.offsets is None:
            remedy = (
                " For several targets of several classes each, wrap the classifier in "
                "sklearn.multioutput.MultiOutputClassifier; for a label at every step of a "
                "sequence, fit a GRUStepClassifier."
            )
        raise ValueError(
            f"{name} of shape {np.shape(y)} should be a 1d array of classes, or hold indicators (0 "
            f"and 1) of labels.{remedy}"
        )
    if kind.startswith("continuous"):
        array = np.asarray(y, dtype=np.float64)
        regressor = "GRURegressor" if rows.offsets is None else "GRUStepRegressor"
        value, where = find_first(array, array % 1 != 0, rows)
        raise ValueError(
            f"Unknown label type: {kind}. {name} is {value:g} at {where}, which is not a class. "
            f"Pass whole numbers or strings, or fit a {regressor}."
        )
    if kind == "unknown":
        raise ValueError(
            f"Unknown label type: {kind}. {name} holds Python objects that are neither numbers nor "
            "strings. Pass whole numbers or strings, for example with np.asarray(y, dtype=int)."
        )


def check_classes(classes):
    """Check a list of classes, which must name at least two, and return it sorted."""
    try:
        found = np.unique(np.asarray(classes))
        is_usable = np.ndim(classes) == 1 and len(found) > 1
        is_usable = is_usable and len({isinstance(label, str) for label in classes}) == 1
        is_usable = is_usable and not any(map(_is_missing, found))
    except (TypeError, ValueError):  # not an array, or labels that cannot be sorted
        is_usable = False
    if not is_usable:
        raise ValueError(
            "classes must be a list of at least two different labels, all numbers or all strings; "
            f"got {reprlib.repr(classes)}."
        )
    return found


def _numbers_of(labels, classes, rows, name):
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        first = int(np.argmax(unknown))
        label = labels[first : first + 1].tolist()[0]  # as Python prints it
        raise ValueError(
            f"{name} at {rows.place(first)} is {label!r}, which is none of the classes "
            f"{classes.tolist()}. They are those of the first fit, or of the argument classes in "
            "the first call of partial_fit. Fit again on data with every class, or leave such "
            f"{rows.noun}s out."
        )
    return np.searchsorted(classes, labels)
