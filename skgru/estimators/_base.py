"""The one template of fit and partial_fit that every GRU estimator follows."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skgru._warnings import warn
from skgru.kernels import use_device
from skgru.models import resolve_n_threads
from skgru.training import Stopping, Trainer, find_divergence

from ._callbacks import CallbackSupportMixin, FitCallbacks
from ._constraints import check_pooling
from ._options import make_optimizer, make_schedule
from ._plan import make_plan
from ._predictions import Predictions
from ._progress import Progress

# What a fit leaves behind besides the attributes whose names end with an underscore.
_PRIVATE_FACTS = {
    "_layout",
    "_network_options",
    "_parameters",
    "_resume_state",
    "_score_name",
    "_seed",
    "_target_facts",
}


class BaseGRU(Predictions, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
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
        **declared,
    ):  # fmt: skip
        """Train; ``one_epoch`` is true for partial_fit and false for fit.

        The estimator changes by a single assignment at the end, so that a fit that raises leaves it
        as it was, and threads that predict meanwhile see the old model or the new one.
        """
        n_epochs = 1 if one_epoch else self.max_iter
        callbacks = FitCallbacks(self, X, y, sample_weight, n_epochs)
        plan = make_plan(
            self, X, y, sample_weight, validation_data, one_epoch=one_epoch, declared=declared
        )
        with use_device(plan.device, self.precision) as kernels:
            attributes, end = self._train(kernels, plan, callbacks, n_epochs, one_epoch)
        callbacks.end(attributes)
        # Before the assignment: a warning may be an error.
        self._warn_of(end, one_epoch, attributes["loss_curve_"], plan)
        self.__dict__ = {**self._kept_attributes(plan), **attributes}
        return self

    def _kept_attributes(self, plan):
        """The attributes that the estimator keeps when those of a fit are assigned."""
        return vars(self) if plan.goes_on else self._without_fit()

    def _without_fit(self):
        """The attributes of the estimator that were not set by a fit."""
        return {
            name: value
            for name, value in vars(self).items()
            if name not in _PRIVATE_FACTS and (not name.endswith("_") or name.startswith("_"))
        }

    def _planned_attributes(self, plan):
        """All attributes that predictions need besides the parameters of the network."""
        return {
            **plan.inputs,
            **self._target_attributes(plan.target),
            "device_": plan.device,
            "feature_mean_": plan.mean,
            "feature_scale_": plan.scale,
            "n_outputs_": plan.target.n_outputs,
            "_network_options": plan.network_options,
            "_score_name": plan.scoring.name,
            "_seed": plan.seed,
        }

    def _make_trainer(self, kernels, plan, one_epoch):
        """A trainer and the parameters to start from, fresh or where the last fit ended."""
        network = self._network(kernels, plan.network_options, plan.target.loss)
        trainer = Trainer(
            network,
            make_optimizer(self, network),
            make_schedule(self, one_epoch),
            Stopping(self.n_iter_no_change, self.tol, plan.scoring.name),
            keep_best=plan.stops_early,
            batch_size=plan.batch_size,
            shuffle=self.shuffle,
            random_state=np.random.RandomState(plan.seed),
            penalty=plan.penalty,
            max_grad_norm=self.max_grad_norm,
            n_threads=resolve_n_threads(self.n_jobs),
            shift=plan.mean.copy(),  # attributes may lie in a memory map
            scale=1.0 / plan.scale,
        )
        if plan.goes_on and hasattr(self, "_resume_state"):
            trainer.set_state(self._resume_state["trainer"])
            last = self._resume_state["parameters"]
            return trainer, (self._parameters if last is None else last).copy()
        if plan.goes_on:
            return trainer, self._parameters.copy()
        parameters = network.layout.initialize(trainer.random_state, network.dtype)
        training, used = plan.training, plan.training.rows
        constant = plan.target.loss.constant(training.target[used], training.weight[used])
        network.layout.views(parameters)[network.output.head.b][...] = constant
        return trainer, parameters

    def _train(self, kernels, plan, callbacks, n_epochs, one_epoch):
        """Run a trainer, showing progress.

        Everything that the trainer holds on a device has been freed when this returns.

        Returns
        -------
        attributes : dict
            All fitted attributes.
        end : tuple
            Why training ended, as in `TrainingResult`, and after how many epochs.
        """
        trainer, parameters = self._make_trainer(kernels, plan, one_epoch)
        earlier_losses, earlier_scores = [], []
        if plan.goes_on:
            earlier_losses = self.loss_curve_
            if getattr(self, "_score_name", "score") == plan.scoring.name:
                earlier_scores = self.validation_scores_ or []
        progress = None
        if self.verbose:
            progress = Progress(type(self).__name__, n_epochs, int(self.verbose))
        losses, planned = [], self._planned_attributes(plan)

        def on_epoch(report):
            losses.append(report.loss)
            if progress is not None:
                progress.show(report)

            def fitted_attributes():
                return planned | {
                    "_parameters": report.parameters.copy(),
                    "loss_curve_": earlier_losses + losses,
                    "loss_": report.loss,
                    "n_iter_": len(earlier_losses) + len(losses),
                }

            return callbacks.end_epoch(fitted_attributes)

        base = {**self._kept_attributes(plan), **planned}
        score = plan.scoring.make_score(type(self), base, plan.target, parameters)
        result = trainer.run(
            parameters, plan.training, n_epochs,
            validation=plan.validation, score=score,
            before_epoch=callbacks.begin_epoch, on_epoch=on_epoch,
        )  # fmt: skip
        if progress is not None:
            progress.close(result.end)
        curve = earlier_losses + result.loss_curve
        scores = earlier_scores + result.validation_scores
        attributes = planned | {
            "_parameters": result.parameters,
            "loss_curve_": curve,
            "n_iter_": len(curve),
            "loss_": curve[-1] if curve else np.nan,
            "validation_scores_": scores if plan.validation is not None or scores else None,
            "best_validation_score_": float(np.fmax.reduce(scores)) if scores else None,
            "best_loss_": None if plan.stops_early else min(curve, default=np.nan),
        }
        if one_epoch or self.warm_start:
            # The last parameters are a second copy only where the best ones are kept to predict.
            last = None if result.parameters is parameters else parameters
            attributes["_resume_state"] = {"trainer": trainer.get_state(), "parameters": last}
        return attributes, (result.end, len(result.loss_curve))

    def _warn_of(self, end, one_epoch, loss_curve, plan):
        reason, n_epochs = end
        losses = find_divergence(loss_curve, n_epochs, self.tol, plan.constant_loss)
        category = ConvergenceWarning
        if reason == "interrupt":
            message, category = "Training interrupted by user.", UserWarning
        elif reason == "non_finite":
            message = (
                f"The training loss stopped being finite in epoch {n_epochs + 1}. The best "
                "weights before it are kept. Lower learning_rate_init, set max_grad_norm (to 1.0, "
                "say), or look for extreme values in X and y."
            )
        elif losses is not None and not one_epoch:
            message = (
                f"Training has diverged: the training loss rose from {losses[0]:.3g} to "
                f"{losses[1]:.3g}. Lower learning_rate_init."
            )
        elif reason == "max_iter" and not one_epoch and self.learning_rate != "cosine":
            message = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet. Raise max_iter or learning_rate_init."
            )
        else:
            return
        warn(message, category)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags
