"""MEMORIZE (Tabibian et al., PNAS 2019): reviews at random, the more likely the more is forgotten.

The intensity of an item's next review is u(t) = (1 - m(t)) / sqrt(q), with m(t) the believed recall t days
after the last one.  The law of its first event is that of thinning: the cumulated intensity reaches an
exponential draw.
"""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.options import positive, switches
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.schedulers.by_memory import Recalled, begun, believed_memory, told
from coursewright.agents.schedulers.calendar import Calendar, CalendarRule, write_items
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.luck import POLICY, uniforms
from coursewright.simulators.memory.answered import Memory, nobody


@dataclass(frozen=True, eq=False)
class MemorizePlan:
    """An item is due on a day that is drawn by what will have been forgotten by then."""

    memory: Memory
    q: float

    def begin(self, batch: int, items: int) -> Recalled:
        """Learners who have met nothing."""
        return Recalled(begun(self.memory, batch), np.zeros((batch, 0)))

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """See `Plan`; the days of the last turn pass for the memory here."""
        learners = kept.own.learners
        told(self.memory, learners, last)
        if (last.item >= 0).any():
            draw, item = np.empty(len(last.item)), np.maximum(last.item, 0)
            uniforms(seen.fate, seen.turn, POLICY, draw)
            days = np.empty(len(draw))
            self.memory.lost_in(learners, item, -np.log1p(-draw) * np.sqrt(self.q), days)
            write_items(last.item, kept.now + days, kept.due)
        self.memory.model.elapse(learners, last.days, nobody(len(last.item)))


@dataclass(frozen=True)
class Memorize:
    """MEMORIZE over the tutor's memory; `q` weighs reviews against what is forgotten.

    Raises `InputError` for a q that is not positive.
    """

    q: float = 1.0
    new_first: bool = True

    def __post_init__(self) -> None:
        positive(q=self.q)
        switches(new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a tutor that thinks by no memory, or a task without dates."""
        plan = MemorizePlan(believed_memory("memorize", task), float(self.q))
        return RulePolicy("memorize", task, CalendarRule(task, plan, self.new_first))
