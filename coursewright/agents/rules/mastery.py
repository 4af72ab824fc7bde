"""Mastery rules: a streak of right answers, or a tutor's belief, decides when a skill is done."""

from dataclasses import dataclass

import numpy as np

from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.in_order import (
    Fallback,
    ItemRule,
    MasteryRule,
    Order,
    SkillRule,
    check_choices,
    skill_order,
)
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject


@dataclass(frozen=True)
class NInARow:
    """The first allowed skill, in order, that bears on the goal and lacks n right answers in a row.

    A skill bears on the goal if it is part of it or comes before a part of it.  Streaks start at 0
    after the warm-up.  Where nothing is left, the fallback picks among the allowed items that bear on
    the goal: uniformly, by the lowest belief, or in turn.

    Raises `InputError` for another order or fallback, or n < 1.
    """

    n: int = 3
    order: Order = "topological"
    fallback: Fallback = "uniform"

    def __post_init__(self) -> None:
        if not (isinstance(self.n, int) and self.n >= 1):
            raise reject("agent.n", self.n, "a whole number >= 1")
        check_choices(self.order, self.fallback)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a task without `streak` and `goal`."""
        return RulePolicy("n_in_a_row", task, self.rule(task))

    def rule(self, task: Task) -> MasteryRule:
        """Practise a skill until the last n answers on it were right."""
        return SkillRule(
            course=task.course,
            feature="streak",
            level=float(self.n),
            order=skill_order(task, self.order),
            fallback=self.fallback,
        )


@dataclass(frozen=True)
class MasteryThreshold:
    """Practise each skill until the tutor's belief in it reaches the threshold (Cognitive Tutor).

    Corbett & Anderson, UMUAI 1994.  Next comes the first unmastered skill, in order, whose
    prerequisites are mastered and of which an item is allowed; where there is none, the first allowed
    unmastered one; where all are mastered, the fallback.  Courses with items that need several skills
    get OATutor's form (Pardos et al., CHI 2023): an item's mastery is the product over its skills,
    and the item of the lowest mastery below the threshold is next; the order then plays no part.

    Raises `InputError` for another order or fallback, or a threshold outside (0, 1).
    """

    threshold: float = 0.95
    order: Order = "topological"
    fallback: Fallback = "uniform"

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise reject("agent.threshold", self.threshold, "a probability in (0, 1)")
        check_choices(self.order, self.fallback)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a task without `belief` and `goal`."""
        return RulePolicy("mastery_threshold", task, self.rule(task))

    def rule(self, task: Task) -> MasteryRule:
        """By skill, or by item where items need several skills."""
        order = skill_order(task, self.order)
        if (np.diff(task.course.needs.start) > 1).any():
            return ItemRule(self.threshold, self.fallback)
        return SkillRule(
            course=task.course,
            feature="belief",
            level=self.threshold,
            order=order,
            fallback=self.fallback,
            strict=True,
        )
