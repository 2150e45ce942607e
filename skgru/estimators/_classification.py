"""What estimators of classes share: class weights, probabilities, and their target."""

import numpy as np

from skgru.base import _fit_context
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
        facts = self._target_facts
        if facts["is_multilabel"]:
            return LabelTarget(self.classes_)
        # Models of versions that did not join predictions lack the fact.
        return ClassTarget(self.classes_, facts.get("analyzer"))

    def _target_attributes(self, target):
        return {
            "_target_facts": {
                "is_multilabel": target.is_multilabel,
                "analyzer": target.analyzer,
            },
            "classes_": target.classes,
        }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_batches(self, batches, classes=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model to training data that arrive in batches, such as files.

        One batch is in memory at a time, besides the first. `max_iter` is the number of passes, as
        in `fit`, with the same schedule; each batch is cut into mini-batches of `batch_size`
        sequences, in random order. The first batch fixes the scales by which data are standardised,
        so it should resemble the others. For arrays in files that NumPy can map into memory, `fit`
        with ``np.load(path, mmap_mode="r")`` shuffles all sequences.

        Parameters
        ----------
        batches : iterable of tuples, or callable
            Tuples ``(X, y)`` or ``(X, y, sample_weight)``, in the forms that `fit` takes, the same
            number in every pass. A callable takes no arguments and returns an iterable of them for
            each pass, for example a generator function that reads files.
        classes : array-like of shape (n_classes,), default=None
            All classes that may occur in any batch. They may be left out if training goes on with
            ``warm_start=True``.
        X_val : array-like or list of arrays, default=None
            Validation sequences, scored after every pass. They are needed for early stopping, since
            no batch is held out.
        y_val : array-like, default=None
            Targets of the validation sequences, in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation sequences, in the forms that `fit` takes.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter cannot be used. The message says in which batch. The
            estimator is then what it was before the call.
        """
        is_first = not (self.warm_start and hasattr(self, "_parameters"))
        classes = self._check_declared_classes(classes, "fit_batches", is_first)
        return self._fit_batches(batches, (X_val, y_val, sample_weight_val), classes=classes)

    def _check_declared_classes(self, classes, method, is_first):
        """The sorted classes that a call of ``method`` names, or None; they never change."""
        if self.class_weight == "balanced":
            raise ValueError(
                f"class_weight='balanced' is not supported by {method}, which does not see all "
                "targets. Compute the weights with sklearn.utils.class_weight.compute_class_weight "
                "and pass them as a dict."
            )
        if classes is not None:
            classes = check_classes(classes)
        elif is_first:
            raise ValueError(f"classes must be passed on the first call to {method}.")
        if not (is_first or classes is None or np.array_equal(classes, self.classes_)):
            raise ValueError(
                f"`classes={classes.tolist()}` is not the same as on last call to {method}, "
                f"was: {self.classes_.tolist()}."
            )
        return classes if is_first else None
