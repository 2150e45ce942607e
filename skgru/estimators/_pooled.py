"""What estimators with a pooling share: pooled vectors and attention."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


class PooledStates:
    """Mixin: the states of all steps become one vector."""

    def _pooled(self, X):
        """The pooled vectors, (n_sequences, width) float64."""

        def read_pooled(predictor, sequences, n_threads):
            return predictor.pooled(sequences, n_threads)

        _, _, pooled = self._use_predictor(X, read_pooled)
        return pooled.astype(np.float64)

    @property
    def _n_features_out(self):
        """Width of the pooled vectors, which names their columns."""
        options = self._network_options
        n_directions = 2 if options["bidirectional"] else 1
        return len(options["pooling"]) * n_directions * options["hidden_layer_sizes"][-1]

    @property
    def attention_coef_(self):
        """Query of the attention pooling, one row per direction (n_directions, n_hidden)."""
        found = self._views("pooling.query")
        if not found:
            raise AttributeError("attention_coef_ exists only with 'attention' in pooling")
        return found[0]

    def attention_weights(self, X):
        """Return the weights that attention gives to the steps of each sequence.

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

        def read_attention(predictor, sequences, n_threads):
            return predictor.attention(sequences, n_threads)

        _, sequences, weights = self._use_predictor(X, read_attention)
        weights = np.split(weights[:, 0], sequences.offsets[1:-1])
        return weights if sequences.layout == "ragged" else np.array(weights)
