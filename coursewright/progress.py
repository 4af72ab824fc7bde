"""Progress for whoever waits: a bar on a terminal or in a notebook, and elsewhere a line a minute in the log.

with Progress("maskable_ppo", 500_000, "steps") as progress:
    progress.show(15_360, "return 0.412")

Elsewhere is a job under nohup or SLURM, a pipe, and every worker of a sweep, whose lines go wherever its own
log goes.  What is over within seconds shows nothing.
"""

import logging
import multiprocessing
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NoReturn, TypeVar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a notebook without widgets, where bars are plain text
    from tqdm.auto import tqdm

PATIENCE = 2.0  # seconds of silence: what is shorter needs no progress
INTERVAL = 0.5  # seconds between two looks of a bar
EVERY = 60.0  # seconds between two lines of a log
FORMAT = "{desc} {percentage:3.0f}%|{bar}| {n:,} of {total:,} {unit}, {remaining} left, {rate_fmt}{postfix}"
OPEN = "{desc}: {n:,} {unit}, {elapsed}, {rate_fmt}{postfix}"

log = logging.getLogger(__name__)
Entry = TypeVar("Entry")


class Progress:
    """The progress of some work; show it as often as you like.

    Parameters
    ----------
    name : the name of the work.
    total : the amount of work in `unit`; None: unknown.  More work than that counts as all.
    done : the amount done before, by a run that was interrupted.
    """

    def __init__(self, name: str, total: int | None, unit: str, done: int = 0) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.first = self.done = done
        self.note = ""
        self._begun = self._told = time.monotonic()
        self._watched = _watched()
        self._bar = self._new_bar() if self._watched else None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, done: int, note: str = "", total: int | None = None) -> None:
        """So much is `done`, all told; `note` says something of it, and `total` is known now."""
        self.done, self.note = done, note or self.note
        if total is not None or self.total is not None:
            self.total = max(total or self.total or 0, done)
        if self._watched and self._bar is None:  # work that goes on after a pause
            self._bar = self._new_bar()
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.bar_format = OPEN if self.total is None else FORMAT
            if self.note:
                self._bar.set_postfix_str(self.note, refresh=False)
            self._bar.update(done - self._bar.n)
            return
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            log.info("%s", self.line(now - self._begun))

    def more(self, done: int) -> None:
        """So much was done besides."""
        self.show(self.done + done)

    def line(self, seconds: float) -> str:
        """The line of the log after so many `seconds` of work."""
        rate = (self.done - self.first) / max(seconds, 1e-9)
        words = [f"{self.done:,} {self.unit}"]
        if self.total is not None:
            share = self.done / max(self.total, 1)
            words = [f"{self.done:,} of {self.total:,} {self.unit} ({share:.0%})"]
            if rate > 0:
                words.append(f"{tqdm.format_interval((self.total - self.done) / rate)} left")
        words += [f"{rate:,.0f}/s"] if rate >= 1 else [f"{60 * rate:,.1f} a minute"] if rate > 0 else []
        words += [self.note] if self.note else []
        return f"{self.name}: {', '.join(words)}"

    def close(self) -> None:
        """Leave the terminal clean; what is shown later begins anew."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _new_bar(self) -> "tqdm[NoReturn]":
        return tqdm(
            total=self.total,
            initial=self.done,
            desc=self.name,
            unit=self.unit,
            delay=PATIENCE,
            bar_format=OPEN if self.total is None else FORMAT,
            mininterval=INTERVAL,
            leave=False,
        )


def each(entries: Sequence[Entry], name: str, unit: str) -> Iterator[Entry]:
    """The entries one by one, and how far that is."""
    with Progress(name, len(entries), unit) as progress:
        for done, entry in enumerate(entries):
            progress.show(done)
            yield entry
        progress.show(len(entries))


def _watched() -> bool:
    """True where somebody looks at this process: at its terminal, or at its notebook."""
    if multiprocessing.parent_process() is not None:  # the bars of workers would write over each other
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stderr.isatty() or "IPKernelApp" in getattr(shell, "config", ())
