"""Vectors of symbols that were trained elsewhere: the forms of ``embedding_init``."""

import reprlib
from os import PathLike, fspath
from os.path import isfile

import numpy as np


def read_vectors(given, rows):
    """Read the vectors of some symbols.

    Parameters
    ----------
    given : path, or tuple (symbols, matrix)
        A path names a text file in the format of word2vec or GloVe (a symbol and its numbers in
        each line, with or without a first line that holds both counts), or an .npz file with the
        arrays "symbols" and "matrix".
    rows : dict from str or int to int
        The row of each symbol whose vector is wanted.

    Returns
    -------
    found : ndarray of shape (n_found,)
        The rows of those symbols that have a vector.
    matrix : ndarray of shape (n_found, n_columns), float64
        Their vectors.
    """
    if isinstance(given, (str, PathLike)):
        path = fspath(given)
        if not isfile(path):
            raise FileNotFoundError(f"embedding_init names {path}, which is no file.")
        if not path.endswith(".npz"):
            return _read_text(path, rows)
        given = _read_arrays(path)
    elif not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(
            f"embedding_init must be a path or a tuple (symbols, matrix); got "
            f"{reprlib.repr(given)}."
        )
    symbols, matrix = given
    symbols = np.asarray(symbols, dtype=object).ravel().tolist()
    matrix = np.asarray(matrix)
    is_numeric = matrix.dtype.kind in "iuf" and matrix.ndim == 2 and matrix.shape[1] > 0
    if not is_numeric or len(matrix) != len(symbols):
        raise ValueError(
            f"embedding_init has {len(symbols)} symbols and a matrix of {matrix.dtype} and shape "
            f"{matrix.shape}. Pass a matrix of numbers with one row for each symbol."
        )
    # As in a file, the first of several vectors of a symbol counts.
    places = {symbol: i for i, symbol in reversed(list(enumerate(symbols))) if symbol in rows}
    numbers = sorted(places.values())
    found = np.array([rows[symbols[i]] for i in numbers], dtype=np.int64)
    return found, _finite(matrix[numbers].astype(np.float64), symbols, numbers)


def _finite(matrix, symbols, numbers):
    is_finite = np.isfinite(matrix).all(axis=1)
    if not is_finite.all():
        symbol = symbols[numbers[int(np.argmin(is_finite))]]
        raise ValueError(
            f"embedding_init has NaN or infinity in the vector of {symbol!r}. Leave that symbol "
            "out."
        )
    return matrix


def _read_arrays(path):
    with np.load(path) as file:
        if not {"symbols", "matrix"} <= set(file.files):
            raise ValueError(
                f"embedding_init names {path}, which holds the arrays {file.files}. Save it with "
                "np.savez(path, symbols=symbols, matrix=matrix)."
            )
        return file["symbols"], file["matrix"]


def _read_text(path, rows):
    """Read the lines of the wanted symbols; the numbers of others are not looked at."""
    found, vectors, n_columns = {}, [], None
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if n_columns is None:
                    n_columns = _n_columns(line)
                    if number == 1 and n_columns == 1:  # the counts of symbols and columns
                        n_columns = None
                        continue
                # A symbol may itself hold spaces.
                symbol, *numbers = line.rstrip().rsplit(" ", n_columns)
                if symbol in rows and symbol not in found:
                    found[symbol] = number
                    vectors.append(_vector(numbers, n_columns, path, number))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"embedding_init names {path}, which is no text in UTF-8 ({error}). Binary files of "
            "word2vec have to be saved as text."
        ) from error
    if n_columns is None:
        raise ValueError(f"embedding_init names {path}, which holds no vectors.")
    matrix = np.array(vectors, dtype=np.float64).reshape(-1, n_columns)
    symbols = list(found)
    found = np.array([rows[symbol] for symbol in symbols], dtype=np.int64)
    return found, _finite(matrix, symbols, range(len(symbols)))


def _n_columns(line):
    return len(line.split()) - 1


def _vector(numbers, n_columns, path, number):
    try:
        vector = [float(text) for text in numbers]
    except ValueError:
        vector = []
    if len(vector) != n_columns or not n_columns:
        raise ValueError(
            f"embedding_init names {path}, but line {number} of it is not a symbol and "
            f"{n_columns} numbers."
        )
    return vector
