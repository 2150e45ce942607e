"""GRUClassifier: classes from sequences."""

from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight

from skgru.data import check_classes, encode_classes
from skgru.training import BinaryLogLoss, MultinomialLogLoss

from ._base import BaseGRU
from ._constraints import COMMON_CONSTRAINTS
from ._docs import document


@document
class GRUClassifier(ClassifierMixin, BaseGRU):
    """Gated recurrent units for classification of sequences.

    A sequence of any length goes in, the probability of each class comes out. The network is a
    stack of GRU layers (Cho et al. [1]_, in the form with the reset gate after the product), a
    pooling that turns the states of all steps into one vector, and a linear head; it is trained on
    the log loss by back-propagation through time.

    Parameters
    ----------
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of the classes, as in `sklearn.utils.class_weight.compute_sample_weight`.
    {common_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels known to the model; numbers of the labels for multilabel targets.
    {common_attributes}

    See Also
    --------
    GRURegressor : The same for numbers.
    SequenceScaler : Standardises sequences in a Pipeline.

    References
    ----------
    {references}

    Examples
    --------
    >>> from skgru import GRUClassifier
    >>> from skgru.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> model = GRUClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 9)
    """

    _parameter_constraints = {
        **COMMON_CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=64,
        *,
        bidirectional=False,
        pooling=("last", "mean", "max"),
        dropout=0.0,
        recurrent_dropout=0.0,
        class_weight=None,
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
        self.class_weight = class_weight
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
        """Train on sequences and their classes.

        Parameters
        ----------
        {X_and_y_classification}
        {fit_rest}
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch, going on where the last call ended.

        Scales of the features are those of the first call.

        Parameters
        ----------
        {X_and_y_classification}
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; needed in the first call, optional later.
        {partial_fit_rest}
        """
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
        return self._fit(X, y, sample_weight, one_epoch=True, classes=classes)

    _stream_methods = ("predict", "predict_proba", "predict_log_proba", "decision_function")

    def decision_function(self, X):
        """Scores before the link: log-odds of two classes or of labels, logits of several classes.

        Parameters
        ----------
        {X}

        Returns
        -------
        scores : ndarray of shape (n_sequences,) or (n_sequences, n_classes), float64
            Above 0 for the second of two classes.

        {raises_predict}
        """
        raw = self._predict_raw(X)
        return self._decoder("decision_function")(raw)

    def predict(self, X):
        """Predict the class of sequences.

        Parameters
        ----------
        {X}

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_labels)
            Most probable class, or indicators of the labels whose probability exceeds 1/2.

        {raises_predict}
        """
        raw = self._predict_raw(X)
        return self._decoder("predict")(raw)

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        {X}

        Returns
        -------
        probability : ndarray of shape (n_sequences, n_classes), float64
            In the order of ``classes_``; of each label for multilabel targets.

        {raises_predict}
        """
        raw = self._predict_raw(X)
        return self._decoder("predict_proba")(raw)

    def predict_log_proba(self, X):
        """Logarithm of the probability of each class, exact where it is far below 0.

        Parameters
        ----------
        {X}

        Returns
        -------
        log_probability : ndarray of shape (n_sequences, n_classes), float64
            In the order of ``classes_``; of each label for multilabel targets.

        {raises_predict}
        """
        raw = self._predict_raw(X)
        return self._decoder("predict_log_proba")(raw)

    def _decoder(self, method):
        loss, classes = self._make_loss(), self.classes_
        is_multilabel = self._is_multilabel
        is_binary = self.n_outputs_ == 1 and not is_multilabel

        def decision_function(raw):
            scores = raw.astype(np.float64)
            return scores[:, 0] if is_binary else scores

        def predict(raw):
            if is_multilabel:
                return (raw > 0).astype(int)
            return classes[(raw[:, 0] > 0).astype(int) if is_binary else np.argmax(raw, axis=1)]

        def predict_proba(raw):
            found = loss.link(raw)
            return np.hstack([1 - found, found]) if is_binary else found

        def predict_log_proba(raw):
            if is_binary:
                return np.hstack([loss.log_link(raw, -1.0), loss.log_link(raw)])
            return loss.log_link(raw)

        decoders = (decision_function, predict, predict_proba, predict_log_proba)
        return {decoder.__name__: decoder for decoder in decoders}[method]

    def _encode_target(self, y, name, reset):
        known = self._declared_classes if reset else self.classes_
        target, classes, is_multilabel = encode_classes(y, self, known, name)
        if reset:
            if not is_multilabel and len(classes) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs at least two classes, but {name} contains one "
                    f"class: {classes.tolist()[0]!r}."
                )
            self.classes_, self._is_multilabel = classes, is_multilabel
            n = len(classes)
            self.n_outputs_ = 1 if n == 2 and not is_multilabel else n
        elif is_multilabel != self._is_multilabel:
            verb = "is" if is_multilabel else "is not"
            raise ValueError(f"{name} {verb} multilabel, unlike the targets before.")
        return target

    def _weigh_classes(self, training):
        if self.class_weight is None:
            return training.weight
        if self._is_multilabel:
            if isinstance(self.class_weight, list):
                for i, weights in enumerate(self.class_weight):
                    _check_class_weight(weights, f"class_weight[{i}]")
            factor = compute_sample_weight(self.class_weight, training.target.astype(int))
        else:
            numbers = training.target[:, 0].astype(int)
            factor = self._class_factors(numbers[training.indices])[numbers]
        with np.errstate(over="ignore"):
            weight = training.weight * factor
        if not weight[training.indices].any():
            raise ValueError(
                f"class_weight={self.class_weight!r} and sample_weight leave no sequence with a "
                "positive weight."
            )
        return weight

    def _class_factors(self, used):
        """Weight of each class, by the classes of the sequences that are trained on."""
        if self.class_weight == "balanced":
            counts = np.bincount(used, minlength=len(self.classes_))
            return len(used) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        _check_class_weight(self.class_weight, "class_weight")
        unknown = [label for label in self.class_weight if label not in self.classes_]
        if unknown:
            raise ValueError(
                f"class_weight names {np.array(unknown).tolist()}, not among the classes "
                f"{self.classes_.tolist()}."
            )
        return np.array([self.class_weight.get(label, 1.0) for label in self.classes_])

    def _labels_to_stratify(self, target):
        return None if self._is_multilabel else target[:, 0]

    def _make_loss(self):
        if self._is_multilabel or self.n_outputs_ == 1:
            return BinaryLogLoss(self.n_outputs_)
        return MultinomialLogLoss(self.n_outputs_)

    def _score_raw(self, raw, target, weight):
        """Accuracy; of the whole set of labels for multilabel targets."""
        if self._is_multilabel or self.n_outputs_ == 1:
            correct = ((raw > 0) == (target > 0)).all(axis=1)
        else:
            correct = np.argmax(raw, axis=1) == target[:, 0]
        return float(np.average(correct, weights=weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _check_class_weight(weights, name):
    """Refuse what gives no weight to classes: they must be finite numbers, and not negative."""
    if not isinstance(weights, dict):
        raise ValueError(
            f"{name} is {weights!r:.50}, but must be a dict from classes to weights. A list, with "
            "one dict for each label, is for multilabel targets."
        )
    for label, weight in weights.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"{name} of class {np.asarray(label).tolist()!r} is {weight!r:.50}, but must be a "
                "finite number that is not negative."
            )
