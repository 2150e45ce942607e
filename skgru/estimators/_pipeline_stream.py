"""stream: a fitted model with all that comes before it in a Pipeline, step by step."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgru.preprocessing import SequenceScaler

from ._predictions import Predictions


def stream(model, n_streams=1, *, method="predict"):
    """Start to predict step by step, with the transformers of a Pipeline before the model.

    The ``stream`` method of an estimator takes steps as that estimator reads them. This function
    takes a whole Pipeline, and every step that is pushed passes through its transformers first.

    Parameters
    ----------
    model : estimator
        A fitted GRU estimator, a Pipeline that ends with one, or a search over either, of which the
        ``best_estimator_`` is used. The other steps of a Pipeline have to work step by step. Those
        that do are `SequenceScaler`, "passthrough", and a `FunctionTransformer` whose function
        treats every step for itself.
    n_streams : int, default=1
        Number of streams that advance together, by one step at a time.
    method : str, default="predict"
        The method whose result every step returns: "predict" or, of a classifier, also
        "predict_proba", "predict_log_proba" or "decision_function".

    Returns
    -------
    stream : Stream
        Its predictions are equal, to the last bit, to those of the model for the sequence so far.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If the model is none of those described, or if a step of its Pipeline is not.
    ValueError
        If the GRU or a `SequenceScaler` needs whole sequences, because the GRU is bidirectional or
        has "attention" among its poolings, or because one of them scales each sequence by itself.

    Notes
    -----
    The function of a `FunctionTransformer` is called with sequences of one step, in the layout of
    the X of ``fit``. Nothing tells whether it treats every step for itself, as a logarithm does and
    a difference of neighbours does not. Therefore it is also called with the first two steps that
    are pushed, together, and an error is raised if that gives something else. A function that only
    looks further back than one step is not found that way.

    Examples
    --------
    >>> import numpy as np
    >>> import skgru
    >>> from sklearn.pipeline import make_pipeline
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(20, 15, 3))
    >>> model = make_pipeline(skgru.SequenceScaler(), skgru.GRURegressor(8, max_iter=2))
    >>> stream = skgru.stream(model.fit(X, X[:, -1, 0]))
    >>> predictions = [stream.push(x) for x in X[0]]
    >>> bool(predictions[-1] == model.predict(X[:1])[0])
    True
    """
    steps, estimator = _take_apart(model)
    transformers = [
        _step_transformer(name, transformer, estimator._layout) for name, transformer in steps
    ]
    found = estimator.stream(n_streams, method=method)
    found._transformers = [transform for transform in transformers if transform is not None]
    return found


def _take_apart(model):
    """The named transformers of a fitted model in the order of their use, and its GRU estimator."""
    from sklearn.pipeline import Pipeline  # slow to import

    if isinstance(model, type) or not hasattr(model, "fit"):
        raise TypeError(f"{_NEEDED}; got {model!r:.50}.")
    check_is_fitted(model)
    if isinstance(model, Predictions):
        return [], model
    if hasattr(model, "best_estimator_"):
        return _take_apart(model.best_estimator_)
    if isinstance(model, Pipeline):
        *first, (_, last) = model.steps
        rest, estimator = _take_apart(last)
        return [*first, *rest], estimator
    if hasattr(model, "best_params_"):
        raise TypeError(
            f"{type(model).__name__} has no best_estimator_, as it was fitted with refit=False. "
            "Fit a model with its best_params_."
        )
    raise TypeError(f"{_NEEDED}; got {type(model).__name__}.")


_NEEDED = (
    "stream needs a fitted GRU estimator of skgru, a Pipeline that ends with one, or a search over "
    "either"
)


def _step_transformer(name, transformer, layout):
    """A function of one step, (n_streams, n_features); None if it would change nothing."""
    from sklearn.preprocessing import FunctionTransformer  # slow to import

    if transformer is None or transformer == "passthrough":
        return None
    if isinstance(transformer, SequenceScaler):
        return transformer._step_transformer()
    if isinstance(transformer, FunctionTransformer):
        return _Function(name, transformer, layout) if transformer.func is not None else None
    raise TypeError(
        f"Step {name!r} of the Pipeline, {type(transformer).__name__}, cannot be applied step by "
        "step: only SequenceScaler and FunctionTransformer can. Transform each step yourself and "
        "push it to the stream of the last estimator, pipeline[-1].stream()."
    )


class _Function:
    """The function of a FunctionTransformer, applied to single steps.

    Parameters
    ----------
    name : str
        Its name in the Pipeline.
    transformer : FunctionTransformer
    layout : {"2d", "3d", "ragged"}
        In which form it gets sequences.
    """

    def __init__(self, name, transformer, layout):
        self._name, self._layout = name, layout
        self._func, self._options = transformer.func, transformer.kw_args or {}
        self._first, self._is_proven = None, False

    def __call__(self, values):
        found = self._apply(values[:, np.newaxis])
        if not self._is_proven:
            self._compare(values, found)
        return found[:, 0]

    def _compare(self, values, found):
        """Refuse a function that gives something else for the first two steps together."""
        if self._first is None or self._first[0].shape != values.shape:
            self._first = values.copy(), found
            return
        before, found_before = self._first
        together = self._apply(np.stack([before, values], axis=1))
        expected = np.concatenate([found_before, found], axis=1)
        if not np.allclose(together, expected, rtol=1e-6, atol=0, equal_nan=True):
            raise ValueError(
                f"Step {self._name!r} of the Pipeline does not work step by step: its function "
                "returns other values for two steps together than for each of them. Transform each "
                "step yourself and push it to the stream of the last estimator, "
                "pipeline[-1].stream()."
            )
        self._first, self._is_proven = None, True

    def _apply(self, X):
        """The function of sequences (n_streams, n_steps, n_features), in the same layout."""
        n_streams, n_steps, n_features = X.shape
        if self._layout == "2d" and n_features != 1:
            raise ValueError(
                f"x has {n_features} features, but the Pipeline was fitted on a 2D table, of which "
                "a step has one."
            )
        given = {"2d": lambda: X[:, :, 0], "3d": lambda: X, "ragged": lambda: list(X)}
        result = self._func(given[self._layout](), **self._options)
        items = list(map(np.asarray, result if isinstance(result, list) else np.asarray(result)))
        if [item.shape[:1] for item in items] != [(n_steps,)] * n_streams:
            raise ValueError(
                f"Step {self._name!r} of the Pipeline does not work step by step: its function "
                f"returns {np.shape(result)} for sequences of {n_steps} step(s)."
            )
        return np.stack([item.reshape(n_steps, -1) for item in items])
