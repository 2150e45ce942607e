"""Attributes that are computed when they are first read."""


class lazy_property:
    """What `functools.cached_property` is from Python 3.12 on: without a lock.

    In Python 3.11 one lock per class is held while a value is computed: whoever scans the data of
    one fit would stop all others, and a process that is forked meanwhile would wait for ever. Two
    threads may compute the same value at once here, which does no harm.
    """

    def __init__(self, compute):
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
