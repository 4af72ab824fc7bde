"""The exact oracle: value iteration over sets of known skills."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from coursewright.agents.planners.known_sets import known_sets
from coursewright.agents.planners.oracle_exact import OracleExact
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.envs.rewards import normalised_gain
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import InputError
from coursewright.evaluation.bounds import TOLD, bound
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, identify
from coursewright.simulators.protocol import empty_response
from small_tasks import begun

GOAL = ("goal",)
PARENTS = {1: (0,), 2: (1,), 4: (3,)}
CHAIN = [["0", "1"], ["1", "2"], ["3", "4"]]
LEARN, PRIOR, RHO = (0.15, 0.6, 0.35, 0.3, 0.2), (0.2, 0.1, 0.0, 0.3, 0.0), 0.1


def small(steps=10, **changes):
    table = BktParameters(prior=PRIOR, learn=LEARN, guess=[0.2] * 5, slip=[0.1] * 5)
    learners = Bkt(Course.of(5, prerequisites=CHAIN), table, rho=RHO)
    return Task(simulator=learners, steps=steps, **({"features": GOAL} | changes))


def enumerated(known, left, goal):
    """The optimum by trying everything: plain recursion, one skill after another."""

    @cache
    def best(known, left):
        if not left:
            return 0.0
        options = [best(known, left - 1)]
        for k in set(range(5)) - known:
            rate = LEARN[k] * np.prod([RHO for p in PARENTS.get(k, ()) if p not in known])
            then = best(known | {k}, left - 1) + (k in goal) / len(goal)
            options.append(rate * then + (1 - rate) * best(known, left - 1))
        return max(options)

    return best(frozenset(known), left)


def test_its_values_are_the_enumerated_ones():
    for goal in (range(5), (2, 4)):
        names = [str(k) for k in goal]
        episodes = begun(small(goal=names), 40)
        oracle = OracleExact()(episodes.task)
        values = oracle.policy.rule._values(episodes.goal[0])
        for row in episodes.after >= 0.5:
            place = int(row @ (1 << np.arange(5)))
            assert values[10, place] == pytest.approx(enumerated(np.flatnonzero(row).tolist(), 10, goal))


@pytest.mark.slow
def test_it_reaches_the_optimum_and_no_oracle_is_above_it():
    task = small(12)
    returned = rollout(task, OracleExact()(task), 4000).returned
    told = bound(task)
    assert told.kind == TOLD
    assert returned.mean() == pytest.approx(told.value, abs=4 * returned.std() / 4000**0.5)
    for agent in (OracleBeam(), OracleGreedy()):
        behind = rollout(task, agent(task), 4000).returned - returned
        assert behind.mean() < 2 * behind.std() / 4000**0.5


@pytest.mark.parametrize("learners", [KT6kc(scenario=3), KnowledgeSpace()], ids=["kt6kc", "knowledge space"])
def test_other_learners_reach_their_bound(learners):
    task = Task(simulator=learners, steps=25, features=GOAL)
    returned = rollout(task, OracleExact()(task), 2000).returned
    assert returned.mean() == pytest.approx(bound(task).value, abs=4 * returned.std() / 2000**0.5)


@pytest.mark.parametrize(
    "learners",
    [KT6kc(scenario=1), KnowledgeSpace(), small().simulator],
    ids=["kt6kc", "knowledge space", "bkt"],
)
def test_the_sets_are_the_learners(learners):
    """New learners, and the chance to learn each skill in one practice, against 20,000 simulated ones."""
    n, skills = 20_000, learners.course.n_skills
    sets, luck = known_sets(learners), identify(Seeds(), np.arange(n), 0, np.zeros(n, np.int64))
    assert sets.start.sum() == pytest.approx(1.0)
    for k in range(skills):
        state = learners.empty(n)
        learners.enrol(state, np.arange(n), luck)
        before, after = np.zeros((2, n, skills), np.float32)
        learners.mastery(state, before)
        place = (before > 0.5) @ (1 << np.arange(skills))
        learners.practise(state, np.full(n, k), np.ones(n, bool), luck, empty_response(n))
        learners.mastery(state, after)
        learned = (after[:, k] > before[:, k]).mean()
        assert learned == pytest.approx(sets.chance[k, place].mean(), abs=0.015)
        assert learned == pytest.approx(sets.start @ sets.chance[k], abs=0.015)


def test_goals_of_their_own():
    task = small(8, goal=RandomGoal(1, 3))
    returned = rollout(task, OracleExact()(task), 2000).returned
    assert returned.mean() == pytest.approx(bound(task).value, abs=4 * returned.std() / 2000**0.5)


def test_choices_do_not_depend_on_the_fate():
    task = small(12)
    episodes, oracle = begun(task, 200), OracleExact()(task)
    oracle.watch(episodes)
    state = oracle.begin(episodes.luck)
    item, _ = oracle.predict(episodes.observation, state)
    episodes.luck.fate[:] = episodes.luck.fate[::-1].copy()
    again, _ = oracle.predict(episodes.observation, state)
    assert (item == again).all()


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (kss(), "Kss learners"),
        (bkt(), "too many sets"),
        (small(reward=normalised_gain), "reward"),
        (replace(small(), steps=None, minutes=5.0), "minutes"),
        (small(unlock_after=1, features=("goal", "successes")), "answers unlock"),
        (Task(simulator=KT6kc(perturbed=True), steps=5, features=GOAL), "their own"),
        (
            Task(
                simulator=Bkt(
                    Course.of(1), BktParameters(prior=[0.1], learn=[0.1], guess=[0], slip=[0], forget=[0.1])
                ),
                steps=5,
                features=GOAL,
            ),
            "forget",
        ),
    ],
)
def test_other_tasks_are_refused(task, reason):
    with pytest.raises(InputError, match=reason):
        OracleExact()(task)
