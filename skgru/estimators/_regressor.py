"""GRURegressor: numbers from sequences."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgru.data import Sequences, column_statistics, encode_regression, spread_or_one
from skgru.training import AbsoluteError, Huber, Poisson, Quantile, SquaredError

from ._base import BaseGRU
from ._constraints import COMMON_CONSTRAINTS, check_unchanged
from ._docs import document
from ._validation import check_counts, check_scale


@document
class GRURegressor(RegressorMixin, BaseGRU):
    """Gated recurrent units for regression on sequences.

    A sequence of any length goes in, one number or several come out.  The network is a stack of GRU
    layers (Cho et al. [1]_, in the form with the reset gate after the product), a pooling that
    turns the states of all steps into one vector, and a linear head; it is trained by
    back-propagation through time.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "poisson", "quantile"}, \
            default="squared_error"
        What training minimises, averaged over outputs: half the squared error (predicts the mean),
        the absolute error (median), Huber's compromise of both, half the Poisson deviance (counts;
        predictions are positive), or the pinball loss (quantiles).
    quantile : float or list of float, default=0.5
        With ``loss="quantile"``: the level or rising levels, each in (0, 1). Quantiles of one model
        never cross.
    delta : float, default=1.35
        With ``loss="huber"``: where the loss turns linear, in standard deviations of the target if
        ``standardize``, else in the units of y.
    {common_parameters}

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_targets,)
        Mean and standard deviation of the training targets; 0 and 1 for the Poisson loss, or
        without ``standardize``.
    {common_attributes}

    See Also
    --------
    GRUClassifier : The same for classes.
    SequenceScaler : Standardises sequences in a Pipeline.

    References
    ----------
    {references}

    Examples
    --------
    >>> from skgru import GRURegressor
    >>> from skgru.datasets import load_nyc_taxi
    >>> X, y = load_nyc_taxi(return_X_y=True)
    >>> model = GRURegressor(max_iter=5, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **COMMON_CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "absolute_error", "huber", "poisson", "quantile"})],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes=64,
        *,
        bidirectional=False,
        pooling=("last", "mean", "max"),
        dropout=0.0,
        recurrent_dropout=0.0,
        loss="squared_error",
        quantile=0.5,
        delta=1.35,
        standardize=True,
        solver="adam",
        alpha=1e-4,
        batch_size="auto",
        learning_rate="cosine",
        learning_rate_init=1e-2,
        max_iter=100,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=0,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping="auto",
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_grad_norm=1.0,
        n_jobs=None,
        device="cpu",
        precision="fp32",
        dtype="float32",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.loss = loss
        self.quantile = quantile
        self.delta = delta
        self.standardize = standardize
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_grad_norm = max_grad_norm
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.dtype = dtype

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train on sequences and their targets.

        Parameters
        ----------
        {X_and_y_regression}
        {fit_rest}
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on where the last call ended.

        Scales of features and targets are those of the first call.

        Parameters
        ----------
        {X_and_y_regression}
        {partial_fit_rest}
        """
        return self._fit(X, y, sample_weight, one_epoch=True)

    def predict(self, X):
        """Predict the target of sequences.

        Parameters
        ----------
        {X}

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_targets), float64
            In the shape of the training targets; with a list of quantiles, one more axis of length
            n_quantiles at the end.

        {raises_predict}
        """
        raw = self._predict_raw(X)
        return self._decoder("predict")(raw)

    def _decoder(self, method):
        loss = self._make_loss()
        scale, mean = self.target_scale_[:, np.newaxis], self.target_mean_[:, np.newaxis]
        has_levels = isinstance(self._loss_options["quantile"], tuple)
        n_targets, is_1d = self.n_outputs_, self._y_is_1d

        def decode(raw):
            values = loss.link(raw).reshape(len(raw), n_targets, -1)
            values = values * scale + mean
            if not has_levels:
                values = values[:, :, 0]
            return values[:, 0] if is_1d else values

        return decode

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination R² of the predictions.

        With a list of quantiles, the mean over the levels of D², the share of the pinball loss
        explained (see `sklearn.metrics.d2_pinball_score`).

        Parameters
        ----------
        {X}
        y : array-like of shape (n_sequences,) or (n_sequences, n_targets)
            True targets.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences.

        Returns
        -------
        score : float
            1 for perfect predictions, 0 for the best constant.

        {raises_predict}
        """
        check_is_fitted(self)
        quantile = self._loss_options["quantile"]
        if not isinstance(quantile, tuple):
            return super().score(X, y, sample_weight)
        from sklearn.metrics import d2_pinball_score  # slow to import, seldom needed

        found = self.predict(X)
        return float(
            np.mean(
                [
                    d2_pinball_score(y, found[..., i], alpha=level, sample_weight=sample_weight)
                    for i, level in enumerate(quantile)
                ]
            )
        )

    def _encode_target(self, y, name, reset):
        target, is_1d = encode_regression(y, self, name)
        if self.loss == "poisson":
            check_counts(target if not is_1d else target[:, 0], name, first=reset)
        options = self._checked_loss_options()
        if not reset:
            check_unchanged(("loss", "quantile"), self._loss_options, options)
        # Recorded, so that predictions do not follow a later set_params.
        self._loss_options = options
        if reset:
            self.n_outputs_, self._y_is_1d = target.shape[1], is_1d
        elif target.shape[1] != self.n_outputs_:
            raise ValueError(
                f"{name} has {target.shape[1]} targets for each sequence, but "
                f"{type(self).__name__} was fitted with {self.n_outputs_}."
            )
        return target

    def _learn_target_scale(self, target, weight):
        self.target_mean_, self.target_scale_ = np.zeros(self.n_outputs_), np.ones(self.n_outputs_)
        if self.standardize and self.loss != "poisson":
            with np.errstate(over="ignore", invalid="ignore"):
                steps = Sequences(target, np.arange(len(target) + 1), "2d")
                mean, std = column_statistics(steps, sample_weight=weight)
            check_scale(std, "output {} of y")
            self.target_mean_, self.target_scale_ = mean, spread_or_one(mean, std)

    def _scale_target(self, target):
        return (target - self.target_mean_) / self.target_scale_

    def _make_loss(self):
        loss = self._loss_options["loss"]
        if loss == "quantile":
            return Quantile(self.n_outputs_, np.atleast_1d(self._loss_options["quantile"]))
        if loss == "huber":
            return Huber(self.n_outputs_, self._loss_options["delta"])
        kinds = {"squared_error": SquaredError, "absolute_error": AbsoluteError, "poisson": Poisson}
        return kinds[loss](self.n_outputs_)

    def _checked_loss_options(self):
        quantile = self._checked_quantile() if self.loss == "quantile" else None
        return {"loss": self.loss, "quantile": quantile, "delta": float(self.delta)}

    def _checked_quantile(self):
        """A level, or a tuple of them."""
        levels = np.atleast_1d(np.asarray(self.quantile, dtype=object))
        if all(isinstance(level, Real) for level in levels.flat):
            levels = levels.astype(np.float64)
        valid = levels.dtype == np.float64 and levels.ndim == 1 and len(levels)
        # Rising from above 0 to below 1.
        if not valid or (np.diff(levels, prepend=0.0, append=1.0) <= 0).any():
            raise ValueError(
                "quantile must be a number in (0, 1) or a rising list of them; got "
                f"{self.quantile!r}."
            )
        return float(levels[0]) if isinstance(self.quantile, Real) else tuple(levels.tolist())

    def _score_raw(self, raw, target, weight):
        loss = self._make_loss()
        if isinstance(loss, Quantile):
            return -loss.mean(raw, target, weight)
        error = (target - loss.link(raw)) ** 2
        spread = (target - np.average(target, axis=0, weights=weight)) ** 2
        error, spread = (np.average(a, axis=0, weights=weight) for a in (error, spread))
        # As r2_score does, a constant target scores 0 unless it is met exactly.
        ratio = np.where(spread > 0, error / np.where(spread > 0, spread, 1), error > 0)
        return float(np.mean(1 - ratio))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
