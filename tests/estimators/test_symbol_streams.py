"""Streams of symbols: the predictions of the model for the sequence so far, to the last bit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skgru
from skgru import GRUClassifier, GRUStepRegressor, SequenceScaler, SequenceTokenizer

OPTIONS = {"max_iter": 2, "random_state": 0, "embedding_dim": 3}
RNG = np.random.default_rng(0)
TEXTS = ["".join(RNG.choice(list("abcdef"), n)) for n in RNG.integers(2, 9, 40)]
WORDS = [[f"w{c}" for c in text] for text in TEXTS]
Y = np.arange(40) % 2


def classifier(X, **options):
    return GRUClassifier(4, **{**OPTIONS, **options}).fit(X, Y)


def frames():
    rng = np.random.default_rng(1)
    return [
        pd.DataFrame({"x": rng.normal(size=len(text)), "letter": list(text), "n": len(text)})
        for text in TEXTS
    ]


def so_far(model, x, method="predict_proba"):
    """What a model says of every beginning of a sequence."""
    return np.array([getattr(model, method)([x[: i + 1]])[0] for i in range(len(x))])


def same(stream, model, x, steps=None):
    expected = so_far(model, x)
    pushed = np.array([stream.push(step) for step in (x if steps is None else steps)])
    assert pushed.tobytes() == expected.tobytes()
    stream.reset()
    assert stream.extend(x).tobytes() == expected.tobytes()


@pytest.mark.parametrize(("X", "options"), [(TEXTS, {}), (WORDS, {}), (WORDS, {"dropout": 0.5})])
def test_symbols(X, options):
    model = classifier(X, **options)
    stream = model.stream(method="predict_proba")
    assert stream.n_features == 1
    same(stream, model, X[3])
    assert stream.n_steps.tolist() == [len(X[3])]


def test_words_of_a_text():
    model = classifier([" ".join(words) for words in WORDS], analyzer="word")
    stream = model.stream(method="predict_proba")
    text = "wa new wb"
    assert stream.extend(text)[-1].tobytes() == model.predict_proba([text]).tobytes()
    stream.reset()
    stream.push("wa"), stream.push("new")
    assert stream.push("wb").tobytes() == model.predict_proba([text]).tobytes()


def test_steps_of_several_columns():
    model = classifier(frames())
    x = frames()[5]
    stream = model.stream(method="predict_proba")
    assert stream.n_features == 3
    rows = [x.iloc[i] for i in range(len(x))]
    same(stream, model, x, rows)
    stream.reset()
    found = [stream.push(list(row)) for row in rows]
    assert np.array(found).tobytes() == so_far(model, x).tobytes()
    stream.reset()
    stream.extend(x.to_numpy(dtype=object)[:2])
    assert stream.n_steps.tolist() == [2]


def test_ids():
    ids = [np.array([ord(c) for c in text]) for text in TEXTS]
    model = classifier(ids, categorical_features=[0])
    stream = model.stream(method="predict_proba")
    same(stream, model, ids[4])
    stream.push([97])


def test_several_streams():
    model = classifier(WORDS)
    stream = model.stream(2, method="predict_proba")
    first, second = ["wa", "wb", "unknown"], ["wc", "wc", "wa"]
    together = stream.extend(list(zip(first, second, strict=True)))
    assert together.shape == (3, 2, 2)
    np.testing.assert_array_equal(together[:, 0], so_far(model, first))
    np.testing.assert_array_equal(together[:, 1], so_far(model, second))
    stream.reset()
    np.testing.assert_array_equal(stream.push(["wa", "wc"]), together[0])
    model = classifier(frames())
    stream = model.stream(2, method="predict_proba")
    steps = np.stack([x.to_numpy(dtype=object)[:2] for x in frames()[:2]], axis=1)
    found = stream.extend(steps)
    for i, x in enumerate(frames()[:2]):
        np.testing.assert_array_equal(found[:, i], so_far(model, x[:2]))


def test_states_can_be_kept():
    model = classifier(WORDS)
    stream = model.stream(method="predict_proba")
    stream.extend(WORDS[0])
    state = stream.get_state()
    expected = stream.push("wa")
    other = model.stream(method="predict_proba")
    other.set_state(state)
    np.testing.assert_array_equal(other.push("wa"), expected)


def test_a_stream_keeps_its_vocabulary():
    model = classifier(TEXTS)
    stream = model.stream(method="predict_proba")
    expected = so_far(model, "abc")
    model.fit([text.replace("a", "z") for text in TEXTS], Y)
    np.testing.assert_array_equal(stream.extend("abc"), expected)


def test_a_model_of_steps():
    y = [np.arange(len(text)) for text in TEXTS]
    model = GRUStepRegressor(4, **OPTIONS).fit(TEXTS, y)
    np.testing.assert_array_equal(model.stream().extend(TEXTS[0]), model.predict(TEXTS[:1])[0])


def test_a_pipeline_with_a_tokenizer():
    texts = [" ".join(words) for words in WORDS]
    pipeline = make_pipeline(SequenceTokenizer(), "passthrough", GRUClassifier(4, **OPTIONS))
    pipeline.fit(texts, Y)
    stream = skgru.stream(pipeline, method="predict_proba")
    assert stream.extend(texts[1])[-1].tobytes() == pipeline.predict_proba(texts[1:2]).tobytes()
    stream.reset()
    for word in WORDS[1]:
        found = stream.push(word)
    assert found.tobytes() == pipeline.predict_proba(texts[1:2]).tobytes()
    with pytest.raises(ValueError, match="cut into 2 symbols"):
        stream.push("one two")
    pipeline = make_pipeline(FunctionTransformer(), GRUClassifier(4, **OPTIONS)).fit(WORDS, Y)
    with pytest.raises(TypeError, match="FunctionTransformer, cannot be applied to symbols"):
        skgru.stream(pipeline)


@pytest.mark.parametrize(
    ("X", "n", "method", "given", "message"),
    [
        (TEXTS, 1, "push", "ab", "x is 'ab', which is cut into 2 symbols, .* to extend"),
        (TEXTS, 1, "push", 3, "Stream 0 in x is 3, of type int"),
        (TEXTS, 1, "push", None, "Stream 0 in x is missing"),
        (TEXTS, 2, "push", "ab", "a step of 2 streams is a list of 2 symbols"),
        (TEXTS, 2, "push", ["a"], "a step of 2 streams is a list of 2 symbols"),
        (TEXTS, 2, "extend", [["a", "b"], ["c"]], "step 1 of steps is .'c'., but a step of 2"),
        (TEXTS, 1, "extend", ["a", 3], "Step 1 of stream 0 in steps is 3"),
        (TEXTS, 1, "extend", "", "steps is empty"),
        (TEXTS, 1, "extend", 3, "a list with a step in each item"),
        (WORDS, 1, "extend", "wa wb", "steps is a string, .* fitted on lists of symbols"),
        (frames(), 1, "push", "a", r"x has shape \(\), but a step of 1 stream.s. has shape \(3,\)"),
        (frames(), 1, "push", [1.0, 2, 3], "Column 1 of x holds integers, but .* on strings"),
        (frames(), 1, "push", [np.nan, "a", 3], "NaN"),
        (frames(), 1, "push", ["u", "a", 3], "feature 0 is not a number"),
        (frames(), 1, "push", [1e300, "a", 3], "x is 1e.300 in stream 0, feature 0: too large"),
        (frames(), 1, "push", [0.0, "a", 1e300], "x is 1e.300 in stream 0, feature 2: too large"),
    ],
)
def test_errors(X, n, method, given, message):
    stream = classifier(X).stream(n)
    with pytest.raises((TypeError, ValueError), match=message):
        getattr(stream, method)(given)
    assert not stream.n_steps.any()


def test_labels_of_a_step_are_compared():
    stream = classifier(frames()).stream()
    with pytest.raises(ValueError, match="feature names should match"):
        stream.push(frames()[0].iloc[0][["letter", "x", "n"]])


def test_a_scaler_has_no_place_before_symbols():
    with pytest.raises(ValueError, match="SequenceScaler reads numbers"):
        make_pipeline(SequenceScaler(), GRUClassifier()).fit(TEXTS, Y)
