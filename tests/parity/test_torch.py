"""Outputs and gradients of layers and networks beside ``torch.nn.GRU`` with the same weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor
from tests.kernels.packed import (
    Run,
    assert_gradients_close,
    random_gradients,
    random_problem,
)
from tests.models.networks import Engine, random_network, random_sequences, rows_of

torch = pytest.importorskip("torch")

#: Relative to the largest entry of an array.
TOLERANCE = {"float64": 1e-13, "float32": 1e-5}

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
poolings = pytest.mark.parametrize("pooling", ["last", "mean", "max", None])


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array))


def put_weights(gru, suffix, W, U, b, b_hn):
    """Give a direction of torch's layer our weights; only b_hn needs its second bias."""
    recurrent_bias = np.concatenate([np.zeros(2 * len(b_hn), b.dtype), b_hn])
    values = {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b, "bias_hh": recurrent_bias}
    with torch.no_grad():
        for name, value in values.items():
            getattr(gru, f"{name}_{suffix}").copy_(tensor(value))


def get_gradients(gru, suffix):
    """Gradients of a direction of torch's layer under our names."""

    def gradient(name):
        return getattr(gru, f"{name}_{suffix}").grad.numpy()

    n_hidden = gradient("weight_hh").shape[1]
    return {
        "W": gradient("weight_ih").T,
        "U": gradient("weight_hh").T,
        "b": gradient("bias_ih"),
        "b_hn": gradient("bias_hh")[2 * n_hidden :],
    }


def packed_sequence(x):
    return torch.nn.utils.rnn.pack_sequence(x, enforce_sorted=False)


def unpacked(states):
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    return [sequence[:length] for sequence, length in zip(padded, lengths, strict=True)]


@both_dtypes
@pytest.mark.parametrize("n_hidden", [1, 20, 33])
def test_layer_with_initial_states(rng, n_hidden, dtype):
    problem = random_problem(rng, n_hidden, dtype=dtype)
    d_states, d_final = random_gradients(rng, problem)
    gru = torch.nn.GRU(3, n_hidden, dtype=getattr(torch, dtype))
    put_weights(gru, "l0", *problem.weights)
    x = [tensor(sequence).requires_grad_() for sequence in problem.x]
    h0 = tensor(problem.h0).requires_grad_()
    states, final = gru(packed_sequence(x), h0[np.newaxis])
    states = unpacked(states)
    loss = torch.sum(tensor(d_final) * final[0])
    for d, s in zip(d_states, states, strict=True):
        loss = loss + torch.sum(tensor(d) * s)
    loss.backward()

    run = Run(problem)
    for ours, theirs in zip(run.sequence_states(), states, strict=True):
        assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=TOLERANCE[dtype])
    expected = get_gradients(gru, "l0")
    expected |= {"x": [sequence.grad.numpy() for sequence in x], "h0": h0.grad.numpy()}
    assert_gradients_close(run.backward(d_states, d_final), expected, 5 * TOLERANCE[dtype])


def pool_with_torch(states, kind, n_hidden):
    if kind == "mean":
        return states.mean(dim=0)
    if kind == "max":
        return states.max(dim=0).values
    # The state each direction ends with; the second reads from the last step to the first.
    return torch.cat([states[-1, :n_hidden], states[0, n_hidden:]])


def check_network(rng, pooling, n_layers, bidirectional, dtype, *, tolerance, n_hidden=17,
                  x=None, device="cpu", kernels=None):  # fmt: skip
    """Compare raw predictions and gradients with torch's, on one device.

    ``tolerance`` is relative to the largest entry of an array; gradients have five times that.
    With ``pooling=None`` there is a prediction for every step.
    """
    n_features = 2 if x is None else x[0].shape[1]
    network, parameters = random_network(
        rng,
        n_features=n_features,
        hidden_layer_sizes=(n_hidden,) * n_layers,
        bidirectional=bidirectional,
        pooling=None if pooling is None else (pooling,),
        dtype=dtype,
        spread=0.1,
        kernels=kernels,
    )
    x = random_sequences(rng, dtype=dtype) if x is None else x
    n_rows = len(rows_of(network, x, range(len(x))))
    d_raw = rng.normal(size=(n_rows, 2)).astype(dtype)
    raw, gradient = Engine(network, parameters).gradient(x, d_raw, shard_size=max(32, len(x)))

    their_dtype = getattr(torch, dtype)
    gru = torch.nn.GRU(
        n_features, n_hidden, num_layers=n_layers, bidirectional=bidirectional, dtype=their_dtype
    )
    head = torch.nn.Linear(n_hidden * (1 + bidirectional), 2, dtype=their_dtype)
    suffixes = {
        f"gru{i}.{direction}": f"l{i}" + ("_reverse" if direction == "backward" else "")
        for i, layer in enumerate(network.stack.layers)
        for direction in ("forward", "backward")[: len(layer.directions)]
    }
    views = network.layout.views(parameters)
    for name, suffix in suffixes.items():
        put_weights(gru, suffix, *(views[f"{name}.{a}"] for a in ("W", "U", "b", "b_hn")))
    with torch.no_grad():
        head.weight.copy_(tensor(views["head.W"].T))
        head.bias.copy_(tensor(views["head.b"]))
    gru, head = gru.to(device), head.to(device)
    states, _ = gru(packed_sequence([tensor(sequence).to(device) for sequence in x]))
    if pooling is None:
        read = torch.cat(unpacked(states))
    else:
        read = torch.stack([pool_with_torch(s, pooling, n_hidden) for s in unpacked(states)])
    their_raw = head(read)
    torch.sum(tensor(d_raw).to(device) * their_raw).backward()

    theirs = their_raw.detach().cpu().numpy()
    assert_allclose(raw, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())
    gru, head = gru.cpu(), head.cpu()
    expected = {"head.W": head.weight.grad.numpy().T, "head.b": head.bias.grad.numpy()}
    for name, suffix in suffixes.items():
        expected |= {f"{name}.{a}": g for a, g in get_gradients(gru, suffix).items()}
    found = network.layout.views(gradient)
    assert found.keys() == expected.keys()
    assert_gradients_close(found, expected, 5 * tolerance)


@both_dtypes
@poolings
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_network(rng, n_layers, bidirectional, pooling, dtype):
    check_network(rng, pooling, n_layers, bidirectional, dtype, tolerance=TOLERANCE[dtype])


@pytest.mark.parametrize("dispatch", [False, True])
def test_tensors_are_read_as_arrays(dispatch, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it scikit-learn refuses to dispatch
    X, y = torch.randn(12, 4, 2), torch.arange(12) % 3
    weight = torch.ones(12)
    with config_context(array_api_dispatch=dispatch):
        for estimator, target in (
            (GRURegressor, X[:, 0, 0]), (GRUClassifier, y), (GRUClassifier, X[:, 0] > 0),
            (GRUStepRegressor, X[:, :, 0]), (GRUStepClassifier, y.repeat(4).reshape(12, 4)),
        ):  # fmt: skip
            model = estimator(3, max_iter=1, random_state=0).fit(X, target, sample_weight=weight)
            expected = estimator(3, max_iter=1, random_state=0).fit(X.numpy(), target.numpy())
            np.testing.assert_array_equal(model.predict(X), expected.predict(X.numpy()))
