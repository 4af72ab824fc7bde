"""Any table with a header, mapped to the schema by a few lines of YAML."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

import coursewright
from coursewright.data.read import LogFile, read_log
from coursewright.errors import InputError

TABLE = """pupil\texercise\tdone\tverdict\tseconds\thelp\tcorrect
7\ta+b\t1577880000000\tRIGHT\t30\tyes\tnot this one
7\ta\t1577836800000\twrong\t-1\tno\tnor this
8\t\t1577836800000\tShown\t6\t\t
8\ta\t\tSHOWN\t6\t\t
"""
COLUMNS = {"learner": "pupil", "item": "exercise", "skills": "exercise", "time": "done", "correct": "verdict"}
OPTIONS = {
    "columns": COLUMNS | {"minutes": "seconds", "assisted": "help"},
    "values": {"correct": {"right": 1, "wrong": 0, "shown": -1}, "assisted": {"yes": True, "no": False}},
    "unit": "ms",
    "spent": "s",
    "between": "+",
    "skip_incomplete": True,
}


def file(path, text=TABLE, name="log.tsv"):
    (path / name).write_text(text)
    return path / name


def check(log):
    assert log.table["learner"].to_pylist() == ["7", "7"]
    assert log.table["item"].to_pylist() == ["a", "a+b"]
    assert log.table["skills"].to_pylist() == [["a"], ["a", "b"]]
    assert log.table["time"].to_pylist() == [18262.0, 18262.5]
    assert log.table["correct"].to_pylist() == [0, 1]
    assert log.table["minutes"].to_pylist() == [None, 0.5]
    assert log.table["assisted"].to_pylist() == [False, True]
    assert log.dropped == {"no item; 1 learner is gone with them": 1, "no time": 1}


def test_columns_values_units_and_separators(tmp_path):
    check(LogFile(file(tmp_path), **OPTIONS)())


def test_the_same_from_yaml(tmp_path):
    shipped = OmegaConf.load(Path(coursewright.__file__).parent / "configs" / "log" / "mapped.yaml")
    own = OmegaConf.create(
        """
        columns: {learner: pupil, item: exercise, skills: exercise, time: done, correct: verdict,
                  minutes: seconds, assisted: help}
        values:
          correct: {right: 1, WRONG: 0, shown: -1}
          assisted: {yes: true, no: false}
        unit: ms
        spent: s
        between: +
        skip_incomplete: true
        """
    )
    check(instantiate(OmegaConf.merge(shipped, own, {"path": str(file(tmp_path))}))())


def test_constants_and_columns_that_are_put_aside(tmp_path):
    text = "learner,item,time,correct\nu,1,0.5,1\nu,2,1,0\n"
    log = LogFile(file(tmp_path, text, "log.csv"), constants={"skills": "algebra;sets"})()
    assert log.table["skills"].to_pylist() == [["algebra", "sets"]] * 2
    with pytest.raises(InputError, match="without skills"):
        read_log(tmp_path / "log.csv")
    with pytest.raises(InputError, match="without skills, time"):
        LogFile(tmp_path / "log.csv", columns={"time": None})()


def test_typed_columns_of_parquet(tmp_path):
    rows = {
        "who": [1, 2],
        "item": [10, 11],
        "kc": ["a;b", "b"],
        "t": [43_200.0, 86_400.0],
        "ok": [True, False],
    }
    pq.write_table(pa.table(rows | {"spent": [60_000, 0]}), tmp_path / "log.parquet")
    names = {"learner": "who", "skills": "kc", "time": "t", "correct": "ok", "minutes": "spent"}
    log = LogFile(tmp_path / "log.parquet", columns=names, unit="s", spent="ms")()
    assert log.table["time"].to_pylist() == [0.5, 1.0]
    assert log.table["skills"].to_pylist() == [["a", "b"], ["b"]]
    assert log.table["correct"].to_pylist() == [1, 0]
    assert log.table["minutes"].to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"columns": {"learners": "pupil"}}, ["log.columns", "'learners'", "did you mean 'learner'"]),
        ({"columns": {"learner": "student"}}, ["log.columns.learner = student", "pupil, exercise"]),
        ({"constants": {"skill": "x"}}, ["log.constants", "did you mean 'skills'"]),
        ({"values": {"answer": {}}}, ["log.values", "'answer'"]),
        ({"values": {"correct": {"right": 1}}}, ["log.correct", "'wrong'", "one of RIGHT"]),
        ({"unit": "weeks"}, ["log.unit = weeks", "ms"]),
        ({"spent": "weeks"}, ["log.spent", "'weeks'"]),
        ({"unit": "s"}, ["log.time", "0 to 100,000"]),
        ({"unit": "iso"}, ["log.time", "'1577880000000'", "ISO 8601"]),
        ({"skip_incomplete": False}, ["log.item[row 3]", "null"]),
    ],
)
def test_each_fault_gets_one_line(tmp_path, changes, parts):
    with pytest.raises(InputError) as caught:
        LogFile(file(tmp_path), **(OPTIONS | changes))()
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message


MORE = "pupil,exercise,topic,done,verdict,assistmentId,minuts\nu,1,a,0.5,1,77,3\nu,2,a,1,0,78,3\n"


def test_columns_that_nobody_mapped_stay_behind(tmp_path):
    names = {"learner": "pupil", "item": "exercise", "skills": "topic", "time": "done", "correct": "verdict"}
    log = LogFile(file(tmp_path, MORE, "log.csv"), columns=names)()
    assert log.table.column_names == list(names)
    own = MORE.replace("pupil,exercise,topic,done,verdict", ",".join(names))
    with pytest.raises(InputError, match="'minuts'"):  # the names of a file in our own form may be misspelt
        read_log(file(tmp_path, own.replace("assistmentId", "x"), "own.csv"))
