"""Steps with symbols that are pushed to a stream."""

import reprlib

import numpy as np

from skgru.base import encode_columns
from skgru.data import check_symbols, encode_symbols, split_columns


class SymbolSteps:
    """Reads steps of symbols, with or without numbers beside them, as a fitted model does.

    Parameters
    ----------
    model : BaseGRU
        A fitted model with a vocabulary.
    n_streams : int

    Attributes
    ----------
    cut : callable or None
        Cuts a string into symbols; None if the model was fitted on symbols that nothing here cuts.
    n_columns : int
        Columns of a step.
    numeric : ndarray of int
        Those that are numbers.
    """

    def __init__(self, model, n_streams):
        self._model, self._n_streams = model, n_streams
        self._is_plain = hasattr(model, "vocabulary_")
        self.cut = model._cutter_of_fit() if self._is_plain else None
        self.n_columns = 1 if self._is_plain else len(model.is_categorical_)
        self.numeric = () if self._is_plain else np.flatnonzero(~model.is_categorical_)
        self._are_single = None

    def read_step(self, x):
        """Values (n_streams, n_features) and codes (n_streams, n_categorical) of a step."""
        if not self._is_plain:
            values, codes = self._read_columns(self._as_rows(x, "x"), "x")
            return values, codes
        symbols = [x] if self._n_streams == 1 else x
        self._check_list(symbols, "x")
        if self._n_streams == 1:
            self._refuse_text(x)
        return self._read_symbols(list(symbols), "x")

    def read_steps(self, steps):
        """The same for several steps: (n_steps, n_streams, ...)."""
        if not self._is_plain:
            rows = self._as_rows(steps, "steps")
            values, codes = self._read_columns(rows, "steps")
        elif self._n_streams > 1:
            for i, step in enumerate(self._check_steps(steps)):
                self._check_list(step, f"step {i} of steps")
            values, codes = self._read_symbols([s for step in steps for s in step], "steps")
        else:
            if isinstance(steps, str):
                if self.cut is None:
                    raise ValueError(
                        f"steps is a string, {reprlib.repr(steps)}, but the model was fitted on "
                        "lists of symbols. Pass a list of symbols."
                    )
                steps = self.cut(steps)
            values, codes = self._read_symbols(list(self._check_steps(steps)), "steps")
        n_steps = len(codes) // self._n_streams
        if not n_steps:
            raise ValueError("steps is empty. Pass at least one step.")
        return tuple(a.reshape(n_steps, self._n_streams, a.shape[1]) for a in (values, codes))

    # -- symbols and nothing else ------------------------------------------------------------------
    def _read_symbols(self, symbols, name):
        n = self._n_streams
        check_symbols(
            symbols,
            lambda row: (
                f"{f'step {row // n} of ' if name == 'steps' else ''}stream {row % n} in {name}"
            ),
        )
        codes = encode_symbols(symbols, self._model.vocabulary_)
        return np.empty((len(codes), 0)), codes.reshape(-1, 1)

    def _check_list(self, symbols, name):
        """Refuse anything but one symbol for each stream."""
        is_list = not isinstance(symbols, (str, bytes)) and hasattr(symbols, "__len__")
        if not is_list or len(symbols) != self._n_streams:
            raise ValueError(
                f"{name} is {reprlib.repr(symbols)}, but a step of {self._n_streams} streams is a "
                f"list of {self._n_streams} symbols."
            )

    def _check_steps(self, steps):
        if isinstance(steps, (str, bytes)) or not hasattr(steps, "__iter__"):
            raise ValueError(
                f"steps is {reprlib.repr(steps)}, but should be a list with a step in each item. "
                "For a single step use push."
            )
        return steps

    def _refuse_text(self, x):
        """Refuse several symbols in one string, where the model cuts strings."""
        vocabulary = self._model.vocabulary_
        if self.cut is None or not isinstance(x, str) or x in vocabulary or len(self.cut(x)) < 2:
            return
        if self._are_single is None:
            self._are_single = all(len(self.cut(symbol)) == 1 for symbol in vocabulary)
        if self._are_single:
            raise ValueError(
                f"x is {reprlib.repr(x)}, which is cut into {len(self.cut(x))} symbols, but push "
                "takes one. Pass the string to extend."
            )

    # -- several columns ---------------------------------------------------------------------------
    def _as_rows(self, data, name):
        """Steps as a frame or an array (n_rows, n_columns)."""
        if name == "steps" and hasattr(data, "columns") and self._n_streams == 1:
            return data
        array = np.asarray(data, dtype=object)
        expected = (self._n_streams, self.n_columns) if self._n_streams > 1 else (self.n_columns,)
        leading = array.shape[: 1 if name == "steps" else 0]
        if self.n_columns == 1 and array.shape == (*leading, *expected[:-1]):
            array = array[..., np.newaxis]
        if array.shape != (*leading, *expected):
            raise ValueError(
                f"{name} has shape {array.shape}, but a step of {self._n_streams} stream(s) has "
                f"shape {expected}."
            )
        return array.reshape(-1, self.n_columns)

    def _read_columns(self, rows, name):
        sequences, columns = split_columns(
            [rows], self._model.is_categorical_, estimator=self._model, name=name
        )
        return sequences.values.astype(np.float64), encode_columns(self._model, columns, name)
