"""The optimum for one FSRS item, against the tree of all answers, a simulation, and schedulers."""

from functools import partial

import numpy as np
import pytest

from coursewright.agents.planners.one_item import OneItemRule, unlike_one_item
from coursewright.agents.planners.oracle_best import OracleBest
from coursewright.agents.planners.oracle_exact import OracleExact
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.envs.rewards import mean_gain, mean_recall, post_test
from coursewright.envs.rollout import rollout
from coursewright.envs.schedule import Sessions
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.memory.fsrs import (
    FIRST_GRADES,
    RIGHT_GRADES,
    WEIGHTS,
    Fsrs,
    first_difficulty,
    in_range,
    next_difficulty,
    next_stability,
    recall,
)
from learners import luck_of

FEATURES = ("days_since", "last_correct", "last_item", "goal", "budget_left")
DELAYS = (0.0, 1.0, 4.0, 15.0)
REWARDS = {"recall": mean_recall, "test": partial(post_test, answers=3, days=30.0)}


def one_item(paid, steps, **changes):
    given = {"steps": steps, "days": 0.0, "delays": DELAYS, "reward": REWARDS[paid], "features": FEATURES}
    return Task(**{"simulator": Fsrs(Course.of(1)), **given, **changes})


W = np.array(WEIGHTS)


def recalled(days, stability):
    return recall(days, stability, W)


def after_first(grade):
    return W[grade - 1], in_range(first_difficulty(grade, W))


def after_review(state, days, grade):
    stability, difficulty = state
    after = next_stability(stability, difficulty, days, recalled(days, stability), grade, W)
    return after, next_difficulty(difficulty, grade, W)


def grades(p):
    return [1.0 - p, *(p * share for share in RIGHT_GRADES)]


def best(reward, left, state, days):
    """The expected return to come, by the tree of all answers: `days` were waited after a review."""
    paid = recalled(days, state[0]) if reward == "recall" else 0.0
    if left == 0:
        return paid if reward == "recall" else recalled(days + 30, state[0])
    chances = grades(recalled(days, state[0]))
    return paid + max(
        sum(
            chance * best(reward, left - 1, after_review(state, days, grade), delay)
            for grade, chance in enumerate(chances, 1)
        )
        for delay in DELAYS
    )


@pytest.mark.parametrize("reward", REWARDS)
def test_values_are_those_of_the_tree_of_all_answers(reward):
    task = one_item(reward, 3)
    rule, learners = OneItemRule(task), task.simulator
    state = learners.empty(1)
    learners.enrol(state, np.zeros(1, np.int64), luck_of(np.arange(1)))
    found = rule.worth(state, np.full(1, 3))[0]
    exact = [
        sum(share * best(reward, 2, after_first(grade), delay) for grade, share in enumerate(FIRST_GRADES, 1))
        for delay in DELAYS
    ]
    np.testing.assert_allclose(found, exact, atol=0.002)
    assert found.argmax() == np.argmax(exact)


@pytest.mark.parametrize("reward", REWARDS)
def test_a_simulation_returns_the_value_and_no_scheduler_is_above_it(reward):
    task = one_item(reward, 12)
    rule, learners = OneItemRule(task), 3000
    state = task.simulator.empty(1)
    task.simulator.enrol(state, np.zeros(1, np.int64), luck_of(np.arange(1)))
    value = rule.worth(state, np.full(1, 12)).max()
    returned = rollout(task, OracleExact()(task), learners).returned
    assert returned.mean() == pytest.approx(value, abs=0.004 + 4 * returned.std() / np.sqrt(learners))
    for agent in (
        FsrsRetention(0.9),
        FsrsRetention(0.7),
        UniformRandom(),
        OracleGreedy(copies=8, ahead=10.0),
    ):
        ahead = returned - rollout(task, agent(task), learners).returned
        assert ahead.mean() >= -3 * ahead.std() / np.sqrt(learners)


def test_waiting_pays_for_a_test_and_the_best_oracle_is_the_exact_one():
    task = one_item("test", 12)
    policy = OracleBest(5)(task)
    assert policy.policy.tuned.setting == "oracle_exact"
    ahead = rollout(task, policy, 2000).returned - rollout(task, FsrsRetention(0.95)(task), 2000).returned
    assert ahead.mean() > 3 * ahead.std() / np.sqrt(2000)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"simulator": Fsrs(Course.of(2))}, "it is not about one FSRS item"),
        ({"simulator": Fsrs(Course.of(1), spread=0.1)}, "each learner has parameters of their own"),
        ({"days": Sessions(3)}, "the days between steps are not fixed"),
        ({"reward": mean_gain}, "the reward is neither mean_recall nor post_test"),
    ],
)
def test_other_tasks_are_refused(changes, reason):
    task = one_item("recall", 5, **changes)
    assert unlike_one_item(task) == reason
    with pytest.raises(InputError, match=f"task: {reason}; oracle_exact is for tasks"):
        OracleExact()(task)
