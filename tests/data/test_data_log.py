"""The learner-log schema: accepted and refused logs, and the round trip through files."""

import gzip
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coursewright.data.log import codes, in_order, learner_log, sorted_ids
from coursewright.data.read import LogFile, read_log, write_log
from coursewright.data.schema import OPTIONAL, REQUIRED, as_schema
from coursewright.data.synthetic import LEARN, PRIOR, SKILLS, simulate_log, synthetic_log
from coursewright.errors import InputError
from coursewright.files import write_atomically

ROWS = {
    "learner": ["b", "a", "b", "a"],
    "item": ["i1", "i1", "i2", "i3"],
    "skills": [["x"], ["x"], ["x", "y"], ["y"]],
    "time": [1.0, 0.25, 0.5, 0.25],
    "correct": [1, 0, -1, 1],
}


def table(**changes):
    return pa.table({**ROWS, **changes})


def refusal(rows):
    with pytest.raises(InputError) as caught:
        as_schema(rows)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_valid_table_gets_the_schema_types():
    typed = as_schema(table())
    assert typed.schema.equals(REQUIRED)
    assert typed["correct"].to_pylist() == ROWS["correct"]


def test_optional_columns_may_hold_nulls_and_others_are_left_out():
    grade, extra = [0.5, None, 1.0, 0.0], ["a@b.c"] * 4
    typed = as_schema(table(grade=grade, propensity=[0.5] * 4, allowed=[["i1"]] * 4, email=extra))
    assert typed.column_names == [*REQUIRED.names, "grade", "allowed", "propensity"]
    assert typed["grade"].to_pylist() == grade
    assert typed.schema.field("propensity").type == OPTIONAL.field("propensity").type


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"time": [1.0, float("nan"), 0.5, 0.2]}, ["log.time[row 2]", "nan", "0 to 100,000"]),
        ({"time": [1.0, 0.0, -0.5, 0.2]}, ["log.time[row 3]", "-0.5", "0 to 100,000"]),
        ({"time": [1.0, 0.0, float("inf"), 0.2]}, ["log.time[row 3]", "inf"]),
        ({"time": [1.5e9, 1.5e9, 1.5e9, 1.5e9]}, ["log.time[row 1]", "days, not seconds"]),
        ({"time": [1.0, None, 0.5, 0.2]}, ["log.time[row 2]", "null", "every row"]),
        ({"time": ["soon"] * 4}, ["log.time", "string", "double"]),
        ({"correct": [1, 0, 2, 1]}, ["log.correct[row 3]", "= 2", "1, 0 or -1"]),
        ({"correct": [1.0, 0.5, 0.0, 1.0]}, ["log.correct", "0.5", "1, 0 or -1"]),
        ({"correct": ["yes", "no", "no", "no"]}, ["log.correct", "string", "1, 0 or -1"]),
        ({"learner": [None, "a", "b", "a"]}, ["log.learner[row 1]", "null"]),
        ({"skills": [["x"], [], ["y"], ["y"]]}, ["log.skills[row 2]", "at least one skill"]),
        ({"skills": [["x"], [None], ["y"], ["y"]]}, ["log.skills", "null"]),
        ({"skills": [1, 2, 3, 4]}, ["log.skills", "int64", "list<"]),
        ({"propensity": [0.5, 0.0, 1.0, 1.0]}, ["log.propensity[row 2]", "(0, 1]"]),
        ({"grade": [0.5, 1.5, 1.0, 1.0]}, ["log.grade[row 2]", "1.5", "[0, 1]"]),
        ({"minutes": [0.5, -1.0, 1.0, 1.0]}, ["log.minutes[row 2]", "-1.0"]),
        ({"propencity": [0.5] * 4}, ["propencity", "did you mean 'propensity'"]),
    ],
)
def test_each_fault_gets_one_line_that_names_field_value_and_range(changes, parts):
    message = refusal(table(**changes))
    for part in parts:
        assert part in message


def test_missing_doubled_and_empty():
    assert "without time" in refusal(table().drop_columns(["time"]))
    assert "'corect' looks like it" in refusal(table().rename_columns([*REQUIRED.names[:4], "corect"]))
    assert "item twice" in refusal(table().append_column("item", pa.array(["i"] * 4)))
    assert "0 rows" in refusal(table().slice(0, 0))


def test_order_is_stable_and_counts_rows_that_went_backwards():
    ordered, backwards, *_ = in_order(as_schema(table()))
    assert backwards == 1
    assert ordered["learner"].to_pylist() == ["a", "a", "b", "b"]
    assert ordered["item"].to_pylist() == ["i1", "i3", "i2", "i1"]  # equal times keep the file's order


def test_numeric_ids_sort_as_numbers():
    assert sorted_ids(["10", "9", "1"]) == ["1", "9", "10"]
    assert sorted_ids(["10", "9", "a"]) == ["10", "9", "a"]
    chunks = pa.chunked_array([["10", "9"], ["1", "10"]])
    numbers, names = codes(chunks)
    assert numbers.tolist() == [2, 1, 0, 2]
    assert names == ("1", "9", "10")


@pytest.mark.parametrize("name", ["log.parquet", "log.csv", "log.csv.gz"])
def test_round_trip(tmp_path, name):
    full = as_schema(
        table(grade=[0.5, None, 1.0, 0.0], assisted=[True, None, False, True], allowed=[["i1", "i2"]] * 4)
    )
    write_log(tmp_path / name, full)
    again = read_log(tmp_path / name)
    assert again.table.equals(in_order(full)[0])
    assert again.reordered == 1
    assert os.listdir(tmp_path) == [name]


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("\ufefflearner,item,skills,time,correct\n007,01,1;2,0,1\n7,1,1,0,0\n", encoding="utf-8")
    log = read_log(path)
    assert log.n_learners == 2
    assert log.table["item"].to_pylist() == ["1", "01"] or log.table["item"].to_pylist() == ["01", "1"]
    assert ["1", "2"] in log.table["skills"].to_pylist()


@pytest.mark.parametrize(
    "times", ["2020-01-01T12:00:00Z,2020-01-02", "2020-01-01 12:00:00,2020-01-02 00:00:00", "18262.5,18263"]
)
def test_times_are_days_or_iso_timestamps(tmp_path, times):
    first, second = times.split(",")
    path = tmp_path / "log.csv"
    path.write_text(f"learner,item,skills,time,correct\na,i,k,{first},1\na,i,k,{second},0\n")
    assert read_log(path).table["time"].to_pylist() == [18262.5, 18263.0]


def test_own_column_names(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("who,item,kc,time,right\n1,i,k,0,1\n2,i,k;m,1,0\n")
    log = LogFile(path, columns={"learner": "who", "skills": "kc", "correct": "right"})()
    assert log.table["correct"].to_pylist() == [1, 0]
    assert log.table["skills"].to_pylist() == [["k"], ["k", "m"]]
    with pytest.raises(InputError, match=r"log\.columns\.learner = whom"):
        LogFile(path, columns={"learner": "whom"})()


def test_unreadable_files_are_named(tmp_path):
    write_log(tmp_path / "whole.parquet", table())
    write_log(tmp_path / "whole.csv.gz", table())
    cut = {}
    for name in ("whole.parquet", "whole.csv.gz"):
        whole = (tmp_path / name).read_bytes()
        cut[name] = tmp_path / f"cut-{name}"
        cut[name].write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.csv").write_text("")
    for path in (*cut.values(), tmp_path / "empty.csv"):
        with pytest.raises(InputError, match=rf"log\.path = .*{path.name}: cannot be read") as caught:
            read_log(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_log(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match=r"must be a file ending in \.parquet"):
        read_log(tmp_path / "log.xlsx")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_doubled_columns_in_a_file(tmp_path, kind):
    path = tmp_path / f"log.{kind}"
    doubled = table(skills=["x"] * 4).append_column("item", pa.array(["i"] * 4))
    if kind == "csv":
        path.write_text("learner,item,skills,time,correct,item\na,i,k,0,1,i\n")
    else:
        pq.write_table(doubled, path)
    with pytest.raises(InputError, match="item"):
        read_log(path)


def test_csv_refuses_names_with_the_separator(tmp_path):
    with pytest.raises(InputError, match=r"log\.skills = a name with ';'"):
        write_log(tmp_path / "log.csv", table(skills=[["a;b"]] * 4))
    assert not list(tmp_path.iterdir())


def test_a_failing_writer_leaves_nothing_and_keeps_the_old_file(tmp_path):
    def full_disk(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "deep" / "table.csv"
    with pytest.raises(InputError, match=r"^/.*table\.csv: cannot be written \(No space left"):
        write_atomically(path, full_disk)
    assert not list(path.parent.iterdir())

    write_atomically(path, lambda part: part.write_text("old"))

    def broken(part):
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, broken)
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]
    assert path.read_text() == "old"


def test_an_output_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_log(tmp_path / "file" / "log.parquet", table())


def test_the_same_log_is_the_same_gzip_bytes(tmp_path):
    write_log(tmp_path / "a.csv.gz", table())
    write_log(tmp_path / "b.csv.gz", table())
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b'"learner"')


def test_the_shipped_log_is_what_its_code_makes():
    shipped = synthetic_log()
    assert shipped.table.equals(learner_log(simulate_log(), "").table)
    assert shipped.n_learners == 300
    assert "MIT" in shipped.licence


def test_simulated_learners_know_and_learn_at_the_stated_rates():
    rows = simulate_log(n_learners=4000, opportunities=2, seed=1)
    first = rows.filter(pa.array(np.asarray(rows["time"]) < 1.0))
    skills = np.array([skill for (skill,) in first["skills"].to_pylist()])
    for k, name in enumerate(SKILLS):
        known = PRIOR[k]
        assert 0.0 < LEARN[k] < 1.0
        expected = (
            known * (1 - (0.08, 0.10, 0.12, 0.10, 0.15)[k]) + (1 - known) * (0.25, 0.2, 0.15, 0.2, 0.1)[k]
        )
        share = np.asarray(first["correct"])[skills == name].mean()
        assert abs(share - expected) < 4 * np.sqrt(0.25 / 4000)
    with pytest.raises(InputError, match="n_learners"):
        simulate_log(n_learners=0)
