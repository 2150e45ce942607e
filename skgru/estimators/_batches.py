"""Training data that arrive in batches, such as files, of which one is in memory at a time."""

from collections.abc import Iterable, Iterator, Sized
from itertools import count

from skgru.training import Dataset

from ._plan import read_training_batch


class TrainingBatches:
    """The batches that a user passed, as the data sets that `Trainer.run` goes through.

    Parameters
    ----------
    model : BaseGRU
    batches : iterable or callable
        Of tuples (X, y) or (X, y, sample_weight); a callable returns such an iterable for each
        pass.

    Attributes
    ----------
    first : tuple
        X, y and sample_weight of the first batch, from which a fit is planned.
    n_parts : int or None
        The number of batches; None if they have no length and the first pass has not counted
        them yet.
    target : Target
        What is known of all targets so far.
    """

    def __init__(self, model, batches):
        if not (callable(batches) or isinstance(batches, Iterable)):
            raise TypeError(
                "batches must be an iterable of tuples (X, y) or (X, y, sample_weight), or a "
                f"function that returns one; got {type(batches).__name__}."
            )
        if isinstance(batches, Iterator) and model.max_iter > 1:
            raise ValueError(
                f"batches can be read only once, but max_iter={model.max_iter} passes are to be "
                "made. Pass a list, or a function that returns a new iterator for every pass."
            )
        self._model, self._batches = model, batches
        self.n_parts = len(batches) if isinstance(batches, Sized) else None
        self._begun = self._open()
        item = next(self._begun, None)
        if item is None:
            raise ValueError("batches is empty. Pass at least one tuple (X, y).")
        self.first = _unpack(item, 0)

    def _open(self):
        return iter(self._batches() if callable(self._batches) else self._batches)

    def begin(self, plan):
        """Read all batches as the plan says, which was made for the first of them."""
        self._plan, self.target = plan, plan.target

    def parts(self):
        """Go through the batches once more."""
        numbers, later = count(), self._begun
        if later is None:
            later = self._open()
        else:  # the first batch has been read already
            self._begun = None
            next(numbers)
            yield self._plan.training
        # Not a loop: its variable would keep a batch in memory while the next one is read.
        yield from map(self._read, later, numbers)
        n_read = next(numbers)
        if self.n_parts not in (None, n_read):
            raise ValueError(
                f"batches gave {n_read} items in this pass, not {self.n_parts}. There must be the "
                "same number in every pass."
            )
        self.n_parts = n_read

    def _read(self, item, number) -> Dataset:
        X, y, sample_weight = _unpack(item, number)
        try:
            dataset, self.target = read_training_batch(
                self._model, self._plan, X, y, sample_weight, self.target
            )
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In batches[{number}]: {error}") from error
        return dataset


def _unpack(item, number):
    if not isinstance(item, tuple) or len(item) not in (2, 3):
        raise TypeError(
            f"batches[{number}] must be a tuple (X, y) or (X, y, sample_weight); got "
            f"{f'one of {len(item)} items' if isinstance(item, tuple) else type(item).__name__}."
        )
    return item if len(item) == 3 else (*item, None)
