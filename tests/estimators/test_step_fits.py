"""Fits of step models: they resume exactly, stop early, fail without a trace, and are stored."""

import copy
import pickle
import threading

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skgru import GRUStepClassifier, GRUStepRegressor
from skgru.data import as_object_array
from tests.memory_maps import VIEWS, in_memory, on_disk

from .problems import STATEFUL, STEP_ESTIMATORS, flat, same_parameters, steps_in_layout, targets_of
from .test_steps import FAST, problem, results, weights_like

estimators = pytest.mark.parametrize("estimator", STEP_ESTIMATORS)


# --- resuming -----------------------------------------------------------------------------------


@estimators
@pytest.mark.parametrize(
    "options",
    [{}, {"solver": "sgd", "bidirectional": True}, {"solver": "rmsprop", "early_stopping": True}],
)
def test_k_epochs_and_the_rest_are_all_of_them(estimator, options, tmp_path):
    X, y = problem(estimator)
    weight = weights_like(y, zeros=0.2)
    expected = estimator(max_iter=6, warm_start=True, **STATEFUL, **options).fit(X, y, weight)
    model = estimator(max_iter=2, warm_start=True, **STATEFUL, **options).fit(X, y, weight)
    joblib.dump(model, tmp_path / "model.joblib")
    model = joblib.load(tmp_path / "model.joblib").set_params(max_iter=4)
    model.fit(X, y, weight)
    assert same_parameters(model, expected)
    assert model.loss_curve_ == expected.loss_curve_
    assert model.validation_scores_ == expected.validation_scores_
    assert results(model, X) == results(expected, X)


@estimators
def test_partial_fit_is_fit_epoch_by_epoch(estimator):
    X, y = problem(estimator)
    expected = estimator(max_iter=3, **STATEFUL).fit(X, y)
    model = estimator(**STATEFUL)
    more = {"classes": expected.classes_} if estimator is GRUStepClassifier else {}
    for _ in range(3):
        model.partial_fit(X, y, **more)
    assert same_parameters(model, expected)
    assert model.n_iter_ == 3


def test_classes_that_come_later():
    X, y = problem(GRUStepClassifier)
    model = GRUStepClassifier(4, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    few = [i for i, item in enumerate(y) if "top" not in item]
    model.partial_fit([X[i] for i in few], [y[i] for i in few], classes=["top", "low", "middle"])
    assert model.classes_.tolist() == ["low", "middle", "top"]
    model.partial_fit(X, y)
    with pytest.raises(ValueError, match="sequence 0, step 1 is 'peak', which is none of"):
        model.partial_fit([np.zeros((2, 2))], [["low", "peak"]])


# --- stopping early -----------------------------------------------------------------------------


@estimators
def test_early_stopping(estimator):
    X, y = problem(estimator)
    options = FAST | {"max_iter": 30, "tol": 1.0, "n_iter_no_change": 3, "scoring": None}
    model = estimator(early_stopping=True, **options).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_) < 30
    assert model.best_validation_score_ == max(model.validation_scores_)
    validated = estimator(**options).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert validated.n_iter_ < 30
    score = validated.score(X[40:], y[40:])
    assert np.isclose(validated.validation_scores_, score, rtol=1e-12).any()


@estimators
def test_validation_weights(estimator):
    X, y = problem(estimator)
    weight = weights_like(y[40:], zeros=0.3)
    options = FAST | {"max_iter": 1, "scoring": None}
    model = estimator(**options).fit(
        X[:40], y[:40], X_val=X[40:], y_val=y[40:], sample_weight_val=weight
    )
    score = model.score(X[40:], y[40:], weight)
    assert model.validation_scores_ == [pytest.approx(score, rel=1e-12)]
    assert abs(score - model.score(X[40:], y[40:])) > 1e-6
    with pytest.raises(ValueError, match="sample_weight_val of sequence 0 has .* of X_val has"):
        model.fit(X, y, X_val=X[40:], y_val=y[40:], sample_weight_val=weights_like(y[20:40]))


# --- what a fit leaves behind, and when ---------------------------------------------------------


@estimators
def test_a_fit_that_fails_leaves_the_model_as_it_was(estimator):
    X, y = problem(estimator)
    model = estimator(**FAST).fit(X, y)
    stored = joblib.hash(model)
    bad = [item.copy() for item in X]
    bad[3][0, 1] = np.nan
    short = [*y[:5], y[5][:-1], *y[6:]] if len(y[5]) > 1 else [*y[:5], y[4], *y[6:]]
    for call in (
        lambda: model.fit(bad, y),
        lambda: model.fit(X, y[:-1]),
        lambda: model.fit(X, short),
        lambda: model.fit(X, y, X_val=X, y_val=y[:3]),
        lambda: model.fit(X, y, sample_weight=np.ones(3)),
        lambda: model.partial_fit(bad, y),
        lambda: model.predict(bad),
        lambda: model.score(X, y[:-1]),
    ):
        with pytest.raises(ValueError):
            call()
        assert joblib.hash(model) == stored
    new = estimator(**FAST)
    with pytest.raises(ValueError, match="NaN at sequence 3, step 0, feature 1"):
        new.fit(bad, y)
    assert vars(new) == vars(estimator(**FAST))
    with pytest.raises(NotFittedError):
        new.predict(X)


class AtTheEnd:
    """A callback that looks at the model during a fit, and can fail at its very end."""

    def __init__(self, look, fail):
        self.look, self.fail, self.seen = look, fail, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.seen.append(self.look())
        if context.task_name == "fit" and self.fail:
            raise OSError("disk full")
        return False


@estimators
@pytest.mark.parametrize("fail", [False, True])
def test_the_old_model_predicts_until_the_fit_is_over(estimator, fail):
    pytest.importorskip("sklearn.callback")
    X, y = problem(estimator)
    model = estimator(**FAST).fit(X, y)
    before = results(model, X)
    callback = AtTheEnd(lambda: results(model, X), fail)
    model.set_callbacks(callback)
    other = [3 * x + 1 for x in X]
    if fail:
        with pytest.raises(OSError, match="disk full"):
            model.fit(other, y)
    else:
        model.fit(other, y)
    assert len(callback.seen) == FAST["max_iter"] + 1
    assert all(found == before for found in callback.seen)
    assert (results(model, X) == before) == fail
    if fail:
        new = estimator(**FAST).set_callbacks(AtTheEnd(lambda: None, True))
        with pytest.raises(OSError):
            new.fit(X, y)
        assert not [name for name in vars(new) if name.endswith("_") and name[0] != "_"]
        with pytest.raises(NotFittedError):
            new.predict(X)


@estimators
def test_threads_see_the_old_model_or_the_new_one(estimator):
    X, y = problem(estimator)
    model = estimator(**FAST | {"max_iter": 40}).fit(X, y)
    new = clone(model).fit([2 * x - 1 for x in X], y)
    allowed = [results(model, X)[0], results(new, X)[0]]
    thread = threading.Thread(target=model.fit, args=([2 * x - 1 for x in X], y))
    seen = []
    thread.start()
    while thread.is_alive():
        seen.append([np.asarray(item).tobytes() for item in model.predict(X)])
    thread.join()
    assert seen and all(found in allowed for found in seen)
    assert results(model, X)[0] == allowed[1]


@estimators
def test_a_refit_drops_what_is_no_longer_true(estimator):
    X, y = problem(estimator, "2d")
    frame = pd.DataFrame(X, columns=[f"t{i}" for i in range(6)])
    model = estimator(warm_start=True, early_stopping=True, **FAST).fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert model.best_loss_ is None
    model.note = "mine"
    X, y = problem(estimator)
    model.set_params(warm_start=False, early_stopping=False).fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 2 and model.validation_scores_ is None
    assert model.note == "mine"
    new = estimator(**FAST).fit(X, y)
    assert vars(model).keys() - {"note"} == vars(new).keys()
    assert same_parameters(model, new)


@estimators
def test_validation_data_are_compared_with_the_X_of_the_same_fit(estimator):
    X, y = problem(estimator, "2d")
    frame = pd.DataFrame(X, columns=[f"t{i}" for i in range(6)])
    model = estimator(**FAST).fit(frame, y)
    model.fit(X, y, X_val=X, y_val=y)  # without a warning of names, which were those of before
    assert not hasattr(model, "feature_names_in_")
    model.fit(frame, y, X_val=frame, y_val=y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="In X_val: .*feature names"):
        model.fit(frame, y, X_val=frame.rename(columns={"t0": "first"}), y_val=y)


def test_a_refit_with_another_kind_of_target():
    X, y = steps_in_layout("ragged")
    model = GRUStepClassifier(**FAST).fit(X, targets_of(GRUStepClassifier, y))
    indicators = [np.column_stack([item > 0, item > 1]).astype(int) for item in y]
    assert model.fit(X, indicators).predict(X)[0].shape == (len(X[0]), 2)
    assert model.fit(X, targets_of(GRUStepClassifier, y)).predict(X)[0].ndim == 1
    model = GRUStepRegressor(**FAST).fit(X, y)
    assert model.fit(X, indicators).predict(X)[0].shape == (len(X[0]), 2)


# --- copies and files ---------------------------------------------------------------------------


def through_skops(model):
    data = skops.io.dumps(model)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


@estimators
@pytest.mark.parametrize("options", [{}, {"warm_start": True, "bidirectional": True}])
def test_copies_predict_the_same_bits(estimator, options, tmp_path):
    X, y = problem(estimator)
    model = estimator(**FAST, **options).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for other in (
        copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"), through_skops(model),
        joblib.load(tmp_path / "model.joblib", mmap_mode="r"),
    ):  # fmt: skip
        assert results(other, X) == results(model, X)
        assert other.get_params() == model.get_params()
        assert other.score(X, y) == model.score(X, y)
        other.partial_fit(X, y)
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    fresh.fit(X, y)
    assert same_parameters(fresh, model)


@estimators
def test_without_its_training_state(estimator):
    X, y = problem(estimator)
    model = estimator(warm_start=True, **FAST).fit(X, y)
    expected, size = results(model, X), len(pickle.dumps(model))
    model.drop_training_state()
    assert results(model, X) == expected
    assert len(pickle.dumps(model)) < size


@pytest.mark.filterwarnings("ignore:X is read as")  # one of the views has a single step
@estimators
def test_memory_maps(estimator, tmp_path, rng):
    mapped = on_disk(tmp_path / "X.dat", rng.normal(size=(24, 7, 6)).astype("f4"))
    for name, view in VIEWS.items():
        X, plain = view(mapped), in_memory(view(mapped))
        y = [np.asarray(x).reshape(len(x), -1)[:, 0] > 0 for x in plain]
        y = [item.astype(int) if estimator is GRUStepClassifier else item * 2.5 for item in y]
        options = FAST | {"max_iter": 2, "batch_size": 8}
        expected, found = estimator(**options).fit(plain, y), estimator(**options).fit(X, y)
        assert same_parameters(found, expected), name
        assert results(found, X) == results(expected, plain), name


@estimators
def test_object_arrays_and_series_of_sequences(estimator):
    X, y = problem(estimator)
    expected = estimator(**FAST).fit(X, y)
    objects = as_object_array(X)
    found = estimator(**FAST).fit(objects, as_object_array(y))
    assert same_parameters(found, expected)
    assert results(found, objects) == results(expected, X)
    assert_array_equal(flat(found.predict(objects)), flat(expected.predict(X)))
