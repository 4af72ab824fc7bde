"""Logs on disk: the same rows as in memory, whole learners at a time; a failure leaves nothing behind."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import large_log
from coursewright.data import compact, stream
from coursewright.data.compact import by_skill, read_stored
from coursewright.data.log import codes, in_memory
from coursewright.data.read import LogFile
from coursewright.data.schema import SCHEMA
from coursewright.data.stream import iterate, open_stored, store
from coursewright.data.synthetic import synthetic_log
from coursewright.errors import InputError
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.held_out import held_out, plan
from small_logs import coded


def rows(n=5_000, learners=83, seed=0):
    """Batches of rows in no order, some of several skills, with an optional column that has gaps."""
    rng = np.random.default_rng(seed)
    grade = rng.random(n).round(2)
    table = pa.table(
        {
            "learner": [str(k) for k in rng.integers(learners, size=n)],
            "item": [f"i{k}" for k in rng.integers(40, size=n)],
            "skills": [[f"s{k}" for k in rng.choice(9, rng.integers(1, 4), replace=False)] for _ in range(n)],
            "time": rng.integers(100, size=n) / 4.0,
            "correct": rng.integers(-1, 2, size=n),
            "grade": [None if value < 0.2 else value for value in grade],
            "assisted": rng.random(n) < 0.5,
        }
    )
    return [table.slice(at, 700) for at in range(0, n, 700)]


def stored(path, batches, **options):
    return store(iter(batches), "made up", "none", {"no skill": 3}, folder=path / "log", **options)


def decoded(table, like):
    return table.cast(like.schema)


@pytest.mark.parametrize("parts", [1, 7, 200])
def test_what_is_read_back_is_what_memory_would_hold(tmp_path, monkeypatch, parts):
    monkeypatch.setattr(stream, "WAITING", 50_000)  # several flushes
    monkeypatch.setattr(stream, "ROWS", 256)
    batches = rows()
    whole = in_memory(batches, "made up", "none", {"no skill": 3})
    kept = stored(tmp_path, batches, parts=parts)
    assert (kept.rows, kept.learners) == (5_000, whole.n_learners)
    assert kept.reordered == whole.reordered > 0
    again = read_stored(tmp_path / "log")
    assert decoded(again.table, whole.table).equals(whole.table)
    assert (again.source, again.licence, again.dropped) == ("made up", "none", {"no skill": 3})
    assert again.n_learners == whole.n_learners
    assert again.summary == whole.summary == kept.summary
    assert sorted(os.listdir(tmp_path)) == ["log"]


def test_sequences_need_no_text(tmp_path):
    batches = rows()
    stored(tmp_path, batches, parts=5)
    from_text = Sequences.of(coded(in_memory(batches, "", "", {}).table))
    compact = read_stored(tmp_path / "log").table
    from_codes = Sequences.of(coded(compact))
    assert from_codes.skills == from_text.skills
    assert from_codes.learners == from_text.learners
    for name in ("first", "start", "learner", "correct", "row"):
        assert (getattr(from_codes, name) == getattr(from_text, name)).all()
    assert compact.schema.field("learner").type == pa.dictionary(pa.int32(), pa.string())
    assert compact["skills"].type.value_type == pa.dictionary(pa.int32(), pa.string())
    assert codes(compact["learner"])[1] == from_text.learners


@pytest.mark.parametrize("at_once", [1, 20, 1_000])
def test_the_answers_to_each_skill(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(compact, "AT_ONCE", at_once)
    batches = rows()
    stored(tmp_path, batches, parts=5)
    found = by_skill(tmp_path / "log")
    whole = Sequences.of(coded(in_memory(batches, "", "", {}).table))

    def answers(of):
        """(skill, learner) -> answers in order, written out one by one."""
        return {
            (of.skills[k], of.learners[of.learner[s]]): of.correct[of.start[s] : of.start[s + 1]].tolist()
            for k in range(len(of.skills))
            for s in range(of.first[k], of.first[k + 1])
        }

    assert found.skills == whole.skills
    assert answers(found) == answers(whole)
    assert (found.first == whole.first).all()
    numbers = [found.learner[a:b] for a, b in zip(found.first[:-1], found.first[1:], strict=True)]
    assert all((np.diff(learner) > 0).all() for learner in numbers)
    assert {array.dtype for array in (found.first, found.start, found.learner)} == {np.dtype(np.int64)}
    assert found.correct.dtype == np.int8


@pytest.mark.parametrize("learners", [1, 10, 83, 1_000])
def test_whole_learners_in_order(tmp_path, monkeypatch, learners):
    monkeypatch.setattr(stream, "ROWS", 100)  # shorter than some learners, so that they span row groups
    stored(tmp_path, rows(), parts=4)
    tables = list(iterate(tmp_path / "log", learners))
    counts = [len(pc.unique(table["learner"])) for table in tables]
    assert counts[:-1] == [learners] * (83 // learners - (83 % learners == 0))
    assert sum(counts) == 83  # so no learner is in two tables
    whole = pa.concat_tables(tables)
    names = whole["learner"].to_numpy()
    assert len(stream.changes(whole["learner"])) + 1 == 83  # whole, one after the other
    gaps = np.diff(whole["time"].to_numpy())[names[1:] == names[:-1]]
    assert gaps.min() == 0.0
    assert whole.num_rows == 5_000


def test_a_part_holds_whole_learners_and_depends_on_names_alone(tmp_path):
    kept = stored(tmp_path, rows(), parts=3)
    homes = [set(pa.parquet.read_table(part)["learner"].to_pylist()) for part in kept.parts]
    assert sum(len(home) for home in homes) == len(set.union(*homes)) == 83
    other = store(reversed(rows()), "", "", {}, folder=tmp_path / "other", parts=3)
    assert [set(pa.parquet.read_table(part)["learner"].to_pylist()) for part in other.parts] == homes


def test_faults_name_the_row_of_the_whole_log_and_leave_nothing(tmp_path):
    batches = rows()
    wrong = batches[2].set_column(4, "correct", pa.array([1] * 10 + [2] + [0] * 689))
    with pytest.raises(InputError, match=r"log\.correct\[row 1411\] = 2"):
        stored(tmp_path, [*batches[:2], wrong, *batches[3:]])
    with pytest.raises(InputError, match=r"0 rows \(3 dropped: no skill\)"):
        stored(tmp_path, [batches[0].slice(0, 0)])
    with pytest.raises(InputError, match="parts = 0: must be from 1 to 1,000"):
        stored(tmp_path, batches, parts=0)

    def broken():
        yield batches[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(tmp_path, broken())
    assert not os.listdir(tmp_path)
    (tmp_path / "log").mkdir()
    with pytest.raises(InputError, match="exists; name a new folder"):
        stored(tmp_path, batches)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        store(iter(batches), "", "", {}, folder=tmp_path / "file" / "log")


def test_a_folder_that_is_no_log_or_not_all_of_one(tmp_path):
    with pytest.raises(InputError, match="is no stored log; `coursewright import` makes one"):
        open_stored(tmp_path)
    kept = stored(tmp_path, rows(), parts=3)
    with pytest.raises(InputError, match="learners = 0"):
        next(iterate(kept.path, 0))
    whole = kept.parts[1].read_bytes()
    kept.parts[1].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is no stored log"):
        open_stored(kept.path)
    kept.parts[1].unlink()
    with pytest.raises(InputError, match="of the 5,000 rows"):
        read_stored(kept.path)
    facts = json.loads((kept.path / "log.json").read_text())
    (kept.path / "log.json").write_text(json.dumps(facts | {"pages": 1}))
    with pytest.raises(InputError, match="is no stored log"):
        open_stored(kept.path)


def run(*arguments, cwd):
    command = [sys.executable, "-m", "coursewright", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_the_import_command(tmp_path):
    text = "user_id,item,skills,time,correct\nu,i,k,1,1\nu,i,k,0,0\nv,,k,0,0\n"
    (tmp_path / "log.csv").write_text(text)
    arguments = ["import", "log.path=log.csv", "log.columns.learner=user_id", "to=kept", "parts=2"]
    done = run(*arguments, "log.skip_incomplete=true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = "2 rows of 1 learners; 1 followed a later row of the same learner; dropped: 1\n  1: no item"
    assert said in done.stdout
    assert read_stored(tmp_path / "kept").table["correct"].to_pylist() == [0, 1]
    again = run(*arguments, cwd=tmp_path)
    assert (again.returncode, again.stderr.strip()) == (
        2,
        "error: to = kept: exists; name a new folder, or remove that one",
    )


def test_the_shipped_log_goes_the_same_way(tmp_path):
    synthetic_log(into=partial(store, folder=tmp_path / "log"))
    table = synthetic_log().table
    assert decoded(read_stored(tmp_path / "log").table, table).equals(table)


def test_what_scores_a_log_takes_one_without_text(tmp_path):
    synthetic_log(into=partial(store, folder=tmp_path / "log"))
    logs = [coded(of.table) for of in (read_stored(tmp_path / "log"), synthetic_log())]
    compact, text = (held_out(log, ItemDifficultyModel(), plan(log).folds) for log in logs)
    assert compact.n_learners == text.n_learners == 300
    assert (compact.p == text.p).all()


@pytest.mark.parametrize("empty", ["grade", "minutes", "assisted", "allowed", "propensity"])
def test_a_column_that_is_empty_throughout(tmp_path, empty):
    table = pa.concat_tables(rows(300, 9)).drop_columns(["grade", "assisted"])
    kind = SCHEMA.field(empty).type
    table = table.append_column(empty, pa.nulls(table.num_rows, kind))
    whole = in_memory([table], "", None, {})
    stored(tmp_path, [table])
    found, expected = Coded.of(read_stored(tmp_path / "log")), Coded.of(whole)
    for name in ("learner", "item", "day", "correct", "grade", "minutes", "assisted"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_times_that_are_made_up_stay_so(tmp_path):
    once = [table.set_column(3, "time", pa.repeat(2.0, table.num_rows)) for table in rows(200, 5)]
    for name, tables, timed in (
        ("one", once, True),
        ("told", rows(200, 5), False),
        ("real", rows(200, 5), True),
    ):
        store(iter(tables), "", None, {}, timed, folder=tmp_path / name)
        known = name == "real"
        assert read_stored(tmp_path / name).timed == in_memory(tables, "", None, {}, timed).timed == known
        again = read_stored(tmp_path / name, partial(store, folder=tmp_path / f"{name} again"))
        assert again.timed == known
        assert ("the log has no times" in again.summary) != known


def test_a_file_is_read_in_batches(tmp_path, monkeypatch):
    # Several batches, and a batch in the middle of which the file breaks off.
    monkeypatch.setattr("coursewright.data.delimited.BLOCK", 4_000)
    lines = [f"{k % 7},i{k % 5},k,{k / 1000},{k % 2}" for k in range(3_000)]
    (tmp_path / "log.csv").write_text("learner,item,skills,time,correct\n" + "\n".join(lines) + "\n")
    seen = []

    def watching(tables, source, licence, dropped):
        def passed():
            for table in tables:
                seen.append(table.num_rows)
                yield table

        return in_memory(passed(), source, licence, dropped)

    assert LogFile(tmp_path / "log.csv")(watching).table.num_rows == 3_000
    assert len(seen) > 5
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,i,k\n")
    with pytest.raises(InputError, match=r"cannot be read \(.*Expected 5 columns, got 3"):
        LogFile(tmp_path / "log.csv")(partial(store, folder=tmp_path / "log"))
    assert os.listdir(tmp_path) == ["log.csv"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path):
    peaks = {}
    for n_rows in (1_000_000, 4_000_000):
        folder = tmp_path / str(n_rows)
        folder.mkdir()
        found = {name: large_log.measured(name, folder, n_rows) for name in ("make", "convert", "walk")}
        assert found["convert"]["rows"] == found["walk"]["rows"] == n_rows
        peaks[n_rows] = {name: found[name]["peak_mb"] for name in ("convert", "walk")}
        shutil.rmtree(folder)
    # Rows that wait for their turn are bounded, so four times the rows take a few hundred MB more at most.
    assert peaks[4_000_000]["convert"] < 1_000
    assert peaks[4_000_000]["walk"] < peaks[1_000_000]["walk"] + 100


KILLED = """
import os, signal, sys
import pyarrow as pa
from coursewright.data.stream import store

def tables():
    columns = {"learner": ["p1"], "item": ["a"], "skills": [["s"]], "time": [0.0], "correct": [1]}
    yield pa.table(columns)
    os.kill(os.getpid(), signal.SIGKILL)

import coursewright.data.stream as stream
stream.WAITING = 0  # so that the row is on disk
store(tables(), "", None, {}, folder="first")
"""


@pytest.mark.skipif(os.name == "nt", reason="ends a process by a signal")
def test_what_a_killed_import_leaves_is_private_and_goes_with_the_next(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".part"
    assert left.stat().st_mode & 0o777 == 0o700
    rows = list(left.iterdir())
    assert rows
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in rows)
    synthetic_log(into=partial(store, folder=tmp_path / "second"))
    assert [path.name for path in tmp_path.iterdir()] == ["second"]
    stored = [tmp_path / "second", *(tmp_path / "second").glob("*.parquet")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in stored)


def test_the_licence_is_stored_with_the_log(tmp_path):
    synthetic_log("for this class only", partial(store, folder=tmp_path / "one"))
    assert read_stored(tmp_path / "one").licence == "for this class only"
    assert read_stored(tmp_path / "one", licence="CC BY 4.0").licence == "CC BY 4.0"
    synthetic_log(None, partial(store, folder=tmp_path / "two"))
    assert read_stored(tmp_path / "two").licence is None
