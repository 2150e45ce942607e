"""Attacks on the package: calls, interrupts, forks, kills and damage that must not break a model.

Every attack is a module with one `Attack`: from a generator of random numbers it makes a case,
carries it out and returns a `Verdict`. The ordinary tests run a few cases of each, and
``python -m tests.attack`` runs thousands (see ``--help``).
"""

import importlib

#: The modules, in the order of the table.
NAMES = (
    "fuzz",
    "preparation",
    "interrupts",
    "threads",
    "forks",
    "kills",
    "saves",
    "pickles",
    "caches",
)


def load(name):
    """The `Attack` of a module."""
    return importlib.import_module(f"{__name__}.{name}").ATTACK
