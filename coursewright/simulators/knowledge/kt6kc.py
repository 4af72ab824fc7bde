"""KT6kc: Bayesian Knowledge Tracing with learning dependencies between six skills.

Clement, Oudeyer & Lopes, "A comparison of automatic teaching strategies for heterogeneous student
populations", EDM 2016.  Knowing some skills makes others easier to learn, or possible at all:

    P(T_k) = T_k + sum_j D_kj L_j        cut off at 0 and 1
    P(correct) = 1 - S_k if L_k else G_k

A learner starts knowing nothing, forgets nothing, and first learns, then answers from the new state.
Dependencies are no locks: any skill may be practised at any time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, respond, told
from coursewright.simulators.chances import check_answers, numbers, probabilities
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ENROL, LEARN, Keys, Luck, normal, uniform
from coursewright.simulators.protocol import Prologue, Response

SKILLS = 6
MINUTES = 1.0  # of every item
STRENGTH = 0.2  # T_k of a skill that can be learned alone; otherwise the sum of its dependencies
SPREAD_MEAN, SPREAD_VARIANCE = 0.05, 0.005  # the deficit of perturbed learners: N(mean, variance)

# Skills that can be learned alone, and which skills each of the others depends on (in equal parts).
SCENARIOS: tuple[tuple[tuple[int, ...], Mapping[int, tuple[int, ...]]], ...] = (
    ((1,), {2: (1,), 3: (2,), 4: (3,), 5: (4,), 6: (5,)}),
    ((1, 2), {3: (1, 2), 4: (3,), 5: (4,), 6: (5,)}),
    ((1, 3), {2: (1,), 4: (2,), 5: (3,), 6: (4,)}),
    ((1,), {2: (1,), 3: (2,), 5: (3,), 6: (4,), 4: (5,)}),
    ((1,), {2: (1,), 4: (2,), 3: (4,), 5: (3,), 6: (5,)}),
)


class KT6kcState(NamedTuple):
    """A batch of learners, each with probabilities of their own.

    `known [batch, skills]`; `learn`, `guess`, `slip` `[batch, skills]` are T, G and S; `depends
    [batch, skills, skills]` is D, where knowing j adds `[k, j]` to P(T_k).
    """

    known: Bools
    learn: Floats
    guess: Floats
    slip: Floats
    depends: Floats


@inlined
def _own(value: float, perturbed: bool, key: np.uint64, place: int) -> float:
    """One probability of one learner; a 0 in the population is 0 in every learner."""
    if not perturbed or value == 0.0:
        return value
    lacking = SPREAD_MEAN + np.sqrt(SPREAD_VARIANCE) * normal(key, 0, ENROL + 2 * place)
    return float(min(max(value - lacking, 0.0), 1.0))


@kernel
def _enrol(
    state: KT6kcState, rates: Floats, perturbed: bool, mean_depends: Floats, rows: Ints, learner: Keys
) -> None:
    known, learn, guess, slip, depends = state
    skills = known.shape[1]
    for r in range(rows.shape[0]):
        i = rows[r]
        key = learner[i]
        for k in range(skills):
            known[i, k] = False
            learn[i, k] = _own(rates[0, k], perturbed, key, k)
            guess[i, k] = _own(rates[1, k], perturbed, key, skills + k)
            slip[i, k] = _own(rates[2, k], perturbed, key, 2 * skills + k)
            for j in range(skills):
                depends[i, k, j] = _own(mean_depends[k, j], perturbed, key, (3 + k) * skills + j)


@kernel
def _p_correct(known: Bools, guess: Floats, slip: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        k = item[i]
        if k >= 0:
            out[i] = 1.0 - slip[i, k] if known[i, k] else guess[i, k]


@kernel
def _practise(
    known: Bools,
    learn: Floats,
    guess: Floats,
    slip: Floats,
    depends: Floats,
    item: Ints,
    taught: Bools,
    bare: tuple[Any, ...],
) -> None:
    out = Answers(*bare)
    for i in range(item.shape[0]):
        k = item[i]
        if k < 0:
            continue
        if taught[i] and not known[i, k]:
            p = learn[i, k]
            for j in range(known.shape[1]):
                p += depends[i, k, j] if known[i, j] else 0.0
            known[i, k] = uniform(out.fate[i], out.step[i], LEARN + k) < p
        respond(i, 1.0 - slip[i, k] if known[i, k] else guess[i, k], MINUTES, out)


@dataclass(frozen=True, eq=False)
class KT6kc:
    """A population of KT6kc learners: one of the five published scenarios, or your own.

    Attributes
    ----------
    scenario : 0 to 4, the published dependencies between skills.
    learn : T `[skills]`, and
    dependencies : D `[skills, skills]`, knowing j adds `[k][j]` to P(T_k): your own in place of
        the scenario's.  Any number of skills; free of cycles, because the course shows them as its
        prerequisites.
    guess, slip : G and S, one number or `[skills]`.
    perturbed : True where each learner's T, G, S and D lack N(.05, variance .005), drawn anew for each of
        them and cut off at 0 and 1.  The published population is drawn so, per learner.  A 0
        stays 0: nobody gains a dependency that the scenario does not have.
    """

    scenario: int = 0
    learn: Sequence[float] | None = None
    dependencies: Sequence[Sequence[float]] | None = None
    guess: float | Sequence[float] = 0.1
    slip: float | Sequence[float] = 0.1
    perturbed: bool = False

    def __post_init__(self) -> None:
        if self.scenario not in range(len(SCENARIOS)):
            raise reject("kt6kc.scenario", self.scenario, f"a whole number from 0 to {len(SCENARIOS) - 1}")
        check_answers("kt6kc", self.rates[1], self.rates[2], "guess + slip")
        _ = self.course

    @cached_property
    def rates(self) -> Floats:
        """T, G and S of the population, `[3, skills]`."""
        alone, _ = SCENARIOS[self.scenario]
        given = self.learn
        if given is None:
            given = [STRENGTH if k + 1 in alone else 0.0 for k in range(SKILLS)]
        if np.ndim(given) != 1:
            raise reject("kt6kc.learn", given, "a list of probabilities, [skills]")
        shape = (len(given),)
        columns = {"learn": given, "guess": self.guess, "slip": self.slip}
        return np.stack(
            [probabilities(f"kt6kc.{name}", value, shape, "[skills]") for name, value in columns.items()]
        )

    @cached_property
    def depends(self) -> Floats:
        """D of the population, `[skills, skills]`."""
        skills = self.rates.shape[1]
        if self.dependencies is not None:
            given = np.zeros((skills, skills))
            given[:] = numbers("kt6kc.dependencies", self.dependencies, given.shape, "[skills, skills]")
            if (given < 0.0).any():
                raise reject("kt6kc.dependencies", given.min(), ">= 0")
            return given
        if skills != SKILLS:
            raise reject("kt6kc.dependencies", None, f"given, for {skills} skills are not the scenario's")
        given = np.zeros((SKILLS, SKILLS))
        for skill, others in SCENARIOS[self.scenario][1].items():
            for other in others:
                given[skill - 1, other - 1] = STRENGTH / len(others)
        return given

    @cached_property
    def course(self) -> Course:
        """Skills S1, S2, ..., one item each; a skill's dependencies are its prerequisites."""
        edges = [[int(j), int(k)] for k, j in np.argwhere(self.depends > 0.0)]
        return Course.of([f"S{k + 1}" for k in range(len(self.depends))], prerequisites=edges)

    def empty(self, batch: int) -> KT6kcState:
        """Learners who know nothing and learn nothing."""
        skills = len(self.depends)
        return KT6kcState(
            known=np.zeros((batch, skills), bool),
            learn=np.zeros((batch, skills)),
            guess=np.zeros((batch, skills)),
            slip=np.zeros((batch, skills)),
            depends=np.zeros((batch, skills, skills)),
        )

    @property
    def learns_first(self) -> bool:
        """True: see above."""
        return True

    def enrol(self, state: KT6kcState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners know nothing; they bring neither a goal nor a past."""
        _enrol(state, self.rates, self.perturbed, self.depends, rows, luck.learner)
        return None

    def p_correct(self, state: KT6kcState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now, without being taught first."""
        _p_correct(state.known, state.guess, state.slip, item, out)

    def practise(self, state: KT6kcState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Learn, then answer from the new state; a row that is not taught only answers."""
        _practise(*state, item, taught, told(luck, out))

    def elapse(self, state: KT6kcState, days: Floats, luck: Luck) -> None:
        """Nothing: these learners do not forget."""

    def mastery(self, state: KT6kcState, out: Mastery) -> None:
        """Latent knowledge as 0 or 1, `[batch, skills]`."""
        out[:] = state.known
