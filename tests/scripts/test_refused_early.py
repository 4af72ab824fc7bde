"""A training or a plan that its task does not allow is refused before its folder is made."""

import pytest

import bad_lines
import forked
from coursewright.scripts.compose import compose, loader_of
from coursewright.scripts.line import read_line

TASK = ["task.steps=6", "learners=5", "tracker=none"]
BKT = ["simulator=bkt_v0", "task=mastery"]
PPO = "coursewright.agents.learning.ppo.Ppo"
TUNED = "coursewright.agents.tuned_rule.TunedRule"
ROW = "coursewright.agents.rules.mastery.NInARow"
SEARCH = "coursewright.agents.planners.belief_search.BeliefSearch"


@pytest.mark.parametrize(
    ("agent", "more", "told"),
    [
        ("graph_ppo", "task.stop=true", "task.stop = True: must be left out, for graph_ppo gives"),
        ("graph_ppo", "task.delays=[0,1]", "task.delays = [0, 1]: must be left out"),
        ("graph_ppo", "agent.masked=true", "agent = graph_ppo: must be maskable_graph_ppo"),
        ("ppo", "agent.learners=1 agent.batch_size=11", "agent.batch_size = 11: must be a size that"),
        ("trpo", "agent.learners=1 agent.n_steps=1", "agent.learners = 1: must be more than one"),
        ("a2c", "agent.imitate=expected_gain task.features=[goal]", "task.features for expected_gain"),
        (
            "ppo",
            "agent.imitate=tuned_mastery task.features=[goal,belief]",
            "must be a list that holds 'streak'",
        ),
        (
            "ppo",
            f"agent.imitate={{_target_:{PPO}}}",
            "agent.imitate = Ppo: must be an agent that makes a rule",
        ),
        ("a2c", f"agent.imitate={{_target_:{ROW},n:0}}", "agent.imitate.n = 0: must be a whole number >= 1"),
        ("trpo", f"agent.imitate={{_target_:{ROW}}} task.features=[goal]", "task.features for n_in_a_row"),
        ("dqn", "agent.threads=1025", "agent.threads = 1025: must be a whole number from 1 to 1,024"),
        ("belief_search", "task.features=[goal,streak]", "tutor = no mind, and no feature 'belief': must"),
        ("belief_rollout", "simulator=rich", "simulator = RichLearner: must be learners on a platform"),
        ("belief_search", f"agent.base={{_target_:{PPO}}}", "agent.base = Ppo: must be an agent that makes"),
        ("oracle_rollout", f"agent.base={{_target_:{SEARCH}}}", "agent.base = BeliefSearch: must be an"),
    ],
)
def test_it_is_refused_in_a_line(agent, more, told):
    forked.import_everything()
    learners = BKT[1:] if "simulator" in more else BKT
    answer = bad_lines.told("train", [f"agent={agent}", *learners, *TASK, *more.split()])
    assert not answer.fault, answer
    assert told in answer.said


def test_another_thing_takes_the_place_of_the_one_before():
    """Its settings are not those of the tuned rule, which stands there by default."""
    rule = "coursewright.agents.rules.mastery.NInARow"
    for more, base in (
        ([f"agent.base={{_target_: {rule}, n: 2}}"], {"_target_": rule, "n": 2}),
        ([f"agent.base={{_target_: {rule}}}", "agent.base.n=3"], {"_target_": rule, "n": 3}),
        (["agent.base.learners=50"], {"_target_": TUNED, "learners": 50}),
        ([f"agent.base={{_target_: {TUNED}}}"], {"_target_": TUNED, "learners": 2000}),
    ):
        line = read_line("train", ["agent=belief_search", *more])
        (config,) = compose(line, loader_of(line)).jobs
        assert config.agent.base == base


def test_a_thing_that_the_file_leaves_out_is_given_whole():
    goal = {"_target_": "coursewright.envs.task.RandomGoal", "low": 1, "high": 3}
    given = "{" + ", ".join(f"{name}: {value}" for name, value in goal.items()) + "}"
    line = read_line("train", ["task=mastery", "simulator=bkt_v0", f"task.goal={given}"])
    (config,) = compose(line, loader_of(line)).jobs
    assert config.task.goal == goal
    told = bad_lines.told(
        "train", ["task=mastery", "simulator=bkt_v0", f"task.goal={given.replace('low', 'lw')}"]
    )
    assert told.said == "error: task.goal.lw: no such setting (did you mean 'low'?); known: low, high\n"
