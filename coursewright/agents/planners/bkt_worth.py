"""BKT one step ahead: the worth of learning a skill, and the item that promises most of it at once.

These are expectations: the episode's own draws are never looked at.
"""

from typing import NamedTuple

from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists


class Chances(NamedTuple):
    """T_eff depends on `known`, `learn` (P(T)) `[batch, skills]`, `rho`, and each skill's `parents`."""

    known: Bools
    learn: Floats
    rho: float
    parents: Lists


@inlined
def _rate_without(i: int, k: int, without: int, chances: Chances) -> float:
    """T_eff of skill k in row i as if its prerequisite `without` (-1: none) were known."""
    rate = chances.learn[i, k]
    for j in range(chances.parents.start[k], chances.parents.start[k + 1]):
        parent = chances.parents.values[j]
        if parent != without and not chances.known[i, parent]:
            rate *= chances.rho
    return float(rate)


@kernel
def worths(chances: Chances, goal: Bools, order: Ints, out: Floats) -> None:
    """The worth of learning each skill at once, `[batch, skills]`.

    1 for a goal skill, plus its addition to T_eff of each unknown skill that it is a prerequisite of,
    times the worth of that skill.  0 for known skills.
    """
    known, parents = chances.known, chances.parents
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = 1.0 if goal[i, k] and not known[i, k] else 0.0
        for m in range(order.shape[0] - 1, -1, -1):
            c = order[m]
            if known[i, c]:
                continue
            now = _rate_without(i, c, -1, chances)
            for j in range(parents.start[c], parents.start[c + 1]):
                p = parents.values[j]
                if not known[i, p]:
                    out[i, p] += (_rate_without(i, c, p, chances) - now) * out[i, c]


@kernel
def greedy(chances: Chances, worth: Floats, waiting: Bools, needed: Lists, among: Bools, out: Ints) -> None:
    """The item `[batch]` of `among` with the highest sum over its skills of T_eff times worth.

    Where that is 0 everywhere, the first item that others wait for (`waiting [batch, skills]`), or
    else the first.  Of equals, the one listed first.
    """
    for i in range(out.shape[0]):
        best = -1.0
        out[i] = 0
        for a in range(among.shape[1]):
            if not among[i, a]:
                continue
            gain = 0.0
            unlocks = False
            for j in range(needed.start[a], needed.start[a + 1]):
                k = needed.values[j]
                unlocks = unlocks or waiting[i, k]
                if not chances.known[i, k]:
                    gain += _rate_without(i, k, -1, chances) * worth[i, k]
            if gain == 0.0 and unlocks:
                gain = 1e-12
            if gain > best:
                best = gain
                out[i] = a
