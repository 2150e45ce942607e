"""What holds without a GPU or its compiler, and what the two packages of kernels share."""

import ast
import importlib.util
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skgru.kernels import cpu

needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)

#: Of the CPU alone: what is computed there for every device, and the parts of `pool`.
_CPU_ONLY = {
    "advance_max", "advance_mean", "compile_aside", "count_step", "log_sigmoid_link",
    "log_softmax_link",
    "pool_last", "pool_max", "pool_max_backward", "pool_mean", "pool_mean_backward",
    "quantile_link", "sigmoid_link", "softmax_link", "standardize_step", "signal_and_spin",
}  # fmt: skip


def plan(*arguments):
    from skgru.kernels.cuda._plan import plan

    return plan(*arguments)


def exported(module):
    tree = ast.parse(Path(module.__file__).read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


def test_importing_the_package_does_not_touch_cuda():
    code = """
import sys
import skgru
roots = {tuple(name.split(".")[:2]) for name in sys.modules}
sys.exit(any(root == ("numba", "cuda") or root[0] in ("cuda", "numba_cuda") for root in roots))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@needs_compiler
def test_importing_the_kernels_leaves_numpy_as_it_is():
    """NumPy 2.5 has no `row_stack`, which numba-cuda asks for."""
    code = """
import numpy as np
import skgru
vars(np).pop("row_stack", None)
before = dict(vars(np))
import skgru.kernels.cuda
changed = {name for name in vars(np) if vars(np)[name] is not before.get(name)}
assert not changed and set(before) == set(vars(np)), changed
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@needs_compiler
def test_both_devices_export_the_same_functions():
    from skgru.kernels import cuda

    names = exported(cpu) - _CPU_ONLY
    assert names <= exported(cuda)
    for name in sorted(names):
        ours, theirs = getattr(cuda, name), getattr(cpu, name)
        if callable(theirs):
            theirs = inspect.signature(getattr(theirs, "py_func", theirs))
            found = inspect.signature(getattr(ours, "py_func", ours))
            assert list(found.parameters) == list(theirs.parameters), name


@needs_compiler
@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("limit", [48, 99, 163, 227])
def test_plans_fit(limit, backward, itemsize):
    for n_units in (4, 20, 32, 64, 128, 256, 512):
        slices = set()
        for batch in (1, 32, 300, 5000):
            n_inputs = 0 if backward else 16
            p = plan(n_units, itemsize, batch, limit * 1024, n_inputs, backward)
            assert p.shared <= limit * 1024
            assert p.slices * p.columns <= 256
            assert 0 <= p.n_cached * p.slices <= (3 if backward else 1) * n_units + p.slices
            assert p.rows * itemsize <= 32
            slices.add(p.slices)
        assert len(slices) == 1  # the order of a sum does not depend on the batch


@needs_compiler
def test_small_layers_keep_all_their_weights():
    for backward in (False, True):
        p = plan(64, 4, 256, 99 * 1024, 0, backward)
        assert p.n_cached * p.slices == (192 if backward else 64)


@needs_compiler
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("limit", [48, 99, 163, 227])
def test_plans_for_tensor_cores_fit(limit, backward, precision):
    from skgru.kernels.cuda._recurrent_products import tensor_plan

    for n_units in (4, 20, 64, 128, 132, 256):
        for n_inputs in (0,) if backward else (0, 1, 16, 300):
            p = tensor_plan(precision, n_units, limit * 1024, n_inputs, backward)
            if p is None:  # what two time steps of states or gradients need is too much already
                assert limit == 48 and n_units > 128
                continue
            steps = -(-n_units // (8 if precision == "tf32" else 16))
            assert p.shared <= limit * 1024
            assert p.threads == -(-n_units // 16) * 32 <= p.max_threads
            assert 0 < p.n_held <= steps and 0 <= p.n_near <= steps - p.n_held
            if n_units <= 128 and limit >= 163:
                assert p.n_held + p.n_near == steps
    assert tensor_plan(precision, 260, limit * 1024) is None


@needs_compiler
def test_the_vectors_of_very_wide_layers_lie_in_global_memory():
    p = plan(100_000, 4, 32, 227 * 1024)
    assert (p.rows, p.shared, p.n_cached) == (8, 0, 0)
    assert p.spilled >= 8 * 3 * 100_000


@needs_compiler
def test_panels():
    from skgru.kernels.cuda import panel_columns, panel_width

    assert [panel_width(n, "float32") for n in (1, 4, 17)] == [4, 4, 20]
    assert panel_columns("float64") == 32


@needs_compiler
def test_precision_is_a_setting_of_the_thread():
    from skgru.kernels.cuda import use_precision
    from skgru.kernels.cuda._launch import current_precision

    assert current_precision() == "fp32"
    with use_precision("tf32"):
        with use_precision("bf16"):
            assert current_precision() == "bf16"
        assert current_precision() == "tf32"
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(current_precision).result() == "fp32"
        with pytest.raises(KeyError), use_precision("fp32"):
            raise KeyError
        assert current_precision() == "tf32"
    assert current_precision() == "fp32"


@needs_compiler
@pytest.mark.parametrize("name", ["fp16", "float32", "", None, 32])
def test_other_precisions_are_refused(name):
    from skgru.kernels.cuda import use_precision

    with pytest.raises(ValueError, match="'fp32', 'tf32', 'bf16'"), use_precision(name):
        pass


def test_the_guide_states_what_the_tests_on_a_gpu_ask_for():
    from tests.device.problems import AGREEMENT, MARGIN

    guide = Path(__file__).resolve().parents[3] / "docs/gpu.md"
    rows = [line.split("|")[1:-1] for line in guide.read_text().splitlines() if line[:1] == "|"]
    stated = {
        cells[0].split('"')[1]: (
            float(cells[2]),
            *map(float, cells[3].split("within")[1].split(",")),
        )
        for cells in ([cell.strip() for cell in row] for row in rows)
        if len(cells) == 4 and cells[0].startswith('`"')
    }
    assert stated == {p: (AGREEMENT[p], MARGIN[p]["vowels"], MARGIN[p]["taxi"]) for p in AGREEMENT}
