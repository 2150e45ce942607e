"""A network with random parameters, run on ragged sequences, and the same network by the oracle."""

import numpy as np

from skgru.data import Shard, cut_into_shards
from skgru.kernels import cpu
from skgru.models import GRUNetwork, _dropout
from tests.reference import gru as ref

LENGTHS = (5, 1, 9, 3, 3, 7, 2, 9, 9, 4, 1)
SEED = 987654321


def random_network(rng, *, dtype="float64", spread=0.3, **options):
    """A small network and parameters for it, none of which is zero."""
    options = {
        "n_features": 2,
        "hidden_layer_sizes": (3,),
        "bidirectional": False,
        "pooling": ("last",),
        "n_outputs": 2,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
    } | options
    network = GRUNetwork(dtype=dtype, **options)
    parameters = network.layout.initialize(np.random.RandomState(0), network.dtype)
    parameters += spread * rng.normal(size=parameters.size).astype(dtype)
    return network, parameters


def random_sequences(rng, n_features=2, lengths=LENGTHS, dtype="float64"):
    return [rng.normal(size=(length, n_features)).astype(dtype) for length in lengths]


def pack(x, shard, dtype):
    """The sequences of a shard in block layout, padding zero."""
    packed = cpu.zeros((shard.n_rows, x[0].shape[1]), dtype)
    for i, sequence in enumerate(shard.indices):
        packed[shard.block[: shard.lengths[i]] + i] = x[sequence]
    return packed


class Engine:
    """A network with packed parameters and one workspace for all shards.

    A network on a GPU also takes and returns NumPy arrays here.
    """

    def __init__(self, network, parameters):
        self.network, self.parameters = network, parameters
        self.packed = network.new_packed()
        (self.workspace,) = network.new_workspaces(1)
        network.pack(network.upload(parameters), self.packed, True)

    def _shards(self, x, indices, shard_size):
        """Shards, their copies where the kernels can read them, and their inputs."""
        to_device = self.network.kernels.to_device
        indices = np.arange(len(x)) if indices is None else np.asarray(indices)
        lengths = np.array([len(sequence) for sequence in x])
        n_rows = max(1000, shard_size * lengths.max())
        for shard in cut_into_shards(indices, lengths, shard_size, n_rows):
            rows = to_device(pack(x, shard, self.network.dtype))
            yield shard, Shard(*map(to_device, shard[:5]), *shard[5:]), rows

    def forward(self, x, indices=None, *, shard_size=32, seed=None):
        """Raw predictions (n_rows, n_outputs), sequence after sequence.

        The sequences are in the order of ``indices``.
        """
        network = self.network
        starts, raw = self._empty(x, indices)
        for shard, on_device, rows in self._shards(x, indices, shard_size):
            found = network.forward(rows, on_device, self.packed, self.workspace, seed=seed).raw
            found = network.kernels.to_host(found)
            for mine, theirs in self._rows(shard, starts):
                raw[theirs] = found[mine, : network.n_outputs]
        return raw

    def gradient(self, x, d_raw, indices=None, *, shard_size=32, seed=None):
        """Raw predictions, and the flat gradient of sum(d_raw * raw)."""
        network, kernels, slot = self.network, self.network.kernels, self.network.new_slot()
        starts, raw = self._empty(x, indices)
        for shard, on_device, rows in self._shards(x, indices, shard_size):
            arguments = on_device, self.packed, self.workspace
            saved = network.forward(rows, *arguments, seed=seed, save=True)
            found = kernels.to_host(saved.raw)
            d_found = np.zeros_like(found)
            for mine, theirs in self._rows(shard, starts):
                raw[theirs] = found[mine, : network.n_outputs]
                d_found[mine, : network.n_outputs] = d_raw[theirs]
            d_found = kernels.to_device(d_found)
            network.backward(d_found, saved, *arguments, slot, seed=seed)
        gradient = network.new_gradient()
        kernels.fill(gradient.flat, np.nan)
        network.unpack_gradient(slot, gradient)
        return raw, kernels.to_host(gradient.flat)

    def _empty(self, x, indices):
        """Where the rows of each sequence start, and room for all of them."""
        lengths = np.array([len(x[i]) for i in (range(len(x)) if indices is None else indices)])
        counts = self.network.row_counts(lengths)
        raw = np.full((counts.sum(), self.network.n_outputs), np.nan, self.network.dtype)
        return np.cumsum(counts) - counts, raw

    def _rows(self, shard, starts):
        """For each sequence, its rows in the shard and its rows in the order of the user."""
        for i, (position, length) in enumerate(zip(shard.positions, shard.lengths, strict=True)):
            if predicts_steps(self.network):
                yield shard.block[:length] + i, starts[position] + np.arange(length)
            else:
                yield i, starts[position]


def predicts_steps(network):
    """Whether a network has a prediction for every step."""
    return not hasattr(network.output.readout, "kinds")


def rows_of(network, x, indices):
    """The rows that chosen sequences have among the predictions of all of ``x``."""
    if not predicts_steps(network):
        return np.asarray(indices)
    starts = np.cumsum([0, *map(len, x)])
    return np.concatenate([np.arange(starts[i], starts[i + 1]) for i in indices])


# -- the same by the oracle ------------------------------------------------------------------------


def _masks(position, shape, site, rate, seed):
    """Rows of a mask over real units: step by step if ``shape`` has two axes."""
    site_seed = _dropout.site_seed(seed, site)
    which, n_units = np.array([position]), shape[-1]
    if len(shape) == 1:
        mask = np.ones((1, n_units))
        cpu.drop_rows(mask, which, site_seed, rate, n_units, n_units)
        return mask[0]
    mask, alive = np.ones(shape), np.ones(shape[0], np.int64)
    steps = np.arange(shape[0] + 2)  # one sequence: block t is row t
    cpu.drop_steps(mask, steps, alive, which, site_seed, rate, n_units, n_units)
    return mask


def oracle_raw(network, parameters, x, seed=None):
    """Raw predictions by the oracle, one sequence at a time; dropout masks as in a batch of all."""
    views, stack = network.layout.views(parameters), network.stack
    kinds = getattr(network.output.readout, "kinds", None)
    query = views["pooling.query"].ravel() if "attention" in (kinds or ()) else None
    raw = []
    for position, sequence in enumerate(x):
        layers, between, head_mask = [], [], None
        for i, layer in enumerate(stack.layers):
            directions = []
            for d, direction in enumerate(layer.directions):
                names = (direction.W, direction.U, direction.b, direction.b_hn)
                arrays = [views[name] for name in names]
                mask = None
                if seed is not None and stack.recurrent_dropout > 0:
                    rate, site = stack.recurrent_dropout, _dropout.recurrent_site(i, d)
                    mask = _masks(position, (layer.n_hidden,), site, rate, seed)
                directions.append(ref.Direction(*arrays, recurrent_mask=mask))
            layers.append(directions)
            if seed is not None and stack.dropout > 0 and i + 1 < len(stack.layers):
                shape = (len(sequence), len(directions) * layer.n_hidden)
                between.append(
                    _masks(position, shape, _dropout.input_site(i + 1), stack.dropout, seed)
                )
        if seed is not None and stack.dropout > 0:
            shape = (network.output.readout.n_groups * stack.layers[-1].n_hidden,)
            if kinds is None:
                shape = (len(sequence), *shape)
            head_mask = _masks(position, shape, _dropout.HEAD_SITE, stack.dropout, seed)
        raw.append(
            ref.network(
                sequence,
                layers,
                kinds,
                views["head.W"],
                views["head.b"],
                query,
                between or None,
                head_mask,
            )  # fmt: skip
        )
    return np.vstack(raw)
