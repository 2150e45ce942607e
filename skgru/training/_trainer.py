"""The only epoch loop.

It knows a network (``forward``, ``backward``, ``pack``), a loss, an optimiser, a schedule and a
stopping rule, and nothing of estimators: whatever wants to follow or end training is a function
called after each epoch.
"""

import math
import time
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgru.data import Sequences, cut_into_shards, minibatches
from skgru.models import Predictor, make_feed, run_tasks

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
        self._workspaces = network.new_workspaces(n_threads)
        self._packed = network.new_packed()
        self._slots, self._gradient = [], network.new_gradient()
        kernels = network.kernels
        self._loss_kernel = getattr(kernels, loss.kernel)
        self._loss_parameters = kernels.to_device(loss.parameters)
        self._partial = kernels.zeros(kernels.N_PARTIAL, np.float64)
        self._total = kernels.zeros(1, np.float64)

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
        placed, feed = self.network.place(parameters), self.feed(training)
        validation_feed = feed  # what was held out is part of the same sequences
        if validation is not None and validation.sequences is not training.sequences:
            validation_feed = make_feed(self.network, validation.sequences, self.shift, self.scale)
        try:
            for epoch in range(n_epochs):
                started = time.perf_counter()
                if before_epoch is not None:
                    before_epoch()
                loss = self._run_epoch(placed, training, feed, epoch, n_epochs)
                self.network.kernels.copy(placed.flat, parameters)
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
                    found = self._validate(parameters, validation, validation_feed, score)
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
            self.network.kernels.copy(placed.flat, parameters)
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

    def feed(self, dataset):
        """What hands a `Dataset` to the network, for `gradient`."""
        return make_feed(
            self.network, dataset.sequences, self.shift, self.scale, dataset.target, dataset.weight
        )

    def _run_epoch(self, parameters, training, feed, epoch, n_epochs):
        """One pass over the training data; the mean loss over it."""
        indices = training.indices
        if self.shuffle:
            indices = self.random_state.permutation(indices)
        batches = minibatches(indices, self.batch_size)
        seeds = self.random_state.randint(2**62, size=len(batches), dtype=np.int64)
        mean_weight = training.weight[training.indices].mean()
        kernels, total = self.network.kernels, self._total
        may_be_light = not training.weight[training.indices].all()
        kernels.fill(total, 0)
        for number, batch in enumerate(batches):
            if may_be_light and not training.weight[batch].any():
                continue
            # Not the weight of this batch: light sequences stay light where no heavy one is by.
            weight = mean_weight * len(batch)
            seed = int(seeds[number]) if self._uses_dropout else None
            progress = (epoch + (number + 0.5) / len(batches)) / n_epochs
            self._step(parameters, feed, batch, weight, seed, progress)
            # A device is not waited for: there the end of the epoch tells.
            if kernels.ON_HOST and not math.isfinite(total[0]):
                break
        return float(kernels.to_host(total)[0]) / (mean_weight * len(indices))

    def _step(self, parameters, feed, batch, weight, seed, progress):
        """One update; the loss before it is added to that of the epoch."""
        kernels, layout, gradient = self.network.kernels, self.network.layout, self._gradient.flat
        losses = self.gradient(parameters, feed, batch, weight, seed, self._gradient)
        if self.penalty > 0:
            factor = gradient.dtype.type(self.penalty / weight)
            kernels.add_penalty(
                gradient, parameters.flat, factor, layout.n_weights, self._partial, losses, 0
            )
        kernels.add_losses(losses, 0.5 * self.penalty, self._total)
        if self.max_grad_norm is not None:
            kernels.clip_norm(gradient, self.max_grad_norm, self._partial)
        self.optimizer.update(parameters.flat, gradient, self.schedule.rate(progress))

    def gradient(self, parameters, feed, batch, weight, seed, gradient):
        """Write the gradient of the loss of a batch, its sum over ``weight``.

        Every shard sums into a slot of its own, and the slots are added in the order of the shards:
        the result does not depend on which thread did what.

        Parameters
        ----------
        parameters, gradient : FlatArrays
            Of the network, on its device.
        feed : object
            What `feed` returned.
        batch : ndarray of int
        weight : float
        seed : int or None
            Of dropout.

        Returns
        -------
        losses : array of shape (1 + n_shards,), float64
            On the device, until the next call: room for the penalty, then the sum of weight * loss
            of each shard.
        """
        network, kernels = self.network, self.network.kernels
        shards = cut_into_shards(batch, feed.lengths, *network.shard_limits)
        wave = max(_WAVE, 2 * len(self._workspaces))
        while len(self._slots) < min(1 + wave, len(shards)):
            self._slots.append(network.new_slot())
        losses = self._workspaces[0].array("losses", (1 + len(shards),), np.float64)
        network.pack(parameters, self._packed, transposed=True)

        def work(i, workspace):
            # The first slot collects the sum: its own shard's, then that of every wave.
            shard, x = feed.inputs(shards[first + i], workspace)
            slot = self._slots[i if first == 0 else 1 + i]
            kernels.fill(slot.flat, 0)
            raw = network.forward(x, shard, self._packed, workspace, seed=seed, save=True)
            # No loss writes to the columns that are padding: they stay the zeros they were.
            d_raw = workspace.array("d_raw", raw.shape)
            self._loss_kernel(
                raw, *feed.targets(shard, workspace), self._loss_parameters, 1.0 / weight, d_raw,
                losses, 1 + first + i,
            )  # fmt: skip
            network.backward(d_raw, x, shard, self._packed, workspace, slot, seed=seed)

        total, first = self._slots[0], 0
        while first < len(shards):
            n = min(wave + (first == 0), len(shards) - first)
            run_tasks(work, n, self._workspaces)
            for slot in self._slots[1 : n + (first > 0)]:
                kernels.add(total.flat, slot.flat)
            first += n
        network.unpack_gradient(total, gradient)
        return losses

    def _validate(self, parameters, validation, feed, score):
        """Loss and score of the validation data."""
        predictor = Predictor(self.network, parameters, self.shift, self.scale)
        used = validation.indices
        raw = predictor.predict_raw(
            validation.sequences, used, workspaces=self._workspaces, feed=feed
        )
        target, weight = validation.target[used], validation.weight[used]
        loss = self.loss.mean(raw, target, weight)
        return loss, score(raw, target, weight)
