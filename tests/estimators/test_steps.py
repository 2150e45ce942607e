"""GRUStepRegressor and GRUStepClassifier: what they learn, and what it does not depend on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score, d2_pinball_score, r2_score
from sklearn.utils import get_tags

from skgru import GRUStepClassifier, GRUStepRegressor

from .problems import (
    STEP_ESTIMATORS,
    flat,
    like,
    same_parameters,
    step_classes,
    steps_in_layout,
    targets_of,
)

LAYOUTS = ["2d", "3d", "ragged", "objects"]
FAST = {"hidden_layer_sizes": 5, "max_iter": 3, "batch_size": 16, "random_state": 0}
# Full batches in float64, without anything drawn for a sequence.
EXACT = {
    "hidden_layer_sizes": 5, "max_iter": 5, "batch_size": 1000, "dtype": "float64",
    "random_state": 0, "shuffle": False, "learning_rate": "constant",
}  # fmt: skip

layouts = pytest.mark.parametrize("layout", LAYOUTS)
estimators = pytest.mark.parametrize("estimator", STEP_ESTIMATORS)
directions = pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])


def problem(estimator, layout="ragged", n=60, seed=0):
    X, y = steps_in_layout(layout, n, seed)
    return X, targets_of(estimator, y)


def results(model, X):
    """Bytes of everything that a model says of X."""
    methods = ["predict"]
    if isinstance(model, GRUStepClassifier):
        methods += ["predict_proba", "predict_log_proba", "decision_function"]
    return [[np.asarray(item).tobytes() for item in getattr(model, m)(X)] for m in methods]


def weights_like(y, seed=0, zeros=0.0):
    """A weight for every step, in the layout of y; some of them zero."""
    rng = np.random.default_rng(seed)
    n = len(flat(y))
    return like(y, rng.uniform(0.5, 2, n) * (rng.uniform(size=n) >= zeros))


# --- what is learnt -----------------------------------------------------------------------------


@estimators
@directions
@layouts
def test_it_learns(layout, bidirectional, estimator):
    X, y = problem(estimator, layout, 100)
    model = estimator(16, max_iter=40, batch_size=20, bidirectional=bidirectional, random_state=0)
    model.fit(X, y)
    X_new, y_new = steps_in_layout(layout, 100, seed=1)
    if estimator is GRUStepClassifier:  # cut at the same places, which test data do not know
        assert model.score(X, y) > 0.85
        probability = model.predict_proba(X_new)
        assert all(p.shape == (len(x), 3) for p, x in zip(probability, X_new, strict=True))
        order = np.argsort(model.classes_ == "top")  # "low", "middle", "top" are sorted already
        rank = flat(probability)[:, order] @ np.arange(3)
        assert np.corrcoef(rank, flat(y_new))[0, 1] > 0.85
    else:
        assert model.score(X_new, y_new) > 0.9


def test_both_directions_see_what_is_to_come():
    X, _ = steps_in_layout("ragged", 150)
    y = [x[::-1, 0].cumsum()[::-1] for x in X]
    options = {"max_iter": 40, "batch_size": 25, "random_state": 0}
    one_way = GRUStepRegressor(12, **options).fit(X, y)
    both_ways = GRUStepRegressor(12, bidirectional=True, **options).fit(X, y)
    assert both_ways.score(X, y) > 0.95
    assert one_way.score(X, y) < 0.8


@estimators
def test_one_way_does_not_see_what_is_to_come(estimator):
    X, y = problem(estimator)
    model = estimator(**FAST).fit(X, y)
    whole = model.predict(X)
    for x, found in zip(X, whole, strict=True):
        for n in range(1, len(x)):
            assert model.predict([x[:n]])[0].tobytes() == found[:n].tobytes()


LOSSES = {
    "squared error": {},
    "absolute error": {"loss": "absolute_error"},
    "huber": {"loss": "huber", "delta": 0.5},
    "a quantile": {"loss": "quantile", "quantile": 0.8},
    "quantiles": {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
    "a list of one quantile": {"loss": "quantile", "quantile": [0.5]},
    "poisson": {"loss": "poisson"},
    "without scaling": {"standardize": False},
}


@pytest.mark.parametrize("n_targets", [None, 1, 2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layout", ["3d", "ragged"])
def test_losses_and_numbers_of_targets(layout, loss, n_targets):
    X, y = steps_in_layout(layout)
    values = flat(y)
    if loss == "poisson":
        values = np.round(np.exp(values))
    if n_targets is not None:
        values = np.column_stack([values, values[::-1]][:n_targets])
    y = like(y, values)
    model = GRUStepRegressor(
        8, max_iter=15, batch_size=20, learning_rate_init=0.03, random_state=0, **LOSSES[loss]
    ).fit(X, y)
    quantile = LOSSES[loss].get("quantile")
    levels = np.atleast_1d(0.5 if quantile is None else quantile)
    trailing = (len(levels),) if isinstance(quantile, list) else ()
    found = model.predict(X)
    assert flat(found).shape == (*values.shape, *trailing)
    assert flat(found).dtype == np.float64
    assert (found.dtype == object) == (layout == "ragged")
    assert model.n_outputs_ == (n_targets or 1)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    weight = weights_like(y)
    if loss == "poisson":
        assert (flat(found) > 0).all()
    if quantile is None:
        expected = r2_score(values, flat(found), sample_weight=flat(weight))
    else:
        bands = flat(found).reshape(*values.shape, len(levels))
        assert (np.diff(bands, axis=-1) >= 0).all()
        expected = np.mean([
            d2_pinball_score(values, bands[..., i], alpha=level, sample_weight=flat(weight))
            for i, level in enumerate(levels)
        ])  # fmt: skip
    assert_allclose(model.score(X, y, weight), expected, rtol=1e-5, atol=1e-7)


@layouts
def test_labels(layout):
    X, y = steps_in_layout(layout)
    values = flat(y)
    indicators = np.column_stack([values > 0, values > 0.5, values < -0.5]).astype(int)
    y = like(y, indicators)
    model = GRUStepClassifier(16, max_iter=60, batch_size=20, random_state=0).fit(X, y)
    found = model.predict(X)
    assert flat(found).shape == flat(model.predict_proba(X)).shape == indicators.shape
    assert model.classes_.tolist() == [0, 1, 2]
    assert_array_equal(flat(found), flat(model.predict_proba(X)) > 0.5)
    assert_allclose(model.score(X, y), accuracy_score(indicators, flat(found)), rtol=1e-12)
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@layouts
def test_probabilities_and_scores(layout, n_classes):
    X, y = steps_in_layout(layout)
    y = step_classes(y, n_classes)
    model = GRUStepClassifier(**FAST).fit(X, y)
    probability, scores = model.predict_proba(X), model.decision_function(X)
    assert flat(probability).shape == (len(flat(y)), n_classes)
    assert flat(scores).shape == (len(flat(y)),) + ((n_classes,) if n_classes > 2 else ())
    assert_allclose(flat(probability).sum(axis=1), 1, rtol=1e-6)
    assert_allclose(np.exp(flat(model.predict_log_proba(X))), flat(probability), rtol=1e-5)
    labels = model.classes_[flat(probability).argmax(axis=1)]
    assert_array_equal(flat(model.predict(X)), labels)
    weight = weights_like(y, zeros=0.3)
    assert_allclose(model.score(X, y), accuracy_score(flat(y), labels), rtol=1e-12)
    expected = accuracy_score(flat(y), labels, sample_weight=flat(weight))
    assert_allclose(model.score(X, y, weight), expected, rtol=1e-12)
    for result in (probability, scores, model.predict(X)):
        assert len(result) == len(X)
        if layout in ("2d", "3d"):
            assert result.dtype != object and result.shape[:2] == (60, 6)
        else:
            assert result.dtype == object and result.shape == (60,)
            assert [len(item) for item in result] == [len(x) for x in X]


def test_a_list_of_equal_lengths_still_gives_objects():
    X, y = problem(GRUStepClassifier, "3d")
    found = GRUStepClassifier(**FAST).fit(list(X), list(y)).predict(list(X))
    assert found.dtype == object and found.shape == (60,)
    assert found[0].dtype.kind == "U"


@estimators
def test_what_scikit_learn_takes_it_for(estimator):
    model = estimator()
    assert not is_classifier(model) and not is_regressor(model)
    tags = get_tags(model)
    assert tags.estimator_type is None
    assert tags.target_tags.required
    assert tags.input_tags.three_d_array
    assert not hasattr(model, "set_output") and not hasattr(model, "transform")
    assert not hasattr(model, "attention_weights") and "pooling" not in model.get_params()


# --- the same to the last bit -------------------------------------------------------------------


@estimators
@pytest.mark.parametrize(
    "options",
    [{}, {"bidirectional": True, "dropout": 0.2, "recurrent_dropout": 0.2}],
    ids=["plain", "dropout"],
)
def test_threads_change_no_bit(estimator, options):
    X, y = problem(estimator, n=100)
    expected = estimator(**FAST | {"batch_size": 80}, **options).fit(X, y)
    for n_jobs in (2, -1):
        found = estimator(**FAST | {"batch_size": 80}, n_jobs=n_jobs, **options).fit(X, y)
        assert same_parameters(found, expected)
        assert found.loss_curve_ == expected.loss_curve_
        assert results(found, X) == results(expected, X)


@estimators
@directions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neighbours_change_no_bit(estimator, bidirectional, dtype):
    X, y = problem(estimator, n=70)
    model = estimator((7, 17), max_iter=1, bidirectional=bidirectional, dtype=dtype).fit(X, y)
    together = results(model, X)
    order = np.random.default_rng(0).permutation(70)
    shuffled = results(model, [X[i] for i in order])
    for one, other in zip(together, shuffled, strict=True):
        assert [one[i] for i in order] == other
    for i in (0, 1, 33, 69):
        assert results(model, [X[i]]) == [[method[i]] for method in together]


@estimators
def test_the_layout_changes_no_bit(estimator):
    X, y = problem(estimator, "3d")
    expected = estimator(**FAST).fit(X, y)
    for other_X, other_y in ((list(X), list(y)), (list(X), y), (X, list(y)), (X.tolist(), y)):
        found = estimator(**FAST).fit(other_X, other_y)
        assert same_parameters(found, expected)
        assert_array_equal(flat(found.predict(other_X)), flat(expected.predict(X)))
    table, series = problem(estimator, "2d")
    found = estimator(**FAST).fit(table, series)
    assert same_parameters(found, estimator(**FAST).fit(table[:, :, np.newaxis], series))


# --- states and parameters ----------------------------------------------------------------------


@estimators
@directions
def test_the_head_reads_the_states_of_every_step(estimator, bidirectional):
    X, y = problem(estimator)
    model = estimator((4, 6), max_iter=2, bidirectional=bidirectional, dtype="float64").fit(X, y)
    n_directions = 1 + bidirectional
    states = model.states(X)
    assert [s.shape for s in states] == [(len(x), 6 * n_directions) for x in X]
    raw = [s @ model.coefs_[-1] + model.intercepts_[-1] for s in states]
    if estimator is GRUStepRegressor:
        found = [r[:, 0] * model.target_scale_ + model.target_mean_ for r in raw]
        expected = model.predict(X)
    else:
        found, expected = raw, model.decision_function(X)
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    names = [f"gru{i}.{d}" for i in (0, 1) for d in ("forward", "backward")[:n_directions]]
    parts = ("W", "U", "b", "b_hn")
    assert sorted(model.parameters_) == sorted(
        ["head.W", "head.b", *(f"{name}.{part}" for name in names for part in parts)]
    )
    assert model.parameters_["head.W"] is not None
    assert model.parameters_["head.W"].shape == model.coefs_[-1].shape
    assert "every step" in model.summary()
