"""Networks with embeddings beside ``torch.nn.Embedding`` and ``GRU``, and their sparse updates."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgru.data import Sequences
from skgru.models import GRUNetwork, Predictor
from skgru.training import SGD, Adam, ConstantRate, Dataset, SquaredError, Stopping, Trainer

from .test_torch import get_gradients, put_weights, tensor

torch = pytest.importorskip("torch")

N_SYMBOLS, N_COLUMNS, N_HIDDEN = 40, 6, 5
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


class Twins:
    """A network of symbols and numbers, and the same one in torch."""

    def __init__(self, rng, dtype):
        self.network = network = GRUNetwork(
            2, (N_HIDDEN,), bidirectional=False, pooling=("last",), n_outputs=1, dropout=0,
            recurrent_dropout=0, dtype=dtype, loss=SquaredError(1),
            embeddings=((N_SYMBOLS, N_COLUMNS, True),),
        )  # fmt: skip
        self.parameters = network.layout.initialize(np.random.RandomState(0), network.dtype)
        views = self.views = network.layout.views(self.parameters)
        their_dtype = getattr(torch, dtype)
        self.table = torch.nn.Embedding(N_SYMBOLS, N_COLUMNS, sparse=True, dtype=their_dtype)
        self.gru = torch.nn.GRU(N_COLUMNS + 2, N_HIDDEN, dtype=their_dtype)
        self.head = torch.nn.Linear(N_HIDDEN, 1, dtype=their_dtype)
        put_weights(self.gru, "l0", *(views[f"gru0.forward.{a}"] for a in ("W", "U", "b", "b_hn")))
        with torch.no_grad():
            self.table.weight.copy_(tensor(views["embedding0.E"]))
            self.head.weight.copy_(tensor(views["head.W"].T))
            self.head.bias.copy_(tensor(views["head.b"]))
        # torch has a second bias in the gates r and z, which stays zero here.
        moves = torch.arange(3 * N_HIDDEN) >= 2 * N_HIDDEN
        self.gru.bias_hh_l0.register_hook(lambda gradient: gradient * moves)

        lengths = rng.integers(1, 7, 40)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        # Rare symbols are in few batches, and the first ones in most.
        codes = (N_SYMBOLS * rng.random((offsets[-1], 1)) ** 3).astype(np.int32)
        values, target = rng.normal(size=(offsets[-1], 2)).astype(dtype), rng.normal(size=(40, 1))
        sequences = Sequences(values, offsets, "ragged", codes)
        self.data = Dataset(sequences, np.arange(40), target, np.ones(40))

    def trainer(self, optimizer, rate):
        return Trainer(
            self.network, optimizer, ConstantRate(rate), Stopping(np.inf, 0.0), keep_best=False,
            batch_size=8, shuffle=False, random_state=np.random.RandomState(0), penalty=0.0,
            max_grad_norm=None, n_threads=2, shift=np.zeros(2), scale=np.ones(2),
        )  # fmt: skip

    def their_raw(self, indices):
        sequences, raw = self.data.sequences, []
        for i in indices:
            rows = slice(*sequences.offsets[i : i + 2])
            vectors = self.table(torch.tensor(sequences.codes[rows, 0].astype(np.int64)))
            x = torch.cat([vectors, tensor(sequences.values[rows])], dim=1)
            raw.append(self.head(self.gru(x)[0][-1]))
        return torch.stack(raw)

    def their_loss(self, indices):
        target = tensor(self.data.target[indices].astype(self.network.dtype))
        return 0.5 * torch.mean((self.their_raw(indices) - target) ** 2)

    def their_losses(self, optimizers, n_epochs):
        losses = []
        for _ in range(n_epochs):
            total = 0.0
            for batch in np.split(np.arange(40), 5):
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss = self.their_loss(batch)
                loss.backward()
                for optimizer in optimizers:
                    optimizer.step()
                total += float(loss.detach()) / 5
            losses.append(total)
        return losses

    @property
    def dense(self):
        return [*self.gru.parameters(), *self.head.parameters()]

    @property
    def their_table(self):
        return self.table.weight.detach().numpy()


@both_dtypes
def test_outputs_and_gradients(rng, dtype):
    twins = Twins(rng, dtype)
    network, indices = twins.network, np.arange(40)
    found = Predictor(network, twins.parameters, np.zeros(2), np.ones(2)).predict_raw(
        twins.data.sequences
    )
    expected = twins.their_raw(indices).detach().numpy()
    assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
    trainer = twins.trainer(SGD(network.kernels, network.layout.size, dtype, 0.0, False), 0.1)
    gradient = network.new_gradient()
    arguments = network.upload(twins.parameters), trainer.feed(twins.data), indices
    trainer.gradient(*arguments, 40.0, None, gradient)
    twins.their_loss(indices).backward()
    theirs = twins.table.weight.grad.coalesce()
    (table,) = gradient.tables
    order = np.argsort(table.rows)
    assert table.rows[order].tolist() == theirs.indices()[0].tolist()
    assert len(table.rows) < N_SYMBOLS
    rows = gradient.flat[table.gradient].reshape(table.shape)[order]
    assert_allclose(rows, theirs.values().numpy(), rtol=0, atol=TOLERANCE[dtype])
    for name, values in get_gradients(twins.gru, "l0").items():
        found = gradient.views[f"gru0.forward.{name}"]
        assert_allclose(found, values, rtol=0, atol=TOLERANCE[dtype], err_msg=name)


@both_dtypes
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_ten_losses_and_the_table_after_them(rng, solver, dtype):
    twins = Twins(rng, dtype)
    size, table = (twins.network.kernels, twins.network.layout.size, dtype), twins.table
    start = twins.their_table.copy()
    if solver == "adam":
        # The epsilons differ: SparseAdam does not scale its own by the bias correction.
        ours = Adam(*size, 0.9, 0.999, 1e-15)
        theirs = [
            torch.optim.Adam(twins.dense, lr=0.01, eps=1e-15),
            torch.optim.SparseAdam(table.parameters(), lr=0.01, eps=1e-15),
        ]
    else:
        ours = SGD(*size, 0.0, False)
        theirs = [torch.optim.SGD([*twins.dense, *table.parameters()], lr=0.01)]
    result = twins.trainer(ours, 0.01).run(twins.parameters, twins.data, 10)
    expected = twins.their_losses(theirs, 10)
    tolerance = {"float64": 1e-9, "float32": 2e-3}[dtype]
    assert_allclose(result.loss_curve, expected, rtol=tolerance)
    found = twins.views["embedding0.E"]
    assert_allclose(found, twins.their_table, rtol=0, atol=tolerance * np.abs(found).max())
    assert np.abs(found - start).max() > 1e-3
