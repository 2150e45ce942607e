"""What a fitted model does with sequences: raw predictions, streams, attention."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from skgru.kernels import fall_back, use_device
from skgru.models import Predictor, resolve_n_threads

from ._fitted import FittedArrays
from ._streaming import Stream
from ._validation import check_prediction, check_range, check_X


class Predictions(FittedArrays):
    """Mixin: raw predictions, which an estimator decodes, and all that rests on them."""

    #: Methods that `stream` can follow.
    _stream_methods = ("predict",)

    def _scaling(self):
        """Shift and scale of the features; copies, as attributes may lie in a memory map."""
        return self.feature_mean_.copy(), 1.0 / self.feature_scale_

    def _use_predictor(self, use):
        """Return ``use(predictor)``, on the device that is at hand, and leave nothing there."""
        with use_device(fall_back(self.device), self.precision) as kernels:
            return use(Predictor(self._network(kernels), self._parameters, *self._scaling()))

    def _check_range(self, sequences, name="X"):
        """Refuse values that the network cannot hold."""
        shift, scale = self._scaling()
        dtype = self._network_options["dtype"]
        check_range(sequences, lambda rows: (rows - shift) * scale, dtype, name)

    def _predict_raw(self, X):
        """Raw predictions (n, n_outputs) in the dtype of the network."""
        check_is_fitted(self)
        sequences = check_X(self, X, reset=False)
        self._check_range(sequences)
        n_threads = resolve_n_threads(self.n_jobs)
        raw = self._use_predictor(
            lambda predictor: predictor.predict_raw(sequences, None, n_threads)
        )
        check_prediction(raw, sequences)
        return raw

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
            An object with the methods ``push``, ``reset``, ``get_state`` and ``set_state``.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the model needs whole sequences, because it is bidirectional or has "attention" among
            its poolings.

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
             "method": [StrOptions(set(self._stream_methods))]},
            {"n_streams": n_streams, "method": method}, caller_name="stream",
        )  # fmt: skip
        for is_backward, what, instead in (
            (self._network_options["bidirectional"], "bidirectional=True", "bidirectional=False"),
            (
                "attention" in self._network_options["pooling"], "pooling 'attention'",
                "any of 'last', 'mean', 'max'",
            ),
        ):  # fmt: skip
            if is_backward:
                raise ValueError(
                    f"A model with {what} needs whole sequences and cannot be run step by step. "
                    f"Fit with {instead}."
                )
        return Stream(self, int(n_streams), method)

    def attention_weights(self, X):
        """Return the weights that attention gives to the steps of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_timesteps[, n_features]) or list of arrays
            The sequences. Each row of a 2D table is a univariate series, so that its columns are
            time steps, not features. In a list (or object array), each item is a sequence of any
            length, an array of shape (length, n_features) or (length,). X is never changed.

        Returns
        -------
        weights : ndarray of shape (n_sequences, n_timesteps) or list of ndarray
            Positive weights that sum to 1 over the steps of each sequence: an array if X is a 2D or
            3D array, otherwise a list with an array of shape (length,) for each sequence.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be used or does not match the X of `fit`. The message says where.
        ValueError
            If "attention" was not among the poolings that the model was fitted with.
        """
        check_is_fitted(self)
        if "attention" not in self._network_options["pooling"]:
            raise ValueError(
                "There are no attention weights: fit with pooling='attention', or with a tuple "
                "that contains it."
            )
        sequences = check_X(self, X, reset=False)
        self._check_range(sequences)
        n_threads = resolve_n_threads(self.n_jobs)
        found = self._use_predictor(lambda predictor: predictor.attention(sequences, n_threads))
        found = np.split(found[:, 0], sequences.offsets[1:-1])
        return found if sequences.layout == "ragged" else np.array(found)
