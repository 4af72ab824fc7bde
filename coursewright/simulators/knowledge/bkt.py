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
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import ANSWER, ENROL, FORGET, LEARN, Keys, Luck, normal, uniform
from coursewright.simulators.protocol import Prologue, Response

# Columns of `Bkt.table`; columns 0 and 1 are P(right) if the skill is unknown and if it is known.
RATE, FORGETS, PRIOR, RISE = 2, 3, 4, 5
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


@inlined
def after_answer(belief: float, if_known: float, if_unknown: float) -> float:
    """P(known) after an answer that has these chances if the skill is known and if it is not.

    Bayes' rule (Corbett & Anderson 1994, eq. 1 and 2): a right answer has the chances 1 - S and G, a
    wrong one S and 1 - G.
    """
    known = belief * if_known
    return known / (known + (1.0 - belief) * if_unknown + 1e-300)


@inlined
def after_practice(belief: float, learn: float, forget: float) -> float:
    """P(known) after an opportunity to learn (Corbett & Anderson 1994, eq. 3; forgetting: pyBKT)."""
    return belief * (1.0 - forget) + (1.0 - belief) * learn


@kernel
def after_wrong(belief: float, p_known: float, p_skill: float, p_item: float) -> float:
    """P(known) of one skill after a wrong answer to an item that needs several.

    `p_known` is 1 - S, `p_skill` the chance that this skill alone would have been shown, `p_item` the
    product over the item's skills.  Marginals are kept factorised: exact for one opportunity, an
    approximation over several.
    """
    left = belief * (1.0 - p_known * p_item / (p_skill + 1e-300)) / (1.0 - p_item + 1e-300)
    return min(max(left, 0.0), 1.0)


@inlined
def _shift(p: float, by: float) -> float:
    """A probability moved by `by` on the logit scale; 0 and 1 stay."""
    if by == 0.0 or p <= 0.0 or p >= 1.0:
        return p
    return float(1.0 / (1.0 + (1.0 - p) / p * np.exp(-by)))


@kernel
def _enrol(
    until: Mastery,
    now: Floats,
    pace: Floats,
    draw: Ints,
    rows: Ints,
    learner: Keys,
    number: Ints,
    table: Floats,
    prior_sd: float,
    learn_sd: float,
) -> None:
    skills = until.shape[1]
    for j in range(rows.shape[0]):
        i = rows[j]
        own = number[i] % table.shape[0]
        draw[i] = own
        now[i] = 0.0
        pace[i] = learn_sd * normal(learner[i], 0, ENROL + 2 * skills) if learn_sd > 0.0 else 0.0
        ahead = prior_sd * normal(learner[i], 0, ENROL + 2 * skills + 2) if prior_sd > 0.0 else 0.0
        for k in range(skills):
            prior = _shift(table[own, k, PRIOR], ahead)
            until[i, k] = np.inf if uniform(learner[i], 0, ENROL + k) < prior else UNKNOWN
        for k in range(skills):  # a loop of its own: the first, without logarithms, is five times faster
            rate = table[own, k, RATE]
            if rate > 0.0 and until[i, k] > 0.0:
                until[i, k] = -np.log(1.0 - uniform(learner[i], 0, ENROL + skills + k)) / rate


@inlined
def _p_item(
    i: int, item: int, until: Mastery, now: float, draw: int, table: Floats, start: Ints, needed: Ints
) -> float:
    p = 1.0
    for j in range(start[item], start[item + 1]):
        k = needed[j]
        p *= table[draw, k, 1 if now <= until[i, k] else 0]
    return p


@kernel
def _p_correct(
    until: Mastery,
    now: Floats,
    draw: Ints,
    table: Floats,
    start: Ints,
    needed: Ints,
    item: Ints,
    out: Floats,
) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(i, item[i], until, now[i], draw[i], table, start, needed)


@inlined
def _learn_now(
    i: int, k: int, until: Mastery, now: float, own: float, rho: float, start: Ints, parents: Ints
) -> float:
    """T_eff: the learner's own P(T), times rho for every prerequisite that is not known."""
    rate = own
    for j in range(start[k], start[k + 1]):
        rate *= 1.0 if now <= until[i, parents[j]] else rho
    return rate


@inlined
def _opportunity(
    i: int,
    k: int,
    until: Mastery,
    today: float,
    pace: float,
    own: int,
    table: Floats,
    rho: float,
    start: Ints,
    parents: Ints,
    key: np.uint64,
    t: int,
) -> None:
    """One opportunity to learn skill k in row i, or (in the `opportunity` form) to forget it."""
    u = uniform(key, t, LEARN + k)
    # Whether a skill is known cannot be predicted: bitwise "and" keeps it out of the branches, which
    # are rarely taken (and only then is there a look at the prerequisites).
    known = today <= until[i, k]
    learn = _shift(table[own, k, RISE], pace)
    if known & (u < table[own, k, FORGETS]):
        until[i, k] = UNKNOWN
    elif (not known) & (u < learn) and u < _learn_now(i, k, until, today, learn, rho, start, parents):
        rate = table[own, k, RATE]
        lasts = uniform(key, t, FORGET + k) if rate > 0.0 else 0.0
        until[i, k] = np.inf if rate == 0.0 else today - np.log(1.0 - lasts) / rate


@kernel
def _practise(
    until: Mastery,
    now: Floats,
    pace: Floats,
    draw: Ints,
    table: Floats,
    one_to_one: bool,
    needed_start: Ints,
    needed: Ints,
    parents_start: Ints,
    parents: Ints,
    rho: float,
    item: Ints,
    taught: Bools,
    fate: Keys,
    step: Ints,
    minutes_of: Floats,
    correct: Ints,
    grade: Ints,
    minutes: Floats,
) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        own, key, t, today = draw[i], fate[i], step[i], now[i]
        if one_to_one:  # item a is skill a: a quarter faster than a list of one
            p = table[own, a, int(today <= until[i, a])]
        else:
            p = _p_item(i, a, until, today, own, table, needed_start, needed)
        right = int(uniform(key, t, ANSWER) < p)
        correct[i] = right
        grade[i] = right
        minutes[i] = minutes_of[a]
        if not taught[i]:
            continue
        if one_to_one:
            _opportunity(i, a, until, today, pace[i], own, table, rho, parents_start, parents, key, t)
            continue
        for j in range(needed_start[a], needed_start[a + 1]):
            k = needed[j]
            _opportunity(i, k, until, today, pace[i], own, table, rho, parents_start, parents, key, t)


@kernel
def _learn_rates(
    until: Mastery,
    now: Floats,
    pace: Floats,
    draw: Ints,
    table: Floats,
    rho: float,
    start: Ints,
    parents: Ints,
    out: Floats,
) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            learn = _shift(table[draw[i], k, RISE], pace[i])
            out[i, k] = _learn_now(i, k, until, now[i], learn, rho, start, parents)


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
    parameters : per skill; with several draws (a bootstrap), learner j has draw j mod draws.
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
        """The parameters for kernels, `[draws, skills, 6]`.

        P(right) if unknown and if known, rate of forgetting per day, P(F) at an opportunity, P(L0),
        P(T).
        """
        given = self.parameters
        forget = np.asarray(given.forget)
        by_time = self.forgetting == "time"
        with np.errstate(divide="ignore"):
            rate = np.abs(np.log1p(-forget)) if by_time else np.zeros_like(forget)
        at_practice = np.zeros_like(forget) if by_time else forget
        return np.stack([given.guess, 1.0 - given.slip, rate, at_practice, given.prior, given.learn], axis=2)

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
        _enrol(*state, rows, luck.learner, luck.number, self.table, self.prior_sd, self.learn_sd)
        return None

    def p_correct(self, state: BktState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state.until, state.now, state.draw, self.table, *self.course.needed, item, out)

    def practise(self, state: BktState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old state, then learn (and, in the `opportunity` form, forget)."""
        _practise(
            *state,
            self.table,
            self.course.one_to_one,
            *self.course.needed,
            *self.course.parents,
            self.rho,
            item,
            taught,
            luck.fate,
            luck.step,
            self.course.minutes,
            out.correct,
            out.grade,
            out.minutes,
        )

    def elapse(self, state: BktState, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; in the `time` form each known skill may be lost."""
        state.now[:] += days

    def mastery(self, state: BktState, out: Mastery) -> None:
        """Latent knowledge as 0 or 1, `[batch, skills]`."""
        _mastery(state.until, state.now, out)

    def resampled(self) -> "Bkt | None":
        """The same population under the fit's own doubt: learner j has bootstrap draw j mod draws."""
        return None if self.draws is None else replace(self, parameters=self.draws, draws=None)

    def learn_rates(self, state: BktState, out: Floats) -> None:
        """T_eff `[batch, skills]`: P(learn) at the next opportunity, prerequisites included."""
        _learn_rates(*state, self.table, self.rho, *self.course.parents, out)


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
