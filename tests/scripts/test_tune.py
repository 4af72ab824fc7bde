"""`coursewright tune`: the figures of a tuning, its going on, its files, and its refusals."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf

from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tuned_rule import TunedRule
from coursewright.envs.rollout import Group, rollout
from coursewright.evaluation.numbers import number as shown_as
from coursewright.evaluation.statistics import over_learners
from coursewright.evaluation.tuning.efforts import Effort, costs
from coursewright.evaluation.tuning.jobs import Job
from coursewright.evaluation.tuning.jobs import run as job_of
from coursewright.scripts.app import run
from coursewright.scripts.check import Checker
from coursewright.scripts.life import alone
from coursewright.scripts.manual import names
from coursewright.scripts.trials import space_of
from coursewright.simulators.luck import Split
from places import ROOT

TASK = ["simulator=bkt_v0", "task=mastery", "task.steps=12"]
SMALL = [*TASK, "agent=n_in_a_row", "trials=7", "learners=40", "evaluated=30", "tracker=csv"]
SMALL += ["~policies.tuned_rule", "+agent@policies.fringe=outer_fringe", "workers=1"]
ALONE = ["~policies.random", "~policies.tuned_rule"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A small tuning, and the folder above it."""
    folder = tmp_path_factory.mktemp("tune")
    assert run("tune", [*SMALL, f"hydra.run.dir={folder}/run"]) == 0
    return folder / "run"


def read(folder, name):
    return json.loads((folder / name).read_text())


def winner(folder):
    """The winner's trainings in a tuning's folder."""
    trials = pd.read_csv(folder / "trials.csv")
    return f"of-trial-{trials.loc[trials['score'].idxmax(), 'number']}"


def task():
    from coursewright.scripts.making import task_of

    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("simulate", [*TASK, "to=x.parquet", "+hydra.runtime.choices.x=x"])
        config.choices = {"simulator": "bkt_v0", "task": "mastery"}
        return task_of(config, None)


def test_figures_are_those_of_the_settings(tuned):
    rows, summary = pd.read_csv(tuned / "trials.csv"), read(tuned, "summary.json")
    assert len(rows) == summary["trials"] == 7
    assert rows.loc[0, ["n", "order", "fallback"]].tolist() == [3, "topological", "uniform"]
    given = task()
    for row in rows.to_dict("records"):
        policy = NInARow(row["n"], row["order"], row["fallback"])(given)
        assert row["score"] == pytest.approx(rollout(given, policy, 40, Split.TUNE).returned.mean())
    best = rows.loc[rows["score"].idxmax()]
    policy = NInARow(int(best["n"]), best["order"], best["fallback"])(given)
    unseen = rollout(given, policy, 30).returned.mean()
    assert summary["eval/return"] == summary["eval/low"] == pytest.approx(unseen)
    assert summary["eval/learners_low"] < unseen < summary["eval/learners_high"]
    assert (summary["eval/seeds"], summary["eval/estimand"]) == (5, "this training recipe")


def test_a_trial_has_one_number_from_1(tuned, tmp_path, capsys):
    """In the log, in the line of the best and in the table; the first trial is the agent's own settings."""
    rows = pd.read_csv(tuned / "trials.csv")
    assert rows["number"].tolist() == list(range(1, 8))
    shutil.copytree(tuned, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    assert run("tune", [*SMALL, f"hydra.run.dir={tmp_path}/run"]) == 0
    best = rows.loc[rows["score"].idxmax()]
    told, score = capsys.readouterr().out, shown_as(best["score"])
    assert f"best: trial {best['number']}, {score}" in told
    assert f"n_in_a_row: trial {best['number']} of 7: {score}; best {score}" in told
    assert (tmp_path / "run" / "seeds" / winner(tuned)).name == f"of-trial-{best['number']}"


def test_costs_are_counted(tuned):
    whole = pd.read_csv(tuned / "costs.csv")
    assert (whole["processor_seconds"] > 0).all()
    for agent, trials in (("n_in_a_row", "trials.csv"), ("fringe", "trials-fringe.csv")):
        costs = whole[whole["agent"] == agent].set_index("stage")
        ran = pd.read_csv(tuned / trials)["note"].isna().sum()
        assert costs["trainings"].to_dict() == {"trials": 7, "fresh seeds": 5}
        assert costs["scoring_steps"].to_dict() == {"trials": ran * 40 * 12, "fresh seeds": 5 * 30 * 12}
        if agent == "n_in_a_row":
            assert read(tuned, "summary.json")["steps"] == costs["scoring_steps"].sum()
    (once,) = whole[whole["agent"] == "random"].to_dict("records")
    assert (once["stage"], once["trainings"], once["scoring_steps"]) == ("fresh seeds", 1, 30 * 12)


def test_the_others_meet_the_same_learners_and_differences_are_paired(tuned):
    rows = pd.read_csv(tuned / "comparison.csv", index_col="agent")
    assert rows.index.tolist() == ["n_in_a_row", "random", "fringe"]
    assert rows["tried"].tolist() == [7, 0, 7]
    best, given = pd.read_csv(tuned / "trials.csv"), task()
    best = best.loc[best["score"].idxmax()]
    mine = rollout(given, NInARow(int(best["n"]), best["order"], best["fallback"])(given), 30).returned
    theirs = rollout(given, UniformRandom()(given), 30).returned
    ahead = over_learners(mine - theirs)
    shown = rows.loc["random", ["ahead", "ahead_low", "ahead_high"]].tolist()
    assert shown == pytest.approx([ahead.value, ahead.low, ahead.high])
    summary = read(tuned, "summary.json")
    assert summary["eval/ahead_of_random"] == pytest.approx(ahead.value)
    assert {"eval/ahead_of_fringe_low", "eval/return_fringe"} <= set(summary)


def test_a_rule_that_tunes_itself_tells_its_costs(tmp_path, monkeypatch):
    """The second time its scores are kept, and the costs are those of the first time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    given = task()
    made = [job_of(Job(given, TunedRule(learners=20), 0, Group(10, Split.EVALUATE))) for _ in range(2)]
    tuned = TunedRule(learners=20)(given).tuned
    for end in made:
        assert end.tried == len({trial.setting for trial in tuned.trials}) > 120
        assert end.tried_steps == sum(trial.steps for trial in tuned.trials) == len(tuned.trials) * 20 * 12
        assert end.training_steps == 0
        assert end.tried_seconds >= sum(trial.seconds for trial in tuned.trials) > 0
    ours, theirs = (
        Effort([], {1: made[0]}),
        Effort([], {1: job_of(Job(given, UniformRandom(), 0, Group(10)))}),
    )
    rows = costs({"tuned_rule": ours, "random": theirs}).to_dict("records")
    assert [row["stage"] for row in rows] == ["trials", "fresh seeds", "fresh seeds"]
    assert (rows[0]["trainings"], rows[0]["scoring_steps"]) == (made[0].tried, made[0].tried_steps)
    assert (rows[1]["trainings"], rows[1]["training_steps"], rows[1]["scoring_steps"]) == (1, 0, 10 * 12)


@pytest.mark.parametrize(
    "launcher",
    ["basic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("joblib", "submitit_local"))],
)
def test_jobs_of_any_launcher_share_one_tuning(tuned, launcher, tmp_path):
    words = [*SMALL, "part=0,1", f"hydra/launcher={launcher}", f"hydra.sweep.dir={tmp_path}/parts"]
    assert run("tune", ["-m", *words]) == 0
    for part in (0, 1):
        (folder,) = (tmp_path / "parts").glob(f"agent-n_in_a_row__part-{part}*")
        for name in ("trials.csv", "best.yaml", "metrics.csv", "comparison.csv"):
            assert (folder / name).read_bytes() == (tuned / name).read_bytes(), (part, name)
    (shared,) = (tmp_path / "parts").glob("n_in_a_row-*")
    assert (shared / "trials.journal").read_text().count("scoring_steps") == 7, "no trial twice"


def test_the_best_file_names_a_command_that_trains_it(tuned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = (tuned / "best.yaml").read_text().splitlines()[0]
    words = shlex.split(first.removeprefix("# "))
    assert words[:2] == ["coursewright", "train"]
    assert run("train", [*words[2:], "learners=20", "tracker=none", "hydra.run.dir=trained"]) == 0
    agent, best = OmegaConf.load("trained/config.yaml").agent, OmegaConf.load(tuned / "best.yaml").agent
    assert {name: agent[name] for name in best} == dict(best)


@pytest.mark.parametrize("verb", ["evaluate runs", "simulate policy", "export run"])
def test_a_tuning_is_taken_for_no_training(verb, tuned, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, field = verb.split()
    more = ["to=log.parquet", *TASK] if name == "simulate" else []
    assert run(name, [f"{field}={tuned}", *more]) == 2
    said = capsys.readouterr().err
    assert "tuning" in said
    assert "best.yaml" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_it_goes_on_and_workers_change_nothing(tuned, tmp_path):
    other = tmp_path / "other"
    assert run("tune", [*SMALL[:-1], "workers=2", f"hydra.run.dir={other}"]) == 0
    again = tmp_path / "run"
    shutil.copytree(tuned, again)
    for name in ("summary.json", "trials.csv", "best.yaml", f"seeds/{winner(tuned)}/3.npz"):
        (again / name).unlink()
    lines = (again / "trials.journal").read_bytes().splitlines(keepends=True)
    (again / "trials.journal").write_bytes(b"".join(lines[:4]) + lines[4][:20])
    for folder, words in ((again, SMALL), (tuned, SMALL)):
        assert run("tune", [*words, f"hydra.run.dir={folder}"]) == 0
    for name in ("summary.json", "trials.csv", "best.yaml", "metrics.csv"):
        for folder in (other, again):
            assert (folder / name).read_bytes() == (tuned / name).read_bytes(), (folder.name, name)


@pytest.mark.slow
def test_a_finished_tuning_goes_on_to_more_trials(tuned, tmp_path, capsys):
    more = ["trials=10" if word == "trials=7" else word for word in SMALL]
    assert run("tune", [*more, f"hydra.run.dir={tmp_path}/at-once"]) == 0
    shutil.copytree(tuned, tmp_path / "run")
    assert run("tune", [*more, f"hydra.run.dir={tmp_path}/run"]) == 0
    for name in ("summary.json", "trials.csv", "trials-fringe.csv", "best.yaml", "comparison.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "at-once" / name).read_bytes(), name
    assert (tmp_path / "run" / "trials.journal").read_text().count("scoring_steps") == 10
    capsys.readouterr()
    for words, line in (
        (SMALL, "(trials = 10 there, and 7 here)"),
        ([*more, "learners=50"], "(learners = 40 there, and 50 here)"),
        ([*more, "agent.n=2", "seed=3"], "(agent.n = 3 there, and 2 here, and 1 more differ)"),
    ):
        assert run("tune", [*words, f"hydra.run.dir={tmp_path}/run"]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"error: hydra.run.dir = {tmp_path}/run: holds a run with other settings")
        assert line in told


def test_a_folder_where_a_tuning_works_is_refused_before_anything_is_checked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Checker, "check", lambda *_: pytest.fail("it was checked"))
    with alone(tmp_path / "run"):
        assert run("tune", [*SMALL, f"hydra.run.dir={tmp_path}/run"]) == 2
    assert "must be a folder in which no other process works" in capsys.readouterr().err


def test_a_network_is_trained_with_fresh_seeds(tmp_path):
    words = [*TASK, "agent=ppo", "agent.steps=600", "agent.learners=25", "agent.imitate=null", "trials=1"]
    words += [
        *ALONE,
        "~space.agent.imitate",
        "~space.agent.n_steps",
        "learners=20",
        "evaluated=20",
        "tracker=none",
    ]
    words += ["agent.n_steps=12", "~space.agent.epochs", "+space.agent.epochs=[2,3]", "workers=1"]
    assert run("tune", [*words, f"hydra.run.dir={tmp_path}/run"]) == 0
    costs = pd.read_csv(tmp_path / "run" / "costs.csv", index_col="stage")
    assert costs["training_steps"].to_dict() == {"trials": 600, "fresh seeds": 3000}
    kept = [np.load(tmp_path / "run" / "seeds" / "of-trial-1" / f"{seed}.npz") for seed in range(1, 6)]
    returned = np.array([file["returned"] for file in kept])
    assert len(np.unique(returned.mean(axis=1))) > 1
    assert read(tmp_path / "run", "summary.json")["eval/return"] == pytest.approx(returned.mean())


@pytest.mark.parametrize("name", names("tune"))
def test_a_space_suits_the_agent_of_its_name(name):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("tune", [f"agent={name}"])
    agent = OmegaConf.to_container(config.agent)
    space = space_of(OmegaConf.to_container(config.space), agent)
    assert set(space.options) <= set(agent)
    for option, value in agent.items():
        if option in space.options and value is not None:
            assert option in space.encoded(agent), f"{option} = {value} is the agent's own, and outside"
    assert instantiate(config.agent)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["agent=random"], "error: space.agent = {}: must be given"),
        (["agent=random"], "this agent has no options, so that nothing can be tuned; agents with a space"),
        (["agent=tuned_rule"], "(its options: learners); agents with a space: coursewright list spaces"),
        (
            ["agent=n_in_a_row", "space.agent.n=[1,-2]"],
            "error: space.agent.n: -2 cannot be tried (agent.n = -2",
        ),
        (
            ["agent=n_in_a_row", "space.agent.order={low: 1, high: 2}"],
            "error: space.agent.order: 1 cannot be",
        ),
        (["agent=n_in_a_row", "space.agent.m={low: 1, high: 2}"], "error: space.agent.m: no such setting"),
        (["agent=n_in_a_row", "space.agent.n={low: 0, high: 2}"], "error: space.agent.n: 0 cannot be tried"),
        (["agent=ucb", "space.agent.c=[1,2,-1]"], "error: space.agent.c: -1 cannot be tried"),
        (["agent=ucb", "space.agent.c.low=5"], "error: space.agent.c.high = 4.0: must be above low (5)"),
        (["agent=ucb", "space.task.steps=[1,2]"], "error: space.task: no such setting"),
        (["agent=ucb", "retrain=4"], "error: retrain = 4: must be a whole number from 5"),
        (["agent=ucb", "part=-1"], "error: part = -1: must be a whole number from 0"),
        (["agent=ucb", "+agent@policies.a=rnadom"], "did you mean 'random'?"),
        (["agent=ucb", "trials=0"], "error: trials = 0: must be a whole number from 1"),
        (["agent=ucb", "trails=3"], "did you mean 'trials'?"),
        (["agent=fsrs"], "error: task.days = 0: must be above 0, or task.delays given: no days pass"),
        (["agent=memrise", "task.days=1"], "error: task.features for memrise = ["),
    ],
)
def test_wrong_input_gets_one_line_and_leaves_nothing(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("tune", [*TASK, *words]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_oracle_is_not_tuned(tmp_path, capsys):
    words = [*TASK, "agent=oracle_beam", "space.agent.kss_width=[10,20]", "trials=2", "learners=10"]
    assert run("tune", [*words, "tracker=none", f"hydra.run.dir={tmp_path}/run"]) == 2
    assert "one that reads no latent state" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_tuning_without_a_setting_that_can_be_used_leaves_nothing(tmp_path, capsys):
    words = [*TASK, "task.features=[goal]", "agent=leitner", "trials=2", "learners=10", "workers=1"]
    assert run("tune", [*words, f"hydra.run.dir={tmp_path}/run"]) == 2
    assert "task.features for leitner" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_verb_is_told_where_verbs_are_told():
    for path in ("coursewright/scripts/README.md", "docs/commands.md", ".ci/verbs"):
        assert "tune" in Path(ROOT / path).read_text(encoding="utf-8"), path
