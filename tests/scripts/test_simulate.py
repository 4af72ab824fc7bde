"""`coursewright simulate`: a log that the other verbs read, and refusals before anything is taught."""

import pytest

from coursewright.data.read import LogFile
from coursewright.scripts.app import run

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
        (["to=log.csv"], "error: to = log.csv: must be a file whose name ends in .parquet"),
        (["to=log.parquet", "policy=random_leagl"], "did you mean 'random_legal'?"),
        (["to=log.parquet", "policy=ppo"], "(coursewright train agent=ppo)"),
        (["to=log.parquet", "policy=."], "error: policy = .: must be the folder of a finished training"),
        (["to=log.parquet", "learners=0"], "error: learners = 0: must be a whole number from 1"),
        (["to=log.parquet", "split=test"], "error: split = 'test'"),
        ([], "error: to = ???: must be given (to=...)"),
    ],
)
def test_what_is_refused_in_a_line(given, line, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("simulate", [*SMALL, *given]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
