"""The comparison of two benches: what counts as the same row, and what as faster."""

import pytest

from agent_contract import names
from bench_against import RENAMED, main, speeds, table
from speed import rules
from speed.measuring import Row

NONE = float("nan")


def test_rows_meet_by_name_and_seconds_count_inversely() -> None:
    was, now = next(iter(RENAMED.items()))
    then = speeds([Row(was, "9 steps/s", 4.0, ""), Row("help", "0.200 s", NONE, "< 1 s")])
    assert then == {now: 4.0, "help": 5.0}
    assert speeds([Row("deck", "1,600 M card-days/s", NONE, "")]) == {"deck": 1600.0}


def test_the_median_over_rounds_is_printed_with_its_range_and_its_aim() -> None:
    row = "1,024 learners, best_lr / CartPole-v1"  # has an aim, of 8
    then = [{row: 2.0, "help": 5.0}] * 3
    now = [
        {row: 18.0, "help": 4.0, "fresh": 1.0},
        {row: 17.0, "help": 4.8, "fresh": 1.0},
        {row: 14.0, "help": 4.0},
    ]
    lines = table(then, now, aims=True)
    assert [line.split()[-5:] for line in lines[:1]] == [["8.500", "7.000", "9.000", ">=", "8"]]
    assert lines[1].split() == ["help", "0.800", "0.800", "0.960", "slower"]
    assert lines[2].split() == ["fresh", "new"]
    assert "missed" in table(then, [{row: 15.9}] * 3, aims=True)[0]
    assert "missed" not in table(then, [{row: 15.9}] * 3, aims=False)[0]


def test_agents_that_stand_apart_are_agents() -> None:
    assert {*rules.SCHEDULERS, *rules.PLANNERS, *rules.OTHERS} <= set(names())


@pytest.mark.parametrize("given", [["no-such-commit"], ["HEAD", "0"], ["HEAD", "1", "zoo,nothing"]])
def test_a_wrong_comparison_is_refused_in_a_line(given, capsys) -> None:
    assert main(*given) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
