"""The instructions of ``_mma.py`` where threads are those of Python: only the simulator gets here.

The layouts are written number by number as PTX ISA defines them ("Matrix Fragments for mma.m16n8k8"
for tf32, "Matrix Fragments for mma.m16n8k16 with floating point type" for bf16), not by way of the
words in which the kernels think: a kernel that puts a word in the wrong place gets a wrong product.
"""

import threading

import numpy as np

#: Seconds after which lanes that have not come are given up, since one of them must have failed.
_PATIENCE = 120

_group, _in_group = np.divmod(np.arange(32)[:, None], 4)  # PTX: groupID, threadID_in_group
_quarter, _eighth = np.arange(4), np.arange(8)
#: Row and column of every number that a lane holds.
_ACCUMULATOR = _group + 8 * (_quarter >= 2), _in_group * 2 + (_quarter & 1)
_TF32_A = (
    _group + 8 * ((_quarter == 1) | (_quarter == 3)),
    _in_group + 4 * (_quarter >= 2),
)
_TF32_B = _in_group + 4 * np.arange(2), _group + 0 * np.arange(2)
_BF16_A = (
    _group + 8 * ~((_eighth < 2) | ((_eighth >= 4) & (_eighth < 6))),
    _in_group * 2 + (_eighth & 1) + 8 * (_eighth >= 4),
)
_BF16_B = _in_group * 2 + (_quarter & 1) + 8 * (_quarter >= 2), _group + 0 * _quarter


def _bits(number):
    return int(np.float32(number).view(np.uint32))


def _is_nan(bits):
    return bits & 0x7FFFFFFF > 0x7F800000


def tf32_word(first, second):
    """``cvt.rna.tf32.f32``: 10 bits behind the point, ties away from zero."""
    bits = _bits(first)
    finite = bits & 0x7F800000 != 0x7F800000
    return np.uint32((bits + (finite << 12)) & 0xFFFFE000 if not _is_nan(bits) else 0x7FFFFFFF)


def _bf16(number):
    bits = _bits(number)
    return 0x7FFF if _is_nan(bits) else (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def bf16_word(first, second):
    """``cvt.rn.bf16x2.f32``: 7 bits behind the point, ties to even; the first number below."""
    return np.uint32(_bf16(second) << 16 | _bf16(first))


def _tf32_numbers(words):
    # The instruction does not look at the lower 13 bits.
    return (words & np.uint32(0xFFFFE000)).view(np.float32)


def _bf16_numbers(words):
    # Little-endian: the lower half of a word comes first.
    return (words.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _product(a_words, b_words, c, numbers, a_places, b_places, depth):
    """d of a warp, (32, 4), from what its lanes hold; exact but for one rounding at the end."""
    a, b, d = np.full((16, depth), np.nan), np.full((depth, 8), np.nan), np.full((16, 8), np.nan)
    a[a_places], b[b_places], d[_ACCUMULATOR] = numbers(a_words), numbers(b_words), c
    with np.errstate(invalid="ignore", over="ignore"):
        return (d + a @ b)[_ACCUMULATOR].astype(np.float32)


class _Warp:
    """32 threads that wait for each other; the last one to come multiplies for all."""

    def __init__(self):
        self.barrier = threading.Barrier(32, self._multiply)
        self.given = [None] * 32

    def _multiply(self):
        (layout,) = {given[0] for given in self.given}
        words = np.array([given[1:7] for given in self.given], np.uint32)
        c = np.array([given[7:] for given in self.given], np.float32)
        numbers, *places = _LAYOUTS[layout]
        self.found = _product(words[:, :4].copy(), words[:, 4:].copy(), c, numbers, *places)


_LAYOUTS = {
    "tf32": (_tf32_numbers, _TF32_A, _TF32_B, 8),
    "bf16": (_bf16_numbers, _BF16_A, _BF16_B, 16),
}


def _mma(layout, *fragments):
    thread = threading.current_thread()
    number, lane = divmod(thread.thread_id, 32)
    warps = thread._manager.__dict__.setdefault("warps", {})
    warp = warps.get(number) or warps.setdefault(number, _Warp())
    warp.given[lane] = layout, *fragments
    warp.barrier.wait(_PATIENCE)
    return tuple(warp.found[lane])


def tf32_mma(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
    return _mma("tf32", a0, a1, a2, a3, b0, b1, c0, c1, c2, c3)


def bf16_mma(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
    return _mma("bf16", a0, a1, a2, a3, b0, b1, c0, c1, c2, c3)
