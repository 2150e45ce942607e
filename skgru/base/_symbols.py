"""X with symbols, read by an estimator: all strings, or with categorical columns.

An estimator that reads symbols has the parameter ``categorical_features`` and the methods
``_learn_analyzer(X, form)``, which returns what is recorded as ``_analyzer``,
``_cutter(analyzer)``, which returns a function that cuts a text, and ``_cutter_of_fit()``, that of
a fitted model.  What a fit has learnt is in ``vocabulary_`` (a symbol at each step), or in
``is_categorical_`` and ``categories_`` (several columns).
"""

from dataclasses import replace

import numpy as np

from skgru.data import (
    Sequences,
    encode_symbols,
    find_categorical,
    form_of_strings,
    learn_symbols,
    read_strings,
    rows_of,
    split_columns,
)

from ._feature_names import check_feature_names, feature_names
from ._readings import warn_of_numbers_as_strings

#: Names of the attributes that `read_symbols` may set.
SYMBOL_FACTS = ("vocabulary_", "categories_", "is_categorical_", "_analyzer")


def read_symbols(estimator, X):
    """Read the X of a first fit if it holds symbols.

    Returns
    -------
    sequences : Sequences or None
        None if X holds numbers only, or what is no X at all.
    facts : dict
        The attributes that the fitted estimator records of X. All symbols of X are in them.
    """
    form = form_of_strings(X)
    if not hasattr(estimator, "categorical_features"):
        _refuse_strings(estimator, form)
        return None, {}
    is_categorical = find_categorical(X, form, estimator.categorical_features)
    if form in ("texts", "lists", "table"):
        analyzer = estimator._learn_analyzer(X, form)
        cut = None if analyzer is None else estimator._cutter(analyzer)
        column, offsets, layout = read_strings(X, form, cut)
        symbols, codes = learn_symbols(column)
        warn_of_numbers_as_strings(symbols)
        facts = {"_layout": layout, "_analyzer": analyzer, "vocabulary_": rows_of(symbols)}
        return _sequences(offsets, layout, codes), facts
    if is_categorical is None:
        _refuse_strings(estimator, form)
        return None, {}
    names = feature_names(X)
    sequences, columns = split_columns(X, is_categorical, estimator=estimator)
    learnt = [learn_symbols(column) for column in columns]
    is_table = sequences.layout == "2d"
    facts = {
        "_layout": sequences.layout,
        "n_features_in_": int(sequences.lengths[0]) if is_table else len(is_categorical),
        "is_categorical_": is_categorical,
        "categories_": [symbols for symbols, _ in learnt],
    }
    if names is not None:
        facts["feature_names_in_"] = names
    codes = np.column_stack([codes for _, codes in learnt])
    return replace(sequences, codes=np.ascontiguousarray(codes)), facts


def check_symbols_of(estimator, X, name):
    """Read X as the X of the fit was read, with symbols; None if that one had none."""
    form = form_of_strings(X, name)
    if hasattr(estimator, "vocabulary_"):
        if form not in ("texts", "lists", "table"):
            found = "frames or arrays of several columns" if form else "numbers, or no sequences"
            raise ValueError(
                f"{name} holds {found}, but {type(estimator).__name__} was fitted on symbols. Pass "
                "strings, or lists of strings, as in fit."
            )
        cut = estimator._cutter_of_fit() if form == "texts" else None
        if form == "texts" and cut is None:
            raise ValueError(
                f"{name} holds strings, but {type(estimator).__name__} was fitted on lists of "
                "symbols. Cut the strings into the symbols of the fit, or set analyzer and fit on "
                "strings."
            )
        column, offsets, layout = read_strings(X, form, cut, name)
        return _sequences(offsets, layout, encode_symbols(column, estimator.vocabulary_))
    if not hasattr(estimator, "categories_"):
        _refuse_strings(estimator, form, name)
        return None
    if form in ("texts", "lists", "table"):
        _refuse_strings(estimator, form, name)
    check_feature_names(estimator, X, name)
    sequences, columns = split_columns(X, estimator.is_categorical_, estimator=estimator, name=name)
    return replace(sequences, codes=encode_columns(estimator, columns, name))


def encode_columns(estimator, columns, name):
    """Codes (n_rows, n_categorical) of categorical columns, by the categories of the fit."""
    codes = []
    numbers = np.flatnonzero(estimator.is_categorical_)
    for i, column, categories in zip(numbers, columns, estimator.categories_, strict=True):
        found = "integers" if isinstance(column, np.ndarray) else "strings"
        fitted = "strings" if categories.dtype == object else "integers"
        if found != fitted:
            raise ValueError(
                f"Column {i} of {name} holds {found}, but {type(estimator).__name__} was fitted "
                f"on {fitted} there. Pass the categories in the form that fit was given."
            )
        codes.append(encode_symbols(column, categories))
    return np.ascontiguousarray(np.column_stack(codes))


def _sequences(offsets, layout, codes):
    """Sequences whose steps are symbols and nothing else."""
    return Sequences(np.empty((len(codes), 0)), offsets, layout, codes.reshape(-1, 1))


def _refuse_strings(estimator, form, name="X"):
    """Refuse strings where numbers are expected."""
    if form is None:
        return
    caller = type(estimator).__name__
    if not hasattr(estimator, "categorical_features"):
        remedy = (
            "Leave this step out, and pass strings to the GRU estimator itself. If X are frames "
            "with columns of both kinds, change the numeric columns of each frame before."
        )
        raise ValueError(f"{name} holds strings, but {caller} reads numbers. {remedy}")
    if hasattr(estimator, "_layout"):
        columns = getattr(estimator, "n_features_in_", None)
        fitted = "on numbers"
        if hasattr(estimator, "categories_"):
            fitted = f"on {columns} column(s), {int(sum(estimator.is_categorical_))} of categories"
        raise ValueError(
            f"{name} holds strings, but {caller} was fitted {fitted}. Pass sequences in the form "
            "that fit was given, or fit a new model."
        )
    raise ValueError(
        f"{name} holds strings in some columns, but categorical_features="
        f"{estimator.categorical_features!r} does not name them. Name them there, or leave it at "
        "'from_dtype'."
    )
