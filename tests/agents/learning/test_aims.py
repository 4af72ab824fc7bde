"""The command that measures the experiments' trainings against rules."""

from pathlib import Path

import numpy as np
import pytest

import coursewright
from aims import READ_AT, RULES, around, made, over_trainings, rows, scores, scores_of
from coursewright.agents.rules.baselines import RoundRobin, UniformRandom
from coursewright.envs.rollout import rollout
from recipes import LOGS

EXPERIMENTS = Path(coursewright.__file__).parent / "configs/experiment"


def test_every_name_is_an_experiment_or_a_log():
    assert {*RULES} - {*LOGS} <= {path.stem for path in EXPERIMENTS.glob("*.yaml")}
    assert {*LOGS} <= {*RULES}


def test_the_agent_has_the_settings_of_its_experiment_and_of_the_command_line():
    task, quick = made(["experiment=kss_quick"])
    _, usual = made(["experiment=kss", "agent.learners=7"])
    assert (task.horizon, quick.masked, quick.steps, quick.imitate) == (30, True, 360_000, None)
    assert (quick.layers, quick.learning_rate) == (usual.layers, usual.learning_rate)
    assert (usual.steps, usual.learners, quick.learners) == (1_200_000, 7, 128)


def test_one_policy_is_read_at_several_steps():
    task, _ = made(["experiment=kt6kc"])
    policy = RoundRobin()(task)
    run = rollout(task, policy, 40, with_mastery=True)
    read = scores(task, policy, 40, READ_AT["kt6kc"])
    assert read == pytest.approx(run.mastery[:, [25, 50, 100]].mean(axis=2))
    assert read[:, 2] == pytest.approx(run.end)
    assert (np.diff(read.mean(axis=0)) > 0).all()


def test_a_rule_is_made_for_each_number_of_steps():
    task, _ = made(["experiment=kt6kc"])
    horizons = []

    def rule(given):
        horizons.append(given.horizon)
        return UniformRandom()(given)

    assert scores_of(rule, task, 20, (25, 50)).shape == (20, 2)
    assert horizons == [25, 50]
    assert scores_of(rule, task, 20, ()).shape == (20, 1)
    assert horizons == [25, 50, 100]


def test_a_row_has_a_mean_a_difference_and_seconds(monkeypatch):
    monkeypatch.setitem(RULES, "kss_t10", {"round-robin": RoundRobin()})
    choices = ["experiment=kss_t10", "agent.steps=1_280", "agent.learners=64", "agent.batch_size=64"]
    (row,) = rows("kss_t10", choices, range(2), 50)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (cells[0], cells[2], cells[3]) == ("kss_t10", "2", "round-robin")
    mean, theirs, ahead = float(cells[1]), float(cells[4]), float(cells[5].split()[0])
    assert ahead == pytest.approx(mean - theirs, abs=2e-4)
    seconds, speed, scaled = (float(cell.replace(",", "")) for cell in cells[6:])
    assert seconds > 0
    assert scaled == pytest.approx(seconds * speed / 160_000, rel=0.2, abs=0.1)


def test_intervals_by_hand():
    assert around(np.array([0.0, 2.0])) == "+1.0000 [-0.9600, +2.9600]"
    assert over_trainings(np.array([0.1, 0.3])) == "0.2000"
    # t of .975 with 4 degrees of freedom is 2.776; the deviation is .0158, its error .00707.
    assert over_trainings(np.array([0.08, 0.09, 0.1, 0.11, 0.12])) == "0.1000 [0.0804, 0.1196]"
