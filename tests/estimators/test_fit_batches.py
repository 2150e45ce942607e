"""fit_batches: several passes over data of which one batch is in memory at a time."""

import re
import tracemalloc
from copy import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor

from .problems import classes, ragged, step_classes
from .test_resume import assert_same_fit

pytestmark = pytest.mark.filterwarnings("ignore:.*hasn't converged yet")
OPTIONS = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0, "batch_size": 8}
X, Y = ragged(40)


def in_parts(*arrays, n=3):
    """Tuples of parts of some lists or arrays."""
    edges = np.linspace(0, len(X), n + 1).astype(int)
    return [
        tuple(a[start:end] for a in arrays) for start, end in zip(edges, edges[1:], strict=False)
    ]


@pytest.mark.parametrize("learning_rate", ["cosine", "adaptive"])
def test_one_batch_is_an_ordinary_fit(learning_rate):
    model = GRURegressor(**OPTIONS, learning_rate=learning_rate, dropout=0.2)
    assert_same_fit(clone(model).fit_batches([(X, Y)]), model.fit(X, Y))


def test_the_three_forms_of_batches():
    batches, model = in_parts(X, Y), GRURegressor(**OPTIONS, learning_rate="constant")
    expected = clone(model).fit_batches(batches)
    n_opened = []

    def read():
        n_opened.append(1)
        yield from batches

    assert_same_fit(clone(model).fit_batches(read), expected)
    assert len(n_opened) == model.max_iter
    once = clone(model).set_params(max_iter=1)
    assert_same_fit(clone(once).fit_batches(iter(batches)), once.fit_batches(batches))


def test_all_batches_are_learnt_from():
    """The loss of a pass is the mean over all sequences, whatever the sizes of the batches."""
    model = GRURegressor(**OPTIONS, standardize=False, learning_rate_init=1e-30, shuffle=False)
    model.set_params(max_iter=1, loss="huber", alpha=0.0)
    weight = np.linspace(0.5, 2, len(X))
    whole = [clone(model).fit_batches([(X[:30], Y[:30], weight[:30])] + rest) for rest in (
        [(X[30:], Y[30:], weight[30:])],
        [(X[30:31], Y[30:31], weight[30:31]), (X[31:], Y[31:], weight[31:])],
    )]  # fmt: skip
    assert whole[0].loss_ == pytest.approx(whole[1].loss_, rel=1e-6)
    assert whole[0].loss_ != pytest.approx(clone(model).fit(X[:30], Y[:30], weight[:30]).loss_)


def test_the_schedule_goes_over_all_batches(monkeypatch):
    seen = []

    def rate(self, progress, **kwargs):
        seen.append(progress)
        return 1e-3

    monkeypatch.setattr("skgru.training.CosineRate.rate", rate)
    GRURegressor(**OPTIONS).fit_batches(in_parts(X, Y, n=4))
    assert (np.diff(seen) > 0).all() and 0 < seen[0] < 0.05 and 0.95 < seen[-1] < 1
    seen.clear()
    GRURegressor(**OPTIONS).fit_batches(lambda: in_parts(X, Y, n=4))
    later = seen[len(seen) // 3 :]  # the first pass has not counted the batches yet
    assert (np.diff(later) > 0).all()
    assert 1 / 3 < later[0] and 0.95 < seen[-1] < 1
    assert set(np.round(seen[: len(seen) // 3], 12)) == {round(0.5 / 3, 12)}


def test_a_single_pass_over_an_unknown_number_of_batches_learns():
    once = {**OPTIONS, "max_iter": 1, "warm_start": True}
    model = GRURegressor(**once).fit_batches(iter(in_parts(X, Y)))
    first_loss = model.loss_
    assert model.fit_batches(iter(in_parts(X, Y))).loss_ < 0.95 * first_loss


def test_a_small_first_batch_does_not_limit_the_batch_size():
    options = {**OPTIONS, "max_iter": 1, "warm_start": True}
    for batch_size, n_updates in ((20, 1 + 2), ("auto", 1 + 1), (50, 1 + 1)):
        model = GRURegressor(**{**options, "batch_size": batch_size})
        model.fit_batches([(X[:10], Y[:10]), (X[10:], Y[10:])])
        assert model._resume_state["trainer"]["optimizer"]["n_updates"] == n_updates


def test_one_batch_is_in_memory_besides_the_first():
    n_bytes = 8 * 100 * 50 * 40

    def read():
        for seed in range(4):
            yield np.random.default_rng(seed).normal(size=(100, 50, 40)), np.arange(100.0)

    tracemalloc.start()
    try:
        GRURegressor(**{**OPTIONS, "max_iter": 2}).fit_batches(read)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 2 * n_bytes < peak < 2.8 * n_bytes


@pytest.mark.parametrize("model", [GRUClassifier, GRUStepClassifier, GRUStepRegressor])
def test_every_estimator(model):
    y, options = [np.cumsum(x[:, 0]) for x in X], {}
    if model is not GRUStepRegressor:
        y = classes(Y) if model is GRUClassifier else step_classes(y)
        options["classes"] = np.unique(np.concatenate(y) if model is GRUStepClassifier else y)
    fitted = model(**OPTIONS).fit_batches(in_parts(X, y), **options)
    assert fitted.n_iter_ == 3
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    first = in_parts(X, y)[0]
    assert fitted.loss_ != clone(fitted).fit(*first).loss_


def test_early_stopping_needs_validation_data():
    model = GRURegressor(**OPTIONS)
    fitted = model.fit_batches(in_parts(X, Y), X_val=X[:9], y_val=Y[:9])
    assert len(fitted.validation_scores_) == 3
    with pytest.raises(ValueError, match="early_stopping=True needs X_val"):
        model.set_params(early_stopping=True).fit_batches(in_parts(X, Y))


@pytest.mark.parametrize("has_length", [True, False])
def test_an_interrupted_fit_is_finished(has_length):
    class Interrupted(list):
        n_read = 0

        def __iter__(self):
            for batch in super().__iter__():
                self.n_read += 1
                if self.n_read == 5:  # in the second pass
                    raise KeyboardInterrupt
                yield batch

    model, batches = GRURegressor(**OPTIONS), in_parts(X, Y)
    interrupted = Interrupted(batches)

    def given(batches):
        return batches if has_length else lambda: iter(batches)

    with pytest.warns(
        UserWarning, match="interrupted after 1 of 3 epochs.* call fit_batches again .*same batches"
    ):
        model.fit_batches(given(interrupted))
    assert model.n_iter_ == 1
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="the number of batches differs"):
        copy(model).fit(*batches[0])
    with pytest.raises(ValueError, match="the number of batches differs|gave 2 items"):
        copy(model).fit_batches(given(batches[:2]))
    model.fit_batches(given(batches))
    assert_same_fit(model, GRURegressor(**OPTIONS).fit_batches(given(batches)))


def test_a_target_that_varies_in_later_batches():
    same = GRURegressor(**OPTIONS).fit_batches([(X[:20], np.full(20, 3.0))] * 2)
    assert_array_equal(same.predict(X), np.full(len(X), 3.0))
    model = GRURegressor(**OPTIONS).fit_batches([(X[:20], np.full(20, 3.0)), (X[20:], Y[20:])])
    assert len(np.unique(model.predict(X))) > 1


BAD = {
    "batches must be an iterable": (TypeError, lambda: 3),
    r"batches\[0\] must be a tuple": (TypeError, lambda: [X, Y]),
    r"batches\[1\] must be a tuple .*one of 4": (TypeError, lambda: [(X, Y), (X, Y, None, 1)]),
    "batches is empty": (ValueError, list),
    "can be read only once, but max_iter=3": (ValueError, lambda: iter([(X, Y)])),
    r"In batches\[1\]: .*NaN": (ValueError, lambda: [(X, Y), ([np.full((3, 3), np.nan)], [1.0])]),
    r"In batches\[1\]: .*1 features": (ValueError, lambda: [(X, Y), ([np.ones((3, 1))], [1.0])]),
    r"In batches\[1\]: .*y": (ValueError, lambda: [(X, Y), (X, Y[:3])]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_batches_change_nothing(message):
    error, make = BAD[message]
    model = GRURegressor(**OPTIONS).fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(error, match=message):
        model.fit_batches(make())
    assert vars(model) == before


def test_x_and_y_are_not_batches():
    with pytest.raises(TypeError, match="^fit_batches.. takes 2 positional arguments"):
        GRURegressor(**OPTIONS).fit_batches(X, Y)
    with pytest.raises(TypeError, match="must be a tuple .X, y. or .X, y, sample_weight."):
        GRUClassifier(**OPTIONS).fit_batches(X, classes(Y))


def test_another_number_of_batches_in_a_later_pass():
    counts = iter((2, 3, 3))

    def read():
        return in_parts(X, Y)[: next(counts)]

    with pytest.raises(ValueError, match="gave 3 items in this pass, not 2"):
        GRURegressor(**OPTIONS).fit_batches(read)


def test_classes_are_declared():
    y = classes(Y)
    model = GRUClassifier(**OPTIONS)
    with pytest.raises(ValueError, match="classes must be passed on the first call to fit_batches"):
        model.fit_batches(in_parts(X, y))
    with pytest.raises(ValueError, match="'balanced' is not supported by fit_batches"):
        model.set_params(class_weight="balanced").fit_batches(in_parts(X, y), np.unique(y))


def test_scales_from_too_little():
    batches = [(X[:1], Y[:1]), (X[1:], Y[1:])]
    message = re.escape("The first of the batches fixes the mean and the scale")
    with pytest.warns(UserWarning, match=message):
        GRURegressor(**OPTIONS).fit_batches(batches)
