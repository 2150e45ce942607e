"""Single instructions, at the edges of what the PTX ISA says of them."""

import ctypes
import re

import numpy as np
import pytest
from numba import cuda

from tools.ptx_emulator import compile_ptx
from tools.ptx_emulator.ptx import to_c

NAN, MINUS_NAN = "0f7FC00000", "0fFFC00000"

#: Instructions that leave a result in %rd1, %r1, %f1, %rs1 or %p1, and its bits.
CASES = [
    (f"setp.lt.f32 %p1, {NAN}, 0f00000000;", 0),
    (f"setp.ltu.f32 %p1, {NAN}, 0f00000000;", 1),
    (f"setp.ne.f32 %p1, {NAN}, {NAN};", 0),
    (f"setp.neu.f32 %p1, {NAN}, {NAN};", 1),
    (f"setp.num.f32 %p1, {NAN}, 0f00000000;", 0),
    (f"setp.nan.f32 %p1, {NAN}, 0f00000000;", 1),
    ("setp.lt.s32 %p1, -1, 1;", 1),
    ("setp.lt.u32 %p1, -1, 1;", 0),
    (f"min.f32 %f1, {NAN}, 0f40000000;", 0x40000000),
    (f"max.f32 %f1, 0f40000000, {MINUS_NAN};", 0x40000000),
    ("min.s32 %r1, -1, 1;", 0xFFFFFFFF),
    ("min.u32 %r1, -1, 1;", 1),
    ("mov.u32 %r2, 40; shl.b32 %r1, 1, %r2;", 0),
    ("mov.u32 %r2, 32; shr.u32 %r1, -8, %r2;", 0),
    ("mov.u32 %r2, 40; shr.s32 %r1, -8, %r2;", 0xFFFFFFFF),
    ("shr.s64 %rd1, -8, 1;", 2**64 - 4),
    ("shr.u64 %rd1, -8, 1;", 2**63 - 4),
    ("mul.wide.s32 %rd1, -3, 5;", 2**64 - 15),
    ("mul.wide.u32 %rd1, -1, 2;", 2**33 - 2),
    ("mul.hi.u64 %rd1, -1, 16;", 15),
    ("mul.lo.s32 %r1, 65536, 65537;", 65536),
    ("mov.u16 %rs2, 0x80; cvt.s32.s8 %r1, %rs2;", 0xFFFFFF80),
    ("mov.u16 %rs2, 0xFF80; cvt.u32.u8 %r1, %rs2;", 0x80),
    ("mov.u32 %r2, -5; cvt.s64.s32 %rd1, %r2;", 2**64 - 5),
    ("mov.u32 %r2, -5; cvt.u64.u32 %rd1, %r2;", 2**32 - 5),
    ("cvt.rzi.s64.f64 %rd1, 0dBFFE666666666666;", 2**64 - 1),  # -1.9
    ("cvt.rzi.s64.f64 %rd1, 0d7FF8000000000000;", 2**63),  # NaN
    ("cvt.rzi.s64.f64 %rd1, 0d46293E5939A08CEA;", 2**63 - 1),  # 1e30
    ("cvt.sat.f32.f32 %f1, 0f40000000;", 0x3F800000),
    (f"cvt.sat.f32.f32 %f1, {NAN};", 0),
    ("cvt.rna.tf32.f32 %r1, 0f3F801000;", 0x3F802000),  # a tie, away from zero
    ("cvt.rna.tf32.f32 %r1, 0fBF800FFF;", 0xBF800000),
    ("cvt.rn.bf16x2.f32 %r1, 0f3F800000, 0f40000000;", 0x3F804000),  # the upper half first
    ("cvt.rn.bf16x2.f32 %r1, 0f3F808000, 0f3F818000;", 0x3F803F82),  # ties, to even
    ("fma.rm.f32 %f1, 0f3F800001, 0f3F800001, 0f00000000;", 0x3F800002),
    ("fma.rm.f32 %f1, 0fBF800001, 0f3F800001, 0f00000000;", 0xBF800003),
    ("copysign.f32 %f1, 0fC0000000, 0f3F800000;", 0xBF800000),
    ("bfi.b64 %rd1, 5, -1, 8, 4;", 2**64 - 1 - 0xA00),
    ("bfi.b64 %rd1, 5, 7, 64, 4;", 7),
    ("mov.b64 %rd1, {1, 2};", 2**33 + 1),
    ("mov.u64 %rd2, 0x100000002; mov.b64 {%r1, %r2}, %rd2;", 2),
    ("setp.eq.s32 %p2, 0, 1; selp.b32 %r1, 3, 4, %p2;", 4),
    ("mov.u32 %r1, 1; setp.eq.s32 %p2, 0, 1; @%p2 mov.u32 %r1, 2;", 1),
    ("mov.u32 %r1, 1; setp.eq.s32 %p2, 0, 1; @!%p2 mov.u32 %r1, 2;", 2),
]

_STORE = {
    "%rd1": "st.global.u64 [%out+{at}], %rd1;",
    "%r1": "st.global.u32 [%out+{at}], %r1;",
    "%f1": "st.global.f32 [%out+{at}], %f1;",
    "%rs1": "cvt.u32.u16 %r9, %rs1; st.global.u32 [%out+{at}], %r9;",
    "%p1": "selp.u32 %r9, 1, 0, %p1; st.global.u32 [%out+{at}], %r9;",
}


def module(*lines):
    """A kernel with these instructions, which writes to where its parameter says."""
    registers = ".reg .pred %p<9>;", ".reg .b16 %rs<9>;", ".reg .b32 %r<10>;", ".reg .b64 %rd<9>;"
    floats = ".reg .f32 %f<9>;", ".reg .f64 %fd<9>;", ".reg .b64 %out;"
    start = ".visible .entry k(", ".param .u64 k_0", ")", "{", *registers, *floats
    return "\n".join([*start, "ld.param.u64 %out, [k_0];", *lines, "ret;", "}"])


class Kernel(ctypes.Structure):
    """The first fields of the struct in ``machine.h``."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.POINTER(ctypes.c_uint64))),
    ]


def test_results():
    lines = []
    for i, (instructions, _) in enumerate(CASES):
        result = re.search(r"%(rd1|r1|f1|rs1|p1)\b", instructions)[0]
        lines += [instructions, _STORE[result].format(at=8 * i)]
    found = cuda.to_device(np.zeros(len(CASES), np.uint64))
    address = ctypes.c_uint64(found.device_ctypes_pointer.value)
    library = ctypes.CDLL(str(compile_ptx(module(*lines))))
    a_thread = bytes(256)
    Kernel.in_dll(library, "emulated_kernels").run(a_thread, ctypes.byref(address))
    for (instructions, expected), bits in zip(CASES, found.copy_to_host().tolist(), strict=True):
        assert bits == expected, f"{instructions} gave {bits:#x}, not {expected:#x}"


@pytest.mark.parametrize(
    "instruction",
    [
        "cvt.rni.s32.f32 %r1, %f1;", "cvt.rn.tf32.f32 %r1, %f1;", "add.ftz.f32 %f1, %f2, %f3;",
        "setp.lt.ftz.f32 %p1, %f1, %f2;", "ex2.approx.f32 %f1, %f2;", "trap;",
        "atom.global.add.f32 %f1, [%rd1], %f2;", "ld.volatile.shared.u32 %r1, [%rd1];",
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(instruction):
    with pytest.raises(NotImplementedError, match="line 13"):
        to_c(module(instruction))
