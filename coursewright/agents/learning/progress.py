"""The progress of a training: one line on a terminal, for trainings that take long."""

import sys
import time

PATIENCE = 2.0  # seconds of silence: a shorter training shows no progress
INTERVAL = 0.5  # seconds between two updates


class Progress:
    """A line on stderr, rewritten in place; nothing where stderr is not a terminal."""

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = total
        self._start = self._shown = time.monotonic()
        self._first: int | None = None
        self._visible = False

    def show(self, done: int, returned: float) -> None:
        """`done` of `total` steps, and the mean return of recent episodes."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._start < PATIENCE or now - self._shown < INTERVAL or not sys.stderr.isatty():
            return
        self._shown = now
        self._visible = True
        rate = (done - self._first) / (now - self._start)
        left = (self.total - done) / rate if rate > 0 else float("inf")
        share = min(1.0, done / self.total)
        sys.stderr.write(
            f"\r{self.name} {share:4.0%}  {done:,} of {self.total:,} steps  {rate:,.0f}/s  "
            f"{left:.0f} s left  return {returned:.3f}\x1b[K"
        )
        sys.stderr.flush()

    def finish(self) -> None:
        """Leave the line clean."""
        if self._visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
