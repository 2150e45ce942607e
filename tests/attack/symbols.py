"""Generated X of symbols: texts, lists, tables, frames with categories and ids, good and bad."""

import numpy as np
import pandas as pd
import polars as pl

from skgru import SequenceTokenizer

from .inputs import Argument, Shape, as_objects, choose
from .invariants import fingerprint

TEXTS = ("characters", "words", "series of words")
LISTS = ("lists", "arrays", "objects", "fixed widths")
TABLES = ("table", "string table", "frame", "id table")
COLUMNS = ("frames", "polars", "object arrays", "object cube")
IDS = ("ids", "id lists", "id cube")
LAYOUTS = tuple(f"symbols: {name}" for name in (*TEXTS, *LISTS, *TABLES, *COLUMNS, *IDS))
_EQUAL_LENGTHS = (*TABLES, "object cube", "id cube")
RAGGED = tuple(layout for layout in LAYOUTS if layout[9:] not in _EQUAL_LENGTHS)

_COMMON = tuple("abcdefgh")
_ODD = ("ä", "ß", "漢", "😀", "\x00", "a\x00", "\ud800", "", " ", "a b", "zero", "\n", "x" * 3000)
_LETTERS = ("ä", "漢", "😀", "\x00", "\ud800", " ", "\n")  # one character, which is one symbol


def any_shape(rng):
    return Shape(choose(rng, LAYOUTS), 2, int(rng.integers(2, 7)))


def kind_of(shape):
    """The name of a layout without what says that it is one of symbols; None for numbers."""
    return shape.layout[9:] if shape.layout in LAYOUTS else None


def parameters(rng, shape):
    """Parameters with which a model reads X of a layout, and some more about symbols."""
    kind, found = kind_of(shape), {}
    if kind == "characters":
        found["analyzer"] = choose(rng, [None, "char", SequenceTokenizer(analyzer="char")])
    elif kind in TEXTS:
        found["analyzer"] = SequenceTokenizer(token_pattern=r"\w+|[^\w\s]")
        found["analyzer"] = choose(rng, ["word", found["analyzer"]])
    elif kind in IDS or kind == "id table":
        found["categorical_features"] = choose(rng, [[0], [True], np.array([0])])
    elif kind == "frames" and rng.random() < 0.3:
        found["categorical_features"] = choose(rng, [["s", "c"], [1, 2], [False, True, True]])
    for name, values in GOOD_PARAMETERS.items():
        if rng.random() < 0.3:
            found[name] = choose(rng, values)
    if kind not in (*COLUMNS, *IDS, "id table") and rng.random() < 0.2:
        matrix = rng.normal(size=(len(_COMMON), 4))
        found.update(embedding_init=(_COMMON, matrix), embedding_dim=choose(rng, ["auto", 4]))
    return found


GOOD_PARAMETERS = {
    "min_frequency": [1, 2, 0.1, 1000],
    "max_categories": [1, 2, 5],
    "embedding_dim": [1, 3],
}
_NO_VECTORS = [
    3, np.zeros((2, 2)), {"a": [1.0]}, (["a"], [[1.0], [2.0]]), (["a"], [["b"]]), (["a"],), (), {},
    (["a"], None), (3, np.zeros((1, 2))), (["a"], np.zeros((1, 0))), __file__, "\x00", "",
    "nowhere.txt", "nowhere.npz", (["a"], [[1j]]), (["a"], [[1.0], [2.0, 3.0]]), object(),
]  # fmt: skip
BAD_PARAMETERS = {
    "analyzer": ["words", 3, str.split, SequenceTokenizer, (), np.nan],
    "min_frequency": [0, -1, 0.0, 1.5, "2", np.nan, [], 10.5j],
    "max_categories": [0, -1, 2.5, "2", np.nan, []],
    "embedding_dim": [0, -1, 2.5, "large", None, np.nan, {}],
    "embedding_init": _NO_VECTORS,
}
# A parameter that is never looked at, because of the form of X, may hold anything.
DOUBTFUL_PARAMETERS = {
    "analyzer": [
        SequenceTokenizer(token_pattern="("), SequenceTokenizer(token_pattern="(a)(b)"),
        SequenceTokenizer(analyzer="sentence"), SequenceTokenizer(token_pattern=""),
        SequenceTokenizer(token_pattern="nothing"), SequenceTokenizer(lowercase="yes"), "char",
    ],
    "categorical_features": [
        [7], ["no such column"], [True] * 9, 3, [], "all", [-1], [0.5], [[0]], {}, [None], [1],
        [0, 0], np.nan, "from_dtype", ["x"], [0, 1, 2], object(),
    ],
    "min_frequency": [10**30, np.inf, 1e-300, True],
    "max_categories": [10**30],
    "embedding_dim": [10**12],
    "embedding_init": [
        ([], np.zeros((0, 3))), (["a"], [[np.nan]]), (["a"], [[np.inf]]), (["a"], [[1e300]]),
        (["a", "a"], [[1.0], [2.0]]), ([3], [[1.0]]), ([["a"]], [[1.0]]), (["\ud800"], [[1.0]]),
        ([None, "a"], [[1, 2], [3, 4]]),
    ],
}  # fmt: skip


# --- X ------------------------------------------------------------------------------------------
def sequences(rng, shape, n, is_plain=False):
    """Sequences as lists of steps: a symbol, an id, or one entry for each column."""
    kind = kind_of(shape)
    lengths = np.full(n, shape.n_steps)
    if kind not in _EQUAL_LENGTHS:
        lengths = rng.integers(1, shape.n_steps + 3, size=n)
    if kind in IDS or kind == "id table":
        highest = choose(rng, [5, 5, 2**40])
        return [rng.integers(-3, highest, size=t).tolist() for t in lengths]
    alphabet = list(_COMMON)
    if kind not in ("words", "series of words") and not is_plain and rng.random() < 0.4:
        alphabet += _LETTERS if kind == "characters" else _ODD
    if kind in ("string table", "polars"):  # which store UTF-8
        alphabet = [symbol for symbol in alphabet if symbol != "\ud800"]
    items = [[choose(rng, alphabet) for _ in range(t)] for t in lengths]
    if kind in COLUMNS:
        items = [[(float(rng.normal()), s, choose(rng, "uvw")) for s in item] for item in items]
    return items


def arrange(rng, items, kind):
    """Sequences as X of a layout."""
    if kind == "characters":
        return _container(rng, ["".join(item) for item in items])
    if kind == "words":
        return _container(rng, [" ".join(item) for item in items])
    if kind == "series of words":
        dtype = choose(rng, [object, "string", "category"])
        return pd.Series([" ".join(item) for item in items], dtype=dtype)
    if kind in ("lists", "id lists"):
        return tuple(items) if rng.random() < 0.3 else items
    if kind == "objects":
        return as_objects(items)
    if kind == "arrays":
        return [np.array(item, dtype=object) for item in items]
    if kind == "fixed widths":
        return [pd.Series(item, dtype=object) for item in items]
    if kind in ("table", "id table"):
        return np.array(items, dtype=object if kind == "table" else np.int64)
    if kind == "string table":
        return np.array(items, dtype=object).astype("T")
    if kind == "frame":
        return pd.DataFrame(np.array(items, dtype=object))
    if kind in ("frames", "polars"):
        make = pd.DataFrame if kind == "frames" else pl.DataFrame
        columns = [
            dict(zip("xsc", map(list, zip(*item, strict=True)), strict=True)) for item in items
        ]
        found = [make(data) for data in columns]
        if kind == "frames" and rng.random() < 0.5:
            found = [frame.astype({"c": "category"}) for frame in found]
        return found
    if kind in ("object arrays", "object cube"):
        found = [np.array(item, dtype=object) for item in items]
        return np.array(found) if kind == "object cube" else found
    found = [np.array(item, dtype=np.int64)[:, np.newaxis] for item in items]
    return np.array(found) if kind == "id cube" else found


def _container(rng, texts):
    kind = int(rng.integers(5))
    if kind == 0:
        return np.array(texts, dtype=object)
    if kind == 1:
        return pd.Series(texts, dtype=object)
    return [list, tuple, list][kind - 2](texts)


def good_X(rng, shape, n):
    """X of n sequences, and the same as lists of steps."""
    items = sequences(rng, shape, n)
    X = arrange(rng, items, kind_of(shape))
    return Argument(X, f"X of {shape.layout}, {n} sequences {X!r:.60}"), items


_NO_SYMBOLS = [
    None, np.nan, pd.NA, b"x", 3.5, ("a", "b"), ["a"], {}, {"a"}, object(), 1j,
    np.datetime64("2020-01-01"), [],
]  # fmt: skip


def bad_X(rng, shape, n):
    """X that no call of a model that was, or is to be, fitted on this layout may accept."""
    kind = kind_of(shape)
    items = sequences(rng, shape, n, is_plain=True)
    if kind in TEXTS and rng.random() < 0.5:
        texts = [" ".join(item) for item in items]
        texts[int(rng.integers(n))] = wrong = choose(rng, [*_NO_SYMBOLS, ""])
        return Argument(texts, f"texts with {wrong!r:.30}", "bad")
    if kind in (*LISTS, *TABLES, *COLUMNS, "ids") and rng.random() < 0.6:
        return _with_a_bad_step(rng, items, kind)
    if kind in (*LISTS, "frames", "ids") and rng.random() < 0.5:
        X = list(arrange(rng, items, kind))
        X[int(rng.integers(n))] = wrong = choose(
            rng, [None, np.nan, 3, {}, {"a": "b"}, [], pd.DataFrame(), np.zeros((2, 2, 2)), b"abc"]
        )
        return Argument(X, f"{kind} with the sequence {wrong!r:.30}", "bad")
    whole = [
        "text", b"text", None, 3, [], {}, {"a", "b"}, [[]], [[], ["a"]], np.array(["a"])[:0],
        [None, None], pd.DataFrame({"text": ["a b", "c"]}), iter(["a", "b"]), np.array("a"),
        pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), np.array([["a", None]], dtype=object),
        np.array([b"a", b"b"]), [["a"], "b"], ["a", ["b"]], [["a", 3.5]], [[3, "a"]], [None, "a"],
        [{"a"}, {"b"}], np.array([["a"]])[:, :0], pd.Series(["a", None]), [["a", ["b"]]], [[["a"]]],
        {"a": ["b"]},
    ]  # fmt: skip
    value = choose(rng, whole)
    return Argument(value, f"X = {value!r:.60}", "bad")


def _with_a_bad_step(rng, items, kind):
    """X with one step, or one entry of a step, that is neither a symbol nor a number."""
    i = int(rng.integers(len(items)))
    step = int(rng.integers(len(items[i])))
    if kind in COLUMNS:
        column = int(rng.integers(2))  # of numbers, or of symbols
        choices = [None, np.nan, "word", b"x", np.inf] if column == 0 else [None, np.nan, b"x", 3.5]
        if kind == "polars":
            choices = [None, np.nan] if column == 0 else [None]
        wrong = choose(rng, choices)
        # A column whose first entry is no string is one of numbers, which is refused as well.
        entry = list(items[i][step])
        entry[column] = wrong
        items[i][step] = tuple(entry)
        X = arrange(np.random.default_rng(0), items, "frames" if kind == "polars" else kind)
        return Argument(X, f"{kind} with {wrong!r} in column {column}", "bad")
    choices = (
        [1.5, np.nan, np.inf, 2.0**60, None, "a"] if kind in ("ids", "id table") else _NO_SYMBOLS
    )
    wrong = choose(rng, choices)
    if kind in ("ids", "id table"):
        array = [np.array(item, dtype=object)[:, np.newaxis] for item in items]
        array[i][step, 0] = wrong
        X = [a[:, 0] for a in array] if kind == "ids" else np.array([a[:, 0] for a in array])
        return Argument(X, f"{kind} with {wrong!r}", "bad")
    if kind in ("table", "string table", "frame"):
        cells = np.array(items, dtype=object)
        cells[i, step] = wrong
        return Argument(
            pd.DataFrame(cells) if kind == "frame" else cells, f"table with {wrong!r}", "bad"
        )
    items[i][step] = wrong
    return Argument(items, f"lists with {wrong!r:.30}", "bad")


# --- streams ------------------------------------------------------------------------------------
def stream(session):
    """Push a sequence, and compare the predictions with those of `predict` for its beginnings."""
    rng, model, kind = session.rng, session.model, kind_of(session.shape)
    shape = Shape(f"symbols: {'lists' if kind in TEXTS else kind}", 2, session.shape.n_steps)
    if kind in TABLES or kind == "object cube":
        return  # of a fixed width, or read in another way alone
    (items,) = sequences(rng, shape, 1)
    pushes = model.stream()
    pushed = []
    for step in items:
        state = fingerprint(pushes.get_state())
        if rng.random() < 0.3:
            wrong = choose(rng, [None, np.nan, b"x", {}, [], ["a", "b", "c", "d"], object()])
            bad = Argument(wrong, f"{wrong!r:.40}", "bad")
            session.call(pushes.push, bad, words="stream.push")
            if fingerprint(pushes.get_state()) != state:
                session.complain(f"a refused step changed the stream: {wrong!r:.40}")
        pushed.append(session.call(pushes.push, Argument(step, f"step {step!r:.40}", "either")))
    if any(prediction is None for prediction in pushed):
        return
    if kind in TEXTS:
        return  # a pushed symbol may be one that the analyzer never makes
    whole = Argument(arrange(np.random.default_rng(0), [items], kind), "the steps of a stream")
    predicted = session.call(model.predict, whole)
    if predicted is not None:
        last = predicted[0][-1] if session.kind.startswith("step") else predicted[0]
        if np.asarray(last).tobytes() != np.asarray(pushed[-1]).tobytes():
            session.complain(f"a stream and predict differ: {items!r:.60}")
