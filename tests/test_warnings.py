"""Warnings point at the line of the user, however deep the call that emits them."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skgru import GRURegressor, GRUStepRegressor

X = np.random.default_rng(0).normal(size=(20, 5, 2))
SHORT = {"hidden_layer_sizes": 4, "max_iter": 1, "learning_rate": "constant"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: GRURegressor(**SHORT).fit(X, X[:, 0, 0]),
        lambda: GRUStepRegressor(**SHORT).fit(X, X),
        lambda: make_pipeline(GRURegressor(**SHORT)).fit(X, X[:, 0, 0]),
        lambda: cross_val_score(GRURegressor(**SHORT), X, X[:, 0, 0], cv=2),
    ],
    ids=["fit", "fit of steps", "in a Pipeline", "in a search"],
)
def test_a_warning_names_the_line_of_the_user(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    places = {w.filename for w in caught if issubclass(w.category, ConvergenceWarning)}
    assert places == {__file__}
