"""The command's words go to a pipe that is closed or a disk that is full, and Ctrl-C comes early."""

import logging
import os
import signal
import subprocess
import sys

import pytest

from coursewright.scripts.output import CLOSED, Output, Visible, ended, forgiving

COMMAND = [sys.executable, "-m", "coursewright"]


def written_to(where, arguments, cwd):
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, stdout=where, stderr=subprocess.PIPE, text=True, timeout=60
    )


def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("arguments", [["list", "agents"], ["train", "--help"], ["train", "--cfg=job"]])
def test_a_reader_that_has_gone_ends_it_quietly(tmp_path, arguments):
    done = written_to(closed_pipe(), arguments, tmp_path)
    assert (done.returncode, done.stderr) == (CLOSED, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
@pytest.mark.parametrize("arguments", [["list", "agents"], ["train", "--cfg=job"]])
def test_a_full_disk_is_one_line(tmp_path, arguments):
    with open("/dev/full", "w") as full:
        done = written_to(full, arguments, tmp_path)
    line = "error: standard output: cannot be written (No space left on device)\n"
    assert (done.returncode, done.stderr) == (1, line)


def test_a_refusal_keeps_its_code_and_its_line(tmp_path):
    done = written_to(closed_pipe(), ["train", "agent.steps=-1"], tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_logged_name_moves_no_cursor():
    record = logging.makeLogRecord({"msg": "left out: %s\nnext", "args": ("x\x1b[31mred",)})
    assert Visible("%(message)s").format(record) == "left out: x\\x1b[31mred\nnext"


def test_output_goes_on_where_nobody_reads(monkeypatch):
    """A training's lines are lost, and the training is not."""
    with os.fdopen(closed_pipe(), "w") as pipe:
        stream = forgiving(pipe)
        monkeypatch.setattr("sys.stdout", stream)
        assert isinstance(stream, Output)
        for _ in range(3):
            print("x" * 10_000, flush=True)
        assert ended(0) == CLOSED
        assert ended(2) == 2


def test_an_early_interruption_has_no_traceback():
    line = "import os, signal, sys; sys.argv = ['-m']; sys.orig_argv = ['python', '-m', 'coursewright']\n"
    line += "import coursewright; os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run([sys.executable, "-P", "-c", line], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_library_leaves_signals_and_places_alone():
    line = "import signal, sys; before = sys.path[:]; import coursewright; "
    line += "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, sys.path == before)"
    done = subprocess.run([sys.executable, "-c", line], stdout=subprocess.PIPE, text=True)
    assert done.stdout == "True True\n"
