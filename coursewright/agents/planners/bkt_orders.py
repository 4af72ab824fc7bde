"""A beam search for BKT: which skill to teach next, given the skills that the learner knows.

Nothing changes for a learner until a skill is learned, so a plan is an order of skills, each practised
until it is known.  Learning skill k takes a geometric number of steps with rate T_eff; along an order
the chance F_j(t) that its first j skills are known after t steps obeys

    F_j(t + 1) = F_j(t) + T_eff (F_{j-1}(t) - F_j(t)),      F_0 = 1,

and the sum of F_j(H) over the goal skills is the expected number of them learned in the H steps left.
These are expectations: the episode's own draws are never looked at.
"""

from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from coursewright.agents.planners.selection import keep_best
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Keys, mix

SMALL = 0.01  # a chance below which the rest of an order no longer matters


class Orders(NamedTuple):
    """Room for a beam of orders; nothing is allocated while a search runs.

    Of each order kept: `done [2, width, skills]` the skills in it (or finished before),
    `chance [2, width, steps + 1]` F(t) after its last skill, `mean`, `variance` of its length in
    steps, its `value` (goal skills expected to be learned), and its `first` skill, `[2, width]` each.
    Candidates, one more skill behind an order: `[1, candidates]` keys, and where they come from.
    """

    done: Bools
    chance: Floats
    mean: Floats
    variance: Floats
    value: Floats
    first: Ints
    keys: Floats
    sorting: Floats
    keep: Bools
    parent: Ints
    skill: Ints
    seen: Keys
    place: Ints
    cheap: Ints

    @classmethod
    def of(cls, width: int, skills: int, steps: int) -> "Orders":
        """Room for `width` orders over `skills` skills and `steps` steps."""
        most = width * skills
        slots = 1 << (4 * most - 1).bit_length()
        return cls(
            done=np.empty((2, width, skills), bool),
            chance=np.empty((2, width, steps + 1)),
            mean=np.empty((2, width)),
            variance=np.empty((2, width)),
            value=np.empty((2, width)),
            first=np.empty((2, width), np.int64),
            keys=np.empty((1, most)),
            sorting=np.empty(most),
            keep=np.empty(most, bool),
            parent=np.empty(most, np.int64),
            skill=np.empty(most, np.int64),
            seen=np.empty(slots, np.uint64),
            place=np.empty(slots, np.int64),
            cheap=np.empty(skills, np.int64),
        )


class Learners(NamedTuple):
    """The knowledge that a search has of each learner.

    `known`, `goal`, `finished` (known, with the successes that others wait for, or of no use to the
    goal) and `open` (some item is allowed now) `[batch, skills]`; `learn [batch, skills]` P(T);
    `missing [batch, skills]` successes that others still wait for; `guess`, `shown [batch, skills]`
    P(right) if unknown and if known; `left [batch]` steps left; `rho`; each skill's `parents`.
    """

    known: Bools
    goal: Bools
    finished: Bools
    open: Bools
    learn: Floats
    missing: Floats
    guess: Floats
    shown: Floats
    left: Ints
    rho: float
    parents: Lists


@inlined
def _by_now(left: int, mean: float, variance: float) -> float:
    """P(a sum of geometric times <= left), as of a gamma distribution with this mean and variance.

    Its cube root is nearly normal (Wilson & Hilferty, PNAS 17, 1931).  A normal distribution of the sum
    itself would have many of a slow skill's times below zero, and take the slowest skills for the quickest.
    """
    spread = sqrt(variance + 1e-9) / (3.0 * mean)
    z = (((left + 0.5) / mean) ** (1.0 / 3.0) - 1.0) / spread + spread
    if z > 3.0:
        return 1.0
    if z < -3.0:
        return 0.0
    return 0.5 * (1.0 + erf(z * 0.7071067811865476))


@inlined
def _rate_in(who: Learners, i: int, orders: Orders, b: int, s: int, k: int) -> float:
    """T_eff of skill k in row i behind order s."""
    rate = who.learn[i, k]
    for j in range(who.parents.start[k], who.parents.start[k + 1]):
        p = who.parents.values[j]
        if not (who.known[i, p] or orders.done[b, s, p]):
            rate *= who.rho
    return float(rate)


@inlined
def _reachable(orders: Orders, b: int, s: int, k: int, parents: Lists) -> bool:
    """True where skill k will be open once order s has been gone through."""
    ready = parents.start[k + 1] > parents.start[k]
    for j in range(parents.start[k], parents.start[k + 1]):
        ready = ready and orders.done[b, s, parents.values[j]]
    return bool(ready)


@inlined
def _extra(known: bool, missing: float, guess: float, shown: float, rate: float) -> float:
    """Steps on a skill, once it is known, until it has the successes that others wait for."""
    right_meanwhile = 0.0 if known else guess / rate
    return max(0.0, missing - right_meanwhile) / shown


@inlined
def _hope(
    who: Learners, i: int, orders: Orders, b: int, s: int, k: int, mean: float, variance: float
) -> float:
    """Goal skills that could follow, the cheapest first, as if nothing had prerequisites."""
    total = 0.0
    for m in range(who.goal.shape[1]):
        c = orders.cheap[m]
        if c == k or orders.done[b, s, c] or who.known[i, c] or not who.goal[i, c]:
            continue
        rate = who.learn[i, c]
        if rate <= 0.0:
            continue
        mean += 1.0 / rate
        variance += (1.0 - rate) / rate**2
        chance = _by_now(who.left[i], mean, variance)
        if chance < SMALL:
            break
        total += chance
    return total


@inlined
def _better_twin(orders: Orders, b: int, c: int) -> bool:
    """True where candidate c is the best so far over its set of skills; it replaces a worse one."""
    seen, place, key = orders.seen, orders.place, orders.keys[0, c]
    code = mix(np.uint64(orders.skill[c] + 1))
    for k in range(orders.done.shape[2]):
        if orders.done[b, orders.parent[c], k]:
            code ^= mix(np.uint64(k + 1))
    code |= np.uint64(1)
    full = np.uint64(seen.shape[0] - 1)
    slot = (code >> np.uint64(1)) & full
    while seen[slot] != 0 and seen[slot] != code:
        slot = (slot + np.uint64(1)) & full
    better = True
    if seen[slot] == code:
        better = orders.keys[0, place[slot]] < key
        if better:
            orders.keys[0, place[slot]] = -np.inf
    if better:
        seen[slot] = code
        place[slot] = c
    return bool(better)


@kernel
def _extend(who: Learners, i: int, orders: Orders, b: int, size: int) -> int:
    """Every order with one more skill behind it, ranked by its best outcome; returns their number."""
    count, left = int(np.int64(0)), who.left[i]
    orders.seen[:] = 0
    for s in range(size):
        if orders.chance[b, s, left] < SMALL:
            continue
        for k in range(who.goal.shape[1]):
            if orders.done[b, s, k]:
                continue
            if not (who.open[i, k] or _reachable(orders, b, s, k, who.parents)):
                continue
            mean, variance, gain, rate = orders.mean[b, s], orders.variance[b, s], 0.0, 1.0
            if not who.known[i, k]:
                rate = _rate_in(who, i, orders, b, s, k)
                if rate <= 0.0:
                    continue
                mean += 1.0 / rate
                variance += (1.0 - rate) / rate**2
                if who.goal[i, k]:
                    gain = _by_now(left, mean, variance)
            mean += _extra(who.known[i, k], who.missing[i, k], who.guess[i, k], who.shown[i, k], rate)
            orders.parent[count] = s
            orders.skill[count] = k
            orders.keys[0, count] = orders.value[b, s] + gain + _hope(who, i, orders, b, s, k, mean, variance)
            if _better_twin(orders, b, count):
                count += 1
    return count


@kernel
def _append(who: Learners, i: int, orders: Orders, b: int, c: int, to: int) -> None:
    """Write candidate c, an order with one skill behind it, to place `to` of the other half.

    Its chances are exact.
    """
    s, k, other, left = orders.parent[c], orders.skill[c], 1 - b, who.left[i]
    rate = 1.0
    for m in range(who.goal.shape[1]):
        orders.done[other, to, m] = orders.done[b, s, m]
    orders.mean[other, to] = orders.mean[b, s]
    orders.variance[other, to] = orders.variance[b, s]
    orders.value[other, to] = orders.value[b, s]
    orders.first[other, to] = k if orders.first[b, s] < 0 else orders.first[b, s]
    if who.known[i, k]:
        for t in range(left + 1):
            orders.chance[other, to, t] = orders.chance[b, s, t]
    else:
        rate = _rate_in(who, i, orders, b, s, k)
        orders.mean[other, to] += 1.0 / rate
        orders.variance[other, to] += (1.0 - rate) / rate**2
        chance = 0.0
        for t in range(left + 1):
            before = orders.chance[b, s, t]
            orders.chance[other, to, t] = chance
            chance += rate * (before - chance)
        if who.goal[i, k]:
            orders.value[other, to] += orders.chance[other, to, left]
    extra = _extra(who.known[i, k], who.missing[i, k], who.guess[i, k], who.shown[i, k], rate)
    orders.mean[other, to] += extra
    later = int(np.ceil(extra))
    if later > 0:
        for t in range(left, -1, -1):
            orders.chance[other, to, t] = orders.chance[other, to, t - later] if t >= later else 0.0
    orders.done[other, to, k] = True


@kernel
def _sort_by_cost(who: Learners, i: int, orders: Orders) -> None:
    """Skills by P(T), the highest first (insertion sort: there are few)."""
    for k in range(who.goal.shape[1]):
        m = k
        while m > 0 and who.learn[i, orders.cheap[m - 1]] < who.learn[i, k]:
            orders.cheap[m] = orders.cheap[m - 1]
            m -= 1
        orders.cheap[m] = k


@kernel
def _start(who: Learners, i: int, orders: Orders) -> None:
    """The empty order."""
    for k in range(who.goal.shape[1]):
        orders.done[0, 0, k] = who.finished[i, k]
    for t in range(who.left[i] + 1):
        orders.chance[0, 0, t] = 1.0
    orders.mean[0, 0] = 0.0
    orders.variance[0, 0] = 0.0
    orders.value[0, 0] = 0.0
    orders.first[0, 0] = -1


@kernel
def first_skills(who: Learners, rows: Ints, orders: Orders, width: int, out: Ints) -> None:
    """Write the first skill of the best order found into `out [batch]` for `rows`; -1 where none helps."""
    for j in range(rows.shape[0]):
        i = rows[j]
        _sort_by_cost(who, i, orders)
        _start(who, i, orders)
        size, best = int(np.int64(1)), 0.0  # a literal 1 would compile all below it a second time
        out[i] = -1
        for depth in range(who.goal.shape[1]):
            b = depth % 2
            count = _extend(who, i, orders, b, size)
            for c in range(count):
                orders.keep[c] = False
            keep_best(orders.keys, 0, count, width, orders.sorting, orders.keep)
            size = int(np.int64(0))
            for c in range(count):
                if orders.keep[c] and orders.keys[0, c] > 0.0:
                    _append(who, i, orders, b, c, size)
                    if orders.value[1 - b, size] > best + 1e-12:
                        best = orders.value[1 - b, size]
                        out[i] = orders.first[1 - b, size]
                    size += 1
            if size == 0:
                break
