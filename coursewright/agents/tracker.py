"""What an agent sees of experiment tracking: numbers go out, and that is all."""

from collections.abc import Mapping
from typing import Protocol


class Tracker(Protocol):
    """Where training numbers go; the concrete ones live in `coursewright.scripts.tracking`."""

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Record `data` at `step`, the number of environment steps taken so far.

        Call it once a rollout, never once a step.  Names are flat with a room in front
        (`train/gain`, `eval/gain`).
        """


class SilentTracker:
    """Keeps nothing: for tests, notebooks, and tuning inside an agent."""

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Drop the numbers."""
