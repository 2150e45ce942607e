"""Estimators: hyperparameters in, fitted attributes out."""

from ._classifier import GRUClassifier
from ._regressor import GRURegressor
from ._scaler import SequenceScaler
from ._streaming import Stream
from ._warmup import warmup

__all__ = ["GRUClassifier", "GRURegressor", "SequenceScaler", "Stream", "warmup"]
