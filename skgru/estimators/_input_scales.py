"""How the features of X are standardised: learnt by the first fit, and kept by all that follow."""

from typing import NamedTuple

import numpy as np

from skgru._warnings import warn
from skgru.base import check_finite_when_scaled, warn_of_faint_sequences
from skgru.data import check_scale, column_statistics, spread_or_one
from skgru.preprocessing import learn_log_scales, prepare_sequences

from ._constraints import refuse_change

# The standard deviation of fewer independent values is off by a quarter or more, typically.
_FEW = 10


class InputScales(NamedTuple):
    """What the network sees of X.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_inputs,)
        The network sees (prepared - mean) / scale.
    log_scale_floor : ndarray of shape (n_features,) or None
        Not None with ``standardize="sequence"``: X is first scaled as in `prepare_sequences`.
    """

    mean: np.ndarray
    scale: np.ndarray
    log_scale_floor: np.ndarray | None

    def prepare(self, sequences, dtype):
        """`Sequences` of the numbers that are then standardised by mean and scale."""
        return prepare_sequences(sequences, self.log_scale_floor, dtype)

    def check(self, prepared, dtype, name="X"):
        """Refuse prepared sequences that do not stay finite when they are standardised."""
        check_finite_when_scaled(prepared, self.mean, 1.0 / self.scale, dtype, name)


def kept_scales(model, training):
    """The `InputScales` of a fitted model, for training that goes on."""
    scales = InputScales(model.feature_mean_, model.feature_scale_, model._log_scale_floor)
    is_per_sequence = model.standardize == "sequence" and training.sequences.n_features > 0
    if is_per_sequence != (scales.log_scale_floor is not None):
        refuse_change(["standardize"])
    return scales


def learn_scales(model, training):
    """`InputScales` by mean and spread over all steps of the training part."""
    n_features = training.sequences.n_features
    nothing = np.zeros(n_features), np.ones(n_features)
    if not model.standardize or not n_features:
        return InputScales(*nothing, None)
    weight = training.sequence_weight
    if training.row_offsets is not None:  # of a step, as all steps of a sequence count alike
        weight = weight / training.sequences.lengths
    if model.standardize == "sequence":
        used = np.zeros_like(weight)
        used[training.indices] = weight[training.indices]
        logs = learn_log_scales(training.sequences, used)
        # The features themselves have mean 0 and spread 1 in every sequence.
        learnt = zip(nothing, (logs.mean, logs.spread), strict=True)
        return InputScales(*map(np.concatenate, learnt), logs.floor)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = column_statistics(training.sequences, training.indices, weight)
    check_scale(std, "feature {} of X")
    warn_of_faint_sequences(training.sequences, training.indices, std)
    return InputScales(mean, spread_or_one(mean, std), None)


def warn_of_few(first, model, training, noun, *, with_target):
    """Warn where scales were learnt from the ``first`` data alone, and these are too few.

    ``noun`` says what a row is, and ``with_target`` whether y has a scale, too.
    """
    sequences, indices = training.sequences, training.indices
    found = []
    if sequences.n_features and model.standardize == "sequence":
        found.append(("the scales of features", len(indices), "sequence"))
    elif sequences.n_features:
        found.append(("features", int(sequences.lengths[indices].sum()), "step"))
    if with_target:
        found.append(("y", np.count_nonzero(training.weight[training.rows]), noun))
    few = [f"{name} from {n} {unit}{'s' if n > 1 else ''}" for name, n, unit in found if n < _FEW]
    if few:
        warn(
            f"{first} fixes the mean and the scale by which data are standardised, and it has "
            f"learnt those of {' and of '.join(few)} only. Let the first batch be larger, or set "
            "standardize=False and scale the data yourself (X by a SequenceScaler that was fitted "
            "before)."
        )
