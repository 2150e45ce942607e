"""Symbols in every estimator: vocabularies, embeddings, and equal models for equal sequences."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
    SequenceTokenizer,
)
from skgru.data import as_object_array
from skgru.inspection import permutation_importance

from .problems import same_parameters

ALL = [GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor]
OPTIONS = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0, "embedding_dim": 3}

LEARNS = {"embedding_dim": 8, "max_iter": 20, "batch_size": 10, "random_state": 0}


def sentences(n=60, seed=0):
    """Lists of words, of which one tells the label, and the labels."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(n) % 2
    telling = [["awful", "bad", "dull"], ["fine", "good", "great"]]
    X = []
    for label in y:
        words = rng.choice(["a", "film", "plot", "the", "very", "was"], rng.integers(3, 8)).tolist()
        words[rng.integers(len(words))] = str(rng.choice(telling[label]))
        X.append(words)
    return X, y


WORDS, LABELS = sentences()
TEXTS = [" ".join(words) for words in WORDS]
RNG = np.random.default_rng(0)
CHARACTERS = ["".join(RNG.choice(list("abcdef"), n)) for n in RNG.integers(1, 9, 40)]
HALVES = np.arange(40) % 2
IDS = [np.array([ord(c) for c in text]) for text in CHARACTERS]


def frames(library=pd):
    """The characters as a column of frames, between columns of numbers."""
    rng = np.random.default_rng(1)
    return [
        library.DataFrame(
            {
                "x": rng.normal(size=len(text)),
                "letter": list(text),
                "z": rng.normal(size=len(text)),
                "kind": [c in "ae" for c in text],
            }
        )
        for text in CHARACTERS
    ]


def target(estimator, X):
    """What an estimator of that kind learns from these sequences."""
    n = len(X)
    if "Step" not in estimator.__name__:
        return np.arange(n) % 2
    if hasattr(X, "columns"):
        return np.tile(np.arange(X.shape[1]) % 2, (n, 1))
    return [np.arange(len(x)) % 2 for x in X]


def fit(X, estimator=GRUClassifier, **options):
    return estimator(**{**OPTIONS, **options}).fit(X, target(estimator, X))


# --- what is learnt -----------------------------------------------------------------------------


def test_a_classification_of_texts_is_learnt():
    model = GRUClassifier(8, analyzer="word", **LEARNS)
    test, y_test = sentences(seed=1)
    texts = [" ".join(words) for words in test]
    model.fit(pd.Series(TEXTS), LABELS)
    assert model.score(texts, y_test) > 0.95
    # No symbol tells the label without what was learnt of it.
    assert model.score([text.replace("a", "x") for text in texts], y_test) < 0.95


def test_tags_of_words_are_learnt():
    adjectives = {"awful", "bad", "dull", "fine", "good", "great"}
    tags = [["ADJ" if word in adjectives else "-" for word in x] for x in WORDS]
    model = GRUStepClassifier(8, **LEARNS).fit(WORDS, tags)
    assert model.score(WORDS, tags) > 0.95
    found = model.predict(WORDS)
    assert found.dtype == object and found.shape == (60,) and len(found[3]) == len(WORDS[3])
    assert cross_val_predict(model, WORDS, tags, cv=3).shape == (60,)


# --- equal sequences ----------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ALL)
def test_a_string_is_the_list_of_its_characters(estimator):
    expected = fit(CHARACTERS, estimator)
    model = fit(list(map(list, CHARACTERS)), estimator)
    assert same_parameters(model, expected)
    assert model.vocabulary_ == {c: i for i, c in enumerate("abcdef", 1)}
    found = model.predict(CHARACTERS)
    for first, second in zip(found, expected.predict(list(map(tuple, CHARACTERS))), strict=True):
        np.testing.assert_array_equal(first, second)


def forms_of_texts():
    return [tuple(TEXTS), np.array(TEXTS), pd.Series(TEXTS), pd.Series(TEXTS, dtype=object),
            pd.Series(TEXTS, dtype="category"), pl.Series(TEXTS), WORDS, as_object_array(WORDS),
            [np.array(x) for x in WORDS], list(map(pd.Series, WORDS))]  # fmt: skip


def test_every_form_of_texts_gives_the_same_model():
    expected = fit(TEXTS, analyzer="word")
    probability = expected.predict_proba(TEXTS)
    for X in forms_of_texts():
        assert same_parameters(fit(X, analyzer="word"), expected)
        np.testing.assert_array_equal(expected.predict_proba(X), probability)
    for analyzer in (SequenceTokenizer(), SequenceTokenizer(token_pattern=r"\w+")):
        assert same_parameters(fit(TEXTS, analyzer=analyzer), expected)


def test_ids_are_symbols_where_a_parameter_says_so():
    expected = fit(CHARACTERS)
    for ids in (IDS, [x.tolist() for x in IDS], [x[:, np.newaxis].astype(float) for x in IDS]):
        model = fit(ids, categorical_features=[0])
        assert same_parameters(model, expected)
        assert model.categories_[0].tolist() == [ord(c) for c in "abcdef"]
        assert model.n_features_in_ == 1 and not hasattr(model, "vocabulary_")
        np.testing.assert_array_equal(model.predict_proba(ids), expected.predict_proba(CHARACTERS))


@pytest.mark.parametrize("estimator", ALL)
def test_tables(estimator):
    ids = RNG.integers(97, 103, size=(30, 5))
    strings = np.array([[chr(i) for i in row] for row in ids])
    expected = fit(list(map("".join, strings)), estimator)
    for X in (strings, strings.astype(object), pd.DataFrame(strings), pl.DataFrame(strings)):
        model = fit(X, estimator)
        assert same_parameters(model, expected)
        is_of_steps = estimator in (GRUStepClassifier, GRUStepRegressor)
        assert model.predict(X).shape == ((30, 5) if is_of_steps else (30,))
    model = fit(ids, estimator, categorical_features=[0])
    assert same_parameters(model, expected) and model.n_features_in_ == 5


@pytest.mark.parametrize("estimator", ALL)
def test_columns_beside_numbers(estimator):
    expected = fit(frames(), estimator)
    assert expected.is_categorical_.tolist() == [False, True, False, False]
    assert expected.feature_names_in_.tolist() == ["x", "letter", "z", "kind"]
    assert expected.n_features_in_ == 4 and len(expected.feature_mean_) == 3
    x = np.concatenate([frame["x"] for frame in frames()])
    assert expected.feature_mean_[0] == pytest.approx(x.mean())
    objects = [frame.to_numpy(dtype=object) for frame in frames()]
    coded = [frame.assign(letter=frame["letter"].map(ord)) for frame in frames()]
    letter = {"categorical_features": ["letter"]}
    for X, options in (
        (frames(pl), {}), (objects, {}), (frames(), letter), (coded, letter),
        ([frame.astype({"letter": "category"}) for frame in frames()], {}),
        ([frame.to_numpy(dtype=float) for frame in coded], {"categorical_features": [1]}),
        (frames(), {"categorical_features": [False, True, False, False]}),
    ):  # fmt: skip
        model = fit(X, estimator, **options)
        assert same_parameters(model, expected)
        for first, second in zip(model.predict(X), expected.predict(frames()), strict=True):
            np.testing.assert_array_equal(first, second)


def test_arrays_of_three_dimensions():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 4, 3))
    X[:, :, 1] = rng.integers(0, 3, size=(20, 4))
    expected = fit(X, GRUStepRegressor, categorical_features=[1])
    assert expected.predict(X).shape == (20, 4)
    objects = X.astype(object)
    objects[:, :, 1] = np.array(["a", "b", "c"])[X[:, :, 1].astype(int)]
    model = fit(objects, GRUStepRegressor)
    assert same_parameters(model, expected)
    np.testing.assert_array_equal(model.predict(objects), expected.predict(X))


# --- vocabularies and embeddings ----------------------------------------------------------------


def test_rare_and_unknown_symbols_share_the_first_vector():
    X = [["a", "b", "a"], ["b", "rare"], ["a", "odd", "b", "a"]] * 5
    model = fit(X, min_frequency=6)
    assert model.vocabulary_ == {"a": 1, "b": 2} and model.embedding_.shape == (3, 3)
    first, second, third = model.predict_proba([["a", "rare"], ["a", "new"], ["a", "b"]])
    assert (first == second).all() and (first != third).any()
    assert fit(X, max_categories=2).vocabulary_ == {"a": 1}
    # By fractions of all steps: the share of "odd" is a ninth.
    assert set(fit(X, min_frequency=0.2).vocabulary_) == {"a", "b"}


def test_without_rare_symbols_the_shared_vector_is_the_mean():
    model = fit(CHARACTERS)
    np.testing.assert_allclose(model.embedding_[0], model.embedding_[1:].mean(axis=0), atol=1e-7)
    model = fit(CHARACTERS, max_categories=4)
    assert abs(model.embedding_[0] - model.embedding_[1:].mean(axis=0)).max() > 1e-3


def test_symbols_of_the_validation_part_and_of_weight_zero_are_unknown():
    X = [["a", "b"], ["b", "a"], ["a"], ["b"], ["z"]] * 4
    y = [0, 1, 0, 1, 0] * 4
    weight = np.array([1, 1, 1, 1, 0] * 4)
    model = GRUClassifier(**OPTIONS).fit(X, y, sample_weight=weight)
    assert model.vocabulary_ == {"a": 1, "b": 2}
    X = [[f"word{i}", "x"] for i in range(20)]
    model = GRUClassifier(early_stopping=True, **OPTIONS).fit(X, y)
    assert len(model.vocabulary_) == 19  # 18 sequences are trained on


def test_sizes_of_embeddings():
    options = {"embedding_dim": "auto"}
    assert fit(CHARACTERS, **options).embedding_.shape == (7, 64)
    assert fit(IDS, categorical_features=[0], **options).embedding_[0].shape == (7, 3)
    X = [frame.assign(one="u") for frame in frames()]
    assert [e.shape for e in fit(X, **options).embedding_] == [(7, 3), (2, 1)]
    many = [[f"{i:03}" for i in range(200)]] * 4
    X = [pd.DataFrame({"x": 0.0, "id": x}) for x in many]
    assert fit(X, **options).embedding_[0].shape == (201, 64)


def test_a_size_for_each_column():
    X = [frame.assign(one="u") for frame in frames()]
    for sizes in ((4, 2), [4, 2], np.array([4, 2])):
        model = fit(X, embedding_dim=sizes)
        assert [e.shape for e in model.embedding_] == [(7, 4), (2, 2)]
    assert fit(CHARACTERS, embedding_dim=(5,)).embedding_.shape == (7, 5)
    message = r"embedding_dim has 3 sizes, but X has 2 categorical columns \(.* each"
    with pytest.raises(ValueError, match=message):
        fit(X, embedding_dim=(4, 2, 1))
    with pytest.raises(ValueError, match="embedding_dim has 2 sizes, but X has 1 categorical col"):
        fit(CHARACTERS, embedding_dim=(4, 2))
    for sizes in ((4, 0), (4, 2.0), ("auto", 2), (), {4, 2}):
        with pytest.raises(ValueError, match="embedding_dim"):
            fit(X, embedding_dim=sizes)
    kept = GRUClassifier(**{**OPTIONS, "embedding_dim": (4, 2), "warm_start": True})
    kept.fit(X, HALVES).set_params(max_iter=3).fit(X, HALVES)
    with pytest.raises(ValueError, match="embedding_dim changed since the training"):
        kept.set_params(embedding_dim=(2, 4)).fit(X, HALVES)


def test_embeddings_are_views():
    model = fit(CHARACTERS)
    assert np.shares_memory(model.embedding_, model._parameters)
    before = model.predict_proba(["a", "b"])
    model.embedding_[model.vocabulary_["a"]] += 1
    after = model.predict_proba(["a", "b"])
    assert (before[0] != after[0]).all() and (before[1] == after[1]).all()
    assert model.parameters_["embedding0.E"].shape == (7, 3)


@pytest.mark.parametrize("fitted", [None, [np.zeros((3, 1))] * 4])
def test_numbers_have_no_symbols(fitted):
    model = GRUClassifier(2, max_iter=1)
    if fitted:
        model.fit(fitted, [0, 1] * 2)
    for name in ("embedding_", "vocabulary_", "categories_", "is_categorical_"):
        assert not hasattr(model, name)


def test_symbols_have_no_features():
    model = fit(CHARACTERS)
    assert not hasattr(model, "n_features_in_") and not hasattr(model, "feature_names_in_")
    assert not hasattr(model, "categories_") and model.feature_mean_.shape == (0,)
    model.fit([x[:, None] for x in IDS], HALVES)  # nothing is left of an earlier fit
    assert model.n_features_in_ == 1 and not hasattr(model, "vocabulary_")
    model.fit(CHARACTERS, HALVES)
    assert not hasattr(model, "n_features_in_")


# --- vectors from elsewhere ---------------------------------------------------------------------

VECTORS = np.arange(18.0).reshape(6, 3) / 10


def vector_files(folder):
    symbols = list("abcde") + ["other"]
    lines = [f"{s} {' '.join(map(str, v))}" for s, v in zip(symbols, VECTORS, strict=True)]
    (folder / "glove.txt").write_text("\n".join(lines) + "\n")
    (folder / "word2vec.txt").write_text("6 3\n" + "\n".join(lines))
    np.savez(folder / "vectors.npz", symbols=symbols, matrix=VECTORS)
    return [
        (symbols, VECTORS), (np.array(symbols), VECTORS.astype(np.float32)),
        *(folder / name for name in ("glove.txt", "word2vec.txt", "vectors.npz")),
        str(folder / "glove.txt"),
    ]  # fmt: skip


def test_vectors_to_begin_with(tmp_path):
    # A rate of zero is not allowed, but one so small changes no float32.
    options = {"embedding_dim": "auto", "learning_rate_init": 1e-30, "solver": "sgd"}
    for given in vector_files(tmp_path):
        with pytest.warns(UserWarning, match=r"has no vector for 1 of the 6 symbols"):
            model = fit(CHARACTERS, embedding_init=given, **options)
        assert model.embedding_.shape == (7, 3)
        np.testing.assert_allclose(model.embedding_[1:6], VECTORS[:5], rtol=1e-6, atol=1e-20)
        assert 0 < abs(model.embedding_[6]).max() < 1  # "f"
    ids = [ord(c) for c in "abcdef"]
    model = fit(IDS, categorical_features=[0], embedding_init=(ids, VECTORS), **options)
    np.testing.assert_allclose(model.embedding_[0][1:], VECTORS, rtol=1e-6, atol=1e-20)


def test_symbols_of_vectors_may_hold_spaces(tmp_path):
    (tmp_path / "v.txt").write_text("a 1 2\nNew York 3 4\nb 5 6\n")
    X = [["a", "New York"], ["b", "a"]] * 4
    options = {"embedding_dim": 2, "learning_rate_init": 1e-30, "solver": "sgd"}
    model = fit(X, embedding_init=tmp_path / "v.txt", **options)
    np.testing.assert_array_equal(model.embedding_[model.vocabulary_["New York"]], [3, 4])


def test_the_first_of_several_vectors_of_a_symbol_counts(tmp_path):
    symbols, matrix = ["a", "b", "a", "c", "b"], np.arange(1.0, 11.0).reshape(5, 2)
    lines = [f"{symbol} {x} {y}" for symbol, (x, y) in zip(symbols, matrix, strict=True)]
    (tmp_path / "v.txt").write_text("\n".join(lines))
    options = {"embedding_dim": 2, "learning_rate_init": 1e-30, "solver": "sgd"}
    for given in (tmp_path / "v.txt", (symbols, matrix)):
        model = fit(["abc", "cab"] * 4, embedding_init=given, **options)
        np.testing.assert_array_equal(model.embedding_[1:], matrix[[0, 1, 3]])


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"a": [1.0]}, {}, r"embedding_init is a dict.*tuple \(symbols, matrix\)"),
        ((["a"], np.ones((2, 3))), {}, r"1 symbols and a matrix of float64 and shape \(2, 3\)"),
        ((["a"], [["x"]]), {}, "matrix of <U1"),
        ((["a"],), {}, r"must be a path or a tuple"),
        ((["a", "b"], [[1, 2], [3, np.nan]]), {}, "NaN or infinity in the vector of 'b'"),
        ((["a"], np.ones((1, 4))), {"embedding_dim": 3}, "embedding_dim is 3, but .* 4 numbers"),
        ("one.txt", {}, "one.txt, but line 2 of it is not a symbol and 2 numbers"),
        ("words.txt", {}, "line 2 of it is not"),
        ("empty.txt", {}, "holds no vectors"),
        ("binary.txt", {}, "no text in UTF-8.*saved as text"),
        ("other.npz", {}, r"holds the arrays \['a'\].*np.savez"),
    ],
)
def test_errors_of_vectors(given, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").write_text("a 1 2\nb 1\n")
    (tmp_path / "words.txt").write_text("a 1 2\nb one two\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(b"2 3\na \xff\xfe\x00")
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match=message):
        fit(CHARACTERS, embedding_init=given, **{"embedding_dim": "auto", **options})


def test_vectors_are_for_one_vocabulary():
    X = [frame.assign(one="u") for frame in frames()]
    with pytest.raises(ValueError, match="vectors of one vocabulary, but X has 2"):
        fit(X, embedding_init=(["a"], np.ones((1, 3))))
    with pytest.raises(FileNotFoundError, match="embedding_init names nowhere"):
        fit(CHARACTERS, embedding_init="nowhere.txt")


def test_vectors_that_fit_into_no_memory_are_refused():
    with pytest.raises(ValueError, match="embedding_dim is 1000000000000, which for 7 symbols"):
        fit(CHARACTERS, embedding_dim=10**12)


# --- training that goes on ----------------------------------------------------------------------


def test_the_vocabulary_is_kept():
    more = [text.replace("a", "z") for text in CHARACTERS]
    model = GRUClassifier(warm_start=True, **OPTIONS).fit(CHARACTERS, HALVES)
    vocabulary = model.vocabulary_
    assert model.fit(more, HALVES).vocabulary_ == vocabulary and model.n_iter_ == 4
    model = GRUClassifier(**OPTIONS)
    model.partial_fit(CHARACTERS, HALVES, classes=[0, 1]).partial_fit(more, HALVES)
    assert model.vocabulary_ == vocabulary and model.n_iter_ == 2
    batches = [(CHARACTERS, HALVES), (more, HALVES)]
    model = GRUClassifier(**OPTIONS).fit_batches(batches, [0, 1])
    assert model.vocabulary_ == vocabulary


def test_training_in_two_parts_is_equal_to_the_last_bit():
    options = {**OPTIONS, "learning_rate": "constant", "warm_start": True, "max_categories": 4}
    for X in (CHARACTERS, frames()):
        whole = GRUClassifier(**{**options, "max_iter": 4}).fit(X, HALVES)
        parts = GRUClassifier(**options).fit(X, HALVES)
        parts = pickle.loads(pickle.dumps(parts)).fit(X, HALVES)
        assert same_parameters(whole, parts)


@pytest.mark.parametrize("changed", [{"analyzer": "word"}, {"embedding_dim": 5}])
def test_what_must_not_change(changed):
    model = GRUClassifier(warm_start=True, **OPTIONS).fit(CHARACTERS, HALVES)
    with pytest.raises(ValueError, match=f"{list(changed)[0]} changed since the training"):
        model.set_params(**changed).fit(CHARACTERS, HALVES)


@pytest.mark.parametrize("estimator", ALL)
def test_validation_data_may_hold_unknown_symbols(estimator):
    y, y_val = HALVES, HALVES[:2]
    if "Step" in estimator.__name__:
        y, y_val = [[ord(c) % 2 for c in text] for text in CHARACTERS], [[0, 1], [1]]
    unknown = ["za", "q"]
    model = estimator(early_stopping=True, **OPTIONS).fit(CHARACTERS, y, X_val=unknown, y_val=y_val)
    assert np.isfinite(model.validation_scores_).all() and len(model.vocabulary_) == 6
    model.partial_fit(unknown, y_val)
    assert len(model.vocabulary_) == 6


def test_predictions_do_not_follow_a_later_analyzer():
    model = fit(TEXTS, analyzer="word")
    expected = model.predict_proba(TEXTS)
    np.testing.assert_array_equal(model.set_params(analyzer="char").predict_proba(TEXTS), expected)
    tokenizer = SequenceTokenizer()
    model = fit(TEXTS, analyzer=tokenizer)
    tokenizer.set_params(analyzer="char")
    np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)


# --- scikit-learn -------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ALL)
def test_estimators_take_strings(estimator):
    assert get_tags(estimator()).input_tags.string


def test_searches_pipelines_and_validation_data():
    model = GRUClassifier(**OPTIONS)
    grid = {"analyzer": ["char", "word"], "min_frequency": [1, 2]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(model, grid, cv=2).fit(pd.Series(TEXTS), pd.Series(LABELS))
    assert search.best_estimator_.vocabulary_
    found = cross_val_predict(clone(model).set_params(analyzer="word"), TEXTS, LABELS, cv=3)
    assert found.shape == (60,)
    assert len(cross_val_score(model, WORDS, LABELS, cv=3)) == 3
    pipeline = make_pipeline(SequenceTokenizer(), model)
    assert same_parameters(pipeline.fit(TEXTS, LABELS)[-1], clone(model).fit(WORDS, LABELS))
    model = clone(model).set_params(analyzer="word")
    make_pipeline(model, LogisticRegression()).fit(TEXTS, LABELS).predict_proba(TEXTS)
    model.fit(TEXTS, LABELS, X_val=TEXTS[:20], y_val=LABELS[:20])
    assert len(model.validation_scores_) == 2
    model.set_params(scoring="roc_auc", early_stopping=True).fit(TEXTS, LABELS)
    assert len(model.validation_scores_) == 2
    with pytest.raises(ValueError, match="X_val holds numbers.*was fitted on symbols"):
        model.fit(TEXTS, LABELS, X_val=np.zeros((20, 3)), y_val=LABELS[:20])


def test_methods_that_look_inside():
    model = fit(CHARACTERS, pooling=("last", "attention"))
    assert model.transform(CHARACTERS).shape == (40, 8)
    assert [len(states) for states in model.states(CHARACTERS)] == list(map(len, CHARACTERS))
    weights = model.attention_weights(CHARACTERS)
    assert [len(w) for w in weights] == list(map(len, CHARACTERS))
    text = str(model.summary())
    assert "6 symbols" in text and "embedding0.E" in text and "7 x 3" in text
    assert "Classifier: 1 categorical column and 3 features, GRU" in fit(frames()).summary()
    model = fit([frame[["letter"]].assign(one="u") for frame in frames()])
    assert "Classifier: 2 categorical columns, GRU" in model.summary()
    assert "2 features" in GRUClassifier().summary(n_features=2)


def test_permutation_importance_of_symbols():
    model = GRUClassifier(8, **LEARNS).fit(WORDS, LABELS)
    options = {"n_repeats": 2, "random_state": 0}
    assert permutation_importance(model, WORDS, LABELS, **options).importances_mean > 0.3
    found = permutation_importance(model, WORDS, LABELS, by="time", n_windows=2, **options)
    assert found.importances_mean.shape == (2,)
    model = fit(frames())
    found = permutation_importance(model, frames(), HALVES, **options)
    assert found.feature_names == ["x", "letter", "z", "kind"]
    with pytest.raises(ValueError, match="X holds strings.*pass lists of symbols"):
        permutation_importance(fit(CHARACTERS), CHARACTERS, HALVES)


# --- errors and warnings ------------------------------------------------------------------------


def test_one_warning_of_words_that_are_cut_into_characters():
    with pytest.warns(UserWarning, match="60 of the 60 strings.*analyzer='word'") as caught:
        model = fit(TEXTS)
    assert len(caught) == 1 and caught[0].filename == __file__
    model.predict(TEXTS)
    for X, options in (
        (TEXTS, {"analyzer": "char"}), (TEXTS, {"analyzer": "word"}), (WORDS, {}),
        (["John Doe", "Ann Lee"] * 3, {}),
    ):  # fmt: skip
        fit(X, **options)


@pytest.mark.parametrize("convert", [pd.DataFrame, np.array])
def test_a_warning_of_sentences_in_a_table(convert):
    table = convert([[text, str(label)] for text, label in zip(TEXTS, LABELS, strict=True)])
    with pytest.warns(UserWarning, match="Column 0 of X holds texts.*sequence of 2 symbols"):
        fit(table, analyzer="word")
    fit(convert([["New York", "a"]] * 4))


def test_a_warning_of_numbers_in_strings():
    with pytest.warns(UserWarning, match=r"such as '-2.5e3', are read as symbols.*astype\(float\)"):
        fit([["0.5", "1.5"], ["-2.5e3"]] * 4)
    fit([["05", "15"], ["3"]] * 4)


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (CHARACTERS, IDS, "X holds numbers.*was fitted on symbols. Pass strings"),
        (CHARACTERS, frames(), "X holds frames or arrays of several columns.*fitted on symbols"),
        ([x[:, None] for x in IDS], CHARACTERS, "X holds strings, but .* was fitted on numbers"),
        (frames(), CHARACTERS, r"X holds strings, but .* fitted on 4 column\(s\), 1 of categories"),
        (frames(), [f[["x", "letter"]] for f in frames()], "sequence 0 of X: The feature names"),
        (frames(), [f.to_numpy()[:, :3] for f in frames()], "has 3 features, but .* expecting 4"),
        (WORDS, TEXTS, "X holds strings, but .* was fitted on lists of symbols. Cut"),
        (CHARACTERS, "abc", r"X is one string, 'abc'.*\[X\]"),
        (CHARACTERS, ["ab", ""], "Sequence 1 of X, '', has no symbols"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*feature names")
def test_what_does_not_match_the_fit(fitted, given, message):
    with pytest.raises(ValueError, match=message):
        fit(fitted).predict(given)


def test_categories_of_another_kind():
    model = fit(IDS, categorical_features=[0])
    with pytest.raises(ValueError, match="holds strings.*fitted on 1 column"):
        model.predict([["a"]])
    coded = [frame.assign(letter=frame["letter"].map(ord)) for frame in frames()]
    model = fit(coded, categorical_features=["letter"])
    with pytest.raises(ValueError, match="Column 1 of X holds strings, but .* on integers there"):
        model.predict(frames())


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (frames(), {"categorical_features": ["q"]}, "names column 'q'"),
        (frames(), {"categorical_features": ["x"]}, r"\(column 'letter'\) is not a number.*categ"),
        (
            frames(),
            {"categorical_features": None},
            "in some columns, but categorical_features=None",
        ),
        (CHARACTERS, {"categorical_features": [1]}, "names column 1"),
        ([np.eye(2)] * 4, {"categorical_features": [2]}, "names column 2"),
        ([np.eye(2) / 2] * 4, {"categorical_features": [1]}, "0.5 at step 1 .* is no integer"),
        (CHARACTERS, {"min_frequency": 1.5}, "'min_frequency' parameter"),
        (CHARACTERS, {"max_categories": 0}, "'max_categories' parameter"),
        (CHARACTERS, {"embedding_dim": "big"}, "'embedding_dim' parameter"),
        (CHARACTERS, {"analyzer": "line"}, "'analyzer' parameter"),
        (
            CHARACTERS,
            {"analyzer": SequenceTokenizer(analyzer="line")},
            "'analyzer' parameter of SequenceTokenizer",
        ),
        (pd.DataFrame({"text": TEXTS}), {}, r"X\['text'\]"),
    ],
)
def test_errors_of_a_fit(X, options, message):
    with pytest.raises(ValueError, match=message):
        fit(X, **options)


def test_a_scaler_says_what_to_do_with_strings():
    for X in (CHARACTERS, list(map(list, CHARACTERS)), frames()):
        with pytest.raises(ValueError, match="strings, but SequenceScaler reads numbers.*Leave"):
            SequenceScaler().fit(X)


# --- saved models -------------------------------------------------------------------------------


def test_models_are_saved_whole():
    skops = pytest.importorskip("skops.io")
    for X, options in (
        (CHARACTERS, {}), (TEXTS, {"analyzer": SequenceTokenizer()}), (frames(), {}),
        (IDS, {"categorical_features": [0]}),
    ):  # fmt: skip
        model = fit(X, **options)
        text = skops.dumps(model)
        trusted = skops.get_untrusted_types(data=text)
        assert all(name.startswith("skgru.") for name in trusted)
        for found in (pickle.loads(pickle.dumps(model)), skops.loads(text, trusted=trusted)):
            np.testing.assert_array_equal(found.predict_proba(X), model.predict_proba(X))


def test_a_vocabulary_is_stored_once():
    X = [[f"word{i:05}" for i in range(j, j + 100)] for j in range(0, 5000, 100)]
    model = fit(X)
    symbols = len(pickle.dumps(list(model.vocabulary_)))
    assert len(pickle.dumps(model)) < model._parameters.nbytes + 1.5 * symbols + 4000


@pytest.mark.parametrize("name", ["vocabulary_", "categories_"])
def test_a_state_whose_parts_do_not_belong_together_is_refused(name):
    X = CHARACTERS if name == "vocabulary_" else frames()
    state, other = fit(X).__getstate__(), fit(X, max_categories=3).__getstate__()
    broken = GRUClassifier.__new__(GRUClassifier)
    with pytest.raises(ValueError, match=r"vocabularies have \[2\] symbols, but its embeddings"):
        broken.__setstate__({**state, name: other[name]})


def test_any_string_is_a_symbol():
    X = [["", " ", "\0", "a\0"], ["\ud800", "\n", "é", "日本"]] * 4
    model = fit(X)
    found = pickle.loads(pickle.dumps(model))
    assert found.vocabulary_ == model.vocabulary_ and list(found.vocabulary_) == sorted(
        sum(X[:2], [])
    )
