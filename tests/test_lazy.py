"""Attributes that are computed when they are first read, without a lock."""

import functools
import sys
import threading

import numpy as np

from skgru._lazy import lazy_property
from skgru.data import Sequences, as_sequences


class Thing:
    n_computed = 0

    @lazy_property
    def value(self):
        """What it is."""
        self.n_computed += 1
        return 7


def test_a_value_is_computed_once_for_each_instance():
    first, second = Thing(), Thing()
    assert (first.value, first.value, second.value) == (7, 7, 7)
    assert (first.n_computed, second.n_computed) == (1, 1)
    assert Thing.value.__doc__ == "What it is."


def test_a_scan_of_data_does_not_stop_others(monkeypatch):
    X = np.ones((4, 3, 2))
    started, may_end = threading.Event(), threading.Event()
    pieces = Sequences.pieces

    def slow_pieces(self):
        started.set()
        assert may_end.wait(60)
        return pieces(self)

    slow, other = as_sequences(X), as_sequences(X)
    for data in (slow, other):
        vars(data).pop("extremes", None)
    monkeypatch.setattr(Sequences, "pieces", slow_pieces)
    scan = threading.Thread(target=lambda: slow.extremes)
    scan.start()
    assert started.wait(60)
    monkeypatch.setattr(Sequences, "pieces", pieces)
    reader = threading.Thread(target=lambda: other.extremes, daemon=True)
    reader.start()
    reader.join(10)
    waits = reader.is_alive()
    may_end.set()
    scan.join(60)
    assert not waits
    assert slow.extremes == other.extremes == (1.0, 1.0)


def test_no_class_has_a_property_with_a_lock():
    modules = [module for name, module in sys.modules.items() if name.startswith("skgru.")]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    assert Sequences in kinds
    for kind in kinds:
        assert not any(isinstance(v, functools.cached_property) for v in vars(kind).values()), kind
