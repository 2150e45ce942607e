"""Errors of step models, end to end; tests/data/test_rows.py has every form of y by itself."""

import re

import joblib
import numpy as np
import pytest
import scipy.sparse

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor

from .problems import SIX, STEP_ESTIMATORS, small

LENGTHS = [len(x) for x in SIX]
ZEROS_AND_ONES = [(np.arange(n) % 2).tolist() for n in (3, 2, 4, 2, 2, 5)]
Y = [labels[:n] for labels, n in zip(ZEROS_AND_ONES, LENGTHS, strict=True)]


def changed(place, value):
    """Y with another entry at (sequence, step)."""
    y = [list(labels) for labels in Y]
    y[place[0]][place[1]] = value
    return y


BAD_Y = {
    "short": ([*Y[:2], Y[2][:-1], *Y[3:]], "y of sequence 2 has 3 entries, .* of X has 4 steps"),
    "long": ([*Y[:5], [*Y[5], 0]], "y of sequence 5 has 6 entries, .* of X has 5 steps. Give one"),
    "few": (Y[:4], "X has 6 sequences, y has 4 entries. Give y an entry for each sequence"),
    "of sequences": ([0, 1, 0, 1, 0, 1], "y of sequence 0 is 0, .*GRUClassifier or GRURegressor"),
    "missing": (changed((4, 1), None), "y contains (None|NaN) at sequence 4, step 1.*weight of 0"),
    "NaN": (changed((4, 1), np.nan), "y contains NaN at sequence 4, step 1. Give steps without"),
    "infinite": (changed((0, 2), np.inf), "y contains infinity at sequence 0, step 2"),
    "complex": (changed((0, 2), 1j), "Complex data not supported: y"),
    "text": (changed((3, 1), "a"), "y (of|at) sequence 3,? (at )?step 1 is ('a'|not a number)"),
    "a list": (
        changed((3, 1), [1]), "y of sequence 3 has a single value at step 0, but a list of 1",
    ),
    "two targets": ([np.zeros((n, 1 + (i == 3))) for i, n in enumerate(LENGTHS)],
                    "y has a list of 1 for each step of sequence 0, but a list of 2 .*sequence 3"),
    "a string": ("010101", "y is one string"),
    "none": (None, "requires y to be passed, but the target y is None"),
}  # fmt: skip


@pytest.mark.parametrize("estimator", STEP_ESTIMATORS)
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_y(case, estimator):
    y, message = BAD_Y[case]
    more = {"classes": [0, 1]} if estimator is GRUStepClassifier else {}
    with pytest.raises((ValueError, TypeError), match=message):
        small(estimator).fit(SIX, y)
    with pytest.raises((ValueError, TypeError), match=message):
        small(estimator).partial_fit(SIX, y, **more)
    model = small(estimator).fit(SIX, Y)
    stored = joblib.hash(model)
    if y is not None:
        with pytest.raises((ValueError, TypeError), match=message):
            model.score(SIX, y)
        renamed = re.sub(r"\b(X|y)\b", r"\1_val", message)
        with pytest.raises((ValueError, TypeError), match=renamed):
            model.fit(SIX, Y, X_val=SIX, y_val=y)
    assert joblib.hash(model) == stored


def test_labels_that_are_unknown():
    model = small(GRUStepClassifier).fit(SIX, Y)
    for call in (
        lambda y: model.score(SIX, y),
        lambda y: model.fit(SIX, Y, X_val=SIX, y_val=y),
        lambda y: model.partial_fit(SIX, y),
        lambda y: model.set_params(warm_start=True).fit(SIX, y),
    ):
        with pytest.raises(ValueError, match=r"sequence 4, step 1 is 7, .* none of .* \[0, 1\]"):
            call(changed((4, 1), 7))
        with pytest.raises(ValueError, match="at sequence 0, step 0 is 'a', which is none"):
            call([["a"] * n for n in LENGTHS])
    with pytest.raises(ValueError, match="y is multilabel .*but the model was fitted on"):
        model.score(SIX, [np.eye(n, 2, dtype=int) + 0 for n in LENGTHS])
    weight = [np.ones(n) for n in LENGTHS]
    weight[4][1] = 0
    assert 0 <= model.score(SIX, changed((4, 1), 7), weight) <= 1


def test_labels_that_are_no_classes():
    with pytest.raises(ValueError, match="y is 0.5 at sequence 2, step 3, .* GRUStepRegressor"):
        small(GRUStepClassifier).fit(SIX, changed((2, 3), 0.5))
    with pytest.raises(ValueError, match="y contains one class: 0"):
        small(GRUStepClassifier).fit(SIX, [[0] * n for n in LENGTHS])


def test_targets_of_steps_given_to_models_of_sequences():
    for y in (Y, [np.asarray(labels) for labels in Y], [list(map(str, labels)) for labels in Y]):
        with pytest.raises(ValueError, match="fit a GRUStepClassifier"):
            small(GRUClassifier).fit(SIX, y)
    with pytest.raises(ValueError, match="fit a GRUStepRegressor"):
        small(GRURegressor).fit(SIX, Y)
    labels = np.arange(24).reshape(6, 4) % 3
    with pytest.raises(ValueError, match="fit a GRUStepClassifier"):
        small(GRUClassifier).fit(np.zeros((6, 4)), labels)


def test_numbers_that_the_model_cannot_hold():
    with pytest.raises(ValueError, match="y at sequence 2, step 3 is too large for dtype="):
        small(GRUStepRegressor, standardize=False).fit(SIX, changed((2, 3), 1e300))
    with pytest.raises(ValueError, match="y at sequence 2, step 3 is -1, but with loss='poisson'"):
        small(GRUStepRegressor, loss="poisson").fit(SIX, changed((2, 3), -1))
    model = small(GRUStepRegressor).fit(SIX, Y)
    with pytest.raises(ValueError, match="y has 2 targets for each step, .* fitted with 1"):
        model.score(SIX, [np.zeros((n, 2)) for n in LENGTHS])
    # Steps before the last one that overflow are found as well.
    model.coefs_[0][...] = np.repeat([0, 0, 1000], 3)  # gates r, z, n
    model.recurrent_coefs_[0][...] = np.repeat([0, 0, 3e38], 3)
    x = np.array([[1.0, 1], [2, 1], [-1e36, -2e36], [1, 1]])
    message = r"prediction for sequence 1 of X is not finite: .*-2e\+36 at step 2, feature 1"
    with pytest.raises(ValueError, match=message):
        model.predict([x[:1], x])


def test_sparse_weights():
    with pytest.raises(TypeError, match="Sparse data was passed for sample_weight"):
        small(GRUStepRegressor).fit(SIX, Y, scipy.sparse.csr_matrix(np.ones((6, 1))))


@pytest.mark.parametrize("estimator", STEP_ESTIMATORS)
def test_weights_from_which_nothing_can_be_learnt(estimator):
    for weight, message in (
        (1e-300, "mean of sample_weight, .*beside the penalty"),
        (0.0, "sample_weight is zero for every step; at least one must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            small(estimator).fit(SIX, Y, [np.full(n, weight) for n in LENGTHS])
    if estimator is GRUStepClassifier:
        with pytest.raises(ValueError, match="leave no step with a positive weight"):
            small(estimator, class_weight={0: 0, 1: 0}).fit(SIX, Y)


@pytest.mark.parametrize("estimator", STEP_ESTIMATORS)
def test_another_layout_than_before(estimator):
    table = np.arange(24.0).reshape(6, 4)
    model = small(estimator).fit(table, (table % 2).astype(int))
    with pytest.raises(ValueError, match="fitted on a 2D table with 4 time steps"):
        model.predict(SIX)
    with pytest.raises(ValueError, match="X has 3 features, .*expecting 4"):
        model.predict(table[:, :3])
    model.fit(SIX, Y)
    assert model.predict(np.zeros((3, 7, 2))).shape == (3, 7)
    with pytest.raises(ValueError, match="X has 3 features, .*expecting 2"):
        model.predict(np.zeros((3, 7, 3)))
