"""Symbols in X: how strings are cut, which symbols get a vector, and what it is at first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.base import clone

from skgru._warnings import warn
from skgru.data import frequent_symbols, rows_of
from skgru.preprocessing import SequenceTokenizer

from ._constraints import check_embedding_dim
from ._word_vectors import read_vectors

#: The size of an embedding of symbols, and the largest one of a categorical column, for "auto".
_AUTO_DIM = 64

# Numbers in an embedding: 400 GB in float32, for the vectors alone.
_MOST_NUMBERS = 10**11


class ReadsSymbols:
    """Mixin: X may hold symbols; what `base/_symbols.py` asks of an estimator."""

    def _learn_analyzer(self, X, form):
        """What cuts strings from now on: "char", "word", a tokenizer; None if nothing is known."""
        if form == "table":
            _warn_of_sentences(X)
        if self.analyzer is None:
            if form != "texts":
                return None
            _warn_of_words(X)
            return "char"
        return self.analyzer if isinstance(self.analyzer, str) else clone(self.analyzer)

    @staticmethod
    def _cutter(analyzer):
        """A function that cuts a string into a list of str."""
        if isinstance(analyzer, str):
            analyzer = SequenceTokenizer(analyzer=analyzer)
        return analyzer._cutter()

    def _cutter_of_fit(self):
        """The function with which the fitted model cuts strings; None if it was fitted on lists.

        A list of characters is what a string would have been cut into.
        """
        if self._analyzer is not None:
            return self._cutter(self._analyzer)
        return list if all(len(symbol) == 1 for symbol in self.vocabulary_) else None

    @property
    def embedding_(self):
        """Views of the vectors of the symbols; see the class."""
        tables = self._views(".E") if hasattr(self, "_parameters") else []
        if not tables:
            raise AttributeError("embedding_ exists only if X held symbols")
        return tables[0] if hasattr(self, "vocabulary_") else tables

    def _check_symbols_of_state(self):
        """Check vocabularies against the network; returns the number of numeric features."""
        sizes, n_features = [], 0
        if hasattr(self, "vocabulary_"):
            sizes = [len(self.vocabulary_)]
        elif hasattr(self, "categories_"):
            sizes = list(map(len, self.categories_))
            n_features = int(np.count_nonzero(~self.is_categorical_))
            if len(self.is_categorical_) - n_features != len(sizes):
                raise ValueError("is_categorical_ and categories_ do not belong together")
        else:
            n_features = 1 if self._layout == "2d" else self.n_features_in_
        tables = [n_rows - 1 for n_rows, *_ in self._network_options.get("embeddings", ())]
        if tables != sizes:
            raise ValueError(
                f"its vocabularies have {sizes} symbols, but its embeddings have {tables}"
            )
        return n_features

    def __getstate__(self):
        return _with_symbols(super().__getstate__(), _packed)

    def _read_state(self, state):
        return _with_symbols(state, _unpacked)


def _with_symbols(state, convert):
    """A copy of a state in which the symbols, which are strings, are stored in another form."""
    state = dict(state)
    if "vocabulary_" in state:
        state["vocabulary_"] = convert(state["vocabulary_"])
    if "categories_" in state:
        state["categories_"] = list(map(convert, state["categories_"]))
    return state


# In a pickle, and above all in a file of skops, a string of all symbols takes far less than each
# symbol by itself.
def _packed(symbols):
    if isinstance(symbols, np.ndarray) and symbols.dtype != object:
        return symbols  # integers
    kind = "vocabulary" if isinstance(symbols, dict) else "categories"
    symbols = list(symbols)
    lengths = np.fromiter(map(len, symbols), np.int32, len(symbols))
    return {"kind": kind, "symbols": "".join(symbols), "lengths": lengths}


def _unpacked(packed):
    if isinstance(packed, np.ndarray):
        return packed
    text, ends = packed["symbols"], np.cumsum(packed["lengths"]).tolist()
    found = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    symbols = np.array(found, dtype=object)
    return rows_of(symbols) if packed["kind"] == "vocabulary" else symbols


def _warn_of_words(texts):
    """Warn of texts of several words that are cut into characters only by default."""
    n_texts, n_sentences = len(texts), _n_sentences(texts)
    if 2 * n_sentences > n_texts:
        warn(
            f"{n_sentences} of the {n_texts} strings in X hold several spaces, but are cut into "
            "characters. For words, set analyzer='word'; with analyzer='char' they are read in the "
            "same way without this warning."
        )


def _warn_of_sentences(table):
    """Warn of a column of sentences in a table, in which each cell is a symbol."""
    names = list(getattr(table, "columns", range(table.shape[1])))
    for name, column in zip(names, np.asarray(table, dtype=object).T, strict=True):
        if 2 * _n_sentences(column) > len(column):
            warn(
                f"Column {name!r} of X holds texts of several words, and each of them is read as "
                f"one symbol: a row of X is a sequence of {len(names)} symbols. For one text in "
                "each row, pass that column alone, which analyzer then cuts."
            )
            return


def _n_sentences(texts):
    """How many strings hold several spaces."""
    return sum(isinstance(text, str) and text.count(" ") > 1 for text in texts)


def choose_symbols(model, training, held_out, inputs):
    """Give the symbols that are frequent in the training part a row of an embedding each.

    Parameters
    ----------
    model : BaseGRU
    training, held_out : Dataset
        Their sequences have codes of all symbols; ``held_out`` may be None.
    inputs : dict
        What `read_X` found.

    Returns
    -------
    training, held_out : Dataset
        With the codes of the chosen symbols.
    inputs : dict
        With their vocabularies.
    embeddings : tuple of tuple (n_rows, n_columns, has_rare)
        A description of the embedding of each column for `GRUNetwork`.
    """
    sequences = training.sequences
    if sequences.codes is None:
        return training, held_out, inputs, ()
    is_used = np.zeros(len(sequences), dtype=bool)
    is_used[training.indices] = True
    used = sequences.codes[np.repeat(is_used, sequences.lengths)]
    sizes = check_embedding_dim(model.embedding_dim, sequences.codes.shape[1])
    codes, chosen, embeddings = np.empty_like(sequences.codes), [], []
    for i, symbols in enumerate(_symbols(inputs)):
        counts = np.bincount(used[:, i], minlength=len(symbols) + 1)[1:]
        keeps = frequent_symbols(counts, model.min_frequency, model.max_categories)
        has_rare = bool((counts[~keeps] > 0).any())
        new_codes = np.concatenate([[0], np.where(keeps, np.cumsum(keeps), 0)]).astype(np.int32)
        codes[:, i] = new_codes[sequences.codes[:, i]]
        chosen.append(symbols[keeps])
        n_columns = sizes[i] if sizes else _auto_size(len(chosen[-1]), inputs)
        embeddings.append((len(chosen[-1]) + 1, n_columns, has_rare))
    _refuse_huge(embeddings)
    sequences = replace(sequences, codes=codes)
    training = replace(training, sequences=sequences)
    if held_out is not None:
        held_out = replace(held_out, sequences=sequences)
    if "vocabulary_" in inputs:
        inputs = {**inputs, "vocabulary_": rows_of(chosen[0])}
    else:
        inputs = {**inputs, "categories_": chosen}
    return training, held_out, inputs, tuple(embeddings)


def _refuse_huge(embeddings):
    """Refuse vectors that take more memory than any machine that trains them has."""
    for n_rows, n_columns, _ in embeddings:
        if n_rows * n_columns > _MOST_NUMBERS:
            raise ValueError(
                f"embedding_dim is {n_columns}, which for {n_rows:,} symbols takes more than "
                f"{4 * _MOST_NUMBERS // 10**9} GB. Lower it, or the number of symbols by "
                "min_frequency or max_categories."
            )


def _symbols(inputs):
    """The symbols of each column, as arrays."""
    if "vocabulary_" not in inputs:
        return inputs["categories_"]
    return [np.array(list(inputs["vocabulary_"]), dtype=object)]


def _auto_size(n_symbols, inputs):
    """The size of the vectors of a column of so many symbols, for "auto"."""
    if "vocabulary_" in inputs:
        return _AUTO_DIM
    return max(1, min(_AUTO_DIM, (n_symbols + 1) // 2))


def check_kept(model):
    """Refuse training that goes on with parameters that would read X in another way."""
    analyzer = getattr(model, "_analyzer", None)
    now = "char" if model.analyzer is None else model.analyzer
    changed = None
    if analyzer is not None and str(analyzer) != str(now):
        changed = "analyzer"
    sizes = [n_columns for _, n_columns, _ in model._network_options.get("embeddings", ())]
    if sizes and check_embedding_dim(model.embedding_dim, len(sizes)) not in (None, sizes):
        changed = "embedding_dim"
    if changed:
        raise ValueError(
            f"{changed} changed since the training that should go on. Restore the earlier value, "
            "or train again with fit and warm_start=False."
        )


def initial_vectors(model, inputs, embeddings):
    """Read ``embedding_init``.

    Returns
    -------
    embeddings : tuple
        With the size of these vectors.
    vectors : tuple (rows, matrix) or None
        Which rows of the embedding they are, and the vectors themselves.
    """
    given = model.embedding_init
    if given is None:
        return embeddings, None
    if isinstance(given, dict):
        raise ValueError(
            "embedding_init is a dict, which is slow to print and to copy. Pass a tuple (symbols, "
            "matrix), such as (list(vectors), np.array(list(vectors.values()))), or a path."
        )
    if len(embeddings) != 1:
        raise ValueError(
            f"embedding_init holds the vectors of one vocabulary, but X has {len(embeddings)} "
            "columns of symbols. Pass strings or lists of strings, or leave embedding_init at None."
        )
    symbols = _symbols(inputs)[0]
    wanted = {symbol: row for row, symbol in enumerate(symbols.tolist(), start=1)}
    rows, matrix = read_vectors(given, wanted)
    n_columns = matrix.shape[1]
    if check_embedding_dim(model.embedding_dim, 1) not in (None, [n_columns]):
        raise ValueError(
            f"embedding_dim is {model.embedding_dim}, but the vectors of embedding_init have "
            f"{n_columns} numbers. Set embedding_dim='auto'."
        )
    n_without = len(symbols) - len(rows)
    if n_without:
        source = f" ({given})" if isinstance(given, (str, Path)) else ""
        warn(
            f"embedding_init{source} has no vector for {n_without:,} of the {len(symbols):,} "
            "symbols. These start at random."
        )
    ((n_rows, _, has_rare),) = embeddings
    return ((n_rows, n_columns, has_rare),), (rows, matrix)
