"""The terms on which a tutor teaches: the record of a response, and the allowed actions."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from coursewright.envs.belief import COLUMNS
from coursewright.envs.features import BELIEFS
from coursewright.envs.history import SUCCESSES, Rules
from coursewright.envs.layout import Layout
from coursewright.envs.locks import Gate, Locks
from coursewright.envs.mind import Mind
from coursewright.envs.price import Price
from coursewright.simulators.arrays import Floats, Observation
from coursewright.simulators.course import Course

ENDLESS = np.iinfo(np.int64).max
LOGS = 1000  # counts in the first table of logarithms where an episode has no end


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of `record.Records`; a `Task` makes its own (`task.terms`), and knows learners besides.

    Attributes
    ----------
    course, layout : the course, and the layout of its observations.
    tutor : the table of `belief.tutor_table`; None where no belief is kept.
    mind : the model that the tutor thinks by; None: the table alone.
    shared_blame : True where a wrong answer is explained by the item's skills together.
    unlock_after : successes on each prerequisite that unlock an item (0: nothing is locked).
    delays : the number of delays that each item comes with.
    stop : True where there is one more action, the last.
    budget : in minutes if `by_minutes`, otherwise in steps; infinite for learners without an end.
    horizon : the largest number of steps.
    price : of a minute: the same for all, a range (then each record is told its own), or none.
    """

    course: Course
    layout: Layout
    tutor: Floats | None = None
    mind: Mind[Any] | None = None
    shared_blame: bool = True
    unlock_after: int = 0
    delays: int = 1
    stop: bool = False
    budget: float = np.inf
    by_minutes: bool = False
    horizon: int = ENDLESS
    price: Price = None

    @property
    def n_actions(self) -> int:
        """One action per item and delay, and one more with `stop`."""
        return self.course.n_items * self.delays + int(self.stop)

    def endless(self) -> "Terms":
        """The same terms for learners without an end."""
        return replace(self, budget=np.inf, horizon=ENDLESS)

    @cached_property
    def keeps_days(self) -> bool:
        """True where a built-in feature tells the days since something happened."""
        return not {"days_since", "item_days_since"}.isdisjoint(self.layout.features)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The features that the mind writes; none without a mind."""
        return (
            ()
            if self.mind is None
            else tuple(record.name for record in BELIEFS if record in self.layout.records)
        )

    def rules(self, longest_past: int) -> Rules:
        """The terms as kernels read them; learners' visible pasts have up to `longest_past` entries."""
        counts = max(LOGS if self.horizon == ENDLESS else self.horizon, longest_past)
        start, needed = self.course.needed
        return Rules(
            first=self.layout.first,
            stride=self.layout.stride,
            logs=logs(counts),
            tutor=np.zeros((self.course.n_skills, COLUMNS)) if self.tutor is None else self.tutor,
            shared_blame=self.shared_blame,
            start=start,
            needed=needed,
            one_to_one=self.course.one_to_one,
            budget=float(self.budget),
            by_minutes=self.by_minutes,
            horizon=self.horizon,
        )

    def locks(self, batch: int) -> Locks:
        """The locks of so many learners."""
        waiting = self.course.waiting
        missing = np.bincount(waiting.values, minlength=self.course.n_items).astype(np.int64)
        gate = None
        if self.unlock_after:
            first = int(self.layout.first[SUCCESSES])
            gate = Gate(first, self.layout.stride, self.unlock_after, *self.course.needed, *waiting)
        return Locks(batch, self.n_actions, self.delays, missing, gate)


def logs(counts: int) -> Observation:
    """ln(1 + n) for n from 0 to `counts`."""
    return np.log1p(np.arange(counts + 1)).astype(np.float32)
