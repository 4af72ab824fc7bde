"""Picking one item among those that are open to each learner, with draws that belong to the learner."""

from typing import NamedTuple

import numpy as np

from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Course, Lists, pack
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, Seeds, Split, identify, uniform


class Turns(NamedTuple):
    """A rule's memory of each learner, `[batch]`: the key of their draws, and turns and item so far.

    `item` is the last choice (-1 before the first), whether or not it was accepted.
    """

    fate: Keys
    turn: Ints
    item: Ints

    def after(self, item: Ints) -> "Turns":
        """The memory after choosing `item [batch]`."""
        return Turns(self.fate, self.turn + 1, item)


def first_turns(luck: Luck) -> Turns:
    """No turn taken yet by the learners of `luck`; the keys are copied, for `luck` lives on."""
    batch = len(luck.fate)
    return Turns(luck.fate.copy(), np.zeros(batch, np.int64), np.full(batch, -1, np.int64))


def unnamed(batch: int) -> Luck:
    """Luck for callers that never began: row i always draws the same, and unlike other rows."""
    rows = np.arange(batch)
    return identify(Seeds(), rows, Split.TRAIN, np.zeros(batch, np.int64))


def allowed_items(mask: Bools | None, batch: int, n_items: int) -> Bools:
    """`[batch, items]`, contiguous: the mask without the `stop` action, all True where there is none."""
    if mask is None:
        return np.ones((batch, n_items), bool)
    return np.ascontiguousarray(mask[:, :n_items], bool)


def leads_to(course: Course) -> Lists:
    """For each skill, itself first, the skills that it is a prerequisite of on some path, packed."""
    rows = [np.flatnonzero(course.ancestors[k]).tolist() for k in range(course.n_skills)]
    return pack([[k, *(t for t in rows[k] if t != k)] for k in range(course.n_skills)])


@inlined
def bears_on_goal(
    observation: Observation, i: int, k: int, stride: int, goal_at: int, start: Ints, leads: Ints
) -> bool:
    """Whether skill k is a goal of row i, or a prerequisite of one."""
    found = False
    for j in range(start[k], start[k + 1]):
        found = found or observation[i, leads[j] * stride + goal_at] > 0.0
    return found


@inlined
def offered(i: int, k: int, allowed: Bools, start: Ints, items: Ints) -> bool:
    """Whether an item of skill k is allowed in row i."""
    found = False
    for j in range(start[k], start[k + 1]):
        found = found or allowed[i, items[j]]
    return found


@kernel
def _open_to_goal(
    observation: Observation,
    stride: int,
    goal_at: int,
    leads_start: Ints,
    leads: Ints,
    needed_start: Ints,
    needed: Ints,
    allowed: Bools,
    out: Bools,
) -> None:
    for i in range(out.shape[0]):
        some = False
        for a in range(out.shape[1]):
            out[i, a] = False
            if not allowed[i, a]:
                continue
            for j in range(needed_start[a], needed_start[a + 1]):
                if bears_on_goal(observation, i, needed[j], stride, goal_at, leads_start, leads):
                    out[i, a] = True
                    some = True
                    break
        if not some:
            for a in range(out.shape[1]):
                out[i, a] = allowed[i, a]


def open_to_goal(task: Task, leads: Lists, observation: Observation, allowed: Bools) -> Bools:
    """Allowed items `[batch, items]` with a goal skill or a prerequisite of one; all allowed if none."""
    out = np.empty_like(allowed)
    goal = task.layout.columns("goal")
    _open_to_goal(observation, goal.step, goal.start, *leads, *task.course.needed, allowed, out)
    return out


@kernel
def keep_skill(skill: Ints, start: Ints, items: Ints, allowed: Bools, among: Bools) -> None:
    """Narrow `among [batch, items]` to the allowed items of each row's skill; rows of -1 stay."""
    for i in range(skill.shape[0]):
        k = skill[i]
        if k >= 0:
            for a in range(among.shape[1]):
                among[i, a] = False
            for j in range(start[k], start[k + 1]):
                among[i, items[j]] = allowed[i, items[j]]


@inlined
def draw_one(fate: np.uint64, turn: int, purpose: int, i: int, among: Bools) -> int:
    """One of the items that are True in row i of `among`, uniformly; item 0 where none is."""
    count = 0
    for a in range(among.shape[1]):
        count += among[i, a]
    place = int(uniform(fate, turn, purpose) * count)
    for a in range(among.shape[1]):
        if among[i, a]:
            if place == 0:
                return a
            place -= 1
    return 0


@kernel
def _uniform_items(fate: Keys, turn: Ints, purpose: int, among: Bools, out: Ints) -> None:
    for i in range(out.shape[0]):
        out[i] = draw_one(fate[i], turn[i], purpose, i, among)


def uniform_items(turns: Turns, among: Bools, index: int = 0) -> Ints:
    """An item `[batch]` drawn uniformly among `among [batch, items]`, from the learner's own luck."""
    out = np.empty(len(among), np.int64)
    _uniform_items(turns.fate, turns.turn, POLICY + index, among, out)
    return out


@kernel
def _next_items(last: Ints, among: Bools, out: Ints) -> None:
    n = among.shape[1]
    for i in range(out.shape[0]):
        out[i] = 0
        for ahead in range(1, n + 1):
            a = (last[i] + ahead) % n
            if among[i, a]:
                out[i] = a
                break


def next_items(last: Ints, among: Bools) -> Ints:
    """The item `[batch]` of `among` that comes next after `last` in the course's order, cyclically."""
    out = np.empty(len(among), np.int64)
    _next_items(last, among, out)
    return out


@kernel
def _item_belief(
    observation: Observation, stride: int, belief_at: int, start: Ints, needed: Ints, out: Floats
) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            p = 1.0
            for j in range(start[a], start[a + 1]):
                p *= float(observation[i, needed[j] * stride + belief_at])
            out[i, a] = p


def item_belief(task: Task, observation: Observation) -> Floats:
    """Belief that every skill of an item is known, `[batch, items]`: the product over its skills."""
    out = np.empty((len(observation), task.course.n_items))
    belief = task.layout.columns("belief")
    _item_belief(observation, belief.step, belief.start, *task.course.needed, out)
    return out


def lowest(score: Floats, among: Bools) -> Ints:
    """The item `[batch]` of `among` with the lowest score; of equals, the one listed first."""
    return np.asarray(np.where(among, score, np.inf).argmin(axis=1))


def days_passed(task: Task, observation: Observation, last: Ints) -> Floats:
    """Days `[batch]` since the item `last [batch]` was asked one step ago; 0 where it is -1.

    Read off `days_since`, so that it holds for any schedule.
    """
    start, needed = task.course.needed
    skill = needed[start[np.maximum(last, 0)]]
    since = observation[:, task.layout.columns("days_since")].astype(np.float64)
    return np.where(last >= 0, since[np.arange(len(last)), skill], 0.0)
