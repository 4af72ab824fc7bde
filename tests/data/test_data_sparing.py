"""Logs without times, or without skills, for what goes by answers alone; and numbers that only count."""

import pytest

from coursewright.data.read import LogFile
from coursewright.data.sparing import answers_alone
from coursewright.errors import InputError

ROWS = [("x", "a1", "1"), ("y", "b1", "0"), ("x", "b1", "0"), ("y", "a1", "1")]


def written(path, header, rows):
    path.write_text("\n".join(",".join(cells) for cells in [header, *rows]) + "\n")
    return str(path)


def test_order_alone_will_do_and_is_said(tmp_path):
    path = written(tmp_path / "answers.csv", ("learner", "item", "correct"), ROWS)
    file, told = answers_alone(LogFile(path))
    log = file()
    assert not log.timed
    columns = log.table.to_pydict()
    assert list(zip(columns["learner"], columns["item"], columns["correct"], strict=True)) == [
        ("x", "a1", 1),
        ("x", "b1", 0),
        ("y", "b1", 0),
        ("y", "a1", 1),
    ]
    assert [line.partition(":")[0] for line in told] == ["no column of times"]


def test_times_are_read_and_skills_are_not(tmp_path):
    header = ("learner", "item", "correct", "time", "skills")
    rows = [(*row, str(n), "s" if n else "") for n, row in enumerate(ROWS)]
    path = written(tmp_path / "answers.csv", header, rows)
    file, told = answers_alone(LogFile(path))
    log = file()
    assert told == []
    assert log.timed
    assert log.table["time"].to_pylist() == [0.0, 2.0, 1.0, 3.0]
    with pytest.raises(InputError, match=r"log.skills\[row 1\] = null"):
        LogFile(path)()


@pytest.mark.parametrize(
    ("header", "columns", "said"),
    [
        (("learner", "item", "correct", "timestamp"), {}, "has no time, and 'timestamp' looks like it"),
        (("learner", "item", "correct", "times"), {}, "log=mapped log.columns.time=times reads it so"),
        (("learner", "task", "correct", "x"), {}, "without item"),
        (("learner", "item", "correct", "x"), {"time": "when"}, "log.columns.time = when: must be a column"),
        (("learner", "item", "correct", "x"), {"correct": "right"}, "log.columns.correct = right"),
    ],
)
def test_a_column_that_may_be_it_is_asked_for(tmp_path, header, columns, said):
    path = written(tmp_path / "answers.csv", header, [(*row, "1") for row in ROWS])
    with pytest.raises(InputError, match=said):
        answers_alone(LogFile(path, columns=columns))


def test_what_is_said_to_be_none_of_it_is_not_asked_for(tmp_path):
    path = written(
        tmp_path / "answers.csv", ("learner", "item", "correct", "times"), [(*r, "1") for r in ROWS]
    )
    wrong = {"skills": {"sums": "adding"}}
    file, told = answers_alone(LogFile(path, columns={"time": None, "skills": "none"}, values=wrong))
    assert len(told) == 1
    assert file().table.num_rows == 4


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_numbers_that_count_give_the_order_and_no_days(tmp_path, suffix):
    path = tmp_path / f"answers.{suffix}"
    turns = ["90071992547", "7", "90071992546", "3"]
    rows = [(*row, "s", turn) for row, turn in zip(ROWS, turns, strict=True)]
    written(tmp_path / "answers.csv", ("learner", "item", "correct", "skills", "turn"), rows)
    if suffix == "parquet":
        import pyarrow.csv
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.csv.read_csv(tmp_path / "answers.csv"), path)
    log = LogFile(str(path), columns={"time": "turn"}, unit="order")()
    assert not log.timed
    assert log.table["item"].to_pylist() == ["b1", "a1", "a1", "b1"]
    with pytest.raises(InputError, match="from 0 to 100,000"):
        LogFile(str(path), columns={"time": "turn"})()


def test_an_order_below_zero_is_refused(tmp_path):
    path = written(
        tmp_path / "a.csv", ("learner", "item", "correct", "skills", "time"), [("x", "a", "1", "s", "-1")]
    )
    with pytest.raises(InputError, match=r"log.time\[row 1\] = '-1': must be a number from 0 on"):
        LogFile(path, unit="order")()
