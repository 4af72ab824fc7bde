"""TMS: skills as a Markov chain over profiles, with one transition matrix an item.

Tang, Chen, Li, Liu & Ying, "A reinforcement learning approach to personalized learning recommendation
systems", British Journal of Mathematical and Statistical Psychology 72 (2019).  A learner is in one
of the profiles of binary skills; practising item a moves them from profile x to profile y with
P_a[x, y].  Answers follow DINA (Junker & Sijtsma, Applied Psychological Measurement 25, 2001):

    eta = 1 if every skill that the item needs is in the profile, else 0
    P(correct) = g^(1 - eta) (1 - s)^eta

Answers come from the old profile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, answers, respond
from coursewright.simulators.chances import check_answers, check_sums, numbers, probabilities
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import any_of
from coursewright.simulators.luck import ENROL, LEARN, Keys, Luck, uniform
from coursewright.simulators.protocol import Prologue, Response

# The published binary instance: item 0 teaches the first skill, item 1 the second one to those who have it.
PROFILES = ((0, 0), (1, 0), (1, 1))
START = (0.5, 0.5, 0.0)
TRANSITIONS = (
    ((0.4, 0.6, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ((1.0, 0.0, 0.0), (0.0, 0.3, 0.7), (0.0, 0.0, 1.0)),
)
# U(.1, .3) an item, drawn once: numpy.random.default_rng(0).uniform(0.1, 0.3, (2, 2)).round(3)
GUESS = (0.227, 0.154)
SLIP = (0.108, 0.103)


def published_course() -> Course:
    """Two skills, the first a prerequisite of the second, with one item each."""
    return Course.of(["first", "second"], prerequisites=[["first", "second"]])


class TmsState(NamedTuple):
    """A batch of learners: the place of each one's `profile [batch]` in the list of profiles."""

    profile: Ints


@inlined
def _pick(u: float, reached: Floats, row: int) -> int:
    """The outcome that u in [0, 1) falls on, given the cumulative distribution in this row."""
    outcome = 0
    while outcome < reached.shape[1] - 1 and u >= reached[row, outcome]:
        outcome += 1
    return outcome


@kernel
def _enrol(profile: Ints, learner: Keys, rows: Ints, start: Floats) -> None:
    for j in range(rows.shape[0]):
        profile[rows[j]] = _pick(uniform(learner[rows[j]], 0, ENROL), start, 0)


@kernel
def _p_correct(profile: Ints, right: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = right[item[i], profile[i]]


@kernel
def _practise(
    profile: Ints,
    right: Floats,
    item: Ints,
    reached: Floats,
    taught: Bools,
    minutes: Floats,
    out: Answers,
) -> None:
    profiles = right.shape[1]
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        respond(i, right[a, profile[i]], minutes[a], out)
        if taught[i]:
            profile[i] = _pick(uniform(out.fate[i], out.step[i], LEARN), reached, a * profiles + profile[i])


@dataclass(frozen=True, eq=False)
class Tms:
    """A population of TMS learners; by default the published binary instance.

    Attributes
    ----------
    course : it says which skills an item needs for a right answer.
    profiles : 0 or 1 `[profiles, skills]`, the profiles in which a learner can be.
    start : P(profile) `[profiles]` of a new learner.
    transitions : `[items, profiles, profiles]`, `[a][x][y]` the chance that practising item a moves a
        learner from profile x to y.  It may lead back: then practice can cost a skill.
    guess, slip : g and s, one number or `[items]`.  The published ones are U(.1, .3), drawn here once
        for each item, and the same for all learners.
    """

    course: Course = field(default_factory=published_course)
    profiles: Sequence[Sequence[int]] = PROFILES
    start: Sequence[float] = START
    transitions: Sequence[Sequence[Sequence[float]]] = TRANSITIONS
    guess: float | Sequence[float] = GUESS
    slip: float | Sequence[float] = SLIP

    def __post_init__(self) -> None:
        _ = self.skills, self.right, self.reached_first, self.reached

    @cached_property
    def skills(self) -> Mastery:
        """The profiles as 0 and 1, `[profiles, skills]`."""
        shape = (len(self.profiles), self.course.n_skills)
        skills = numbers("tms.profiles", self.profiles, shape, "[profiles, skills]")
        if not np.isin(skills, (0.0, 1.0)).all():
            raise reject("tms.profiles", self.profiles, "0s and 1s")
        if len(np.unique(skills, axis=0)) < len(skills):
            raise reject("tms.profiles", self.profiles, "each listed once")
        return skills.astype(np.float32)

    @cached_property
    def right(self) -> Floats:
        """P(correct) `[items, profiles]`."""
        shape = (self.course.n_items,)
        guess = probabilities("tms.guess", self.guess, shape, "[items]")
        slip = probabilities("tms.slip", self.slip, shape, "[items]")
        check_answers("tms", guess, slip, "guess + slip")
        lacking = any_of(self.skills == 0.0, self.course.needs).T
        return np.where(lacking, guess[:, None], 1.0 - slip[:, None])

    @cached_property
    def reached_first(self) -> Floats:
        """P(a profile listed up to here) of a new learner, `[1, profiles]`."""
        shape = (len(self.profiles),)
        start = probabilities("tms.start", self.start, shape, "[profiles]")[None]
        check_sums("tms.start", start)
        return np.cumsum(start, axis=1)

    @cached_property
    def reached(self) -> Floats:
        """The same after practice, `[items * profiles, profiles]`: row a * profiles + x."""
        profiles = len(self.profiles)
        shape = (self.course.n_items, profiles, profiles)
        moves = probabilities("tms.transitions", self.transitions, shape, "[items, profiles, profiles]")
        check_sums("tms.transitions", moves)
        return np.cumsum(moves.reshape(-1, profiles), axis=1)

    def empty(self, batch: int) -> TmsState:
        """Learners in the first profile."""
        return TmsState(np.zeros(batch, np.int64))

    def enrol(self, state: TmsState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners in a profile drawn from `start`; they bring neither a goal nor a past."""
        _enrol(*state, luck.learner, rows, self.reached_first)
        return None

    def p_correct(self, state: TmsState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        _p_correct(*state, self.right, item, out)

    def practise(self, state: TmsState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old profile, then move; a row that is not taught only answers."""
        minutes, reached = self.course.minutes, self.reached
        _practise(*state, self.right, item, reached, taught, minutes, answers(luck, out))

    def elapse(self, state: TmsState, days: Floats, luck: Luck) -> None:
        """Nothing: only practice moves these learners."""

    def mastery(self, state: TmsState, out: Mastery) -> None:
        """The skills of each learner's profile as 0 or 1, `[batch, skills]`."""
        np.take(self.skills, state.profile, axis=0, out=out)
