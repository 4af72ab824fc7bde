"""Bayesian Knowledge Tracing as a simulated learner (Corbett & Anderson, UMUAI 1994).

Each skill is known or not.  A learner answers from the old state and then learns:

    P(correct) = prod over needed skills of (1 - S_k if known else G_k)          conjunctive items
    unknown -> known with T_k * prod over prerequisites p of (1 if known else rho)

Forgetting has two named forms.  `opportunity` is pyBKT's (Badrinath, Wang & Pardos, EDM 2021):
known -> unknown with F at each opportunity.  `time` loses a known skill with 1 - (1 - F)^days as
days pass; that is exact with one exponential waiting time, drawn when the skill is learned.

Individual learners (Yudelson, Koedinger & Gordon, AIED 2013): logit T and logit L0 shift by a normal
draw per learner.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, respond, told
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.lists import pack, unpack
from coursewright.simulators.luck import ENROL, FORGET, LEARN, Luck, normal, uniform
from coursewright.simulators.protocol import Prologue, Response

# Columns of `Bkt.table`: P(right) of unknown and known skills; the rate of forgetting per day, and P(F) at
# an opportunity; P(L0); P(T); and `Bkt.rho`.
IF_UNKNOWN, IF_KNOWN, RATE, FORGETS, PRIOR, LEARNS, RHO = range(7)
UNKNOWN = -1.0  # `until` of a skill that is not known: before any day


class BktState(NamedTuple):
    """A batch of learners.

    `until [batch, skills]` is the day through which the skill stays known (-1: not known, inf: for
    good); `now [batch]` the day; `pace [batch]` the learner's own shift of logit P(T); `draw [batch]`
    the row of the parameter table that is theirs.
    """

    until: Mastery
    now: Floats
    pace: Floats
    draw: Ints


class Constants(NamedTuple):
    """The constants of the whole population, in few arrays, since each costs a call .2 microseconds.

    `Bkt.table`; True where item a is skill a; the `minutes [items]`; and lists of skills, of which list j is
    `skill[start[j]:start[j + 1]]`: first the skills of each item, then the prerequisites of each skill.
    """

    table: Floats
    one_to_one: bool
    minutes: Floats
    start: Ints
    skill: Ints


class Spread(NamedTuple):
    """The spread of logit P(L0) and logit P(T) between learners: standard deviations."""

    prior: float
    learn: float


@inlined
def _shift(p: float, by: float) -> float:
    """A probability moved by `by` on the logit scale; 0 and 1 stay."""
    if by == 0.0 or p <= 0.0 or p >= 1.0:
        return p
    return float(1.0 / (1.0 + (1.0 - p) / p * np.exp(-by)))


@kernel
def _enrol(state: BktState, constants: Constants, spread: Spread, rows: Ints, luck: Luck) -> None:
    table, skills = constants.table, state.until.shape[1]
    for i in rows:
        key, draw = luck.learner[i], luck.number[i] % constants.table.shape[0]
        state.draw[i] = draw
        state.now[i] = 0.0
        state.pace[i] = spread.learn * normal(key, 0, ENROL + 2 * skills) if spread.learn > 0.0 else 0.0
        ahead = spread.prior * normal(key, 0, ENROL + 2 * skills + 2) if spread.prior > 0.0 else 0.0
        for k in range(skills):
            prior = _shift(table[draw, k, PRIOR], ahead)
            state.until[i, k] = np.inf if uniform(key, 0, ENROL + k) < prior else UNKNOWN
        for k in range(skills):  # a loop of its own: the first, without logarithms, is five times faster
            rate = table[draw, k, RATE]
            if rate > 0.0 and state.until[i, k] > 0.0:
                state.until[i, k] = -np.log(1.0 - uniform(key, 0, ENROL + skills + k)) / rate


@inlined
def _p_item(state: BktState, constants: Constants, i: int, a: int) -> float:
    today, draw, p = state.now[i], state.draw[i], 1.0
    for j in range(constants.start[a], constants.start[a + 1]):
        k = constants.skill[j]
        p *= constants.table[draw, k, IF_KNOWN if today <= state.until[i, k] else IF_UNKNOWN]
    return p


@kernel
def _p_correct(state: BktState, constants: Constants, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(state, constants, i, item[i])


@inlined
def _learn_now(state: BktState, constants: Constants, i: int, k: int, own: float) -> float:
    """T_eff: the learner's own P(T), times rho for every prerequisite that is not known."""
    rate, rho, parents = own, constants.table[0, k, RHO], constants.minutes.shape[0] + k
    for j in range(constants.start[parents], constants.start[parents + 1]):
        rate *= 1.0 if state.now[i] <= state.until[i, constants.skill[j]] else rho
    return rate


@inlined
def _opportunity(state: BktState, constants: Constants, i: int, k: int, key: np.uint64, t: int) -> None:
    """One opportunity to learn skill k in row i, or (in the `opportunity` form) to forget it."""
    table, draw, until, today = constants.table, state.draw[i], state.until, state.now[i]
    u = uniform(key, t, LEARN + k)
    # The processor cannot predict if a skill is known: bitwise "and" keeps it out of the branches, which
    # are rarely taken (and only then is there a look at the prerequisites).
    known = today <= until[i, k]
    learn = _shift(table[draw, k, LEARNS], state.pace[i])
    if known & (u < table[draw, k, FORGETS]):
        until[i, k] = UNKNOWN
    elif (not known) & (u < learn) and u < _learn_now(state, constants, i, k, learn):
        rate = table[draw, k, RATE]
        lasts = uniform(key, t, FORGET + k) if rate > 0.0 else 0.0
        until[i, k] = np.inf if rate == 0.0 else today - np.log(1.0 - lasts) / rate


@kernel
def _practise(
    until: Mastery,
    now: Floats,
    pace: Floats,
    draw: Ints,
    bare: tuple[Any, ...],
    item: Ints,
    taught: Bools,
    answers: tuple[Any, ...],
) -> None:
    # Named in here: a call with a NamedTuple costs five times as much as one with a tuple.
    state, constants, out = BktState(until, now, pace, draw), Constants(*bare), Answers(*answers)
    for i in range(item.shape[0]):
        a, key, t = item[i], out.fate[i], out.step[i]  # read before anything is written: a row costs 4 % less
        if a < 0:
            continue
        if constants.one_to_one:  # item a is skill a: a quarter faster than a list of one
            p = constants.table[draw[i], a, IF_KNOWN if now[i] <= until[i, a] else IF_UNKNOWN]
        else:
            p = _p_item(state, constants, i, a)
        respond(i, p, constants.minutes[a], out)
        if not taught[i]:
            continue
        if constants.one_to_one:
            _opportunity(state, constants, i, a, key, t)
            continue
        for j in range(constants.start[a], constants.start[a + 1]):
            _opportunity(state, constants, i, constants.skill[j], key, t)


@kernel
def _redraw(state: BktState, constants: Constants, luck: Luck) -> None:
    skills = state.until.shape[1]
    for i in range(state.until.shape[0]):
        for k in range(skills):
            rate = constants.table[state.draw[i], k, RATE]
            if rate > 0.0 and state.now[i] <= state.until[i, k]:
                lasts = uniform(luck.fate[i], luck.step[i], FORGET + skills + k)
                state.until[i, k] = state.now[i] - np.log(1.0 - lasts) / rate


@kernel
def _learn_rates(state: BktState, constants: Constants, out: Floats) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            learn = _shift(constants.table[state.draw[i], k, LEARNS], state.pace[i])
            out[i, k] = _learn_now(state, constants, i, k, learn)


@kernel
def _mastery(until: Mastery, now: Floats, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = 1.0 if now[i] <= until[i, k] else 0.0


@dataclass(frozen=True, eq=False)
class Bkt:
    """A population of BKT learners.

    Attributes
    ----------
    parameters : per skill; with several draws (a bootstrap), see `Luck.number` for the learner's draw.
    rho : factor in [0, 1] on P(T) for each prerequisite that is not known.
    forgetting : "time" (known skills are lost as days pass) or "opportunity" (at each practice).
    prior_sd, learn_sd : spread between learners of logit P(L0) and logit P(T).
    draws : bootstrap draws of the parameters, where the population was fitted; see `resampled`.
    """

    course: Course
    parameters: BktParameters
    rho: float = 0.1
    forgetting: Literal["time", "opportunity"] = "time"
    prior_sd: float = 0.0
    learn_sd: float = 0.0
    draws: BktParameters | None = None

    def __post_init__(self) -> None:
        if self.parameters.n_skills != self.course.n_skills:
            raise reject(
                "bkt.parameters", f"{self.parameters.n_skills} skills", f"the course's {self.course.n_skills}"
            )
        if not 0.0 <= self.rho <= 1.0:
            raise reject("bkt.rho", self.rho, "a factor in [0, 1]")
        if self.forgetting not in ("time", "opportunity"):
            raise reject("bkt.forgetting", repr(self.forgetting), "'time' or 'opportunity'")
        for field in ("prior_sd", "learn_sd"):
            if not 0.0 <= getattr(self, field) < np.inf:
                raise reject(f"bkt.{field}", getattr(self, field), "a finite number >= 0")

    @cached_property
    def table(self) -> Floats:
        """The parameters for kernels, `[draws, skills, 7]`, in the order of `IF_UNKNOWN`, ..., `RHO`."""
        given = self.parameters
        forget = np.asarray(given.forget)
        by_time = self.forgetting == "time"
        with np.errstate(divide="ignore"):
            rate = np.abs(np.log1p(-forget)) if by_time else np.zeros_like(forget)
        at_practice = np.zeros_like(forget) if by_time else forget
        answers, rho = (given.guess, 1.0 - given.slip), np.full_like(forget, self.rho)
        return np.stack([*answers, rate, at_practice, given.prior, given.learn, rho], axis=2)

    @cached_property
    def _bare(self) -> tuple[Any, ...]:
        return tuple(self._constants)

    @cached_property
    def _constants(self) -> Constants:
        course = self.course
        lists = pack([*unpack(course.needed), *unpack(course.parents)])
        return Constants(self.table, course.one_to_one, course.minutes, *lists)

    @property
    def skills_apart(self) -> bool:
        """True where neither prerequisites, items, nor the learner's own pace join the skills."""
        course = self.course
        single = bool((np.diff(course.needs.start) == 1).all())
        joined = (len(course.parents.values) and self.rho < 1.0) or self.prior_sd or self.learn_sd
        return single and not joined and len(self.parameters.prior) == 1

    def empty(self, batch: int) -> BktState:
        """Learners who know nothing, on day 0."""
        return BktState(
            until=np.full((batch, self.course.n_skills), UNKNOWN, np.float32),
            now=np.zeros(batch),
            pace=np.zeros(batch),
            draw=np.zeros(batch, np.int64),
        )

    def enrol(self, state: BktState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners know skill k with P(L0_k); they bring neither a goal nor a past."""
        _enrol(state, self._constants, Spread(float(self.prior_sd), float(self.learn_sd)), rows, luck)
        return None

    def p_correct(self, state: BktState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state, self._constants, item, out)

    def practise(self, state: BktState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old state, then learn (and, in the `opportunity` form, forget)."""
        _practise(*state, self._bare, item, taught, told(luck, out))

    def elapse(self, state: BktState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; in the `time` form each known skill may be lost."""
        np.add(state.now, days, out=state.now)

    def redraw(self, state: BktState, luck: Luck) -> None:
        """Draw anew the day on which each known skill will be lost: waiting times have no memory."""
        _redraw(state, self._constants, luck)

    def mastery(self, state: BktState, out: Mastery) -> None:
        """Latent knowledge as 0 or 1, `[batch, skills]`."""
        _mastery(state.until, state.now, out)

    def resampled(self) -> "Bkt | None":
        """The same population under the fit's own doubt: learners differ in their bootstrap draw."""
        return None if self.draws is None else replace(self, parameters=self.draws, draws=None)

    def learn_rates(self, state: BktState, out: Floats) -> None:
        """T_eff `[batch, skills]`: P(learn) at the next opportunity, prerequisites included."""
        _learn_rates(state, self._constants, out)


def p_items(belief: npt.NDArray[np.floating], table: BktParameters, course: Course) -> Floats:
    """P(correct) `[batch, items]` as a tutor with `belief [batch, skills]` expects it.

    Multiplied skill by skill: a matrix product may round a row differently in another batch.
    """
    shown = belief * (1.0 - table.slip[0]) + (1.0 - belief) * table.guess[0]
    p = np.ones((len(belief), course.n_items))
    start, items = course.items_of
    for k in range(course.n_skills):
        p[:, items[start[k] : start[k + 1]]] *= shown[:, k, None]
    return p
