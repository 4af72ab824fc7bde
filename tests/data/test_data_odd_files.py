"""Files as people have them: other separators, encodings, times and labels, and files that are no text."""

import gzip
import io
import sqlite3
import zipfile
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coursewright.data.compact import read_stored
from coursewright.data.read import LogFile, read_log
from coursewright.data.readers.anki import read_anki
from coursewright.data.stream import store
from coursewright.errors import InputError

HEAD = "learner,item,skills,time,correct\n"


def log(path, text, name="log.csv", **options):
    """The log in a file with this content."""
    content = text if isinstance(text, bytes) else text.encode()
    (path / name).write_bytes(content)
    return LogFile(path / name, **options)()


def refusal(path, text, name="log.csv", **options):
    """The one line of its refusal, of plain letters."""
    with pytest.raises(InputError) as caught:
        log(path, text, name, **options)
    line = str(caught.value)
    assert line.isprintable(), line
    return line


def rows(times, correct=None):
    given = correct or ["1", "0"] * len(times)
    return HEAD + "".join(f"u,i,k,{time},{ok}\n" for time, ok in zip(times, given, strict=False))


def database(path):
    with sqlite3.connect(path) as made:
        made.execute("create table revlog (id integer)")
    made.close()
    return path.read_bytes()


def archive():
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as made:
        made.writestr("collection.anki21", b"x" * 99)
    return whole.getvalue()


def parquet():
    whole = io.BytesIO()
    pq.write_table(pa.table({"learner": ["u"]}), whole)
    return whole.getvalue()


@pytest.mark.parametrize("reader", [read_log, read_anki])
def test_a_file_that_is_no_text_is_called_by_its_kind(tmp_path, reader):
    kinds = {
        "gzip": (gzip.compress(HEAD.encode()), "a name that ends in .gz"),
        "zip": (archive(), "as CSV"),
        "SQLite": (database(tmp_path / "made.db"), "as CSV"),
        "Parquet": (parquet(), "a name that ends in .parquet"),
        "UTF-16": (HEAD.encode("utf-16"), "log.encoding=utf-16"),
        "binary": (bytes(range(200)), "as CSV"),
    }
    for kind, (content, remedy) in kinds.items():
        (tmp_path / "log.csv").write_bytes(content)
        with pytest.raises(InputError) as caught:
            reader(tmp_path / "log.csv")
        line = str(caught.value)
        assert kind in line, line
        assert remedy in line, line
        assert line.isprintable(), line


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.csv.gz", HEAD.encode(), "is no gzip file"),
        ("log.csv.gz", gzip.compress(archive()), "is a zip archive"),
        ("log.parquet", HEAD.encode(), "is no Parquet file; text wants a name that ends in .csv"),
        ("log.parquet", gzip.compress(b"x"), "is a gzip file and no Parquet file"),
        ("log.parquet", parquet()[:40], "cannot be read"),
    ],
    ids=["text as gzip", "a zip in gzip", "text as Parquet", "gzip as Parquet", "a cut Parquet file"],
)
def test_a_name_that_promises_more_than_the_file_holds(tmp_path, name, content, said):
    assert said in refusal(tmp_path, content, name)


@pytest.mark.parametrize("separator", [";", "|", "\t", ","])
def test_the_header_tells_the_separator(tmp_path, separator):
    text = rows(["1", "2"]).replace(",", separator)
    assert log(tmp_path, text).table["time"].to_pylist() == [1.0, 2.0]
    assert log(tmp_path, text, separator=separator).table.num_rows == 2


def test_a_separator_of_ones_own_and_decimal_commas(tmp_path):
    text = rows(["0,5", "1,25"]).replace(HEAD, HEAD.replace(",", ";")).replace("u,i,k,", "u;i;k;")
    text = text.replace(",1\n", ";1\n").replace("25,0\n", "25;0\n")
    assert "log.decimal=','" in refusal(tmp_path, text)
    assert log(tmp_path, text, decimal=",").table["time"].to_pylist() == [0.5, 1.25]
    assert log(tmp_path, rows(["1"]).replace(",", "~"), separator="~").table.num_rows == 1
    assert "log.separator = '::': must be one character" in refusal(tmp_path, text, separator="::")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-8"])
def test_another_encoding(tmp_path, encoding):
    text = rows(["1"]).replace("k,", "Brüche,").encode(encoding)
    if encoding in ("cp1252", "latin-1"):
        assert "log.encoding=cp1252" in refusal(tmp_path, text)
    assert log(tmp_path, text, encoding=encoding).table["skills"].to_pylist() == [["Brüche"]]
    assert "log.encoding = 'klingon'" in refusal(tmp_path, text, encoding="klingon")


def test_dates_of_another_form(tmp_path):
    german = rows(["02.01.2020 06:00", "03.01.2020 12:00"])
    assert "log.time[row 1] = '02.01.2020 06:00'" in refusal(tmp_path, german)
    assert "log.time_format='%d.%m.%Y %H:%M'" in refusal(tmp_path, german)
    read = log(tmp_path, german, time_format="%d.%m.%Y %H:%M")
    assert read.table["time"].to_pylist() == [18263.25, 18264.5]
    wrong = rows(["02.01.2020 06:00", "13/01/2020"])
    assert "log.time[row 2] = '13/01/2020'" in refusal(tmp_path, wrong, time_format="%d.%m.%Y %H:%M")


@pytest.mark.parametrize("date", ["9999-12-31", "0001-01-01", "1969-12-31", "2300-01-01T00:00:00Z"])
def test_a_date_that_no_log_has_is_one_line(tmp_path, date):
    line = refusal(tmp_path, rows(["2020-01-01", date]))
    assert f"log.time[row 2] = '{date}': must be a time from 1970-01-01 to 2243" in line


@pytest.mark.parametrize(("good", "bad"), [("0.1", "soon"), ("2020-01-01", "soon"), ("0.1", "2020-01-01")])
def test_the_wrong_cell_is_named_with_its_row(tmp_path, good, bad):
    line = refusal(tmp_path, rows([good] * 6 + [bad] + [good] * 3))
    assert line.startswith(f"log.time[row 7] = {bad!r}")
    assert log(tmp_path, rows([good] * 3)).table.num_rows == 3


def test_rows_are_counted_over_batches_and_those_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("coursewright.data.delimited.BLOCK", 500)
    text = rows(["1"] * 300)
    assert "log.time[row 301] = 'x'" in refusal(tmp_path, text + "u,i,k,x,1\n")
    assert "log.correct[row 301] = 'maybe'" in refusal(tmp_path, text + "u,i,k,1,maybe\n")
    ragged = text.replace("u,i", ",i", 5)
    assert "log.skills[row 301] = []" in refusal(tmp_path, ragged + "u,i, ,1,1\n", skip_incomplete=True)


def test_labels_say_how_to_give_them_a_meaning(tmp_path):
    assert "log.values.correct.yes=1" in refusal(tmp_path, rows(["1"], ["yes"]))
    assert "log.values.correct.2=1" in refusal(tmp_path, rows(["1"], ["2"]))
    assert "'log.values.correct={so so: 1}'" in refusal(tmp_path, rows(["1"], ["so so"]))
    assert "log.values.correct.A = 'x': must be 1, 0 or -1" in refusal(
        tmp_path, rows(["1"], ["A"]), values={"correct": {"A": "x"}}
    )


def test_no_learner_is_named(tmp_path):
    line = refusal(tmp_path, rows(["1"]), values={"learner": {"anna": "a"}})
    assert line == "log.learner = a name: must be one of those that log.values.learner knows"


def moments(unit, first=datetime(2024, 3, 1, tzinfo=UTC)):
    return [str(int((first + timedelta(hours=k)).timestamp() * unit)) for k in range(3)]


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
def test_a_wrong_unit_is_told_from_the_right_one(tmp_path, unit, scale):
    text = rows(moments(scale))
    assert log(tmp_path, text, unit=unit).table["time"][0].as_py() == 19783.0
    for wrong in {None, "days", "minutes", "s", "ms", "us"} - {unit}:
        line = refusal(tmp_path, text, unit=wrong)
        assert f"log.unit={unit}" in line or f"log.unit = {wrong}: must be {unit}" in line


def test_times_to_come_and_times_since_a_start(tmp_path):
    text = rows(moments(1, datetime(2090, 1, 1, tzinfo=UTC)))
    assert "ends on 2090-01-01, which is to come" in refusal(tmp_path, text, unit="s")
    since_the_start = log(tmp_path, rows(["0", "3600", "86400"]), unit="s")
    assert since_the_start.table["time"].to_pylist() == [0.0, 1 / 24, 1.0]


def test_missing_entries_and_blank_lines(tmp_path):
    text = rows(["1", r"\N", "#N/A", "N/A", "2"]) + "\n   \n\n"
    assert log(tmp_path, text, skip_incomplete=True).dropped == {"no time": 3}
    assert "log.skip_incomplete=true" in refusal(tmp_path, text)


def test_learners_of_whom_nothing_is_left_are_counted(tmp_path):
    """v and w lack all they have; u and x have other rows, x in a later one; one row has no learner."""
    lacking = "v,i,k,,1\nv,i,k,1,\nw,i,k,1,\nx,i,k,,1\n,i,k,1,1\nx,i,k,1,1\n"
    read = log(tmp_path, rows(["1", ""]) + lacking, skip_incomplete=True)
    assert read.dropped == {
        "no learner": 1,
        "no time; 1 learner is gone with them": 3,
        "no correct; 1 learner is gone with them": 2,
    }
    assert "  3: no time; 1 learner is gone with them" in read.summary


def test_exact_duplicates_are_counted_and_kept_unless_told_otherwise(tmp_path):
    text = rows(["1", "1", "1", "2", "1"], ["1", "0", "1", "1", "1"])
    read = log(tmp_path, text)
    assert (read.table.num_rows, read.duplicates) == (5, 2)
    assert "2 of the rows equal an earlier one in every column; they are kept" in read.summary
    unique = log(tmp_path, text, drop_duplicates=True)
    assert unique.table["correct"].to_pylist() == [1, 0, 1]
    assert unique.dropped == {"equal to an earlier row in every column": 2}
    for drop, kept in ((False, read), (True, unique)):
        folder = tmp_path / f"stored {drop}"
        stored = LogFile(tmp_path / "log.csv", drop_duplicates=drop)(partial(store, folder=folder))
        again = read_stored(folder)
        assert stored.summary == again.summary == kept.summary
        assert again.table.num_rows == kept.table.num_rows


def test_columns_of_other_names_lead_to_mapped(tmp_path):
    line = refusal(tmp_path, "who,what,topic,day,right\nu,i,k,1,1\n")
    assert line.startswith("log.columns = without learner")
    assert "the file has who, what, topic, day, right" in line
    assert "log=mapped log.columns.learner=NAME" in line
