"""Rules that ignore the learner's answers: random, round-robin, and a fixed share for each skill."""

from dataclasses import dataclass
from typing import ClassVar

from coursewright.agents.choosing import next_items
from coursewright.agents.rule import AnyAllowed, Nothing, RulePolicy, Seen
from coursewright.agents.rules.in_order import Order, SkillRule, skill_order
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints
from coursewright.simulators.luck import Luck


@dataclass(frozen=True)
class UniformRandom:
    """Any action but the stop, allowed or not: a disallowed choice costs the step and teaches nothing."""

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy."""
        return RulePolicy("random", task, AnyAllowed(), respects_mask=False)


@dataclass(frozen=True)
class RandomLegal:
    """Any allowed action but the stop."""

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy."""
        return RulePolicy("random_legal", task, AnyAllowed())


class RoundRobinRule:
    """The next allowed item in the course's order, starting again after the last one."""

    needs: ClassVar[tuple[str, ...]] = ()

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`; nothing of the observation is read."""
        return next_items(seen.last.item, seen.allowed), memory


@dataclass(frozen=True)
class RoundRobin:
    """Every allowed item in turn, without regard to the goal."""

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy."""
        return RulePolicy("round_robin", task, RoundRobinRule())


@dataclass(frozen=True)
class Topological:
    """The goal skills in prerequisite order, ceil(T / number of goal skills) practices each.

    T is the largest number of steps that an episode can have.  Without a graph the order is by the
    tutor's P(L0), the highest first.  Where no goal skill with practices left is allowed, the first
    allowed prerequisite of one is practised, on the same terms; where there is none either, a
    uniform allowed item.
    """

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.

        Raises `InputError` where there is neither a graph nor a tutor, and where the task lacks the
        features `attempts` and `goal`.
        """
        order: Order = "topological" if len(task.course.parents.values) else "highest_prior"
        rule = SkillRule(
            course=task.course,
            feature="attempts",
            level=float(task.horizon),
            order=skill_order(task, order),
            shared=True,
            goal_first=True,
        )
        return RulePolicy("topological", task, rule)
