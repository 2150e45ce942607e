"""scikit-learn's callbacks, where that version of it has them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skgru import GRUClassifier, GRURegressor, SequenceScaler
from skgru.training import Trainer

from .problems import classes, ragged, same_parameters, table

callback = pytest.importorskip("sklearn.callback")


class Recorder:
    """Writes down every hook, with what it was given, and can stop or break a fit."""

    def __init__(self, stop_after=None, fail_after=None):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.events, self.models = [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(f"end {context.task_name} {context.task_id}")
        self.data = X, y, metadata
        if context.task_name != "epoch":
            return False
        self.models.append(fitted_estimator)
        if self.fail_after == context.task_id + 1:
            raise OSError("disk full")
        return self.stop_after == context.task_id + 1


def epochs(n):
    return [f"{kind} epoch {i}" for i in range(n) for kind in ("begin", "end")]


def test_hooks_in_their_order():
    X, y = ragged()
    recorder = Recorder()
    model = GRURegressor(4, max_iter=3, random_state=0).set_callbacks(recorder)
    model.fit(X, y)
    expected = ["setup", "begin fit 0", *epochs(3), "end fit 0", "teardown"]
    assert recorder.events == expected
    assert recorder.data[0] is X
    assert recorder.data[1] is y
    assert not recorder.data[2]
    assert same_parameters(model, GRURegressor(4, max_iter=3, random_state=0).fit(X, y))


def test_weights_are_passed_on_and_labels_are_not_encoded():
    X, y = table()
    recorder, weight, labels = Recorder(), np.ones(60), classes(y)
    model = GRUClassifier(4, max_iter=2).set_callbacks(recorder)
    model.fit(X, labels, sample_weight=weight, X_val=X, y_val=labels)
    assert recorder.data[1] is labels
    assert recorder.data[2] == {"sample_weight": weight}


def test_a_callback_stops_training():
    X, y = table()
    recorder = Recorder(stop_after=2)
    model = GRURegressor(4, max_iter=50).set_callbacks(recorder, Recorder()).fit(X, y)
    assert model.n_iter_ == 2
    assert recorder.events == ["setup", "begin fit 0", *epochs(2), "end fit 0", "teardown"]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_every_epoch_has_a_model_that_predicts(early_stopping):
    X, y = table()
    recorder = Recorder()
    options = {"random_state": 0, "learning_rate": "constant", "early_stopping": early_stopping}
    options["batch_size"] = 32
    GRURegressor(4, max_iter=4, **options).set_callbacks(recorder).fit(X, y)
    for i, found in enumerate(recorder.models):
        assert found.n_iter_ == len(found.loss_curve_) == i + 1
        expected = GRURegressor(4, max_iter=i + 1, **options).fit(X, y)
        np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    # The first epoch happens to have the best score.
    assert same_parameters(recorder.models[0], recorder.models[3]) == early_stopping


def test_an_epoch_that_does_not_happen_does_not_begin():
    X, y = table()
    recorder = Recorder()
    options = {"learning_rate": "constant", "tol": 10.0, "n_iter_no_change": 1}
    model = GRURegressor(4, max_iter=50, **options).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == 3
    assert recorder.events == ["setup", "begin fit 0", *epochs(3), "end fit 0", "teardown"]


@pytest.mark.parametrize("fitted", [False, True])
def test_a_callback_that_fails_is_torn_down_and_leaves_the_model_alone(fitted):
    X, y = table()
    recorder = Recorder(fail_after=2)
    model = GRURegressor(4, max_iter=5)
    if fitted:
        model.fit(X, y)
        expected = model.predict(X)
    model.set_callbacks(recorder)
    with pytest.raises(OSError, match="disk full"):
        model.fit(X, y)
    assert recorder.events[-1] == "teardown"
    assert not hasattr(model, "_callback_fit_ctx")
    if fitted:
        np.testing.assert_array_equal(model.predict(X), expected)
    else:
        assert not hasattr(model, "loss_curve_")
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.nan * y)
    assert recorder.events[-1] == "teardown"


def test_ctrl_c_ends_the_callbacks(monkeypatch):
    X, y = table()
    recorder = Recorder()
    original = Trainer._run_epoch

    def interrupted(trainer, parameters, training, feed, epoch, n_epochs):
        if epoch == 1:
            raise KeyboardInterrupt
        return original(trainer, parameters, training, feed, epoch, n_epochs)

    monkeypatch.setattr(Trainer, "_run_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        GRURegressor(4, max_iter=5).set_callbacks(recorder).fit(X, y)
    assert recorder.events[-3:] == ["begin epoch 1", "end fit 0", "teardown"]


def test_partial_fit_calls_them_too():
    X, y = table()
    recorder = Recorder()
    model = GRURegressor(4).set_callbacks(recorder)
    model.partial_fit(X, y).partial_fit(X, y)
    assert recorder.events == 2 * ["setup", "begin fit 0", *epochs(1), "end fit 0", "teardown"]
    assert recorder.models[-1].n_iter_ == 2


def test_scoring_monitor():
    X, y = ragged()
    monitor = callback.ScoringMonitor(scoring=["r2", "neg_mean_absolute_error"])
    model = GRURegressor(4, max_iter=3, random_state=0).set_callbacks(monitor)
    model.fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id_path"] for row in rows] == [(0, 0), (0, 1), (0, 2)]
    assert abs(rows[-1]["r2"] - model.score(X, y)) < 1e-12
    assert len({row["r2"] for row in rows}) == 3


def test_progress_bar(capsys):
    pytest.importorskip("rich")
    X, y = table()
    GRURegressor(4, max_iter=3).set_callbacks(callback.ProgressBar()).fit(X, y)
    text = capsys.readouterr().out
    assert "GRURegressor - fit" in text
    assert "100%" in text


def test_in_a_pipeline_and_a_search():
    X, y = ragged()
    monitor = callback.ScoringMonitor(scoring="r2")
    model = GRURegressor(4, max_iter=2).set_callbacks(monitor, Recorder(stop_after=1))
    pipeline = make_pipeline(SequenceScaler(), model)
    search = GridSearchCV(
        pipeline, {"gruregressor__pooling": ["last", "mean"]}, cv=2, n_jobs=2, error_score="raise"
    ).fit(X, y)
    assert search.best_estimator_[-1].n_iter_ == 1
    rows = [row for row in monitor.get_logs(select="all") for row in row.data]
    assert sum(row["task_name"] == "epoch" for row in rows) == 2 * 2 + 1


def test_the_example_of_the_user_guide():
    text = (Path(__file__).parents[2] / "docs" / "user_guide.md").read_text()
    (block,) = [part for part in text.split("```python\n") if part.startswith("class StopBelow")]
    X, y = ragged()
    names = {"X": X, "y": y, "model": GRURegressor(8, max_iter=100, random_state=0)}
    exec(block.partition("```")[0], names)
    curve = names["model"].loss_curve_
    assert len(curve) < 100
    assert curve[-1] < 0.01 <= min(curve[:-1])


def test_a_model_that_is_handed_out_has_no_trace_of_an_earlier_fit():
    X, y = table()
    model = GRURegressor(4, max_iter=1).fit(pd.DataFrame(X).add_prefix("t"), y)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert not hasattr(recorder.models[0], "feature_names_in_")
    assert hasattr(model, "_skl_callbacks")
    assert not hasattr(recorder.models[0], "_skl_callbacks")
