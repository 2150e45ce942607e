"""GRUStepClassifier: a class for every step of a sequence."""

from dataclasses import dataclass

from skgru.base import _fit_context

from ._base import BaseGRU
from ._classification import PredictsClasses
from ._parameters import (
    ClassWeightParameters,
    DirectionParameters,
    InputParameters,
    StackParameters,
    TrainingParameters,
)
from ._steps import PredictsSteps


@dataclass(eq=False, repr=False, kw_only=True)
class GRUStepClassifier(
    TrainingParameters,
    InputParameters,
    ClassWeightParameters,
    DirectionParameters,
    StackParameters,
    PredictsSteps,
    PredictsClasses,
    BaseGRU,
):
    """Gated recurrent units that label every step of a sequence.

    A phase for every frame of a video, a part of speech for every word: each step of each sequence,
    of any length, belongs to one class, or has any number of several labels. The network is a
    stack of GRU layers (Cho et al. [1]_, in the form in which the reset gate is applied after the
    recurrent product) and a linear head that reads the states of each step. It is trained by
    back-propagation through time and minimises the log loss, averaged over all steps.

    With ``bidirectional=True`` the label of a step depends on the whole sequence. Otherwise it
    depends on the steps so far, and `stream` labels a sequence while it arrives.

    It is not a classifier to scikit-learn (``is_classifier`` is False): its ``y`` has an entry for
    every step, which scikit-learn's checks of labels, stratified folds and named scorers refuse.
    `GridSearchCV` and its kind use folds that are not stratified, and the scorers of
    `skgru.metrics.step_scorer`.

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
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of the classes, as in `sklearn.utils.class_weight.compute_sample_weight`: a dict
        from classes to weights; "balanced" for weights inversely proportional to the frequency of
        each class; for multilabel targets, a list with one dict for each label. All classes weigh
        the same by default.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel targets, the numbers of the labels.
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

    See Also
    --------
    GRUStepRegressor : A number for every step.
    GRUClassifier : One class for a whole sequence.
    skgru.metrics.step_scorer : Scorers for searches over step models.

    References
    ----------
    .. [1] K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
       Machine Translation", 2014, `arXiv:1406.1078 <https://arxiv.org/abs/1406.1078v1>`_.
    .. [2] Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks", 2016, `arXiv:1512.05287 <https://arxiv.org/abs/1512.05287>`_.

    Examples
    --------
    >>> import numpy as np
    >>> from skgru import GRUStepClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 2)) for length in (5, 9, 7)]
    >>> y = [np.where(x.cumsum(axis=0)[:, 0] > 0, "up", "down") for x in X]
    >>> model = GRUStepClassifier(hidden_layer_sizes=8, max_iter=5).fit(X, y)
    >>> [labels.shape for labels in model.predict(X)]
    [(5,), (9,), (7,)]
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model to sequences and the labels of their steps.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences, n_timesteps[, n_labels]) or list
            A label for every step. In a list (or object array, or pandas Series), each item holds
            the labels of a sequence: a list or array of shape (length,), or a string, of which each
            character is a label, or each word with the `analyzer` of words (labels are then what
            stands between spaces). For multilabel targets, an indicator (0 or 1) of each label, in
            arrays of shape (length, n_labels). Steps of weight 0 may have None or NaN.
        sample_weight : array-like, default=None
            Weights, which must not be negative: one for each sequence (a 1D array), or one for each
            step in the layout of y. Steps of weight 0 do not count. All are 1 by default.
        X_val : array-like or list of arrays, default=None
            Validation sequences, in any form that X may have. They are scored after every epoch and
            take the place of a fraction of the training data in early stopping.
        y_val : array-like, default=None
            Targets of the validation sequences, in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation sequences or of their steps.

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
        self, X, y, classes=None, sample_weight=None, *, X_val=None, y_val=None,
        sample_weight_val=None,
    ):  # fmt: skip
        """Train for one epoch, from where the last call ended.

        The learning rate is constant at `learning_rate_init`. Features are standardised by the data
        of the first call.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences, n_timesteps[, n_labels]) or list
            A label for every step. In a list (or object array, or pandas Series), each item holds
            the labels of a sequence: a list or array of shape (length,), or a string, of which each
            character is a label, or each word with the `analyzer` of words (labels are then what
            stands between spaces). For multilabel targets, an indicator (0 or 1) of each label, in
            arrays of shape (length, n_labels). Steps of weight 0 may have None or NaN.
        classes : array-like of shape (n_classes,), default=None
            All classes that may occur in any call. Required in the first call and optional later.
        sample_weight : array-like, default=None
            Weights, which must not be negative: one for each sequence (a 1D array), or one for each
            step in the layout of y. Steps of weight 0 do not count. All are 1 by default.
        X_val : array-like or list of arrays, default=None
            Validation sequences, in any form that X may have. They are scored after the
            epoch, and the score is added to `validation_scores_`.
        y_val : array-like, default=None
            Targets of the validation sequences, in the form of y.
        sample_weight_val : array-like, default=None
            Weights of the validation sequences or of their steps.

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
        is_first = not hasattr(self, "_parameters")
        classes = self._check_declared_classes(classes, "partial_fit", is_first)
        return self._fit(
            X, y, sample_weight, (X_val, y_val, sample_weight_val), one_epoch=True, classes=classes
        )

    def decision_function(self, X):
        """Return the scores of the steps, from which the probabilities are computed.

        They are the log-odds of the second of two classes or of each label, and the logits of more
        than two classes.

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
        scores : ndarray of shape (n_sequences, n_timesteps[, n_classes]) or object ndarray
            An array where X is a 2D or 3D array; otherwise an object array with one array of shape
            (length,) or (length, n_classes) for each sequence.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._predict(X, "decision_function")

    def predict(self, X):
        """Predict the class of every step.

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
        y : ndarray of shape (n_sequences, n_timesteps[, n_labels]) or object ndarray
            An array where X is a 2D or 3D array; otherwise an object array with one array of shape
            (length,) for each sequence. For multilabel
            targets (length, n_labels), 1 for each label whose probability exceeds 1/2. Where the
            labels of each sequence were a string in the first fit, an object array with a string
            for each sequence.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._predict(X)

    def predict_proba(self, X):
        """Predict the probability of each class at every step.

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
        probability : ndarray of shape (n_sequences, n_timesteps, n_classes) or object ndarray
            An array where X is a 2D or 3D array; otherwise an object array with one array of shape
            (length, n_classes) for each sequence. Columns are in
            the order of ``classes_``; of multilabel targets there is one for each label.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._predict(X, "predict_proba")

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class at every step.

        It is accurate where the probability itself is too small for a floating-point number.

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
        log_probability : ndarray of shape (n_sequences, n_timesteps, n_classes) or object ndarray
            An array where X is a 2D or 3D array; otherwise an object array with one array of shape
            (length, n_classes) for each sequence. Columns are in
            the order of ``classes_``; of multilabel targets there is one for each label.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._predict(X, "predict_log_proba")

    def score(self, X, y, sample_weight=None):
        """Return the accuracy over all steps.

        Every step counts alike, or by its weight. With multilabel targets, a step is correct if all
        its labels are.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        y : array-like of shape (n_sequences, n_timesteps[, n_labels]) or list
            True labels. In a list (or object array, or pandas Series), each item holds
            the labels of a sequence: a list or array of shape (length,), or a string, of which each
            character is a label, or each word with the `analyzer` of words (labels are then what
            stands between spaces). For multilabel targets, an indicator (0 or 1) of each label, in
            arrays of shape (length, n_labels). Steps of weight 0 may have None or NaN.
        sample_weight : array-like, default=None
            Weights, which must not be negative: one for each sequence (a 1D array), or one for each
            step in the layout of y. Steps of weight 0 do not count. All are 1 by default.

        Returns
        -------
        score : float
            Share of the steps whose labels are correct.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        """
        return self._score_steps(X, y, sample_weight)
