"""ClassTarget and LabelTarget: one class of several for each row, or any number of labels."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from skgru._lazy import lazy_property
from skgru.data import cut_labels, encode_classes
from skgru.training import BinaryLogLoss, MultinomialLogLoss

from ._target import Target

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def learn_classes(y, rows, weight, classes=None, name="y"):
    """Return a `ClassTarget` or a `LabelTarget` that describes y, and y encoded by it.

    ``classes`` lists all classes that may ever occur, if they are known in advance.
    """
    encoded, found, is_multilabel = encode_classes(y, rows, weight, classes, name)
    if not is_multilabel and len(found) < 2:
        raise ValueError(
            f"A classifier needs at least two classes, but {name} contains one class: "
            f"{found.tolist()[0]!r}."
        )
    if is_multilabel:
        return LabelTarget(found), encoded
    return ClassTarget(found, _analyzer_of(y, rows, found)), encoded


def _analyzer_of(y, rows, classes):
    """How the strings of labels in y are cut; None if predictions could not be such strings."""
    analyzer = rows.analyzer_of(y)
    if analyzer is None:
        return None
    # Classes that are named in advance may be longer than what a string is cut into.
    are_whole = all(cut_labels(label, analyzer) == [label] for label in classes.tolist())
    return analyzer if are_whole else None


@dataclass(frozen=True, eq=False)
class ClassTarget(Target):
    """One class for each row.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    analyzer : {"char", "word"} or None, default=None
        See `Target`.
    """

    classes: np.ndarray
    analyzer: str | None = None
    methods = _METHODS
    is_multilabel = False

    @property
    def n_outputs(self):
        return 1 if len(self.classes) == 2 else len(self.classes)

    def encode(self, y, rows, weight, name="y"):
        encoded, _, is_multilabel = encode_classes(y, rows, weight, self.classes, name)
        if is_multilabel:
            raise ValueError(
                f"{name} is multilabel (a column of 0 and 1 for each label), but the model was "
                f"fitted on one class for each {rows.noun}. Pass one class for each, or fit again."
            )
        return encoded

    @lazy_property
    def loss(self):
        return BinaryLogLoss(1) if self.n_outputs == 1 else MultinomialLogLoss(self.n_outputs)

    def decode(self, raw, method="predict"):
        if method == "decision_function":
            scores = raw.astype(np.float64)
            return scores[:, 0] if self.n_outputs == 1 else scores
        if method == "predict":
            return self.classes[self._most_probable(raw)]
        loss = self.loss
        if self.n_outputs > 1:
            return loss.link(raw) if method == "predict_proba" else loss.log_link(raw)
        if method == "predict_proba":
            probability = loss.link(raw)
            return np.hstack([1 - probability, probability])
        return np.hstack([loss.log_link(raw, -1.0), loss.log_link(raw)])

    def _most_probable(self, raw):
        return (raw[:, 0] > 0).astype(int) if self.n_outputs == 1 else np.argmax(raw, axis=1)

    def score(self, raw, scaled, weight):
        """Accuracy."""
        return float(np.average(self._most_probable(raw) == scaled[:, 0], weights=weight))

    def labels_to_stratify(self, encoded):
        return encoded[:, 0]


@dataclass(frozen=True, eq=False)
class LabelTarget(Target):
    """Any number of labels for each row, as indicators.

    Parameters
    ----------
    classes : ndarray of shape (n_labels,)
        Numbers of the labels.
    """

    classes: np.ndarray
    methods = _METHODS
    is_multilabel = True

    @property
    def n_outputs(self):
        return len(self.classes)

    def encode(self, y, rows, weight, name="y"):
        encoded, _, is_multilabel = encode_classes(y, rows, weight, self.classes, name)
        if not is_multilabel:
            raise ValueError(
                f"{name} has one class for each {rows.noun}, but the model was fitted on "
                "multilabel targets. Pass a column of 0 and 1 for each label, or fit again."
            )
        return encoded

    @lazy_property
    def loss(self):
        return BinaryLogLoss(self.n_outputs)

    def decode(self, raw, method="predict"):
        if method == "decision_function":
            return raw.astype(np.float64)
        if method == "predict":
            return (raw > 0).astype(int)
        loss = self.loss
        return loss.link(raw) if method == "predict_proba" else loss.log_link(raw)

    def score(self, raw, scaled, weight):
        """Share of the rows whose labels are all correct."""
        correct = ((raw > 0) == (scaled > 0)).all(axis=1)
        return float(np.average(correct, weights=weight))


def weigh_classes(target, class_weight, encoded, weight, used, noun="sequence"):
    """Weights of all rows times class weights.

    Parameters
    ----------
    target : ClassTarget or LabelTarget
    class_weight : dict, list of dict, "balanced" or None
    encoded : ndarray of shape (n_rows, n_target)
    weight : ndarray of shape (n_rows,)
    used : ndarray of int
        The rows that are trained on: "balanced" counts those of positive weight among them.
    noun : str
        What a row is called in messages.

    Returns
    -------
    weight : ndarray of shape (n_rows,)
    """
    if class_weight is None:
        return weight
    if target.is_multilabel:
        if isinstance(class_weight, list):
            for i, weights in enumerate(class_weight):
                _check_class_weight(weights, f"class_weight[{i}]")
        factor = compute_sample_weight(class_weight, encoded.astype(int))
    else:
        numbers = encoded[:, 0].astype(int)
        counted = numbers[used[weight[used] > 0]]
        factor = _class_factors(class_weight, target.classes, counted)[numbers]
    with np.errstate(over="ignore"):
        weight = weight * factor
    if not weight[used].any():
        raise ValueError(
            f"class_weight={class_weight!r} and sample_weight leave no {noun} with a positive "
            "weight."
        )
    return weight


def _class_factors(class_weight, classes, used):
    """Weight of each class, computed from the classes of the training rows."""
    if class_weight == "balanced":
        counts = np.bincount(used, minlength=len(classes))
        return len(used) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    _check_class_weight(class_weight, "class_weight")
    unknown = [label for label in class_weight if label not in classes]
    if unknown:
        raise ValueError(
            f"class_weight names {np.array(unknown).tolist()}, not among the classes "
            f"{classes.tolist()}. Name only classes that occur in y."
        )
    return np.array([class_weight.get(label, 1.0) for label in classes])


def _check_class_weight(weights, name):
    """Refuse class weights that are not finite numbers, or that are negative."""
    if not isinstance(weights, dict):
        raise ValueError(
            f"{name} is {weights!r:.50}, but must be a dict from classes to weights. A list, with "
            "one dict for each label, is for multilabel targets."
        )
    for label, weight in weights.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"{name} of class {np.asarray(label).tolist()!r} is {weight!r:.50}, but must be a "
                "finite number that is not negative."
            )
