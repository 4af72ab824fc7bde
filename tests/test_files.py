"""Files that are whole or absent, and the remains of a killed process."""

import os
import stat
import subprocess
import sys

import pytest

from coursewright import files
from coursewright.files import fill_atomically, part_of, write_text

HANGS = """
import sys, time
from pathlib import Path
from coursewright.files import {function}

def work(part):
    {leave}
    print("at work", flush=True)
    time.sleep(60)

{function}(Path(sys.argv[1]), work)
"""
LEAVES = {
    "write_atomically": "part.write_text('a learner')",
    "fill_atomically": "(part / 'rows.csv').write_text('a learner')",
}


@pytest.mark.parametrize("function", LEAVES)
def test_the_next_writer_removes_what_a_killed_one_left(function, tmp_path):
    code = HANGS.format(function=function, leave=LEAVES[function])
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "log"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"at work\n"
        (left,) = tmp_path.iterdir()
        write_text(tmp_path / "other.txt", "whole")
        assert left.exists()  # of a process that is at work
        running.kill()
    write_text(tmp_path / "other.txt", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


def test_parts_of_other_machines_and_other_files_stay(tmp_path):
    theirs = [f".log.{'0' * 8}.1.part", ".log.part", f"log.{files.HOST}.99999999.part"]
    for name in theirs:
        (tmp_path / name).write_text("theirs")
    (tmp_path / f".log.{files.HOST}.999999999.part").write_text("ours, long gone")
    write_text(tmp_path / "x", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {*theirs, "x"}


def test_a_process_of_the_same_number_left_something(tmp_path):
    part_of(tmp_path / "log").mkdir()
    fill_atomically(tmp_path / "log", lambda part: (part / "new").write_text("whole"))
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["new"]


@pytest.mark.skipif(os.name == "nt", reason="has no modes")
def test_unfinished_folders_are_private(tmp_path):
    modes = []
    fill_atomically(tmp_path / "log", lambda part: modes.append(stat.S_IMODE(part.stat().st_mode)))
    assert modes == [0o700]
