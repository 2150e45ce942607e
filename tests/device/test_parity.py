"""Third rung: outputs and gradients beside ``torch.nn.GRU`` on the same GPU, which is cuDNN's.

In the emulator torch's GRU of the CPU takes its place.
"""

import pytest

from tests.models.networks import random_sequences

from .device import EMULATED, HIDDEN, ragged_lengths, size

torch = pytest.importorskip("torch")
if not EMULATED and not torch.cuda.is_available():
    pytest.skip("this torch has no CUDA", allow_module_level=True)

from tests.parity.test_torch import check_network  # noqa: E402

#: Relative to the largest entry; gradients have five times that.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
THEIRS = "cpu" if EMULATED else "cuda"

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(autouse=True)
def _full_precision():
    """Without this, cuDNN rounds factors to tf32, as torch has it by default."""
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    yield
    for place, allowed in zip(places, before, strict=True):
        place.allow_tf32 = allowed


@both_dtypes
@pytest.mark.parametrize("even", [True, False], ids=["even", "ragged"])
@pytest.mark.parametrize("n_hidden", HIDDEN)
def test_layer(kernels, rng, n_hidden, even, dtype):
    """One layer, real sizes; ragged batches are packed sequences."""
    batch, steps = size((128, 50), (20, 9))
    lengths = (steps,) * batch if even else ragged_lengths(batch, steps)
    x = random_sequences(rng, 16 if even else 24, lengths, dtype)
    check_network(
        rng, "last" if even else "mean", 1, False, dtype, tolerance=TOLERANCE[dtype],
        n_hidden=n_hidden, x=x, device=THEIRS, kernels=kernels,
    )  # fmt: skip


@both_dtypes
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
def test_two_layers(kernels, rng, bidirectional, pooling, dtype):
    x = random_sequences(rng, 5, ragged_lengths(*size((40, 30), (20, 9))), dtype)
    check_network(
        rng, pooling, 2, bidirectional, dtype, tolerance=TOLERANCE[dtype],
        n_hidden=48, x=x, device=THEIRS, kernels=kernels,
    )  # fmt: skip
