"""`coursewright simulate`: a log that the other verbs read, and refusals before anything is taught."""

from pathlib import Path

import pandas as pd
import pytest

from coursewright.agents.bandits.linear_bandit import LinearBandit
from coursewright.data.read import LogFile
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.scripts.app import run
from coursewright.scripts.studies import kept_policy

SMALL = ["simulator=bkt_v0", "task=mastery", "task.steps=12", "learners=30"]


def test_a_log_of_ones_own_that_the_other_verbs_read(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("simulate", [*SMALL, "policy=random_legal", "to=my logs/a=b,c.parquet"]) == 0
    log = LogFile("my logs/a=b,c.parquet")()
    assert log.table.num_rows == 30 * 12
    assert len(set(log.table["propensity"].to_pylist())) == 1
    assert run("fit", ["log=file", "log.path=my logs/a=b,c.parquet", "model=pfa", "draws=0"]) == 0


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["to=log.csv"], "error: to = log.csv: must be a Parquet file, whose name ends in .parquet"),
        (["to=log.parquet", "policy=random_leagl"], "did you mean 'random_legal'?"),
        (["to=log.parquet", "policy=ppo"], "(coursewright train agent=ppo)"),
        (["to=log.parquet", "policy=lin_ucb"], "(coursewright train agent=lin_ucb)"),
        (["to=log.parquet", "policy=."], "error: policy = .: must be the folder of a finished training"),
        (["to=log.parquet", "learners=0"], "error: learners = 0: must be a whole number from 1"),
        (["to=log.parquet", "split=test"], "error: split = 'test'"),
        ([], "error: to: must be given, as to=... (the new Parquet file, such as log.parquet; "),
    ],
)
def test_what_is_refused_in_a_line(given, line, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("simulate", [*SMALL, *given]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_bandit_that_learned_across_learners_teaches_from_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    task = ["simulator=kss_cseal18", "task=kss", "task.steps=8"]
    words = ["agent=lin_ucb", "agent.learners=60", "agent.batch=20", "learners=20", "tracker=none"]
    assert run("train", [*task, *words, "hydra.run.dir=bandit"]) == 0
    for number, policy in enumerate(("bandit", "bandit/policy.json")):
        assert run("simulate", [*task, "learners=30", f"policy={policy}", f"to={number}.parquet"]) == 0
    folder, file = (pd.read_parquet(f"{number}.parquet") for number in range(2))
    pd.testing.assert_frame_equal(folder, file)
    given = kss(steps=8)
    policy = LinearBandit(learners=60, batch=20).load("bandit/policy.json", given)
    taught = rollout(given, kept_policy(Path("bandit"), given), 30)
    assert (taught.item == rollout(given, policy, 30).item).all()
    capsys.readouterr()
    assert run("simulate", ["simulator=kt6kc", "task=mastery", "policy=bandit", "to=x.parquet"]) == 2
    assert "was made for another course" in capsys.readouterr().err
    Path("alone.json").write_text(Path("bandit/policy.json").read_text())
    assert run("simulate", [*task, "policy=alone.json", "to=x.parquet"]) == 2
    assert "it lacks config.yaml" in capsys.readouterr().err
    assert run("export", ["run=bandit", "whole=false", "to=x.onnx"]) == 2
    assert "lin_ucb leaves policy.json" in capsys.readouterr().err
