"""Docstrings that are put together from shared parts, and what warmup prints."""

import re

import pytest

from skgru import GRUClassifier, GRURegressor, SequenceScaler, warmup
from skgru.estimators import Stream, _warmup


def public_methods(cls):
    return [name for name in dir(cls) if name[0] != "_" and callable(getattr(cls, name))]


@pytest.mark.parametrize("cls", [GRUClassifier, GRURegressor, SequenceScaler, Stream])
def test_every_part_is_filled_in(cls):
    for documented in (cls, *(getattr(cls, name) for name in public_methods(cls))):
        assert not re.search(r"^\s*\{\w+\}\s*$", documented.__doc__ or "", re.MULTILINE)
    for name in public_methods(cls):
        if name in ("predict", "predict_proba", "attention_weights", "transform", "push"):
            doc = getattr(cls, name).__doc__
            assert re.search(r"^ *Raises\n *------\n *\w", doc, re.MULTILINE), name
    for name in ("fit", "partial_fit", "predict", "transform"):
        if hasattr(cls, name):
            doc = getattr(cls, name).__doc__
            assert re.search(r"\nX : array-like .*list of arrays\n    Sequences: a table", doc), (
                name
            )


def test_warmup_prints_a_line_for_each_model(capsys, monkeypatch):
    monkeypatch.setattr(_warmup, "_run", lambda *arguments: None)
    warmup(verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.startswith("[warmup] GRU") and "  " not in line for line in lines)
