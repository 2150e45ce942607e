"""Estimators that predict every step, made of scikit-learn's own, for tests of scorers."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression

from skgru.metrics import flatten_steps


def ragged(items):
    """A 1-D object array of the items."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


class _StepModel(BaseEstimator):
    """Fits a model of scikit-learn to all steps; neither a classifier nor a regressor."""

    def fit(self, X, y, sample_weight=None):
        target, steps, *weight = flatten_steps(y, X, sample_weight)
        self.model_ = self.make().fit(steps, target, *weight)
        if hasattr(self.model_, "classes_"):
            self.classes_ = self.model_.classes_
        return self

    def _steps(self, method, X):
        results = [getattr(self.model_, method)(x) for x in X]
        return np.stack(results) if isinstance(X, np.ndarray) and X.ndim == 3 else ragged(results)

    def predict(self, X):
        return self._steps("predict", X)


class StepClassifier(_StepModel):
    def __init__(self, C=1.0):
        self.C = C

    def make(self):
        return LogisticRegression(C=self.C)

    def predict_proba(self, X):
        return self._steps("predict_proba", X)

    def decision_function(self, X):
        return self._steps("decision_function", X)


class StepRegressor(_StepModel):
    def make(self):
        return LinearRegression()


def make_problem(classes, n=30, seed=0):
    """Ragged sequences of 3 features and labels that depend on them."""
    rng = np.random.default_rng(seed)
    X = [rng.standard_normal((rng.integers(2, 9), 3)) for _ in range(n)]
    rotation = rng.standard_normal((3, len(classes)))
    y = [
        [classes[i] for i in (x @ rotation + 0.5 * rng.standard_normal((len(x), len(classes))))
         .argmax(axis=1)]
        for x in X
    ]  # fmt: skip
    return X, y
