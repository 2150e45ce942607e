"""Training: losses, optimisers, schedules, stopping rules and the epoch loop that uses them."""

from ._dataset import Dataset
from ._losses import (
    AbsoluteError,
    BinaryLogLoss,
    Huber,
    Loss,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
)
from ._optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from ._schedules import AdaptiveRate, ConstantRate, CosineRate
from ._stopping import Stopping, find_divergence
from ._trainer import EpochReport, Trainer, TrainingResult

__all__ = [
    "SGD",
    "AbsoluteError",
    "Adam",
    "AdamW",
    "AdaptiveRate",
    "BinaryLogLoss",
    "ConstantRate",
    "CosineRate",
    "Dataset",
    "EpochReport",
    "Huber",
    "Loss",
    "MultinomialLogLoss",
    "Optimizer",
    "Poisson",
    "Quantile",
    "RMSprop",
    "SquaredError",
    "Stopping",
    "Trainer",
    "TrainingResult",
    "find_divergence",
]
