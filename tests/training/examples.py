"""The two examples that started this project, as data, starting weights and reference losses.

- ``torch.nn.GRU(10, 20)`` and ``Linear``, Adam(0.01) on the mean squared error, 100 epochs;
- Keras ``GRU(50)`` and ``Dense(1)``, Adam on the mean squared error over (10, 1) windows of a
  univariate series, in mini-batches of 32.

A third one is for models of steps: a bidirectional ``torch.nn.GRU(10, 20)`` that labels every step
of ragged sequences, Adam(0.01) on the cross-entropy, 10 epochs.

Both frameworks have two biases for each gate, of which only the sum counts in the gates r and z.
Their optimisers take a step with each of the two, so that the sum makes two steps; skgru has one
bias and makes one.  `TwinAdam` makes both steps and so reproduces them to rounding.

``python -m tests.training.examples`` writes the losses to ``tests/golden/first_examples.json``.
Keras itself is not needed: `keras_losses` is its arithmetic in NumPy.
"""

import json
from pathlib import Path

import numpy as np

from skgru.data import as_sequences
from skgru.models import GRUNetwork
from skgru.training import Adam, ConstantRate, Dataset, SquaredError, Stopping, Trainer
from tests.reference.gru import gru_layer, gru_layer_backward

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "first_examples.json"


def steps_and_targets():
    """Data of the torch example: (48, 7, 10) and (48,)."""
    random_state = np.random.RandomState(0)
    X = random_state.normal(size=(48, 7, 10))
    return X, np.sin(X[:, -1, 0]) + X[:, :, 1].mean(axis=1)


def steps_and_labels():
    """Data of the example of steps: ragged sequences (length, 10) and one of 3 labels a step."""
    random_state = np.random.RandomState(4)
    X = [random_state.normal(size=(length, 10)) for length in random_state.randint(1, 9, 48)]
    return X, [np.digitize(x[:, 0].cumsum() + x[::-1, 1].cumsum()[::-1], [-1, 1]) for x in X]


def windows():
    """Data of the Keras example: (150, 10, 1) windows of a series, and the value after each."""
    t = np.arange(160)
    series = 0.5 + 0.4 * np.sin(t / 5) + 0.02 * np.random.RandomState(1).normal(size=160)
    X = np.lib.stride_tricks.sliding_window_view(series, 10)[:-1, :, np.newaxis]
    return X[:150], series[10:160]


def torch_weights():
    """Uniform starting weights under torch's names and in its shapes; gates r, z, n."""
    random_state, bound = np.random.RandomState(2), 20**-0.5
    shapes = {
        "weight_ih_l0": (60, 10), "weight_hh_l0": (60, 20), "bias_ih_l0": (60,),
        "bias_hh_l0": (60,), "weight": (1, 20), "bias": (1,),
    }  # fmt: skip
    return {name: random_state.uniform(-bound, bound, shape) for name, shape in shapes.items()}


def torch_step_weights():
    """The same of the example of steps."""
    random_state, bound = np.random.RandomState(5), 20**-0.5
    shapes = {"weight": (3, 40), "bias": (3,)}
    for suffix in ("l0", "l0_reverse"):
        shapes |= {
            f"weight_ih_{suffix}": (60, 10), f"weight_hh_{suffix}": (60, 20),
            f"bias_ih_{suffix}": (60,), f"bias_hh_{suffix}": (60,),
        }  # fmt: skip
    return {name: random_state.uniform(-bound, bound, shape) for name, shape in shapes.items()}


def keras_weights():
    """Starting weights as Keras draws them, under its names and in its shapes; gates z, r, h."""
    random_state = np.random.RandomState(3)

    def glorot(n_in, n_out):
        return random_state.uniform(-1, 1, (n_in, n_out)) * np.sqrt(6 / (n_in + n_out))

    # Modified Gram-Schmidt by hand, as LAPACK's bits differ from machine to machine.
    recurrent = random_state.normal(size=(50, 150))
    for i in range(50):
        recurrent[i] /= np.sqrt(np.sum(recurrent[i] ** 2))
        for j in range(i + 1, 50):
            recurrent[j] -= np.sum(recurrent[i] * recurrent[j]) * recurrent[i]
    return {
        "kernel": glorot(1, 150), "recurrent_kernel": recurrent, "bias": np.zeros((2, 150)),
        "dense_kernel": glorot(50, 1), "dense_bias": np.zeros(1),
    }  # fmt: skip


def from_torch(weights):
    """skgru's arrays W, U, b, b_hn of each direction, head W and head b."""
    found = {"head.W": weights["weight"].T, "head.b": weights["bias"]}
    for name, suffix in (("gru0.forward", "l0"), ("gru0.backward", "l0_reverse")):
        if f"weight_ih_{suffix}" not in weights:
            continue
        b, b_hn = weights[f"bias_ih_{suffix}"].copy(), weights[f"bias_hh_{suffix}"][40:]
        b[:40] += weights[f"bias_hh_{suffix}"][:40]
        found |= {
            f"{name}.W": weights[f"weight_ih_{suffix}"].T,
            f"{name}.U": weights[f"weight_hh_{suffix}"].T,
            f"{name}.b": b, f"{name}.b_hn": b_hn,
        }  # fmt: skip
    return found


def swap_gates(array):
    """Between Keras's order z, r, h and skgru's r, z, n, along the last axis."""
    z, r, h = np.split(array, 3, axis=-1)
    return np.concatenate([r, z, h], axis=-1)


def from_keras(weights):
    """The same arrays from Keras's, with ``reset_after=True``."""
    bias, recurrent_bias = swap_gates(weights["bias"])
    n_hidden = len(bias) // 3
    b = bias + np.where(np.arange(3 * n_hidden) < 2 * n_hidden, recurrent_bias, 0)
    return {
        "gru0.forward.W": swap_gates(weights["kernel"]),
        "gru0.forward.U": swap_gates(weights["recurrent_kernel"]),
        "gru0.forward.b": b, "gru0.forward.b_hn": recurrent_bias[2 * n_hidden :],
        "head.W": weights["dense_kernel"], "head.b": weights["dense_bias"],
    }  # fmt: skip


# --- skgru's side -------------------------------------------------------------------------------


class TwinAdam(Adam):
    """Adam for a network whose r and z gates have two biases, of which the sum is stored.

    The loss of skgru is half the mean squared error, so gradients are half of the frameworks';
    half of their epsilon makes the same steps of them.
    """

    def __init__(self, network, epsilon):
        size, dtype = network.layout.size, network.dtype
        super().__init__(network.kernels, size, dtype, 0.9, 0.999, epsilon / 2)
        numbers = network.layout.views(np.arange(size))["gru0.forward.b"]
        self.twins = numbers[: len(numbers) * 2 // 3]

    def _step(self, parameters, gradient, buffers, rate):
        before = parameters[self.twins]
        super()._step(parameters, gradient, buffers, rate)
        parameters[self.twins] += parameters[self.twins] - before


class KerasAdam(TwinAdam):
    """With Keras's epsilon, which the bias correction of the second moment does not scale."""

    def _step(self, parameters, gradient, buffers, rate):
        self.epsilon = 0.5e-7 / np.sqrt(1 - self.beta_2**self.n_updates)
        super()._step(parameters, gradient, buffers, rate)


def train(X, y, arrays, optimizer, rate, batch_size, n_epochs, dtype="float64"):
    """Mean squared errors of the epochs, by skgru's trainer from given arrays."""
    network = GRUNetwork(
        X.shape[2], (len(arrays["gru0.forward.U"]),), bidirectional=False, pooling=("last",),
        n_outputs=1, dropout=0, recurrent_dropout=0, dtype=dtype, loss=SquaredError(1),
    )  # fmt: skip
    parameters = np.zeros(network.layout.size, dtype)
    for name, view in network.layout.views(parameters).items():
        view[...] = arrays[name]
    n_features = X.shape[2]
    trainer = Trainer(
        network, optimizer(network), ConstantRate(rate), Stopping(np.inf, 0.0),
        keep_best=False, batch_size=batch_size, shuffle=False,
        random_state=np.random.RandomState(0), penalty=0.0, max_grad_norm=None, n_threads=1,
        shift=np.zeros(n_features), scale=np.ones(n_features),
    )  # fmt: skip
    data = Dataset(as_sequences(X), np.arange(len(X)), y[:, np.newaxis], np.ones(len(X)))
    return 2 * np.array(trainer.run(parameters, data, n_epochs).loss_curve)


# --- the other side -----------------------------------------------------------------------------


def torch_losses(n_epochs, one_bias=False):
    """Losses of the torch example; ``one_bias`` holds the second bias of the gates r and z."""
    import torch

    X, y = (torch.tensor(a) for a in steps_and_targets())
    gru = torch.nn.GRU(10, 20, batch_first=True, dtype=torch.float64)
    head = torch.nn.Linear(20, 1, dtype=torch.float64)
    named = dict([*gru.named_parameters(), *head.named_parameters()])
    with torch.no_grad():
        for name, array in torch_weights().items():
            named[name].copy_(torch.tensor(array))
    if one_bias:
        moves = torch.arange(60) >= 40
        gru.bias_hh_l0.register_hook(lambda gradient: gradient * moves)
    optimizer = torch.optim.Adam(named.values(), lr=0.01)
    losses = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        states, _ = gru(X)
        loss = torch.nn.functional.mse_loss(head(states[:, -1])[:, 0], y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def torch_step_losses(n_epochs):
    """Losses of the example of steps, with the second bias of the gates r and z held."""
    import torch
    from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

    X, y = steps_and_labels()
    x = pack_sequence([torch.tensor(a) for a in X], enforce_sorted=False)
    labels = torch.tensor(np.concatenate(y))
    gru = torch.nn.GRU(10, 20, bidirectional=True, dtype=torch.float64)
    head = torch.nn.Linear(40, 3, dtype=torch.float64)
    named = dict([*gru.named_parameters(), *head.named_parameters()])
    with torch.no_grad():
        for name, array in torch_step_weights().items():
            named[name].copy_(torch.tensor(array))
    moves = torch.arange(60) >= 40
    for bias in (gru.bias_hh_l0, gru.bias_hh_l0_reverse):
        bias.register_hook(lambda gradient: gradient * moves)
    optimizer = torch.optim.Adam(named.values(), lr=0.01)
    losses = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        states, lengths = pad_packed_sequence(gru(x)[0], batch_first=True)
        rows = torch.cat([s[:n] for s, n in zip(states, lengths, strict=True)])
        loss = torch.nn.functional.cross_entropy(head(rows), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def keras_losses(n_epochs):
    """Losses of the Keras example: ``fit(X, y, batch_size=32, shuffle=False)`` in NumPy."""
    X, y = windows()
    weights = keras_weights()
    means = {name: np.zeros_like(a) for name, a in weights.items()}
    squares = {name: np.zeros_like(a) for name, a in weights.items()}
    losses, n_updates = [], 0
    for _ in range(n_epochs):
        total = 0.0
        for start in range(0, len(X), 32):
            batch = slice(start, start + 32)
            loss, gradient = keras_gradient(weights, X[batch], y[batch])
            total += loss * len(y[batch])
            n_updates += 1
            rate = 1e-3 * np.sqrt(1 - 0.999**n_updates) / (1 - 0.9**n_updates)
            for name, weight in weights.items():
                g = gradient[name]
                means[name] += (g - means[name]) * (1 - 0.9)
                squares[name] += (g**2 - squares[name]) * (1 - 0.999)
                weight -= rate * means[name] / (np.sqrt(squares[name]) + 1e-7)
        losses.append(total / len(X))
    return losses


def keras_gradient(weights, X, y):
    """Mean squared error of a batch and its gradient with respect to Keras's weights."""
    arrays = from_keras(weights)
    layer = [arrays[f"gru0.forward.{name}"] for name in ("W", "U", "b", "b_hn")]
    gradient = {name: np.zeros_like(a) for name, a in weights.items()}
    loss = 0.0
    for x, target in zip(X, y, strict=True):
        states = gru_layer(x, *layer)
        error = (states[-1] @ arrays["head.W"] + arrays["head.b"] - target)[0]
        loss += error**2 / len(X)
        d_raw = 2 * error / len(X)
        gradient["dense_kernel"][:, 0] += d_raw * states[-1]
        gradient["dense_bias"] += d_raw
        d_states = np.zeros_like(states)
        d_states[-1] = d_raw * arrays["head.W"][:, 0]
        found = gru_layer_backward(d_states, x, *layer)
        gradient["kernel"] += swap_gates(found["W"])
        gradient["recurrent_kernel"] += swap_gates(found["U"])
        gradient["bias"][0] += swap_gates(found["b"])
        # In the gates the second bias has the gradient of the first, in the candidate its own.
        n_hidden = len(found["b_hn"])
        second = np.concatenate([found["b"][: 2 * n_hidden], found["b_hn"]])
        gradient["bias"][1] += swap_gates(second)
    return loss, gradient


if __name__ == "__main__":
    losses = {
        "torch": torch_losses(100),
        "torch, one bias": torch_losses(100, one_bias=True),
        "torch, steps": torch_step_losses(10),
        "keras": keras_losses(10),
    }
    GOLDEN.write_text(json.dumps(losses, indent=1) + "\n")
