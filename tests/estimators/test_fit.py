"""What the estimators learn, and from what."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from skgru import GRUClassifier, GRURegressor, GRUStepRegressor

from .problems import classes, in_layout, ragged, same_parameters, table

FAST = {"max_iter": 60, "learning_rate_init": 0.03, "random_state": 0}
LAYOUTS = ["2d", "3d", "ragged", "objects"]


# --- it learns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_learns_from_every_layout(layout):
    X, y = in_layout(layout, n=300)
    X_new, y_new = in_layout(layout, n=100, seed=1)
    assert GRURegressor(8, **FAST).fit(X, y).score(X_new, y_new) > 0.9
    labels = (y > 0).astype(int)
    assert GRUClassifier(8, **FAST).fit(X, labels).score(X_new, y_new > 0) > 0.9


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (lambda x: x[-1, 0], {"pooling": "last"}),
        (lambda x: x[0, 0], {"pooling": "last", "bidirectional": True}),
        (lambda x: x[:, 0].sum(), {"pooling": "last"}),
        (lambda x: x[:, 0].mean(), {"pooling": "mean"}),
        (lambda x: x[:, 0].max(), {"pooling": "max"}),
        (lambda x: x[x[:, 1].argmax(), 0], {"pooling": "attention"}),
        (lambda x: x[0, 0] - x[-1, 0], {"pooling": ("mean", "last"), "hidden_layer_sizes": (8, 8)}),
        (lambda x: 1e4 + 500 * x[-1, 0], {"solver": "sgd", "learning_rate_init": 0.2}),
        (lambda x: x[-1, 0], {"solver": "rmsprop", "learning_rate": "constant"}),
        (lambda x: x[-1, 0], {"solver": "adamw", "dtype": "float64", "dropout": 0.05}),
        (lambda x: x[-1, 0], {"recurrent_dropout": 0.1, "learning_rate": "adaptive"}),
    ],
)
def test_it_learns_what_needs_its_options(target, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5, 2))
    y = np.array([target(x) for x in X])
    model = GRURegressor(**{"hidden_layer_sizes": 12, **FAST, **options}).fit(X[:500], y[:500])
    assert model.score(X[500:], y[500:]) > 0.8


def test_scales_of_features_and_target_do_not_matter():
    X, y = in_layout("3d", n=200)
    X_far = X * [1e-6, 1e6] + [5, -1e7]
    model = GRURegressor(8, dtype="float64", **FAST)
    expected = model.fit(X, y).predict(X)
    assert_allclose(model.fit(X_far, 3e8 * y - 1e9).predict(X_far), 3e8 * expected - 1e9, rtol=1e-4)


# --- losses -------------------------------------------------------------------------------------


def noisy_counts(n, seed):
    """Counts whose mean and spread depend on the last step."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, rng.poisson(np.exp(1 + X[:, -1])).astype(float)


def huber_loss(y, prediction, delta):
    error = np.minimum(np.abs(y - prediction), delta)
    return np.mean(error * (np.abs(y - prediction) - error / 2))


@pytest.mark.parametrize(
    ("options", "metric", "constant"),
    [
        ({"loss": "squared_error"}, mean_squared_error, np.mean),
        ({"loss": "absolute_error"}, mean_absolute_error, np.median),
        (
            {"loss": "huber", "delta": 2.0, "standardize": False},
            lambda y, prediction: huber_loss(y, prediction, 2.0),
            np.median,
        ),
        ({"loss": "poisson"}, mean_poisson_deviance, np.mean),
        (
            {"loss": "quantile", "quantile": 0.9},
            lambda y, prediction: mean_pinball_loss(y, prediction, alpha=0.9),
            lambda y: np.quantile(y, 0.9),
        ),
    ],
)
def test_every_loss_beats_its_constant(options, metric, constant):
    X, y = noisy_counts(400, 0)
    X_new, y_new = noisy_counts(400, 1)
    model = GRURegressor(8, **FAST, **options).fit(X, y)
    baseline = metric(y_new, np.full(400, constant(y)))
    assert metric(y_new, model.predict(X_new)) < 0.8 * baseline


def test_each_loss_is_the_best_at_its_own_metric():
    # Counts with a long tail: mean, median and upper quantile lie far apart.
    X, y = noisy_counts(1000, 0)
    losses = {
        "mean": GRURegressor(8, **FAST),
        "median": GRURegressor(8, loss="absolute_error", **FAST),
        "upper": GRURegressor(8, loss="quantile", quantile=0.95, **FAST),
    }
    shares = {name: np.mean(y <= m.fit(X, y).predict(X)) for name, m in losses.items()}
    assert abs(shares["upper"] - 0.95) < 0.02
    assert abs(shares["median"] - 0.5) < 0.1
    assert abs(np.mean(y - losses["mean"].predict(X))) < 0.1 * y.mean()
    assert losses["median"].predict(X).mean() < losses["mean"].predict(X).mean()


def test_quantiles_never_cross_and_cover_their_share():
    X, y = noisy_counts(600, 0)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    model = GRURegressor(8, loss="quantile", quantile=levels, **FAST).fit(X, y)
    found = model.predict(X)
    assert found.shape == (600, 5)
    assert_allclose((y[:, np.newaxis] <= found).mean(axis=0), levels, atol=0.12)
    far_away = 30 * np.random.default_rng(2).normal(size=(500, 4))
    assert (np.diff(model.predict(far_away)) >= 0).all()
    assert 0.2 < model.score(X, y) < 1


def test_quantile_steps_start_at_those_of_the_target_whatever_its_scale():
    X, y = table()
    options = {"loss": "quantile", "quantile": [0.2, 0.8], "standardize": False, "solver": "sgd"}
    model = GRURegressor(4, learning_rate_init=1e-9, max_iter=1, **options).fit(X, 1e5 * y)
    model.coefs_[-1][...] = 0  # nothing but the constant is left
    expected = np.quantile(1e5 * y, [0.2, 0.8], method="inverted_cdf")
    assert_allclose(model.predict(X[:1])[0], expected, rtol=1e-6)


def test_poisson_predictions_are_positive():
    X, y = noisy_counts(300, 0)
    model = GRURegressor(8, loss="poisson", **FAST).fit(X, y)
    assert (model.predict(10 * X) > 0).all()
    assert_array_equal(model.target_mean_, 0)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, ()),
        ({"loss": "quantile"}, ()),
        ({"loss": "quantile", "quantile": [0.5]}, (1,)),
        ({"loss": "quantile", "quantile": (0.1, 0.9)}, (2,)),
    ],
)
def test_shape_of_predictions(options, shape):
    X, y = table()
    model = GRURegressor(4, max_iter=2, **options)
    Y = np.column_stack([y, -y, y])
    for target, expected in ((y, (60,)), (Y, (60, 3)), (Y[:, :1], (60, 1))):
        found = model.fit(X, target).predict(X)
        assert found.shape == (*expected, *shape)
        assert found.dtype == np.float64


def test_several_targets_of_different_scales():
    X, y = in_layout("3d", n=300)
    Y = np.column_stack([y, 1e5 * X[:, -1, 1] + 7e6])
    model = GRURegressor(12, **FAST).fit(X[:200], Y[:200])
    assert model.n_outputs_ == 2
    assert model.score(X[200:], Y[200:]) > 0.9


def test_predictions_do_not_follow_a_later_set_params():
    X, y = table()
    model = GRURegressor(4, loss="quantile", quantile=[0.2, 0.8], max_iter=2).fit(X, y)
    expected, score = model.predict(X), model.score(X, y)
    model.set_params(loss="poisson", quantile=0.5, pooling="last", bidirectional=True)
    assert_array_equal(model.predict(X), expected)
    assert model.score(X, y) == score


# --- classification -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_classes(n_classes):
    X, y = table(300)
    labels = classes(y, n_classes)
    model = GRUClassifier(8, **FAST).fit(X[:200], labels[:200])
    assert_array_equal(model.classes_, np.unique(labels))
    assert model.score(X[200:], labels[200:]) > 0.85
    probability = model.predict_proba(X[200:])
    assert probability.shape == (100, n_classes)
    assert_allclose(probability.sum(axis=1), 1)
    assert_array_equal(model.predict(X[200:]), model.classes_[probability.argmax(axis=1)])
    shares = np.mean(labels[:200, np.newaxis] == model.classes_, axis=0)
    baseline = log_loss(labels[200:], np.tile(shares, (100, 1)))
    assert log_loss(labels[200:], probability) < 0.5 * baseline
    scores = model.decision_function(X[200:])
    assert scores.shape == ((100,) if n_classes == 2 else (100, n_classes))


def test_log_probabilities_do_not_underflow():
    X, y = table()
    for labels in (y > 0, classes(y)):
        model = GRUClassifier(4, max_iter=5, random_state=0).fit(X, labels)
        expected = np.log(model.predict_proba(X))
        assert_allclose(model.predict_log_proba(X), expected, rtol=1e-6, atol=1e-12)
        model.coefs_[-1][...] *= 1e5
        found = model.predict_log_proba(X)
        assert np.isfinite(found).all()
        assert found.min() < -1000
        if found.shape[1] == 2:
            assert_allclose(found[:, 1] - found[:, 0], model.decision_function(X), rtol=1e-6)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_multilabel(as_sparse):
    X, _ = table(400)
    Y = (X[:, [-1, 0, 2]] > [0, 0, 1]).astype(int)
    model = GRUClassifier(12, bidirectional=True, **FAST)
    model.fit(X[:300], sparse.csr_matrix(Y[:300]) if as_sparse else Y[:300])
    assert_array_equal(model.classes_, [0, 1, 2])
    found = model.predict(X[300:])
    assert ((found == Y[300:]).mean(axis=0) > 0.85).all()
    assert 0 < model.score(X[300:], Y[300:]) <= 1
    probability = model.predict_proba(X[300:])
    assert probability.shape == model.decision_function(X[300:]).shape == (100, 3)
    assert_array_equal(probability > 0.5, found)
    assert_allclose(np.exp(model.predict_log_proba(X[300:])), probability, rtol=1e-6)


def test_class_weight_is_a_sample_weight():
    X, y = table()
    labels = classes(y)
    weight = {"low": 2.0, "middle": 0.5, "top": 1.0}
    model = GRUClassifier(4, max_iter=5, random_state=0)
    # Scales are those of the sequences, whatever their classes are worth.
    model.set_params(standardize=False)
    by_sample = model.fit(X, labels, sample_weight=[weight[c] for c in labels]).predict_proba(X)
    by_class = model.set_params(class_weight=weight).fit(X, labels).predict_proba(X)
    assert_array_equal(by_class, by_sample)


def test_light_classes_stay_light_in_batches_of_their_own():
    X, _ = table(60)
    labels = np.array(["heavy", "light", "light", "light"] * 15)
    weight = {"heavy": 1000.0, "light": 1e-3}
    # Most batches hold no heavy sequence; together they must not count for more.
    options = {"solver": "sgd", "learning_rate_init": 0.1, "batch_size": 2, "random_state": 0}
    model = GRUClassifier(4, max_iter=10, class_weight=weight, **options)
    assert np.mean(model.fit(X, labels).predict(X) == "heavy") == 1


def test_class_weight_names_only_some_classes_or_balances_them():
    X, y = table()
    labels = np.where(y > 0.5, "much", np.where(y < -1, "little", "some"))
    model = GRUClassifier(4, max_iter=3, random_state=0)
    full = model.set_params(class_weight={"much": 3, "some": 1, "little": 1}).fit(X, labels)
    expected = full._parameters.copy()
    found = model.set_params(class_weight={"much": 3}).fit(X, labels)._parameters
    assert_array_equal(found, expected)
    names, counts = np.unique(labels, return_counts=True)
    weight = dict(zip(names, 60 / (3 * counts), strict=True))
    expected = model.set_params(class_weight=weight).fit(X, labels)._parameters
    found = model.set_params(class_weight="balanced").fit(X, labels)._parameters
    assert_allclose(found, expected, rtol=1e-6)


def test_multilabel_class_weight_is_a_product():
    X, y = table()
    Y = np.column_stack([y > 0, y > 1]).astype(int)
    model = GRUClassifier(4, max_iter=3, random_state=0, standardize=False)
    weight = np.where(Y[:, 0], 4.0, 1.0) * np.where(Y[:, 1], 1.0, 0.5)
    expected = model.fit(X, Y, sample_weight=weight)._parameters
    model.set_params(class_weight=[{0: 1.0, 1: 4.0}, {0: 0.5, 1: 1.0}])
    assert_array_equal(model.fit(X, Y)._parameters, expected)


def test_balanced_classes_find_the_rare_one():
    X, y = table(400)
    y = (y + np.random.default_rng(1).normal(size=400) > 2).astype(int)
    assert 0 < y.mean() < 0.15
    model = GRUClassifier(4, **{**FAST, "max_iter": 20})
    recall = {}
    for weight in (None, "balanced"):
        recall[weight] = model.set_params(class_weight=weight).fit(X, y).predict(X)[y == 1].mean()
    assert recall["balanced"] > recall[None] + 0.2


# --- sample weights -----------------------------------------------------------------------------

WEIGHTED = [
    (GRURegressor, {}),
    (GRURegressor, {"loss": "absolute_error"}),
    (GRURegressor, {"loss": "huber"}),
    (GRURegressor, {"loss": "quantile", "quantile": [0.3, 0.6]}),
    (GRUClassifier, {}),
]


@pytest.mark.parametrize(("estimator", "options"), WEIGHTED)
def test_weight_zero_is_absence_to_the_last_bit(estimator, options):
    # In mini-batches, in float32, and with early stopping.
    X, y = ragged(50)
    y = classes(y) if estimator is GRUClassifier else y
    weight = np.array([1.0, 2.0, 0.0, 0.5, 0.0] * 10)
    model = estimator(
        4, max_iter=4, batch_size=8, standardize=False, dropout=0.1, random_state=0,
        early_stopping=True, **options,
    )  # fmt: skip
    some = [i for i in range(50) if weight[i] > 0]
    expected = model.fit([X[i] for i in some], y[some], sample_weight=weight[some])._parameters
    assert_array_equal(model.fit(X, y, sample_weight=weight)._parameters, expected)


@pytest.mark.parametrize(("estimator", "options"), WEIGHTED)
def test_weights_are_repetitions(estimator, options):
    X, y = ragged(40)
    y = classes(y) if estimator is GRUClassifier else y
    weight = np.arange(40) % 4
    model = estimator(
        4, max_iter=15, batch_size=1000, random_state=0, dtype="float64", alpha=0.1, **options
    )
    repeated = np.repeat(np.arange(40), weight)
    expected = model.fit([X[i] for i in repeated], y[repeated])._parameters
    found = model.fit(X, y, sample_weight=weight)._parameters
    assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    assert not np.allclose(model.fit(X, y)._parameters, expected, atol=1e-3)


# --- forms of the same data ---------------------------------------------------------------------


def forms(values, tmp_path):
    """The same small integers in different containers and number types."""
    read_only = values.astype(np.float64)
    read_only.setflags(write=False)
    np.save(tmp_path / "X.npy", values.astype(np.float32))
    found = {
        "float16": values.astype(np.float16),
        "float32": values.astype(np.float32),
        "int8": values.astype(np.int8),
        "uint16": (values + 100).astype(np.uint16),
        "big endian": values.astype(">f8"),
        "Fortran order": np.asfortranarray(values, dtype=np.float64),
        "strided": np.repeat(values.astype(np.float32), 2, axis=1)[:, ::2],
        "read-only": read_only,
        "memory map": np.load(tmp_path / "X.npy", mmap_mode="r"),
        "list": values.tolist(),
    }
    if values.ndim == 2:
        columns = [f"t{i}" for i in range(values.shape[1])]
        found["pandas"] = pd.DataFrame(values, columns=columns)
        found["polars"] = pl.DataFrame(values, schema=columns)
    else:
        found["ragged"] = list(values.astype(np.float32))
        found["ragged ints"] = tuple(values.astype(np.int16))
    return found


@pytest.mark.parametrize("shape", [(30, 5), (30, 5, 2)])
def test_forms_of_the_same_numbers_give_the_same_bits(shape, tmp_path):
    values = np.random.default_rng(0).integers(-20, 20, shape)
    y = values.reshape(30, -1)[:, -1]
    model = GRURegressor(4, max_iter=3, random_state=0, n_jobs=2)
    expected = model.fit(values.astype(np.float64), y).predict(values.astype(np.float64))
    for name, X in forms(values, tmp_path).items():
        before = pickle.dumps(X)
        found = model.fit(X, y).predict(X)
        assert pickle.dumps(X) == before, f"{name} was changed"
        if name == "uint16":  # has another mean
            assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        else:
            assert_array_equal(found, expected, err_msg=name)


def test_targets_and_weights_may_come_in_any_form_and_are_never_changed():
    X, y = table()
    y, weight = np.round(10 * y), np.arange(60) % 3 + 1.0
    for array in (y, weight):
        array.setflags(write=False)
    model = GRURegressor(4, max_iter=3, random_state=0)
    expected = model.fit(X, y, sample_weight=weight).predict(X)
    for target, weights in [
        (y.astype(np.float32), weight.astype(np.int32)),
        (y.astype(int).tolist(), weight.tolist()),
        (pd.Series(y, index=range(60, 0, -1)), pd.Series(weight)),
        (pl.Series(y), pl.Series(weight)),
    ]:
        assert_array_equal(model.fit(X, target, sample_weight=weights).predict(X), expected)
    labels = classes(y)
    model = GRUClassifier(4, max_iter=3, random_state=0)
    expected = model.fit(X, labels).predict_proba(X)
    for target in (labels.tolist(), labels.astype(object), pd.Series(labels), pl.Series(labels)):
        assert_array_equal(model.fit(X, target).predict_proba(X), expected)


def test_big_offsets_are_taken_off_in_float64():
    X = np.random.default_rng(0).integers(0, 8, (60, 5)).astype(np.float64)
    model = GRURegressor(4, max_iter=3, random_state=0)
    expected = model.fit(X, X[:, -1]).predict(X)
    # In float32 these would all be the same number.
    assert_allclose(model.fit(X + 1e9, X[:, -1]).predict(X + 1e9), expected, rtol=1e-4, atol=1e-4)


# --- what a fit leaves behind -------------------------------------------------------------------


def test_attributes():
    X, y = in_layout("3d")
    model = GRURegressor((5, 3), bidirectional=True, pooling=("max", "attention"), max_iter=4)
    model.fit(X, np.column_stack([y, y]))
    assert [a.shape for a in model.coefs_] == [(2, 15)] * 2 + [(10, 9)] * 2 + [(12, 2)]
    assert [a.shape for a in model.recurrent_coefs_] == [(5, 15)] * 2 + [(3, 9)] * 2
    assert [a.shape for a in model.intercepts_] == [(15,)] * 2 + [(9,)] * 2 + [(2,)]
    assert [a.shape for a in model.recurrent_intercepts_] == [(5,)] * 2 + [(3,)] * 2
    assert model.attention_coef_.shape == (2, 3)
    assert model.n_iter_ == len(model.loss_curve_) == 4
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.n_features_in_ == 2
    assert_allclose(model.feature_mean_, X.mean(axis=(0, 1)))
    assert_allclose(model.feature_scale_, X.std(axis=(0, 1)))
    assert_allclose(model.target_scale_, y.std())
    assert all(a.dtype == np.float32 for a in model.coefs_)
    assert GRURegressor(3, max_iter=1, dtype="float64").fit(X, y).coefs_[0].dtype == np.float64


def test_arrays_of_parameters_are_the_model():
    X, y = table()
    model = GRURegressor(4, max_iter=2).fit(X, y)
    model.coefs_[-1][...] = 0
    model.intercepts_[-1][...] = 2
    assert_allclose(model.predict(X), 2 * y.std() + y.mean(), rtol=1e-6)
    with pytest.raises(AttributeError, match="'attention' in pooling"):
        _ = model.attention_coef_
    with pytest.raises(AttributeError, match="not fitted"):
        _ = GRURegressor().coefs_


def test_a_fit_starts_afresh():
    X, y = table()
    model = GRURegressor(4, max_iter=2, random_state=0).fit(X, y)
    first = pickle.loads(pickle.dumps(model))
    model.set_params(pooling="last", loss="poisson", hidden_layer_sizes=6)
    model.fit(ragged()[0], np.abs(y))
    model.set_params(**first.get_params()).fit(X, y)
    assert same_parameters(model, first)
    assert model.loss_curve_ == first.loss_curve_
    assert vars(model).keys() == vars(first).keys()


def test_a_constant_feature_or_target():
    X, y = in_layout("3d")
    X[:, :, 1] = 0.1
    model = GRURegressor(4, max_iter=2, random_state=0).fit(X, np.full(60, 0.1))
    assert_array_equal(model.feature_scale_[1], 1)
    assert_array_equal(model.target_scale_, 1)
    assert_array_equal(model.predict(X), 0.1)
    assert model.score(X, np.full(60, 0.1)) == 1
    assert model.stream().extend(X[0]).tolist() == [0.1] * len(X[0])
    # It may vary later; a continued fit learns that.
    y_later = np.where(np.arange(60) % 2, 0.1, 0.3)
    assert len(np.unique(model.partial_fit(X, y_later).predict(X))) > 1
    model = GRURegressor(4, max_iter=2, warm_start=True).fit(X, np.full(60, 0.1))
    assert_array_equal(model.fit(X, np.full(60, 0.1)).predict(X), 0.1)
    assert len(np.unique(model.fit(X, y).predict(X))) > 1


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("quantile", [None, 0.3, [0.1, 0.9]])
@pytest.mark.parametrize("estimator", [GRURegressor, GRUStepRegressor])
def test_a_constant_among_several_targets(estimator, quantile, standardize):
    X, y = in_layout("3d")
    if estimator is GRUStepRegressor:
        y = X[:, :, 0]
    constant = np.full_like(y, 7.7)
    options = {"max_iter": 2, "standardize": standardize, "random_state": 0}
    if quantile is not None:
        options |= {"loss": "quantile", "quantile": quantile}
    model = estimator(4, **options).fit(X, np.stack([y, constant], axis=-1).astype(np.float32))
    found = model.predict(X).reshape(*y.shape, 2, -1)
    assert (found[..., 1, :] == np.float32(7.7)).all()
    assert len(np.unique(found[..., 0, 0])) > 1
    alone = estimator(4, **options).fit(X, constant.astype(np.float32))
    assert (alone.predict(X) == np.float32(7.7)).all()
    assert alone.score(X, constant.astype(np.float32)) == 1


def test_random_state_none_differs_and_an_instance_goes_on():
    X, y = table()
    fits = [GRURegressor(4, max_iter=1).fit(X, y) for _ in range(2)]
    assert not same_parameters(*fits)
    state = np.random.RandomState(0)
    model = GRURegressor(4, max_iter=1, random_state=state)
    first = model.fit(X, y)._parameters
    assert not np.array_equal(model.fit(X, y)._parameters, first)
    model.set_params(random_state=np.random.RandomState(0))
    assert_array_equal(model.fit(X, y)._parameters, first)


# --- attention ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_attention_weights(layout):
    X, y = in_layout(layout)
    model = GRURegressor(4, pooling=("mean", "attention"), bidirectional=True, **FAST).fit(X, y)
    found = model.attention_weights(X)
    if layout in ("2d", "3d"):
        assert found.shape == X.shape[:2]
    assert [len(weights) for weights in found] == [len(x) for x in X]
    for weights in found:
        assert (weights > 0).all()
        assert_allclose(weights.sum(), 1, rtol=1e-5)
    one = model.attention_weights(X[3:4])
    assert_array_equal(one[0], found[3])
    model.attention_coef_[...] = 0
    assert_allclose(model.attention_weights(X)[0], 1 / len(X[0]))


def test_attention_finds_the_step_that_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6, 2))
    marked = rng.integers(0, 6, 500)
    X[:, :, 1] = np.arange(6) == marked[:, np.newaxis]
    y = X[np.arange(500), marked, 0]
    model = GRURegressor(8, pooling="attention", **FAST).fit(X, y)
    assert np.mean(model.attention_weights(X).argmax(axis=1) == marked) > 0.9


def test_no_attention_no_weights():
    X, y = table()
    with pytest.raises(ValueError, match="fit with pooling='attention'"):
        GRURegressor(4, max_iter=1).fit(X, y).attention_weights(X)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e150])
def test_units_do_not_matter(size):
    X, y = in_layout("3d")
    options = {"max_iter": 3, "dtype": "float64", "random_state": 0}
    expected = GRURegressor(5, **options).fit(X, y).predict(X)
    model = GRURegressor(5, **options).fit(size * X, size * y)
    assert_allclose(model.predict(size * X) / size, expected, rtol=1e-6)
