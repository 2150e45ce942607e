"""Embeddings: the vectors of symbols, which a network learns."""

import numpy as np

from ._parameters import Parameter

# Standard deviation of initial vectors. Adam moves a value by about its learning rate, so vectors
# that are small at first turn to what their symbols mean within few updates, and symbols that are
# rare disturb little. On questions of TREC held out of its training part, accuracy was .84 with
# .05 and .1, .80 with .3 and .77 with 1 (rate .001), and .85 to .86 with .1 and .3 (rate .005).
_INITIAL_SPREAD = 0.1


class Embedding:
    """A table with a vector for each symbol, and in row 0 the one that other symbols share.

    Parameters
    ----------
    name : str
        Prefix of its parameters.
    number : int
        Its column among the codes.
    n_rows : int
        Number of symbols, and one.
    n_columns : int
        Size of a vector.
    has_rare : bool
        Whether rare symbols of the training data share row 0, which they train. Otherwise row 0
        has the mean of the other rows (see `share`).
    first : int
        The first of its columns in the input of the network.
    kernels : module
    """

    def __init__(self, name, number, n_rows, n_columns, has_rare, first, kernels):
        self.E, self.number, self.first = f"{name}.E", number, first
        self.n_rows, self.n_columns, self.has_rare = n_rows, n_columns, has_rare
        self.kernels = kernels

    # -- parameters --------------------------------------------------------------------------------
    def parameters(self):
        def vectors(random_state):
            table = _INITIAL_SPREAD * random_state.normal(size=(self.n_rows, self.n_columns))
            self.share(table)
            return table

        return [Parameter(self.E, (self.n_rows, self.n_columns), "table", vectors)]

    def share(self, table):
        """Give row 0 of a table on the host the mean of the others, unless it is trained.

        A symbol that is met for the first time in a prediction then has an ordinary vector, and not
        one that training never touched.
        """
        if not self.has_rare and self.n_rows > 1:
            table[0] = table[1:].mean(axis=0, dtype=np.float64)

    # Its gradient is not that of a whole table, but of few rows: see `SparseGradient`.
    def gradients(self):
        return []

    def new_packed(self):
        return {}

    def pack(self, views, packed, transposed):
        packed[self.E] = views[self.E]  # the kernels read the rows where they are

    def unpack_gradient(self, slot, views):
        pass

    # -- passes ------------------------------------------------------------------------------------
    def forward(self, codes, packed, x):
        """Write the vectors of packed codes (rows, n_tables) to the columns of x."""
        self.kernels.embed(packed[self.E], codes, self.number, x, self.first)


def make_embeddings(tables, kernels):
    """Make the embeddings of a network, whose columns are side by side at the start of its input.

    Parameters
    ----------
    tables : sequence of (n_rows, n_columns, has_rare)
    kernels : module

    Returns
    -------
    embeddings : list of Embedding
    n_columns : int
        Columns of all of them.
    """
    embeddings, first = [], 0
    for number, (n_rows, n_columns, has_rare) in enumerate(tables):
        embedding = Embedding(
            f"embedding{number}", number, n_rows, n_columns, has_rare, first, kernels
        )
        embeddings.append(embedding)
        first += n_columns
    return embeddings, first
