"""ACT-R's memory fitted to a log by log loss, with the exact gradient (equations: `simulators/act_r.py`).

The strength of an item depends on a and c through the decay of every earlier trace, which in turn depends on
the strengths before it; the two derivatives are carried along beside each decay rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.descent import lowest
from coursewright.fitting.memory.reviews import Reviews, first_share, reviews_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.act_r import ActR, felt, recall
from coursewright.simulators.memory.tables import write_memory

FITTED = ("a", "c", "s", "tau")
START = (0.17679, 0.21697, 0.25489, -0.70421)
BOUNDS = ((0.001, 2.0), (0.0, 2.0), (0.01, 10.0), (-20.0, 20.0))


@dataclass(frozen=True)
class ActRModel:
    """The settings of a fit: `h` and `history` are not fitted but given (see `ActR`)."""

    h: float = 0.025
    history: int = 32
    iterations: int = 500

    needs_times: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0.0 < self.h < np.inf:
            raise reject("model.h", self.h, "a finite number above 0")
        for field in ("history", "iterations"):
            if getattr(self, field) < 1:
                raise reject(f"model.{field}", getattr(self, field), "at least 1")

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "ACT-R"

    def fit(self, log: Coded) -> "FittedActR":
        """Fit a, c, s and tau to `log` by L-BFGS; first meetings are not scored."""
        reviews = reviews_of(log)
        scored = max(int((~reviews.first & (reviews.correct >= 0)).sum()), 1)

        def mean(theta: Floats) -> tuple[float, Floats]:
            nats, slope, _ = walk(theta, reviews, self.h, self.history)
            return nats / scored, slope / scored

        theta, converged = lowest(mean, START, self.iterations, BOUNDS)
        return FittedActR(self, theta, course_of(log), first_share(reviews), converged)


@dataclass(frozen=True, eq=False)
class FittedActR:
    """`theta [4]` is a, c, s, tau; `first` the share of right answers at first meetings."""

    settings: ActRModel
    theta: Floats
    course: Course
    first: float
    converged: bool

    @property
    def teaching(self) -> Teaching:
        """See `read_act_r`."""
        return Teaching(task="recall", simulator="fitted_act_r")

    def estimates(self) -> Estimates:
        """The constants, and P(correct) at a first meeting."""
        return Estimates((*FITTED, "h", "first"), np.array([*self.theta, self.settings.h, self.first]))

    def warnings(self) -> Sequence[str]:
        """Constants at a bound, and whether the search ended by itself."""
        lines = [
            f"at a bound: {name}"
            for name, value, bound in zip(FITTED, self.theta.tolist(), BOUNDS, strict=True)
            if value in bound
        ]
        return lines if self.converged else [*lines, "the search did not converge"]

    def undetermined(self) -> Sequence[str]:
        """Constants that were given, and assumptions."""
        return [
            f"h = {self.settings.h:g}, the share of the clock's seconds that count, was given and not "
            "fitted.",
            "All learners are alike, and all items, by assumption.",
        ]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]`."""
        reviews = reviews_of(log)
        p = walk(self.theta, reviews, self.settings.h, self.settings.history)[2]
        p[reviews.first] = self.first
        return reviews.in_rows(p)

    def simulator(self) -> ActR:
        """Learners with these constants, over the log's items."""
        a, c, s, tau = self.theta.tolist()
        return ActR(self.course, a, c, s, tau, self.settings.h, self.settings.history, self.first)

    def write(self, folder: Path) -> None:
        """Write the tables that `read_act_r` reads."""
        write_memory(folder, "act_r", self.estimates(), self.course, {"history": self.settings.history})


class Given(NamedTuple):
    """The parameters that are given, not fitted; see `ActRModel`."""

    h: float
    history: int


def walk(theta: Floats, reviews: Reviews, h: float, history: int) -> tuple[float, Floats, Floats]:
    """The log loss in nats at theta `[4]`, its gradient, and P(recall) `[reviews]` (0 at first meetings)."""
    slope, p, room = np.zeros(4), np.zeros(len(reviews.row)), np.empty((3, len(reviews.row)))
    given = Given(h, history)
    nats = _walk(theta, reviews.start, reviews.day, reviews.correct, given, room, slope, p)
    return nats, slope, p


@kernel
def _walk(
    theta: Floats,
    start: Ints,
    day: Floats,
    correct: Ints,
    given: Given,
    room: Floats,
    slope: Floats,
    p: Floats,
) -> float:
    h, history = given.h, given.history
    a, c, s, tau = theta[0], theta[1], theta[2], theta[3]
    decay, by_a, by_c = room[0], room[1], room[2]  # of each trace, and its derivatives
    total = 0.0
    for k in range(start.shape[0] - 1):
        for r in range(start[k], start[k + 1]):
            strength = strength_a = strength_c = 0.0
            for j in range(max(start[k], r - history), r):
                seconds = felt(day[r] - day[j], h)
                left = seconds ** -decay[j]
                fading = left * np.log(seconds)
                strength += left
                strength_a -= fading * by_a[j]
                strength_c -= fading * by_c[j]
            decay[r] = c * strength + a
            by_a[r] = 1.0 + c * strength_a
            by_c[r] = strength + c * strength_c
            if r == start[k]:
                continue
            p[r] = recall(strength, s, tau)
            if correct[r] < 0:
                continue
            z = (np.log(strength) - tau) / s
            total += np.log1p(np.exp(-z if correct[r] == 1 else z))
            up = (p[r] - correct[r]) / s  # slope at the activation, ln strength
            slope[0] += up * strength_a / strength
            slope[1] += up * strength_c / strength
            slope[2] -= up * z
            slope[3] -= up
    return total
