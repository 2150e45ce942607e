"""The plan of a fit: everything that is determined from data and parameters before training."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import check_random_state

from skgru.base import check_X, read_X, record_X
from skgru.kernels import resolve_device
from skgru.targets import Target
from skgru.training import Dataset

from ._constraints import (
    check_hidden_layer_sizes,
    check_precision,
    check_sizes,
    check_unchanged,
)
from ._input_scales import InputScales, kept_scales, learn_scales, warn_of_few
from ._options import network_options, resolve_batch_size, resolve_penalty
from ._scoring import Scoring, make_scoring
from ._suspicions import check_target_reading, refuse_long_format
from ._symbols import check_kept, choose_symbols, initial_vectors
from ._validation import check_target_range, check_training_weight, hold_out

# As in HistGradientBoosting: with more sequences, a tenth of them can be spared for validation.
_EARLY_STOPPING_FROM = 10_000


@dataclass(frozen=True, eq=False)
class FitPlan:
    """What training needs, and what the fitted estimator will record.

    Attributes
    ----------
    goes_on : bool
        Whether training continues an earlier fit.
    seed : int
    device : str
        "cpu" or "cuda:N".
    target : Target
        The target, with its scale.
    network_options : dict
        Plain facts from which the network is built.
    scales : InputScales
        How X is standardised.
    vectors : tuple (rows, matrix) or None
        Which rows of the embedding of symbols have initial values, and these.
    training : Dataset
    validation : Dataset or None
    scoring : Scoring
        How the validation data are scored.
    stops_early : bool
    batch_size : int
        It may be larger than the training data.
    penalty : float
        Strength of the L2 penalty in the gradient.
    inputs : dict
        Attributes that describe X.
    """

    goes_on: bool
    seed: int
    device: str
    target: Target
    network_options: dict
    scales: InputScales
    vectors: tuple | None
    training: Dataset
    validation: Dataset | None
    scoring: Scoring
    stops_early: bool
    batch_size: int
    penalty: float
    inputs: dict

    def constant_loss(self):
        """The training loss of the best constant prediction, from some ten thousand rows."""
        weight, target, loss = self.training.weight, self.training.target, self.target.loss
        rows = self.training.rows[weight[self.training.rows] > 0]
        rows = rows[:: 1 + len(rows) // 10_000]
        constant = loss.constant(target[rows], weight[rows])
        raw = np.tile(constant.astype(self.network_options["dtype"]), (len(rows), 1))
        return float(loss.mean(raw, target[rows], weight[rows]))


def make_plan(
    model, X, y, sample_weight, validation_data, *, one_epoch, declared, is_whole=True
):  # fmt: skip
    """Plan a fit; the estimator is read and not changed.

    Parameters
    ----------
    model : BaseGRU
    X, y, sample_weight
        As the user passed them.
    validation_data : tuple
        X_val, y_val and sample_weight_val, each possibly None.
    one_epoch : bool
        Whether this is partial_fit.
    declared : dict
        What is known about y in advance: the classes that a first partial_fit names.
    is_whole : bool
        Whether there are no other training data in this call of fit; otherwise none of X is held
        out for validation.

    Returns
    -------
    plan : FitPlan
    """
    sizes, pooling, device = _check_options(model)
    goes_on = (one_epoch or model.warm_start) and hasattr(model, "_parameters")
    if goes_on:
        check_kept(model)
        seed, target = model._seed, model._continued_target()
    else:
        seed, target = int(check_random_state(model.random_state).randint(2**31 - 1)), None
    training, rows, inputs, target = _read_training_data(
        model, X, y, sample_weight, target, declared
    )
    X_val, y_val, sample_weight_val = _check_validation_data(*validation_data)
    stops_early = _stops_early(model, training, X_val, one_epoch, is_whole)
    held_out = None
    if stops_early and X_val is None:
        training, held_out = _hold_out(model, training, rows, target, seed)

    # What is learnt here is learnt from the training part alone.
    if goes_on:
        embeddings, vectors = model._network_options.get("embeddings", ()), None
        scales = kept_scales(model, training)
    else:
        training, held_out, inputs, embeddings = choose_symbols(model, training, held_out, inputs)
        embeddings, vectors = initial_vectors(model, inputs, embeddings)
        scales, target = _learn_scales(model, training, rows, target, one_epoch, is_whole)
    batch_size = resolve_batch_size(model.batch_size, len(training.indices), is_whole)
    weighted = _weighted(model, target, training, batch_size)

    prepared = scales.prepare(training.sequences, model.dtype)
    options = network_options(
        model, prepared.n_features, sizes, pooling, target.loss.n_raw, embeddings
    )
    if goes_on:
        names = ("hidden_layer_sizes", "bidirectional", "pooling", "n_outputs", "dtype")
        check_unchanged(names, model._network_options, options)
    scales.check(prepared, model.dtype)
    if X_val is not None:
        names = ("X_val", "y_val", "sample_weight_val")
        held_out, _ = _read_more_data(
            model, inputs, target, (X_val, y_val, sample_weight_val), names, scales
        )
        scales.check(held_out.sequences, model.dtype, "X_val")
    elif held_out is not None:
        held_out = replace(held_out, sequences=prepared)
    training = replace(weighted, sequences=prepared, target=target.scaled(training.target))
    check_target_range(training.target, rows, model.dtype)
    scored = (X, y, sample_weight) if X_val is None else (X_val, y_val, sample_weight_val)
    scoring = make_scoring(model, scored, held_out)
    if held_out is not None:
        held_out = replace(held_out, target=target.scaled(held_out.target))
    return FitPlan(
        goes_on, seed, device, target, options, scales, vectors, training, held_out, scoring,
        stops_early, batch_size, resolve_penalty(model), inputs,
    )  # fmt: skip


def _check_options(model):
    """Checked sizes of the layers, poolings and device; other options that do not go together."""
    sizes = check_hidden_layer_sizes(model.hidden_layer_sizes)
    pooling, device = model._checked_pooling(), resolve_device(model.device)
    check_precision(model.precision, model.dtype)
    check_sizes(model)
    return sizes, pooling, device


def _hold_out(model, training, rows, target, seed):
    """The part that is trained on, and the part that is held out for validation."""
    labels = None if rows.offsets is not None else target.labels_to_stratify(training.target)
    parts = hold_out(training.indices, model.validation_fraction, seed, labels)
    return tuple(replace(training, indices=indices) for indices in parts)


def _learn_scales(model, training, rows, target, one_epoch, is_whole):
    """The scales of X, and the target with its own.

    Class weights do not count: they set the cost of errors, not frequencies.
    """
    scales, used = learn_scales(model, training), training.rows
    scaled = model._scaled_target(target, training.target[used], training.weight[used])
    if (one_epoch or not is_whole) and model.standardize:
        first = "The first call of partial_fit" if one_epoch else "The first of the batches"
        warn_of_few(first, model, training, rows.noun, with_target=scaled is not target)
    return scales, scaled


def read_training_batch(model, plan, X, y, sample_weight, target):
    """Read more training data for a plan; return a `Dataset`, and what is known of the target."""
    names = ("X", "y", "sample_weight")
    dataset, rows = _read_more_data(
        model, plan.inputs, target, (X, y, sample_weight), names, plan.scales
    )
    target = target.including(dataset.target, dataset.weight)
    dataset = _weighted(model, target, dataset, plan.batch_size)
    plan.scales.check(dataset.sequences, model.dtype)
    dataset = replace(dataset, target=target.scaled(dataset.target))
    check_target_range(dataset.target, rows, model.dtype)
    return dataset, target


def _weighted(model, target, training, batch_size):
    """The data set with weights that include those of its classes."""
    weight = model._weigh(target, training.target, training.weight, training.rows)
    weighted = replace(training, weight=weight)
    used = weighted.sequence_weight[training.indices]
    batch_size = min(batch_size, len(used))
    check_training_weight(used, resolve_penalty(model), batch_size, model.dtype)
    return weighted


def _read_training_data(model, X, y, sample_weight, target, declared):
    """Return the data, their rows, what describes X, and the target, given or learnt from y."""
    if target is None:
        sequences, inputs = read_X(model, X)
    else:
        sequences = check_X(model, X, reset=False)
        inputs = {}
    _require_y(model, y)
    if target is None:
        refuse_long_format(X, y, sequences)
    rows = model._rows(sequences, target)
    weight = rows.weights(sample_weight)
    if target is None:
        target, encoded = model._learn_target(y, rows, weight, **declared)
        check_target_reading(sequences, target, encoded, rows.offsets is not None)
    else:
        encoded = target.encode(y, rows, weight)
        target = target.including(encoded, weight)
    return _dataset(sequences, rows, encoded, weight), rows, inputs, target


def _read_more_data(model, inputs, target, data, names, scales):
    """Read X, y and weights like those that a plan began with; return a `Dataset` and its rows."""
    (X, y, sample_weight), (name_X, name_y, name_weight) = data, names
    # The model records what X looks like at the end of a fit; until then, a copy of it does.
    recorded = model._snapshot()
    if inputs:
        record_X(recorded, inputs)
    sequences = check_X(recorded, X, reset=False, name=name_X)
    rows = model._rows(sequences, target, name_X)
    weight = rows.weights(sample_weight, name_weight)
    prepared = scales.prepare(sequences, model.dtype)
    return _dataset(prepared, rows, target.encode(y, rows, weight, name_y), weight), rows


def _dataset(sequences, rows, encoded, weight):
    """A data set of all sequences that have some weight.

    A sequence of weight zero is ignored: it is in no batch and is never held out.
    """
    everything = Dataset(sequences, np.arange(len(sequences)), encoded, weight, rows.offsets)
    return replace(everything, indices=np.flatnonzero(everything.sequence_weight))


def _check_validation_data(X_val, y_val, sample_weight_val):
    if (X_val is None) != (y_val is None):
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} is provided, but {missing} is not. Pass both or neither.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val is provided, but X_val and y_val are not.")
    return X_val, y_val, sample_weight_val


def _require_y(model, y):
    if y is None:
        raise ValueError(
            f"{type(model).__name__} requires y to be passed, but the target y is None."
        )


def _stops_early(model, training, X_val, one_epoch, is_whole):
    if one_epoch:
        return False
    if not is_whole and X_val is None:
        if model.early_stopping is True:
            raise ValueError(
                "early_stopping=True needs X_val and y_val here: of data that arrive in batches, "
                "no part is held out."
            )
        return False
    if model.early_stopping == "auto":
        return X_val is not None or len(training.indices) > _EARLY_STOPPING_FROM
    return bool(model.early_stopping)
