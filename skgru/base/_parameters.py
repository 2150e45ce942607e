"""The base of everything whose constructor parameters are the fields of a dataclass.

Dataclasses write the ``__init__`` that scikit-learn reads.  Three rules:

- Every class is decorated with ``@dataclass(eq=False, repr=False, kw_only=True)``.  Without the
  decorator new fields and defaults are silently ignored; without ``kw_only`` they would become
  positional and move with the order of the bases; ``eq`` and ``repr`` would replace what
  scikit-learn and ``set`` rely on.
- Defaults are immutable, and ``default_factory`` is not used: scikit-learn compares the defaults of
  the signature.
- ``_parameter_constraints`` has no annotation, or it would become a field.

Fields are put in order from the last base of a class to the first.
"""

import joblib


class ParameterGroup:
    """What an estimator made of dataclasses needs besides its fields; base of their groups."""

    _parameter_constraints = {}

    def __init_subclass__(cls, **options):
        """Give a class the constraints of all groups among its bases, and its own."""
        super().__init_subclass__(**options)
        merged = {}
        for base in reversed(cls.__mro__):
            merged.update(vars(base).get("_parameter_constraints", {}))
        cls._parameter_constraints = merged

    @classmethod
    def _from_attributes(cls, attributes):
        """An estimator with these attributes; no constructor runs, and no check."""
        estimator = object.__new__(cls)
        vars(estimator).update(attributes)
        return estimator

    def _snapshot(self):
        """A shallow copy of the estimator, with all its attributes as they are now."""
        return self._from_attributes(vars(self))

    def __dask_tokenize__(self):
        """A name that equal estimators share and different ones do not.

        By default Dask derives this name from the fields of a dataclass, so that it would treat two
        models with the same parameters as one object, whatever data they were fitted on.
        """
        kind = type(self)
        state = joblib.hash(self.__getstate__(), coerce_mmap=True)
        return f"{kind.__module__}.{kind.__qualname__}", state
