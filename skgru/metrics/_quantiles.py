"""Metrics of several quantiles at once."""

import numpy as np
from sklearn.metrics import d2_pinball_score


def mean_d2_pinball_score(y_true, y_pred, quantile, sample_weight=None):
    """D² of several quantiles: the share of the pinball loss that is explained, averaged.

    This is `score` of a regressor with ``loss="quantile"``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
        True targets.
    y_pred : array-like of shape (n_samples, n_quantiles) or (n_samples, n_targets, n_quantiles)
        Predicted quantiles, as `GRURegressor.predict` returns them: like `y_true`, with one more
        axis.
    quantile : list of float
        The level of each quantile, in (0, 1).
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Returns
    -------
    score : float
        The mean of `sklearn.metrics.d2_pinball_score` over quantiles and targets. 1 for perfect
        predictions, 0 for the quantiles of `y_true` itself; NaN, with a warning, for one sample.

    Raises
    ------
    ValueError
        If `y_pred` does not have one more axis than `y_true`, with an entry for each quantile.

    Examples
    --------
    >>> from skgru.metrics import mean_d2_pinball_score
    >>> y_pred = [[1.0, 2.0], [2.0, 3.0], [3.0, 5.0]]
    >>> round(mean_d2_pinball_score([1.5, 2.5, 4.0], y_pred, quantile=[0.1, 0.9]), 3)
    0.464
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    expected = (*y_true.shape, len(quantile))
    if y_pred.shape != expected:
        raise ValueError(
            f"y_pred has the shape {y_pred.shape}, but for y_true of shape {y_true.shape} and "
            f"{len(quantile)} quantiles it should be {expected}: the quantiles of each target."
        )
    scores = [
        d2_pinball_score(y_true, y_pred[..., i], alpha=level, sample_weight=sample_weight)
        for i, level in enumerate(quantile)
    ]
    return float(np.mean(scores))
