"""The part of experiment tracking that an agent sees: numbers go out, and that is all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Tracker(Protocol):
    """A place for training numbers; the concrete ones live in `coursewright.scripts.tracking`."""

    @property
    def directory(self) -> Path | None:
        """The folder for the files that a run needs to go on after an interruption; None: nowhere."""
        ...

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Record `data` at `step`, the number of environment steps taken so far.

        Call it once a rollout, never once a step.  Names are flat with a room in front
        (`train/gain`, `eval/gain`).
        """


class SilentTracker:
    """Keeps no numbers: for tests, notebooks, and tuning inside an agent.

    With a `directory` an interrupted training can still be resumed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Drop the numbers."""


SILENT = SilentTracker()
"""The tracker for a call of an agent without one: nothing is kept."""
