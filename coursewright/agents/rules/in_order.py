"""The rule behind every mastery rule: practise the first skill, in some order, that is not done yet.

What "done" means is a feature and a level: a streak of n right answers, a belief of .95, a number of
attempts.  `ItemRule` is the form for items that need several skills.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from coursewright.agents.choosing import (
    Turns,
    allowed_items,
    bears_on_goal,
    first_turns,
    item_belief,
    keep_skill,
    leads_to,
    lowest,
    next_items,
    offered,
    open_to_goal,
    uniform_items,
    unnamed,
)
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.course import Lists
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import Luck

Order = Literal["topological", "lowest_prior", "highest_prior", "highest_learn"]
Fallback = Literal["uniform", "lowest_belief", "round_robin"]


def skill_order(task: Task, by: Order) -> Ints:
    """All skills in the order in which a rule takes them up, `[skills]`.

    By prerequisites, or by the tutor's P(L0) or P(T); equals stay in prerequisite order.  Raises
    `InputError` for another name, and where the tutor is needed and there is none.
    """
    if by not in get_args(Order):
        raise unknown("order", by, get_args(Order))
    order = task.course.order
    if by == "topological":
        return order
    if task.tutor is None:
        raise reject("task.tutor", None, f"BKT parameters, because the order is by {by}")
    key = task.tutor.learn[0] if by == "highest_learn" else task.tutor.prior[0]
    sign = 1.0 if by == "lowest_prior" else -1.0
    return np.ascontiguousarray(order[np.argsort(sign * key[order], kind="stable")])


def fall_back(task: Task, how: Fallback, turns: Turns, observation: Observation, among: Bools) -> Ints:
    """What is practised when a rule has nothing left, `[batch]`: an item of `among [batch, items]`."""
    if how == "lowest_belief":
        return lowest(item_belief(task, observation), among)
    if how == "round_robin":
        return next_items(turns.item, among)
    return uniform_items(turns, among)


@inlined
def _parents_done(
    observation: Observation,
    i: int,
    k: int,
    stride: int,
    value_at: int,
    level: np.float32,
    start: Ints,
    parents: Ints,
) -> bool:
    done = True
    for j in range(start[k], start[k + 1]):
        done = done and observation[i, parents[j] * stride + value_at] >= level
    return done


@kernel
def _first_not_done(
    observation: Observation,
    stride: int,
    value_at: int,
    goal_at: int,
    level: Observation,
    strict: bool,
    goal_first: bool,
    order: Ints,
    parents_start: Ints,
    parents: Ints,
    leads_start: Ints,
    leads: Ints,
    items_start: Ints,
    items: Ints,
    allowed: Bools,
    out: Ints,
) -> None:
    """The skill `[batch]` to practise, -1 where nothing is left.

    The first pass takes only skills whose prerequisites are done (`strict`), or goal skills only
    (`goal_first`); the second any that bears on the goal.
    """
    for i in range(out.shape[0]):
        out[i] = -1
        for second in range(2):
            if out[i] >= 0:
                break
            for m in range(order.shape[0]):
                k = order[m]
                if observation[i, k * stride + value_at] >= level[i]:
                    continue
                if not offered(i, k, allowed, items_start, items):
                    continue
                if goal_first and second == 0 and observation[i, k * stride + goal_at] <= 0.0:
                    continue
                if not bears_on_goal(observation, i, k, stride, goal_at, leads_start, leads):
                    continue
                if (
                    strict
                    and second == 0
                    and not _parents_done(
                        observation, i, k, stride, value_at, level[i], parents_start, parents
                    )
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
    name : what it is called in errors and reports.
    feature, level : a skill is done when the feature has this level or more.
    order : skills `[skills]`.
    fallback : what to practise when nothing is left, among the allowed items that bear on the goal.
    strict : skills whose prerequisites are done come first; the others only where none is left.
    goal_first : goal skills come first; their prerequisites only where none is left.
    shared : the level is divided among the learner's goal skills, and rounded up.
    """

    name: str
    task: Task
    feature: str
    level: float
    order: Ints
    fallback: Fallback = "uniform"
    strict: bool = False
    goal_first: bool = False
    shared: bool = False
    respects_mask: bool = True

    def __post_init__(self) -> None:
        if self.fallback not in get_args(Fallback):
            raise unknown("fallback", self.fallback, get_args(Fallback))
        needs = ["goal", self.feature, *(["belief"] if self.fallback == "lowest_belief" else [])]
        self.task.layout.require(self.name, *needs)

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return first_turns(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`."""
        batch = len(observation)
        turns = self.begin(unnamed(batch)) if state is None else state
        allowed = allowed_items(action_masks, batch, self.task.course.n_items)
        skill = self._skills(observation, allowed)
        among = allowed.copy()
        nothing = bool((skill < 0).any())
        if nothing:
            among = open_to_goal(self.task, self.leads, observation, allowed)
        keep_skill(skill, *self.task.course.items_of, allowed, among)
        item = uniform_items(turns, among)
        if nothing and self.fallback != "uniform":
            item = np.where(skill < 0, fall_back(self.task, self.fallback, turns, observation, among), item)
        return item, turns.after(item)

    def _skills(self, observation: Observation, allowed: Bools) -> Ints:
        course, layout = self.task.course, self.task.layout
        value, goal = layout.columns(self.feature), layout.columns("goal")
        level = np.full(len(observation), self.level)
        if self.shared:
            level = np.ceil(self.level / np.maximum(1.0, observation[:, goal].sum(axis=1)))
        skill = np.empty(len(observation), np.int64)
        _first_not_done(
            observation,
            value.step,
            value.start,
            goal.start,
            level.astype(np.float32),  # as the features are: .95 counts as .95
            self.strict,
            self.goal_first,
            self.order,
            *course.parents,
            *self.leads,
            *course.items_of,
            allowed,
            skill,
        )
        return skill


@dataclass(frozen=True, eq=False)
class ItemRule:
    """Practise the allowed item of the lowest mastery below a threshold (OATutor; Pardos et al. 2023).

    An item's mastery is the product of the beliefs in its skills.  Only items that bear on the goal
    count; of equals, the one listed first is taken.
    """

    name: str
    task: Task
    level: float
    fallback: Fallback = "uniform"
    respects_mask: bool = True

    def __post_init__(self) -> None:
        if self.fallback not in get_args(Fallback):
            raise unknown("fallback", self.fallback, get_args(Fallback))
        self.task.layout.require(self.name, "goal", "belief")

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return first_turns(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`."""
        batch = len(observation)
        turns = self.begin(unnamed(batch)) if state is None else state
        allowed = allowed_items(action_masks, batch, self.task.course.n_items)
        among = open_to_goal(self.task, self.leads, observation, allowed)
        mastery = item_belief(self.task, observation)
        below = among & (mastery < np.float32(self.level))
        item = lowest(mastery, below)
        none = ~below.any(axis=1)
        if none.any():
            item = np.where(none, fall_back(self.task, self.fallback, turns, observation, among), item)
        return item, turns.after(item)


Rule = SkillRule | ItemRule
