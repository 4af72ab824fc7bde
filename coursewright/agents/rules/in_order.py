"""The rule behind every mastery rule: practise the first skill, in some order, that is not done yet.

A skill is done at some level of a feature: a streak of n right answers, a belief of .95, a number of
attempts.  `ItemRule` is the form for items that need several skills.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np

from coursewright.agents.choosing import bears, item_belief, keep_skill, lowest, next_items, offered
from coursewright.agents.rule import Nothing, Seen
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Luck

Order = Literal["topological", "lowest_prior", "highest_prior", "highest_learn"]
Fallback = Literal["uniform", "lowest_belief", "round_robin"]


def check_choices(order: Order, fallback: Fallback) -> None:
    """Refuse an order or a fallback that there is not."""
    if order not in get_args(Order):
        raise unknown("agent.order", order, get_args(Order))
    if fallback not in get_args(Fallback):
        raise unknown("agent.fallback", fallback, get_args(Fallback))


def skill_order(task: Task, by: Order) -> Ints:
    """All skills in the order in which a rule takes them up, `[skills]`.

    By prerequisites, or by the tutor's P(L0) or P(T); equals stay in prerequisite order.  Raises
    `InputError` where the tutor is needed and there is none.
    """
    order = task.course.order
    if by == "topological":
        return order
    if task.tutor is None:
        raise reject("task.tutor", None, f"BKT parameters, because the order is by {by}")
    key = task.tutor.learn[0] if by == "highest_learn" else task.tutor.prior[0]
    sign = 1.0 if by == "lowest_prior" else -1.0
    return np.ascontiguousarray(order[np.argsort(sign * key[order], kind="stable")])


def fall_back(how: Fallback, seen: Seen, rows: Ints, among: Bools) -> None:
    """Narrow `among [batch, items]`, in rows where a rule has nothing left, to the items practised then."""
    if not len(rows):
        return
    if how == "lowest_belief":
        keep(lowest(item_belief(seen["belief"][rows], seen.course.needed), among[rows]), rows, among)
    elif how == "round_robin":
        keep(next_items(seen.last.item[rows], among[rows]), rows, among)


def keep(item: Ints, rows: Ints, among: Bools) -> None:
    """Narrow `among [batch, items]` to one item a row, `item [rows]`, in these rows."""
    among[rows] = False
    among[rows, item] = True


class Syllabus(NamedTuple):
    """In which order skills are taken up, and which come first.

    `course` is the order of prerequisites, `children` the skills that each is a prerequisite of.  `strict`:
    skills whose prerequisites are done come first; `goal_first`: those of the goal itself.
    """

    order: Ints
    parents: Lists
    items_of: Lists
    course: Ints
    children: Lists
    strict: bool
    goal_first: bool


@inlined
def _parents_done(value: Observation, i: int, k: int, level: np.float32, parents: Lists) -> bool:
    done = True
    for j in range(parents.start[k], parents.start[k + 1]):
        done = done and value[i, parents.values[j]] >= level
    return done


@kernel
def _first_not_done(
    value: Observation,
    level: Observation,
    goal: Observation,
    syllabus: Syllabus,
    allowed: Bools,
    toward: Bools,
    out: Ints,
) -> None:
    """The skill `[batch]` to practise, -1 where nothing is left.

    The first pass takes only those skills that come first, the second any that bears on the goal.  Skills
    that only lead to the goal are looked for where one is met, for that takes longer than the rest; `toward
    [skills]` is room for them.
    """
    for i in range(out.shape[0]):
        out[i] = -1
        known = False
        for second in range(2):
            if out[i] >= 0:
                break
            for m in range(syllabus.order.shape[0]):
                k = syllabus.order[m]
                if value[i, k] >= level[i]:
                    continue
                if goal[i, k] <= 0.0:
                    if not known:
                        bears(goal, i, syllabus.course, syllabus.children, toward)
                        known = True
                    if not toward[k]:
                        continue
                if not offered(i, k, allowed, syllabus.items_of):
                    continue
                if second == 0 and syllabus.goal_first and goal[i, k] <= 0.0:
                    continue
                if (
                    second == 0
                    and syllabus.strict
                    and not _parents_done(value, i, k, level[i], syllabus.parents)
                ):
                    continue
                out[i] = k
                break


@dataclass(frozen=True, eq=False)
class SkillRule:
    """Practise the first skill in `order` that bears on the goal, is allowed and is not done.

    Several allowed items of the skill are equally likely.

    Attributes
    ----------
    feature, level : a skill is done when the feature has this level or more.
    order : skills `[skills]`.
    fallback : the items to practise when nothing is left, among the allowed items that bear on the goal.
    strict : skills whose prerequisites are done come first; the others only where none is left.
    goal_first : goal skills come first; their prerequisites only where none is left.
    shared : the level is divided among the learner's goal skills, and rounded up.
    """

    course: Course
    feature: str
    level: float
    order: Ints
    fallback: Fallback = "uniform"
    strict: bool = False
    goal_first: bool = False
    shared: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The goal, the feature, and the belief where that is fallen back on."""
        return ("goal", self.feature, *(["belief"] if self.fallback == "lowest_belief" else []))

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        skill = self._skills(seen)
        among = seen.open.copy() if (skill < 0).any() else seen.allowed.copy()
        keep_skill(skill, self.course.items_of, seen.allowed, among)
        fall_back(self.fallback, seen, np.flatnonzero(skill < 0), among)
        return seen.draw(among), memory

    def _skills(self, seen: Seen) -> Ints:
        level = np.full(len(seen), self.level)
        if self.shared:
            level = np.ceil(self.level / np.maximum(1.0, seen["goal"].sum(axis=1)))
        syllabus = Syllabus(
            self.order,
            self.course.parents,
            self.course.items_of,
            self.course.order,
            self.course.children,
            self.strict,
            self.goal_first,
        )
        skill = np.empty(len(seen), np.int64)
        toward = np.empty(self.course.n_skills, bool)
        as_features = level.astype(np.float32)  # .95 counts as .95
        _first_not_done(seen[self.feature], as_features, seen["goal"], syllabus, seen.allowed, toward, skill)
        return skill


@dataclass(frozen=True, eq=False)
class ItemRule:
    """Practise the allowed item of the lowest mastery below a threshold (OATutor; Pardos et al. 2023).

    An item's mastery is the product of the beliefs in its skills.  Only items that bear on the goal
    count; of equals, the one listed first is taken.
    """

    level: float
    fallback: Fallback = "uniform"
    needs: ClassVar[tuple[str, ...]] = ("goal", "belief")

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        mastery = item_belief(seen["belief"], seen.course.needed)
        below = seen.open & (mastery < np.float32(self.level))
        none = ~below.any(axis=1)
        among = seen.open.copy()
        some = np.flatnonzero(~none)
        keep(lowest(mastery, below)[some], some, among)
        fall_back(self.fallback, seen, np.flatnonzero(none), among)
        return seen.draw(among), memory


MasteryRule = SkillRule | ItemRule
