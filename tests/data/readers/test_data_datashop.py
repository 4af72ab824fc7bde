"""The DataShop reader, on made-up exports of both spellings and, where at hand, on the LKT sample."""

import gzip

import numpy as np
import pytest

from coursewright.data.readers.datashop import Datashop
from coursewright.errors import InputError
from places import DATA

LKT = DATA / "lkt" / "largerawsample.csv.gz"
here = pytest.mark.skipif(not LKT.is_file(), reason=f"the LKT sample is not at {LKT}")

EXPORT = """Anon Student Id\tTime\tDuration (sec)\tProblem Name\tStep Name\tAttempt At Step\tOutcome\t\
KC (Default)\tKC Category (Default)\tKC (Default)\tKC Category (Default)\tKC (Default 2)
s2\t2020-01-02 00:00:00\t30\tp "1\ta\t1\tCORRECT\tadd\t\tcarry\t\twhole
s1\t2020-01-01 12:00:00.5\t.\tp2\t\t1\tINCORRECT\tadd\t\t\t\twhole
s1\t2020-01-01 12:00:01\t6\tp2\t\t2\tInitial_Hint\tcarry\t\tcarry\t\twhole
s1\t2020-01-01 12:00:02\t6\tp3\t\t1\tOK\t\t\t\t\twhole
s1\t2020-01-01 12:00:03\t6\tp3\t\t1\t\tadd\t\t\t\twhole
s1\t\t6\tp3\t\t1\tBUG\tadd\t\t\t\twhole
"""
MANGLED = """"Anon.Student.Id","Time","Duration..sec.","Problem.Name","Step.Name","Outcome",\
"KC..Default.","KC..Cluster."
"s1","2020-01-01 00:00:00",30,"p, 1","a","STUDY","15-3 mean","15"
"s1","2020-01-02 00:00:00",30,"p, 1","a","CORRECT","15-3 mean","15~~16"
"""


def file(path, text, name="export.txt"):
    (path / name).write_text(text, encoding="utf-8")
    return path / name


def test_a_tab_separated_export(tmp_path):
    log = Datashop(file(tmp_path, EXPORT))()
    assert log.table["learner"].to_pylist() == ["s1", "s1", "s2"]
    assert log.table["item"].to_pylist() == ["p2", "p2", 'p "1 / a']
    assert log.table["skills"].to_pylist() == [["add"], ["carry"], ["add", "carry"]]
    assert log.table["time"].to_pylist() == pytest.approx(
        [18262.5 + 0.5 / 86_400, 18262.5 + 1 / 86_400, 18263.0], abs=1e-9
    )
    assert log.table["correct"].to_pylist() == [0, 0, 1]
    assert log.table["assisted"].to_pylist() == [False, True, False]
    assert log.table["minutes"].to_pylist() == [None, 0.1, 0.5]
    assert log.dropped == {"no outcome": 1, "no skill": 1, "no time": 1}


def test_first_attempts_and_another_kc_model(tmp_path):
    log = Datashop(file(tmp_path, EXPORT), skill="KC (Default 2)", item="Problem Name", first_attempts=True)()
    assert log.table["skills"].to_pylist() == [["whole"]] * 3
    assert log.table["item"].to_pylist() == ["p2", "p3", 'p "1']
    assert log.dropped["not the first attempt at its step"] == 1


def test_a_comma_separated_export_with_the_names_that_r_makes(tmp_path):
    path = file(tmp_path, MANGLED, "sample.csv")
    log = Datashop(path, skill="KC (Cluster)", item=["KC (Default)"])()
    assert log.table["item"].to_pylist() == ["15-3 mean"] * 2
    assert log.table["skills"].to_pylist() == [["15"], ["15", "16"]]
    assert log.table["correct"].to_pylist() == [-1, 1]
    assert Datashop(path)().table["item"].to_pylist() == ["p, 1 / a"] * 2


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("Outcome", "Result"), ["lacks the column 'Outcome'", "the file has: "]),
        (("KC (Default)\t", "KC (Other)\t"), ["'KC (Default)'", "did you mean 'KC (Default 2)'"]),
        (("Step Name", "Problem Name"), ["has the column 'Problem Name' 2 times"]),
        (("BUG", "PERHAPS"), ["log.Outcome", "'PERHAPS'", "CORRECT"]),
        (("2020-01-02 00:00:00", "last Monday"), ["log.time", "last Monday", "ISO 8601"]),
        (("2020-01-02 00:00:00", "1969-12-31"), ["log.time = '1969-12-31'", "from 1970-01-01"]),
        (("\t30\t", "\tlong\t"), ["log.Duration", "'long'", "a number"]),
        (("\t30\t", "\t-30\t"), ["log.minutes", "-0.5"]),
        (("\t30\t", "\t"), ["cannot be read", "Expected 12 columns, got 11"]),
    ],
)
def test_each_fault_gets_one_line(tmp_path, change, parts):
    text = EXPORT.replace("s1\t\t6", "s1\t2020-01-01\t6").replace(*change)
    with pytest.raises(InputError) as caught:
        Datashop(file(tmp_path, text))()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_files_that_are_missing_empty_or_cut(tmp_path):
    header = EXPORT.splitlines()[0]
    whole = gzip.compress((header + "\n" + EXPORT.splitlines()[1] * 1000).encode())
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "stub.gz").write_bytes(whole[:8])
    faults = {
        tmp_path / "absent.txt": "no such file",
        file(tmp_path, "", "empty.txt"): "names no columns",
        file(tmp_path, header + "\n", "header.txt"): "0 rows",
        tmp_path / "cut.gz": "cannot be read",
        tmp_path / "stub.gz": "cannot be read",
    }
    for path, fault in faults.items():
        with pytest.raises(InputError, match=fault) as caught:
            Datashop(path)()
        assert "\n" not in str(caught.value)


def test_a_log_of_which_nothing_is_left_says_why(tmp_path):
    header = EXPORT.splitlines()[0]
    with pytest.raises(InputError, match=r"0 rows \(1 dropped: no outcome\)"):
        Datashop(file(tmp_path, header + "\ns\t2020-01-01\t1\tp\t\t1\t\tk\t\t\t\tk\n"))()


def test_outcomes_of_the_data_sets_own(tmp_path):
    text = EXPORT.replace("INCORRECT", "Ungraded").replace("Initial_Hint", "Half")
    log = Datashop(file(tmp_path, text), outcomes={"Ungraded": None, "half": 0})()
    assert log.table["correct"].to_pylist() == [0, 1]
    assert log.dropped["an outcome that is no answer"] == 1


@here
def test_the_lkt_sample_is_whole():
    log = Datashop(LKT, skill="KC (Cluster)", item=["KC (Default)"])()
    assert (log.table.num_rows, log.n_learners) == (44_652, 366)
    assert not log.dropped
    correct = log.table["correct"].to_numpy()
    assert [int((correct == value).sum()) for value in (1, 0, -1)] == [23_081, 19_108, 2_463]
    assert len({skill for (skill,) in log.table["skills"].to_pylist()}) == 36
    assert np.ptp(log.table["time"].to_numpy()) > 1.0
