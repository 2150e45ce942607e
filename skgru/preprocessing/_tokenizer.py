"""Cutting of strings into the symbols that a network reads one after the other."""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skgru.base import ParameterGroup, SavedState, StrOptions
from skgru.data import as_object_array, form_of_strings, read_strings, strings_of


class _ListTransform:
    """Mixin: methods that return lists, which scikit-learn does not wrap, as they are inherited."""

    def fit_transform(self, X, y=None):
        """Cut strings into lists of symbols, as `transform` does.

        Parameters
        ----------
        X : list, array or Series of str
            The texts.
        y : None
            Ignored.

        Returns
        -------
        X_new : list of list of str, or object array of them
            The symbols of each text: a list if X is a list or tuple, otherwise a 1-D object array.
        """
        return self.fit(X, y).transform(X)

    def transform(self, X):
        """Cut strings into lists of symbols.

        Parameters
        ----------
        X : list, array or Series of str
            The texts.

        Returns
        -------
        X_new : list of list of str, or object array of them
            The symbols of each text: a list if X is a list or tuple, otherwise a 1-D object array.

        Raises
        ------
        ValueError, TypeError
            If X does not hold strings, or if a parameter is not valid. The message says where.
        """
        cut = self._cutter()
        return self._in_layout(X, [cut(text) for text in strings_of(X, caller=self)])

    def inverse_transform(self, X):
        """Join symbols to texts: words with a space between them, characters without.

        Words and punctuation were cut apart, and any white space between them is lost, so that the
        result of ``analyzer="word"`` need not be the text that was cut.

        Parameters
        ----------
        X : list or array of lists of str
            The symbols of each text, in the form in which `transform` returns them.

        Returns
        -------
        X_original : list of str, or ndarray of str
            The texts: a list if X is a list or tuple, otherwise a 1-D array.

        Raises
        ------
        ValueError, TypeError
            If X does not hold lists of strings. The message says where.
        """
        self._validate_params()
        form = form_of_strings(X)
        if form != "lists":
            what = "strings, which are joined already" if form == "texts" else "no lists of strings"
            raise ValueError(f"X holds {what}. Pass a list of symbols for each text.")
        column, offsets, _ = read_strings(X, form, None)
        separator = "" if self.analyzer == "char" else " "
        texts = [separator.join(column[i:j]) for i, j in pairwise(offsets.tolist())]
        return self._in_layout(X, texts)

    @staticmethod
    def _in_layout(X, items):
        return items if isinstance(X, (list, tuple)) else as_object_array(items)


@dataclass(eq=False, repr=False, kw_only=True)
class SequenceTokenizer(
    ParameterGroup, _ListTransform, TransformerMixin, SavedState, BaseEstimator
):
    r"""Cut strings into sequences of words or characters.

    The estimators do this by themselves, as their parameter `analyzer` says, which also takes a
    `SequenceTokenizer` where "word" and "char" are not enough. As a step of a Pipeline it makes the
    cutting visible. It learns nothing, so it can be used without `fit`.

    The parameters are those of `sklearn.feature_extraction.text.CountVectorizer`, with other
    defaults: case is kept, and words of one letter and punctuation are symbols, too, as a question
    mark, "I" and "not" all matter to a sequence.

    Parameters
    ----------
    analyzer : {"word", "char"}, default="word"
        Whether a symbol is what `token_pattern` finds, or a single character.
    lowercase : bool, default=False
        Whether strings are converted to lower case first.
    token_pattern : str, default=r"\w+|[^\w\s]"
        Regular expression that finds a word. The default finds runs of letters, digits and
        underscores, and each other character that is not white space. If there is a group in it,
        the symbol is what the group matches. Only used with ``analyzer="word"``.

    See Also
    --------
    GRUClassifier : Reads the symbols.
    sklearn.feature_extraction.text.CountVectorizer : Counts words; their order is lost.

    Examples
    --------
    >>> from skgru import SequenceTokenizer
    >>> tokenizer = SequenceTokenizer()
    >>> tokenizer.transform(["What is a GRU?", "I don't know!"])
    [['What', 'is', 'a', 'GRU', '?'], ['I', 'don', "'", 't', 'know', '!']]
    >>> tokenizer.inverse_transform([["a", "cat", "sleeps", "."]])
    ['a cat sleeps .']
    """

    analyzer: str = "word"
    lowercase: bool = False
    token_pattern: str = r"\w+|[^\w\s]"

    _parameter_constraints = {
        "analyzer": [StrOptions({"word", "char"})],
        "lowercase": ["boolean"],
        "token_pattern": [str],
    }

    def fit(self, X, y=None):
        """Check the parameters and X; nothing is learnt.

        Parameters
        ----------
        X : list, array or Series of str
            The texts.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The tokenizer.

        Raises
        ------
        ValueError, TypeError
            If X does not hold strings, or if a parameter is not valid. The message says where.
        """
        self._cutter()
        strings_of(X, caller=self)
        return self

    def get_feature_names_out(self, input_features=None):
        """Return the name of the only feature of a step.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of shape (1,)
            The name "symbol".
        """
        return np.array(["symbol"], dtype=object)

    def _cutter(self):
        """A function that cuts a string into a list of str; invalid parameters are refused."""
        self._validate_params()
        cut = list
        if self.analyzer == "word":
            try:
                pattern = re.compile(self.token_pattern)
            except re.error as error:
                raise ValueError(
                    f"token_pattern is {self.token_pattern!r}, which is not a regular expression: "
                    f"{error}."
                ) from error
            if pattern.groups > 1:
                raise ValueError(
                    f"token_pattern is {self.token_pattern!r}, with {pattern.groups} groups, but "
                    "may have one, which is the symbol. Write the others as (?:...)."
                )
            cut = pattern.findall
        return (lambda text: cut(text.lower())) if self.lowercase else cut

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags
