"""Checks of data for training, and the split into training and validation data."""

import numpy as np


def hold_out(indices, fraction, seed, labels=None):
    """Split off sequences for validation.

    Parameters
    ----------
    indices : ndarray of int64
        The sequences to split.
    fraction : float
        Share to hold out, rounded up.
    seed : int
    labels : ndarray or None
        Label of every sequence of the data set. The split is stratified if every label has
        at least two sequences and both parts have room for every label.

    Returns
    -------
    training, validation : ndarray of int64
        Sorted indices.
    """
    n_sequences = len(indices)
    n_validation = int(np.ceil(fraction * n_sequences))
    n_training = n_sequences - n_validation
    if n_validation < 1 or n_training < 1:
        raise ValueError(
            f"The validation set is too small: validation_fraction={fraction} of the sequences "
            f"(n_samples = {n_sequences}) leaves none to validate on, or none to train on. Change "
            "validation_fraction, pass X_val and y_val, or set early_stopping=False."
        )
    if labels is not None:
        labels = labels[indices]
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() < 2 or min(n_validation, n_training) < len(counts):
            labels = None
    from sklearn.model_selection import train_test_split  # 50 ms that few fits need

    parts = train_test_split(indices, test_size=n_validation, random_state=seed, stratify=labels)
    return [np.sort(part) for part in parts]


def check_training_weight(weight, alpha, batch_size, dtype):
    """Refuse weights so far from one that their sequences contribute nothing to training.

    Parameters
    ----------
    weight : ndarray
        Weights of the training sequences, including the class weights.
    alpha : float
        Strength of the penalty in the gradient.
    batch_size : int
    dtype : str
        Dtype of the gradient.
    """
    with np.errstate(over="ignore"):
        mean = weight.mean()
    limits = np.finfo(np.float64)
    if not limits.tiny <= mean <= limits.max:
        reason = "is beyond the range of float64"
    elif alpha * np.finfo(dtype).eps > mean * batch_size:
        reason = f"is so small that beside the penalty (alpha={alpha:g}) the loss is rounded away"
    else:
        return
    raise ValueError(
        f"The mean of sample_weight, {mean:.3g} (times class_weight, if there is one), {reason}. "
        "Divide the weights by their mean, or lower alpha if they are already about 1."
    )


def check_target_range(target, rows, dtype):
    """Refuse targets that the network cannot hold."""
    size = np.abs(target).max(axis=1)
    if size.max() > np.finfo(dtype).max:
        raise ValueError(
            f"y at {rows.place(int(np.argmax(size)))} is too large for dtype={dtype!r}. Set "
            "standardize=True, rescale y, or set dtype='float64'."
        )
