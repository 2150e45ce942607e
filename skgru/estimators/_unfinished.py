"""Fits that were interrupted: what is stored of them, and which call of fit finishes them."""

import zlib

import numpy as np

_N_BATCHES = "the number of batches"


def describe_unfinished(model, result, data):
    """What a model stores of a fit that may have to be finished, in plain values.

    Parameters
    ----------
    model : BaseGRU
    result : TrainingResult
        After the last completed epoch.
    data : dict
        What `describe_data` returned.
    """
    return {
        "max_iter": model.max_iter,
        "learning_rate": model.learning_rate,
        "n_epochs": result.n_epochs,
        "end": result.end,
        "data": data,
    }


def fit_to_finish(model):
    """The description of the fit that a call of `fit` has to finish; None if it begins another.

    A fit with another number of epochs or another kind of schedule is another fit, because its
    learning rates would not continue those of the interrupted one.
    """
    unfinished = getattr(model, "_resume_state", {}).get("unfinished")
    if unfinished is None or not model.warm_start:
        return None
    is_same = all(
        unfinished[name] == getattr(model, name) for name in ("max_iter", "learning_rate")
    )
    return unfinished if is_same else None


def describe_data(plan, n_batches):
    """What tells the data of a fit from others; found without another pass over X.

    ``n_batches`` is the number of batches of `fit_batches`, and None in `fit`. Of the batches
    themselves, only the first is described.
    """
    found = {_N_BATCHES: n_batches} | _describe(plan.training, "")
    validation = plan.validation
    if validation is not None and validation.sequences is not plan.training.sequences:
        found |= _describe(validation, "_val")
    return found


def _describe(dataset, suffix):
    sequences = dataset.sequences
    X, y = f"X{suffix}", f"y{suffix}"
    return {
        f"the number of sequences in {X}": len(sequences),
        f"the number of steps in {X}": int(sequences.offsets[-1]),
        f"the length of a sequence in {X}": _checksum(sequences.offsets),
        f"the smallest or largest value in {X}": [float(value) for value in sequences.extremes],
        f"a symbol in {X}": None if sequences.codes is None else _checksum(sequences.codes),
        y: _checksum(dataset.target),
        f"a weight of {y}": _checksum(dataset.weight),
    }


def _checksum(array):
    return zlib.crc32(np.ascontiguousarray(array))


def check_same_data(unfinished, plan, batches):
    """Refuse to finish a fit with other data than those that it began with.

    Batches whose number is not known yet get that of the earlier call, which has counted them.
    """
    before = unfinished["data"]
    if batches is not None and batches.n_parts is None:
        batches.n_parts = before.get(_N_BATCHES)
    now = describe_data(plan, None if batches is None else batches.n_parts)
    for name in before | now:
        if before.get(name) != now.get(name):
            raise ValueError(
                f"This call would finish the fit that was interrupted after "
                f"{unfinished['n_epochs']} of {unfinished['max_iter']} epochs, but {name} differs "
                "from what that fit was given. Pass the same data and weights, or, to train on "
                "these data, call drop_training_state() first, use partial_fit, or set "
                "warm_start=False."
            )
