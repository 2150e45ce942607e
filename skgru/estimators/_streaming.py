"""Stream: the predictions of a fitted model after every new time step."""

import reprlib
import zlib

import numpy as np

from skgru.base import check_names_of_step, why_too_large
from skgru.data import as_numbers
from skgru.models import NetworkStream

from ._stream_symbols import SymbolSteps


class Stream:
    """Predictions of a model after every step of one or several streams that run side by side.

    It is made by the ``stream`` method of a fitted estimator, or by `skgru.stream`, which puts the
    transformers of a Pipeline before it. The states are carried from step to
    step, so a step costs the same however long a stream is, and the prediction after it is equal to
    the last bit to that of ``predict`` for the sequence so far. The parameters are those that the
    model had when the stream was made. Buffers are reused, so a stream belongs to one thread at a
    time.

    Attributes
    ----------
    n_streams : int
        Number of streams.
    n_features : int
        Number of features at each step that the model reads, after the transformers of a Pipeline;
        1 where a step is a symbol.
    n_steps : ndarray of shape (n_streams,), int64
        Number of steps of each stream since it was last reset.
    """

    def __init__(self, estimator, n_streams, method):
        self.n_streams, self.n_features = n_streams, len(estimator.feature_mean_)
        self._values = np.zeros((n_streams, self.n_features))
        self._symbols = None
        if estimator._network_options.get("embeddings"):
            self._symbols = SymbolSteps(estimator._snapshot(), n_streams)
            self.n_features = self._symbols.n_columns
        self._shape = (self.n_features,) if n_streams == 1 else (n_streams, self.n_features)
        # The names that a table has are those of its time steps.
        is_table = estimator._layout == "2d"
        self._names = None if is_table else getattr(estimator, "feature_names_in_", None)
        self._target, self._method = estimator._target(), method
        self._name = type(estimator).__name__
        network, (shift, scale) = estimator._network(), estimator._scaling()
        self._scaling = shift, scale, network.dtype
        self._network = NetworkStream(network, estimator._parameters, shift, scale, n_streams)
        self._fingerprint = _checksum(estimator._parameters, shift, scale)
        #: Functions that map a step of every stream, (n_streams, n_inputs), to what the next reads.
        self._transformers = []

    def __repr__(self):
        first, last = self._network.n_steps.min(), self._network.n_steps.max()
        n_steps = _count(last, "step") if first == last else f"{first} to {last} steps"
        return f"<Stream of {self._name}, {_count(self.n_streams, 'stream')}, {n_steps}>"

    def __reduce__(self):
        # The arrays are views of each other; copies of them would compute something else.
        raise TypeError(
            "A stream cannot be copied or pickled. Keep the model and what get_state() returns, "
            "and pass that to set_state of a new stream of the model."
        )

    @property
    def n_steps(self):
        return self._network.n_steps.copy()

    def push(self, x):
        """Take one time step of every stream.

        Parameters
        ----------
        x : array-like of shape (n_features,) for one stream, (n_streams, n_features) for several
            The new values, in the units of the X of ``fit``. Where a step has a single feature,
            that axis may be left out: one stream then takes a number. Where a step is a symbol,
            one stream takes a string, which is not cut, and several streams take a list of them.

        Returns
        -------
        prediction : number, label or ndarray
            What the method named in ``stream`` returns for the sequences so far: its only item for
            one stream, an array with one item for each of several streams.

        Raises
        ------
        ValueError, TypeError
            If x has another shape, is not numeric, or holds NaN, infinity or values too large for
            the model. The streams are then as they were before.
        """
        self._values[...], codes = self._read_step(x)
        raw = self._network.push(self._values, codes)
        if raw is None:
            raise ValueError(self._why_refused("x", "in"))
        prediction = self._target.decode(raw, self._method)
        return prediction[0] if self.n_streams == 1 else prediction

    def _read_step(self, x):
        """The numbers of a step, and the codes of its symbols or None."""
        is_plain = type(x) is np.ndarray and x.dtype.kind in "fiub"
        if not is_plain:
            check_names_of_step(self._names, x, "x")
        if self._symbols is not None:
            return self._symbols.read_step(x)
        if not is_plain:
            x = as_numbers(x, "x", self._axes, np.asarray)
        if x.shape != self._shape or self._transformers:
            rows = self._with_features(x)
            if rows is None:
                raise ValueError(
                    f"x has shape {x.shape}, but a step of {self._streams} has shape "
                    f"{self._in_words()}."
                )
            x = self._transform(rows)
        return x, None

    def extend(self, steps):
        """Take several time steps of every stream, such as what happened before it is watched.

        It is the same as one `push` after the other, except that either all steps are taken or, if
        one of them cannot be, none.

        Parameters
        ----------
        steps : array-like of shape (n_steps, n_features) for one stream, (n_steps, n_streams, \
                n_features) for several
            The new values from the earliest to the latest, in the units of the X of ``fit``. Where
            a step has a single feature, that axis may be left out. Where a step is a symbol, a list
            of them or, for one stream, a string, which is cut as ``fit`` cut its strings.

        Returns
        -------
        predictions : ndarray of shape (n_steps, ...) or (n_steps, n_streams, ...)
            What `push` would have returned after each of the steps.

        Raises
        ------
        ValueError, TypeError
            If steps has another shape, is not numeric, or holds NaN, infinity or values too large
            for the model. The streams are then as they were before.
        """
        rows, codes = self._read_steps(steps)
        before, raw = self._network.get_state(), []
        for number, values in enumerate(rows):
            self._values[...] = values
            found = self._network.push(self._values, None if codes is None else codes[number])
            if found is None:
                self._network.set_state(before)
                raise ValueError(self._why_refused("steps", f"at step {number},"))
            raw.append(found.copy())
        predictions = self._target.decode(np.concatenate(raw), self._method)
        if self.n_streams == 1:
            return predictions
        return predictions.reshape(len(rows), self.n_streams, *predictions.shape[1:])

    def _read_steps(self, steps):
        """The numbers of each of several steps, and the codes of their symbols or None."""
        check_names_of_step(self._names, steps, "steps")
        if self._symbols is not None:
            return self._symbols.read_steps(steps)
        steps = as_numbers(steps, "steps", ("step", *self._axes), np.asarray)
        rows = self._with_features(steps, n_leading=1)
        if rows is None or not len(rows):
            raise ValueError(
                f"steps has shape {steps.shape}, but should have {self._in_words('n_steps')} for "
                f"at least one step of {self._streams}. For a single step use push."
            )
        if self._transformers:
            rows = [self._transform(step) for step in rows]
        return rows, None

    def _with_features(self, array, n_leading=0):
        """The array with an axis of features, as that of a single one may be missing; or None."""
        if array.ndim == n_leading + len(self._shape) - 1:
            array = array[..., np.newaxis]
        *streams, n_features = array.shape[n_leading:] or (0,)
        fits = array.ndim == n_leading + len(self._shape) and (*streams,) == self._shape[:-1]
        # With transformers, they know how many features there should be.
        return array if fits and (self._transformers or n_features == self.n_features) else None

    def _transform(self, values):
        """A step of every stream as the transformers of a Pipeline leave it."""
        if not self._transformers:
            return values
        values = values.reshape(self.n_streams, -1)
        for transform in self._transformers:
            values = transform(values)
        if values.shape[1] != self.n_features:
            raise ValueError(
                f"The transformers make {values.shape[1]} features of a step, but the model was "
                f"fitted on {self.n_features}. Push the features that the Pipeline was fitted on."
            )
        return values

    def _in_words(self, *leading):
        """The shape of what is pushed."""
        n_features = "n_features" if self._transformers else self.n_features
        shape = ", ".join(map(str, (*leading, *self._shape[:-1], n_features)))
        return f"({shape})" if leading or self.n_streams > 1 else f"({shape},)"

    @property
    def _axes(self):
        return ("feature",) if self.n_streams == 1 else ("stream", "feature")

    @property
    def _streams(self):
        return "one stream" if self.n_streams == 1 else f"{self.n_streams} streams"

    def _why_refused(self, name, where):
        shift, scale, dtype = self._scaling
        finite = np.isfinite(self._values)
        if finite.all():
            with np.errstate(over="ignore"):
                worst = np.argmax(np.abs((self._values - shift) * scale))
            why = why_too_large(dtype)
        else:
            worst, why = np.argmin(finite), "not finite. Fill or skip such steps."
        i, feature = np.unravel_index(worst, finite.shape)
        value = self._values[i, feature]
        if self._symbols is not None:
            feature = self._symbols.numeric[feature]
        name += ", once transformed," if self._transformers else ""
        return f"{name} is {value:.3g} {where} stream {i}, feature {feature}: {why}"

    def reset(self, streams=None):
        """Start again, as if nothing had been pushed.

        Parameters
        ----------
        streams : int, array-like of int or bool mask, default=None
            The streams to reset. All are reset by default.

        Raises
        ------
        ValueError
            If there is no such stream. No stream is then reset.
        """
        chosen = slice(None)
        if streams is not None:
            try:
                chosen = np.asarray(streams)
                if chosen.size == 0:  # of floats, which cannot index
                    return
                chosen = np.arange(self.n_streams)[chosen]
            except (IndexError, ValueError) as error:
                raise ValueError(
                    f"streams is {reprlib.repr(streams)}, but must be a number from 0 to "
                    f"{self.n_streams - 1}, a list of them, or a mask of {self.n_streams} booleans."
                ) from error
        self._network.reset(chosen)

    def states(self):
        """Return the states of all layers after the last step, by name.

        Returns
        -------
        states : dict of str to ndarray of shape (n_hidden,), float64
            The states of each layer, zeros before the first step; of several streams, (n_streams,
            n_hidden). The names are those in `parameters_` of the estimator: "gru0.forward" for the
            layer that reads the input. The numbers are equal to those of the method ``states`` of
            the estimator at the last step of the sequence so far.
        """
        states = self._network.states
        return {name: array[0] if self.n_streams == 1 else array for name, array in states.items()}

    def get_state(self):
        """Return what the streams have seen, to be pickled or passed to `set_state`.

        To look at the states, use `states`.

        Returns
        -------
        state : list of ndarray
            Copies of all that is carried from step to step, in the layout of the kernels: units are
            padded to whole vectors. The last array is a checksum of the parameters of the model, by
            which `set_state` recognises it.
        """
        return [*self._network.get_state(), self._fingerprint.copy()]

    def set_state(self, state):
        """Go on from a state that `get_state` returned, of this stream or of one of an equal model.

        A model is equal if it has the same parameters and scales, to the last bit, as one that was
        saved and loaded has.

        Parameters
        ----------
        state : list of ndarray
            What `get_state` returned.

        Raises
        ------
        ValueError
            If the state belongs to another number of streams or another model, or to this model
            before it was trained further.
        """
        expected = _describe(self.get_state())
        found = _describe(state) if isinstance(state, (list, tuple)) else type(state).__name__
        if found != expected:
            raise ValueError(
                f"state is {found}, but {self.n_streams} stream(s) of this model have {expected}. "
                "Pass what get_state returned."
            )
        *arrays, fingerprint = state
        if fingerprint != self._fingerprint:
            raise ValueError(
                "state belongs to another model, or to this one with other parameters: their "
                "checksums differ. A state is of use only with the parameters that made it. Save "
                "model and state together, or start a new stream with the steps so far (extend)."
            )
        self._network.set_state(arrays)


def _checksum(*arrays):
    """A checksum of arrays, as an array itself."""
    found = 0
    for array in arrays:
        found = zlib.crc32(np.ascontiguousarray(array), found)
    return np.array([found], np.int64)


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _describe(arrays):
    return [
        f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        for array in arrays
    ]
