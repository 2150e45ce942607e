"""Arrays on disk and views of them, for the tests of every layer that reads X."""

import numpy as np

#: Ways to look at a 3D array that leave no C-ordered table of its dtype.
VIEWS = {
    "later steps": lambda X: X[:, 3:],
    "first steps": lambda X: X[:, :4],
    "one step": lambda X: X[:, 2:3],
    "every other step": lambda X: X[:, ::2],
    "every other sequence": lambda X: X[::2],
    "backwards": lambda X: X[::-1, ::-1],
    "some features": lambda X: X[:, :, 1:],
    "one feature": lambda X: X[:, :, 0],
    "last step as a table": lambda X: X[:, -1],
    "steps and features swapped": lambda X: X.transpose(0, 2, 1),
    "Fortran order": lambda X: X.T,
    "list": list,
    "list of windows": lambda X: [x[i % 3 : 4 + i % 2] for i, x in enumerate(X)],
    "list of series": lambda X: [x[i % 3 :, 0] for i, x in enumerate(X)],
}


def on_disk(path, X):
    """The same array in a read-only memory map."""
    mapped = np.memmap(path, dtype=X.dtype, mode="w+", shape=X.shape)
    mapped[...] = X
    mapped.flush()
    return np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape)


def in_memory(X):
    """A copy in memory: C-ordered arrays of the same numbers in native byte order."""
    if isinstance(X, list):
        return [in_memory(x) for x in X]
    return np.array(X, dtype=X.dtype.newbyteorder("="), order="C", subok=False)
