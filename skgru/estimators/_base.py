"""The one template of fit and partial_fit that every GRU estimator follows."""

import warnings
from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skgru.data import as_sequences, check_length, column_statistics, spread_or_one
from skgru.kernels import resolve_device, use_device
from skgru.models import resolve_n_threads
from skgru.training import Dataset, Stopping, Trainer

from ._callbacks import CallbackSupportMixin, FitCallbacks
from ._constraints import (
    check_hidden_layer_sizes,
    check_pooling,
    check_precision,
    check_unchanged,
)
from ._options import make_optimizer, make_schedule, resolve_batch_size, resolve_penalty
from ._predictions import Predictions
from ._progress import Progress
from ._validation import (
    check_scale,
    check_target_range,
    check_training_weight,
    check_weight,
    check_X,
    hold_out,
    record_X,
)

# As in HistGradientBoosting: with more sequences, a tenth of them can be spared for validation.
_EARLY_STOPPING_FROM = 10_000


class BaseGRU(Predictions, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the GRU estimators.

    A subclass says how targets are encoded and what is lost by a wrong prediction; everything else
    about fit and partial_fit is here, and what predicts is in `Predictions`.  What a fit leaves
    behind is NumPy arrays and plain Python values, so that any pickler can store it.
    """

    # Initial bias of the update gates: a new network remembers a few steps, not one.
    _update_bias = 1.0

    # -- what subclasses provide -----------------------------------------------------------------
    @abstractmethod
    def _encode_target(self, y, name, reset):
        """Check y and return its encoding (n, n_target), float64.

        With ``reset`` what y looks like is recorded, otherwise it has to fit the record.
        """

    @abstractmethod
    def _make_loss(self):
        """The loss, for the targets that were recorded."""

    @abstractmethod
    def _score_raw(self, raw, target, weight):
        """Score of raw predictions of validation data; higher is better."""

    @abstractmethod
    def _decoder(self, method):
        """The function that turns raw predictions (n, n_outputs) into what ``method`` returns."""

    def _learn_target_scale(self, target, weight):
        """Record the scale of the training targets."""

    def _scale_target(self, target):
        """Bring encoded targets to the scale of the raw predictions."""
        return target

    def _weigh_classes(self, training):
        """Sample weights of the training data times class weights, if there are any."""
        return training.weight

    def _labels_to_stratify(self, target):
        """Labels that a validation split should keep in proportion, or None."""
        return None

    # -- fit -------------------------------------------------------------------------------------
    def _fit(
        self, X, y, sample_weight, validation_data=(None, None, None), *, one_epoch=False,
        classes=None,
    ):  # fmt: skip
        """Train; ``one_epoch`` is what sets partial_fit apart from fit.

        A fit that raises leaves the estimator as it was.
        """
        n_epochs = 1 if one_epoch else self.max_iter
        # Before the copy: scikit-learn ends the callbacks by what this leaves in the estimator.
        callbacks = FitCallbacks(self, X, y, sample_weight, n_epochs)
        before = self.__dict__.copy()
        try:
            self._declared_classes = classes
            training, validation, keep_best = self._prepare(
                X, y, sample_weight, validation_data, one_epoch
            )
            with use_device(self.device_, self.precision) as kernels:
                self._train(
                    kernels, training, validation, keep_best, callbacks, n_epochs, one_epoch
                )
            del self._declared_classes
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _prepare(self, X, y, sample_weight, validation_data, one_epoch):
        """Check the data, record what they look like, and learn their scales.

        Returns training data, validation data or None, and whether to stop early.
        """
        sizes = check_hidden_layer_sizes(self.hidden_layer_sizes)
        pooling = check_pooling(self.pooling)
        self.device_ = resolve_device(self.device)
        check_precision(self.precision, self.dtype)
        reset = not ((one_epoch or self.warm_start) and hasattr(self, "_parameters"))
        if reset:
            self.__dict__.pop("_resume_state", None)
            self.__dict__.pop("_parameters", None)
            self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        training = self._check_data(X, y, sample_weight, reset)
        X_val, y_val, sample_weight_val = validation_data
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} is not. Pass both or neither.")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val is provided, but X_val and y_val are not.")
        stop_early, validation = bool(self.early_stopping), None
        if self.early_stopping == "auto":
            stop_early = X_val is not None or len(training.indices) > _EARLY_STOPPING_FROM
        stop_early = stop_early and not one_epoch
        if X_val is not None:
            validation = self._check_data(X_val, y_val, sample_weight_val, False, "_val")
        elif stop_early:
            labels = self._labels_to_stratify(training.target)
            parts = hold_out(training.indices, self.validation_fraction, self._seed, labels)
            training, validation = (self._with(training, indices=part) for part in parts)
        weight = self._weigh_classes(training)
        batch_size = resolve_batch_size(self.batch_size, len(training.indices))
        used = weight[training.indices]
        check_training_weight(used, resolve_penalty(self), batch_size, self.dtype)
        if reset:
            self._learn_scales(training)
        self._record_network(training.sequences.n_features, sizes, pooling, reset)
        self._check_range(training.sequences)
        if X_val is not None:
            self._check_range(validation.sequences, "X_val")
        training = self._with(training, target=self._scale_target(training.target), weight=weight)
        check_target_range(training.target, self.dtype)
        if validation is not None:
            target = self._scale_target(validation.target)
            validation = self._with(validation, target=target)
        return training, validation, stop_early

    @staticmethod
    def _with(dataset, **changes):
        return Dataset(**{**dataset.__dict__, **changes})

    def _check_data(self, X, y, sample_weight, reset, suffix=""):
        """Check sequences, targets and weights against each other and the record."""
        name = f"X{suffix}"
        if reset:
            sequences = as_sequences(X, estimator=self, name=name)
        else:
            sequences = check_X(self, X, reset=False, name=name)
        target = self._encode_target(y, f"y{suffix}", reset)
        check_length(len(sequences), target, f"y{suffix}", name)
        weight = check_weight(sample_weight, len(sequences), f"sample_weight{suffix}")
        if reset:
            record_X(self, X, sequences)
        # A sequence of weight zero is as good as absent: in no batch, and never held out.
        return Dataset(sequences, np.flatnonzero(weight), target, weight)

    def _learn_scales(self, training):
        """Record mean and scale of features and targets over the training part."""
        n_features = training.sequences.n_features
        self.feature_mean_, self.feature_scale_ = np.zeros(n_features), np.ones(n_features)
        if self.standardize:
            with np.errstate(over="ignore", invalid="ignore"):
                mean, std = column_statistics(training.sequences, training.indices, training.weight)
            check_scale(std, "feature {} of X")
            self.feature_mean_, self.feature_scale_ = mean, spread_or_one(mean, std)
        used = training.indices
        self._learn_target_scale(training.target[used], training.weight[used])

    def _record_network(self, n_features, sizes, pooling, reset):
        options = {
            "n_features": n_features,
            "hidden_layer_sizes": sizes,
            "bidirectional": bool(self.bidirectional),
            "pooling": pooling,
            "n_outputs": self._make_loss().n_raw,
            "dropout": float(self.dropout),
            "recurrent_dropout": float(self.recurrent_dropout),
            "dtype": self.dtype,
            "update_bias": self._update_bias,
        }
        if not reset:
            names = ("hidden_layer_sizes", "bidirectional", "pooling", "n_outputs", "dtype")
            check_unchanged(names, self._network_options, options)
        self._network_options = options

    def _make_trainer(self, training, one_epoch, keep_best, kernels):
        """A trainer and the parameters to start from, fresh or where the last fit ended."""
        loss = self._make_loss()
        network = self._network(kernels, loss)
        shift, scale = self._scaling()
        trainer = Trainer(
            network,
            make_optimizer(self, network),
            make_schedule(self, one_epoch),
            Stopping(self.n_iter_no_change, self.tol),
            keep_best=keep_best,
            batch_size=resolve_batch_size(self.batch_size, len(training.indices)),
            shuffle=self.shuffle,
            random_state=np.random.RandomState(self._seed),
            penalty=resolve_penalty(self),
            max_grad_norm=self.max_grad_norm,
            n_threads=resolve_n_threads(self.n_jobs),
            shift=shift,
            scale=scale,
        )
        if hasattr(self, "_resume_state"):
            trainer.set_state(self._resume_state["trainer"])
            last = self._resume_state["parameters"]
            return trainer, (self._parameters if last is None else last).copy()
        if hasattr(self, "_parameters"):
            return trainer, self._parameters.copy()
        self.loss_curve_, self.validation_scores_ = [], None
        parameters = network.layout.initialize(trainer.random_state, network.dtype)
        used = training.indices
        constant = loss.constant(training.target[used], training.weight[used])
        network.layout.views(parameters)["head.b"][...] = constant
        return trainer, parameters

    def _train(
        self, kernels, training, validation, keep_best, callbacks, n_epochs, one_epoch
    ):  # fmt: skip
        """Run a trainer, showing progress, and set the fitted attributes.

        Whatever it has on a device is gone when this returns.
        """
        trainer, parameters = self._make_trainer(training, one_epoch, keep_best, kernels)
        earlier = self.loss_curve_, self.validation_scores_ or []
        progress = None
        if self.verbose:
            progress = Progress(type(self).__name__, n_epochs, int(self.verbose))
        losses, scores = [], []

        def on_epoch(report):
            losses.append(report.loss)
            scores.append(report.validation_score)
            if progress is not None:
                progress.show(report)

            def fitted_attributes():
                return {
                    "_parameters": report.parameters.copy(),
                    "loss_curve_": earlier[0] + losses,
                    "loss_": report.loss,
                    "n_iter_": len(earlier[0]) + len(losses),
                }

            return callbacks.end_epoch(fitted_attributes)

        result = trainer.run(
            parameters, training, n_epochs,
            validation=validation, score=self._score_raw, before_epoch=callbacks.begin_epoch,
            on_epoch=on_epoch,
        )  # fmt: skip
        self._parameters = result.parameters
        self.loss_curve_ = earlier[0] + result.loss_curve
        self.n_iter_ = len(self.loss_curve_)
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.nan
        self._record_best(trainer, validation, earlier[1] + result.validation_scores)
        if one_epoch or self.warm_start:
            # The last parameters are a second copy only where the best ones are kept to predict.
            last = None if result.parameters is parameters else parameters
            self._resume_state = {"trainer": trainer.get_state(), "parameters": last}
        if progress is not None:
            progress.close(result.end)
        callbacks.end()
        self._warn_of(result.end, one_epoch)

    def _record_best(self, trainer, validation, scores):
        self.validation_scores_ = scores if validation is not None or scores else None
        self.best_validation_score_ = max(scores) if scores else None
        self.best_loss_ = None if trainer.keep_best else min(self.loss_curve_, default=np.nan)

    def _warn_of(self, end, one_epoch):
        if end == "interrupt":
            warnings.warn("Training interrupted by user.", stacklevel=6)
        elif end == "max_iter" and not one_epoch and self.learning_rate != "cosine":
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet. Raise max_iter or learning_rate_init.",
                ConvergenceWarning,
                stacklevel=6,  # of the caller of fit
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags
