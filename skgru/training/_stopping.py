"""The stopping rule: it decides when training ends and which weights are kept."""

import numpy as np


class Stopping:
    """Watches one number per epoch and remembers the best weights.

    Parameters
    ----------
    patience : int or inf
        Number of epochs without improvement to tolerate.
    tol : float
        Minimum change of the loss, or of the validation score, that counts as an improvement.
    measure : str
        Name of the validation score: the best of one measure is not comparable with another.
    """

    def __init__(self, patience, tol, measure="loss"):
        self.patience, self.tol, self.measure = patience, tol, measure
        self.best_loss, self.best_score = np.inf, -np.inf
        self.n_without_improvement = 0
        self.best_parameters = None

    def update(self, parameters, loss, score=None):
        """Record the result of an epoch.

        Without a score, ``loss`` is the training loss, and lower is better.  With a score, ``loss``
        is the validation loss: a higher score is better, and at equal scores a lower loss, because
        a score on few sequences changes in large steps. NaN is worse than any other score, so that
        the loss alone counts for as long as the score is not defined.

        Returns
        -------
        is_plateau : bool
            Whether patience has run out.
        """
        if score is None:
            improved, is_best = loss < self.best_loss - self.tol, loss < self.best_loss
        else:
            score = -np.inf if np.isnan(score) else score
            finer = score >= self.best_score and loss < self.best_loss - self.tol
            improved = score > self.best_score + self.tol or finer
            is_best = score > self.best_score or (
                score == self.best_score and loss < self.best_loss
            )
        self.n_without_improvement = 0 if improved else self.n_without_improvement + 1
        if is_best:
            self.best_loss = loss
            self.best_score = -np.inf if score is None else score
            self.best_parameters = parameters.copy()
        return self.n_without_improvement > self.patience

    def restart(self):
        """Restart the count of epochs without improvement, after the learning rate has changed."""
        self.n_without_improvement = 0

    def get_state(self):
        return {
            "best_loss": self.best_loss,
            "best_score": self.best_score,
            "n_without_improvement": self.n_without_improvement,
            "best_parameters": self.best_parameters,
        }

    def set_state(self, state):
        self.best_loss, self.best_score = state["best_loss"], state["best_score"]
        self.n_without_improvement = state["n_without_improvement"]
        self.best_parameters = state["best_parameters"]


# Dropout, a penalty, small batches and targets with outliers make losses fluctuate, and a loss that
# is tiny may double: a rise has to exceed this share of the first loss and of that of a constant.
_RISE = 0.5
# What a network predicts before it is trained is wrong by about one on its scale, not by more.
_FAR_OFF = 10.0


def find_divergence(loss_curve, n_epochs, tol, constant_loss):
    """The loss before and after training that has made the model worse.

    The loss has risen by a lot since the first epoch, or within the first epoch.  Training that
    goes on from a good model begins a new schedule and may end at several times a tiny loss, so a
    rise must exceed the very first loss as well.

    Parameters
    ----------
    loss_curve : list of float
        The training loss of all epochs, including those of earlier runs.
    n_epochs : int
        Number of epochs of the last run.
    tol : float
        Smallest change of the loss that counts; a loss may be zero.
    constant_loss : callable
        Returns the loss of the constant that training began with; seldom called.

    Returns
    -------
    losses : tuple of two floats, or None
    """
    if n_epochs < 2:
        return None
    first, last = max(loss_curve[0], loss_curve[-n_epochs]), loss_curve[-1]
    if last > first + max(_RISE * abs(first), tol) and last > first + _RISE * abs(constant_loss()):
        return first, last
    if last > _FAR_OFF:
        first = constant_loss()
        if last > _FAR_OFF * (1 + abs(first)):
            return first, last
    return None
