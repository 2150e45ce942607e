"""The Python in the pages for users runs as it stands there, and gives what its comments say."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context

from skgru import GRURegressor
from skgru.estimators._callbacks import HAS_CALLBACKS

DOCS = Path(__file__).resolve().parent.parent / "docs"


def run(page, containing=""):
    """Execute the blocks of a page that contain a pattern, one after the other.

    A line "expression  # (2, 3)" has to have the value in the comment. Returns the names that the
    blocks define, and how many such lines there were.
    """
    names, n_values = {}, 0
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.S | re.M)
    for block in filter(re.compile(containing).search, blocks):
        lines = block.splitlines()
        for node in ast.parse(block).body:
            comment = re.search(r"  # (\(.*\)|\d+)$", lines[node.end_lineno - 1])
            if isinstance(node, ast.Expr) and comment:
                value = eval(compile(ast.Expression(node.value), page, "eval"), names)
                assert value == ast.literal_eval(comment[1]), lines[node.end_lineno - 1]
                n_values += 1
            else:
                exec(compile(ast.Module([node], []), page, "exec"), names)
    return names, n_values


@pytest.fixture(scope="module")
def coming_from():
    return run("coming_from.md")[0]


def test_recipes(capsys):
    names, n_values = run("recipes.md")
    assert n_values == 11
    assert set(capsys.readouterr().out.strip()) <= set("".join(names["names"]))
    assert np.isfinite(names["model"].predict(names["gaps"])).all()


def test_the_guide_from_beginning_to_end(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)  # it writes files
    left_out = r"skgru\.warmup"  # it compiles everything
    if not HAS_CALLBACKS:
        left_out += "|set_callbacks"
    with config_context():  # it changes the configuration of scikit-learn
        names, n_values = run("user_guide.md", rf"\A(?![\s\S]*({left_out}))")
    assert "macro avg" in capsys.readouterr().out
    assert names["NonNegativeRegressor"]().get_params()["floor"] == 0
    assert n_values == 5
    assert names["of_features"].importances.shape == (12, 2)
    assert names["of_time"].importances.shape == (5, 2)
    assert (names["of_features"].importances_mean > 0).sum() > 6
    expected = names["pipeline"].predict_proba([names["X"][0][:5]])
    names["stream"].reset()
    assert np.array_equal(names["stream"].extend(names["X"][0][:5])[-1:], expected)


def test_padding_and_axes(coming_from):
    lengths = coming_from["lengths"].tolist()
    assert [len(x) for x in coming_from["X"]] == lengths
    for x, padded in zip(coming_from["X"], coming_from["padded"], strict=True):
        assert np.array_equal(x, padded[: len(x)])


def test_weights_of_torch(coming_from):
    torch = pytest.importorskip("torch")
    X = coming_from["X"]
    layers = torch.nn.GRU(3, 8, num_layers=2, bidirectional=True, dtype=torch.float64)
    model = GRURegressor(
        (8, 8), bidirectional=True, pooling="last", standardize=False, dtype="float64", max_iter=1
    ).fit(X[:2], [0, 1])
    for layer in range(2):
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            arrays = [
                getattr(layers, f"{name}_l{layer}{suffix}").detach().numpy()
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            for name, array in coming_from["from_torch"](*arrays).items():
                model.parameters_[f"gru{layer}.{direction}.{name}"][...] = array
    for x, states in zip(X, model.states(X), strict=True):
        expected = layers(torch.tensor(x))[0].detach().numpy()
        assert_allclose(states, expected, atol=1e-12)


def test_weights_of_keras(coming_from, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    layer = keras.layers.GRU(8, dtype="float64")
    layer.build((None, None, 3))
    layer.set_weights([coming_from[name] for name in ("kernel", "recurrent_kernel", "bias")])
    for x in coming_from["X"][:3]:
        found = np.asarray(layer(x[np.newaxis]).detach())[0]
        assert_allclose(found, coming_from["keras_gru"](x), atol=1e-10)


def test_a_plain_loop_of_torch(coming_from):
    torch = pytest.importorskip("torch")
    X, target, start = coming_from["X"], coming_from["target"], coming_from["model"].parameters_
    gru = torch.nn.GRU(3, 8, dtype=torch.float64)
    head = torch.nn.Linear(8, 1, dtype=torch.float64)
    recurrent_bias = np.concatenate([np.zeros(16), start["gru0.forward.b_hn"]])
    with torch.no_grad():
        for parameter, array in (
            (gru.weight_ih_l0, start["gru0.forward.W"].T),
            (gru.weight_hh_l0, start["gru0.forward.U"].T),
            (gru.bias_ih_l0, start["gru0.forward.b"]),
            (gru.bias_hh_l0, recurrent_bias),
            (head.weight, start["head.W"].T),
            (head.bias, start["head.b"]),
        ):
            parameter.copy_(torch.tensor(np.ascontiguousarray(array)))
    # A second bias of r and z would double their steps.
    gru.bias_hh_l0.register_hook(lambda gradient: gradient * torch.tensor([0.0] * 16 + [1.0] * 8))
    optimizer = torch.optim.Adam([*gru.parameters(), *head.parameters()], lr=1e-3)
    losses = []
    for _ in range(4):
        total = 0
        for batch in np.split(np.arange(len(X)), len(X) // 8):
            optimizer.zero_grad()
            final = torch.stack([gru(torch.tensor(X[i]))[1][0] for i in batch])
            predicted = head(final)[:, 0]
            loss = torch.nn.functional.mse_loss(predicted, torch.tensor(target[batch]))
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(batch)
        losses.append(total / len(X))
    assert_allclose(coming_from["plain"].loss_curve_[1:5], np.array(losses) / 2, rtol=1e-6)
