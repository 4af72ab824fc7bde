"""The end of a training: beside random choice and the tuned rule, and whether the policy listens."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import RoundRobin, Topological, UniformRandom
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tuned_rule import TunedRule
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.standing import FIRST, in_a_line, references, share_that_listens, standing
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.luck import Split
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.laws import Efc
from toy_policies import Always

TASK = kss(6)


@pytest.mark.parametrize("deaf", [RoundRobin(), Topological(), UniformRandom()])
def test_a_policy_that_ignores_answers_never_listens(deaf):
    assert share_that_listens(deaf(TASK), TASK, 50) == 0.0


def test_a_rule_that_goes_by_answers_listens():
    assert 0.2 < share_that_listens(NInARow(2)(TASK), TASK, 50) < 1.0


class Nearly:
    """Goes by the last answer, at one turn, for one learner in three."""

    respects_mask = True

    def begin(self, luck):
        return 0

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        right = observation[:, TASK.layout.columns("last_correct").start] > 0
        hit = (state == 3) & right & (np.arange(len(right)) % 3 == 0)
        return np.where(hit, 1, 0), state + 1


def test_the_share_is_that_of_the_choices_that_differ():
    # 5 turns after the first; the coin differs from the answer about every second time
    share = share_that_listens(Nearly(), TASK, 300)
    assert share == pytest.approx(1 / 5 / 3 / 2, abs=0.012)


def test_who_reads_the_learner_needs_no_answers():
    assert np.isnan(share_that_listens(OracleGreedy()(TASK), TASK, 20))
    assert np.isnan(share_that_listens(NInARow()(kss(1)), kss(1), 20))


def test_all_teach_the_same_learners():
    rule = NInARow()(TASK)
    found = standing("mine", rule, TASK, 60)
    mine = rollout(TASK, rule, 60, Split.TUNE, first=FIRST).returned
    tuned = rollout(TASK, TunedMastery()(TASK), 60, Split.TUNE, first=FIRST).returned
    assert found.means["mine"] == mine.mean()
    assert found.means["tuned_mastery"] == tuned.mean()
    assert list(found.means) == ["mine", "random", "tuned_mastery"]
    assert found.ahead["tuned_mastery"].value == pytest.approx((mine - tuned).mean())
    assert not found.deaf
    assert set(found.scores) >= {"eval/return_random", "eval/ahead_of_tuned_mastery_low", "eval/listens"}
    line = in_a_line(found, 60)
    assert line.startswith(
        f"mean return on 60 new learners: mine {mine.mean():.3f}; random ".replace(" 0.", " .")
    )
    assert line.count("[") == 2


def test_nobody_is_compared_with_themselves():
    found = standing("random", UniformRandom()(TASK), TASK, 40)
    assert list(found.means) == ["random", "tuned_mastery"]
    assert found.deaf


def test_a_policy_clearly_below_random_choice_is_told_so():
    task = Task(simulator=KT6kc(), steps=12, features=("goal", "streak", "last_item", "last_correct"))
    found = standing("stuck", Always(task.course.n_items - 1), task, 60)
    gap = found.ahead["random"]
    assert gap.high < 0
    said = f"clearly below random choice: {number(gap.value)} {brief(gap.low, gap.high, True)}, paired"
    assert found.warnings[0] == said
    assert not any("random" in line for line in standing("mine", NInARow()(task), task, 60).warnings)


@pytest.mark.slow
def test_where_days_pass_the_reference_is_the_best_of_all_families(monkeypatch):
    monkeypatch.setattr("coursewright.evaluation.standing.TunedRule", lambda: TunedRule(learners=40))
    cards = Task(
        simulator=DeepTutor(Efc(), Course.of(4)),
        steps=15,
        days=5.0,
        reward=mean_recall,
        features=("days_since", "last_correct"),
    )
    assert references(cards)[0] == "tuned_rule"
    assert references(TASK)[0] == "tuned_mastery"
    found = standing("mine", RoundRobin()(cards), cards, 50)
    assert list(found.means) == ["mine", "random", "tuned_rule"]
    assert found.ahead["tuned_rule"].value < 0.1, "round-robin is one of its families"
    assert "eval/ahead_of_tuned_rule_low" in found.scores


def test_a_task_that_the_rule_cannot_do_has_random_choice_alone():
    blind = replace(bkt(steps=5), features=("attempts", "budget_left"))
    found = standing("mine", RoundRobin()(blind), blind, 1)
    assert list(found.means) == ["mine", "random"]
    assert found.ahead == {}  # one learner makes no interval


def test_the_end_of_a_training_names_a_heuristic():
    found = standing("index", Index()(TASK), TASK, 20)
    assert found.warnings[-1] == "a heuristic on this task (Kss learners are no Bkt)"
