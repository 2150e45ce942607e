"""The long run: ``python -m tests.attack --seed 0``, from the root of a checkout.

Every group runs in a process of its own, which is started again behind a case that crashes or
hangs it. At the end the results stand in a table, and failures below it, each with the command that
repeats its case.
"""

import argparse
import faulthandler
import json
import os
import platform
import select
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests import conftest  # noqa: F401  chooses the cache of compiled kernels

from . import NAMES, load
from .attack import run_cases
from .processes import ROOT

_SHOWN_FAILURES = 10
_MAX_LOST = 5


@dataclass
class Result:
    """What came of a group."""

    title: str
    tried: int = 0
    failures: list = field(default_factory=list)  # (number of the case, what went wrong)
    notes: list = field(default_factory=list)
    seconds: float = 0.0


# --- the process of a group ---------------------------------------------------------------------
def work(name, seed, first, last):
    """Run some cases; print one line of JSON for each."""
    attack = load(name)
    faulthandler.enable()
    for number, verdict in run_cases(attack, seed, range(first, last)):
        print(json.dumps([number, verdict.tried, verdict.failures, verdict.note]), flush=True)


# --- the process that starts them ---------------------------------------------------------------
def run_group(name, seed, first, last):
    """Run the cases of a group, in as many processes as it takes."""
    attack = load(name)
    result, start, number = Result(attack.title), time.monotonic(), first
    n_lost = 0  # processes in succession that ended before they had finished a case
    while number < last:
        if n_lost == _MAX_LOST:
            result.failures.append((number, f"given up, {last - number} cases were not tried"))
            break
        n_lost += 1
        for case, tried, failures, note, is_lost in _lines_of(attack, seed, number, last):
            result.tried += tried
            result.failures += [(case, failure) for failure in failures]
            result.notes += [note] if note and note not in result.notes else []
            _show_progress(name, case + 1 - first, last - first, result)
            number = case + 1
            n_lost = n_lost if is_lost else 0
    result.seconds = time.monotonic() - start
    print(flush=True)
    return result


def _lines_of(attack, seed, first, last):
    """What a process prints; if it ends early, the case behind its last one is a failure."""
    command = [sys.executable, "-m", "tests.attack", "--seed", str(seed), "--work", attack.name]
    number, errors = first, deque(maxlen=40)
    process = subprocess.Popen(
        [*command, str(first), str(last)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    streams = {process.stdout, process.stderr}
    while streams:
        ready = select.select(list(streams), [], [], attack.limit)[0]
        if not ready:
            process.send_signal(signal.SIGABRT)  # upon which it prints where it is
        for stream in ready:
            line = stream.readline()
            if not line:
                streams.remove(stream)
            elif stream is process.stderr:
                if not line.startswith("Extension modules"):  # a hundred names
                    errors.append(line.strip())
            else:
                found = json.loads(line)
                number = found[0] + 1
                yield *found, False
    status = process.wait()
    process.stdout.close()
    process.stderr.close()
    if number < last:
        words = " < ".join(errors)[-700:]
        yield number, 1, [f"ended the process (status {status}): {words}"], "", True


def _show_progress(name, done, n_cases, result):
    if done == n_cases or done % max(1, n_cases // 20) == 0:
        text = f"{name}: {done} of {n_cases} cases, {result.tried} tried"
        print(f"\r{text}, {len(result.failures)} failures", end="", flush=True)


# --- the report ---------------------------------------------------------------------------------
def report(results, seed):
    """The table, and what it was measured with, in Markdown."""
    packages = ", ".join(
        f"{name} {version(distribution)}"
        for name, distribution in (
            ("NumPy", "numpy"), ("Numba", "numba"), ("scikit-learn", "scikit-learn"),
        )
    )  # fmt: skip
    minutes = sum(result.seconds for result in results.values()) / 60
    lines = [
        f"Seed {seed}, {minutes:.0f} minutes on {os.cpu_count()} cores; Python "
        f"{platform.python_version()}, {packages}, {platform.system()}.",
        "",
        "| group | tried | failures |",
        "| --- | ---: | ---: |",
    ]
    for result in results.values():
        notes = "".join(f" ({note})" for note in result.notes)
        lines.append(f"| {result.title}{notes} | {result.tried:,} | {len(result.failures)} |")
    return "\n".join(lines) + "\n"


def show_failures(results, seed):
    for name, result in results.items():
        for number, failure in result.failures[:_SHOWN_FAILURES]:
            print(f"\n{name}: {failure}")
            print(f"  again: python -m tests.attack --seed {seed} --only {name} --case {number}")
        hidden = len(result.failures) - _SHOWN_FAILURES
        if hidden > 0:
            print(f"\n{name}: and {hidden} more")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="some groups, by name: " + ",".join(NAMES))
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of cases")
    parser.add_argument("--case", type=int, help="the number of a single case")
    parser.add_argument("--out", type=Path, help="file to write the table to")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, first, last = options.work
        work(name, options.seed, int(first), int(last))
        return 0
    names = options.only.split(",") if options.only else NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}")
    results = {}
    for name in names:
        cases = (0, max(1, round(options.scale * load(name).n_cases)))
        if options.case is not None:
            cases = (options.case, options.case + 1)
        results[name] = run_group(name, options.seed, *cases)
    show_failures(results, options.seed)
    table = report(results, options.seed)
    print("\n" + table)
    if options.out:
        options.out.write_text(table)
    return 1 if any(result.failures for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
