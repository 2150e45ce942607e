"""Tells who wants to know that a kernel is about to be compiled, which takes seconds."""

from contextlib import contextmanager

_listeners = []


@contextmanager
def listen_to_compilation(listener):
    """Call ``listener(folder)`` before every compilation of a kernel in this process.

    ``folder`` is where the compiled kernel will be kept, None if it lives as long as the process.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell_of_compilation(folder):
    """Call the listeners; whoever compiles a kernel calls this first."""
    for listener in tuple(_listeners):
        listener(folder)
