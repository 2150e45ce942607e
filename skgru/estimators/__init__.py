"""Estimators: hyperparameters in, fitted attributes out."""

from ._checkpoint import Checkpoint
from ._classifier import GRUClassifier
from ._pipeline_stream import stream
from ._regressor import GRURegressor
from ._step_classifier import GRUStepClassifier
from ._step_regressor import GRUStepRegressor
from ._streaming import Stream
from ._warmup import warmup

__all__ = [
    "Checkpoint",
    "GRUClassifier",
    "GRURegressor",
    "GRUStepClassifier",
    "GRUStepRegressor",
    "Stream",
    "stream",
    "warmup",
]
