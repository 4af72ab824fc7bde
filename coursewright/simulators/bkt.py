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

from coursewright.simulators.course import Course
from coursewright.simulators.errors import reject
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import ANSWER, ENROL, FORGET, LEARN, Keys, Luck, Steps, normal, uniform
from coursewright.simulators.parameters import BktParameters
from coursewright.simulators.protocol import Bools, Floats, Ints, Prologue, Response

GUESS, SLIP, RATE, FORGETS = 0, 1, 2, 3  # columns of `Bkt.emission`
UNKNOWN = -1.0  # `until` of a skill that is not known: before any day


class BktState(NamedTuple):
    """A batch of learners.

    `until [batch, skills]` is the day through which the skill stays known (-1: not known, inf: for
    good); `learn [batch, skills]` the learner's own P(T); `now [batch]` the day; `draw [batch]` the
    row of the parameter table that is theirs.
    """

    until: Floats
    learn: Floats
    now: Floats
    draw: Ints


@kernel
def after_answer(belief: float, correct: bool, guess: float, slip: float) -> float:
    """P(known) after an answer, by Bayes' rule (Corbett & Anderson 1994, eq. 1 and 2)."""
    if correct:
        right = belief * (1.0 - slip)
        return right / max(right + (1.0 - belief) * guess, 1e-300)
    wrong = belief * slip
    return wrong / max(wrong + (1.0 - belief) * (1.0 - guess), 1e-300)


@kernel
def after_practice(belief: float, learn: float, forget: float) -> float:
    """P(known) after an opportunity to learn (Corbett & Anderson 1994, eq. 3; forgetting: pyBKT)."""
    return belief * (1.0 - forget) + (1.0 - belief) * learn


@kernel
def after_wrong(belief: float, p_skill: float, p_item: float, slip: float) -> float:
    """P(known) of one skill after a wrong answer to an item that needs several.

    `p_skill` is the chance that this skill alone would have been shown, `p_item` the product over
    the item's skills.  Marginals are kept factorised: exact for one opportunity, an approximation
    over several.
    """
    return belief * (1.0 - (1.0 - slip) * p_item / max(p_skill, 1e-300)) / max(1.0 - p_item, 1e-300)


@kernel
def _forgotten_on(now: float, rate: float, draw: float) -> float:
    if rate == 0.0:
        return np.inf
    return now - np.log(1.0 - draw) / rate


@kernel
def _shift(p: float, by: float) -> float:
    """A probability moved by `by` on the logit scale; 0 and 1 stay."""
    if p <= 0.0 or p >= 1.0 or by == 0.0:
        return p
    return 1.0 / (1.0 + (1.0 - p) / p * np.exp(-by))


@kernel
def _enrol(
    until: Floats,
    learn: Floats,
    now: Floats,
    draw: Ints,
    rows: Ints,
    learner: Keys,
    number: Steps,
    prior: Floats,
    learn_of: Floats,
    emission: Floats,
    prior_sd: float,
    learn_sd: float,
) -> None:
    skills = until.shape[1]
    for j in range(rows.shape[0]):
        i = rows[j]
        own = number[i] % prior.shape[0]
        draw[i] = own
        now[i] = 0.0
        shift_prior = prior_sd * normal(learner[i], 0, ENROL + 2 * skills) if prior_sd > 0.0 else 0.0
        shift_learn = learn_sd * normal(learner[i], 0, ENROL + 2 * skills + 2) if learn_sd > 0.0 else 0.0
        for k in range(skills):
            learn[i, k] = _shift(learn_of[own, k], shift_learn)
            until[i, k] = UNKNOWN
            if uniform(learner[i], 0, ENROL + k) < _shift(prior[own, k], shift_prior):
                until[i, k] = _forgotten_on(
                    0.0, emission[own, k, RATE], uniform(learner[i], 0, ENROL + skills + k)
                )


@kernel
def _p_item(
    i: int, item: int, until: Floats, now: Floats, draw: Ints, emission: Floats, start: Ints, needed: Ints
) -> float:
    p = 1.0
    for j in range(start[item], start[item + 1]):
        k = needed[j]
        if now[i] <= until[i, k]:
            p *= 1.0 - emission[draw[i], k, SLIP]
        else:
            p *= emission[draw[i], k, GUESS]
    return p


@kernel
def _p_correct(
    until: Floats, now: Floats, draw: Ints, emission: Floats, start: Ints, needed: Ints, item: Ints, out: Floats
) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_item(i, item[i], until, now, draw, emission, start, needed)


@kernel
def _learn_now(i: int, k: int, until: Floats, learn: Floats, now: Floats, rho: float, start: Ints, parents: Ints) -> float:
    """T_eff: the learner's P(T), times rho for every prerequisite that is not known."""
    rate = learn[i, k]
    for j in range(start[k], start[k + 1]):
        if now[i] > until[i, parents[j]]:
            rate *= rho
    return rate


@kernel
def _practise(
    until: Floats,
    learn: Floats,
    now: Floats,
    draw: Ints,
    emission: Floats,
    needed_start: Ints,
    needed: Ints,
    parents_start: Ints,
    parents: Ints,
    rho: float,
    item: Ints,
    taught: Bools,
    fate: Keys,
    step: Steps,
    minutes_of: Floats,
    correct: Ints,
    grade: Ints,
    minutes: Floats,
) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        p = _p_item(i, a, until, now, draw, emission, needed_start, needed)
        correct[i] = uniform(fate[i], step[i], ANSWER) < p
        grade[i] = correct[i]
        minutes[i] = minutes_of[a]
        if not taught[i]:
            continue
        for j in range(needed_start[a], needed_start[a + 1]):
            k = needed[j]
            u = uniform(fate[i], step[i], LEARN + k)
            if now[i] <= until[i, k]:
                if u < emission[draw[i], k, FORGETS]:
                    until[i, k] = UNKNOWN
            elif u < _learn_now(i, k, until, learn, now, rho, parents_start, parents):
                rate = emission[draw[i], k, RATE]
                lasts = uniform(fate[i], step[i], FORGET + k) if rate > 0.0 else 0.0
                until[i, k] = _forgotten_on(now[i], rate, lasts)


@kernel
def _learn_rates(
    until: Floats, learn: Floats, now: Floats, rho: float, start: Ints, parents: Ints, out: Floats
) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = _learn_now(i, k, until, learn, now, rho, start, parents)


@kernel
def _mastery(until: Floats, now: Floats, out: Floats) -> None:
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
            raise reject("bkt.parameters", f"{self.parameters.n_skills} skills", f"the course's {self.course.n_skills}")
        if not 0.0 <= self.rho <= 1.0:
            raise reject("bkt.rho", self.rho, "a factor in [0, 1]")
        if self.forgetting not in ("time", "opportunity"):
            raise reject("bkt.forgetting", repr(self.forgetting), "'time' or 'opportunity'")
        for field in ("prior_sd", "learn_sd"):
            if not 0.0 <= getattr(self, field) < np.inf:
                raise reject(f"bkt.{field}", getattr(self, field), "a finite number >= 0")

    @property
    def restricts(self) -> bool:
        """BKT learners may be offered anything."""
        return False

    @cached_property
    def emission(self) -> Floats:
        """`[draws, skills, 4]`: guess, slip, rate of forgetting per day, and per opportunity."""
        forget = np.asarray(self.parameters.forget)
        by_time = self.forgetting == "time"
        with np.errstate(divide="ignore"):
            rate = -np.log1p(-forget) if by_time else np.zeros_like(forget)
        at_practice = np.zeros_like(forget) if by_time else forget
        return np.stack([self.parameters.guess, self.parameters.slip, np.abs(rate), at_practice], axis=2)

    def empty(self, batch: int) -> BktState:
        """Learners who know nothing, on day 0."""
        skills = self.course.n_skills
        return BktState(
            until=np.full((batch, skills), UNKNOWN),
            learn=np.zeros((batch, skills)),
            now=np.zeros(batch),
            draw=np.zeros(batch, np.int64),
        )

    def enrol(self, state: BktState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners know skill k with P(L0_k); they bring neither a goal nor a past."""
        table = self.parameters
        _enrol(
            *state,
            rows,
            luck.learner,
            luck.number,
            table.prior,
            table.learn,
            self.emission,
            self.prior_sd,
            self.learn_sd,
        )
        return None

    def p_correct(self, state: BktState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(state.until, state.now, state.draw, self.emission, *self.course.needed, item, out)

    def practise(self, state: BktState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old state, then learn (and, in the `opportunity` form, forget)."""
        until, learn, now, draw = state
        start, needed = self.course.needed
        parents_start, parents = self.course.parents
        _practise(
            until,
            learn,
            now,
            draw,
            self.emission,
            start,
            needed,
            parents_start,
            parents,
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

    def allowed(self, state: BktState, out: Bools) -> None:
        """Everything is allowed."""
        out[:] = True

    def mastery(self, state: BktState, out: Floats) -> None:
        """Latent knowledge as 0 or 1, `[batch, skills]`."""
        _mastery(state.until, state.now, out)

    def resampled(self) -> "Bkt | None":
        """The same population under the fit's own doubt: learner j has bootstrap draw j mod draws."""
        return None if self.draws is None else replace(self, parameters=self.draws, draws=None)

    def learn_rates(self, state: BktState, out: Floats) -> None:
        """T_eff `[batch, skills]`: P(learn) at the next opportunity, prerequisites included."""
        _learn_rates(state.until, state.learn, state.now, self.rho, *self.course.parents, out)


def p_items(belief: npt.NDArray[np.floating], table: BktParameters, course: Course) -> Floats:
    """P(correct) `[batch, items]` as a tutor with `belief [batch, skills]` expects it."""
    shown = belief * (1.0 - table.slip[0]) + (1.0 - belief) * table.guess[0]
    return np.exp(np.log(np.maximum(shown, 1e-300)) @ course.q_matrix.T)
