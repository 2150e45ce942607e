"""What a fit prints, and the summary of a model."""

import io
import pickle
import re
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor
from skgru.estimators import _progress
from skgru.estimators._progress import Progress
from skgru.kernels._compilation import tell_of_compilation
from skgru.training._trainer import EpochReport

from .problems import STEP_ESTIMATORS, classes, in_layout, step_classes, steps_in_layout, table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """Kernels that are compiled already, so that fits have nothing to say about it."""
    X, y = table()
    for labels in (y, y > 0):
        model = GRUClassifier if labels is not y else GRURegressor
        model(4, max_iter=1).fit(X, labels, X_val=X[:9], y_val=labels[:9])


def printed(monkeypatch, stream, model, *data, **more):
    monkeypatch.setattr(sys, "stdout", stream)
    model.fit(*data, **more)
    return stream.getvalue()


def test_it_is_quiet_unless_asked(capsys):
    GRURegressor(4, max_iter=2).fit(*table())
    assert capsys.readouterr() == ("", "")


def test_about_ten_lines_where_there_is_no_terminal(monkeypatch):
    text = printed(monkeypatch, io.StringIO(), GRURegressor(4, max_iter=40, verbose=1), *table())
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert 10 <= len(lines) <= 12
    clock = r"\d\d:\d\d"
    assert re.fullmatch(r"GRURegressor epoch 1/40  loss \d\S+", lines[0])
    assert re.fullmatch(rf"GRURegressor epoch 4/40  loss \d\S+  {clock} left", lines[1])
    assert lines[-2].startswith("GRURegressor epoch 40/40  loss")
    assert re.fullmatch(rf"GRURegressor finished after 40 epochs, {clock}", lines[-1])


def test_a_line_per_epoch_with_verbose_2(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        model = GRURegressor(4, max_iter=13, verbose=2)
        lines = printed(monkeypatch, stream, model, *table()).splitlines()
        assert len(lines) == 14
        assert all(f"epoch {i + 1}/13" in line for i, line in enumerate(lines[:13]))
        for loss, line in zip(model.loss_curve_, lines, strict=False):
            assert f"loss {loss:.5g}" in line


def test_a_live_bar_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    X, y = table()
    model = GRUClassifier(4, max_iter=4, verbose=True)
    text = printed(monkeypatch, Terminal(), model, X, y > 0, X_val=X[:9], y_val=y[:9] > 0)
    assert text.count("\n") == 2
    start, *states = text.split("\n")[0].split("\r")[1:]
    assert start == "GRUClassifier epoch 1/4\x1b[K"
    assert len(states) == 4
    filled = [re.search(r"\[(#+)(\.*)\]", state) for state in states]
    assert [len(bar[1]) for bar in filled] == [6, 12, 18, 24]
    assert len({len(bar[0]) for bar in filled}) == 1
    for state, score in zip(states, model.validation_scores_, strict=True):
        assert f"validation score {score:.4f}" in state
        assert state.endswith("left\x1b[K") == (state is not states[0])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (120, "GRUClassifier [########################] {}  validation score 0.9876  00:00 left"),
        (95, "GRUClassifier [############] {}  validation score 0.9876  00:00 left"),
        (80, "[###########] {}  validation score 0.9876  00:00 left"),
        (70, "{}  validation score 0.9876  00:00 left"),
        (60, "{}  validation score 0.9876"),
        (40, "{}"),
        (20, "epoch 100/100"),
        (8, "epoch 1"),
    ],
)
def test_the_bar_fits_the_terminal(monkeypatch, columns, expected):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    progress = Progress("GRUClassifier", 100, 1, stream)
    progress.show(EpochReport(0, 1.0, 1.0, 0.5, None))
    progress.show(EpochReport(99, 0.012345, 0.1, 0.9876, None))
    line = stream.getvalue().split("\r")[-1].removesuffix("\x1b[K")
    assert line == expected.format("epoch 100/100  loss 0.012345")
    assert len(line) < columns


def test_the_time_that_is_left_leaves_the_first_epoch_out(monkeypatch):
    now = iter([0.0, 700.0, 702.0, 702.0, 704.0, 704.0])
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: next(now))
    stream = io.StringIO()
    progress = Progress("GRURegressor", 11, 2, stream)
    for epoch in range(3):
        progress.show(EpochReport(epoch, 1.0, None, None, None))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "GRURegressor epoch 1/11  loss 1"
    assert lines[1].endswith("00:18 left")


def test_a_fit_that_ends_in_its_first_epoch(monkeypatch):
    stream = Terminal()
    Progress("GRURegressor", 3, 1, stream).close("interrupt")
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_it_says_once_that_kernels_are_compiled(monkeypatch, stream):
    class Model(GRURegressor):
        def _network(self, *args):
            for _ in range(2):
                tell_of_compilation("/the/folder")
            return super()._network(*args)

    text = printed(monkeypatch, stream(), Model(4, max_iter=2, verbose=1), *table())
    said = "Model compiles kernels, once on this machine, and keeps them in /the/folder"
    assert text.count("compiles kernels") == 1
    if stream is Terminal:
        start = "\rModel epoch 1/2\x1b[K"
        assert text.startswith(f"{start}\r{said}\x1b[K\n{start}\r")
    else:
        assert text.startswith(f"{said}\nModel epoch 1/2  loss")
    tell_of_compilation("/the/folder")  # nobody listens any more


def test_compilations_of_a_silent_fit(capsys):
    class Model(GRURegressor):
        def _network(self, *args):
            tell_of_compilation(None)
            return super()._network(*args)

    Model(4, max_iter=2).fit(*table())
    assert capsys.readouterr() == ("", "")
    Progress("Model", 3, 1).compiling(None)
    out = capsys.readouterr().out
    assert out == "Model compiles kernels, once in this process: they are not kept on disk\n"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_it_says_why_training_ended(monkeypatch, stream):
    X, y = table()
    options = {"learning_rate": "constant", "tol": 10.0, "n_iter_no_change": 2, "verbose": 1}
    model = GRURegressor(4, max_iter=50, **options)
    lines = printed(monkeypatch, stream(), model, X, y).splitlines()
    assert lines[-1].startswith(f"GRURegressor stopped improving after {model.n_iter_} epochs, ")
    assert model.n_iter_ == 4
    assert "epoch 4/50" in lines[-2]


# --- summary ------------------------------------------------------------------------------------


def test_summary():
    X, y = in_layout("3d")
    model = GRUClassifier(3, max_iter=1, pooling="last").fit(X, classes(y))
    assert (
        model.summary()
        == """\
GRUClassifier: 2 features, GRU 3, pooling last, 3 outputs, float32
-------------------------
gru0.forward.W     2 x 9  18
gru0.forward.U     3 x 9  27
gru0.forward.b     9       9
gru0.forward.b_hn  3       3
head.W             3 x 3   9
head.b             3       3
-------------------------
total                     69
""".replace("-" * 25, "-" * 28)
        + "Keras and torch count 6 more: they give every gate a recurrent bias; here only the "
        "candidate n has one."
    )
    # A notebook shows the repr of what a cell returns.
    text = pickle.loads(pickle.dumps(model.summary()))
    assert repr(text) == str(text) == model.summary() and type(str(text)) is str
    assert GRUClassifier(3).summary(2) == GRUClassifier(3).summary(2, n_outputs=1)


@pytest.mark.parametrize(
    ("estimator", "n_outputs", "options"),
    [
        (GRUClassifier, 3, {"bidirectional": True, "pooling": ("attention", "max")}),
        (GRUClassifier, 1, {"hidden_layer_sizes": (5, 4)}),
        (GRURegressor, 1, {"dtype": "float64"}),
        (GRURegressor, 2, {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}),
        (GRURegressor, 2, {"loss": "quantile", "quantile": 0.5}),
        (GRUStepClassifier, 3, {}),
        (GRUStepRegressor, 2, {"loss": "quantile", "quantile": (0.1, 0.9)}),
    ],
)
def test_summary_before_fit_is_that_of_the_fit(estimator, n_outputs, options):
    make_X = steps_in_layout if estimator in STEP_ESTIMATORS else in_layout
    X, y = make_X("3d")
    y = np.stack([y] * n_outputs, axis=-1)
    if estimator is GRUClassifier:
        y = classes(y[:, 0], max(n_outputs, 2))
    elif estimator is GRUStepClassifier:
        y = step_classes(y[:, :, 0])
    model = estimator(**{"hidden_layer_sizes": 4, "max_iter": 1} | options)
    planned = model.summary(n_features=2, n_outputs=n_outputs)
    assert not vars(model).keys() & {"n_features_in_", "_parameters"}
    model.fit(X, y)
    assert planned == model.summary()
    assert model.n_outputs_ == n_outputs
    # Of a fitted model, too, what other data would need.
    assert "7 features" in model.summary(np.int64(7))
    assert "7 features" not in model.summary()


def test_what_a_summary_needs():
    model = GRURegressor(4)
    with pytest.raises(NotFittedError, match=r"Call fit, or say .* summary\(n_features=6"):
        model.summary()
    assert model.summary(6) == model.summary(6, 1)
    for options in ({"n_features": 0}, {"n_features": 2.0}, {"n_features": 2, "n_outputs": -1}):
        with pytest.raises(ValueError, match="The 'n_[a-z]+' parameter of summary must be an int"):
            model.summary(**options)
    with pytest.raises(ValueError, match="The 'dtype' parameter of GRURegressor"):
        model.set_params(dtype="float16").summary(6)
    fitted = GRURegressor(4, max_iter=1).fit(*in_layout("3d"))
    with pytest.raises(ValueError, match="n_outputs is given, but n_features is not"):
        fitted.summary(n_outputs=2)


def test_the_number_of_parameters_in_torch():
    torch = pytest.importorskip("torch")
    for bidirectional in (False, True):
        gru = torch.nn.GRU(6, 50, bidirectional=bidirectional)
        model = GRUStepRegressor(50, bidirectional=bidirectional)
        *_, total, note = model.summary(6).splitlines()
        n_head = 50 * (1 + bidirectional) + 1
        theirs = sum(array.numel() for array in gru.parameters()) + n_head
        ours = int(total.split()[-1].replace(",", ""))
        assert note.startswith(f"Keras and torch count {theirs - ours} more")


def test_the_total_of_a_summary_is_the_number_of_parameters():
    X, y = in_layout("3d")
    model = GRURegressor((30, 20), bidirectional=True, pooling=("attention", "max"), max_iter=1)
    text = model.fit(X, np.column_stack([y, y])).summary()
    arrays = [*model.coefs_, *model.recurrent_coefs_, *model.intercepts_]
    arrays += [*model.recurrent_intercepts_, model.attention_coef_]
    assert text.splitlines()[-2].split() == ["total", f"{sum(a.size for a in arrays):,}"]
    assert "GRU 30 + 20 in both directions, pooling attention + max, 2 outputs" in text
    assert all(array in text for array in ("gru1.backward.U", "pooling.query", "head.b"))
