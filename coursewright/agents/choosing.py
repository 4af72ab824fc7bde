"""Picking one item among those that are open to each learner, with draws that belong to the learner."""

from typing import Any

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import POLICY, Keys, uniform
from coursewright.simulators.protocol import Simulator


@inlined
def bears(goal: Observation, i: int, order: Ints, children: Lists, out: Bools) -> None:
    """Write True into `out [skills]` for the skills that bear on the goal of row i."""
    for place in range(order.shape[0] - 1, -1, -1):  # prerequisites come before their skills
        k = order[place]
        out[k] = goal[i, k] > 0.0
        for j in range(children.start[k], children.start[k + 1]):
            out[k] = out[k] or out[children.values[j]]


@kernel
def _toward(goal: Observation, order: Ints, children: Lists, out: Bools) -> None:
    for i in range(out.shape[0]):
        bears(goal, i, order, children, out[i])


def toward(goal: Observation, course: Course) -> Bools:
    """Skills `[batch, skills]` that bear on the goal: those of `goal`, and those that lead to one."""
    out = np.empty(goal.shape, bool)
    _toward(goal, course.order, course.children, out)
    return out


@kernel
def _open_items(bearing: Bools, needed: Lists, allowed: Bools, out: Bools) -> None:
    for i in range(out.shape[0]):
        some = False
        for a in range(out.shape[1]):
            out[i, a] = False
            if not allowed[i, a]:
                continue
            for j in range(needed.start[a], needed.start[a + 1]):
                if bearing[i, needed.values[j]]:
                    out[i, a] = True
                    some = True
                    break
        if not some:
            for a in range(out.shape[1]):
                out[i, a] = allowed[i, a]


def open_items(bearing: Bools, needed: Lists, allowed: Bools) -> Bools:
    """Allowed items `[batch, items]` with a skill of `bearing [batch, skills]`; if none, all allowed."""
    out = np.empty_like(allowed)
    _open_items(bearing, needed, allowed, out)
    return out


@inlined
def offered(i: int, k: int, allowed: Bools, items_of: Lists) -> bool:
    """True where an item of skill k is allowed in row i."""
    found = False
    for j in range(items_of.start[k], items_of.start[k + 1]):
        found = found or allowed[i, items_of.values[j]]
    return found


@kernel
def keep_skill(skill: Ints, items_of: Lists, allowed: Bools, among: Bools) -> None:
    """Narrow `among [batch, items]` to the allowed items of each row's skill; rows of -1 stay."""
    for i in range(skill.shape[0]):
        k = skill[i]
        if k >= 0:
            for a in range(among.shape[1]):
                among[i, a] = False
            for j in range(items_of.start[k], items_of.start[k + 1]):
                among[i, items_of.values[j]] = allowed[i, items_of.values[j]]


@kernel
def _uniform_items(fate: Keys, turn: Ints, purpose: int, among: Bools, out: Ints) -> None:
    for i in range(out.shape[0]):
        count = 0
        for a in range(among.shape[1]):
            count += among[i, a]
        place = int(uniform(fate[i], turn[i], purpose) * count)
        out[i] = 0
        for a in range(among.shape[1]):
            if among[i, a]:
                if place == 0:
                    out[i] = a
                    break
                place -= 1


def uniform_items(fate: Keys, turn: Ints, among: Bools, index: int = 0) -> Ints:
    """An item `[batch]` drawn uniformly among `among [batch, items]`; item 0 where there is none.

    The draw belongs to the learner's `fate [batch]`, the `turn [batch]` and the `index`.
    """
    out = np.empty(len(among), np.int64)
    _uniform_items(fate, turn, POLICY + index, among, out)
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
def _item_belief(belief: Observation, needed: Lists, out: Floats) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            p = 1.0
            for j in range(needed.start[a], needed.start[a + 1]):
                p *= float(belief[i, needed.values[j]])
            out[i, a] = p


def item_belief(belief: Observation, needed: Lists) -> Floats:
    """Belief that every skill of an item is known, `[batch, items]`: the product over its skills.

    `belief` is `[batch, skills]`.
    """
    out = np.empty((len(belief), len(needed.start) - 1))
    _item_belief(belief, needed, out)
    return out


def item_recall(simulator: Simulator[Any], state: Any, batch: int) -> Floats:
    """P(correct) of every item if asked now, `[batch, items]`."""
    p = np.empty((simulator.course.n_items, batch))
    for a in range(len(p)):
        simulator.p_correct(state, np.full(batch, a), p[a])
    return np.ascontiguousarray(p.T)


def lowest(score: Floats, among: Bools) -> Ints:
    """The item `[batch]` of `among` with the lowest score; of equals, the one listed first."""
    return np.asarray(np.where(among, score, np.inf).argmin(axis=1))
