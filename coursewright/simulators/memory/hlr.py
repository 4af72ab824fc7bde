"""Half-life regression as a simulated learner, in Duolingo's form (Settles & Meeder, ACL 2016).

    p = 2^(-t / h),   h = 2^(w . x),   x = (sqrt(1 + right), sqrt(1 + wrong), 1, lexeme)      eq. 1 and 2

t is in days since the item's last answer, right and wrong count earlier answers; h is kept within
15 minutes and 274 days (nine months), p within .0001 and .9999, as Duolingo's own code has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, answers, mean_by_skill, respond
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import Prologue, Response

SHORTEST, LONGEST = 15.0 / 1440.0, 274.0  # days
LEAST, MOST = 0.0001, 0.9999
LOG_SHORTEST, LOG_LONGEST = float(np.log2(SHORTEST)), float(np.log2(LONGEST))
NEVER = -1.0  # `last` of an item that was not met


class HlrState(NamedTuple):
    """A batch of learners.

    `right` and `wrong [batch, items]` count answers, `last [batch, items]` is the day of the latest (-1:
    never met), `now [batch]` the day.
    """

    right: Floats
    wrong: Floats
    last: Floats
    now: Floats


@inlined
def log_half_life(right: float, wrong: float, w_right: float, w_wrong: float, constant: float) -> float:
    """Base-2 logarithm of the half-life in days before its limits; `constant`: bias and lexeme."""
    return float(w_right * np.sqrt(1.0 + right) + w_wrong * np.sqrt(1.0 + wrong) + constant)


@inlined
def recall(days: float, log_half: float) -> float:
    """P(recall) after `days`, within the limits of h and p."""
    half_life = 2.0 ** min(max(log_half, LOG_SHORTEST), LOG_LONGEST)
    return float(min(max(2.0 ** (-days / half_life), LEAST), MOST))


class Constants(NamedTuple):
    """The constants of the whole population: see `Hlr`; `constant [items]`."""

    right: float
    wrong: float
    constant: Floats
    first: float


@inlined
def _p_item(state: HlrState, constants: Constants, i: int, a: int, unseen: float) -> float:
    if state.last[i, a] < 0.0:
        return unseen
    right, wrong, constant, _ = constants
    log_half = log_half_life(state.right[i, a], state.wrong[i, a], right, wrong, constant[a])
    return recall(state.now[i] - state.last[i, a], log_half)


@kernel
def _p_correct(state: HlrState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(state, constants, i, item[i], constants.first)


@kernel
def _practise(
    state: HlrState, constants: Constants, minutes: Floats, item: Ints, taught: Bools, out: Answers
) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        right = respond(i, _p_item(state, constants, i, a, constants.first), minutes[a], out)
        if taught[i]:
            state.right[i, a] += right
            state.wrong[i, a] += 1 - right
            state.last[i, a] = state.now[i]


@kernel
def recalls(state: HlrState, constants: Constants, out: Floats | Mastery) -> None:
    """P(recall) of every item, `[batch, items]`; 0 of one never met."""
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = _p_item(state, constants, i, a, 0.0)


@dataclass(frozen=True, eq=False)
class Hlr:
    """A population of half-life learners; mastery of a skill is the mean of P(recall) over its items.

    An item never met has no half-life yet: it is answered right with chance `first`, which is no memory,
    so that its mastery is 0.

    Attributes
    ----------
    right, wrong, bias : weights of sqrt(1 + right), sqrt(1 + wrong) and 1.
    lexeme : a weight per item `[items]`, or nothing.
    first : P(correct) at the first meeting.

    Raises `InputError` for weights that are not finite or too few or many of them, and for `first`
    outside [0, 1].
    """

    course: Course
    right: float
    wrong: float
    bias: float
    lexeme: Sequence[float] = ()
    first: float = 0.0

    def __post_init__(self) -> None:
        for field in ("right", "wrong", "bias"):
            if not np.isfinite(getattr(self, field)):
                raise reject(f"hlr.{field}", getattr(self, field), "a finite number")
        if not 0.0 <= self.first <= 1.0:
            raise reject("hlr.first", self.first, "a probability in [0, 1]")
        if len(self.lexeme) not in (0, self.course.n_items):
            raise reject(
                "hlr.lexeme", f"{len(self.lexeme)} weights", f"none or {self.course.n_items}, one an item"
            )
        if not np.isfinite(self.constant).all():
            raise reject("hlr.lexeme", list(self.lexeme), "finite numbers")

    @cached_property
    def constant(self) -> Floats:
        """The part of w . x that does not depend on the answers, `[items]`."""
        lexeme = np.array(self.lexeme, np.float64) if len(self.lexeme) else np.zeros(self.course.n_items)
        return np.asarray(self.bias + lexeme)

    @cached_property
    def constants(self) -> Constants:
        """See `Constants`."""
        return Constants(float(self.right), float(self.wrong), self.constant, float(self.first))

    def empty(self, batch: int) -> HlrState:
        """Learners who have met nothing, on day 0."""
        shape = (batch, self.course.n_items)
        return HlrState(np.zeros(shape), np.zeros(shape), np.full(shape, NEVER), np.zeros(batch))

    def enrol(self, state: HlrState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners, all alike; they bring neither a goal nor a past."""
        state.right[rows] = state.wrong[rows] = 0.0
        state.last[rows] = NEVER
        state.now[rows] = 0.0
        return None

    def p_correct(self, state: HlrState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self.constants, item, out)

    def practise(self, state: HlrState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old memory, then count the answer."""
        _practise(state, self.constants, self.course.minutes, item, taught, answers(luck, out))

    def study(self, state: HlrState, item: Ints, luck: Luck) -> None:
        """Show `item [batch]` (-1: none) without asking: its time begins anew, and no answer counts."""
        rows = np.flatnonzero(item >= 0)
        state.last[rows, item[rows]] = state.now[rows]

    def elapse(self, state: HlrState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        state.now[:] += days

    def mastery(self, state: HlrState, out: Mastery) -> None:
        """Mean P(recall) of the skill's items `[batch, skills]`; items never met count 0."""
        mean_by_skill(partial(recalls, state, self.constants), self.course, out)
