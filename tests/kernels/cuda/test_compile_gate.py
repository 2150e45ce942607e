"""Every kernel compiles for devices that are not here, without a stack frame or a spill."""

import importlib.util

import numpy as np
import pytest

missing = [n for n in ("numba_cuda", "cuda") if importlib.util.find_spec(n) is None]
if missing:
    pytest.skip("needs numba-cuda and its compiler", allow_module_level=True)

from skgru.kernels import cuda as kernels  # noqa: E402

from .gate import compile_for, recorded  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaWarning"),
]

both_devices = pytest.mark.parametrize("cc", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])

#: What a block may have, in bytes.
LIMITS = {(8, 0): 163 * 1024, (9, 0): 227 * 1024}

#: The instruction of each precision.
TENSOR = {
    "fp32": [],
    "tf32": ["mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"],
    "bf16": ["mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"],
}
#: Kernels that multiply on tensor cores where the precision says so.
ON_TENSOR_CORES = {"product", "sums_of_products", "tensor_forward", "tensor_backward"}


def run_layer(n_hidden, batch, n_x, dtype, masked=False):
    """Forward and backward of one direction, on arrays that nobody looks into."""
    n_steps, n = 3, kernels.panel_width(n_hidden, dtype)
    block, alive = np.arange(n_steps + 2) * batch, np.full(n_steps, batch)
    rows, columns = batch * n_steps, kernels.panel_columns(dtype)

    def array(*shape):
        return np.zeros(shape, dtype)

    w, u, bias = array(1, n_x, 3, n), array(1, n, 3, n), array(1, 4, n)
    x, states, gates = array(rows, n_x), array(rows + batch, n), array(rows, 4 * n)
    mask, none = array(batch if masked else 0, n), array(0, n)
    kernels.gru_forward(
        x, block, alive, w, u, bias, False, array(batch, 0), mask, states, states, gates, True
    )
    groups = -(-n_x // columns)
    kernels.gru_backward(
        x, block, alive, array(groups, 1, 3 * n, columns), array(3 * n * n), False, mask, states,
        states, gates, none, 0, array(batch, n), array(1, rows, 4, n), w, u, bias,
        array(rows, groups * columns), False, True,
    )  # fmt: skip


def run_everything_else(dtype):
    """Every other function once; shapes do not matter to what is compiled."""
    n, k = 5, kernels
    x, v, wide = np.zeros((n, n), dtype), np.zeros(n, dtype), np.zeros((n, n))
    total, count, seed = np.zeros(n), np.ones(n, np.int64), np.uint64(3)
    t = v.dtype.type(0.5)
    panels = np.zeros((1, n, 32), dtype)
    layout = count, count
    for name in (
        "squared_error", "absolute_error", "huber", "poisson", "quantile", "binary_log_loss",
        "multinomial_log_loss",
    ):  # fmt: skip
        getattr(k, name)(x, wide, total, total, 1.0, x, total, 1)
    k.add_losses(total, 0.5, total)
    partial = np.zeros(k.N_PARTIAL)
    k.add_penalty(v, v, t, n, partial, total, 1)
    k.clip_norm(v, 1.0, partial)
    for array, value in ((x, 0), (v, 0), (count, 0)):
        k.fill(array, value)
    for array in (x, v):
        k.copy_columns(array, 1, array)
    k.take_targets(wide, total, count, wide, total)
    k.adam(v, v, v, v, t, t, t, t, t, t)
    k.sgd(v, v, v, t, t, True)
    k.rmsprop(v, v, v, t, t, t, t)
    k.scale_in_place(v, t)
    k.add(v, v)
    k.connect(x, *layout, 1, count, seed, 0.5, 0, n, x, 0)
    k.drop_steps(x, *layout, count, seed, 0.5, n, n)
    k.drop_rows(x, count, seed, 0.5, n, n)
    for values in (x, wide):
        k.pack_sequences(values, count, *layout, total, total, x, 0)
    w, u, bias = (np.zeros(shape, dtype) for shape in ((1, n, 3, 8), (1, 8, 3, 8), (1, 4, 8)))
    as_known = x, x, v, v
    k.pack_gru(*as_known, n, n, True, w, u, bias, v, np.zeros((1, 1, 24, 32), dtype))
    k.unpack_gru_gradient(w, u, bias, n, n, *as_known)
    k.pack_dense(x, v, n, n, True, panels, v, panels)
    k.unpack_dense_gradient(panels, v, n, n, x, v)
    k.dense_forward(x, panels, v, x)
    k.dense_backward(x, x, panels, panels, v, x)
    k.multiply(x, panels, x, True)
    k.multiply_transposed(x, x, panels, True)
    where = np.zeros((n, n), np.int64)
    k.pool(x, *layout, 1, x, 0, 0, 0, where, total)
    k.pool_backward(x, 0, 0, 0, where, *layout, x, x, 0, True)
    k.attention_scores(x, *layout, 1, v, True, v)
    k.attention_softmax(v, *layout)
    k.pool_attention(x, *layout, 1, v, x, 0, total)
    k.attention_weight_gradient(x, *layout, 1, x, 0, True, v)
    k.attention_softmax_backward(v, *layout, v)
    k.pool_attention_backward(x, *layout, 1, v, v, v, x, 0, x, 0, v)


_compiled = {}


def check(launches, cc, precision="fp32"):
    assert launches
    for launch in launches:
        key = cc, *launch.key
        report = _compiled.get(key)
        if report is None:
            report = _compiled[key] = compile_for(launch, cc)
        told = f"{report['name']} with blocks of {launch.threads} and {launch.shared} bytes"
        assert report["stack"] == 0 and report["spills"] == 0, (told, report)
        assert launch.shared + report["static"] <= LIMITS[cc], told
        assert launch.bound is None or launch.threads <= launch.bound, told
        assert report["registers"] * launch.threads <= 65536, (told, report)
        expected = TENSOR[precision if report["name"] in ON_TENSOR_CORES else "fp32"]
        assert report["tensor"] == expected, told


@both_devices
@both_dtypes
@pytest.mark.parametrize("n_hidden", [17, 32, 64, 128, 256])
def test_layers(n_hidden, dtype, cc):
    with recorded(cc) as launches:
        for batch in (100, 256, 1024):
            for n_x in (3, 40):
                run_layer(n_hidden, batch, n_x, dtype)
    check(launches, cc)


@both_devices
@both_dtypes
def test_layers_too_wide_for_shared_memory(monkeypatch, dtype, cc):
    monkeypatch.setattr("skgru.kernels.cuda.gru.shared_limit", lambda: 1000)
    with recorded(cc) as launches:
        for n_x in (3, 40):
            run_layer(64, 100, n_x, dtype)
    assert any(launch.shared == 0 for launch in launches)
    check(launches, cc)


@both_devices
@both_dtypes
def test_everything_else(dtype, cc):
    with recorded(cc) as launches:
        run_everything_else(dtype)
    check(launches, cc)


@both_devices
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_tensor_cores(precision, cc):
    """As many weights in registers as there can be: by 128 units, and by 256 with more threads."""
    x, panels = np.zeros((5, 5), np.float32), np.zeros((1, 5, 32), np.float32)
    with recorded(cc) as launches, kernels.use_precision(precision):
        for n_hidden in (128, 256):
            for n_x in (3, 40):
                run_layer(n_hidden, 256, n_x, "float32")
        kernels.multiply(x, panels, x, True)
        kernels.multiply_transposed(x, x, panels, True)
    names = {launch.kernel.py_func.__name__ for launch in launches}
    assert names == ON_TENSOR_CORES | {"add_parts"}
    check(launches, cc, precision)


@both_devices
def test_float64_stays_away_from_tensor_cores(cc):
    x, panels = np.zeros((5, 5)), np.zeros((1, 5, 32))
    with recorded(cc) as launches, kernels.use_precision("tf32"):
        kernels.multiply(x, panels, x, True)
    check(launches, cc)


def test_devices_without_these_formats_are_refused():
    x, panels = np.zeros((5, 5), np.float32), np.zeros((1, 5, 32), np.float32)
    with recorded((7, 5)), kernels.use_precision("bf16"):
        with pytest.raises(ValueError, match="compute capability 8.0"):
            kernels.multiply(x, panels, x, True)
        with pytest.raises(ValueError, match="compute capability 8.0"):
            run_layer(20, 3, 3, "float32")
