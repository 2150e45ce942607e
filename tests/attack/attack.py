"""What an attack is: how a case is made, how long it may take, and what is recorded of it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """What came of a case.

    Attributes
    ----------
    tried : int
        Number of calls, interrupts, forks, ... in the case.
    failures : tuple of str
        What went wrong, each in one line.
    note : str
        What the table should say about the group, such as why nothing could be tried.
    """

    tried: int = 1
    failures: tuple = ()
    note: str = ""


@dataclass(frozen=True)
class Attack:
    """A kind of attack.

    Attributes
    ----------
    name : str
    title : str
        How the table calls what was tried.
    check : callable
        ``check(world, rng, number)`` makes the case of that number from a generator of random
        numbers, carries it out and returns a `Verdict`.
    prepare : callable
        Returns a context manager whose value is the ``world`` that the cases share: fitted models,
        running threads, child processes.
    n_cases, n_quick : int
        Number of cases in the long run and among the ordinary tests.
    limit : float
        Seconds after which a case, or `prepare`, counts as hanging.
    """

    name: str
    title: str
    check: Callable
    prepare: Callable = nullcontext
    n_cases: int = 100
    n_quick: int = 5
    limit: float = 120.0


def rng_of(seed, number):
    """The generator of one case, which does not depend on the cases before it."""
    return np.random.default_rng([seed, number])


def run_cases(attack, seed, numbers):
    """Yield the number and the verdict of each case."""
    with attack.prepare() as world:
        for number in numbers:
            yield number, attack.check(world, rng_of(seed, number), number)
