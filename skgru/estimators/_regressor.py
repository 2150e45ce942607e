"""GRURegressor: numbers from sequences."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from skgru.base import _fit_context

from ._base import BaseGRU
from ._parameters import (
    DirectionParameters,
    InputParameters,
    PoolingParameters,
    RegressionParameters,
    StackParameters,
    TrainingParameters,
)
from ._pooled import PooledStates
from ._regression import PredictsNumbers


@dataclass(eq=False, repr=False, kw_only=True)
class GRURegressor(
    TrainingParameters,
    InputParameters,
    RegressionParameters,
    PoolingParameters,
    DirectionParameters,
    StackParameters,
    RegressorMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    PredictsNumbers,
    PooledStates,
    BaseGRU,
):
    """Gated recurrent units for regression on sequences.

    Each sequence, of any length, has one target or several. The network is a stack of GRU layers
    (Cho et al. [1]_, in the form in which the reset gate is applied after the recurrent product), a
    pooling that turns the states at all steps into one vector, and a linear head. It is trained by
    back-propagation through time.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=64
        Number of units of each GRU layer, from the input upwards. A bidirectional layer has that
        many units in each direction.
    dropout : float in [0, 1), default=0.0
        Fraction of values that are set to zero between layers and before the head during training.
    recurrent_dropout : float in [0, 1), default=0.0
        Fraction of units that the recurrent weights do not see during training. A sequence keeps
        the same units dropped at all its steps [2]_.
    bidirectional : bool, default=False
        Whether each layer has a second GRU, which reads the sequence from its end.
    pooling : {"last", "mean", "max", "attention"} or tuple, default=("last", "mean", "max")
        How the states at all steps of a sequence become one vector. "last" takes the final state,
        "mean" and "max" take the mean and the maximum of each unit over the steps, and "attention"
        takes a mean with learned weights: the softmax over the steps of the product of the state
        with a learned query [3]_. The vectors of several poolings are concatenated.
    loss : {"squared_error", "absolute_error", "huber", "poisson", "quantile"}, \
            default="squared_error"
        The loss that training minimises, averaged over the outputs. "squared_error" is half the
        squared error, and the model predicts the mean; "absolute_error" predicts the median;
        "huber" is the squared error for small errors and the absolute error for large ones;
        "poisson" is half the Poisson deviance, for counts, and all predictions are positive;
        "quantile" is the pinball loss, and the model predicts quantiles.
    quantile : float or list of float, default=0.5
        The quantile to predict, or several in increasing order, each in (0, 1). The quantiles that
        one model predicts never cross. Only used when ``loss="quantile"``.
    delta : float, default=1.35
        Absolute error at which the Huber loss becomes linear, in standard deviations of the target
        if ``standardize=True`` and in the units of y otherwise. Only used when ``loss="huber"``.
    standardize : bool or "sequence", default=True
        Whether each feature (and, in a regressor, each target) is brought to mean 0 and standard
        deviation 1 inside the estimator. Means and standard deviations are those of the training
        data, over all steps. With "sequence", they are those of each sequence by itself, and the
        logarithm of the standard deviation is appended to each step, standardised over the training
        sequences: as `SequenceScaler` with ``scope="sequence"`` and ``add_scale=True``. Targets are
        scaled as with True, and the model has no ``stream``.
    analyzer : {"char", "word"}, SequenceTokenizer or None, default=None
        How a string in X is cut into symbols: into characters, into words and punctuation, or as a
        `SequenceTokenizer` does. None means "char", with a warning where most strings hold several
        spaces. Lists of strings are not cut. Predictions cut strings as the fit did.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Which columns of a step are categories and not numbers: by indices, by a mask, or by the
        names of the columns of frames. They hold strings or integers, such as the ids of words, and
        are embedded. "from_dtype" takes the columns of strings and of pandas' or polars' categories
        in frames and in arrays of objects. For sequences of ids it is ``[0]``. Sequences of strings
        have no columns and need none of it.
    min_frequency : int, float or None, default=None
        Symbols that occur less often in the training data are rare: they share one vector. A float
        is a fraction of the steps. By default, every symbol has a vector of its own.
    max_categories : int or None, default=None
        Largest number of vectors for each column of symbols, the shared one included. The rarest
        symbols beyond it are rare, too.
    embedding_dim : int, tuple of int or "auto", default="auto"
        Size of the vector of a symbol; a tuple has one size for each categorical column. "auto" is
        64 for sequences of symbols, and ``min(64, (n_categories + 1) // 2)`` for each categorical
        column.
    embedding_init : str, path, tuple (symbols, matrix) or None, default=None
        Vectors to begin with: a text file in the format of word2vec or GloVe, an .npz file with the
        arrays "symbols" and "matrix", or these two. They are trained further and decide the size.
        Symbols without a vector there begin at random, as all do by default.
    solver : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        The optimiser.
    alpha : float, default=1e-4
        Strength of the L2 penalty: ``alpha / 2`` times the squared norm of the weights, divided by
        the number of targets in a batch (one for each sequence, or for each step) times their mean
        sample weight, is added to the loss. With ``solver="adamw"`` there is no penalty; each
        update shrinks the weights by the learning rate times `alpha` instead. The vectors of
        symbols are exempt from both.
    batch_size : int or "auto", default="auto"
        Number of sequences in a mini-batch. "auto" is ``n_sequences // 16``, clipped to [4, 32],
        for fewer than 1024 sequences, and ``n_sequences // 32``, clipped to [32, 256], for more.
        In ``fit_batches``, where the first batch decides, it is never less than 32.
    learning_rate : {"constant", "adaptive", "cosine"}, default="cosine"
        How the learning rate changes during training. "constant" stays at `learning_rate_init`.
        "adaptive" divides the rate by 5 each time the loss (or the validation score) has stopped
        improving, and ends training when the rate falls below 1e-6. "cosine" rises linearly to
        `learning_rate_init` over the first tenth of the `max_iter` epochs, then falls to zero along
        half a cosine.
    learning_rate_init : float, default=1e-2
        The learning rate at the start, or, with ``learning_rate="cosine"``, the largest one.
    max_iter : int, default=100
        Maximum number of epochs, that is of passes over the training data.
    shuffle : bool, default=True
        Whether the sequences are put in a new random order before each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the sequences, the validation split and
        dropout. With an int, every fit gives the same model to the last bit, for every `n_jobs`.
    tol : float, default=1e-4
        Smallest decrease of the loss (or increase of the validation score) that counts as an
        improvement. It has no effect with ``learning_rate="cosine"``, the default, unless early
        stopping is active.
    verbose : int, default=0
        How much is printed during training: nothing for 0; for 1 a live progress bar on a terminal,
        and about ten lines elsewhere; for 2 a line for each epoch.
    warm_start : bool, default=False
        Whether another call of `fit` goes on from where the last one ended and trains for up to
        `max_iter` more epochs, instead of starting afresh. Several calls give the same result as
        one with as many epochs, except that ``learning_rate="cosine"`` begins a new cycle in each
        call. If the last call was interrupted, the next one, which needs the same data, trains for
        the epochs that it still lacks, and the result is that of a fit that was not interrupted;
        if `max_iter` or `learning_rate` was changed meanwhile, it begins a new cycle of `max_iter`
        epochs instead. The model then also stores the state of training.
    momentum : float in [0, 1], default=0.9
        Momentum of the updates. Only used when ``solver="sgd"``.
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Only used when ``solver="sgd"``.
    early_stopping : "auto" or bool, default="auto"
        Whether to end training when the score on validation data has not improved for
        `n_iter_no_change` epochs, and to keep the weights of the best epoch. The validation data
        are ``X_val`` and ``y_val`` of `fit`, or else a fraction of the training data. "auto" stops
        early if there are more than 10000 training sequences, or if ``X_val`` is given.
    scoring : str, callable or None, default="loss"
        How validation data are scored, which early stopping watches and `validation_scores_`
        records; greater is better. "loss" is minus the validation loss, None is `score`. A string
        is the name of a scorer of scikit-learn, which step models apply to all steps together (see
        `skgru.metrics.step_scorer`); a callable has the signature ``scorer(estimator, X, y)`` and
        is passed ``sample_weight``, too, if it takes that.
    validation_fraction : float in [0, 1), default=0.1
        Fraction of the training sequences that is held out as validation data. Only used when early
        stopping is active and no ``X_val`` is given.
    beta_1 : float in [0, 1), default=0.9
        Decay rate of the running mean of the gradients. Only used when `solver` is "adam" or
        "adamw".
    beta_2 : float in [0, 1), default=0.999
        Decay rate of the running mean of the squared gradients. Only used when `solver` is "adam",
        "adamw" or "rmsprop".
    epsilon : float, default=1e-8
        Added to the denominator of the updates, to keep them finite. Only used when `solver` is
        "adam", "adamw" or "rmsprop".
    n_iter_no_change : int or inf, default=10
        Maximum number of epochs in a row without an improvement of at least `tol`. After more than
        that training ends, or, with ``learning_rate="adaptive"``, goes on at a lower rate. It has
        no effect with ``learning_rate="cosine"``, the default, unless early stopping is active.
    max_grad_norm : float or None, default=1.0
        Gradients whose Euclidean norm exceeds this value are rescaled to it. None disables
        clipping.
    n_jobs : int or None, default=None
        Number of threads on the CPU. None means 1 unless in a `joblib.parallel_config` context, and
        -1 means all cores. It changes the time that training and prediction take, never the result.
    device : {"cpu", "cuda", "cuda:N", "auto"}, default="cpu"
        Where to compute: on the CPU; on the first NVIDIA GPU; on GPU number N; or on the first GPU
        if there is one, and on the CPU otherwise. A GPU needs the extra ``skgru[cuda]``. If there
        is no GPU, "cuda" raises an error in `fit`, but a fitted model predicts on the CPU, with a
        warning.
    precision : {"fp32", "tf32", "bf16"}, default="fp32"
        Precision of the factors of matrix products on a GPU. Sums, states and everything else stay
        in `dtype`. "tf32" and "bf16" need ``dtype="float32"`` and have no effect on the CPU.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the parameters and states of the network.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, 3 * n_hidden)
        Input weights of each layer and direction, with the gates in the order r, z, n; the last
        item holds the weights of the head. Like the other weights and biases, these arrays are
        views of the parameters of the model: changing them changes the model.
    recurrent_coefs_ : list of ndarray of shape (n_hidden, 3 * n_hidden)
        Recurrent weights of each layer and direction.
    intercepts_ : list of ndarray of shape (3 * n_hidden,)
        Biases of each layer and direction; the last item holds the biases of the head.
    recurrent_intercepts_ : list of ndarray of shape (n_hidden,)
        Bias of each layer and direction that is added to the recurrent product of the candidate n,
        before the reset gate.
    attention_coef_ : ndarray of shape (n_directions, n_hidden)
        Query of the attention. Exists only if `pooling` contains "attention".
    feature_mean_ : ndarray of shape (n_features,)
        What is subtracted from each feature that is a number: its mean over all steps of the
        training data, or 0 with ``standardize=False``. If X was a 2D table, it has a single
        feature, and the shape is (1,). With ``standardize="sequence"`` the shape is
        (2 * n_features,): the features, which were scaled before and have 0 here, then the
        logarithms of their scales.
    feature_scale_ : ndarray of shape (n_features,)
        What each feature is then divided by: its standard deviation, or 1 with
        ``standardize=False`` or if the feature is constant. If X was a 2D table, the shape is (1,).
        With ``standardize="sequence"``, 1 for each feature, then the spreads of the logarithms.
    vocabulary_ : dict from str to int
        Row of `embedding_` of each symbol that has one, in sorted order. All other symbols share
        row 0. Exists only if X held strings or lists of strings; `n_features_in_` does not exist
        then.
    categories_ : list of ndarray
        Sorted symbols of each categorical column: item ``i`` of an array has row ``i + 1`` in the
        embedding of that column, and all other symbols share row 0. Exists only if there are
        categorical columns.
    is_categorical_ : ndarray of shape (`n_features_in_`,), bool
        Which columns of a step are categorical. Exists only if there are any.
    embedding_ : ndarray of shape (n_symbols + 1, n_columns), or list of ndarray
        Vectors of the symbols; a list with an array for each column if there are categorical
        columns. Like the weights, views of the parameters of the model. Without rare symbols in the
        training data, row 0 is the mean of the others. Exists only if X held symbols.
    device_ : str
        Where the last fit was computed: "cpu" or "cuda:N".
    n_iter_ : int
        Total number of epochs, including those of earlier calls with ``warm_start=True`` or of
        `partial_fit`.
    loss_ : float
        Training loss of the last epoch, for standardised targets.
    loss_curve_ : list of float
        Training loss of each epoch, with the L2 penalty.
    best_loss_ : float or None
        Smallest training loss of all epochs. None if early stopping was active.
    validation_scores_ : list of float or None
        Score on the validation data after each epoch, as `scoring` says: by default minus the
        validation loss, for standardised targets and without the penalty. None if there were no
        validation data.
    best_validation_score_ : float or None
        Largest of the validation scores. None if there were no validation data.
    n_outputs_ : int
        Number of outputs of the network, before quantiles: the number of targets, of classes or of
        labels, and 1 for two classes.
    n_features_in_ : int
        Number of features at each step. If X was a 2D table, its width: the number of time steps.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Exists only if X was a frame, or a list of frames, whose column names
        are all strings.
    target_mean_ : ndarray of shape (n_targets,)
        Mean of each training target, or 0 with ``standardize=False`` or ``loss="poisson"``.
    target_scale_ : ndarray of shape (n_targets,)
        Standard deviation of each training target, or 1 with ``standardize=False`` or
        ``loss="poisson"``, or if the target is constant.

    See Also
    --------
    GRUClassifier : Classification of sequences.
    SequenceScaler : Standardises sequences in a Pipeline.
    SequenceTokenizer : Cuts strings into symbols.

    References
    ----------
    .. [1] K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
       Machine Translation", 2014, `arXiv:1406.1078 <https://arxiv.org/abs/1406.1078v1>`_.
    .. [2] Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks", 2016, `arXiv:1512.05287 <https://arxiv.org/abs/1512.05287>`_.
    .. [3] C. Raffel, D. P. W. Ellis, "Feed-Forward Networks with Attention Can Solve Some Long-Term
       Memory Problems", 2015, `arXiv:1512.08756 <https://arxiv.org/abs/1512.08756>`_.

    Examples
    --------
    >>> from skgru import GRURegressor
    >>> from skgru.datasets import load_nyc_taxi
    >>> X, y = load_nyc_taxi(return_X_y=True)
    >>> model = GRURegressor(max_iter=5, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model to sequences and their targets.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences,) or (n_sequences, n_targets)
            Target values.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. All are 1 by default.
        X_val : array-like or list of arrays, default=None
            Validation sequences, in any form that X may have. They are scored after every epoch and
            take the place of a fraction of the training data in early stopping.
        y_val : array-like, default=None
            Targets of the validation sequences, in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation sequences.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter cannot be used. The message says where. The estimator is then
            what it was before the call.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Train for one epoch, from where the last call ended.

        The learning rate is constant at `learning_rate_init`. Features and targets are standardised
        by the data of the first call.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences,) or (n_sequences, n_targets)
            Target values.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. All are 1 by default.
        X_val : array-like or list of arrays, default=None
            Validation sequences, in any form that X may have. They are scored after the
            epoch, and the score is added to `validation_scores_`.
        y_val : array-like, default=None
            Targets of the validation sequences, in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation sequences.

        Returns
        -------
        self : estimator
            The estimator after one more epoch.

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter cannot be used. The message says where. The estimator is then
            what it was before the call.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), one_epoch=True)

    def predict(self, X):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_targets), float64
            The predictions, in the shape of the training targets. If `quantile` is a list, there is
            another axis at the end: (n_sequences, n_quantiles) or (n_sequences, n_targets,
            n_quantiles), for example for several steps ahead.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._predict(X)

    def transform(self, X):
        """Return the pooled vector of each sequence, which the head reads.

        It is a description of the sequence that other models can learn from.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.

        Returns
        -------
        pooled : ndarray of shape (n_sequences, n_poolings * n_directions * n_hidden), float64
            For each pooling in the order given, the units of the last layer in each direction.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._pooled(X)

    def score(self, X, y, sample_weight=None):
        """Return the coefficient of determination R² of the predictions.

        With ``loss="quantile"`` the score is D², the fraction of the pinball loss that is explained
        (see `sklearn.metrics.d2_pinball_score`), averaged over the quantiles.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences,) or (n_sequences, n_targets)
            True targets.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weights of the sequences, which must not be negative. All are 1 by default.

        Returns
        -------
        score : float
            1 for perfect predictions, 0 for those of the best constant.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        check_is_fitted(self)
        quantile = self._target().quantile
        if quantile is None:
            return super().score(X, y, sample_weight)
        from skgru.metrics import mean_d2_pinball_score  # slow to import, seldom needed

        predicted = self.predict(X)
        if not isinstance(quantile, tuple):
            predicted, quantile = predicted[..., np.newaxis], (quantile,)
        return mean_d2_pinball_score(y, predicted, quantile, sample_weight)
