"""FSRS-6, the spaced-repetition model that Anki ships, as a simulated learner.

Equations and weights: Open Spaced Repetition, "The Algorithm" (FSRS-6), as in the package py-fsrs 6.3, which
these learners equal without its scheduling extras (fuzz, learning steps).  A memory of an item has
a stability S (days until recall falls to .9) and a difficulty D in [1, 10]; t is in whole days:

    R(t, S) = (1 + F t / S)^-w20,    F = .9^(-1 / w20) - 1

An item is graded Again 1 (wrong), Hard 2, Good 3 or Easy 4 (right).  The answer comes from the old state,
then S and D move.  At the first meeting the grade is drawn from fixed shares: FSRS says nothing
about knowledge from before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, mean_by_skill, respond, told
from coursewright.simulators.branch_free import exp, power, powers, room
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ANSWER, ENROL, Luck, normal, uniform
from coursewright.simulators.protocol import Prologue, Response

AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4
# Defaults and bounds of w0..w20 (py-fsrs 6.3).
# fmt: off
WEIGHTS = (0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796,
           1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542)
LOWEST = (0.001, 0.001, 0.001, 0.001, 1.0, 0.001, 0.001, 0.001, 0.0, 0.0, 0.001,
          0.001, 0.001, 0.001, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.1)
HIGHEST = (100.0, 100.0, 100.0, 100.0, 10.0, 4.0, 4.0, 0.75, 4.5, 0.8, 3.5,
           5.0, 0.25, 0.9, 4.0, 1.0, 6.0, 2.0, 2.0, 0.8, 0.8)
# fmt: on
# Grades of a first meeting, and of a right answer later (Hard, Good, Easy): Anki's collections.
FIRST_GRADES = (0.24, 0.094, 0.495, 0.171)
RIGHT_GRADES = (0.224, 0.631, 0.145)
FIRST, LATER = range(2)  # rows of `Fsrs.shares`
RIGHT, AS_HARD, AS_GOOD = range(3)  # and its columns
LEAST_STABILITY, LONGEST_INTERVAL = 0.001, 36_500
ROUNDING = 1e-9  # days (a tenth of a millisecond) by which a gap may miss a whole day, since floats add up


class FsrsState(NamedTuple):
    """A batch of learners.

    `stability [batch, items]` in days (0: never met), `difficulty [batch, items]`, `last [batch, items]`
    the day of the last review, `now [batch]` the day, `weights [batch, 21]` the learner's own w0..w20, and
    `factor [batch]` the F that follows from w20.
    """

    stability: Floats
    difficulty: Floats
    last: Floats
    now: Floats
    weights: Floats
    factor: Floats


@inlined
def whole_days(gap: float) -> float:
    """Days between two reviews, rounded down (py-fsrs counts 24 hours, not midnights)."""
    return float(np.floor(gap + ROUNDING))


@inlined
def factor(w: Floats) -> float:
    """F, by which recall is .9 after S days."""
    return power(0.9, -1.0 / w[20]) - 1.0


@inlined
def recall(days: float, stability: float, w: Floats) -> float:
    """R, the chance of recalling an item `days` after its last review; 1 on the same day."""
    return power(1.0 + factor(w) * days / stability, -w[20])


@inlined
def interval(stability: float, retention: float, w: Floats) -> float:
    """The days until an item is due, so that its recall is `retention` then."""
    days = np.rint(stability / factor(w) * (retention ** (-1.0 / w[20]) - 1.0))
    return float(min(max(days, 1.0), LONGEST_INTERVAL))


@inlined
def first_difficulty(grade: int, w: Floats) -> float:
    """D0 of a first grade, before it is cut to [1, 10]."""
    return float(w[4] - exp(w[5] * (grade - 1)) + 1.0)


@inlined
def in_range(difficulty: float) -> float:
    """A difficulty cut to [1, 10]."""
    return min(max(difficulty, 1.0), 10.0)


@inlined
def next_difficulty(difficulty: float, grade: int, w: Floats) -> float:
    """D after a review: a damped step, then a little way back to the D0 of Easy."""
    moved = difficulty + (10.0 - difficulty) / 9.0 * (-w[6] * (grade - 3))
    return in_range(w[7] * first_difficulty(EASY, w) + (1.0 - w[7]) * moved)


@inlined
def after_recall(stability: float, difficulty: float, recalled: float, grade: int, w: Floats) -> float:
    """S after a right answer that had the chance `recalled`: the less likely, the more it helps."""
    bonus = w[15] if grade == HARD else (w[16] if grade == EASY else 1.0)
    surprise = exp((1.0 - recalled) * w[10]) - 1.0
    growth = exp(w[8]) * (11.0 - difficulty) * power(stability, -w[9]) * surprise * bonus
    return float(stability * (1.0 + growth))


@inlined
def after_lapse(stability: float, difficulty: float, recalled: float, w: Floats) -> float:
    """S after a wrong answer: never more than after a same-day lapse."""
    left = w[11] * power(difficulty, -w[12]) * (power(stability + 1.0, w[13]) - 1.0)
    return float(min(left * exp((1.0 - recalled) * w[14]), stability / exp(w[17] * w[18])))


@inlined
def same_day_factor(stability: float, grade: int, w: Floats) -> float:
    """The factor on S of a review on the day of the last one, before its floor of 1 for right answers.

    py-fsrs has that floor for Hard as well.
    """
    return float(exp(w[17] * (grade - 3 + w[18])) * power(stability, -w[19]))


@inlined
def next_stability(
    stability: float, difficulty: float, days: float, recalled: float, grade: int, w: Floats
) -> float:
    """S after a review `days` after the last one, when R was `recalled`; `difficulty` is the old one."""
    if days < 1.0:
        factor = same_day_factor(stability, grade, w)
        after = stability * (max(factor, 1.0) if grade > AGAIN else factor)
    elif grade > AGAIN:
        after = after_recall(stability, difficulty, recalled, grade, w)
    else:
        after = after_lapse(stability, difficulty, recalled, w)
    return max(after, LEAST_STABILITY)


@kernel
def _enrol(state: FsrsState, table: Floats, spread: float, rows: Ints, luck: Luck) -> None:
    for i in rows:
        draw = luck.number[i] % table.shape[0]
        state.now[i] = 0.0
        for k in range(table.shape[1]):
            shift = spread * normal(luck.learner[i], 0, ENROL + 2 * k) if spread > 0.0 else 0.0
            state.weights[i, k] = min(max(table[draw, k] * (1.0 + shift), LOWEST[k]), HIGHEST[k])
        state.factor[i] = factor(state.weights[i])
        for a in range(state.stability.shape[1]):
            state.stability[i, a] = state.difficulty[i, a] = state.last[i, a] = 0.0


class Constants(NamedTuple):
    """The constants of the whole population: see `Fsrs`; and the `minutes [items]` of the course."""

    shares: Floats
    same_day: float
    minutes: Floats


class Memory(NamedTuple):
    """The memory of one item: whole `days` since its review, `recalled` (R now), `p` to answer right."""

    days: float
    recalled: float
    p: float


@inlined
def memory_now(state: FsrsState, constants: Constants, i: int, a: int) -> Memory:
    """The memory of an item when it is asked; `p` at a first meeting and within a day is not quite R."""
    days, stability = whole_days(state.now[i] - state.last[i, a]), state.stability[i, a]
    if stability <= 0.0:
        return Memory(days, 0.0, constants.shares[FIRST, RIGHT])
    recalled = power(1.0 + state.factor[i] * days / stability, -state.weights[i, 20])
    return Memory(days, recalled, constants.same_day if days < 1.0 else recalled)


@kernel
def _p_correct(state: FsrsState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = memory_now(state, constants, i, item[i]).p


@inlined
def _right_grade(u: float, hard: float, good: float) -> int:
    """The grade of a right answer: Hard with share `hard`, Good with `good`, else Easy."""
    return HARD if u < hard else (GOOD if u < hard + good else EASY)


@inlined
def review(state: FsrsState, memory: Memory, i: int, a: int, mark: int) -> None:
    """Move S and D of an item in row i that got this grade."""
    w, stability, difficulty = state.weights[i], state.stability, state.difficulty
    known, hard = stability[i, a], difficulty[i, a]
    if known > 0.0:
        stability[i, a] = next_stability(known, hard, memory.days, memory.recalled, mark, w)
        difficulty[i, a] = next_difficulty(hard, mark, w)
    else:
        stability[i, a] = w[mark - 1]
        difficulty[i, a] = in_range(first_difficulty(mark, w))
    state.last[i, a] = state.now[i]


@kernel
def _practise(
    learners: tuple[Any, ...], item: Ints, bare: tuple[Any, ...], taught: Bools, answers: tuple[Any, ...]
) -> None:
    # Named in here: a call with a NamedTuple costs five times as much as one with a tuple.
    state, constants, out = FsrsState(*learners), Constants(*bare), Answers(*answers)
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        memory = memory_now(state, constants, i, a)
        mark = AGAIN
        if respond(i, memory.p, constants.minutes[a], out):
            u = uniform(out.fate[i], out.step[i], ANSWER + 1)
            shares = constants.shares[LATER if state.stability[i, a] > 0.0 else FIRST]
            mark = _right_grade(u, shares[AS_HARD], shares[AS_GOOD])
        out.grade[i] = mark
        if taught[i]:
            review(state, memory, i, a, mark)


@kernel
def recalls(state: FsrsState, rooms: tuple[Floats, Floats], out: Floats | Mastery) -> None:
    """R of every item, `[batch, items]`; 0 of one never met.  Both rooms are for the items of one row."""
    (base, exponent), items, met = rooms, out.shape[1], 0
    for i in range(out.shape[0]):
        now, slope, known = state.now[i], state.factor[i], state.stability[i]
        exponent[:] = -state.weights[i, 20]
        for a in range(items):
            if known[a] > 0.0:
                base[met] = 1.0 + slope * whole_days(now - state.last[i, a]) / max(known[a], LEAST_STABILITY)
                met += 1
        powers(base, met, exponent)
        for a in range(items - 1, -1, -1):  # back to where they came from
            met -= known[a] > 0.0
            out[i, a] = base[met] if known[a] > 0.0 else 0.0


Numbers = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fsrs:
    """A population of FSRS-6 learners.

    `Response.grade` is the grade 1..4; `correct` is grade > 1.  Before the first meeting P(correct) is the
    share of first grades that are not Again, since that answer will be drawn; mastery is 0, as
    py-fsrs has it, since a first grade tells of an encounter and not of a memory.  From then on mastery
    of a skill is the mean of R over its items.

    Attributes
    ----------
    weights : w0..w20 `[21]`, or `[draws, 21]`; see `Luck.number` for who uses which draw.
    spread : normal spread between learners, as a share of each weight; cut to py-fsrs's bounds.
    first_grades, right_grades : shares of Again..Easy at the first meeting, of Hard..Easy later.
    same_day : P(correct) less than a day after the last review; 1 is R(0).

    Raises `InputError` for weights out of py-fsrs's bounds or shares that do not add up to 1.
    """

    course: Course
    weights: Numbers | Sequence[Numbers] = WEIGHTS
    spread: float = 0.0
    first_grades: Sequence[float] = FIRST_GRADES
    right_grades: Sequence[float] = RIGHT_GRADES
    same_day: float = 1.0

    def __post_init__(self) -> None:
        table = self.table
        if table.ndim != 2 or table.shape[1] != len(WEIGHTS) or not len(table):
            raise reject("fsrs.weights", f"array of shape {table.shape}", "[21] or [draws, 21]")
        wrong = ~((table >= np.array(LOWEST)) & (table <= np.array(HIGHEST)))
        if wrong.any():
            k = int(np.argwhere(wrong)[0][1])
            raise reject(f"fsrs.weights[{k}]", table[wrong][0], f"in [{LOWEST[k]}, {HIGHEST[k]}]")
        if not 0.0 <= self.spread < np.inf:
            raise reject("fsrs.spread", self.spread, "a finite number >= 0")
        if not 0.0 <= self.same_day <= 1.0:
            raise reject("fsrs.same_day", self.same_day, "a probability in [0, 1]")
        for field, length in (("first_grades", 4), ("right_grades", 3)):
            shares = np.array(getattr(self, field), np.float64)
            if shares.shape != (length,) or not (shares >= 0).all() or abs(shares.sum() - 1.0) > 1e-6:
                raise reject(f"fsrs.{field}", shares.tolist(), f"{length} shares that add up to 1")

    @cached_property
    def table(self) -> Floats:
        """The weights as `[draws, 21]`."""
        return np.ascontiguousarray(np.atleast_2d(np.array(self.weights, np.float64)))

    @cached_property
    def shares(self) -> Floats:
        """`[2, 3]`: P(right) and the shares of Hard and Good among right answers; row 0 first meetings."""
        _, hard, good, easy = self.first_grades
        right = hard + good + easy
        first = [right, hard / right, good / right] if right > 0.0 else [0.0, 0.0, 1.0]
        return np.array([first, [np.nan, *self.right_grades[:2]]])

    @cached_property
    def constants(self) -> Constants:
        """See `Constants`."""
        return Constants(self.shares, float(self.same_day), self.course.minutes)

    def empty(self, batch: int) -> FsrsState:
        """Learners who have met nothing, on day 0."""
        shape = (batch, self.course.n_items)
        weights = np.tile(self.table[0], (batch, 1))
        never, factors = np.zeros(shape), np.full(batch, factor(self.table[0]))
        return FsrsState(never, never.copy(), never.copy(), np.zeros(batch), weights, factors)

    def enrol(self, state: FsrsState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners with weights of their own; they bring neither a goal nor a past."""
        _enrol(state, self.table, float(self.spread), rows, luck)
        return None

    def p_correct(self, state: FsrsState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self.constants, item, out)

    def practise(self, state: FsrsState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer and be graded from the old memory, then update it."""
        _practise(tuple(state), item, tuple(self.constants), taught, told(luck, out))

    def study(self, state: FsrsState, item: Ints, luck: Luck) -> None:
        """Show `item [batch]` (-1: none) without asking: a review that went well, as in a fit."""
        for i in np.flatnonzero(item >= 0).tolist():
            review(state, memory_now(state, self.constants, i, item[i]), i, item[i], GOOD)

    def elapse(self, state: FsrsState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        state.now[:] += days

    def mastery(self, state: FsrsState, out: Mastery) -> None:
        """Mean R of the skill's items `[batch, skills]`; items never met count 0."""
        rooms = room(self.course.n_items), room(self.course.n_items)
        mean_by_skill(partial(recalls, state, rooms), self.course, out)
