"""Generated calls of the transformers and of the functions that prepare sequences.

A case is a transformer and a few calls of it, or a few calls of functions. What is checked is what
`fuzz` checks of estimators: refusals are clear and change nothing, arguments stay as they were,
results are finite, and that of a sequence does not depend on the others.
"""

import inspect

import numpy as np
import pandas as pd

from skgru import (
    SequenceDifferences,
    SequenceFrames,
    SequenceImputer,
    SequenceResampler,
    SequenceScaler,
    SequenceTokenizer,
    pad_sequences,
    sliding_windows,
    unpad_sequences,
)

from . import inputs, symbols
from .attack import Attack, Verdict
from .fuzz import Session
from .inputs import Argument, choose
from .invariants import all_finite, same_bits

_N_CALLS = 6
_NOT_COUNTS = [0, -1, 2.5, "3", np.nan, [], True, object()]
_NOT_BOOL = ["yes", None, 2, []]

# Of each transformer, good and bad values of parameters.
_GOOD = {
    SequenceScaler: {
        "scope": ["feature", "sequence"], "add_scale": [True, False], "with_mean": [True, False],
        "with_std": [True, False],
    },
    SequenceDifferences: {"append": [True, False]},
    SequenceFrames: {"length": [1, 2, 5, 100], "step": [1, 2, 7]},
    SequenceResampler: {"length": [None, 2, 5, 100]},
    SequenceImputer: {
        "strategy": ["ffill", "mean", "constant"], "fill_value": [None, 0, -3.5, 1e300],
        "add_indicator": [True, False], "add_elapsed": [True, False],
    },
    SequenceTokenizer: {
        "analyzer": ["word", "char"], "lowercase": [True, False], "token_pattern": [r"\w", "(a)|b"],
    },
}  # fmt: skip
_BAD = {
    SequenceScaler: {"scope": ["all", None, 3], "add_scale": _NOT_BOOL, "with_mean": _NOT_BOOL},
    SequenceDifferences: {"append": _NOT_BOOL},
    SequenceFrames: {"length": [*_NOT_COUNTS[:-2], None], "step": [*_NOT_COUNTS[:-2], None]},
    SequenceResampler: {"length": [*_NOT_COUNTS[:-2], 1]},
    SequenceImputer: {
        "strategy": ["median", None, 3], "fill_value": ["0", np.nan, np.inf, [], 1j],
        "add_indicator": _NOT_BOOL, "add_elapsed": _NOT_BOOL, "time_feature": [-1, 2.5, [], b"x"],
    },
    SequenceTokenizer: {
        "analyzer": ["words", None, str.split], "lowercase": _NOT_BOOL, "token_pattern": [None, 3],
    },
}  # fmt: skip
_DOUBTFUL = {
    SequenceFrames: {"length": [10**6, 10**30], "step": [10**30]},
    SequenceResampler: {"length": [10**12, 10**30]},
    SequenceImputer: {"time_feature": [0, 1, 7, "x", "no such"], "fill_value": [10**400, 1e39]},
    SequenceTokenizer: {"token_pattern": ["(", "(a)(b)", "", "nothing", "\x00", "\ud800"]},
}


# --- transformers -------------------------------------------------------------------------------
def transformer_session(rng):
    """Calls of a transformer; returns the session."""
    session = Session(rng)
    kind = choose(rng, list(_GOOD))
    parameters = {name: choose(rng, values) for name, values in _GOOD[kind].items()}
    model = session.model = kind(**parameters)
    is_of_texts = kind is SequenceTokenizer
    maker = symbols if is_of_texts else inputs
    shape = maker.any_shape(rng)
    if is_of_texts:
        shape = symbols.Shape(f"symbols: {choose(rng, symbols.TEXTS)}", 2, shape.n_steps)
    fitted = is_of_texts
    for _ in range(_N_CALLS):
        name = choose(rng, ["fit", "fit", "transform", "transform", "fit_transform"])
        extra = [
            method for method in ("partial_fit", "inverse_transform") if hasattr(model, method)
        ]
        name = choose(rng, [name, name, name, *extra])
        fault = choose(rng, [None, None, None, "X", "parameter", "doubt", "other"])
        X, fate = _data(rng, maker, shape, fault, kind)
        if not fitted and "transform" in name and name != "fit_transform":
            fate = "bad"
        changed = None
        if fault in ("parameter", "doubt"):
            fate = "either"
            table = (_BAD if fault == "parameter" else _DOUBTFUL).get(kind)
            if table is not None and name == "fit":
                changed, value = inputs.a_parameter(rng, model.get_params(), table)
                earlier = getattr(model, changed)
                model.set_params(**{changed: value})
                fate = "bad" if fault == "parameter" else "either"
        options = {}
        if kind is SequenceScaler and fault is None and name.endswith("fit") and rng.random() < 0.3:
            options["sample_weight"] = inputs.bad_weight(rng, len(X.value))
            fate = "bad"
        words = f"{name}[{changed}={value!r:.40}]" if changed else name
        result = session.call(getattr(model, name), X, fate=fate, words=words, **options)
        if changed:
            model.set_params(**{changed: earlier})
            # What it learnt with the other value is of no use with this one.
            fitted = is_of_texts
            model = session.model = kind(**model.get_params())
            continue
        fitted = fitted or (result is not None and "fit" in name)
        if result is not None and name.endswith("transform") and fault != "other":
            _check(session, name, X, result)
    return session


def _data(rng, maker, shape, fault, kind):
    """X, and whether it is good."""
    n = int(rng.integers(2, 7))
    if fault == "X":
        X = maker.bad_X(rng, shape, n)
        missing = ("nan", "None", "NA") if kind is SequenceImputer else ()
        is_allowed = kind is SequenceTokenizer and X.words.endswith("with ''")
        is_allowed = is_allowed or any(word in X.words for word in missing)
        return X, "either" if is_allowed else "bad"
    if fault == "other":
        other = inputs if maker is symbols else symbols
        X, _ = other.good_X(rng, other.any_shape(rng), n)
        return X, "either" if "symbols: id" in X.words else "bad"  # ids are numbers
    X, items = maker.good_X(rng, shape, n)
    if kind is SequenceImputer and rng.random() < 0.8:
        items = [item.astype(float) for item in items]
        for item in items:
            item[rng.random(item.shape) < choose(rng, [0.1, 0.5, 1.0])] = np.nan
        X = Argument(inputs.arrange(rng, items, shape.layout), f"{X.words} with gaps")
    # Differences of one step, numbers that overflow: refusals of these are right, too.
    return X, "either"


def _check(session, name, X, result):
    """The result is finite, and that of one sequence is its own."""
    if not isinstance(session.model, SequenceTokenizer) and not all_finite(_plain(result)):
        session.complain(f"{name} of {X.words} is not finite")
    if name != "transform":
        return
    i = int(session.rng.integers(len(X.value)))
    one = Argument(inputs.part(X.value, slice(i, i + 1)), f"sequence {i} of {X.words}")
    alone = session.call(session.model.transform, one, words="transform", fate="either")
    if alone is None:
        session.complain(f"transform of sequence {i} alone is refused, but not {X.words}")
    elif not isinstance(session.model, SequenceTokenizer):
        if not same_bits(_plain(result)[i], _plain(alone)[0]):
            session.complain(f"transform of sequence {i} alone is not that of {X.words}")
    elif list(result[i]) != list(alone[0]):
        session.complain(f"transform of text {i} alone is not that of {X.words}")


def _plain(result):
    return result.to_numpy() if hasattr(result, "to_numpy") else result


# --- functions ----------------------------------------------------------------------------------
class _Function:
    """A function in the place of a model: its arguments are what a message may name."""

    def __init__(self, function):
        self.name, self.names = function.__name__, list(inspect.signature(function).parameters)

    def get_params(self):
        return dict.fromkeys(self.names)

    def __repr__(self):
        return self.name


def function_session(rng):
    """Calls of functions."""
    session = Session(rng)
    for _ in range(_N_CALLS):
        function, make = choose(
            rng,
            [(sliding_windows, _windows), (pad_sequences, _pad), (unpad_sequences, _unpad)],
        )
        session.model = _Function(function)
        positional, keywords, fate = make(rng)
        arguments = [Argument(value, f"{value!r:.80}", fate) for value in positional]
        named = {name: Argument(value, f"{name}={value!r:.60}") for name, value in keywords.items()}
        session.call(function, *arguments, fate=fate, **named)
    return session


def _windows(rng):
    """Arguments of sliding_windows; how many windows there are is known for good ones."""
    n_times, n_columns = int(rng.integers(5, 20)), int(rng.integers(1, 4))
    table = rng.normal(size=(n_times, n_columns))
    times = pd.date_range("2024-01-01", periods=n_times, freq="h")
    frame = pd.DataFrame(table, index=times, columns=list("abc")[:n_columns])
    X = choose(
        rng,
        [table, frame, frame["a"], table[:, 0], table[:, 0].tolist(), [table, table],
         [frame, frame], np.asfortranarray(table), "a text to be cut", ["some text", "texts"]],
    )  # fmt: skip
    arguments = [X, int(rng.integers(1, 4))]
    keywords = {
        "step": choose(rng, [None, 1, 2]), "target": choose(rng, [None, 0]),
        "horizon": choose(rng, [1, 2, [1, 2], range(1, 3)]),
    }  # fmt: skip
    if isinstance(X, str) or isinstance(X, list) and isinstance(X[0], str):
        keywords["target"] = None
    fault = choose(rng, [None, "X", "length", *keywords, "doubt"])
    if fault is None:
        return arguments, keywords, "good"
    if fault == "doubt":
        keywords["target"] = choose(
            rng,
            ["a", "b", [0], ["a", "b"], [], table[:, 0], frame["a"], table, table[:3], [1.5], -1, 7,
             2.5, {}, {"a"}, [table[:, 0], table[:, 0]], np.full(n_times, np.nan), b"a", 10**30,
             np.array("a"), frame[["a"]], ["a"] * n_times, [[0]], None, times, True, [None]],
        )  # fmt: skip
        return arguments, keywords, "either"
    if fault == "X":
        arguments[0] = choose(
            rng,
            [None, 3, [], "", {}, {1.0}, b"text", np.zeros((2, 2, 2, 2)), np.zeros((0, 2)),
             np.array(3.0), [[]], [1.0, "a"], ["a", 3], ["", ""], [table, None],
             frame.assign(s="x"), frame.reset_index(), 1j * table, inputs.sparse.csr_matrix(table),
             pd.concat({1: frame}), iter(table), object()],
        )  # fmt: skip
        return arguments, keywords, "bad"
    bad = [0, -1, 2.5, "2", np.nan, {}, 10**30]
    if fault == "length":
        arguments[1] = choose(rng, [*bad, None, [2]])
        return arguments, keywords, "bad"
    if fault == "target":
        return arguments, {**keywords, "target": "no such column"}, "either"
    keywords[fault] = choose(
        rng, [*bad[:-1], *([[], [0], [1, "a"], None] if fault == "horizon" else [])]
    )
    return arguments, keywords, "bad"


def _pad(rng):
    shape = inputs.any_shape(rng)
    n = int(rng.integers(2, 6))
    X, items = inputs.good_X(rng, shape, n)
    longest = max(map(len, items))
    keywords = {
        "length": choose(rng, [None, longest, longest + 3]),
        "value": choose(rng, [0.0, np.nan, -1]), "padding": choose(rng, ["post", "pre"]),
    }  # fmt: skip
    fault = choose(rng, [None, None, "X", "length", "padding", "value", "symbols"])
    if fault == "X":
        X = inputs.bad_X(rng, shape, n)
        return [X.value], keywords, "either"  # NaN and infinity are allowed
    if fault == "symbols":
        X = symbols.good_X(rng, symbols.any_shape(rng), n)[0]
        return [X.value], keywords, "either"
    wrong = {
        "length": [longest - 1, -1, "9", 2.5, [], {}, 1j, True, np.nan],
        "padding": ["before", None, 3, [], np.array(["pre", "post"])],
        "value": ["0", None, [], [0.0, 1.0], {}, object(), 1j, np.datetime64("2020-01-01")],
    }
    if fault:
        keywords[fault] = choose(rng, wrong[fault])
    return [X.value], keywords, "either" if fault == "length" else "bad" if fault else "good"


def _unpad(rng):
    n, n_steps = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    X = rng.normal(size=(n, n_steps, 2) if rng.random() < 0.6 else (n, n_steps))
    lengths = rng.integers(1, n_steps + 1, size=n)
    mask = np.arange(n_steps) < lengths[:, np.newaxis]
    keywords = {"padding": choose(rng, ["post", "pre"])}
    way = choose(rng, ["lengths", "mask", "nan"])
    if way == "nan":
        X[~mask if keywords["padding"] == "post" else ~mask[:, ::-1]] = np.nan
    else:
        keywords[way] = choose(rng, [lengths, lengths.tolist()] if way == "lengths" else [mask])
    fault = choose(rng, [None, None, "X", "lengths", "mask", "padding"])
    if fault == "X":
        shape = inputs.any_shape(rng)
        X = choose(
            rng, [inputs.bad_X, lambda *a: symbols.good_X(rng, symbols.any_shape(rng), 3)[0]]
        )(rng, shape, n).value
        return [X], keywords, "either"
    wrong = {
        "lengths": [lengths[:-1], lengths + 10, -lengths, lengths * 0, lengths + 0.5, "3", {}, 3,
                    [None] * n, [[1]] * n, [10**30] * n, ["a"] * n],
        "mask": [mask[:-1], mask.astype(float), mask & False, "mask", {}, 3, [[None]],
                 mask.tolist(), mask[..., np.newaxis]],
        "padding": ["before", None, 3, [], np.array(["pre", "post"])],
    }  # fmt: skip
    if fault:
        keywords[fault] = choose(rng, wrong[fault])
    return [X], keywords, "either" if fault == "mask" else "bad" if fault else "good"


def check(world, rng, number):
    """Carry out one session."""
    session = function_session(rng) if rng.random() < 0.35 else transformer_session(rng)
    return Verdict(session.n_calls, tuple(session.failures))


ATTACK = Attack("preparation", "preparation of sequences", check, n_cases=1000, n_quick=20)
