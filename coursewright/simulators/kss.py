"""KSS, the "knowledge structure" simulator in its first published form, `cseal18`.

Liu et al., "Exploiting Cognitive Structure for Adaptive Learning" (CSEAL), KDD 2019; EduSim.  Ten
skills with one item each, a real-valued ability per skill with the cap 5, a four-option item response
curve, and a table of which item may follow which:

    p_k = 1/4 + 3/4 / (1 + exp(-8.5 (a_k - b_k)))                                  answer
    a  <- min(5, a + (5 - a_k)/2 exp(-sum_{p in Pa(k)} (5 - a_p)) W[k, :])         practise k
    W   = (I - A/2)^-1                                                             transfer onwards

A learner arrives with targets and a warm-up of twenty rounds that the tutor sees; what was learned
in it is undone before the episode starts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ANSWER, ENROL, GOAL, WARM_UP, Keys, Luck, Steps, hash_pair, uniform
from coursewright.simulators.protocol import Bools, Floats, Ints, Mastery, Prologue, Response

SKILLS = 10
CAP = 5.0
EDGES = [[0, 1], [0, 2], [1, 3], [2, 4], [2, 8], [3, 4], [4, 8], [5, 4], [5, 9], [6, 7], [7, 8], [8, 9]]
DIFFICULTY = [0, 2, 3, 3, 3, 0, 1, 3, 4, 4]  # the published seed 10
FOLLOWERS = [
    [0, 1, 2],
    [0, 1, 2, 3],
    [0, 1, 2, 4, 8],
    [0, 1, 3, 4],
    [0, 1, 2, 3, 4, 5, 8, 9],
    [4, 5, 9],
    [6, 7],
    [6, 7, 8],
    [0, 2, 3, 4, 5, 6, 7, 8, 9],
    [2, 4, 5, 7, 8, 9],
]
WARM_UP_ROUNDS = 20
WARM_UP_WIDTH = 2 * WARM_UP_ROUNDS  # a round writes one record or two
MASTERED = 0.5  # p_k at or above which a skill counts as mastered
READY = 0.6  # p_k at which the warm-up moves on to the next skill


class KssState(NamedTuple):
    """A batch of learners.

    `ability [batch, 10]`; the `last [batch]` accepted item (-1: none); the `goal [batch, 10]`, and
    the items `relevant [batch, 10]` to it: targets and what leads to them.
    """

    ability: Floats
    last: Ints
    goal: Bools
    relevant: Bools


@inlined
def p_answer(ability: float, difficulty: float) -> float:
    """P(correct): a logistic curve above a guessing floor of 1/4."""
    return float(0.25 + 0.75 / (1.0 + np.exp(-8.5 * (ability - difficulty))))


@inlined
def grow(ability: Floats, i: int, k: int, transfer: Floats, start: Ints, parents: Ints) -> None:
    """Practise skill k in row i: more room and firmer prerequisites give more growth."""
    lacking = 0.0
    for j in range(start[k], start[k + 1]):
        lacking += CAP - ability[i, parents[j]]
    gain = 0.5 * (CAP - ability[i, k]) * np.exp(-lacking)
    for m in range(SKILLS):
        ability[i, m] = min(CAP, ability[i, m] + gain * transfer[k, m])


@inlined
def _draw_goal(key: np.uint64, i: int, goal: Bools) -> int:
    """Three to ten targets without replacement; returns how many."""
    size = 3 + int(uniform(key, 0, GOAL) * 8.0)
    left = size
    for k in range(SKILLS):  # selection sampling: each set of this size is equally likely
        goal[i, k] = uniform(key, 0, GOAL + 1 + k) * (SKILLS - k) < left
        if goal[i, k]:
            left -= 1
    return size


@inlined
def _warm_up_choice(
    key: np.uint64,
    turn: int,
    done: int,
    item: Ints,
    correct: Ints,
    ability: Floats,
    i: int,
    difficulty: Floats,
    order: Ints,
) -> int:
    """The warm-up's next item for one learner, -1 to stop; +10 marks a repeat that is asked twice."""
    if done > 0:
        last = item[done - 1]
        varied = False
        for j in range(max(0, done - 3), done - 1):
            if item[j] != last:
                varied = True
        if correct[done - 1] == 1 and varied:
            return int(last) + SKILLS
        if correct[done - 1] == 0 and uniform(key, turn, WARM_UP) < 0.7:
            return int(last)
    if uniform(key, turn, WARM_UP + 1) < 0.9:
        for j in range(SKILLS):
            k = order[j]
            if p_answer(ability[i, k], difficulty[k]) < READY:
                return int(k)
        return -1
    return int(uniform(key, turn, WARM_UP + 2) * SKILLS)


@inlined
def _warm_up(
    key: np.uint64,
    ability: Floats,
    i: int,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
    order: Ints,
    item: Ints,
    correct: Ints,
) -> int:
    """Fill one learner's visible past and return its length; abilities grow on the way."""
    done = 0
    for turn in range(WARM_UP_ROUNDS):
        choice = _warm_up_choice(key, turn, done, item, correct, ability, i, difficulty, order)
        if choice < 0:
            break
        k = choice % SKILLS
        for again in range(2 if choice >= SKILLS else 1):
            item[done] = k
            right = p_answer(ability[i, k], difficulty[k])
            correct[done] = uniform(key, turn, WARM_UP + 3 + again) < right
            grow(ability, i, k, transfer, start, parents)
            done += 1
    return done


@kernel
def _enrol(
    ability: Floats,
    last: Ints,
    goal: Bools,
    relevant: Bools,
    rows: Ints,
    learner: Keys,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
    order: Ints,
    ancestors: Bools,
    item: Ints,
    correct: Ints,
    length: Ints,
    first: Floats,
) -> None:
    for j in range(rows.shape[0]):
        i = rows[j]
        attempt = 0
        key = learner[i]
        while True:  # a learner who has mastered every target already is drawn again
            key = hash_pair(learner[i], attempt)
            size = _draw_goal(key, i, goal)
            mastered = 0
            for k in range(SKILLS):
                ability[i, k] = int(uniform(key, 0, ENROL + k) * 4.0) - 3.0 - 0.1 * k
                if goal[i, k] and p_answer(ability[i, k], difficulty[k]) >= MASTERED:
                    mastered += 1
            if mastered < size:
                break
            attempt += 1
        for k in range(SKILLS):
            first[k] = ability[i, k]
            relevant[i, k] = False
            for target in range(SKILLS):
                if goal[i, target] and ancestors[k, target]:
                    relevant[i, k] = True
        length[j] = _warm_up(
            key, ability, i, difficulty, transfer, start, parents, order, item[j], correct[j]
        )
        last[i] = item[j, length[j] - 1] if length[j] > 0 else -1
        for k in range(SKILLS):
            ability[i, k] = first[k]


@kernel
def _p_correct(ability: Floats, difficulty: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = p_answer(ability[i, item[i]], difficulty[item[i]])


@kernel
def _practise(
    ability: Floats,
    last: Ints,
    difficulty: Floats,
    transfer: Floats,
    start: Ints,
    parents: Ints,
    item: Ints,
    taught: Bools,
    fate: Keys,
    step: Steps,
    correct: Ints,
    grade: Ints,
    minutes: Floats,
) -> None:
    for i in range(item.shape[0]):
        k = item[i]
        if k < 0:
            continue
        correct[i] = uniform(fate[i], step[i], ANSWER) < p_answer(ability[i, k], difficulty[k])
        grade[i] = correct[i]
        minutes[i] = 1.0
        if taught[i]:
            grow(ability, i, k, transfer, start, parents)
            last[i] = k


@kernel
def _allowed(last: Ints, goal: Bools, relevant: Bools, follows: Bools, out: Bools) -> None:
    for i in range(last.shape[0]):
        some = False
        for k in range(SKILLS):
            out[i, k] = relevant[i, k] and (last[i] < 0 or follows[last[i], k])
            some = some or out[i, k]
        if not some:
            for k in range(SKILLS):
                out[i, k] = goal[i, k]


@kernel
def _mastery(ability: Floats, difficulty: Floats, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for k in range(SKILLS):
            out[i, k] = p_answer(ability[i, k], difficulty[k])


@dataclass(frozen=True, eq=False)
class Kss:
    """A population of `cseal18` learners; mastery of a skill is P(correct) on its item."""

    @cached_property
    def course(self) -> Course:
        """Ten skills, one item each, and the published prerequisite graph."""
        return Course.of(SKILLS, prerequisites=EDGES, difficulty=DIFFICULTY)

    @property
    def restricts(self) -> bool:
        """Only what may follow the last item and leads to a target is allowed."""
        return True

    @cached_property
    def transfer(self) -> Floats:
        """W = (I - A/2)^-1 `[10, 10]`: how growth in one skill carries over to those it leads to."""
        return np.ascontiguousarray(np.linalg.inv(np.eye(SKILLS) - 0.5 * self.course.prerequisites))

    @cached_property
    def follows(self) -> Bools:
        """`[10, 10]`, `[l, k]` True where item k may follow item l."""
        table = np.zeros((SKILLS, SKILLS), bool)
        for before, after in enumerate(FOLLOWERS):
            table[before, after] = True
        return table

    def empty(self, batch: int) -> KssState:
        """Learners of ability 0 with every skill as a target and no past."""
        return KssState(
            ability=np.zeros((batch, SKILLS)),
            last=np.full(batch, -1, np.int64),
            goal=np.ones((batch, SKILLS), bool),
            relevant=np.ones((batch, SKILLS), bool),
        )

    def enrol(self, state: KssState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners with targets, a warm-up, and at least one target still to master."""
        item = np.zeros((len(rows), WARM_UP_WIDTH), np.int64)
        correct = np.zeros((len(rows), WARM_UP_WIDTH), np.int64)
        length = np.zeros(len(rows), np.int64)
        course = self.course
        _enrol(
            *state,
            rows,
            luck.learner,
            course.difficulty,
            self.transfer,
            *course.parents,
            course.order,
            course.ancestors,
            item,
            correct,
            length,
            np.empty(SKILLS),
        )
        return Prologue(state.goal[rows], item, correct, length)

    def p_correct(self, state: KssState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state.ability, self.course.difficulty, item, out)

    def practise(self, state: KssState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old ability, then grow; a row that is not taught only answers."""
        _practise(
            state.ability,
            state.last,
            self.course.difficulty,
            self.transfer,
            *self.course.parents,
            item,
            taught,
            luck.fate,
            luck.step,
            out.correct,
            out.grade,
            out.minutes,
        )

    def elapse(self, state: KssState, days: Floats, luck: Luck) -> None:
        """Nothing: these learners do not forget."""

    def allowed(self, state: KssState, out: Bools) -> None:
        """C(last item) within what leads to a target; the targets where that leaves nothing."""
        _allowed(state.last, state.goal, state.relevant, self.follows, out)

    def mastery(self, state: KssState, out: Mastery) -> None:
        """P(correct) on each skill's item, `[batch, 10]`."""
        _mastery(state.ability, self.course.difficulty, out)
