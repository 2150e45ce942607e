"""Kernels treat denormal numbers as zero, and give the caller's mode back."""

import threading

import numpy as np
import pytest
from llvmlite import binding, ir

from skgru.kernels.cpu import _flush, handshake
from skgru.kernels.cpu._host import IS_ARM64, IS_X86
from tests.kernels.packed import Run, random_gradients, random_problem

pytestmark = pytest.mark.skipif(not (IS_X86 or IS_ARM64), reason="no mode to switch here")


@pytest.mark.parametrize("emit", ["mode", "rest"])
def test_what_is_emitted_for_arm_needs_no_assembler(monkeypatch, emit):
    # Numba has none: inline assembly would end the process. LLVM compiles for any machine, though.
    for module in (_flush, handshake):
        monkeypatch.setattr(module, "IS_X86", False)
        monkeypatch.setattr(module, "IS_ARM64", True)
    module = ir.Module()
    module.triple = "aarch64-unknown-linux-gnu"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "emitted")
    builder = ir.IRBuilder(function.append_basic_block())
    if emit == "mode":
        _flush.set_mode(builder, _flush.get_mode(builder))
    else:
        handshake.rest(builder)
    builder.ret_void()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(module.triple).create_target_machine()
    found = machine.emit_assembly(binding.parse_assembly(str(module)))
    assert " asm " not in str(module)
    for instruction in ("mrs", "msr") if emit == "mode" else ("yield",):
        assert instruction in found


def denormals_work():
    """Whether the arithmetic of this thread keeps denormal numbers."""
    tiny = np.array([np.finfo("float64").tiny])
    return bool(tiny[0] / 2 > 0 and np.all(tiny * 0.5 > 0))


def fading_problem(rng, scale):
    """With zero weights every step halves the state; the gradients fade likewise."""
    problem = random_problem(rng, 17, lengths=(2, 2, 1))
    for weights in problem.weights:
        weights[...] = 0
    problem.h0[...] = scale * np.sign(problem.h0)
    return problem


def test_denormal_states_become_zero(rng):
    tiny = np.finfo("float64").tiny
    kept = Run(fading_problem(rng, 1.5 * 2.0**2 * tiny)).sequence_states()
    assert all(np.all(states != 0) for states in kept)
    flushed = Run(fading_problem(rng, 1.5 * 2.0 * tiny)).sequence_states()
    assert np.all(flushed[0][0] != 0) and not flushed[0][1].any()


def test_denormal_gradients_become_zero(rng):
    problem = fading_problem(rng, 1.0)
    d_final = np.full((3, 17), 1.5 * 2.0 * np.finfo("float64").tiny)
    d_initial = Run(problem).backward(None, d_final)["h0"]
    assert not d_initial[:2].any()  # halved twice
    assert np.all(d_initial[2] != 0)  # halved once


@pytest.mark.parametrize("in_thread", [False, True])
def test_caller_keeps_its_denormals(rng, in_thread):
    problem = random_problem(rng, 17)
    found = []

    def work():
        assert denormals_work()
        run = Run(problem)
        found.append(denormals_work())
        run.backward(*random_gradients(rng, problem))
        found.append(denormals_work())

    if in_thread:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    else:
        work()
    assert found == [True, True]
