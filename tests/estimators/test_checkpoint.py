"""Checkpoints: models on disk from which another process finishes the fit, to the last bit."""

import copy
import multiprocessing
import os
import pickle
import time

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgru import Checkpoint, GRUClassifier, GRURegressor, GRUStepClassifier, SequenceScaler
from skgru.estimators import _checkpoint

from .problems import STATEFUL, classes, patch, ragged, step_classes, steps_in_layout, table
from .test_resume import assert_same_fit

pytest.importorskip("sklearn.callback")

COSINE = {**STATEFUL, "learning_rate": "cosine", "max_iter": 6}


class Killed(Exception):
    """Stands for the end of a process: nothing handles it."""


def kill_after(monkeypatch, n_epochs, model, *data, **more):
    """Fit until the epoch after ``n_epochs`` of this call, and then end without any handling."""
    n_begun = 0

    def epoch(original, *args):
        nonlocal n_begun
        n_begun += 1
        if n_begun > n_epochs:
            raise Killed
        return original(*args)

    with monkeypatch.context() as context, pytest.raises(Killed):
        patch(context, "_run_epoch", epoch)
        model.fit(*data, **more)


# --- finishing ----------------------------------------------------------------------------------


def weighted(y):
    return np.arange(len(y)) % 3 + 0.5


X, Y = ragged(60)
STEPS = steps_in_layout("ragged")
CASES = {
    "early stopping": (GRURegressor(**COSINE, early_stopping=True), (X, Y), {}),
    "its own validation data": (
        GRURegressor(**COSINE, solver="rmsprop", n_jobs=2),
        (X[:50], Y[:50]),
        {"X_val": X[50:], "y_val": Y[50:]},
    ),
    "classes": (
        GRUClassifier(**COSINE, class_weight="balanced", solver="adamw"),
        (X, classes(Y), weighted(Y)),
        {},
    ),
    "several targets": (
        GRURegressor(**COSINE | {"learning_rate": "adaptive"}, solver="sgd", tol=10),
        (X, np.column_stack([Y, Y**2]), weighted(Y)),
        {},
    ),
    "steps": (GRUStepClassifier(**COSINE), (STEPS[0], step_classes(STEPS[1])), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fit_that_was_killed_is_finished(monkeypatch, tmp_path, name):
    model, data, more = CASES[name]
    path = tmp_path / "model.joblib"
    expected = clone(model).fit(*data, **more)
    checkpoint = Checkpoint(path, every_n_epochs=1)
    kill_after(monkeypatch, 2, clone(model).set_callbacks(checkpoint), *data, **more)
    # The checkpoint is the model of a fit that ended there.
    found = joblib.load(path)
    assert found.n_iter_ == 2
    assert found.loss_curve_ == expected.loss_curve_[:2]
    assert found.get_params() == model.get_params()
    assert np.isfinite(found.score(*data[:2]))
    assert not [attribute for attribute in vars(found) if "callback" in attribute]
    found.set_params(warm_start=True).set_callbacks(checkpoint)
    kill_after(monkeypatch, 3, found, *data, **more)
    found = joblib.load(path)
    assert found.n_iter_ == 5
    assert_same_fit(found.fit(*data, **more), expected)


def test_with_early_stopping_it_predicts_from_the_best_epoch(monkeypatch, tmp_path):
    path, events = tmp_path / "model.joblib", []
    model = GRURegressor(**COSINE, early_stopping=True)

    def declining(original, trainer, validation, *args):
        validate = original(trainer, validation, *args)
        scores = iter([0.1, 0.9, 0.3, 0.2, 0.1, 0.0])
        return lambda *args: (events.append(validate(*args)), (1.0, next(scores)))[1]

    patch(monkeypatch, "_validation", declining)
    expected = clone(model).set_params(max_iter=6).fit(X, Y)
    kill_after(monkeypatch, 4, model.set_callbacks(Checkpoint(path, every_n_epochs=1)), X, Y)
    found = joblib.load(path)
    assert found.best_validation_score_ == 0.9
    assert found._parameters.tobytes() == expected._parameters.tobytes()


def test_a_fit_with_nothing_left_to_do_returns_at_once(monkeypatch, tmp_path):
    path = tmp_path / "model.joblib"
    options = COSINE | {"learning_rate": "constant", "tol": 10.0, "n_iter_no_change": 1}
    expected = GRURegressor(**options).fit(X, Y)
    assert expected.n_iter_ == 3  # it stopped improving
    model = GRURegressor(**options).set_callbacks(Checkpoint(path, every_n_epochs=1))
    # Killed after the last epoch, and killed after the end.
    with monkeypatch.context() as context:
        context.setattr(GRURegressor, "_end_fit", lambda *args: (_ for _ in ()).throw(Killed))
        pytest.raises(Killed, model.fit, X, Y)
    assert_same_fit(joblib.load(path).set_params(warm_start=True).fit(X, Y), expected)
    assert_same_fit(model.fit(X, Y), expected)
    assert not hasattr(model, "_resume_state")
    found = joblib.load(path).set_params(warm_start=True)
    assert_same_fit(found.fit(X, Y), expected)
    assert found.fit(X, Y).n_iter_ > 3  # and after that, the next fit goes on


def test_other_data_are_refused(monkeypatch, tmp_path):
    path = tmp_path / "model.joblib"
    model = GRURegressor(**COSINE).set_callbacks(Checkpoint(path, every_n_epochs=1))
    kill_after(monkeypatch, 2, model, X, Y)
    found = joblib.load(path).set_params(warm_start=True)
    with pytest.raises(ValueError, match="y differs from what that fit was given"):
        found.fit(X, -Y)


def test_in_a_pipeline(monkeypatch, tmp_path):
    path = tmp_path / "model.joblib"
    model = GRURegressor(**COSINE)
    expected = make_pipeline(SequenceScaler(), clone(model)).fit(X, Y)
    model.set_callbacks(Checkpoint(path, every_n_epochs=1))
    kill_after(monkeypatch, 2, make_pipeline(SequenceScaler(), model), X, Y)
    found = make_pipeline(SequenceScaler(), joblib.load(path).set_params(warm_start=True))
    assert_same_fit(found.fit(X, Y)[-1], expected[-1])
    with pytest.raises(TypeError, match="set_callbacks of the model itself"):
        make_pipeline(SequenceScaler(), model).set_callbacks(Checkpoint(path)).fit(X, Y)
    with pytest.raises(TypeError, match="not a LogisticRegression"):
        LogisticRegression().set_callbacks(Checkpoint(path)).fit(*table()[:1], classes(Y))


def test_partial_fit_and_searches_store_models_too(tmp_path):
    path = tmp_path / "model.joblib"
    model = GRURegressor(**COSINE).set_callbacks(Checkpoint(path))
    model.partial_fit(X, Y)
    expected = clone(model).set_callbacks().partial_fit(X, Y).partial_fit(X, Y)
    assert_same_fit(joblib.load(path).partial_fit(X, Y), expected)
    search = GridSearchCV(model, {"alpha": [0, 1]}, cv=2, n_jobs=2).fit(X, Y)
    assert_same_fit(joblib.load(path), search.best_estimator_)


# --- when and how -------------------------------------------------------------------------------


def when(monkeypatch, tmp_path, seconds, **intervals):
    """Epochs after which a model is stored, if each takes that many seconds."""
    now, stored = [0.0], []
    monkeypatch.setattr(_checkpoint.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_checkpoint, "save", lambda model, path: stored.append(model.n_iter_))

    def epoch(original, *args):
        now[0] += seconds
        return original(*args)

    with monkeypatch.context() as context:
        patch(context, "_run_epoch", epoch)
        model = GRURegressor(**COSINE).set_callbacks(Checkpoint(tmp_path / "m", **intervals))
        model.fit(X, Y)
    return stored


@pytest.mark.parametrize(
    ("seconds", "intervals", "expected"),
    [
        (1, {"every_n_epochs": 1}, [1, 2, 3, 4, 5, 6, 6]),
        (1, {"every_n_epochs": 4}, [4, 6]),
        (1, {}, [6]),
        (30, {}, [2, 4, 6, 6]),
        (25, {}, [3, 6, 6]),
        (30, {"every_minutes": 1.5}, [3, 6, 6]),
        (30, {"every_minutes": 2, "every_n_epochs": 3}, [3, 6, 6]),
        (30, {"every_minutes": 1, "every_n_epochs": 5}, [2, 4, 5, 6]),
    ],
)
def test_when_it_stores(monkeypatch, tmp_path, seconds, intervals, expected):
    assert when(monkeypatch, tmp_path, seconds, **intervals) == expected


def test_training_goes_on_if_the_disk_is_full(monkeypatch, tmp_path):
    def full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(_checkpoint, "save", full)
    model = GRURegressor(**COSINE).set_callbacks(Checkpoint(tmp_path / "m"))
    with pytest.warns(UserWarning, match="could not write .*training goes on: no space left"):
        model.fit(X, Y)
    assert_same_fit(model, GRURegressor(**COSINE).fit(X, Y))


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"every_n_epochs": 0}, "'every_n_epochs' parameter of Checkpoint"),
        (ValueError, {"every_minutes": 0}, "'every_minutes' parameter of Checkpoint"),
        (ValueError, {"path": None}, "'path' parameter of Checkpoint"),
    ],
)
def test_parameters_are_checked(error, options, message):
    with pytest.raises(error, match=message):
        Checkpoint(**{"path": "model.joblib"} | options)


def test_a_folder_that_is_missing_is_named_before_training(tmp_path):
    model = GRURegressor(**COSINE).set_callbacks(Checkpoint(tmp_path / "none" / "model"))
    with pytest.raises(FileNotFoundError, match="no folder .*none'"):
        model.fit(X, Y)
    assert not hasattr(model, "n_iter_")


def test_a_path_that_is_a_folder_is_refused_before_training(tmp_path):
    model = GRURegressor(**COSINE).set_callbacks(Checkpoint(tmp_path))
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file in it, .*model.joblib"):
        model.fit(X, Y)
    assert not hasattr(model, "n_iter_")


def test_without_callbacks_of_scikit_learn_it_says_so(monkeypatch):
    monkeypatch.setattr(_checkpoint, "HAS_CALLBACKS", False)
    with pytest.raises(ImportError, match=r"needs the callbacks of scikit-learn 1\.9 or newer"):
        Checkpoint("model.joblib")


def test_it_is_copied_and_pickled_as_callbacks_are(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model.joblib", every_n_epochs=2)
    for other in (copy.deepcopy(checkpoint), pickle.loads(pickle.dumps(checkpoint))):
        assert vars(other) == vars(checkpoint)
    model = clone(GRURegressor(**COSINE).set_callbacks(checkpoint))
    assert model._skl_callbacks == [checkpoint]
    assert clone(pickle.loads(pickle.dumps(model)).fit(X, Y)).get_params() == model.get_params()


# --- processes that are killed ------------------------------------------------------------------


class Count:
    """A callback that tells the parent process how many epochs have ended."""

    def __init__(self, count):
        self.count = count

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.count.value += 1


def start_or_finish(path, count):
    """What a job does that may be killed and started again."""
    model = GRURegressor(**COSINE | {"max_iter": 12}, early_stopping=True)
    if path.exists():
        model = joblib.load(path).set_params(warm_start=True)
    model.set_callbacks(Count(count), Checkpoint(path, every_n_epochs=1)).fit(X, Y, weighted(Y))


def test_a_process_that_is_killed_again_and_again(tmp_path):
    path = tmp_path / "model.joblib"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    rng = np.random.default_rng(int(os.environ.get("SKGRU_KILL_SEED", 0)))
    n_kills = int(os.environ.get("SKGRU_KILLS", 3))
    for number in range(n_kills + 1):
        count = processes.Value("i", 0)
        process = processes.Process(target=start_or_finish, args=(path, count))
        process.start()
        if number < n_kills:
            # Within the epochs, or while a checkpoint is being written, which takes milliseconds.
            n_epochs, delay = rng.integers(1, 4), rng.uniform(0, 0.02)
            while count.value < n_epochs and process.is_alive():
                time.sleep(0.0005)
            time.sleep(delay)
            process.kill()
        process.join()
    assert process.exitcode == 0
    expected = GRURegressor(**COSINE | {"max_iter": 12}, early_stopping=True)
    assert_same_fit(joblib.load(path), expected.fit(X, Y, weighted(Y)))
