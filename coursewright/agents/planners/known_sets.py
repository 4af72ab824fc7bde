"""Learners whose whole state is the set of skills that they know: value iteration over all sets.

Practice of skill k makes it known with a chance that depends on the set s, and nothing is forgotten.  With
w_k for the reward of knowing k, and n steps left, the optimum of a tutor who is told the set obeys

    V_0(s) = 0,      V_n(s) = max over k of  V_{n-1}(s) + P(k | s) (w_k + V_{n-1}(s + k) - V_{n-1}(s))

(Bellman, Dynamic Programming, 1957).  A set is a number whose bit k tells if skill k is known.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from coursewright.agents.conditions import unlike_any
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.protocol import Simulator

MOST_SKILLS = 12  # 4,096 sets


class KnownSets(NamedTuple):
    """A population by its sets of known skills.

    `start [sets]` is the share of new learners; `chance [skills, sets]` is that practice of a skill makes it
    known, 0 where it is.
    """

    start: Floats
    chance: Floats


def unlike(task: Task) -> str:
    """The condition of value iteration over sets that a task breaks; "" for none."""
    learners, reason = task.simulator, unlike_any(task)
    if not reason and isinstance(learners, Bkt) and np.any(learners.parameters.forget):
        reason = "learners forget"
    if not reason and task.course.n_skills > MOST_SKILLS:
        reason = "there are too many sets of known skills"
    return reason


def known_sets(learners: Simulator[Any]) -> KnownSets:
    """The sets of a population that `unlike` has nothing against."""
    skills = learners.course.n_skills
    known: Bools = (np.arange(2**skills)[:, None] >> np.arange(skills)) & 1 == 1
    lacking = np.stack([(row & ~known).sum(axis=1) for row in learners.course.prerequisites.T])
    if isinstance(learners, KT6kc):
        start = (~known.any(axis=1)).astype(np.float64)
        chance = np.clip(learners.rates[0] + known @ learners.depends.T, 0.0, 1.0).T
    elif isinstance(learners, Bkt):
        table = learners.parameters
        start = np.where(known, table.prior[0], 1.0 - table.prior[0]).prod(axis=1)
        chance = table.learn[0][:, None] * learners.rho**lacking
    else:
        assert isinstance(learners, KnowledgeSpace)
        prior = np.where(lacking.T == 0, learners.priors, 0.0)
        start = np.where(known, prior, 1.0 - prior).prod(axis=1)
        chance = np.where(lacking == 0, learners.chances[-1][:, None], 0.0)
    return KnownSets(np.asarray(start), chance * ~known.T)


def optimum(sets: KnownSets, weight: Floats, steps: int) -> Iterator[Floats]:
    """V_0, V_1, ..., V_steps, `[goals, sets]` each; `weight [goals, skills]` is the reward of each skill."""
    places = np.arange(len(sets.start))
    value = np.zeros((len(weight), len(places)))
    yield value
    for _ in range(steps):
        best = value.copy()  # practice of a skill that is known already
        for k, chance in enumerate(sets.chance):
            learned = weight[:, k, None] + value[:, places | 1 << k]
            np.maximum(best, value + chance * (learned - value), out=best)
        value = best
        yield value
