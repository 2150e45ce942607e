"""Training that goes on exactly, ends early, or fails: nothing is lost."""

import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skgru import GRUClassifier, GRURegressor

from .problems import (
    STATEFUL,
    classes,
    fails_at,
    in_layout,
    patch,
    ragged,
    same_parameters,
    table,
)


def from_disk(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def assert_same_model(found, expected, X):
    assert_same_fit(found, expected)
    assert_array_equal(found.predict(X), expected.predict(X))
    for name, array in expected._resume_state["trainer"]["optimizer"].items():
        assert_array_equal(found._resume_state["trainer"]["optimizer"][name], array)


def assert_same_fit(found, expected):
    assert same_parameters(found, expected)
    assert found.loss_curve_ == expected.loss_curve_
    assert found.validation_scores_ == expected.validation_scores_
    assert found.n_iter_ == expected.n_iter_
    assert found.best_loss_ == expected.best_loss_
    assert found.best_validation_score_ == expected.best_validation_score_


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "adam", "dtype": "float64"},
        {"solver": "adamw"},
        {"solver": "sgd"},
        {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False, "shuffle": False},
        {"solver": "rmsprop", "max_grad_norm": None},
        # No epoch improves by so much: the rate falls in every other epoch.
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e3, "n_iter_no_change": 1},
        {"early_stopping": True},
        {"early_stopping": True, "n_jobs": 2, "pooling": "attention", "bidirectional": True},
    ],
)
@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_some_epochs_then_the_rest_are_all_of_them(estimator, options, tmp_path):
    X, y = ragged(80)
    y = classes(y) if estimator is GRUClassifier else y
    model = estimator(warm_start=True, **{**STATEFUL, **options})
    whole = model.set_params(max_iter=7).fit(X, y)
    parts = estimator(warm_start=True, **{**STATEFUL, **options}).set_params(max_iter=3).fit(X, y)
    first = parts._parameters.copy()
    parts = from_disk(parts, tmp_path).set_params(max_iter=4).fit(X, y)
    assert not np.array_equal(parts._parameters, first)
    assert_same_model(parts, whole, X)
    if options.get("learning_rate") == "adaptive":
        rates = whole._resume_state["trainer"]["schedule"]
        assert rates["current"] < rates["initial"]


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_partial_fit_resumes_and_is_an_epoch_of_fit(estimator, solver, tmp_path):
    X, y = ragged(80)
    more = {}
    if estimator is GRUClassifier:
        y, more = classes(y), {"classes": np.unique(classes(y))}
    options = {**STATEFUL, "solver": solver}
    whole = estimator(max_iter=4, warm_start=True, **options).fit(X, y)
    parts = estimator(**options)
    for _ in range(4):
        parts = from_disk(parts.partial_fit(X, y, **more), tmp_path)
        more = {}
    assert_same_model(parts, whole, X)


def test_partial_fit_on_changing_data(tmp_path):
    X, y = ragged(90)
    batches = [slice(0, 30), slice(30, 32), slice(32, 90)]
    model, stored = GRURegressor(**STATEFUL), GRURegressor(**STATEFUL)
    for part in batches:
        model.partial_fit(X[part], y[part])
        stored = from_disk(stored.partial_fit(X[part], y[part]), tmp_path)
    assert_same_model(stored, model, X)
    first = GRURegressor(**STATEFUL).partial_fit(X[:30], y[:30])
    assert_array_equal(model.feature_mean_, first.feature_mean_)
    assert_array_equal(model.target_scale_, first.target_scale_)
    assert model.n_iter_ == 3


def test_partial_fit_goes_on_from_fit():
    X, y = table()
    model = GRURegressor(4, max_iter=3, batch_size=32, random_state=0).fit(X, y)
    before = model._parameters.copy()
    model.partial_fit(X, y)
    assert model.n_iter_ == 4
    assert 0 < np.abs(model._parameters - before).max() < 0.1


def test_partial_fit_ignores_early_stopping():
    X, y = table()
    options = {**STATEFUL, "solver": "sgd"}
    expected = GRURegressor(**options).partial_fit(X, y)
    found = GRURegressor(early_stopping=True, **options).partial_fit(X, y)
    assert same_parameters(found, expected)
    assert found.validation_scores_ is None


def test_fit_without_warm_start_forgets():
    X, y = table()
    model = GRURegressor(4, max_iter=2, random_state=0)
    expected = model.fit(X, y)._parameters
    model.set_params(warm_start=True).fit(X, y)
    model.set_params(warm_start=False).fit(X, y)
    assert_array_equal(model._parameters, expected)
    assert not hasattr(model, "_resume_state")
    assert model.n_iter_ == 2


def test_a_new_learning_rate_is_used():
    X, y = table()
    options = {"warm_start": True, "solver": "sgd", "momentum": 0, "learning_rate": "constant"}
    model = GRURegressor(4, max_iter=1, **options).fit(X, y)
    before = model._parameters.copy()
    assert not np.allclose(model.fit(X, y)._parameters, before, atol=1e-4)
    before = model._parameters.copy()
    model.set_params(learning_rate_init=1e-9).fit(X, y)
    np.testing.assert_allclose(model._parameters, before, atol=1e-6)


@pytest.mark.parametrize("solver", ["adamw", "sgd", "rmsprop"])
def test_another_solver_starts_afresh(solver):
    X, y = ragged()
    options = {**STATEFUL, "shuffle": False, "dropout": 0, "recurrent_dropout": 0, "max_iter": 2}
    model = GRURegressor(warm_start=True, **options).fit(X, y)
    plain = GRURegressor(**options).fit(X, y)
    model.set_params(solver=solver).fit(X, y)
    plain.set_params(solver=solver, warm_start=True).fit(X, y)
    assert same_parameters(model, plain)
    assert model.n_iter_ == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": 5}, "hidden_layer_sizes changed since the training"),
        ({"pooling": "last", "bidirectional": True}, "bidirectional and pooling changed"),
        ({"dtype": "float64"}, "dtype changed"),
        ({"loss": "poisson"}, "loss changed"),
        ({"loss": "quantile"}, "loss and quantile changed"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_network_cannot_go_on(method, change, message):
    X, y = table()
    model = GRURegressor(4, max_iter=1, warm_start=True).fit(X, np.abs(y))
    model.set_params(**change)
    state = joblib.hash(model)
    with pytest.raises(ValueError, match=f"{message}.*Restore.*warm_start=False"):
        getattr(model, method)(X, np.abs(y))
    assert joblib.hash(model) == state
    model.set_params(warm_start=False).fit(X, np.abs(y))


def test_other_data_cannot_go_on():
    X, y = in_layout("3d")
    model = GRURegressor(4, max_iter=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="X has 1 features, but GRURegressor is expecting 2"):
        model.fit(X[:, :, :1], y)
    with pytest.raises(ValueError, match="y has 2 targets .* was fitted with 1"):
        model.fit(X, np.column_stack([y, y]))
    model = GRUClassifier(4, max_iter=1, warm_start=True).fit(X, classes(y))
    with pytest.raises(ValueError, match="y at sequence 3 is 'peak', .* Fit again"):
        model.fit(X, classes(y, 4))
    with pytest.raises(ValueError, match="y is multilabel .*but the model was fitted on"):
        model.fit(X, np.eye(3, dtype=int)[np.arange(60) % 3 - 1] | [1, 0, 0])


# --- a fit that raises --------------------------------------------------------------------------


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_fit_that_raises_leaves_the_model_as_it_was(monkeypatch, method, warm_start):
    X, y = ragged(60)
    model = GRURegressor(4, max_iter=3, batch_size=16, warm_start=warm_start).fit(X, y)
    stored = joblib.hash(model)
    prediction = model.predict(X)
    with pytest.raises(ValueError, match="NaN at sequence 1"):
        getattr(model, method)([X[0], np.full((2, 2), np.nan)], y[:2])
    with pytest.raises(ValueError, match="NaN at sequence 0"):
        getattr(model, method)(X, np.full(60, np.nan))
    with monkeypatch.context() as context:
        patch(context, "_step", fails_at(4, MemoryError("too little")))
        with pytest.raises(MemoryError, match="too little"):
            getattr(model, method)(X, 1 - 3 * y)
    assert joblib.hash(model) == stored
    assert_array_equal(model.predict(X), prediction)


def test_a_first_fit_that_raises_leaves_the_estimator_unfitted(monkeypatch):
    X, y = table()
    model = GRURegressor(4, max_iter=3)
    before = dict(vars(model))
    patch(monkeypatch, "_step", fails_at(2, MemoryError("too little")))
    with pytest.raises(MemoryError):
        model.fit(X, y)
    assert vars(model) == before


# --- a loss that is not finite ------------------------------------------------------------------


def assert_diverges(model, X, y):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X, y)
    messages = [str(w.message) for w in found if issubclass(w.category, ConvergenceWarning)]
    assert any("stopped being finite in epoch" in message for message in messages), messages
    advice = "Lower learning_rate_init, set max_grad_norm.*extreme values in X and y"
    with pytest.warns(ConvergenceWarning, match=advice):
        model.fit(X, y)
    assert [str(w.message) for w in found if w.category is not ConvergenceWarning] == []
    assert np.isfinite(model._parameters).all()
    assert np.isfinite(model.loss_curve_).all()
    assert model.n_iter_ == len(model.loss_curve_) < model.max_iter


def test_a_huge_learning_rate_keeps_the_best_finite_weights():
    X, y = table()
    model = GRURegressor(4, max_iter=50, random_state=0, solver="sgd", batch_size=100)
    model.set_params(max_grad_norm=None, learning_rate="constant", learning_rate_init=1e30)
    assert_diverges(model, X, y)
    assert np.isfinite(model.predict(X)).all()


def test_targets_beyond_the_range_of_the_loss_keep_the_first_weights():
    X, y = table()
    model = GRURegressor(4, max_iter=5, standardize=False, max_grad_norm=None, random_state=0)
    assert_diverges(model, X, 1e30 * y)
    assert np.isfinite(model.predict(X)).all()


def test_the_best_weights_before_the_overflow_are_kept(monkeypatch):
    X, y = table()
    expected = GRURegressor(4, max_iter=4, random_state=0, learning_rate="constant").fit(X, y)

    def poisoned(original, trainer, parameters, training, feed, epoch, n_epochs):
        loss = original(trainer, parameters, training, feed, epoch, n_epochs)
        if epoch == 4:
            parameters.flat[0] = np.nan
            for buffer in trainer.optimizer.buffers.values():
                buffer[...] = np.nan
        return loss

    patch(monkeypatch, "_run_epoch", poisoned)
    model = GRURegressor(
        4, max_iter=9, random_state=0, learning_rate="constant", warm_start=True, tol=0
    )
    with pytest.warns(ConvergenceWarning, match="stopped being finite in epoch 5"):
        model.fit(X, y)
    assert np.argmin(expected.loss_curve_) == 3
    assert same_parameters(model, expected)
    assert model.loss_curve_ == expected.loss_curve_
    # What went wrong is not in the way of going on.
    monkeypatch.undo()
    model.fit(X, y)
    assert model.n_iter_ == 4 + 9
    assert model.loss_ < expected.loss_


def test_partial_fit_that_diverges_keeps_the_epoch_before():
    X, y = table()
    model = GRURegressor(4, random_state=0, solver="sgd", max_grad_norm=None)
    # The best loss was on easier data: those weights are not what to fall back on.
    model.partial_fit(X, 0 * y).partial_fit(X, y)
    before = model._parameters.copy()
    with pytest.warns(ConvergenceWarning, match="stopped being finite"):
        model.set_params(learning_rate_init=1e30).partial_fit(X, y)
    assert_array_equal(model._parameters, before)
    assert model.n_iter_ == 2


def trained(learning_rate, rate, **options):
    """A model after some epochs, and what it warned of."""
    X, y = table()
    options = {"max_iter": 20, "random_state": 0, **options}
    model = GRURegressor(4, learning_rate=learning_rate, learning_rate_init=rate, **options)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X, y)
    return model, [str(w.message) for w in found if "diverged" in str(w.message)]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("learning_rate", ["cosine", "constant", "adaptive"])
def test_a_loss_that_rises_is_divergence(learning_rate, early_stopping):
    # Gradients are clipped, so that everything stays finite.
    model, messages = trained(learning_rate, 1e6, early_stopping=early_stopping)
    assert model.loss_ > 1e3
    assert len(messages) == 1 and f"to {model.loss_:.3g}. Lower learning_rate_init" in messages[0]
    assert trained(learning_rate, 0.01, early_stopping=early_stopping)[1] == []


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.9, "recurrent_dropout": 0.9, "batch_size": 4, "max_iter": 5},
        {"alpha": 10.0, "max_iter": 2},
        {"standardize": False, "max_iter": 2, "learning_rate_init": 1e-9},
        {"max_iter": 1, "learning_rate_init": 1e6},
    ],
)
def test_a_loss_that_fluctuates_is_none(options):
    assert (
        trained("constant", **{"rate": options.pop("learning_rate_init", 0.01), **options})[1] == []
    )


def test_no_divergence_where_nothing_can_be_learnt():
    # Of these seeds, a rise of a tenth would accuse 17 of the first and 11 of the second.
    for seed in range(10, 20):
        rng = np.random.default_rng(seed)
        X, noise, outliers = (
            rng.normal(size=(40, 8, 1)),
            rng.normal(size=40),
            rng.standard_t(1.2, 40),
        )
        model = GRURegressor(8, dropout=0.5, max_iter=10, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(X, noise)
            model.set_params(max_iter=3, batch_size=8).fit(X, outliers)
        with pytest.warns(ConvergenceWarning, match="diverged"):
            model.set_params(learning_rate_init=1e6, max_iter=10).fit(X, noise)


def test_partial_fit_says_nothing_of_divergence():
    X, y = table()
    model = GRURegressor(4, random_state=0).partial_fit(X, y).set_params(learning_rate_init=1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X, y)
    assert model.loss_ > 1e3


# --- a first batch that is too small ------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "width", "message"),
    [
        (1, 20, "those of y from 1 sequence only"),
        (9, 20, "those of y from 9 sequences only"),
        (1, 4, "those of features from 4 steps and of y from 1 sequence only"),
        (1, 1, "those of features from 1 step and of y from 1 sequence only"),
    ],
)
def test_scales_from_too_little_are_warned_of(n, width, message):
    X, y = table(20, width)
    message = f"The first call of partial_fit .*{message}. Let the first batch be larger"
    with pytest.warns(UserWarning, match=message):
        model = GRURegressor(4, random_state=0).partial_fit(X[:n], y[:n])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[:n], y[:n])
        GRURegressor(4).partial_fit(X[:10], y[:10])
        GRURegressor(4, standardize=False).partial_fit(X[:n], y[:n])
        if width > 4:  # no scale of y is learnt
            GRURegressor(4, loss="poisson").partial_fit(X[:n], np.ones(n))
            GRUClassifier(4).partial_fit(X[:n], y[:n] > 0, classes=[False, True])
        model.fit(X[:n], y[:n])


# --- early stopping -----------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
@pytest.mark.parametrize("with_data", [False, True])
def test_early_stopping_restores_the_best_epoch(estimator, with_data):
    rng = np.random.default_rng(0)
    X, y = ragged(120)
    y = y + rng.normal(size=120)  # to be overfitted
    if estimator is GRUClassifier:
        y = (y > 0).astype(int)
    options = {"early_stopping": True, "scoring": None, "n_iter_no_change": 8, "random_state": 0}
    options |= {"max_iter": 300, "learning_rate_init": 0.03, "learning_rate": "constant"}
    model = estimator(16, **options)
    data = {"X_val": X[80:], "y_val": y[80:]} if with_data else {}
    model.fit(X[:80], y[:80], **data)
    scores = model.validation_scores_
    best = int(np.argmax(scores))
    assert 8 < model.n_iter_ == len(scores) < 300
    assert model.best_validation_score_ == max(scores)
    assert model.best_loss_ is None
    if with_data:
        assert abs(model.score(X[80:], y[80:]) - max(scores)) < 1e-6
        assert scores[-1] < max(scores)
    # The best epoch is the last one of a fit that ends there, with the same schedule.
    shorter = estimator(**{**model.get_params(), "max_iter": best + 1}).fit(X[:80], y[:80], **data)
    assert max(shorter.validation_scores_) == max(scores)
    if with_data and estimator is GRURegressor:
        assert same_parameters(model, shorter)


@pytest.mark.parametrize("n", [40, 41])
def test_auto_stops_early_where_sequences_are_many(monkeypatch, n):
    monkeypatch.setattr("skgru.estimators._plan._EARLY_STOPPING_FROM", 40)
    X, y = ragged(n)
    options = {"max_iter": 2, "random_state": 0}
    found = GRURegressor(4, **options).fit(X, y)
    expected = GRURegressor(4, early_stopping=n > 40, **options).fit(X, y)
    assert_same_fit(found, expected)
    assert (found.validation_scores_ is None) == (n == 40)
    assert found.set_params(early_stopping="auto").partial_fit(X, y).n_iter_ == 3


def test_auto_stops_early_where_there_is_validation_data():
    X, y = ragged(60)
    data = {"X_val": X[:20], "y_val": -y[:20]}  # the first epoch will be the best
    options = {"max_iter": 20, "n_iter_no_change": 3, "random_state": 0}
    found = GRURegressor(4, **options).fit(X, y, **data)
    assert_same_fit(found, GRURegressor(4, early_stopping=True, **options).fit(X, y, **data))
    assert found.n_iter_ < 20
    watched = GRURegressor(4, early_stopping=False, **options).fit(X, y, **data)
    assert watched.n_iter_ == len(watched.validation_scores_) == 20
    assert same_parameters(watched, GRURegressor(4, **options).fit(X, y))


def test_validation_scores_are_those_of_score():
    X, y = in_layout("3d", n=90)
    Y = np.column_stack([y, y**2, 0 * y])
    weight = np.arange(30) % 3 + 0.5
    for model, target in [
        (GRURegressor(4, max_iter=2), y),
        (GRURegressor(4, max_iter=2, loss="poisson"), np.abs(y)),
        (GRURegressor(4, max_iter=2, loss="quantile", quantile=0.9), y),
        (GRURegressor(4, max_iter=2, loss="quantile", quantile=[0.9]), y),
        (GRURegressor(4, max_iter=2, loss="quantile", quantile=[0.2, 0.9]), Y),
        (GRURegressor(4, max_iter=2), Y),
        (GRUClassifier(4, max_iter=2), classes(y)),
        (GRUClassifier(4, max_iter=2), y > 0),
        (GRUClassifier(4, max_iter=2), (Y > [0, 0.1, 0.2]).astype(int)),
    ]:
        validation = {"X_val": X[60:], "y_val": target[60:], "sample_weight_val": weight}
        model.set_params(early_stopping=False, scoring=None)
        model.fit(X[:60], target[:60], **validation)
        expected = model.score(X[60:], target[60:], sample_weight=weight)
        assert len(model.validation_scores_) == 2
        assert abs(model.validation_scores_[-1] - expected) < 1e-5, model


def test_held_out_classes_are_in_proportion(monkeypatch):
    X, y = table(100)
    labels = np.where(np.arange(100) % 10 == 0, "rare", "common")
    parts = []

    def record(original, trainer, parameters, training, *args, validation=None, **kwargs):
        parts.append((training.indices, validation.indices))
        return original(trainer, parameters, training, *args, validation=validation, **kwargs)

    patch(monkeypatch, "run", record)
    model = GRUClassifier(4, max_iter=1, early_stopping=True, validation_fraction=0.2)
    model.set_params(random_state=0).fit(X, labels).fit(X, labels)
    training, validation = parts[0]
    assert len(validation) == 20
    assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(100))
    assert np.sum(labels[validation] == "rare") == 2
    assert_array_equal(parts[1][1], validation)
    # Scales are those of what is trained on.
    np.testing.assert_allclose(model.feature_mean_, X[training].mean())
