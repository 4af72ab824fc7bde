"""The rule of all planners on the belief: imagined learners say if another item beats the base rule's.

The learners are drawn from the tutor's belief and live in the tutor's fitted model.  The true ones are never
read: the planner is given the tutor's records and nothing else.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from coursewright.agents.planners.imagined import Imagination, Planning
from coursewright.agents.planners.playing_on import Branch, Branches, with_best
from coursewright.agents.portions import parts
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.simulators.arrays import Ints
from coursewright.simulators.luck import Luck


@dataclass(frozen=True, eq=False)
class BeliefPlanner(ABC):
    """The base rule's action, or one of the `candidates` items of most expected gain in its place.

    Attributes
    ----------
    base : the rule that plays on.
    imagination : episodes of learners who are drawn from the belief.
    """

    base: RulePolicy
    imagination: Imagination
    candidates: int
    plans: ClassVar[bool] = True

    @property
    @abstractmethod
    def lives(self) -> int:
        """Imagined learners at a decision, each with a fate of their own."""

    @property
    @abstractmethod
    def simulations(self) -> int:
        """Simulations at a decision: a life may be lived after each candidate."""

    @abstractmethod
    def best(self, seen: Seen, after: Planning, tried: Branches, branch: Branch) -> Ints:
        """The actions `[rows]`; `after` is the memory once the base rule has chosen."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The features that the base rule and the belief read."""
        return (*self.base.rule.needs, *self.imagination.needs)

    def begin(self, luck: Luck) -> Planning:
        """The base rule's memory; a learner's key tells nothing of its luck."""
        return Planning(luck.learner.copy(), self.base.rule.begin(luck))

    def choose(self, seen: Seen, memory: Planning) -> tuple[Ints, Planning]:
        """Actions `[batch]`."""
        records, thoughts = seen.records, self.imagination.thoughts(seen)
        action, then = self.base.rule.choose(seen, memory.base)
        seen.drawn.otherwise = bool(seen.drawn.among)  # a draw of the rule's may not be the last word
        after = memory._replace(base=then)
        branches = with_best(action, self.imagination.worth(seen), self.candidates)
        chosen = action.copy()
        branch = partial(self.imagination.episodes, records, thoughts)
        each = self.simulations * self.imagination.bytes_each(records)
        for rows in parts(np.flatnonzero(~records.over), each):
            tried = Branches(rows, branches[rows], after.fates(rows, seen.turn, self.lives))
            chosen[rows] = self.best(seen, after, tried, branch)
        return chosen, after
