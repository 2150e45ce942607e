"""Docstring parts that the estimators share, written once."""

import inspect

_PARTS = {
    "common_parameters": """
hidden_layer_sizes : int or tuple of int, default=64
    Units of each GRU layer, from the input upwards; of each direction if bidirectional.
bidirectional : bool, default=False
    Whether a second GRU in each layer reads the sequence from its end.
pooling : {"last", "mean", "max", "attention"} or tuple of several, \\
        default=("last", "mean", "max")
    How the states of all steps become one vector: the final state, the mean or the maximum over the
    steps, or a mean under learned weights (softmax of the product with a learned query, [2]_).
    Several are put side by side.
dropout : float in [0, 1), default=0.0
    Share of values dropped between layers and before the head while training.
recurrent_dropout : float in [0, 1), default=0.0
    Share of units that the recurrent weights do not see while training; one mask for all steps of a
    sequence [3]_.
standardize : bool, default=True
    Whether features (and, in regression, targets) are brought to mean 0 and standard deviation 1
    inside the estimator, by statistics of the training data over all steps.
solver : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
    Optimiser.
alpha : float, default=1e-4
    Strength of the L2 penalty on the weights: alpha / 2 times their squared norm, divided by the
    size of a batch times the mean sample weight.  With "adamw" the weights shrink by learning rate
    times alpha at each update instead.
batch_size : int or "auto", default="auto"
    Sequences in a mini-batch; "auto" takes one in 32 of the sequences, but 32 to 256 of them.
learning_rate : {"constant", "adaptive", "cosine"}, default="cosine"
    "constant" keeps ``learning_rate_init``; "adaptive" divides it by 5 each time training stops
    improving, until it is below 1e-6; "cosine" rises over a tenth of ``max_iter`` epochs and then
    falls to zero along half a cosine.
learning_rate_init : float, default=1e-2
    Learning rate; with "cosine" the largest one.
max_iter : int, default=100
    Number of epochs (passes over the training data).
shuffle : bool, default=True
    Whether to draw the order of the sequences anew for each epoch.
random_state : int, RandomState instance or None, default=None
    Determines initial weights, order of the sequences, validation split and dropout.  An int gives
    the same model to the last bit, for every ``n_jobs``.
tol : float, default=1e-4
    Smallest change of the loss (or of the validation score) that counts as an improvement.
verbose : int, default=0
    1 shows a live progress bar on a terminal and about ten lines elsewhere, 2 a line per epoch.
warm_start : bool, default=False
    Whether a further call of fit goes on with ``max_iter`` more epochs, exactly as if it had not
    been interrupted, instead of starting afresh.  The model then stores the state of training.
    With "cosine" every call is a cycle of its own; "constant" and "adaptive" go on seamlessly.
momentum : float in [0, 1], default=0.9
    Momentum of "sgd".
nesterovs_momentum : bool, default=True
    Whether the momentum of "sgd" is Nesterov's.
early_stopping : "auto" or bool, default="auto"
    Whether to stop when the score on validation data (``X_val``, or a share of the training data)
    has not improved for ``n_iter_no_change`` epochs, and keep the weights of the best epoch.
    "auto" does so with more than 10000 training sequences, or where ``X_val`` is given.
validation_fraction : float in [0, 1), default=0.1
    Share of the training data held out for early stopping where no ``X_val`` is given.
beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
    Memory of the mean and of the squared gradients in "adam" and "adamw"; "rmsprop" uses
    ``beta_2``.
epsilon : float, default=1e-8
    Keeps the steps of "adam", "adamw" and "rmsprop" finite.
n_iter_no_change : int or inf, default=10
    Epochs without improvement after which training stops ("constant"), lowers its rate
    ("adaptive"), or stops early (``early_stopping``).  "cosine" alone makes all epochs.
max_grad_norm : float or None, default=1.0
    Longer gradients are shortened to this norm.
n_jobs : int, default=None
    Number of threads.  None means 1 unless in a `joblib.parallel_config` context, -1 all cores.
    Changes the time, never the result.
device : {"cpu", "cuda", "cuda:N", "auto"}, default="cpu"
    Where to compute: on the CPU, on the first NVIDIA GPU, on GPU number N, or on the first GPU if
    there is one.  A GPU needs the extra ``skgru[cuda]``.  Without one, "cuda" raises in ``fit``;
    a prediction is then made on the CPU, with a warning.
precision : {"fp32", "tf32", "bf16"}, default="fp32"
    Of the products on a GPU; sums, states and everything else stay in ``dtype``.  The other two
    need ``dtype="float32"`` and have no effect on the CPU.
dtype : {"float32", "float64"}, default="float32"
    Precision of parameters and states.
""",
    "common_attributes": """
coefs_, recurrent_coefs_, intercepts_, recurrent_intercepts_ : list of ndarray
    Parameters of each layer and direction, gates in the order r, z, n: input weights
    (n_in, 3 * n_hidden), recurrent weights (n_hidden, 3 * n_hidden), biases (3 * n_hidden,) and the
    recurrent bias of the candidate (n_hidden,); ``coefs_`` and ``intercepts_`` end with the head.
    They are views: changing them changes the model.
attention_coef_ : ndarray of shape (n_directions, n_hidden)
    Query of the attention, with "attention" in ``pooling``.
feature_mean_, feature_scale_ : ndarray of shape (n_features,)
    The network sees ``(X - feature_mean_) / feature_scale_``.
device_ : str
    Where the last fit was computed: "cpu" or "cuda:N".
n_iter_ : int
    Epochs trained, over all calls that went on from each other.
loss_ : float
    Training loss of the last epoch, in units of the standardised target.
loss_curve_ : list of float
    Training loss of each epoch, penalty included.
best_loss_ : float or None
    Smallest training loss; None with early stopping.
validation_scores_ : list of float or None
    Score of the validation data after each epoch: R² (minus the pinball loss for quantiles) or
    accuracy.  None without validation data.
best_validation_score_ : float or None
    Largest of them.
n_outputs_ : int
    Number of targets, or of columns of the decision function.
n_features_in_ : int
    Features of a step; the width of the table if X is 2D.
feature_names_in_ : ndarray of str
    Column names, if X was a frame.
""",
    "X": """
X : array-like of shape (n_sequences, n_timesteps), array-like of shape \\
        (n_sequences, n_timesteps, n_features), or list of arrays
    Sequences: a table of univariate series, a 3D array, or a list (or object array) with one array
    of shape (length, n_features) or (length,) for each sequence.  Never changed.
""",
    "raises_predict": """
Raises
------
NotFittedError
    Before `fit`.
ValueError, TypeError
    If X is not usable, or unlike the X of `fit`; the message names the place.
""",
    "X_and_y_regression": """
{X}
y : array-like of shape (n_sequences,) or (n_sequences, n_targets)
    Targets.
""",
    "X_and_y_classification": """
{X}
y : array-like of shape (n_sequences,) or (n_sequences, n_labels)
    Class labels, or indicators of several labels.
""",
    "fit_rest": """
sample_weight : array-like of shape (n_sequences,), default=None
    Weights of the sequences; not negative.
X_val, y_val : array-like, default=None
    Validation data, scored after every epoch; with ``early_stopping`` they take the place of a
    share of the training data.
sample_weight_val : array-like, default=None
    Weights of the validation sequences.

Returns
-------
self : estimator
    The fitted estimator.

{raises_fit}
""",
    "raises_fit": """
Raises
------
ValueError, TypeError
    If data or parameters are not usable; the message names the place.  The estimator is then what
    it was before.
""",
    "partial_fit_rest": """
sample_weight : array-like of shape (n_sequences,), default=None
    Weights of the sequences; not negative.

Returns
-------
self : estimator
    The estimator after one more epoch.  Its learning rate is ``learning_rate_init``.

{raises_fit}
""",
    "references": """
.. [1] K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
   Machine Translation", 2014, `arXiv:1406.1078 <https://arxiv.org/abs/1406.1078v1>`_.
.. [2] C. Raffel, D. P. W. Ellis, "Feed-Forward Networks with Attention Can Solve Some Long-Term
   Memory Problems", 2015, `arXiv:1512.08756 <https://arxiv.org/abs/1512.08756>`_.
.. [3] Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
   Networks", 2016, `arXiv:1512.05287 <https://arxiv.org/abs/1512.05287>`_.
""",
}


def document(cls):
    """Class decorator: replace lines ``{name}`` in docstrings by the shared part of that name."""
    for documented in (cls, *filter(inspect.isfunction, vars(cls).values())):
        if documented.__doc__ is not None:  # as under python -OO
            documented.__doc__ = _fill(inspect.cleandoc(documented.__doc__))
    return cls


def _fill(text):
    lines = []
    for line in text.split("\n"):
        name = line.strip()
        part = _PARTS.get(name[1:-1]) if name.startswith("{") else None
        # Parts may name others, as the text of X stands in several.
        lines.append(_fill(part.strip("\n").replace("\\\n        ", "")) if part else line)
    return "\n".join(lines)
