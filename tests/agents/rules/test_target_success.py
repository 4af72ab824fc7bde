"""Rules by the chance of a right answer: on BKT by hand, on a mind's belief, and as a control."""

import numpy as np
import pytest

from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.rules.target_success import AdaptiveTesting, TargetSuccess
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import tutor
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.logistic.tables import read_logistic

# P(correct) before any answer: L0 (1 - S) + (1 - L0) G = .26, .58, .82
THREE = BktParameters([0.1, 0.5, 0.8], [0.1] * 3, [0.2, 0.26, 0.1], [0.2, 0.1, 0.0])
TASK = Task(Bkt(Course.of(skills=3), THREE), THREE, steps=1)


@pytest.mark.parametrize(("target", "item"), [(0.0, 0), (0.25, 0), (0.6, 1), (0.69, 1), (0.71, 2), (1.0, 2)])
def test_the_item_nearest_the_target_by_hand(target, item):
    assert (rollout(TASK, TargetSuccess(target)(TASK), 5).item == item).all()


def test_the_most_informative_item_is_nearest_to_a_half():
    assert (rollout(TASK, AdaptiveTesting()(TASK), 5).item == 1).all()


def test_without_a_target_the_best_on_tuning_learners_is_taken():
    simulator = read_bkt("bkt_ednet")
    task = Task(simulator, tutor("bkt_ednet", simulator.course), steps=20)
    policy = TargetSuccess(learners=60)(task)
    scores = {trial.setting: trial.score for trial in policy.tuned.trials}
    assert len(scores) == 20
    assert scores[policy.tuned.setting] == max(scores.values())


def test_by_a_mind_it_goes_by_the_minds_chances():
    simulator = read_logistic("pfa")
    mind = Particles(simulator.course, simulator, size=60, deciding=10)
    quarter = [0.25] * simulator.course.n_skills
    table = BktParameters(quarter, quarter, quarter, quarter, skills=simulator.course.skills)
    thinks = Task(simulator, table, mind=mind, steps=25)
    easy, hard = (rollout(thinks, TargetSuccess(target)(thinks), 40) for target in (1.0, 0.0))
    assert (easy.correct == 1).mean() > (hard.correct == 1).mean() + 0.2
    near = rollout(thinks, TargetSuccess(0.6)(thinks), 40)
    assert (near.correct == 1).mean() == pytest.approx(0.6, abs=0.08)


def test_some_tutor_is_needed():
    task = Task(TASK.simulator, steps=1, features=("goal", "attempts"))
    with pytest.raises(InputError, match="target_success goes by P"):
        TargetSuccess(0.5)(task)
    with pytest.raises(InputError, match=r"agent\.target"):
        TargetSuccess(1.5)
    assert np.isfinite(rollout(TASK, TargetSuccess(0.5)(TASK), 3).returned).all()
