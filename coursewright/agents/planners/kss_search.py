"""Searches for KSS: the true abilities are planned one step ahead or to the end of the episode.

Learning is deterministic given the state, so a plan made at the start needs no correction, and there
is no luck to foresee: answers change nothing.

The beam search (dynamics of Liu et al., KDD 2019) keeps, of all states that one more practice leads to,
the union of three top thirds: by targets mastered and then by how little is lacking, by how little is
lacking, and by ability weighted with the number of targets that it serves.
"""

from typing import NamedTuple

import numpy as np

from coursewright.agents.planners.selection import keep_best
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.kss.dynamics import MASTERED, SKILLS, ability_at, grow
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Keys, hash_pair

MARGIN = -ability_at(MASTERED)  # a skill is mastered where ability >= difficulty - MARGIN
A_TARGET = 1e4  # outweighs any sum of missing ability


class Moves(NamedTuple):
    """The knowledge that a search has of the course.

    `difficulty [10]`, `transfer [10, 10]`, the `parents` of each skill, and which item `follows` which
    `[10, 10]`.
    """

    difficulty: Floats
    transfer: Floats
    parents: Lists
    follows: Bools


class Learners(NamedTuple):
    """The knowledge that a search has of each learner.

    `ability [batch, 10]`, `last [batch]` the last accepted item; `goal [batch, 10]` is scored,
    `targets` are let through where nothing else is left, `relevant` are the only ones ever let
    through; `serves [batch, 10]` counts the targets that each skill is, or leads to.
    """

    ability: Floats
    last: Ints
    goal: Bools
    targets: Bools
    relevant: Bools
    serves: Ints


@inlined
def value(ability: Floats, i: int, goal: Bools, row: int, difficulty: Floats) -> float:
    """Targets mastered (times a large number) plus the sum over targets of min(0, a - b + MARGIN)."""
    total = 0.0
    for k in range(SKILLS):
        if goal[row, k]:
            gap = ability[i, k] - difficulty[k] + MARGIN
            total += A_TARGET if gap >= 0.0 else gap
    return total


@kernel
def greedy(ability: Floats, goal: Bools, allowed: Bools, moves: Moves, scratch: Floats, out: Ints) -> None:
    """The allowed item `[batch]` after which `value` is highest; of equals, the first."""
    for i in range(out.shape[0]):
        best = -np.inf
        out[i] = 0
        for k in range(SKILLS):
            if not allowed[i, k]:
                continue
            for m in range(SKILLS):
                scratch[0, m] = ability[i, m]
            grow(scratch, 0, k, moves.transfer, moves.parents.start, moves.parents.values)
            worth = value(scratch, 0, goal, i, moves.difficulty)
            if worth > best:
                best = worth
                out[i] = k


class Beam(NamedTuple):
    """Room for a search of the given width and length; nothing is allocated while it runs.

    `now [width, 10]` and `last [width]` are the states kept; `reached [candidates, 10]` those that one
    practice leads to, with `keys [3, candidates]` to rank them by; `origin`, `chosen`
    `[steps, width]` tell where a kept state came from, and by which item.
    """

    now: Floats
    last: Ints
    reached: Floats
    parent: Ints
    item: Ints
    keys: Floats
    sorting: Floats
    keep: Bools
    seen: Keys
    origin: Ints
    chosen: Ints

    @classmethod
    def of(cls, width: int, steps: int) -> "Beam":
        """Room for `width` states and `steps` steps."""
        most = width * SKILLS
        return cls(
            now=np.empty((width, SKILLS)),
            last=np.empty(width, np.int64),
            reached=np.empty((most, SKILLS)),
            parent=np.empty(most, np.int64),
            item=np.empty(most, np.int64),
            keys=np.empty((3, most)),
            sorting=np.empty(most),
            keep=np.empty(most, bool),
            seen=np.empty(1 << (4 * most - 1).bit_length(), np.uint64),
            origin=np.empty((steps, width), np.int64),
            chosen=np.empty((steps, width), np.int64),
        )


@inlined
def _may_follow(last: int, k: int, relevant: Bools, follows: Bools, row: int) -> bool:
    """KSS's own rule of the items allowed after `last`, but for the case that it leaves nothing."""
    return relevant[row, k] and (last < 0 or follows[last, k])


@inlined
def _is_new(beam: Beam, c: int) -> bool:
    """True where candidate c is a state not met before at this depth; orders of practice often commute."""
    key = np.uint64(beam.item[c] + 1)
    for m in range(SKILLS):
        key = hash_pair(key, int(np.round(beam.reached[c, m] * 1e7)) + (1 << 40))
    full = np.uint64(beam.seen.shape[0] - 1)
    slot = key & full
    while beam.seen[slot] != 0:
        if beam.seen[slot] == key:
            return False
        slot = (slot + np.uint64(1)) & full
    beam.seen[slot] = key
    return True


@kernel
def _expand(who: Learners, row: int, moves: Moves, beam: Beam, size: int) -> int:
    """Every state that one allowed practice leads to, ranked by three keys; returns their number."""
    reached = int(np.int64(0))
    beam.seen[:] = 0
    for s in range(size):
        some = False
        for k in range(SKILLS):
            some = some or _may_follow(beam.last[s], k, who.relevant, moves.follows, row)
        for k in range(SKILLS):
            if some:
                if not _may_follow(beam.last[s], k, who.relevant, moves.follows, row):
                    continue
            elif not who.targets[row, k]:
                continue
            for m in range(SKILLS):
                beam.reached[reached, m] = beam.now[s, m]
            grow(beam.reached, reached, k, moves.transfer, moves.parents.start, moves.parents.values)
            beam.parent[reached] = s
            beam.item[reached] = k
            if not _is_new(beam, reached):
                continue
            worth = value(beam.reached, reached, who.goal, row, moves.difficulty)
            weighted = 0.0
            for m in range(SKILLS):
                weighted += beam.reached[reached, m] * who.serves[row, m]
            beam.keys[0, reached] = worth
            beam.keys[1, reached] = worth - A_TARGET * np.round(worth / A_TARGET)
            beam.keys[2, reached] = weighted
            reached += 1
    return reached


@kernel
def _narrow(beam: Beam, reached: int, width: int, step: int) -> int:
    """Keep the union of the three top thirds; returns their number."""
    for c in range(reached):
        beam.keep[c] = False
    for which in range(3):
        keep_best(beam.keys, which, reached, width // 3, beam.sorting, beam.keep)
    size = int(np.int64(0))
    for c in range(reached):
        if beam.keep[c]:
            for m in range(SKILLS):
                beam.now[size, m] = beam.reached[c, m]
            beam.last[size] = beam.item[c]
            beam.origin[step, size] = beam.parent[c]
            beam.chosen[step, size] = beam.item[c]
            size += 1
    return size


@kernel
def _best_kept(beam: Beam, size: int, goal: Bools, row: int, difficulty: Floats) -> int:
    best = 0
    for s in range(size):
        if value(beam.now, s, goal, row, difficulty) > value(beam.now, best, goal, row, difficulty):
            best = s
    return best


@kernel
def plan(who: Learners, rows: Ints, moves: Moves, beam: Beam, out: Ints) -> None:
    """Write the best items found into `out [batch, steps]` for `rows`; -1 once every target is mastered."""
    goal, difficulty = who.goal, moves.difficulty
    steps, width = beam.origin.shape
    for j in range(rows.shape[0]):
        i = rows[j]
        for m in range(SKILLS):
            beam.now[0, m] = who.ability[i, m]
        beam.last[0] = who.last[i]
        size_of_goal = 0
        for k in range(SKILLS):
            size_of_goal += goal[i, k]
        for t in range(steps):
            out[i, t] = -1
        size, done = int(np.int64(1)), int(np.int64(0))  # plain literals would compile all below them twice
        while done < steps:
            reached = _expand(who, i, moves, beam, size)
            size = _narrow(beam, reached, width, done)
            done += 1
            best = _best_kept(beam, size, goal, i, difficulty)
            if value(beam.now, best, goal, i, difficulty) > A_TARGET * (size_of_goal - 0.5):
                break
        s = _best_kept(beam, size, goal, i, difficulty)
        for t in range(done - 1, -1, -1):
            out[i, t] = beam.chosen[t, s]
            s = beam.origin[t, s]
