"""The one template of fit and partial_fit that every GRU estimator follows."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from skgru.base import SavedState, check_arrays
from skgru.kernels import use_device

from ._batches import TrainingBatches
from ._callbacks import CallbackSupportMixin, FitCallbacks, without_fit_context
from ._constraints import check_pooling
from ._fit_run import FitRun
from ._interrupts import fits_several_models
from ._plan import make_plan
from ._predictions import Predictions
from ._unfinished import check_same_data, fit_to_finish

# What a fit leaves behind besides the attributes whose names end with an underscore.
_PRIVATE_FACTS = {
    "_layout",
    "_log_scale_floor",
    "_network_options",
    "_parameters",
    "_resume_state",
    "_score_name",
    "_seed",
    "_target_facts",
}


class BaseGRU(Predictions, CallbackSupportMixin, SavedState, BaseEstimator, metaclass=ABCMeta):
    """Base of the GRU estimators.

    A subclass defines the kind of its targets (`Target`) and whether they belong to sequences or to
    steps; everything else about fit and partial_fit is here, and prediction is in `Predictions`.
    Fitted attributes are NumPy arrays and plain Python values, so that any pickler can store them.
    """

    # Initial bias of the update gates: a new network remembers a few steps, not one.
    _update_bias = 1.0

    # -- what subclasses provide -----------------------------------------------------------------
    @abstractmethod
    def _learn_target(self, y, rows, weight):
        """Return the `Target` that describes y, and y encoded by it."""

    @abstractmethod
    def _continued_target(self):
        """The target of the earlier fit that this fit continues.

        Raises an error if parameters that must stay the same have changed.
        """

    @abstractmethod
    def _target_attributes(self, target):
        """The attributes from which `_target` makes the target again, as a dict."""

    def _scaled_target(self, target, encoded, weight):
        """The target with the scale of the training data."""
        return target

    def _weigh(self, target, encoded, weight, used):
        """The weights of all rows; ``used`` are those that are trained on."""
        return weight

    def _checked_pooling(self):
        """The poolings as a tuple of names, or None for a prediction at every step."""
        return check_pooling(self.pooling) if hasattr(self, "pooling") else None

    # -- fit -------------------------------------------------------------------------------------
    def _fit(
        self, X, y, sample_weight, validation_data=(None, None, None), *, one_epoch=False,
        batches=None, **declared,
    ):  # fmt: skip
        """Train; ``one_epoch`` is true for partial_fit and false for fit.

        ``batches`` are the `TrainingBatches` of which X, y and sample_weight are only the first.

        The estimator changes by a single assignment at the end, so that a fit that raises leaves it
        as it was, and threads that predict meanwhile see the old model or the new one.
        """
        unfinished = None if one_epoch else fit_to_finish(self)
        n_epochs = 1 if one_epoch else self.max_iter
        n_done = 0 if unfinished is None else unfinished["n_epochs"]
        callbacks = FitCallbacks(self, X, y, sample_weight, n_epochs - n_done)
        plan = make_plan(
            self, X, y, sample_weight, validation_data, one_epoch=one_epoch, declared=declared,
            is_whole=batches is None,
        )  # fmt: skip
        if batches is not None:
            batches.begin(plan)
        if unfinished is not None:
            check_same_data(unfinished, plan, batches)
        run = FitRun(self, plan, one_epoch, unfinished, batches)
        try:
            with use_device(plan.device, self.precision) as kernels:
                run.train(kernels, callbacks)
            self._end_fit(run, callbacks)
        except KeyboardInterrupt:
            run.interrupt()
            # A stream of calls of partial_fit is the caller's to end, too.
            if run.result is None or one_epoch or fits_several_models():
                raise
            # Another interrupt from here on is raised and leaves the old model, or the new one.
            self._end_fit(run, callbacks)
        return self

    def _fit_batches(self, batches, validation_data, **declared):
        batches = TrainingBatches(self, batches)
        return self._fit(*batches.first, validation_data, batches=batches, **declared)

    def _end_fit(self, run, callbacks):
        """Take over what a run of training has come to."""
        callbacks.end(lambda: run.all_attributes(may_be_finished_later=True))
        run.warn()  # before the assignment: a warning may be an error
        self.__dict__ = run.all_attributes(may_be_finished_later=run.is_interrupted)

    def _without_fit(self):
        """The attributes of the estimator that were not set by a fit."""
        return {
            name: value
            for name, value in vars(self).items()
            if name not in _PRIVATE_FACTS and (not name.endswith("_") or name.startswith("_"))
        }

    def __getstate__(self):
        return without_fit_context(super().__getstate__())

    def _check_state(self):
        if not hasattr(self, "_parameters"):
            return
        network, target = self._network(), self._target()
        n_inputs = n_features = 1 if self._layout == "2d" else self.n_features_in_
        expected = {"_parameters": ((network.layout.size,), network.dtype)}
        if self._log_scale_floor is not None:
            expected["_log_scale_floor"] = (n_features,), np.float64
            n_inputs = 2 * n_features
        expected["feature_mean_"] = expected["feature_scale_"] = (n_inputs,), np.float64
        check_arrays(self, expected)
        if (network.n_outputs, self.n_outputs_) != (target.loss.n_raw, target.n_outputs):
            raise ValueError(
                f"its network has {network.n_outputs} outputs, but its targets need "
                f"{target.loss.n_raw}"
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags
