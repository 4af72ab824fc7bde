"""Planners that see the tutor's records alone: the gate, the gain, and nothing of the true learners."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.planners.belief_rollout import BeliefRollout
from coursewright.agents.planners.belief_search import BeliefSearch
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.planning import cost_of
from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.mastery import NInARow
from coursewright.envs.policy import attend
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.logistic.tables import read_logistic
from coursewright.simulators.protocol import put, take
from small_tasks import begun

ROLLOUT = BeliefRollout(base=NInARow(), simulations=24, z=0.5, proof=0)
SEARCH = BeliefSearch(base=NInARow(), simulations=24, z=0.5, proof=0)
PLANNERS = pytest.mark.parametrize("agent", [ROLLOUT, SEARCH], ids=["rollout", "search"])


def by_pfa(steps=6):
    """A tutor with a mind."""
    model = read_logistic("pfa")
    features = ("goal", "streak", "last_correct")
    return Task(model, mind=mind_of(model, model.course), steps=steps, features=features)


TASKS = {"bkt": lambda: bkt(steps=8), "kss": lambda: kss(8), "pfa": by_pfa}


def exchanged(agent, task, steps=3, learners=40):
    """The choices for learners with some records, and again when behind the same records are other people."""
    policy = agent(task)
    episodes = begun(replace(task, features=policy.reads), learners)
    attend(policy, episodes)
    state = policy.begin(episodes.luck)
    for _ in range(steps):
        action, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
        episodes.step(action)
    first, _ = policy.predict(episodes.observation, state, None, True, episodes.mask)
    rows = np.arange(learners)
    put(episodes.state, rows, take(episodes.state, rows[::-1]))
    episodes.luck.fate[:] = episodes.luck.fate[::-1].copy()
    episodes.luck.learner[:] = episodes.luck.learner[::-1].copy()
    for seen in (episodes.start, episodes.before, episodes.after):
        seen[:] = seen[::-1].copy()
    again, _ = policy.predict(episodes.observation, state, None, True, episodes.mask)
    return first, again, episodes


@PLANNERS
@pytest.mark.parametrize("name", TASKS)
def test_the_true_learners_are_never_read(agent, name):
    first, again, _ = exchanged(agent, TASKS[name]())
    assert (first == again).all()


@PLANNERS
def test_a_planner_that_read_them_would_be_caught(agent, monkeypatch):
    """Planted: instead of the belief, what the learners know."""
    found = {}

    class Peeking(RulePolicy):
        def watch(self, episodes):
            found["episodes"] = episodes
            self.watched = episodes.records

    def draw(self, state, rows, key):
        return take(found["episodes"].state, rows)

    monkeypatch.setattr(BktBelief, "draw", draw)
    monkeypatch.setattr(BktBelief, "averages", False)
    first, again, _ = exchanged(lambda task: Peeking(**vars(agent(task))), bkt(steps=8))
    assert (first != again).any()


@PLANNERS
def test_a_gate_that_nothing_passes_leaves_the_rule(agent):
    task = by_pfa()
    rule = rollout(task, NInARow()(task), 12)
    assert (rollout(task, replace(agent, z=1e9)(task), 12).item == rule.item).all()


@PLANNERS
def test_it_is_above_a_poor_rule(agent):
    """Round-robin among ten skills practises what is known; planning does not."""
    task, agent = bkt(steps=16), replace(agent, base=RoundRobin(), simulations=48, z=2.0)
    rule = rollout(task, RoundRobin()(task), 60).returned
    gain = rollout(task, agent(task), 60).returned - rule
    assert gain.mean() > 2.0 * gain.std() / 60**0.5
    assert gain.mean() > 0.0


@PLANNERS
def test_a_mind_serves_as_the_table_does(agent):
    task = by_pfa()
    together, apart = rollout(task, agent(task), 7), rollout(task, agent(task), 7, chunk=3)
    assert (together.item == apart.item).all()


@PLANNERS
def test_without_records_it_refuses(agent):
    task = bkt(steps=4)
    episodes = begun(task, 2)
    with pytest.raises(InputError, match="without records"):
        agent(task).predict(episodes.observation)


@PLANNERS
def test_options_are_checked(agent):
    with pytest.raises(InputError, match="simulations = 3"):
        replace(agent, simulations=3)
    with pytest.raises(InputError, match="candidates = 0"):
        replace(agent, candidates=0)
    with pytest.raises(InputError, match="z = -1"):
        replace(agent, z=-1.0)
    with pytest.raises(InputError, match="base = OraclePolicy"):
        replace(agent, base=OracleGreedy())(kss(3))
    with pytest.raises(InputError, match="base = Belief"):
        replace(agent, base=agent)(bkt(steps=3))


@PLANNERS
def test_simulations_and_time_are_told(agent):
    task = bkt(steps=4)
    line = cost_of("planner", agent(task), 1000, 2.0)
    assert "24 simulations and 2.00 ms" in line
    assert cost_of("rule", NInARow()(task), 1000, 2.0) == ""


@PLANNERS
def test_a_planner_without_proof_is_its_rule(agent):
    """A gate that nothing passes makes the rule's choices, which is no gain: the rule itself is left."""
    task = by_pfa()
    policy = replace(agent, z=1e9, proof=20)(task)
    assert "the rule that it would plan over" in policy.caveat
    assert cost_of("planner", policy, 1000, 2.0) == ""
    assert policy.name in ("belief_rollout", "belief_search")


def test_a_planner_with_proof_plans():
    agent = replace(ROLLOUT, base=RoundRobin(), simulations=48, proof=40)
    assert agent(bkt(steps=16)).caveat == ""
