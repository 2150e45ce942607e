"""Metrics of sequences, and scikit-learn's own metrics on the steps of sequences."""

from ._edit_distance import label_error_rate
from ._entities import entity_f1_score
from ._forecasts import mase
from ._quantiles import mean_d2_pinball_score
from ._scorer import step_scorer
from ._steps import flatten_steps

__all__ = [
    "entity_f1_score",
    "flatten_steps",
    "label_error_rate",
    "mase",
    "mean_d2_pinball_score",
    "step_scorer",
]
