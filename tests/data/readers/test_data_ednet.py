"""The EdNet reader, on a made-up folder of the same shape and, where it is at hand, on the sample itself."""

import gzip

import numpy as np
import pytest
from scipy.sparse import load_npz

from coursewright.data.readers.ednet import TABLE, read_ednet
from coursewright.errors import InputError
from places import DATA

EDNET = DATA / "ednet"
here = pytest.mark.skipif(not EDNET.is_dir(), reason=f"the EdNet sample is not at {EDNET}")


def folder(path, text):
    with gzip.open(path / TABLE, "wt") as file:
        file.write(text)
    return path


def test_rows_are_ordered_and_gaps_counted(tmp_path):
    head = "user_id\titem_id\ttimestamp\tcorrect\tskill_id\n"
    rows = "10\t1\t86400\t1\t5\n10\t2\t43200\t0\t5\n9\t3\t0\t1\t6\n9\t4\t0\t1\t6\n10\t5\t\t1\t5\n"
    log = read_ednet(folder(tmp_path, head + rows))
    assert log.table["learner"].to_pylist() == ["9", "9", "10", "10"]
    assert log.table["item"].to_pylist() == ["3", "4", "2", "1"]
    assert log.table["time"].to_pylist() == [0.0, 0.0, 0.5, 1.0]
    assert log.reordered == 1
    assert log.dropped == {"a value is missing": 1}


def test_a_missing_folder_says_where_ednet_is(tmp_path):
    with pytest.raises(InputError, match=r"github\.com/riiid/ednet, CC BY-NC 4\.0"):
        read_ednet(tmp_path / "absent")


def test_a_missing_column_and_a_cut_file(tmp_path):
    with pytest.raises(InputError, match="lacks the column 'skill_id'"):
        read_ednet(folder(tmp_path, "user_id\titem_id\ttimestamp\tcorrect\n1\t1\t1\t1\n"))
    (tmp_path / TABLE).write_bytes((tmp_path / TABLE).read_bytes()[:30])
    with pytest.raises(InputError, match="cannot be read"):
        read_ednet(tmp_path)


@here
def test_the_sample_is_whole():
    log = read_ednet(EDNET)
    assert (log.table.num_rows, log.n_learners, log.reordered) == (87_210, 1_000, 37)
    assert not log.dropped
    learner, time = log.table["learner"].to_numpy(), log.table["time"].to_numpy()
    gaps = np.diff(time)[learner[1:] == learner[:-1]]
    assert gaps.min() == 0.0
    assert np.median(log.table["correct"].to_numpy()) == 1


@here
def test_every_item_has_one_skill_and_it_is_the_rows_own():
    matrix = load_npz(EDNET / "q_mat.npz").tocsr()
    assert set(np.diff(matrix.indptr)) == {1}
    log = read_ednet(EDNET).table
    item = np.array(log["item"].to_pylist(), dtype=int)
    skill = np.array([int(name) for (name,) in log["skills"].to_pylist()])
    assert (matrix.indices[item] == skill).all()
