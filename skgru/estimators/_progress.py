"""How training shows what it is doing: a live bar on a terminal, plain lines elsewhere."""

import shutil
import sys
import time

_WIDTH, _NARROWEST = 24, 8  # of the bar
_LINES = 10


class Progress:
    """Prints progress, epoch by epoch.

    Parameters
    ----------
    name : str
        Name of the estimator.
    n_epochs : int
    verbose : int
        1: a bar on a terminal; about ten lines elsewhere. 2 or more: a line for every epoch.
    stream : file, default=None
        Standard output if None.
    first_epoch : int, default=0
        Epochs that an earlier call has done.
    """

    def __init__(self, name, n_epochs, verbose, stream=None, *, first_epoch=0):
        self.name, self.n_epochs, self.verbose = name, n_epochs, verbose
        self.first_epoch = first_epoch
        self.stream = sys.stdout if stream is None else stream
        self.is_live = verbose == 1 and getattr(self.stream, "isatty", bool)()
        self.started, self._first_ended = time.perf_counter(), None
        self._last, self._has_said_compiling = None, False
        self._begin()

    def _begin(self):
        if self.is_live:
            self._line(f"{self.name} epoch {self.first_epoch + 1}/{self.n_epochs}")

    def compiling(self, folder):
        """Say, once in a fit, that kernels are being compiled, which takes seconds.

        Parameters
        ----------
        folder : str or None
            As in `listen_to_compilation`.
        """
        if self._has_said_compiling:
            return
        self._has_said_compiling = True
        self._line(f"{self.name} {describe_compilation(folder)}")
        if self.is_live:
            self.stream.write("\n")
        self._begin()

    def show(self, report):
        """Show the state after an epoch."""
        if self._first_ended is None:
            self._first_ended = time.perf_counter()
        self._last = report
        done = report.epoch + 1
        if self.is_live:
            self._line(self._fitting(done, self._parts(report)))
        elif self.verbose > 1 or done % max(1, self.n_epochs // _LINES) == 0 or done == 1:
            self._line(self._describe(report))

    def close(self, end):
        """Show how training ended."""
        report = self._last
        if self.is_live:
            self.stream.write("\n")
        if report is None:
            return
        if self.verbose == 1 and not self.is_live and end != "max_iter":
            self._line(self._describe(report))
        seconds = time.perf_counter() - self.started
        self.stream.write(
            f"{self.name} {_ENDS[end]} after {report.epoch + 1} epochs, {_clock(seconds)}\n"
        )
        self.stream.flush()

    def _line(self, text):
        """Print a new line, or on a terminal overwrite the current one."""
        self.stream.write(f"\r{text}\x1b[K" if self.is_live else f"{text}\n")
        self.stream.flush()

    def _describe(self, report):
        return f"{self.name} {'  '.join(self._parts(report))}"

    def _parts(self, report):
        """The pieces of the report on an epoch, the most important first."""
        done = report.epoch + 1
        parts = [f"epoch {done}/{self.n_epochs}", f"loss {report.loss:.5g}"]
        if report.validation_score is not None:
            parts.append(f"validation score {report.validation_score:.4f}")
        n_typical = done - self.first_epoch - 1  # the first epoch may include compilation
        if n_typical > 0:
            per_epoch = (time.perf_counter() - self._first_ended) / n_typical
            parts.append(f"{_clock(per_epoch * (self.n_epochs - done))} left")
        return parts

    def _fitting(self, done, parts):
        """The line for a terminal. If it is too long, first the bar is narrowed, then the name is
        dropped, then the bar, and then parts from the end.
        """
        columns = shutil.get_terminal_size().columns - 1  # some terminals wrap a full line
        text = "  ".join(parts)
        for start in (f"{self.name} ", ""):
            width = min(_WIDTH, columns - len(f"{start}[] {text}"))
            if width >= _NARROWEST:
                filled = width * done // self.n_epochs
                return f"{start}[{'#' * filled}{'.' * (width - filled)}] {text}"
        while len(text) > columns and len(parts) > 1:
            parts = parts[:-1]
            text = "  ".join(parts)
        return text[:columns]


_ENDS = {
    "max_iter": "finished",
    "plateau": "stopped improving",
    "callback": "was stopped by a callback",
    "interrupt": "was interrupted",
    "non_finite": "stopped at a loss that is not finite",
}


def describe_compilation(folder):
    """What verbose output says before kernels are compiled; see `listen_to_compilation`."""
    if folder is None:
        return "compiles kernels, once in this process: they are not kept on disk"
    return f"compiles kernels, once on this machine, and keeps them in {folder}"


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
