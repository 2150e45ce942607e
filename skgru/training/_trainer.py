"""The only epoch loop.

It knows a network (``forward``, ``backward``, ``pack``), a loss, an optimiser, a schedule and a
stopping rule, and nothing of estimators: whatever wants to follow or end training is a function
called after each epoch.
"""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgru.data import Sequences, cut_into_shards, minibatches, pack_shard
from skgru.models import Predictor, run_tasks

# Gradients of so many shards (at least) are kept apart before they are added to the first one's.
_WAVE = 8


@dataclass(frozen=True, eq=False)
class Dataset:
    """Sequences with encoded targets.

    Attributes
    ----------
    sequences : Sequences
    indices : ndarray of int
        The sequences to use.
    target : ndarray of shape (len(sequences), n_target), float64
    weight : ndarray of shape (len(sequences),), float64
    """

    sequences: Sequences
    indices: np.ndarray
    target: np.ndarray
    weight: np.ndarray


@dataclass
class EpochReport:
    """What is known after an epoch; passed to ``on_epoch``.

    ``validation_score`` and ``validation_loss`` are None without validation data.
    """

    epoch: int
    n_epochs: int
    loss: float
    validation_loss: float | None
    validation_score: float | None
    parameters: np.ndarray
    seconds: float


@dataclass
class TrainingResult:
    """What came out of a run.

    Attributes
    ----------
    parameters : ndarray
        To predict with: the last ones, or the best ones where the stopping rule keeps those.
    last_parameters : ndarray
        To go on training from.
    loss_curve, validation_scores : list of float
        One entry per epoch of this run.
    end : {"max_iter", "plateau", "callback", "interrupt", "non_finite"}
    """

    parameters: np.ndarray
    last_parameters: np.ndarray
    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    end: str = "max_iter"


class Trainer:
    """Mini-batch training of a network.

    Parameters
    ----------
    network : GRUNetwork
    loss : Loss
    optimizer : Optimizer
    schedule : ConstantRate
    stopping : Stopping
    keep_best : bool
        Whether the result is the best epoch's parameters (early stopping) or the last ones.
    batch_size : int
    shuffle : bool
    random_state : RandomState
        Draws the order of the sequences and the seeds of dropout; its state after an epoch is all
        there is to save of both.
    penalty : float
        L2 penalty on the weights, penalty / 2 |w|^2 divided by the size of a batch times the mean
        weight of the sequences.
    max_grad_norm : float or None
        Longer gradients are shortened to this norm (Pascanu et al. 2013, arXiv:1211.5063).
    n_threads : int
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    """

    def __init__(
        self, network, loss, optimizer, schedule, stopping, *, keep_best, batch_size, shuffle,
        random_state, penalty, max_grad_norm, n_threads, shift, scale,
    ):  # fmt: skip
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.schedule, self.stopping, self.keep_best = schedule, stopping, keep_best
        self.batch_size, self.shuffle, self.random_state = batch_size, shuffle, random_state
        self.penalty, self.max_grad_norm = penalty, max_grad_norm
        self.shift, self.scale = shift, scale
        self._uses_dropout = network.dropout > 0 or network.recurrent_dropout > 0
        self._workspaces = [network.new_workspace() for _ in range(n_threads)]
        self._packed = network.new_packed()
        self._slots, self._gradient = [], network.new_gradient()
        self._partial = np.zeros(network.kernels.N_PARTIAL)

    # -- state -----------------------------------------------------------------------------------
    def get_state(self):
        """Plain data from which `set_state` of a like trainer resumes to the last bit."""
        return {
            "kinds": self._kinds(),
            "optimizer": self.optimizer.get_state(),
            "schedule": self.schedule.get_state(),
            "stopping": self.stopping.get_state(with_parameters=self.keep_best),
            "random_state": self.random_state.get_state(legacy=False),
        }

    def set_state(self, state):
        """Go on from a state; what has become of another kind since starts afresh."""
        for part, kind in self._kinds().items():
            if state["kinds"][part] == kind:
                getattr(self, part).set_state(state[part])
        if not self.schedule.stops_on_plateau:
            self.stopping.restart()  # every run of such a schedule is a cycle of its own
        self.random_state.set_state(state["random_state"])

    def _kinds(self):
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": type(self.schedule).__name__,
            "stopping": "validation" if self.keep_best else "training",
        }

    # -- epochs ----------------------------------------------------------------------------------
    def run(
        self, parameters, training, n_epochs, *, validation=None, score=None, before_epoch=None,
        on_epoch=None,
    ):  # fmt: skip
        """Train for some epochs.

        Parameters
        ----------
        parameters : ndarray
            Flat vector to start from; changed in place.
        training : Dataset
        n_epochs : int
        validation : Dataset or None
            Scored after every epoch.
        score : callable or None
            ``score(raw, target, weight)`` of validation data; higher is better.
        before_epoch : callable or None
            Called without arguments.
        on_epoch : callable or None
            Called with an `EpochReport`; training ends if it returns True.

        Returns
        -------
        result : TrainingResult
        """
        result = TrainingResult(parameters, parameters)
        last_finite = parameters.copy()
        try:
            for epoch in range(n_epochs):
                started = time.perf_counter()
                if before_epoch is not None:
                    before_epoch()
                loss = self._run_epoch(parameters, training, epoch, n_epochs)
                if not self._is_finite(loss, parameters):
                    # A single epoch may be one of a stream, whose best loss was that of other data.
                    best = self.stopping.best_parameters if n_epochs > 1 else None
                    parameters[...] = last_finite if best is None else best
                    self.optimizer.reset()  # its running means are no more finite than the step was
                    self._warn_non_finite(epoch)
                    result.end = "non_finite"
                    break
                np.copyto(last_finite, parameters)
                result.loss_curve.append(loss)
                validation_loss, validation_score = None, None
                if validation is not None:
                    found = self._validate(parameters, validation, score)
                    validation_loss, validation_score = found
                    result.validation_scores.append(validation_score)
                report = EpochReport(
                    epoch, n_epochs, loss, validation_loss, validation_score, parameters,
                    time.perf_counter() - started,
                )  # fmt: skip
                end = self._end_of_epoch(report, on_epoch)
                if end is not None:
                    result.end = end
                    break
        except KeyboardInterrupt:
            result.end = "interrupt"
        if self.keep_best and self.stopping.best_parameters is not None:
            result.parameters = self.stopping.best_parameters.copy()
        return result

    def _end_of_epoch(self, report, on_epoch):
        """Why training ends after this epoch, or None."""
        if self.keep_best:
            watched = report.validation_loss, report.validation_score
        else:
            watched = report.loss, None
        is_plateau = self.stopping.update(report.parameters, *watched)
        if on_epoch is not None and on_epoch(report):
            return "callback"
        if is_plateau and (self.keep_best or self.schedule.stops_on_plateau):
            if not self.schedule.on_plateau():
                return "plateau"
            self.stopping.restart()
        return None

    def _is_finite(self, loss, parameters):
        finite = np.isfinite(loss) and np.isfinite(parameters).all()
        return finite and self.optimizer.is_finite()

    def _warn_non_finite(self, epoch):
        warnings.warn(
            f"The training loss stopped being finite in epoch {epoch + 1}. The best weights before "
            "it are kept. Lower learning_rate_init, set max_grad_norm (to 1.0, say), or look for "
            "extreme values in X and y.",
            ConvergenceWarning,
            stacklevel=7,  # of the caller of fit
        )

    def _run_epoch(self, parameters, training, epoch, n_epochs):
        """One pass over the training data; the mean loss over it."""
        indices = training.indices
        if self.shuffle:
            indices = self.random_state.permutation(indices)
        batches = minibatches(indices, self.batch_size)
        seeds = self.random_state.randint(2**62, size=len(batches), dtype=np.int64)
        mean_weight = training.weight[training.indices].mean()
        total = 0.0
        for number, batch in enumerate(batches):
            if not training.weight[batch].any():
                continue
            # Not the weight of this batch: light sequences stay light where no heavy one is by.
            weight = mean_weight * len(batch)
            seed = int(seeds[number]) if self._uses_dropout else None
            progress = (epoch + (number + 0.5) / len(batches)) / n_epochs
            loss = self._step(parameters, training, batch, weight, seed, progress)
            total += loss * weight
            if not np.isfinite(loss):
                return loss
        return total / (mean_weight * len(indices))

    def _step(self, parameters, training, batch, weight, seed, progress):
        """One update; the loss of the batch before it."""
        loss = self.gradient(parameters, training, batch, weight, seed, self._gradient)
        if not np.isfinite(loss):
            return loss
        kernels, layout, gradient = self.network.kernels, self.network.layout, self._gradient.flat
        if self.penalty > 0:
            factor = self.penalty / weight
            squares = kernels.add_penalty(
                gradient, parameters, gradient.dtype.type(factor), layout.n_weights, self._partial
            )
            loss += 0.5 * factor * squares
        if self.max_grad_norm is not None:
            kernels.clip_norm(gradient, self.max_grad_norm, self._partial)
        self.optimizer.update(parameters, gradient, self.schedule.rate(progress))
        return loss

    def gradient(self, parameters, training, batch, weight, seed, gradient):
        """Write the gradient of the loss of a batch, its sum over ``weight``; return that loss.

        ``gradient`` is a `FlatArrays` of the network. Every shard sums into a slot of its own, and
        the slots are added in the order of the shards: the result does not depend on which thread
        did what.
        """
        network, kernels = self.network, self.network.kernels
        shards = cut_into_shards(batch, training.sequences.lengths, network.shard_size)
        wave = max(_WAVE, 2 * len(self._workspaces))
        while len(self._slots) < min(1 + wave, len(shards)):
            self._slots.append(network.new_slot())
        losses = np.zeros(len(shards))
        network.pack(parameters, self._packed, transposed=True)

        def work(i, workspace):
            # The first slot collects the sum: its own shard's, then that of every wave.
            shard, slot = shards[first + i], self._slots[i if first == 0 else 1 + i]
            slot.flat.fill(0)
            x = workspace.array("x", (shard.n_rows, network.n_features))
            pack_shard(kernels, training.sequences, shard, self.shift, self.scale, x)
            raw = network.forward(x, shard, self._packed, workspace, seed=seed, save=True)
            d_raw = workspace.zeros("d_raw", raw.shape)
            losses[first + i] = self.loss(
                kernels,
                raw,
                training.target[shard.indices],
                training.weight[shard.indices],
                1.0 / weight,
                d_raw,
            )
            network.backward(d_raw, x, shard, self._packed, workspace, slot, seed=seed)

        total, first = self._slots[0], 0
        while first < len(shards):
            n = min(wave + (first == 0), len(shards) - first)
            run_tasks(work, n, self._workspaces)
            for slot in self._slots[1 : n + (first > 0)]:
                kernels.add(total.flat, slot.flat)
            first += n
        network.unpack_gradient(total, gradient)
        return losses.sum() / weight

    def _validate(self, parameters, validation, score):
        """Loss and score of the validation data."""
        predictor = Predictor(self.network, parameters, self.shift, self.scale)
        used = validation.indices
        raw = predictor.predict_raw(validation.sequences, used, workspaces=self._workspaces)
        target, weight = validation.target[used], validation.weight[used]
        loss = self.loss.mean(self.network.kernels, raw, target, weight)
        return loss, score(raw, target, weight)
