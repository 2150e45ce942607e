"""Estimators with device="cuda", against the same on the CPU."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor

pytestmark = pytest.mark.emulator

RNG = np.random.default_rng(3)
RAGGED = [RNG.normal(2, 3, size=(length, 2)) for length in (3, 1, 4, 2, 4, 2)]
EVEN = RNG.normal(5, 2, size=(6, 3, 2))
NUMBER = np.array([x[-1, 0] + x[0, 1] for x in RAGGED])
LABEL = np.array(["a", "b", "a", "c", "b", "c"])
SMALL = {
    "hidden_layer_sizes": 3, "batch_size": 4, "max_iter": 2, "dtype": "float64", "random_state": 0,
}  # fmt: skip


def test_classifiers_and_early_stopping():
    options = {"solver": "adamw", "early_stopping": True, "validation_fraction": 0.5}
    device, host = (
        GRUClassifier(device=d, **SMALL | options).fit(EVEN, LABEL) for d in ("cuda", "cpu")
    )
    assert (device.device_, host.device_) == ("cuda:0", "cpu")
    assert type(device._parameters) is np.ndarray
    assert_allclose(device.predict_proba(EVEN), host.predict_proba(EVEN), rtol=1e-8)
    assert_allclose(device.validation_scores_, host.validation_scores_, rtol=1e-8)
    # Trained on one, used on the other.
    assert_array_equal(device.set_params(device="cpu").predict(EVEN), host.predict(EVEN))
    assert_allclose(
        host.set_params(device="auto").predict_log_proba(EVEN),
        device.predict_log_proba(EVEN), rtol=1e-8,
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.5, -1.0], ids=["at once", "by shards"])
def test_models_of_steps(monkeypatch, share):
    from skgru.kernels import cuda as kernels

    monkeypatch.setattr(kernels.memory, "_DATA_SHARE", share)
    labels = [np.where(x[:, 0] > 2, "high", "low") for x in RAGGED]
    weights = [np.arange(len(x)) % 3 for x in RAGGED]
    for estimator, y in ((GRUStepClassifier, labels), (GRUStepRegressor, RAGGED)):
        device, host = (
            estimator(device=d, bidirectional=True, dropout=0.2, **SMALL).fit(RAGGED, y, weights)
            for d in ("cuda", "cpu")
        )
        assert_allclose(device._parameters, host._parameters, rtol=1e-8)
        assert_allclose(device.loss_curve_, host.loss_curve_, rtol=1e-10)
        for ours, theirs in zip(device.states(RAGGED), host.states(RAGGED), strict=True):
            assert_allclose(ours, theirs, rtol=1e-8)
        assert_allclose(device.score(RAGGED, y), host.score(RAGGED, y), rtol=1e-10)


@pytest.mark.parametrize("share", [0.5, -1.0], ids=["at once", "by shards"])
def test_every_copy_is_on_the_stream_of_the_session(monkeypatch, share):
    from skgru.kernels import cuda as kernels

    monkeypatch.setattr(kernels.memory, "_DATA_SHARE", share)
    kind, copied = type(kernels.zeros(1, "float64")), set()

    def watch(name):
        original = getattr(kind, name)

        def copy(self, array=None, stream=0):
            assert stream and stream is kernels.current_stream()
            copied.add(name)
            return original(self, array, stream=stream)

        monkeypatch.setattr(kind, name, copy)

    watch("copy_to_host")
    watch("copy_to_device")
    options = SMALL | {"max_iter": 1, "early_stopping": True, "validation_fraction": 0.5}
    GRURegressor(device="cuda", **options).fit(RAGGED, NUMBER).predict(RAGGED)
    assert copied == {"copy_to_host", "copy_to_device"}


def test_batches_of_several_shards(monkeypatch):
    from skgru.kernels.cuda import gru

    whole = GRURegressor(device="cuda", **SMALL).fit(RAGGED, NUMBER)
    from skgru.kernels import cuda as kernels

    monkeypatch.setattr(kernels, "shard_limits", lambda n_units: (2, 100))
    cut = GRURegressor(device="cuda", **SMALL).fit(RAGGED, NUMBER)
    assert_allclose(cut._parameters, whole._parameters, rtol=1e-9)
    assert gru.shard_limits(64) == (2**16, 2**20)
    # The prediction of a sequence has the same bits whatever other sequences are predicted.
    assert_array_equal(cut.predict(RAGGED), np.concatenate([cut.predict([x]) for x in RAGGED]))


def test_streams_run_on_the_host():
    model = GRURegressor(device="cuda", **SMALL | {"dtype": "float32"}).fit(EVEN, NUMBER)
    stream = model.stream()
    pushed = [stream.push(x) for x in EVEN[0]][-1]
    assert pushed == model.set_params(device="cpu").predict(EVEN[:1])[0]


def test_a_loss_that_stops_being_finite_is_noticed():
    from sklearn.exceptions import ConvergenceWarning

    model = GRURegressor(
        device="cuda", **SMALL | {"solver": "sgd", "learning_rate_init": 1e200,
                                  "max_grad_norm": None, "learning_rate": "constant"}
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="stopped being finite"):
        model.fit(EVEN, NUMBER)
    assert np.isfinite(model.predict(EVEN)).all()


def test_symbols_on_both_devices():
    words = [["up", "down", "up"], ["down"], ["up", "up", "on", "down"], ["on", "off"]]
    labels = ["ABA", "B", "AABB", "BA"]
    device, host = (
        GRUStepClassifier(device=d, embedding_dim=2, min_frequency=2, **SMALL).fit(words, labels)
        for d in ("cuda", "cpu")
    )
    assert device.device_ == "cuda:0"
    assert_allclose(device.embedding_, host.embedding_, rtol=1e-8)
    new = [*words, ["never", "seen", "up"]]
    for ours, theirs in zip(device.predict_proba(new), host.predict_proba(new), strict=True):
        assert_allclose(ours, theirs, rtol=1e-8)
    assert device.predict(new).tolist() == host.predict(new).tolist()
