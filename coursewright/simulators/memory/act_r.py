"""ACT-R's declarative memory as a simulated learner (Pavlik & Anderson, Cognitive Science 2005).

Every presentation j of an item leaves a trace with a decay rate of its own.  The rate is higher if the memory
was stronger at that moment, so that spacing pays:

    strength = sum_j max(1, 86400 h t_j)^-d_j,   d_j = c strength_j + a                eq. 2 and 5
    P(recall) = 1 / (1 + exp((tau - ln strength) / s))                               eq. 6

t_j is in days since presentation j, strength_j (exp of the activation m) the strength just before.  h scales
time, since memories fade more slowly than the clock between sessions.  At the first presentation nothing is
there, so that its decay is a.  Default constants: those that the open srs-benchmark starts from.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, answers, mean_by_skill, respond
from coursewright.simulators.branch_free import log, power, powers, room, sigmoid, whole
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import Prologue, Response

SECONDS = 86_400.0  # in a day
TINY = 1e-300  # a strength that has underflowed to 0 counts as this


class ActRState(NamedTuple):
    """A batch of learners.

    `time` and `decay [batch, items, history]` hold the day and the decay rate of each presentation, in a
    ring; `met [batch, items]` their number; `now [batch]` is the day.
    """

    time: Floats
    decay: Floats
    met: Ints
    now: Floats


@inlined
def felt(days: float, h: float) -> float:
    """The seconds that `days` count for, at least 1."""
    return max(1.0, SECONDS * h * days)


@inlined
def recall(strength: float, s: float, tau: float) -> float:
    """P(recall) of an item whose traces sum to `strength`."""
    return sigmoid((log(max(strength, TINY)) - tau) / s)


class Constants(NamedTuple):
    """The constants of the whole population: see `ActR`."""

    a: float
    c: float
    s: float
    tau: float
    h: float
    first: float


@inlined
def strength_at(day: float, state: ActRState, h: float, i: int, a: int) -> float:
    """The sum of an item's traces on a day after its last presentation; 0 of one never met."""
    total = 0.0
    for j in range(min(state.met[i, a], state.time.shape[2])):
        total += power(felt(day - state.time[i, a, j], h), -state.decay[i, a, j])
    return total


@kernel
def _p_correct(state: ActRState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] < 0:
            continue
        if state.met[i, item[i]] == 0:
            out[i] = constants.first
        else:
            strength = strength_at(state.now[i], state, constants.h, i, item[i])
            out[i] = recall(strength, constants.s, constants.tau)


@kernel
def _practise(
    state: ActRState, constants: Constants, minutes: Floats, item: Ints, taught: Bools, out: Answers
) -> None:
    for i in range(item.shape[0]):
        k = item[i]
        if k < 0:
            continue
        strength, met = strength_at(state.now[i], state, constants.h, i, k), state.met[i, k]
        p = recall(strength, constants.s, constants.tau) if met > 0 else constants.first
        respond(i, p, minutes[k], out)
        if taught[i]:
            place = met % state.time.shape[2]  # past the end, the oldest presentation gives way
            state.time[i, k, place] = state.now[i]
            state.decay[i, k, place] = constants.c * strength + constants.a
            state.met[i, k] += 1


@kernel
def recalls(
    state: ActRState, constants: Constants, rooms: tuple[Floats, Floats], out: Floats | Mastery
) -> None:
    """P(recall) of every item, `[batch, items]`; 0 of one never met.

    Both rooms are for the traces of one row, item after item: their powers are one loop.
    """
    (trace, exponent), (items, history) = rooms, state.time.shape[1:]
    for i in range(out.shape[0]):
        traces = 0
        for a in range(items):
            for j in range(min(state.met[i, a], history)):
                trace[traces] = felt(state.now[i] - state.time[i, a, j], constants.h)
                exponent[traces] = -state.decay[i, a, j]
                traces += 1
        powers(trace, traces, exponent)
        strength, traces = exponent, 0  # the exponents are done with
        for a in range(items):
            total = 0.0
            for _ in range(min(state.met[i, a], history)):
                total += trace[traces]
                traces += 1
            strength[a] = total
        for a in range(whole(items)):
            strength[a] = recall(strength[a], constants.s, constants.tau)
        for a in range(items):
            out[i, a] = strength[a] if state.met[i, a] > 0 else 0.0


@dataclass(frozen=True, eq=False)
class ActR:
    """A population of ACT-R learners; mastery of a skill is the mean of P(recall) over its items.

    A right answer and a wrong one leave the same trace: both are presentations.  An item never met is
    answered right with chance `first`, which is no memory, so that its mastery is 0.

    Attributes
    ----------
    a, c : a trace's decay rate is a plus c times the strength it met.
    s, tau : noise and threshold of recall, on the scale of log strength.
    h : the share of the clock's seconds that the memory feels.
    history : presentations kept per item; past it each new one replaces the oldest.
    first : P(correct) at the first meeting.

    Raises `InputError` for a constant out of range.
    """

    course: Course
    a: float = 0.17679
    c: float = 0.21697
    s: float = 0.25489
    tau: float = -0.70421
    h: float = 0.025
    history: int = 32
    first: float = 0.0

    def __post_init__(self) -> None:
        for field in ("a", "s", "h"):
            if not 0.0 < getattr(self, field) < np.inf:
                raise reject(f"act_r.{field}", getattr(self, field), "a finite number above 0")
        if not 0.0 <= self.c < np.inf:
            raise reject("act_r.c", self.c, "a finite number >= 0")
        if not np.isfinite(self.tau):
            raise reject("act_r.tau", self.tau, "a finite number")
        if self.history < 1 or int(self.history) != self.history:
            raise reject("act_r.history", self.history, "a whole number >= 1")
        if not 0.0 <= self.first <= 1.0:
            raise reject("act_r.first", self.first, "a probability in [0, 1]")

    @cached_property
    def constants(self) -> Constants:
        """See `Constants`."""
        return Constants(*map(float, (self.a, self.c, self.s, self.tau, self.h, self.first)))

    def empty(self, batch: int) -> ActRState:
        """Learners who have met nothing, on day 0."""
        shape = (batch, self.course.n_items)
        traces = (*shape, self.history)
        return ActRState(np.zeros(traces), np.zeros(traces), np.zeros(shape, np.int64), np.zeros(batch))

    def enrol(self, state: ActRState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners, all alike; they bring neither a goal nor a past."""
        for array in state:
            array[rows] = 0
        return None

    def p_correct(self, state: ActRState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self.constants, item, out)

    def practise(self, state: ActRState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old traces, then leave a new one."""
        _practise(state, self.constants, self.course.minutes, item, taught, answers(luck, out))

    def elapse(self, state: ActRState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        state.now[:] += days

    def mastery(self, state: ActRState, out: Mastery) -> None:
        """Mean P(recall) of the skill's items `[batch, skills]`; items never met count 0."""
        traces = self.course.n_items * self.history
        rooms = room(traces), room(traces)
        mean_by_skill(partial(recalls, state, self.constants, rooms), self.course, out)
