"""What estimators of classes share: class weights, probabilities, and their target."""

import numpy as np

from skgru.data import check_classes
from skgru.targets import ClassTarget, LabelTarget, learn_classes, weigh_classes


class PredictsClasses:
    """Mixin: y is a class, or indicators of labels, for each row."""

    def _learn_target(self, y, rows, weight, classes=None):
        return learn_classes(y, rows, weight, classes)

    def _continued_target(self):
        return self._target()

    def _weigh(self, target, encoded, weight, used):
        noun = self._row_type.noun
        return weigh_classes(target, self.class_weight, encoded, weight, used, noun)

    def _target(self):
        kind = LabelTarget if self._target_facts["is_multilabel"] else ClassTarget
        return kind(self.classes_)

    def _target_attributes(self, target):
        return {
            "_target_facts": {"is_multilabel": target.is_multilabel},
            "classes_": target.classes,
        }

    def _check_declared_classes(self, classes):
        """The sorted classes that a call of partial_fit names, or None; they never change."""
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see all "
                "targets. Compute the weights with sklearn.utils.class_weight.compute_class_weight "
                "and pass them as a dict."
            )
        is_first = not hasattr(self, "_parameters")
        if classes is not None:
            classes = check_classes(classes)
        elif is_first:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not (is_first or classes is None or np.array_equal(classes, self.classes_)):
            raise ValueError(
                f"`classes={classes.tolist()}` is not the same as on last call to partial_fit, "
                f"was: {self.classes_.tolist()}."
            )
        return classes if is_first else None
