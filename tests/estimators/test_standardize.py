"""standardize="sequence": sequences that are scaled by themselves; the warning that names it."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
)
from skgru.preprocessing import _per_sequence

OPTIONS = {"hidden_layer_sizes": 4, "max_iter": 2, "batch_size": 8, "random_state": 0}


def heavy_tailed(n=24, seed=0, n_features=2):
    rng = np.random.default_rng(seed)
    return [
        10.0 ** rng.integers(-4, 4) * rng.normal(3, 1, (rng.integers(2, 9), n_features))
        for _ in range(n)
    ]


def per_step(X):
    return [(x[:, 0] > x[:, 0].mean()).astype(int) for x in X]


X = heavy_tailed()
Y = np.arange(24) % 2


def own(estimator=GRUClassifier, **options):
    return estimator(standardize="sequence", **{**OPTIONS, **options})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_scaler_before_a_model_without_scaling(dtype):
    scaler = SequenceScaler(scope="sequence", add_scale=True).fit(X)
    model = own(dtype=dtype).fit(X, Y)
    expected = GRUClassifier(standardize=False, dtype=dtype, **OPTIONS).fit(scaler.transform(X), Y)
    np.testing.assert_allclose(
        model.predict_proba(X), expected.predict_proba(scaler.transform(X)), rtol=1e-5
    )
    np.testing.assert_array_equal(model.feature_mean_, [0, 0, *scaler.log_scale_mean_])
    np.testing.assert_array_equal(model.feature_scale_, [1, 1, *scaler.log_scale_std_])
    assert model.n_features_in_ == 2
    assert "4 features" in model.summary()


@pytest.mark.parametrize("estimator", [GRUClassifier, GRUStepClassifier, GRUStepRegressor])
def test_predictions_do_not_depend_on_company(estimator):
    y = Y if estimator is GRUClassifier else per_step(X)
    model = own(estimator).fit(X, y)
    together = model.predict(X)
    for i in (0, 7, 23):
        np.testing.assert_array_equal(model.predict([X[i]])[0], together[i])
        np.testing.assert_array_equal(model.predict(X[i:])[0], together[i])
    assert len(model.states(X[:3])[1]) == len(X[1])


def test_layouts():
    table = 10.0 ** np.arange(-6, 6)[:, np.newaxis] * np.random.default_rng(0).normal(size=(12, 5))
    y = Y[:12]
    expected = own().fit(table, y).predict_proba(table)
    of_3d = own().fit(table[:, :, np.newaxis], y)
    np.testing.assert_array_equal(of_3d.predict_proba(list(table[:, :, np.newaxis])), expected)
    restored = pickle.loads(pickle.dumps(own().fit(table, y)))
    np.testing.assert_array_equal(restored.predict_proba(table), expected)


def test_numbers_beside_categories(monkeypatch):
    rng = np.random.default_rng(0)
    kinds = [rng.choice(list("abc"), len(x)) for x in X]

    def beside(numbers):
        items = zip(kinds, numbers, strict=True)
        return [
            pd.DataFrame({"kind": kind}).join(pd.DataFrame(x).add_prefix("x")) for kind, x in items
        ]

    model = own().fit(beside(X), Y)
    assert model.is_categorical_.tolist() == [True, False, False]
    np.testing.assert_array_equal(model.feature_mean_, own().fit(X, Y).feature_mean_)
    found = model.predict_proba(beside(X))
    np.testing.assert_array_equal(model.predict_proba(beside(X)[5:6])[0], found[5])

    scaler = SequenceScaler(scope="sequence", add_scale=True)
    scaled = beside(scaler.fit_transform(X))
    expected = GRUClassifier(standardize=False, **OPTIONS).fit(scaled, Y).predict_proba(scaled)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    monkeypatch.setattr(_per_sequence, "COPY_BYTES", 0)
    lazy = own().fit(beside(X), Y)
    np.testing.assert_array_equal(lazy._parameters, model._parameters)
    np.testing.assert_array_equal(lazy.predict_proba(beside(X)), found)


def test_symbols_alone_have_nothing_to_scale():
    texts = ["abc", "ba", "c"] * 8
    model, expected = own().fit(texts, Y), GRUClassifier(**OPTIONS).fit(texts, Y)
    np.testing.assert_array_equal(model._parameters, expected._parameters)


def test_data_that_are_scaled_as_they_are_read(monkeypatch):
    expected = own().fit(X, Y)
    monkeypatch.setattr(_per_sequence, "COPY_BYTES", 0)
    model = own().fit(X, Y)
    np.testing.assert_array_equal(model._parameters, expected._parameters)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_validation_data_and_early_stopping():
    held_out = heavy_tailed(10, seed=1)
    model = own(scoring=None).fit(X, Y, X_val=held_out, y_val=Y[:10])
    assert model.validation_scores_[-1] == model.set_params(max_iter=2).score(held_out, Y[:10])
    own(early_stopping=True, scoring="accuracy", validation_fraction=0.25).fit(X, Y)


def test_scales_are_those_of_the_training_part():
    weight = np.ones(24)
    weight[::3] = 0
    used = [x for x, w in zip(X, weight, strict=True) if w]
    model = own(GRURegressor).fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose(
        model.feature_mean_[2:], np.round(np.log([x.std(axis=0) for x in used]), 3).mean(axis=0)
    )


def test_training_goes_on():
    whole = own(GRURegressor, max_iter=4, learning_rate="constant").fit(X, Y)
    part = own(GRURegressor, warm_start=True, learning_rate="constant").fit(X, Y)
    part.fit(X, Y)
    np.testing.assert_array_equal(part._parameters, whole._parameters)
    with pytest.raises(ValueError, match="standardize changed since the training"):
        part.set_params(standardize=True).fit(X, Y)
    again = own(GRURegressor).partial_fit(X, Y).partial_fit(X[:3], Y[:3])
    np.testing.assert_array_equal(again.feature_mean_, whole.feature_mean_)
    similar = [x / x.std() for x in X]
    later = GRURegressor(warm_start=True, **OPTIONS).fit(similar, Y)
    later.set_params(standardize="sequence")
    with pytest.raises(ValueError, match="standardize changed since the training"):
        later.partial_fit(similar, Y)
    assert later.set_params(warm_start=False).fit(X, Y).feature_mean_.shape == (4,)
    assert later.set_params(standardize=False).fit(X, Y)._log_scale_floor is None


def test_batches():
    model = own(GRURegressor).fit_batches([(X[:12], Y[:12]), (X[12:], Y[12:])])
    first = np.round(np.log([x.std(axis=0) for x in X[:12]]), 3)
    np.testing.assert_allclose(model.feature_mean_[2:], first.mean(axis=0))
    with pytest.warns(UserWarning, match="the scales of features from 3 sequences"):
        own(GRURegressor).partial_fit(X[:3], Y[:3])


def test_no_stream():
    with pytest.raises(ValueError, match='standardize="sequence" needs whole sequences'):
        own().fit(X, Y).stream()


def test_summary_before_a_fit():
    model = own()
    before = model.summary(n_features=2)
    assert before.splitlines()[1:] == model.fit(X, Y).summary().splitlines()[1:]


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="The 'standardize' parameter of GRUClassifier must be"):
        GRUClassifier(standardize="sequences").fit(X, Y)


def test_damaged_models_are_refused():
    model = own().fit(X, Y)
    model._log_scale_floor = np.zeros(3)
    with pytest.raises(ValueError, match=r"_log_scale_floor is float64 \(3,\), but should be"):
        pickle.loads(pickle.dumps(model))


# --- the warning that names it --------------------------------------------------------------------


def faint(n_faint, n=20, length=6):
    found = list(np.random.default_rng(0).normal(size=(n, length, 1)))
    for x in found[:n_faint]:
        x *= 1e-3
    return found


def test_most_sequences_are_faint(recwarn):
    message = '55 % of the sequences in X vary by less than 1 % .* Set standardize="sequence"'
    with pytest.warns(UserWarning, match=message):
        GRUClassifier(**OPTIONS).fit(faint(11), Y[:20])
    recwarn.clear()
    model = GRUClassifier(**OPTIONS).fit(faint(10), Y[:20])
    model.predict(faint(20))
    own().fit(faint(11), Y[:20])
    GRUClassifier(standardize=False, **OPTIONS).fit(faint(11), Y[:20])
    assert not recwarn.list


def test_constant_sequences_are_not_faint(recwarn):
    constant = [np.full((3, 1), float(i)) for i in range(20)]
    GRUClassifier(**OPTIONS).fit(constant, Y[:20])
    # A feature that varies in each sequence is enough.
    static = [np.hstack([x, np.full_like(x, i)]) for i, x in enumerate(faint(0))]
    GRUClassifier(**OPTIONS).fit(static, Y[:20])
    assert not recwarn.list


def test_the_warning_comes_from_the_first_fit_alone(recwarn):
    with pytest.warns(UserWarning, match="vary by less than"):
        model = GRUClassifier(**OPTIONS).partial_fit(faint(15), Y[:20], classes=[0, 1])
    recwarn.clear()
    model.partial_fit(faint(15), Y[:20])
    assert not recwarn.list
