"""The fitted parameters: named views of them, a summary, and the state that training needs."""

from numbers import Integral

from sklearn.utils.validation import check_is_fitted

from skgru.base import Interval, validate_parameter_constraints
from skgru.models import GRUNetwork

from ._constraints import check_hidden_layer_sizes
from ._options import network_options


class Summary(str):
    """A text of several lines, which a notebook and the interpreter show as it is."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


class FittedArrays:
    """Mixin: the flat parameter vector as the familiar arrays of weights and biases.

    All arrays are views of one vector, so changing them in place changes the model.
    """

    def _network(self, kernels=None, options=None, loss=None):
        """The network, built from plain facts: by default those of the fitted model.

        ``kernels`` are those of the device that it will run on, the CPU's if None.
        """
        options = self._network_options if options is None else options
        return GRUNetwork(**options, loss=loss, kernels=kernels)

    @property
    def parameters_(self):
        """All parameters by name, as in ``summary()``: "gru0.forward.W", for example."""
        if not hasattr(self, "_parameters"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return self._network().layout.views(self._parameters)

    def _views(self, ending):
        return [view for name, view in self.parameters_.items() if name.endswith(ending)]

    @property
    def coefs_(self):
        """Input weights of each layer and direction (n_in, 3 * n_hidden), then of the head."""
        return self._views(".W")

    @property
    def recurrent_coefs_(self):
        """Recurrent weights of each layer and direction (n_hidden, 3 * n_hidden)."""
        return self._views(".U")

    @property
    def intercepts_(self):
        """Biases of each layer and direction (3 * n_hidden,), then of the head (n_outputs,)."""
        return self._views(".b")

    @property
    def recurrent_intercepts_(self):
        """Biases b_hn inside the reset of each layer and direction (n_hidden,)."""
        return self._views(".b_hn")

    def summary(self, n_features=None, n_outputs=None):
        """Describe the network: the fitted one, or the one that a fit would train.

        Parameters
        ----------
        n_features : int, default=None
            Describe the network for that many features of a step, before a fit or in place of the
            fitted one. None means the fitted network.
        n_outputs : int, default=None
            Only together with `n_features`: the number of targets, of labels, or of more than two
            classes; 1 for two classes. None means 1, so that a classifier is described for two
            classes unless `n_outputs` says otherwise. The quantiles of a regressor are counted in
            addition.

        Returns
        -------
        text : str
            A table with one line for each array of parameters: its name, shape and size. The
            interpreter and notebooks show it line by line, without ``print``.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted and there is no `n_features`.
        ValueError
            If a parameter of the estimator or of this method is not valid.
        """
        options = self._described_options(n_features, n_outputs)
        network = self._network(options=options)
        rows = [
            (array.name, " x ".join(map(str, array.shape)), f"{array.size:,}")
            for array in network.layout.parameters
        ]
        rows.append(("total", "", f"{network.layout.size:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        readout = "every step"
        if options["pooling"] is not None:
            readout = f"pooling {' + '.join(options['pooling'])}"
        title = (
            f"{type(self).__name__}: {self._inputs_in_words(options)}, GRU "
            f"{' + '.join(map(str, options['hidden_layer_sizes']))}"
            f"{' in both directions' if options['bidirectional'] else ''}, {readout}, "
            f"{options['n_outputs']} outputs, {options['dtype']}"
        )
        lines = [
            f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {size:>{widths[2]}}"
            for name, shape, size in rows
        ]
        rule = "-" * max(map(len, lines))
        n_directions = 1 + options["bidirectional"]
        n_more = 2 * n_directions * sum(options["hidden_layer_sizes"])
        note = (
            f"Keras and torch count {n_more:,} more: they give every gate a recurrent bias; here "
            "only the candidate n has one."
        )
        return Summary("\n".join([title, rule, *lines[:-1], rule, lines[-1], note]))

    def _inputs_in_words(self, options):
        """What a step of the input of such a network is."""
        embeddings, n_features = options.get("embeddings", ()), options["n_features"]
        if embeddings and hasattr(self, "vocabulary_"):
            return f"{embeddings[0][0] - 1:,} symbols"
        found = []
        if embeddings:
            columns = "categorical column" if len(embeddings) == 1 else "categorical columns"
            found.append(f"{len(embeddings)} {columns}")
        if n_features or not embeddings:
            found.append(f"{n_features} features")
        return " and ".join(found)

    def _described_options(self, n_features, n_outputs):
        """The options of the network that `summary` describes."""
        if n_features is None:
            check_is_fitted(
                self,
                msg="This %(name)s instance is not fitted yet. Call fit, or say what the data are "
                "like, for example summary(n_features=6, n_outputs=3).",
            )
            if n_outputs is not None:
                raise ValueError("n_outputs is given, but n_features is not. Pass n_features, too.")
            return self._network_options
        self._validate_params()
        n_outputs = 1 if n_outputs is None else n_outputs
        positive = [Interval(Integral, 1, None, closed="left")]
        validate_parameter_constraints(
            {"n_features": positive, "n_outputs": positive},
            {"n_features": n_features, "n_outputs": n_outputs},
            caller_name="summary",
        )
        sizes, pooling = check_hidden_layer_sizes(self.hidden_layer_sizes), self._checked_pooling()
        if self.standardize == "sequence":  # the logarithms of the scales are inputs, too
            n_features = 2 * n_features
        return network_options(self, n_features, sizes, pooling, self._n_raw(n_outputs))

    def _n_raw(self, n_outputs):
        """How many columns the raw predictions of so many outputs have."""
        return n_outputs

    def drop_training_state(self):
        """Drop what only further training needs, to save a model that will only predict.

        After `partial_fit`, after a fit that was interrupted, and with ``warm_start=True`` a model
        also stores the state of training, such as the running means of its optimiser, two or three
        times the size of its parameters. Without it, predictions stay the same to the last bit.
        Training may still go on from these weights, but with an optimiser in its initial state.

        Returns
        -------
        self : estimator
            The same estimator.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        """
        check_is_fitted(self)
        self.__dict__.pop("_resume_state", None)
        return self
