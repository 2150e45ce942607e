"""What was measured, in ``benchmarks/results``; the reports in ``docs/_tables`` are made from it.

A file holds what the clocks and scores said and nothing that follows from it. It is JSON, written
so that a measurement takes a line: `git diff` then shows which ones have changed.
"""

import json
import os
import platform
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
_COLUMNS = 300


def add_arguments(parser, *, required=True):
    """Add the options that say where a report goes and what it is made from."""
    parser.add_argument("--out", type=Path, required=required, help="Markdown file to write")
    parser.add_argument(
        "--results", type=Path,
        help="file of the measurements; for --out NAME.md benchmarks/results/NAME.json by default",
    )  # fmt: skip
    parser.add_argument(
        "--report-only", action="store_true",
        help="measure nothing; write the report on the measurements that are stored",
    )  # fmt: skip


def results_path(options):
    """Return the file of the measurements that belongs to ``options.out``."""
    return options.results or FOLDER / f"{options.out.stem}.json"


def read(path):
    """Return what `write` was given."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path, content):
    """Write `content` (of JSON types); the file is replaced whole, never half written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(_text(content) + "\n", encoding="utf-8")
    os.replace(draft, path)


def _text(content):
    """JSON without indentation; what is too long for a line has one member a line."""
    line = json.dumps(content)
    if len(line) <= _COLUMNS:
        return line
    if isinstance(content, dict):
        members = [f"{json.dumps(name)}: {_text(value)}" for name, value in content.items()]
        return "{\n" + ",\n".join(members) + "\n}"
    if isinstance(content, list) and any(isinstance(value, dict | list) for value in content):
        return "[\n" + ",\n".join(map(_text, content)) + "\n]"
    return line


def versions(*packages):
    """Return the versions of Python and of `packages`, to be stored beside what they measured."""
    found = {"Python": platform.python_version()}
    return found | {package: metadata.version(package) for package in packages}
