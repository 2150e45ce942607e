"""The only epoch loop.

It uses a network (``train_shard``), an optimiser, a schedule and a stopping rule, and knows nothing
about inputs, losses or estimators.  To follow or end training, pass a function that is called after
each epoch.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from skgru.data import cut_into_shards, minibatches
from skgru.models import make_feed, run_tasks

from ._dataset import Dataset, Validation
from ._slots import GradientSlots


@dataclass
class TrainingResult:
    """What training has come to at the end of an epoch.

    Further training changes nothing in it, so training may be interrupted at any moment and the
    result of the last completed epoch is what there is.

    Attributes
    ----------
    parameters : ndarray
        Parameters to predict with: the last ones, or the best ones with ``keep_best``.
    last_parameters : ndarray
        Parameters to train on from; the same array as `parameters` without ``keep_best``.
    n_epochs : int
        Epochs that are done, those before ``first_epoch`` included.
    loss_curve, validation_scores : list of float
        One entry per epoch of this run.
    end : {"max_iter", "plateau", "callback", "non_finite"} or None
        Why training has ended; None if it has not.
    state : dict
        For `Trainer.set_state`.
    """

    parameters: np.ndarray
    last_parameters: np.ndarray
    n_epochs: int
    loss_curve: list
    validation_scores: list
    end: str | None
    state: dict

    def state_for_another_run(self):
        """The state, smaller: what only this run would fall back on is left out."""
        if self.parameters is not self.last_parameters:  # the best ones may still be the best
            return self.state
        return self.state | {"stopping": self.state["stopping"] | {"best_parameters": None}}


@dataclass
class EpochReport:
    """The results of an epoch, which are passed to ``on_epoch``.

    ``validation_score`` and ``validation_loss`` are None without validation data.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_score: float | None
    parameters: np.ndarray
    result: TrainingResult | None = None


class Trainer:
    """Mini-batch training of a network.

    Parameters
    ----------
    network : Network
        It must have a loss.
    optimizer : Optimizer
    schedule : ConstantRate
    stopping : Stopping
    keep_best : bool
        Whether the result is the best epoch's parameters (early stopping) or the last ones.
    batch_size : int
    shuffle : bool
    random_state : RandomState
        Draws the order of the sequences and the seeds of dropout; saving its state after an epoch
        is enough to resume both.
    penalty : float
        L2 penalty on the weights, penalty / 2 |w|^2 divided by the size of a batch times the mean
        weight of the sequences.
    max_grad_norm : float or None
        Gradients whose Euclidean norm exceeds this value are rescaled to it (Pascanu et al. 2013,
        arXiv:1211.5063).
    n_threads : int
    shift, scale : ndarray of shape (n_features,)
        Inputs are standardised as (x - shift) * scale.
    """

    def __init__(
        self, network, optimizer, schedule, stopping, *, keep_best, batch_size, shuffle,
        random_state, penalty, max_grad_norm, n_threads, shift, scale,
    ):  # fmt: skip
        self.network, self.optimizer = network, optimizer
        self.schedule, self.stopping, self.keep_best = schedule, stopping, keep_best
        self.batch_size, self.shuffle, self.random_state = batch_size, shuffle, random_state
        self.penalty = penalty
        # Kernels are not compiled for integers of more than 64 bits.
        self.max_grad_norm = None if max_grad_norm is None else float(max_grad_norm)
        self.shift, self.scale = shift, scale
        self._workspaces = network.new_workspaces(n_threads)
        self._packed = network.new_packed()
        self._slots = GradientSlots(network, len(self._workspaces))
        self._gradient = network.new_gradient()
        kernels = network.kernels
        self._partial = kernels.zeros(kernels.N_PARTIAL, np.float64)
        self._total = kernels.zeros(1, np.float64)

    # -- state -----------------------------------------------------------------------------------
    def get_state(self):
        """Plain data from which `set_state` of a similar trainer resumes with the same bits.

        Later epochs do not change it.
        """
        return self._state(self.optimizer.get_state())

    def _state(self, optimizer_state):
        return {
            "kinds": self._kinds(),
            "optimizer": optimizer_state,
            "schedule": self.schedule.get_state(),
            "stopping": self.stopping.get_state(),
            "random_state": self.random_state.get_state(legacy=False),
        }

    def set_state(self, state, *, same_run=False):
        """Resume from a state; a part whose kind has changed since then starts from scratch.

        ``same_run`` says that the run of that state goes on, and not that another one begins.
        """
        for part, kind in self._kinds().items():
            if state["kinds"][part] == kind:
                getattr(self, part).set_state(state[part])
        if not (same_run or self.schedule.stops_on_plateau):
            self.stopping.restart()  # every run of such a schedule is a separate cycle
        self.random_state.set_state(state["random_state"])

    def _kinds(self):
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": type(self.schedule).__name__,
            "stopping": f"validation {self.stopping.measure}" if self.keep_best else "training",
        }

    # -- epochs ----------------------------------------------------------------------------------
    def run(
        self, parameters, training, n_epochs, *, first_epoch=0, validation=None, score=None,
        before_epoch=None, on_epoch=None,
    ):  # fmt: skip
        """Train for some epochs.

        Parameters
        ----------
        parameters : ndarray
            Flat vector to start from; changed in place.
        training : Dataset or similar
            Its method `parts` is called in every epoch and returns an iterable of data sets, which
            may be read as they are needed. `n_parts` is their number, or None in a first epoch
            that has not counted them yet.
        n_epochs : int
            Epochs of the whole run, over which the schedule goes.
        first_epoch : int
            Epochs of this run that were done earlier, if it was interrupted.
        validation : Dataset or None
            Scored after every epoch.
        score : callable or None
            ``score(raw, target, weight)`` of validation data; higher is better. None means minus
            the validation loss. The parameters that made these predictions are in ``parameters``.
        before_epoch : callable or None
            Called without arguments.
        on_epoch : callable or None
            Called with an `EpochReport`; training ends if it returns True.

        Returns
        -------
        result : TrainingResult
        """
        losses, scores = [], []
        result = self.result(parameters, first_epoch, end="max_iter")
        on_device, feed, validate = self.network.upload(parameters), None, None
        if isinstance(training, Dataset):  # the same in every epoch
            feed = self.feed(training)
        if validation is not None:
            validate = self._validation(validation, score, training, feed)
        for epoch in range(first_epoch, n_epochs):
            if before_epoch is not None:
                before_epoch()
            loss = self._run_epoch(on_device, training, feed, epoch, n_epochs)
            self.network.download(on_device, parameters)
            optimizer_state = self.optimizer.get_state()
            if not self._is_finite(loss, parameters, optimizer_state):
                return self._fall_back(result, parameters, n_epochs)
            losses.append(loss)
            validation_loss, validation_score = None, None
            if validate is not None:
                validation_loss, validation_score = validate(parameters, self._workspaces)
                scores.append(validation_score)
            report = EpochReport(epoch, loss, validation_loss, validation_score, parameters)
            end = self._end_of_epoch(report)
            if end is None and epoch + 1 == n_epochs:
                end = "max_iter"
            result = report.result = self.result(
                parameters, epoch + 1, losses, scores, end, optimizer_state
            )
            if on_epoch is not None and on_epoch(report):
                result = replace(result, end="callback")
            if result.end is not None:
                break
        return result

    def result(
        self, parameters, n_epochs, losses=(), scores=(), end=None, optimizer_state=None
    ):  # fmt: skip
        """The `TrainingResult` with the parameters and the state of now, copied.

        ``optimizer_state`` is what the optimiser's ``get_state`` returned, if it was just called.
        """
        last = best = parameters.copy()
        if self.keep_best and self.stopping.best_parameters is not None:
            best = self.stopping.best_parameters
        state = self.get_state() if optimizer_state is None else self._state(optimizer_state)
        return TrainingResult(best, last, n_epochs, list(losses), list(scores), end, state)

    def _end_of_epoch(self, report):
        """Return the reason why training ends after this epoch, or None."""
        if self.keep_best:
            watched = report.validation_loss, report.validation_score
        else:
            watched = report.loss, None
        is_plateau = self.stopping.update(report.parameters, *watched)
        if is_plateau and (self.keep_best or self.schedule.stops_on_plateau):
            if not self.schedule.on_plateau():
                return "plateau"
            self.stopping.restart()
        return None

    def _is_finite(self, loss, parameters, optimizer_state):
        finite = np.isfinite(loss) and np.isfinite(parameters).all()
        return finite and self.optimizer.is_finite(optimizer_state)

    def _fall_back(self, result, parameters, n_epochs):
        """The result of a run whose last epoch is not finite: the best finite parameters."""
        # A single epoch may belong to a stream; its best loss was on other data.
        best = self.stopping.best_parameters if n_epochs > 1 else None
        parameters[...] = result.last_parameters if best is None else best
        self.optimizer.reset()  # its running means may not be finite either
        return self.result(
            parameters, result.n_epochs, result.loss_curve, result.validation_scores, "non_finite"
        )

    def feed(self, dataset):
        """Make the feed of a `Dataset`, for `gradient`."""
        return make_feed(
            self.network, dataset.sequences, self.shift, self.scale, dataset.target, dataset.weight
        )

    def _validation(self, validation, score, training, feed):
        """Make the object that computes loss and score of the validation data."""
        if feed is None or validation.sequences is not training.sequences:
            feed = make_feed(self.network, validation.sequences, self.shift, self.scale)
        return Validation(self.network, validation, score, feed, self.shift, self.scale)

    def _run_epoch(self, parameters, training, feed, epoch, n_epochs):
        """Make one pass over the training data; return the mean loss."""
        loss = weight = 0.0
        n_done = 0
        for part in training.parts():
            if training.n_parts is None:  # all of this pass has the rate of its middle
                share, start = 0.0, epoch + 0.5
            else:
                share = 1 / training.n_parts
                start = epoch + n_done * share
            part_loss, part_weight = self._run_part(
                parameters, part, feed or self.feed(part), start, share, n_epochs
            )
            # Or this part would stay in memory while the next one is read.
            del part
            n_done, loss, weight = n_done + 1, loss + part_loss, weight + part_weight
            if not math.isfinite(loss):
                break
        return loss / weight

    def _run_part(self, parameters, training, feed, start, share, n_epochs):
        """Make one pass over a data set; return the weighted sum of the losses and the weight.

        The pass begins after ``start`` epochs and is ``share`` of an epoch.
        """
        indices = training.indices
        if self.shuffle:
            indices = self.random_state.permutation(indices)
        batches = minibatches(indices, self.batch_size)
        seeds = self.random_state.randint(2**62, size=len(batches), dtype=np.int64)
        sequence_weight = training.sequence_weight
        used = sequence_weight[training.indices]
        mean_weight, may_be_light = used.mean(), not used.all()
        kernels, total = self.network.kernels, self._total
        kernels.fill(total, 0)
        for number, batch in enumerate(batches):
            if may_be_light and not sequence_weight[batch].any():
                continue
            # Divide by the mean weight of all training sequences, not of this batch; otherwise a
            # batch of lightly weighted sequences would be scaled up to full weight.
            weight = mean_weight * len(batch)
            seed = int(seeds[number]) if self.network.has_dropout else None
            progress = (start + share * (number + 0.5) / len(batches)) / n_epochs
            self._step(parameters, feed, batch, weight, seed, progress)
            # On a GPU the loss accumulates on the device and is read once per epoch; on the CPU,
            # where reading it is free, the epoch ends as soon as it is no longer finite.
            if kernels.ON_HOST and not math.isfinite(total[0]):
                break
        return float(kernels.to_host(total)[0]), float(mean_weight * len(indices))

    def _step(self, parameters, feed, batch, weight, seed, progress):
        """Make one update; add the batch loss (before the update) to the epoch's total."""
        kernels, layout = self.network.kernels, self.network.layout
        losses = self.gradient(parameters, feed, batch, weight, seed, self._gradient)
        gradient, tables = self._gradient.flat, self._gradient.tables
        if self.penalty > 0:
            factor = gradient.dtype.type(self.penalty / weight)
            kernels.add_penalty(
                gradient, parameters.flat, factor, layout.n_weights, self._partial, losses, 0
            )
        kernels.add_losses(losses, 0.5 * self.penalty, self._total)
        if self.max_grad_norm is not None:
            kernels.clip_norm(gradient, self.max_grad_norm, self._partial)
        self.optimizer.update(parameters.flat, gradient, self.schedule.rate(progress), tables)

    def gradient(self, parameters, feed, batch, weight, seed, gradient):
        """Write the gradient of the loss of a batch: the weighted sum divided by ``weight``.

        It does not depend on how shards are divided among threads (see `GradientSlots`).

        Parameters
        ----------
        parameters : FlatArrays
            On the device of the network.
        gradient : DenseGradient or SparseGradient
            What the network's `new_gradient` returned.
        feed : HostFeed or DeviceFeed
            The feed that the method `feed` returned.
        batch : ndarray of int
        weight : float
        seed : int or None
            Seed of the dropout masks.

        Returns
        -------
        losses : array of shape (1 + n_shards,), float64
            On the device, and valid until the next call: first an entry for the penalty, then the
            sum of weight * loss of each shard.
        """
        network, slots = self.network, self._slots
        shards = cut_into_shards(batch, feed.lengths, *network.shard_limits)
        slots.reserve(len(shards))
        gradient.begin(feed, shards)
        losses = self._workspaces[0].array("losses", (1 + len(shards),), np.float64)
        network.pack(parameters, self._packed, transposed=True)

        def train_shard(number, workspace):
            slot = slots.slot_for(number)
            network.kernels.fill(slot.flat, 0)
            network.train_shard(
                feed, shards[number], self._packed, workspace, slot,
                seed=seed, scale=1.0 / weight, losses=losses, place=1 + number,
            )  # fmt: skip

        for wave in slots.waves(len(shards)):
            run_tasks(train_shard, wave, self._workspaces)
            slots.fold(wave, gradient)
        network.unpack_gradient(slots.total, gradient)
        return losses
