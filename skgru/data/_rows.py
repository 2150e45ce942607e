"""What a target belongs to: a whole sequence, or one step of it.

The *rows* of a data set are the units that have one target, one weight and one prediction each.
Both classes here convert targets and weights from the user's layout to one entry for each row, name
the place of a row in messages, and convert predictions back to the layout that the user expects.
"""

import reprlib
from collections.abc import Set
from itertools import pairwise

import numpy as np

from ._numbers import as_numbers, length_of, refuse_masked, refuse_sparse


class SequenceRows:
    """A row for each sequence.

    Parameters
    ----------
    sequences : Sequences
    name : str, default="X"
        What error messages call the sequences.
    """

    #: What a row is called in messages.
    noun = "sequence"
    offsets = None

    def __init__(self, sequences, name="X"):
        self.lengths, self.name = sequences.lengths, name

    def __len__(self):
        return len(self.lengths)

    def sequence_of(self, row):
        """Number of the sequence that a row belongs to."""
        return row

    def place(self, row):
        """Where a row is, in words."""
        return f"sequence {row}"

    def flatten(self, y, name="y"):
        """Targets with one entry for each row, which here is the layout of y itself."""
        return y

    def numbers(self, flat, name):
        """Targets that `flatten` returned as real numbers."""
        try:
            return as_numbers(flat, name, ("sequence", "output"))
        except ValueError as error:
            if length_of(flat) is not None and len({length_of(entry) for entry in flat}) > 1:
                raise ValueError(
                    f"{error} For numbers at every step of a sequence, fit a GRUStepRegressor."
                ) from error
            raise

    def analyzer_of(self, y):
        """How strings of several targets are cut; None, as a string is one target here."""
        return None

    def join(self, values, analyzer=None):
        """Predictions of all rows, as the user expects them."""
        return values

    def weights(self, sample_weight, name="sample_weight"):
        """The weight of each row, (n_rows,) float64; see `_check_weight`."""
        if sample_weight is None:
            return np.ones(len(self))
        weight = _sequence_weights(sample_weight, len(self), name, "as a 1D array")
        return _check_weight(weight, self, name)


class StepRows:
    """A row for each step of every sequence.

    Parameters
    ----------
    sequences : Sequences
    name : str, default="X"
        What error messages call the sequences.
    analyzer : {"char", "word"}, default="char"
        How a string of labels is cut: each character is a label, or labels stand between white
        space. What cuts words apart in X would tear labels such as "B-PER" and "PRP$".
    """

    noun = "step"

    def __init__(self, sequences, name="X", analyzer="char"):
        self.offsets, self._layout, self.name = sequences.offsets, sequences.layout, name
        self._lengths, self._analyzer = sequences.lengths, analyzer

    def __len__(self):
        return int(self.offsets[-1])

    def sequence_of(self, row):
        """Number of the sequence that a row belongs to."""
        return int(np.searchsorted(self.offsets, row, side="right")) - 1

    def place(self, row):
        """Where a row is, in words."""
        i = self.sequence_of(row)
        return f"sequence {i}, step {row - self.offsets[i]}"

    def flatten(self, y, name="y"):
        """Targets of all steps below each other.

        Parameters
        ----------
        y : array-like of shape (n_sequences, n_timesteps), array-like of shape \
                (n_sequences, n_timesteps, n_outputs), or list with an entry for each sequence
            An entry of a list is an array (length,) or (length, n_outputs), a list of labels, or a
            string of labels, which is cut.

        Returns
        -------
        flat : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The dtype is object where the entries are neither arrays nor lists of numbers.
        """
        given = [item for _, item in self._items(y, name)]
        items = [
            _as_steps(cut_labels(item, self._analyzer), f"{name} of sequence {i}")
            for i, item in enumerate(given)
        ]
        for i, (item, length) in enumerate(zip(items, self._lengths, strict=True)):
            if len(item) != length:
                raise ValueError(
                    f"{name} of sequence {i} has {len(item)} entries, but that sequence of "
                    f"{self.name} has {length} steps. Give one entry for every step. "
                    f"{self._remedy_for_length(given[i], length)}"
                )
            if item.shape[1:] != items[0].shape[1:]:
                raise ValueError(
                    f"{name} has {_width(items[0].shape[1:])} for each step of sequence 0, but "
                    f"{_width(item.shape[1:])} for each step of sequence {i}. Give every step the "
                    "same number of entries."
                )
        if len({item.dtype.kind == "U" for item in items}) > 1:
            # Next to strings, NumPy would turn numbers and missing values into strings.
            items = [item.astype(object) for item in items]
        return np.concatenate(items)

    def _remedy_for_length(self, item, length):
        """What may be wrong with targets of another length than that of their sequence."""
        other = "char" if self._analyzer == "word" else "word"
        if isinstance(item, str) and len(cut_labels(item, other)) == length:
            now, then = ("at its spaces", "into characters")[:: 1 if other == "char" else -1]
            return f"The string {reprlib.repr(item)} is cut {now}; analyzer={other!r} cuts {then}."
        return (
            "A transformer that changes the number of steps, such as SequenceFrames or "
            "SequenceResampler, cannot stand before an estimator that predicts every step."
        )

    def analyzer_of(self, y):
        """How the strings of labels in y are cut; None unless each entry of y is a string."""
        y = y if isinstance(y, (list, tuple)) else np.asarray(y)
        return self._analyzer if all(isinstance(item, str) for item in y) else None

    def _items(self, y, name):
        """Pairs of the number of a sequence and its entry in y."""
        refuse_sparse(y, name)
        refuse_masked(y, name)
        if isinstance(y, (str, bytes)):
            raise ValueError(
                f"{name} is one string, {reprlib.repr(y)}. Pass a list with one string of labels, "
                "or one list of labels, for each sequence."
            )
        if not isinstance(y, (list, tuple)):
            y = np.asarray(y)
            if y.ndim == 0:
                raise ValueError(
                    f"{name} is {reprlib.repr(y.item())}, but must hold targets for every step."
                )
        if len(y) != len(self._lengths):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: {self.name} has "
                f"{len(self._lengths)} sequences, {name} has {len(y)} entries. Give {name} an "
                "entry for each sequence, with one target for every step."
            )
        for i, item in enumerate(y):
            refuse_sparse(item, f"{name} of sequence {i}")
            refuse_masked(item, f"{name} of sequence {i}")
            if not isinstance(item, str) and (length_of(item) is None or isinstance(item, Set)):
                item = item.item() if isinstance(item, np.generic) else item
                raise ValueError(
                    f"{name} of sequence {i} is {reprlib.repr(item)}, but must have an entry for "
                    "every step of the sequence, in an array or a list. To predict one target for "
                    "a whole sequence, use GRUClassifier or GRURegressor."
                )
            yield i, item

    def numbers(self, flat, name):
        """Targets that `flatten` returned as real numbers; missing values become NaN."""
        try:
            return as_numbers(flat, name, ("step", "output"))
        except (TypeError, ValueError):
            for i, part in enumerate(np.split(flat, self.offsets[1:-1])):
                as_numbers(part, f"{name} of sequence {i}", ("step", "output"))  # names the place
            raise

    def join(self, values, analyzer=None):
        """Predictions in the layout of X, or as strings of labels.

        Parameters
        ----------
        values : ndarray of shape (n_rows, ...)
        analyzer : {"char", "word"} or None, default=None
            What `analyzer_of` found: with it, the labels of each sequence become a string.

        Returns
        -------
        joined : ndarray of shape (n_sequences, n_timesteps, ...), or object ndarray of shape \
                (n_sequences,)
            An array if X is an array; otherwise one array (length, ...) for each sequence, whether
            or not their lengths are equal. With ``analyzer``, a str for each sequence.
        """
        if analyzer is not None:
            labels, separator = values.tolist(), " " if analyzer == "word" else ""
            ends = pairwise(self.offsets.tolist())
            return as_object_array([separator.join(labels[i:j]) for i, j in ends])
        n = len(self._lengths)
        if self._layout != "ragged":
            return values.reshape(n, -1, *values.shape[1:])
        return as_object_array(np.split(values, self.offsets[1:-1]))

    def weights(self, sample_weight, name="sample_weight"):
        """The weight of each row, (n_rows,) float64.

        ``sample_weight`` has one number for each sequence, or one for each step in the layout of
        ``y``.
        """
        if sample_weight is None:
            return np.ones(len(self))
        refuse_sparse(sample_weight, name)
        if not _holds_containers(sample_weight):
            alternative = "or one for every step in the layout of y"
            weight = _sequence_weights(sample_weight, len(self._lengths), name, alternative)
            weight = np.repeat(weight, self._lengths)
        else:
            flat = self.flatten(sample_weight, name)
            if flat.ndim != 1:
                raise ValueError(
                    f"{name} has {_width(flat.shape[1:])} for each step. Give one number for each "
                    "step."
                )
            weight = self.numbers(flat, name).astype(np.float64)
        return _check_weight(weight, self, name)


def _sequence_weights(sample_weight, n_sequences, name, remedy):
    """One weight for each sequence, from a number or from one for each, as float64."""
    weight = as_numbers(sample_weight, name, ("sequence",)).astype(np.float64)
    if weight.ndim == 0:
        weight = np.full(n_sequences, weight)
    if weight.shape != (n_sequences,):
        raise ValueError(
            f"{name} has shape {weight.shape}, but there are {n_sequences} sequences. Give one "
            f"weight for each, {remedy}."
        )
    return weight


def _holds_containers(data):
    """Whether a container holds containers."""
    if isinstance(data, (list, tuple)):
        return any(length_of(item) is not None for item in data)
    array = np.asarray(data)
    return array.ndim > 1 or (
        array.dtype == object and any(length_of(item) is not None for item in array.ravel())
    )


def _width(shape):
    """What each step has, in words, by the shape of its entry."""
    return f"a list of {shape[0]}" if shape else "a single value"


def cut_labels(item, analyzer):
    """The labels of a string as a list; what is no string, as it is."""
    if not isinstance(item, str):
        return item
    return item.split() if analyzer == "word" else list(item)


def _as_steps(item, name):
    """The targets of one sequence as an array of one or two dimensions."""
    if hasattr(item, "__array__"):
        array = np.asarray(item)
    else:
        array = _list_of_steps(list(item), name)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} has {array.ndim} dimensions, but should have the shape (length,) or (length, "
            "n_outputs)."
        )
    return array


def _list_of_steps(item, name):
    """Like `_as_steps`, for a list whose entry for each step is a label, a number, or several."""
    widths = [length_of(entry) for entry in item]
    for step, width in enumerate(widths):
        if width != widths[0]:
            first, here = (_width(() if n is None else (n,)) for n in (widths[0], width))
            raise ValueError(
                f"{name} has {first} at step 0, but {here} at step {step}. Give every step the "
                "same number of entries."
            )
    is_flat = not any(width is not None for width in widths)
    if is_flat and not all(isinstance(entry, (bool, int, float, np.number)) for entry in item):
        # As objects: next to strings, NumPy would turn a missing value into a string.
        return as_object_array(item)
    return np.asarray(item)


def as_object_array(items):
    """A 1D array of objects: ``np.array`` would stack items of equal shape."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def _check_weight(weight, rows, name):
    """Refuse weights that are not finite, negative, or all zero."""
    usable = (weight >= 0) & (weight < np.inf)
    if not usable.all():
        i = int(np.argmin(usable))
        raise ValueError(
            f"{name} at {rows.place(i)} is {weight[i]:g}, but weights must be finite and not "
            f"negative. A weight of zero leaves a {rows.noun} out."
        )
    if not weight.any():
        raise ValueError(f"{name} is zero for every {rows.noun}; at least one must be positive.")
    with np.errstate(over="ignore"):
        if weight.sum() == np.inf:
            raise ValueError(f"The sum of {name} overflows float64. Divide {name} by its maximum.")
    return weight
