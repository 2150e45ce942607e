"""One call of fit or partial_fit: training as planned, and the attributes of the model so far."""

from contextlib import nullcontext

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgru._warnings import warn
from skgru.kernels import listen_to_compilation
from skgru.models import resolve_n_threads
from skgru.training import Stopping, Trainer, find_divergence

from ._options import make_optimizer, make_schedule
from ._progress import Progress
from ._unfinished import describe_data, describe_unfinished


class FitRun:
    """Training for one call of fit or partial_fit.

    Parameters
    ----------
    model : BaseGRU
        It is read and not changed.
    plan : FitPlan
    one_epoch : bool
        Whether this is partial_fit.
    unfinished : dict or None
        What is stored of the fit that this call finishes.
    batches : TrainingBatches or None
        All training data, if those of the plan are only the first batch of them.

    Attributes
    ----------
    result : TrainingResult or None
        What training has come to at the end of the last completed epoch; None before that.
    is_interrupted : bool
    """

    def __init__(self, model, plan, one_epoch, unfinished, batches=None):
        self.model, self.plan, self.one_epoch = model, plan, one_epoch
        self._batches = batches
        self.unfinished, self.result, self.is_interrupted = unfinished, None, False
        self.n_epochs = 1 if one_epoch else model.max_iter
        self.first_epoch = 0 if unfinished is None else unfinished["n_epochs"]
        self._earlier_losses, self._earlier_scores = [], []
        if plan.goes_on:
            self._earlier_losses = model.loss_curve_
            if getattr(model, "_score_name", "score") == plan.scoring.name:
                self._earlier_scores = model.validation_scores_ or []
        self._planned = _planned_attributes(model, plan)
        self._data, self._progress = None, None

    # -- training --------------------------------------------------------------------------------
    def train(self, kernels, callbacks):
        """Run a trainer, showing progress.

        Everything that the trainer holds on a device has been freed when this returns.
        """
        end = None if self.unfinished is None else self.unfinished["end"]
        if end is not None:  # it was interrupted, or stored, after its last epoch
            trainer, parameters = self._make_trainer(kernels)
            self.result = trainer.result(parameters, self.first_epoch, end=end)
            return
        model, listening = self.model, nullcontext()
        if model.verbose:
            name, verbose = type(model).__name__, int(model.verbose)
            self._progress = Progress(name, self.n_epochs, verbose, first_epoch=self.first_epoch)
            listening = listen_to_compilation(self._progress.compiling)
        with listening:
            self._train(kernels, callbacks)
        self._close_progress(self.result.end)

    def _train(self, kernels, callbacks):
        trainer, parameters = self._make_trainer(kernels)

        def on_epoch(report):
            # A single assignment: an interrupt finds the result of this epoch or the one before.
            self.result = report.result
            if self._progress is not None:
                self._progress.show(report)
            return callbacks.end_epoch(lambda: self.all_attributes(may_be_finished_later=True))

        scored = {**self._kept_attributes(), **self._planned}
        score = self.plan.scoring.make_score(type(self.model), scored, self.plan.target, parameters)
        self.result = trainer.run(
            parameters, self.plan.training if self._batches is None else self._batches,
            self.n_epochs, first_epoch=self.first_epoch, validation=self.plan.validation,
            score=score, before_epoch=callbacks.begin_epoch, on_epoch=on_epoch,
        )  # fmt: skip

    def interrupt(self):
        """Record that training was interrupted."""
        self.is_interrupted = True
        self._close_progress("interrupt")

    def _close_progress(self, end):
        if self._progress is not None:
            self._progress.close(end)
            self._progress = None

    def _make_trainer(self, kernels):
        """A trainer and the parameters to start from, fresh or where the last fit ended."""
        model, plan = self.model, self.plan
        if kernels.ON_HOST:
            kernels.compile_aside(model.dtype)
        network = model._network(kernels, plan.network_options, plan.target.loss)
        trainer = Trainer(
            network,
            make_optimizer(model, network),
            make_schedule(model, self.one_epoch),
            Stopping(model.n_iter_no_change, model.tol, plan.scoring.name),
            keep_best=plan.stops_early,
            batch_size=plan.batch_size,
            shuffle=model.shuffle,
            random_state=np.random.RandomState(plan.seed),
            penalty=plan.penalty,
            max_grad_norm=model.max_grad_norm,
            n_threads=resolve_n_threads(model.n_jobs),
            shift=plan.scales.mean.copy(),  # attributes may lie in a memory map
            scale=1.0 / plan.scales.scale,
        )
        if plan.goes_on and hasattr(model, "_resume_state"):
            state = model._resume_state
            trainer.set_state(state["trainer"], same_run=self.unfinished is not None)
            last = state["parameters"]
            return trainer, (model._parameters if last is None else last).copy()
        if plan.goes_on:
            return trainer, model._parameters.copy()
        parameters = network.layout.initialize(trainer.random_state, network.dtype)
        training, used = plan.training, plan.training.rows
        constant = plan.target.loss.constant(training.target[used], training.weight[used])
        views = network.layout.views(parameters)
        views[network.output.head.b][...] = constant
        if plan.vectors is not None:
            rows, matrix = plan.vectors
            views["embedding0.E"][rows] = matrix
        return trainer, parameters

    # -- what it leaves behind -------------------------------------------------------------------
    def all_attributes(self, may_be_finished_later):
        """All attributes of the estimator if the fit ended after the last completed epoch.

        With ``may_be_finished_later``, the attributes include what is needed for that.
        """
        return {**self._kept_attributes(), **self._fitted_attributes(may_be_finished_later)}

    def _kept_attributes(self):
        return vars(self.model) if self.plan.goes_on else self.model._without_fit()

    def _fitted_attributes(self, may_be_finished_later):
        result = self.result
        curve = self._earlier_losses + result.loss_curve
        scores = self._earlier_scores + result.validation_scores
        has_scores = self.plan.validation is not None or scores
        attributes = self._planned | {
            "_parameters": result.parameters.copy(),
            "loss_curve_": curve,
            "n_iter_": len(curve),
            "loss_": curve[-1] if curve else np.nan,
            "validation_scores_": scores if has_scores else None,
            "best_validation_score_": float(np.fmax.reduce(scores)) if scores else None,
            "best_loss_": None if self.plan.stops_early else min(curve, default=np.nan),
        }
        if self._batches is not None:  # later ones may have shown that a target is not constant
            attributes |= self.model._target_attributes(self._batches.target)
        if may_be_finished_later or self.one_epoch or self.model.warm_start:
            attributes["_resume_state"] = self._resume_state(may_be_finished_later)
        return attributes

    def _resume_state(self, may_be_finished_later):
        result = self.result
        # The last parameters are a second copy only where the best ones are kept to predict.
        last = None if result.parameters is result.last_parameters else result.last_parameters
        if self.one_epoch or not may_be_finished_later:
            state, unfinished = result.state_for_another_run(), None
        else:
            if self._data is None:
                n_batches = None if self._batches is None else self._batches.n_parts
                self._data = describe_data(self.plan, n_batches)
            state, unfinished = result.state, describe_unfinished(self.model, result, self._data)
        return {"trainer": state, "parameters": last, "unfinished": unfinished}

    def warn(self):
        """Warn of an end that the user should know of."""
        model, result, category = self.model, self.result, ConvergenceWarning
        losses = find_divergence(
            self._earlier_losses + result.loss_curve, result.n_epochs, model.tol,
            self.plan.constant_loss,
        )  # fmt: skip
        if self.is_interrupted:
            kept = "best epoch so far" if self.plan.stops_early else "last completed epoch"
            method, given = ("fit", "data") if self._batches is None else ("fit_batches", "batches")
            category = UserWarning
            message = (
                f"Training was interrupted after {result.n_epochs} of {self.n_epochs} epochs. The "
                f"weights of the {kept} are kept. To finish the remaining epochs, call "
                f"{method} again with warm_start=True and the same {given}."
            )
        elif result.end == "non_finite":
            message = (
                f"The training loss stopped being finite in epoch {result.n_epochs + 1}. The best "
                "weights before it are kept. Lower learning_rate_init, set max_grad_norm (to 1.0, "
                "say), or look for extreme values in X and y."
            )
        elif losses is not None and not self.one_epoch:
            message = (
                f"Training has diverged: the training loss rose from {losses[0]:.3g} to "
                f"{losses[1]:.3g}. Lower learning_rate_init."
            )
        elif result.end == "max_iter" and not self.one_epoch and model.learning_rate != "cosine":
            message = (
                f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the "
                "optimization hasn't converged yet. Raise max_iter or learning_rate_init."
            )
        else:
            return
        warn(message, category)


def _planned_attributes(model, plan):
    """All attributes that predictions need besides the parameters of the network."""
    return {
        **plan.inputs,
        **model._target_attributes(plan.target),
        "device_": plan.device,
        "feature_mean_": plan.scales.mean,
        "feature_scale_": plan.scales.scale,
        "n_outputs_": plan.target.n_outputs,
        "_log_scale_floor": plan.scales.log_scale_floor,
        "_network_options": plan.network_options,
        "_score_name": plan.scoring.name,
        "_seed": plan.seed,
    }
