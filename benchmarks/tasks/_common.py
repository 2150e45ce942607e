"""What the scripts of this folder share: results, one line a run, and tables made of them."""

import json
import sys
import time
from pathlib import Path

import numpy as np

# The scripts are run by path, so the folder above is no package of theirs.
BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path.append(str(BENCHMARKS))

from _runner import markdown_table, source_hash  # noqa: E402

SEEDS = 3


class Results:
    """Finished runs of one task, a JSON object on each line of a file.

    A run that is in the file already is not made again, so a script that was stopped goes on where
    it was. A change of the package is not noticed; each line records a hash of its sources. Delete
    the file to measure everything anew.

    Parameters
    ----------
    path : path-like
        Read if it exists, and extended.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._found = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                self._found[self._key(record["run"])] = record

    @staticmethod
    def _key(run):
        return json.dumps(run, sort_keys=True)

    def find(self, run):
        """Return what was found for `run`, or None if the file does not have it."""
        record = self._found.get(self._key(run))
        return None if record is None else record["found"]

    def measure(self, run, evaluate):
        """Return what `evaluate` found for `run`, from the file where it is there already.

        Parameters
        ----------
        run : dict
            Of JSON types; says what is run: split, model, parameters, seed.
        evaluate : callable
            Returns a dict of JSON types.

        Returns
        -------
        found : dict
            That of `evaluate`, and the ``seconds`` it took where it has none itself.
        """
        run = json.loads(self._key(run))  # tuples are lists in the file
        if self._key(run) not in self._found:
            start = time.perf_counter()
            found = evaluate()
            found.setdefault("seconds", round(time.perf_counter() - start, 2))
            record = {"run": run, "found": found, "source": source_hash()}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            self._found[self._key(run)] = record
            told = ", ".join(f"{name} {value:.4g}" for name, value in found.items()
                             if isinstance(value, float))  # fmt: skip
            print(f"{' '.join(map(str, run.values()))}: {told}", flush=True)
        return self._found[self._key(run)]["found"]


def search(results, stages, evaluate, merit, *, seeds, **about):
    """Choose parameters stage by stage, each from the best so far.

    Parameters
    ----------
    results : Results
    stages : list of list of dict
        For each stage, the choices to try on top of those made before it.
    evaluate : callable
        Takes (choices, seed), returns a dict of JSON types. It must not see a test part.
    merit : callable
        Takes what `evaluate` found for all seeds; greater is better.
    seeds : int
    about : dict
        What else a run is about, such as the split.

    Returns
    -------
    chosen : dict
    found : list of dict
        Of the choices made, one for each seed.
    n_tried : int
    """
    best, chosen, kept, tried = None, {}, None, set()
    for options in stages:
        base = chosen
        for option in options:
            choices = {**base, **option}
            found = [
                results.measure(
                    {**about, "choices": choices, "seed": seed},
                    lambda choices=choices, seed=seed: evaluate(choices, seed),
                )
                for seed in range(seeds)
            ]
            tried.add(json.dumps(choices, sort_keys=True))
            if best is None or merit(found) > best:
                best, chosen, kept = merit(found), choices, found
    return chosen, kept, len(tried)


def as_text(choices):
    """Choices as they are written in a call."""
    return ", ".join(f"`{name}={value!r}`" for name, value in choices.items())


def network_params(choices, names):
    """Choices apart: those of the data, called `names`, and the parameters of the network."""
    ours = {name: value for name, value in choices.items() if name in names}
    return ours, {name: value for name, value in choices.items() if name not in names}


def timed_fit(model, *data, **weights):
    """Fit, and return the seconds of processor time it took; other programs do not count."""
    start = time.process_time()
    model.fit(*data, **weights)
    return round(time.process_time() - start, 2)


def over_seeds(found, name, digits=3):
    """Mean and standard deviation over seeds, as text."""
    values = [one[name] for one in found]
    text = f"{np.mean(values):.{digits}f}"
    return f"{text} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else text


def write_table(path, paragraphs, header, rows, notes=()):
    """Write what a script has found as Markdown: paragraphs, a table, and notes below it."""
    text = "\n\n".join([*paragraphs, markdown_table(header, rows), *notes]) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(text)


def as_measured(options):
    """How often and on what fits were measured, to end a sentence of a table's introduction."""
    return (
        f"mean ± standard deviation over {options.seeds} seeds, seconds of processor time of a fit "
        f"on {options.jobs} thread{'s' * (options.jobs > 1)}"
    )


def add_arguments(parser, name):
    """Give a parser the arguments of every task."""
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=1, help="threads of a fit")
    docs = BENCHMARKS.parent / "docs" / "_tables"
    parser.add_argument("--out", type=Path, default=docs / f"tasks_{name}.md", help="Markdown file")
    results = BENCHMARKS / "results" / f"tasks_{name}.jsonl"
    parser.add_argument("--results", type=Path, default=results, help="one line a run")
