"""Ctrl-C: the last completed epoch is kept, the fit can be finished, and a search ends."""

import pickle
import signal

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceScaler,
)

from .problems import (
    STATEFUL,
    classes,
    fails_at,
    patch,
    ragged,
    steps_in_layout,
    table,
    targets_of,
)
from .test_resume import assert_same_fit

COSINE = {**STATEFUL, "learning_rate": "cosine", "max_iter": 7}


def interrupt(model, monkeypatch, n_epochs, *data, **more):
    """Fit, with Ctrl-C in the middle of the epoch after ``n_epochs`` of this call."""
    calls = []

    def step(original, trainer, *args):
        progress = args[-1]
        original(trainer, *args)  # in the middle of an epoch: part of its updates are done
        if not calls:
            calls.append(int(progress * model.max_iter) + n_epochs)
        if int(progress * model.max_iter) == calls[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as context, pytest.warns(UserWarning, match="interrupted after"):
        patch(context, "_step", step)
        assert model.fit(*data, **more) is model
    return model


def stored(model):
    return pickle.loads(pickle.dumps(model))


# --- what is kept -------------------------------------------------------------------------------


@pytest.fixture
def sigint():
    """Python's own reaction to Ctrl-C; a shell's background job would ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_keeps_what_was_learnt(monkeypatch, sigint, n_jobs, early_stopping):
    X, y = ragged(200)
    options = {**STATEFUL, "batch_size": 60, "n_jobs": n_jobs, "early_stopping": early_stopping}
    expected = GRURegressor(max_iter=3, **options).fit(X, y)

    def interrupted(original, trainer, parameters, training, feed, epoch, n_epochs):
        if epoch == 3:
            signal.raise_signal(signal.SIGINT)
        return original(trainer, parameters, training, feed, epoch, n_epochs)

    patch(monkeypatch, "_run_epoch", interrupted)
    model = GRURegressor(max_iter=10, **options)
    kept = "best epoch so far" if early_stopping else "last completed epoch"
    message = f"^Training was interrupted after 3 of 10 .* {kept} .* call fit again with warm_start"
    with pytest.warns(UserWarning, match=message):
        assert model.fit(X, y) is model
    assert_same_fit(model, expected)
    assert_array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("call", [1, 3])
def test_ctrl_c_before_the_first_epoch_ends(monkeypatch, fitted, call):
    X, y = ragged(60)
    model = GRURegressor(4, max_iter=9, batch_size=16)
    if fitted:
        model.fit(X, y)
    before = dict(vars(model))
    patch(monkeypatch, "_step", fails_at(call, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, 2 * y)
    assert vars(model) == before


def test_ctrl_c_in_partial_fit_is_raised(monkeypatch):
    X, y = table()
    model = GRURegressor(4).partial_fit(X, y)
    before = joblib.hash(model)
    patch(monkeypatch, "_step", fails_at(1, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    assert joblib.hash(model) == before


def test_the_bar_says_so(monkeypatch, capsys):
    X, y = table()
    interrupt(GRURegressor(4, max_iter=9, verbose=2), monkeypatch, 2, X, y)
    assert "GRURegressor was interrupted after 2 epochs" in capsys.readouterr().out
    model = GRURegressor(4, max_iter=3, verbose=2)
    interrupt(model, monkeypatch, 1, X, y).set_params(warm_start=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if "  loss" in line] == ["1/3", "2/3", "3/3"]
    assert lines[-1].startswith("GRURegressor finished after 3 epochs")


# --- finishing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"solver": "adamw", "dtype": "float64", "bidirectional": True, "pooling": "attention"},
        {"solver": "sgd", "shuffle": False, "n_jobs": 2},
        {"solver": "rmsprop", "learning_rate": "constant"},
        # No epoch improves by so much: the rate falls in every other epoch.
        {"learning_rate": "adaptive", "solver": "sgd", "tol": 1e3, "n_iter_no_change": 1},
        {"early_stopping": True},
        {"early_stopping": True, "tol": 1e3, "n_iter_no_change": 5},  # ends in its 7th epoch
        {"class_weight": "balanced"},
    ],
)
@pytest.mark.parametrize("estimator", [GRURegressor, GRUClassifier])
def test_an_interrupted_fit_is_finished_as_if_left_alone(monkeypatch, estimator, options):
    X, y = ragged(80)
    if estimator is GRUClassifier:
        y = classes(y)
    elif "class_weight" in options:
        pytest.skip("classes have weights, numbers have none")
    weight = np.arange(80) % 3 + 0.5
    model = estimator(**{**COSINE, "max_iter": 9} | options)
    expected = clone(model).fit(X, y, weight)
    interrupt(model, monkeypatch, 2, X, y, weight)
    assert model.n_iter_ == 2
    model = stored(model).set_params(warm_start=True)
    interrupt(model, monkeypatch, 3, X, y, weight)  # the same fit, once more
    assert model.n_iter_ == 5
    model = stored(model).fit(X, y, weight)
    assert_same_fit(model, expected)
    # And what comes next is what comes after a fit that was left alone.
    other = clone(model).fit(X, y, weight).fit(X, y, weight)
    assert_same_fit(model.fit(X, y, weight), other)


@pytest.mark.parametrize("estimator", [GRUStepRegressor, GRUStepClassifier])
def test_a_step_model_is_finished(monkeypatch, estimator):
    X, y = steps_in_layout("ragged")
    y = targets_of(estimator, y)
    model = estimator(**COSINE, early_stopping=True)
    expected = clone(model).fit(X, y)
    interrupt(model, monkeypatch, 4, X, y)
    assert_same_fit(model.set_params(warm_start=True).fit(X, y), expected)


def test_several_targets_and_validation_data(monkeypatch):
    X, y = ragged(80)
    Y = np.column_stack([y, y**2])
    data = {"X_val": X[60:], "y_val": Y[60:]}
    model = GRURegressor(**COSINE)
    expected = clone(model).fit(X[:60], Y[:60], **data)
    interrupt(model, monkeypatch, 3, X[:60], Y[:60], **data)
    assert_same_fit(model.set_params(warm_start=True).fit(X[:60], Y[:60], **data), expected)


def test_a_second_cycle_is_finished(monkeypatch):
    X, y = ragged()
    model = GRURegressor(**COSINE, warm_start=True)
    expected = clone(model).fit(X, y).fit(X, y)
    interrupt(model.fit(X, y), monkeypatch, 3, X, y)
    assert model.n_iter_ == 7 + 3
    assert_same_fit(model.fit(X, y), expected)


def test_a_resumed_fit_falls_back_on_the_best_epoch_before_the_interrupt(monkeypatch):
    X, y = table()
    options = {"max_iter": 9, "random_state": 0, "learning_rate": "constant", "tol": 0}

    def diverging(original, trainer, parameters, training, feed, epoch, n_epochs):
        loss = original(trainer, parameters, training, feed, epoch, n_epochs)
        return {2: 1e-9, 6: np.nan}.get(epoch, loss)  # the third epoch has the lowest loss

    patch(monkeypatch, "_run_epoch", diverging)
    expected = GRURegressor(4, **options).fit(X, y)
    model = interrupt(GRURegressor(4, **options), monkeypatch, 5, X, y)
    assert_same_fit(stored(model).set_params(warm_start=True).fit(X, y), expected)


@pytest.mark.parametrize("change", [{"max_iter": 5}, {"learning_rate": "constant"}])
def test_another_schedule_is_another_fit(monkeypatch, change):
    X, y = table()
    model = interrupt(GRURegressor(**COSINE), monkeypatch, 3, X, y)
    model.set_params(warm_start=True, tol=0, **change).fit(X, y)
    assert model.n_iter_ == 3 + model.max_iter


def test_without_warm_start_a_fit_begins_again(monkeypatch):
    X, y = table()
    model = interrupt(GRURegressor(**COSINE), monkeypatch, 3, X, y).fit(X, y)
    assert_same_fit(model, GRURegressor(**COSINE).fit(X, y))
    assert not hasattr(model, "_resume_state")


def test_partial_fit_goes_on_from_an_interrupted_fit(monkeypatch):
    X, y = table()
    model = interrupt(GRURegressor(**COSINE), monkeypatch, 3, X, y).partial_fit(X, 2 * y)
    assert model.n_iter_ == 4
    # The fit is given up then: the next one begins a cycle.
    assert model.set_params(warm_start=True).fit(X, y).n_iter_ == 4 + 7


def test_only_the_same_data_finish_a_fit(monkeypatch):
    X, y = ragged(60)
    labels, weight, data = classes(y), np.ones(60), {"X_val": X[:9], "y_val": classes(y)[:9]}
    model = GRUClassifier(**COSINE)
    interrupt(model, monkeypatch, 3, X, labels, **data).set_params(warm_start=True)
    before = joblib.hash(model)
    wrong = [2 * x for x in X]
    swapped = [X[1], X[0], *X[2:]]
    assert len(X[0]) != len(X[1])
    for words, args, more in (
        ("the number of sequences in X differs", (X[:50], labels[:50]), data),
        ("the smallest or largest value in X differs", (wrong, labels), data),
        ("the length of a sequence in X differs", (swapped, labels), data),
        ("but y differs", (X, labels[::-1]), data),
        ("a weight of y differs", (X, labels, 2 * weight), data),
        ("the number of sequences in X_val differs", (X, labels), {}),
        ("but y_val differs", (X, labels), data | {"y_val": labels[1:10]}),
    ):
        message = f"interrupted after 3 of 7 epochs, but.*{words}.*Pass the same data"
        if words.startswith("but"):
            message = f"interrupted after 3 of 7 epochs, {words}.*Pass the same data"
        with pytest.raises(ValueError, match=message):
            model.fit(*args, **more)
        assert joblib.hash(model) == before
    assert model.fit(X, labels, weight, **data).n_iter_ == 7
    interrupt(model.set_params(warm_start=False), monkeypatch, 3, X, labels)
    model.set_params(warm_start=True).drop_training_state().fit(wrong, labels)
    assert model.n_iter_ == 3 + 7


# --- within something that fits several models --------------------------------------------------


def raises_at(monkeypatch, call):
    patch(monkeypatch, "_run_epoch", fails_at(call, KeyboardInterrupt()))


@pytest.mark.parametrize(
    "fit",
    [
        lambda model, X, y: GridSearchCV(model, {"alpha": [0, 1]}, cv=2).fit(X, y),
        lambda model, X, y: cross_val_score(model, X, y, cv=2),
        lambda model, X, y: BaggingRegressor(model, 2).fit(X, y),
        lambda model, X, y: MultiOutputRegressor(model).fit(X, np.column_stack([y, y])),
        lambda model, X, y: GridSearchCV(
            make_pipeline(SequenceScaler(), model), {"gruregressor__alpha": [0, 1]}, cv=2
        ).fit(X, y),
        lambda model, X, y: joblib.Parallel(1)(joblib.delayed(model.fit)(X, y) for _ in range(2)),
    ],
)
def test_the_whole_search_ends(monkeypatch, fit):
    X, y = table()
    raises_at(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        fit(GRURegressor(4, max_iter=5), X, y)


def test_a_pipeline_of_one_model_keeps_it(monkeypatch):
    X, y = table()
    pipeline = make_pipeline(SequenceScaler(), GRURegressor(4, max_iter=5))
    for number, model in enumerate((pipeline, TransformedTargetRegressor(pipeline))):
        with monkeypatch.context() as context:
            raises_at(context, 3)
            with pytest.warns(UserWarning, match="interrupted after 2 of 5 epochs"):
                model.fit(X, y)
        assert np.isfinite(model.predict(X)).all(), number


# --- the trainer --------------------------------------------------------------------------------


def test_results_do_not_change_afterwards(monkeypatch):
    X, y = table()
    results = []

    def run(original, trainer, *args, on_epoch, **kwargs):
        def record(report):
            results.append((report.result, joblib.hash(report.result)))
            return on_epoch(report)

        return original(trainer, *args, on_epoch=record, **kwargs)

    patch(monkeypatch, "run", run)
    GRURegressor(4, max_iter=5, early_stopping=True, shuffle=True).fit(X, y)
    assert len(results) == 5
    assert all(joblib.hash(result) == before for result, before in results)
    assert [result.n_epochs for result, _ in results] == [1, 2, 3, 4, 5]
    assert [result.end for result, _ in results] == [None] * 4 + ["max_iter"]
