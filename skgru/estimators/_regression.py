"""What estimators of numbers share: parameters of the loss, and their target."""

from dataclasses import replace
from numbers import Real

import numpy as np

from skgru.base import _fit_context, check_arrays, find_metric
from skgru.targets import RealTarget

from ._constraints import check_unchanged


class PredictsNumbers:
    """Mixin: y is one number or several for each row."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_batches(self, batches, *, X_val=None, y_val=None, sample_weight_val=None):
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
        return self._fit_batches(batches, (X_val, y_val, sample_weight_val))

    # Python's error for fit_batches(X, y) names it, and should not name a class that no user knows.
    fit_batches.__wrapped__.__qualname__ = "fit_batches"

    def _learn_target(self, y, rows, weight):
        return RealTarget.learn(y, rows, weight, self.loss, self._checked_quantile(), self.delta)

    def _continued_target(self):
        target = self._target()
        earlier = {"loss": target.loss_name, "quantile": target.quantile}
        now = {"loss": self.loss, "quantile": self._checked_quantile()}
        check_unchanged(("loss", "quantile"), earlier, now)
        return replace(target, delta=float(self.delta))

    def _scaled_target(self, target, encoded, weight):
        return target.with_scale(encoded, weight, self.standardize)

    def _target(self):
        return RealTarget(**self._target_facts, mean=self.target_mean_, scale=self.target_scale_)

    def _target_attributes(self, target):
        # Recorded, so that predictions do not follow a later set_params.
        names = ("loss_name", "quantile", "delta", "n_targets", "is_1d", "constant")
        return {
            "_target_facts": {name: getattr(target, name) for name in names},
            "target_mean_": target.mean,
            "target_scale_": target.scale,
        }

    def _check_state(self):
        super()._check_state()
        if hasattr(self, "_parameters"):
            expected = (self._target().n_targets,), np.float64
            check_arrays(self, {"target_mean_": expected, "target_scale_": expected})

    def _predict(self, X, method="predict"):
        facts = vars(self).get("_target_facts")  # None before a fit
        if facts is not None and isinstance(facts["quantile"], tuple):
            _refuse_metric_of_one(len(facts["quantile"]))
        return super()._predict(X, method)

    def _checked_quantile(self):
        """The quantile level, or a tuple of levels; None for other losses."""
        if self.loss != "quantile":
            return None
        levels = np.atleast_1d(np.asarray(self.quantile, dtype=object))
        if all(isinstance(level, Real) for level in levels.flat):
            levels = levels.astype(np.float64)
        valid = levels.dtype == np.float64 and levels.ndim == 1 and len(levels)
        # Strictly increasing, above 0 and below 1; NaN is neither.
        if not valid or not (np.diff(levels, prepend=0.0, append=1.0) > 0).all():
            raise ValueError(
                "quantile must be a number between 0 and 1, or a list of such numbers in "
                f"increasing order; got {self.quantile!r}."
            )
        return float(levels[0]) if isinstance(self.quantile, Real) else tuple(levels.tolist())

    def _n_raw(self, n_outputs):
        quantile = self._checked_quantile()
        return n_outputs * (len(quantile) if isinstance(quantile, tuple) else 1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags


def _refuse_metric_of_one(n_quantiles):
    """Refuse to predict several quantiles for a metric that compares one number with y."""
    metric = find_metric() if n_quantiles > 1 else None
    if metric is not None and metric.__module__.startswith("sklearn."):
        raise ValueError(
            f"{metric.__name__} compares y with one prediction for each target, but this model "
            f"predicts {n_quantiles} quantiles. Leave scoring out (scoring=None) to compare "
            "models by their score, D²; or make a scorer of a metric of quantiles, such as "
            "skgru.metrics.mean_d2_pinball_score."
        )
