"""Estimators: hyperparameters in, fitted attributes out."""

from ._classifier import GRUClassifier
from ._regressor import GRURegressor
from ._scaler import SequenceScaler

__all__ = ["GRUClassifier", "GRURegressor", "SequenceScaler"]
