"""The ability learner: a competence for each skill, raised by items that ask for a little more.

Clement, Roy, Oudeyer & Lopes, "Multi-armed bandits for intelligent tutoring systems", Journal of
Educational Data Mining 7(2), 2015: the simulated learners ("Q") on which RiARiT and ZPDES were tried.
Item a asks for the levels q_ak, the learner has the competences c_k, both in [0, 1]:

    near(c, q) = sigma(10 (c - q + .07))
    P(correct) = geometric mean over all skills of near(c_k, q_ak), 0 where some q_ak - c_k > .6
    learning: with near(c_k, q_ak), and never where q_ak - c_k > .4, c_k rises to q_ak

The mean is over all skills of the course, as published: one that the item does not ask for counts with
the level 0, so that nobody is quite sure of an answer.  Like the published code, a learner first
learns (each skill on its own), then answers with the new competence.  Nothing is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, respond, told
from coursewright.simulators.chances import probabilities
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ENROL, LEARN, Keys, Luck, uniform
from coursewright.simulators.protocol import Prologue, Response

STEEPNESS, EASE = 10.0, 0.07
TOO_HARD = 0.6  # the gap above which an item is never answered
TOO_FAR = 0.4  # and above which nothing is learned from it

# Types of exercises and the levels that they ask for: a small course of shopping arithmetic, ours.
LEVELS: Mapping[str, Mapping[str, float]] = {
    "coins": {"money": 0.2},
    "banknotes": {"money": 0.4},
    "coins and notes": {"money": 0.7},
    "any amount": {"money": 1.0},
    "sums to 10": {"adding": 0.25},
    "sums to 100": {"adding": 0.55},
    "carrying": {"adding": 0.8},
    "tenths": {"decimals": 0.3},
    "hundredths": {"decimals": 0.6},
    "pay exactly": {"money": 0.4, "adding": 0.3},
    "pay with cents": {"money": 0.6, "adding": 0.5, "decimals": 0.4},
    "add up a bill": {"adding": 1.0, "decimals": 0.8},
    "easy change": {"money": 0.3, "adding": 0.3, "change": 0.3},
    "change of a note": {"money": 0.6, "adding": 0.6, "change": 0.6},
    "change with cents": {"money": 0.9, "adding": 0.8, "decimals": 1.0, "change": 0.8},
    "change of a bill": {"money": 1.0, "adding": 1.0, "decimals": 1.0, "change": 1.0},
}


class AbilityState(NamedTuple):
    """A batch of learners: their `competence [batch, skills]`, from 0 to 1."""

    competence: Floats


@inlined
def _odds_against(competence: float, level: float) -> float:
    return float(np.exp(-STEEPNESS * (competence - level + EASE)))


@inlined
def near(competence: float, level: float) -> float:
    """The nearness of a competence to a level, as a probability: .67 where they are equal."""
    return float(1.0 / (1.0 + _odds_against(competence, level)))


@inlined
def _p_answer(competence: Floats, i: int, levels: Floats, a: int) -> float:
    """The geometric mean, with one division and one root for all skills together."""
    skills = levels.shape[1]
    inverse = 1.0
    for k in range(skills):
        if levels[a, k] - competence[i, k] > TOO_HARD:
            return 0.0
        inverse *= 1.0 + _odds_against(competence[i, k], levels[a, k])
    return float(inverse ** (-1.0 / skills))


@kernel
def _enrol(competence: Floats, rows: Ints, learner: Keys, low: float, high: float) -> None:
    for j in range(rows.shape[0]):
        for k in range(competence.shape[1]):
            competence[rows[j], k] = low + (high - low) * uniform(learner[rows[j]], 0, ENROL + k)


@kernel
def _p_correct(state: AbilityState, levels: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = _p_answer(state.competence, i, levels, item[i])


@kernel
def _practise(
    competence: Floats, item: Ints, levels: Floats, taught: Bools, minutes: Floats, answers: tuple[Any, ...]
) -> None:
    out = Answers(*answers)
    for i in range(item.shape[0]):
        a, fate, step = item[i], out.fate[i], out.step[i]
        if a < 0:
            continue
        if taught[i]:
            for k in range(levels.shape[1]):
                has, level = competence[i, k], levels[a, k]
                if has >= level or level - has > TOO_FAR:
                    continue
                if uniform(fate, step, LEARN + k) < near(has, level):
                    competence[i, k] = level
        respond(i, _p_answer(competence, i, levels, a), minutes[a], out)


@dataclass(frozen=True, eq=False)
class Ability:
    """A population of ability learners; mastery of a skill is the competence in it.

    Attributes
    ----------
    levels : for each item, the level in (0, 1] of each skill that it asks for.  Skills are numbered in
        the order in which they are first named.  None: `LEVELS`.
    start_low, start_high : between these lie the competences of new learners, uniformly.
    """

    levels: Mapping[str, Mapping[str, float]] | None = None
    start_low: float = 0.0
    start_high: float = 0.2

    def __post_init__(self) -> None:
        if not 0.0 <= self.start_low <= self.start_high <= 1.0:
            shown = f"{self.start_low}, {self.start_high}"
            raise reject("ability.start_low, ability.start_high", shown, "two numbers in order in [0, 1]")
        _ = self.required

    @cached_property
    def table(self) -> Mapping[str, Mapping[str, float]]:
        """The levels that count: your own, or `LEVELS`."""
        return LEVELS if self.levels is None else self.levels

    @cached_property
    def course(self) -> Course:
        """The skills that items ask for; no prerequisites."""
        skills = dict.fromkeys(skill for needed in self.table.values() for skill in needed)
        return Course.of(list(skills), items={item: list(needed) for item, needed in self.table.items()})

    @cached_property
    def required(self) -> Floats:
        """Levels q `[items, skills]`, 0 where the item does not ask for the skill."""
        required = np.zeros((self.course.n_items, self.course.n_skills))
        for a, (item, needed) in enumerate(self.table.items()):
            for skill, level in needed.items():
                name = f"ability.levels[{item}][{skill}]"
                required[a, self.course.skill(skill)] = probabilities(name, level, (), "")
                if level == 0.0:
                    raise reject(name, level, "above 0; leave out a skill that is not asked for")
        return required

    def empty(self, batch: int) -> AbilityState:
        """Learners without any competence."""
        return AbilityState(np.zeros((batch, self.course.n_skills)))

    @property
    def learns_first(self) -> bool:
        """True: see above."""
        return True

    def enrol(self, state: AbilityState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners with random competences; they bring neither a goal nor a past."""
        _enrol(*state, rows, luck.learner, float(self.start_low), float(self.start_high))
        return None

    def p_correct(self, state: AbilityState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now, without being taught first."""
        _p_correct(state, self.required, item, out)

    def practise(self, state: AbilityState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Learn, then answer with the new competence; a row that is not taught only answers."""
        _practise(state.competence, item, self.required, taught, self.course.minutes, told(luck, out))

    def elapse(self, state: AbilityState, days: Floats, luck: Luck) -> None:
        """Nothing: competence stays."""

    def mastery(self, state: AbilityState, out: Mastery) -> None:
        """Competence `[batch, skills]`."""
        out[:] = state.competence
