"""The index rule: its order, its fallback, and its lead over expected gain."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.rule import caveat_of
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.one_skill import COARSE, Skill, indices
from coursewright.envs.rewards import normalised_gain
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss, tutor
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.statistics import over_learners
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.memory.fsrs import Fsrs
from small_tasks import begun


def ednet(**changes):
    simulator = read_bkt("bkt_ednet")
    return Task(simulator=simulator, tutor=tutor("bkt_ednet", simulator.course), steps=60, **changes)


def test_it_says_where_it_is_a_heuristic():
    assert Index()(ednet()).caveat == ""
    table = read_bkt("bkt_ednet").parameters
    forgetful = replace(read_bkt("bkt_ednet"), parameters=replace(table, forget=[0.1] * 20))
    reasons = {
        "learners forget": replace(ednet(), simulator=forgetful),
        "with prerequisites, practice of a skill tells of others": bkt(),
        "Kss learners are no Bkt": kss(),
        "the budget is minutes, not steps": replace(ednet(), steps=None, minutes=60.0),
        "the reward is not the gain in mean mastery": replace(ednet(), reward=normalised_gain),
    }
    for reason, task in reasons.items():
        assert caveat_of(Index()(task)) == f"a heuristic on this task ({reason})"
    days = caveat_of(Index()(replace(ednet(), days=1.0)))
    assert "does not fade while days pass (tutor=fsrs" in days
    other = replace(ednet(), mind=mind_of(Fsrs(ednet().course), ednet().course))
    assert Index()(other).caveat.endswith("not by the model that the tutor thinks by)")


def two_skills(**changes):
    """One skill that answers tell nothing of, and one with a lower gain at once that they tell all of."""
    table = BktParameters(prior=[0.5, 0.52], learn=[0.3, 0.3], guess=[0.5, 0.0], slip=[0.49, 0.0])
    return Task(simulator=Bkt(Course.of(2), table), tutor=table, steps=10, **changes)


def first(agent, task):
    episodes = begun(task, 1)
    policy = agent(task)
    item, _ = policy.predict(episodes.observation, policy.begin(episodes.luck), None, True, episodes.mask)
    return int(item[0])


def test_answers_that_tell_much_are_worth_a_lower_gain_now():
    task = two_skills()
    assert first(ExpectedGain(), task) == 0
    assert first(Index(), task) == 1
    assert first(Index(), replace(task, steps=1)) == 0, "with one step left there is nothing to find out for"


def test_every_choice_has_the_highest_index():
    task = ednet()
    policy = Index()(task)
    episodes = begun(task, 40)
    state = policy.begin(episodes.luck)
    by = task.tutor
    table = [indices(Skill(by.learn[0][k], by.guess[0][k], by.slip[0][k]), 60) for k in range(20)]
    for _ in range(30):
        belief = episodes.observation[:, task.layout.columns("belief")]
        item, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
        index = [np.interp(belief[:, k], np.linspace(0, 1, COARSE), table[k]) for k in range(20)]
        chosen = np.array(index)[item, np.arange(40)]
        assert np.allclose(chosen, np.max(index, axis=0), atol=1e-12)
        episodes.step(item)


def test_only_goal_skills_are_practised():
    task = ednet(goal=read_bkt("bkt_ednet").course.skills[3:5])
    assert set(np.unique(rollout(task, Index()(task), 30).item)) == {3, 4}


def test_of_items_of_several_skills_it_is_expected_gain():
    course = Course.of(3, items={"ab": ["0", "1"], "bc": ["1", "2"], "ac": ["0", "2"]})
    table = BktParameters(prior=[0.1, 0.3, 0.2], learn=[0.2, 0.3, 0.1], guess=[0.2] * 3, slip=[0.1] * 3)
    task = Task(simulator=Bkt(course, table), tutor=table, steps=15)
    one, other = (rollout(task, agent(task), 50).item for agent in (Index(), ExpectedGain()))
    assert (one == other).all()


def test_where_the_goal_is_locked_it_goes_towards_it():
    course = Course.of(3, prerequisites=[["1", "2"]])
    table = BktParameters(prior=[0.1] * 3, learn=[0.2] * 3, guess=[0.1] * 3, slip=[0.1] * 3)
    task = Task(simulator=Bkt(course, table), tutor=table, steps=5, goal="2", unlock_after=1)
    assert first(Index(), task) == 1


def test_a_task_without_a_tutor_is_refused():
    with pytest.raises(InputError, match=r"task\.tutor"):
        Index()(replace(two_skills(), tutor=None, features=("goal",)))


@pytest.mark.slow
def test_it_is_above_expected_gain_on_20_000_learners():
    task = ednet()
    index, myopic = (rollout(task, agent(task), 20_000).returned for agent in (Index(), ExpectedGain()))
    lead = over_learners(index - myopic)
    assert lead.low > 0.0
    assert lead.value == pytest.approx(0.0017, abs=0.0004)
    assert index.mean() == pytest.approx(0.3247, abs=0.0005)
