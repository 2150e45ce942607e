"""A fresh process that forks children on request, so that a case does not pay for its imports.

The children of this process have loaded no kernel and started no thread, as if they were fresh
processes themselves. They may be killed.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

#: What the process runs: for every line of input, a call in a child of its own.
_SERVER = """
import faulthandler, importlib, json, os, sys, traceback, warnings
faulthandler.enable()
module = importlib.import_module(sys.argv[1])
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
print("ready", file=answers)
for line in sys.stdin:
    name, arguments, path = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        status = 1
        try:
            warnings.simplefilter("ignore")
            getattr(module, name)(*arguments)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    print(child, file=answers)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), file=answers)
"""


class Server:
    """A process that calls functions of a module in children of its own.

    Parameters
    ----------
    module : str
        The full name of the module.
    folder : Path
        Where what the children write to stderr is kept.
    variables : dict
        Environment variables of the process, besides those of this one.
    """

    def __init__(self, module, folder, **variables):
        self.log = Path(folder) / "stderr.txt"
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            **variables,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, module], env=environment, cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip
        if self._answer() != "ready":
            raise RuntimeError(f"The process for {module} did not start.")

    def _answer(self):
        return self.process.stdout.readline().strip()

    def start(self, name, *arguments):
        """Call a function in a new child, which gets plain arguments; return its process id."""
        print(json.dumps([name, list(map(_plain, arguments)), str(self.log)]),
              file=self.process.stdin, flush=True)  # fmt: skip
        return int(self._answer())

    def wait(self):
        """Return the exit status of the child (minus the signal that killed it)."""
        return int(self._answer())

    def call(self, name, *arguments):
        """Call a function in a new child; return what went wrong, or None."""
        self.start(name, *arguments)
        status = self.wait()
        return None if status == 0 else f"status {status}, {self.last_words()}"

    def kill_after(self, seconds, name, *arguments):
        """Call a function in a new child and kill it by SIGKILL; return its exit status."""
        child = self.start(name, *arguments)
        time.sleep(seconds)
        try:
            os.kill(child, 9)
        except ProcessLookupError:
            pass  # it had ended, and was reaped
        return self.wait()

    def last_words(self):
        """The end of what the last child wrote to stderr, in one line."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " < ".join(line.strip() for line in reversed(lines[-4:]))[:500]

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def _plain(argument):
    return os.fspath(argument) if isinstance(argument, os.PathLike) else argument


@contextmanager
def server(module, folder, **variables):
    """A `Server` that ends with the context."""
    found = Server(module, folder, **variables)
    try:
        yield found
    finally:
        found.end()
