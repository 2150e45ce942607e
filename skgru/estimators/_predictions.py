"""Methods of a fitted model that read sequences: predictions, states, streams, attention."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgru.base import (
    Interval,
    StrOptions,
    check_finite_when_scaled,
    check_prediction,
    check_X,
    validate_parameter_constraints,
)
from skgru.data import SequenceRows
from skgru.kernels import fall_back, use_device
from skgru.models import Predictor, resolve_n_threads
from skgru.preprocessing import prepare_sequences

from ._fitted import FittedArrays
from ._streaming import Stream


class Predictions(FittedArrays):
    """Mixin: raw predictions, which an estimator decodes, and the methods built on them."""

    #: What a row of the targets is.
    _row_type = SequenceRows

    #: With ``standardize="sequence"``, what `prepare_sequences` needs; models of earlier versions
    #: have none.
    _log_scale_floor = None

    @abstractmethod
    def _target(self):
        """The `Target` of the fitted model, from its attributes."""

    def _rows(self, sequences, target=None, name="X"):
        """The rows of sequences; ``target`` describes their y unless that is still to be learnt."""
        return self._row_type(sequences, name)

    def _scaling(self):
        """Shift and scale of the features; copies, as attributes may lie in a memory map."""
        return self.feature_mean_.copy(), 1.0 / self.feature_scale_

    def _use_predictor(self, X, use):
        """Read X with the fitted network.

        A function is passed because everything that the predictor holds on a device must be freed
        when the session on that device ends: the predictor never leaves this method.

        Parameters
        ----------
        X : array-like
        use : callable
            ``use(predictor, sequences, n_threads)``.

        Returns
        -------
        model : estimator
            The estimator that was read: a fit in another thread does not change it.
        sequences : Sequences
            X, checked.
        result : object
            The result of ``use``.
        """
        check_is_fitted(self)
        model = self._snapshot()
        scaling = model._scaling()
        sequences = check_X(model, X, reset=False)
        dtype = model._network_options["dtype"]
        prepared = prepare_sequences(sequences, model._log_scale_floor, dtype)
        check_finite_when_scaled(prepared, *scaling, dtype)
        n_threads = resolve_n_threads(model.n_jobs)
        with use_device(fall_back(model.device), model.precision) as kernels:
            # The predictor is not bound to a name, which would keep it alive beyond the session.
            predicted = use(
                Predictor(model._network(kernels), model._parameters, *scaling),
                prepared,
                n_threads,
            )
        return model, sequences, predicted

    def _predict_raw(self, X):
        """Return the fitted target, the rows of X, and their raw predictions (n_rows, n_raw)."""
        known = vars(self).get("_known_predictions")  # see `make_score`
        if known is not None and known[0] is X:
            return self._target(), *known[1:]

        def predict_raw(predictor, sequences, n_threads):
            return predictor.predict_raw(sequences, None, n_threads)

        model, sequences, raw = self._use_predictor(X, predict_raw)
        target = model._target()
        rows = model._rows(sequences, target)
        check_prediction(raw, sequences, rows)
        return target, rows, raw

    def _predict(self, X, method="predict"):
        """Return the result of a method for the sequences X."""
        target, rows, raw = self._predict_raw(X)
        analyzer = target.analyzer if method == "predict" else None
        return rows.join(target.decode(raw, method), analyzer)

    def states(self, X, layer=-1):
        """Return the states of a layer after every step of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.
            Symbols are strings: each item is then a text, which `analyzer` cuts, or a list of
            symbols.
        layer : int, default=-1
            Number of the layer, 0 for the one that reads the input, -1 for the last one.

        Returns
        -------
        states : list of n_sequences ndarray of shape (length, n_hidden), float64
            With ``bidirectional=True``, (length, 2 * n_hidden): the states of the second GRU, which
            reads the sequence from its end, stand beside those of the first at the same step.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`, or if there is no such layer.
        """
        check_is_fitted(self)
        n_layers = len(self._network_options["hidden_layer_sizes"])
        if not (isinstance(layer, Integral) and -n_layers <= layer < n_layers):
            raise ValueError(
                f"layer is {layer!r}, but must be an integer from {-n_layers} to {n_layers - 1}: "
                f"the model has {n_layers} layer(s)."
            )

        def read_states(predictor, sequences, n_threads):
            return predictor.states(sequences, layer, n_threads)

        _, sequences, states = self._use_predictor(X, read_states)
        return np.split(states.astype(np.float64), sequences.offsets[1:-1])

    def stream(self, n_streams=1, *, method="predict"):
        """Start to predict one stream or several, step by step.

        Parameters
        ----------
        n_streams : int, default=1
            Number of streams that advance together, by one step at a time.
        method : str, default="predict"
            The method whose result every step returns: "predict" or, of a classifier, also
            "predict_proba", "predict_log_proba" or "decision_function".

        Returns
        -------
        stream : Stream
            An object with the methods ``push``, ``extend``, ``reset``, ``states``, ``get_state``
            and ``set_state``.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the model needs whole sequences, because it is bidirectional, has "attention" among
            its poolings, or scales each sequence by itself.

        See Also
        --------
        skgru.stream : The same for a Pipeline or a search.

        Examples
        --------
        >>> import numpy as np
        >>> from skgru import GRURegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(20, 15, 3))
        >>> model = GRURegressor(hidden_layer_sizes=8, max_iter=2).fit(X, X[:, -1, 0])
        >>> stream = model.stream()
        >>> predictions = [stream.push(x) for x in X[0]]
        >>> bool(predictions[-1] == model.predict(X[:1])[0])
        True
        """
        check_is_fitted(self)
        validate_parameter_constraints(
            {"n_streams": [Interval(Integral, 1, None, closed="left")],
             "method": [StrOptions(set(self._target().methods))]},
            {"n_streams": n_streams, "method": method}, caller_name="stream",
        )  # fmt: skip
        for is_backward, what, instead in (
            (self._network_options["bidirectional"], "bidirectional=True", "bidirectional=False"),
            (
                "attention" in (self._network_options["pooling"] or ()), "pooling 'attention'",
                "any of 'last', 'mean', 'max'",
            ),
            (
                self._log_scale_floor is not None, 'standardize="sequence"', "standardize=True",
            ),
        ):  # fmt: skip
            if is_backward:
                raise ValueError(
                    f"A model with {what} needs whole sequences and cannot be run step by step. "
                    f"Fit with {instead}."
                )
        return Stream(self, int(n_streams), method)
