"""The demo, ``python -m skgru``, and the command that the README gives for it."""

import tempfile
from pathlib import Path

import pytest

from skgru.__main__ import main


@pytest.mark.slow
@pytest.mark.parametrize("keep", [False, True])
def test_demo(capsys, tmp_path, keep):
    path = tmp_path / "classifier.joblib"
    main(["--quiet", *(["--output", str(path)] if keep else [])])
    text = capsys.readouterr().out
    saved = f"Saved to {path} and loaded again (" if keep else "Saved and loaded again ("
    assert saved in text
    assert path.exists() == keep
    assert keep or tempfile.gettempdir() not in text
    assert "predictions are equal to the last bit" in text


def test_the_readme_runs_what_it_installs():
    # Without -P Python would take the folder in the checkout for the package.
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    block = readme.split("## Run it")[1].split("```")[1]
    assert "pip install . && " in block
    assert "python -P -m skgru" in block
