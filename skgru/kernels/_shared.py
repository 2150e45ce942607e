"""Functions that are written once and compiled for every device.

``_row_losses.py`` and ``_dropout_hash.py`` hold plain functions of numbers and arrays. They contain
nothing of a device; each kernel package compiles them with the decorator of its own functions.
"""

from types import FunctionType


def compile_functions(module, decorate, **replaced):
    """Compile all functions of a module for one device.

    Numba finds what a function calls among the function's globals, and there every device needs
    functions that were compiled for it. So the functions are copied, with globals of their own.

    Parameters
    ----------
    module : module
        Its functions may call each other.
    decorate : callable
        Compiles a function, at the latest when a kernel calls it.
    **replaced : object
        What takes the place of functions that every device defines for itself.

    Returns
    -------
    names : dict of str to object
        The globals of the module, with the compiled functions in the place of the plain ones.
    """
    names = dict(vars(module))
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            names[name] = decorate(FunctionType(value.__code__, names, name))
    names.update(replaced)
    return names
