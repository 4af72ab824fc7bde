"""The tuned rule: never below its families on tuning learners, and the families of each kind of task."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.tuned import MOST_SETTINGS, TunedMastery
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.ssp_mmc import SspMmc
from coursewright.agents.tuned_rule import TunedRule, families
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import tutor
from coursewright.envs.task import DEFAULT_FEATURES, Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import Split
from coursewright.simulators.memory.fsrs import Fsrs

BKT = read_bkt("bkt_ednet")
KNOWLEDGE = Task(BKT, tutor("bkt_ednet", BKT.course), steps=20)
DECK = Course.of(skills=6)
TABLE = BktParameters([0.3] * 6, [0.3] * 6, [0.2] * 6, [0.1] * 6)
MEMORY = Task(
    Fsrs(DECK), TABLE, steps=20, days=2.0, reward=mean_recall, features=(*DEFAULT_FEATURES, "days_since")
)


def test_kinds_of_tasks():
    assert KNOWLEDGE.kind == "knowledge"
    assert MEMORY.kind == replace(KNOWLEDGE, delays=(0.0, 1.0)).kind == "memory"
    kinds = ("lesson", *["practice"] * (BKT.course.n_items - 1))
    several = replace(BKT, course=replace(BKT.course, kind=kinds))
    assert replace(KNOWLEDGE, simulator=several).kind == "content"


@pytest.mark.parametrize("task", [KNOWLEDGE, MEMORY], ids=["knowledge", "memory"])
def test_families_are_of_the_kind_and_not_too_large(task):
    found = dict(families(task, 50))
    assert ("calendar" in found) == ("boxes" in found) == ("memory" in found) == (task.kind == "memory")
    assert all(0 < len(agents) <= MOST_SETTINGS for agents in found.values())
    assert all(len(set(map(repr, agents))) == len(agents) for agents in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("task", [KNOWLEDGE, MEMORY], ids=["knowledge", "memory"])
def test_on_tuning_learners_no_rule_of_the_families_is_better(task):
    rule = TunedRule(learners=60)(task)
    score = rollout(task, rule, 60, Split.TUNE).returned.mean()
    assert score == pytest.approx(rule.tuned.score, abs=1e-12)
    others = [TunedMastery(learners=60), RoundRobin()]
    others += [Memrise(), FsrsRetention(), SspMmc(60.0)] if task is MEMORY else []
    for agent in others:
        assert score >= rollout(task, agent(task), 60, Split.TUNE).returned.mean() - 1e-12


def test_among_memories_the_tuned_rule_beats_mastery_and_turns():
    """200 evaluation learners, paired: three standard errors above mastery, and not below taking turns."""
    rule = rollout(MEMORY, TunedRule(learners=60)(MEMORY), 200).returned
    mastery = rollout(MEMORY, TunedMastery(learners=60)(MEMORY), 200).returned
    turns = rollout(MEMORY, RoundRobin()(MEMORY), 200).returned
    assert (rule - mastery).mean() > 3.0 * (rule - mastery).std() / np.sqrt(200)
    assert (rule - turns).mean() > -3.0 * (rule - turns).std() / np.sqrt(200)


def test_a_mind_changes_nothing_but_stays():
    mind = BktBelief(BKT.course, Bkt(BKT.course, KNOWLEDGE.tutor, rho=1.0))
    thinks = replace(KNOWLEDGE, mind=mind)
    plain, other = TunedRule(learners=40)(KNOWLEDGE), TunedRule(learners=40)(thinks)
    assert plain.tuned.setting == other.tuned.setting
    assert other.task.mind is mind


def test_a_task_that_shows_too_little_has_rules_that_look_at_nothing():
    bare = Task(BKT, steps=5, features=("attempts",))
    assert TunedRule(learners=20)(bare).tuned.setting.startswith("fixed order: R")
    with pytest.raises(InputError, match="learners"):
        TunedRule(learners=0)
