"""Readers of ASSISTments, Junyi, Duolingo and SLAM files, on made-up rows and on real ones at hand."""

import gzip

import pytest

from coursewright.data.readers.assistments import read_assistments
from coursewright.data.readers.duolingo import read_duolingo
from coursewright.data.readers.junyi import read_junyi
from coursewright.data.readers.slam import read_slam
from coursewright.errors import InputError
from places import DATA

JUNYI = DATA / "junyi"
here = pytest.mark.skipif(not JUNYI.is_dir(), reason=f"the Junyi sample is not at {JUNYI}")

SKILL_BUILDER = """order_id,user_id,problem_id,original,correct,ms_first_response,overlap_time,\
skill_id,skill_name,hint_count
30,u1,p3,1,1,100,6000,7,Área,0
10,u1,p1,1,0,100,60000,7,Área,2
10,u1,p1,1,0,100,60000,8,Range,2
20,u1,p2,1,1,100,-5,8,Range,0
20,u1,p2,1,1,100,-5,8,Range,0
20,u2,p2,1,1,100,600,8,Range,0
25,u1,p2s,0,1,100,600,8,Range,0
40,u1,p4,1,1,100,600,,,0
41,u1,p4,1,,100,600,7,Área,0
50,u2,p5,1,0.5,100,600,7_8_7,Área,0
"""
PROBLEM_LOG = """user_id,exercise,problem_type,time_done,time_taken,correct,count_attempts,hint_used
9,adding,0,1577880000000000,30,true,1,false
9,adding,1,1577836800000000,-3,false,2,true
10,adding,1,,6,false,2,true
10,,1,1577836800000000,6,false,2,true
"""
TRACES = """p_recall,timestamp,delta,user_id,learning_language,ui_language,lexeme_id,lexeme_string,\
history_seen,history_correct,session_seen,session_correct
0.75,1577880000,86400,u:a,de,en,w1,sein/sein,6,4,4,3
1.0,1577836800,86400,u:a,de,en,w2,"x,y",6,4,2,2
1.0,1577836800,86400,u:b,de,en,w2,"x,y",6,4,2,3
1.0,,86400,u:b,de,en,w2,"x,y",6,4,2,2
"""
SLAM = """# prompt:Ella es mi madre.
# user:XEinXf5+  countries:CO|US  days:1.5  client:web  session:lesson  format:reverse_translate  time:12
DRihrVmh0101  She  PRON  Case=Nom|Gender=Fem  nsubj  2  0
DRihrVmh0102  is   VERB  Mood=Ind             cop    4  1

# user:XEinXf5+  countries:CO  days:1.0  client:web  session:lesson  format:listen  time:-3
DRihrVmh0201  She  PRON  Case=Nom|Gender=Fem  nsubj  2  0
# user:YEinXf5+  countries:CO  days:2.0  client:ios  session:lesson  format:listen  time:null
DRihrVmh0301  Us  PRON  Case=Nom|Gender=Fem  nsubj  2  0
DRihrVmh0302  Us  PRON  Case=Nom|Gender=Fem  nsubj  2
"""


def file(path, text, name="log.csv", encoding="utf-8"):
    (path / name).write_text(text, encoding=encoding)
    return path / name


def one_line(read, path):
    with pytest.raises(InputError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ASSISTments


def test_rows_of_one_answer_become_one_with_all_its_skills(tmp_path):
    log = read_assistments(file(tmp_path, SKILL_BUILDER))
    assert log.table["item"].to_pylist() == ["p1", "p2", "p3", "p2", "p5"]
    assert log.table["learner"].to_pylist() == ["u1", "u1", "u1", "u2", "u2"]
    assert log.table["skills"].to_pylist() == [["7", "8"], ["8"], ["7"], ["8"], ["7", "8"]]
    assert log.table["correct"].to_pylist() == [0, 1, 1, 1, 0]
    assert log.table["grade"].to_pylist() == [0.0, 1.0, 1.0, 1.0, 0.5]
    assert log.table["assisted"].to_pylist() == [True, False, False, False, False]
    assert log.table["minutes"].to_pylist() == [1.0, None, 0.1, 0.01, 0.01]
    # No start_time: a second a row, in the order of order_id.
    assert [time * 86_400 for time in log.table["time"].to_pylist()] == pytest.approx([0, 1, 2, 0, 1])
    assert log.dropped == {
        "no skill": 1,
        "no answer": 1,
        "scaffold (original = 0)": 1,
        "repeated: the same answer and skill again": 1,
        "merged: another skill of the same answer": 1,
    }
    assert log.table.num_rows + sum(log.dropped.values()) == len(SKILL_BUILDER.splitlines()) - 1


def test_scaffolds_names_and_another_encoding(tmp_path):
    path = file(tmp_path, SKILL_BUILDER, encoding="latin1")
    log = read_assistments(path, "skill_name", scaffolds=True, minutes=None, encoding="latin1")
    assert "p2s" in log.table["item"].to_pylist()
    assert ["Área", "Range"] in log.table["skills"].to_pylist()
    assert "minutes" not in log.table.column_names
    assert "cannot be read" in one_line(lambda wrong: read_assistments(wrong, "skill_name"), path)


def test_start_times_are_times(tmp_path):
    text = "problem_log_id,user_id,problem_id,start_time,correct,skill\n"
    text += "2,u,p,2020-01-02 00:00:00.0,1,k\n1,u,q,2020-01-01 12:00:00,0,k\n1,u,q,2020-01-01 12:00:00,0,m\n"
    log = read_assistments(file(tmp_path, text), "skill", minutes=None)
    assert log.table["time"].to_pylist() == [18262.5, 18263.0]
    assert log.table["skills"].to_pylist() == [["k", "m"], ["k"]]
    assert log.reordered == 1


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("order_id", "number"), ["lacks the column 'order_id or problem_log_id or start_time'"]),
        (("user_id", "user"), ["'user_id'", "did you mean 'user'"]),
        (("overlap_time", "user_id"), ["the column 'user_id' twice"]),
        (("1,0.5", "1,half"), ["log.correct", "'half'"]),
        (("1,0.5", "1,1.5"), ["log.grade", "1.5", "[0, 1]"]),
        (("6000,7", "soon,7"), ["log.duration", "'soon'"]),
    ],
)
def test_faults_of_assistments_files(tmp_path, change, parts):
    message = one_line(read_assistments, file(tmp_path, SKILL_BUILDER.replace(*change)))
    assert all(part in message for part in parts), message


# Junyi


def test_the_public_problem_log(tmp_path):
    log = read_junyi(file(tmp_path, PROBLEM_LOG))
    assert log.table["time"].to_pylist() == [18262.0, 18262.5]
    assert log.table["correct"].to_pylist() == [0, 1]
    assert log.table["assisted"].to_pylist() == [True, False]
    assert log.table["minutes"].to_pylist() == [None, 0.5]
    assert log.table["skills"].to_pylist() == [["adding"]] * 2
    assert log.dropped == {"no exercise": 1, "no time": 1}
    assert log.reordered == 1


def test_samples_without_times_get_a_counter(tmp_path):
    file(tmp_path, "user_id,exer_id,score\n1,5,1\n0,6,0\n1,5,0\n", "train.csv")
    file(tmp_path, "user_id,exer_id,score\n1,7,1\n1,,1\n", "test.csv")
    file(tmp_path, "from,to\n0,1\n", "graph.csv")
    log = read_junyi(tmp_path)
    assert log.table["learner"].to_pylist() == ["0", "1", "1", "1"]
    assert log.table["item"].to_pylist() == ["6", "7", "5", "5"]
    assert [time * 86_400 for time in log.table["time"].to_pylist()] == pytest.approx([0, 0, 1, 2])
    assert log.dropped == {"no exercise": 1}
    assert read_junyi(tmp_path / "train.csv").table.num_rows == 3


def test_faults_of_junyi_files(tmp_path):
    assert "holds no CSV file with the columns user_id" in one_line(read_junyi, tmp_path)
    assert "'hint_used'" in one_line(read_junyi, file(tmp_path, PROBLEM_LOG.replace("hint_used", "hinted")))
    assert "'maybe'" in one_line(read_junyi, file(tmp_path, PROBLEM_LOG.replace("true", "maybe", 1)))
    assert "0 rows" in one_line(read_junyi, file(tmp_path, "user_id,exer_id,score\n"))
    wrong = PROBLEM_LOG.replace("1577880000000000", "1577880000000000000")
    assert "0 to 100,000" in one_line(read_junyi, file(tmp_path, wrong))


@here
def test_the_junyi_sample_is_whole():
    log = read_junyi(JUNYI)
    assert (log.table.num_rows, log.n_learners) == (326_246, 8_003)
    assert not log.dropped


# Duolingo


def test_sessions_expand_to_answers(tmp_path):
    log = read_duolingo(file(tmp_path, TRACES))
    assert log.table["item"].to_pylist() == ["w2", "w2", "w1", "w1", "w1", "w1"]
    assert log.table["time"].to_pylist() == [18262.0] * 2 + [18262.5] * 4
    assert log.table["correct"].to_pylist() == [1, 1, 0, 1, 1, 1]
    impossible = "impossible counts (not 0 <= session_correct <= session_seen)"
    assert log.dropped == {"no time": 1, impossible: 1}


def test_sessions_as_they_are(tmp_path):
    path = tmp_path / "traces.csv.gz"
    path.write_bytes(gzip.compress(TRACES.encode()))
    log = read_duolingo(path, expand=False)
    assert log.table["correct"].to_pylist() == [1, 0]
    assert log.table["grade"].to_pylist() == [1.0, 0.75]


def test_faults_of_duolingo_traces(tmp_path):
    assert "'session_seen'" in one_line(read_duolingo, file(tmp_path, TRACES.replace("session_seen", "seen")))
    assert "'many'" in one_line(read_duolingo, file(tmp_path, TRACES.replace(",4,3", ",many,3")))
    assert "0 rows (1 dropped: impossible" in one_line(
        read_duolingo, file(tmp_path, "\n".join(TRACES.splitlines()[::3]))
    )


# SLAM


def test_tokens_of_exercises(tmp_path):
    log = read_slam(file(tmp_path, SLAM, "train.slam"))
    assert log.table["learner"].to_pylist() == ["XEinXf5+"] * 3 + ["YEinXf5+"]
    assert log.table["item"].to_pylist() == ["she", "she", "is", "us"]
    assert log.table["time"].to_pylist() == [1.0, 1.5, 1.5, 2.0]
    assert log.table["correct"].to_pylist() == [1, 1, 0, 1]
    assert log.table["minutes"].to_pylist() == [None, 0.1, 0.1, None]
    assert log.dropped == {"no label": 1}
    assert log.reordered == 1


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("  0\n", "  2\n"), "line 3"),
        (("days:1.5", "days:soon"), "line 2"),
        (("days:2.0 ", ""), "line 8"),
        (("# user:XEinXf5+  countries:CO|US", "# "), "line 3"),
        (("Case=Nom|Gender=Fem  nsubj  2  0", "0"), "line 3"),
    ],
)
def test_faults_of_slam_files(tmp_path, change, part):
    assert part in one_line(read_slam, file(tmp_path, SLAM.replace(*change)))


def test_slam_files_that_cannot_be_read(tmp_path):
    assert "no such file" in one_line(read_slam, tmp_path / "absent")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(SLAM.encode())[:60])
    assert "cannot be read" in one_line(read_slam, tmp_path / "cut.gz")
    assert "0 rows" in one_line(read_slam, file(tmp_path, "\n"))
