"""The timing of steps: the number of days that pass after each of them.

A task takes a fixed number of days, or one of these.  A schedule of your own is any object with `longest`
and `gaps`.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats
from coursewright.simulators.luck import GAP, Luck, uniforms


@runtime_checkable
class Schedule(Protocol):
    """The lengths of the pauses between steps, which do not depend on the policy."""

    @property
    def longest(self) -> float:
        """The longest pause, in days."""
        ...

    def gaps(self, luck: Luck, out: Floats) -> None:
        """Write the days `[batch]` between the step just taken, number `luck.step - 1`, and the next."""
        ...


@dataclass(frozen=True)
class Fixed:
    """The same number of days after each step."""

    days: float = 0.0

    def __post_init__(self) -> None:
        _check_days("task.days", self.days)

    @property
    def longest(self) -> float:
        """The pause itself."""
        return self.days

    def gaps(self, luck: Luck, out: Floats) -> None:
        """Write the pause into every row."""
        out[:] = self.days


@dataclass(frozen=True)
class Sessions:
    """Sessions of `steps` steps each, a day split evenly between `per_day` of them.

    `days_between` days lie between the end of one session and the beginning of the next; where it is not
    given, 1 / `per_day`.  Within a session `within` days pass from step to step (a minute is 1/1440).
    """

    steps: int
    per_day: float = 1.0
    days_between: float | None = None
    within: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or int(self.steps) != self.steps:
            raise reject("task.days.steps", self.steps, "a whole number >= 1")
        if not 0.0 < self.per_day < np.inf:
            raise reject("task.days.per_day", self.per_day, "a finite number > 0")
        _check_days("task.days.within", self.within)
        _check_days("task.days.days_between", self.between)

    @property
    def between(self) -> float:
        """Days from one session to the next."""
        return 1.0 / self.per_day if self.days_between is None else self.days_between

    @property
    def longest(self) -> float:
        """The longer of the two pauses."""
        return max(self.between, self.within)

    def gaps(self, luck: Luck, out: Floats) -> None:
        """A long pause after every `steps`-th step."""
        out[:] = np.where(luck.step % self.steps == 0, self.between, self.within)


@dataclass(frozen=True)
class RandomGaps:
    """Pauses drawn from an exponential distribution with this `mean` (days), cut off at `longest`.

    The draw belongs to the learner and the step: any two policies meet the same pauses.
    """

    mean: float
    longest: float = 365.0

    def __post_init__(self) -> None:
        for name in ("mean", "longest"):
            _check_days(f"task.days.{name}", getattr(self, name))

    def gaps(self, luck: Luck, out: Floats) -> None:
        """One draw a row."""
        uniforms(luck.fate, luck.step, GAP, out)
        out[:] = np.minimum(-self.mean * np.log1p(-out), self.longest)


def _check_days(field: str, days: float) -> None:
    if not 0.0 <= days < np.inf:
        raise reject(field, days, "a finite number of days >= 0")
