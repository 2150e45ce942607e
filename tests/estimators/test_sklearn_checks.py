"""scikit-learn's own checks, over configurations that together touch every option.

Sizes and numbers of epochs are below the defaults to save time; the checks themselves demand that
the models still learn.
"""

import pytest
from sklearn.utils.estimator_checks import check_classifier_multioutput, parametrize_with_checks

from skgru import GRUClassifier, GRURegressor

# Full batches in float64, without anything drawn per sequence: here weights must be repetitions.
EXACT = {"dtype": "float64", "batch_size": 1000, "learning_rate_init": 0.02}

SMALL = {"hidden_layer_sizes": 16, "max_iter": 80, "batch_size": 16}
LAST = {**SMALL, "pooling": "last"}

CONFIGURATIONS = [
    GRURegressor(),
    GRURegressor(16, max_iter=80, learning_rate="constant", **EXACT),
    GRURegressor(bidirectional=True, loss="huber", n_jobs=2, **LAST),
    GRURegressor((12, 12), pooling=("attention", "last"), standardize=False, batch_size=16),
    GRURegressor(early_stopping=True, n_iter_no_change=40, **LAST),
    GRURegressor(
        loss="absolute_error", solver="sgd", learning_rate="adaptive", learning_rate_init=0.1,
        **LAST,
    ),
    GRURegressor(loss="quantile", solver="rmsprop", warm_start=True, **LAST),
    GRURegressor(loss="poisson", solver="adamw", **SMALL),
    GRUClassifier(),
    GRUClassifier(8, max_iter=60, bidirectional=True, **EXACT),
    GRUClassifier((8, 8), pooling="attention", dropout=0.1, batch_size=16, max_iter=60, n_jobs=2),
    GRUClassifier(recurrent_dropout=0.1, early_stopping=True, n_iter_no_change=40, **SMALL),
    GRUClassifier(solver="sgd", learning_rate_init=0.3, **SMALL),
    GRUClassifier(solver="adamw", warm_start=True, **SMALL),
]  # fmt: skip


def expected_failures(estimator):
    """Checks that an estimator of this kind fails by its nature, and why."""
    found = {}
    if estimator.batch_size != EXACT["batch_size"]:
        found["check_sample_weight_equivalence_on_dense_data"] = (
            "Mini-batches, the draw of validation data, and float32 see repeated sequences and "
            "weighted ones differently; SGD*, HistGradientBoosting* and MLP* with early stopping "
            "fail it alike."
        )
    if estimator.warm_start:
        reason = (
            "It fits twice and wants equal results, but the second fit goes on from the first; "
            "MLP* with warm_start=True fail it alike."
        )
        found["check_supervised_y_2d"] = reason
        for name in (
            "pipeline_consistency",
            "transformer_data_not_an_array",
            "transformer_general",
        ):
            found[f"check_{name}"] = reason
        if isinstance(estimator, GRUClassifier):
            found["check_classifiers_multilabel_representation_invariance"] = reason
    if getattr(estimator, "loss", None) == "poisson":
        found["check_regressor_multioutput"] = (
            "It draws negative targets; RandomForestRegressor(criterion='poisson') fails it alike."
        )
    return found


@parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it the check with array API dispatch switched on skips itself.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_multilabel_outputs_agree(pooling):
    # Not drawn by the tag: scikit-learn's multi_output means several targets of several classes.
    check_classifier_multioutput("GRUClassifier", GRUClassifier(8, pooling=pooling, max_iter=30))
