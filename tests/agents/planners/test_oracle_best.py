"""The best of the oracles that apply."""

import pytest

from coursewright.agents.planners import oracle_best
from coursewright.agents.planners.oracle_best import OracleBest
from coursewright.agents.planners.oracle_macro import OracleMacroBeam
from coursewright.agents.planners.oracle_rollout import OracleRollout
from coursewright.agents.planners.oracle_threshold import OracleThreshold
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.mastery import MasteryThreshold
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Split
from plain_simulator import Levels

SMALL = {
    "oracle_greedy": OracleGreedy(copies=2),
    "oracle_beam": OracleBeam(kss_width=30),
    "oracle_threshold": OracleThreshold(learners=10),
    "oracle_rollout": OracleRollout(base=RoundRobin(), copies=2),
}


@pytest.mark.slow
def test_it_is_the_best_on_tuning_learners(monkeypatch):
    monkeypatch.setattr(oracle_best, "ORACLES", SMALL)
    task = kss(10)
    best = OracleBest(learners=30)(task)
    tried = {trial.setting: trial.score for trial in best.policy.tuned.trials}
    assert set(tried) == set(SMALL)
    assert best.policy.tuned.setting == max(tried, key=tried.get) == "oracle_beam"
    alone = rollout(task, SMALL["oracle_beam"](task), 30, Split.TUNE)
    assert (rollout(task, best, 30, Split.TUNE).item == alone.item).all()


def test_nothing_else_is_tried_where_the_optimum_is_known():
    task = Task(KT6kc(), steps=6, features=("goal",))
    tuned = OracleBest(learners=5)(task).policy.tuned
    assert [trial.setting for trial in tuned.trials] == ["oracle_exact"]


def test_the_macro_beam_is_tried_where_no_days_pass(monkeypatch):
    macro = {"oracle_macro_beam": OracleMacroBeam(width=3), "oracle_greedy": OracleGreedy(copies=1)}
    monkeypatch.setattr(oracle_best, "ORACLES", macro)
    for days, expected in ((0.0, set(macro)), (1.0, {"oracle_greedy"})):
        task = Task(Kss(), steps=4, days=days, features=("goal",))
        assert {trial.setting for trial in OracleBest(learners=5)(task).policy.tuned.trials} == expected


def test_an_oracle_that_does_not_apply_is_left_out(monkeypatch):
    """No beam for learners of any kind, and no rollout where the base rule cannot do the task."""
    monkeypatch.setattr(
        oracle_best, "ORACLES", SMALL | {"oracle_rollout": OracleRollout(base=MasteryThreshold(), copies=2)}
    )
    task = Task(Levels(Course.of(4)), steps=6, features=("goal",))
    tried = {trial.setting for trial in OracleBest(learners=5)(task).policy.tuned.trials}
    assert tried == {"oracle_greedy", "oracle_threshold"}


def test_options_are_checked():
    with pytest.raises(InputError, match="learners = 0"):
        OracleBest(learners=0)
