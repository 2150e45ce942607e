"""How training shows what it is doing: a live bar on a terminal, plain lines elsewhere."""

import sys
import time

_WIDTH = 24
_LINES = 10


class Progress:
    """Prints an epoch at a time.

    Parameters
    ----------
    name : str
        Of the estimator.
    n_epochs : int
    verbose : int
        1: a bar on a terminal; about ten lines elsewhere. 2 or more: a line for every epoch.
    stream : file, default=None
        Standard output if None.
    """

    def __init__(self, name, n_epochs, verbose, stream=None):
        self.name, self.n_epochs, self.verbose = name, n_epochs, verbose
        self.stream = sys.stdout if stream is None else stream
        self.is_live = verbose == 1 and getattr(self.stream, "isatty", bool)()
        self.started = time.perf_counter()
        self._last = None

    def show(self, report):
        """Show the state after an epoch."""
        self._last = report
        done = report.epoch + 1
        if self.is_live:
            filled = _WIDTH * done // self.n_epochs
            bar = "#" * filled + "." * (_WIDTH - filled)
            self.stream.write(f"\r{self.name} [{bar}] {self._describe(report)}\x1b[K")
            self.stream.flush()
        elif self.verbose > 1 or done % max(1, self.n_epochs // _LINES) == 0 or done == 1:
            self._line(report)

    def close(self, end):
        """Show how training ended."""
        report = self._last
        if report is None:
            return
        if self.is_live:
            self.stream.write("\n")
        elif self.verbose == 1 and end != "max_iter":
            self._line(report)
        seconds = time.perf_counter() - self.started
        self.stream.write(
            f"{self.name} {_ENDS[end]} after {report.epoch + 1} epochs, {_clock(seconds)}\n"
        )
        self.stream.flush()

    def _line(self, report):
        self.stream.write(f"{self.name} {self._describe(report)}\n")
        self.stream.flush()

    def _describe(self, report):
        done = report.epoch + 1
        left = (time.perf_counter() - self.started) / done * (self.n_epochs - done)
        parts = [f"epoch {done}/{self.n_epochs}", f"loss {report.loss:.5g}"]
        if report.validation_score is not None:
            parts.append(f"validation score {report.validation_score:.4f}")
        return "  ".join([*parts, f"{_clock(left)} left"])


_ENDS = {
    "max_iter": "finished",
    "plateau": "stopped improving",
    "callback": "was stopped by a callback",
    "interrupt": "was interrupted",
    "non_finite": "stopped at a loss that is not finite",
}


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
