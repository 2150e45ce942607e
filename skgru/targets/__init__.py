"""Kinds of targets: how y is encoded, which loss is minimised, and how predictions look."""

from ._classes import ClassTarget, LabelTarget, learn_classes, weigh_classes
from ._real import RealTarget
from ._target import Target

__all__ = [
    "ClassTarget",
    "LabelTarget",
    "RealTarget",
    "Target",
    "learn_classes",
    "weigh_classes",
]
