"""Progress shows wherever somebody waits: a bar where one looks, and a line a minute in the log elsewhere."""

import logging
import multiprocessing
import sys
import types

import pytest

from coursewright import progress
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.tracker import SILENT
from coursewright.envs.shipped import kss
from coursewright.progress import Progress, each


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves on, and a log without the handlers that commands of other tests left."""
    now = [100.0]
    for logger in (logging.getLogger(), logging.getLogger("coursewright")):
        open_ones = [h for h in logger.handlers if not getattr(getattr(h, "stream", None), "closed", False)]
        monkeypatch.setattr(logger, "handlers", open_ones)
    monkeypatch.setattr("coursewright.progress.time.monotonic", lambda: now[0])
    return now


def quick(monkeypatch):
    """Let a bar show at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)


def walked(clock, capsys, caplog):
    """Ten minutes' work in twenty steps: what stood on the terminal, and the lines of the log."""
    caplog.clear()
    with caplog.at_level(logging.INFO), Progress("ppo", 1000, "steps") as shown:
        for done in range(50, 1001, 50):
            clock[0] += 30.0
            shown.show(done, "return 0.250")
    return capsys.readouterr().err, caplog.messages


def test_without_a_terminal_the_log_has_a_line_a_minute(clock, capsys, caplog):
    bar, lines = walked(clock, capsys, caplog)
    assert bar == ""
    assert len(lines) == 10
    assert lines[0] == "ppo: 100 of 1,000 steps (10%), 09:00 left, 2/s, return 0.250"
    assert lines[-1] == "ppo: 1,000 of 1,000 steps (100%), 00:00 left, 2/s, return 0.250"


def test_a_terminal_has_a_bar_that_goes_away(clock, capsys, caplog, monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar, lines = walked(clock, capsys, caplog)
    assert lines == []
    assert "ppo" in bar
    assert "of 1,000 steps" in bar
    assert "return 0.250" in bar
    assert bar.endswith("\r")


def test_a_notebook_has_a_bar(clock, capsys, caplog, monkeypatch):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    quick(monkeypatch)
    bar, lines = walked(clock, capsys, caplog)
    assert "of 1,000 steps" in bar
    assert lines == []


def test_a_worker_writes_to_its_log_and_never_over_the_bars_of_others(clock, capsys, caplog, monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: multiprocessing.current_process())
    bar, lines = walked(clock, capsys, caplog)
    assert bar == ""
    assert len(lines) == 10


def test_more_than_was_planned_counts_as_all(clock, caplog):
    shown = Progress("ppo", 80_000, "steps", done=70_000)
    clock[0] += 60.0
    with caplog.at_level(logging.INFO):
        shown.show(84_480)
    assert caplog.messages == ["ppo: 84,480 of 84,480 steps (100%), 00:00 left, 241/s"]


def test_what_has_no_end_in_sight_is_counted(clock, caplog):
    shown = Progress("reading", None, "rows")
    clock[0] += 60.0
    with caplog.at_level(logging.INFO):
        shown.show(1_200)
    assert caplog.messages == ["reading: 1,200 rows, 20/s"]
    clock[0] += 60.0
    with caplog.at_level(logging.INFO):
        shown.show(2_400, total=4_800)
    assert caplog.messages[1] == "reading: 2,400 of 4,800 rows (50%), 02:00 left, 20/s"


def test_each_goes_through_everything(clock, caplog):
    with caplog.at_level(logging.INFO):
        for entry in each("abc", "letters", "letters"):
            clock[0] += 60.0
            assert entry in "abc"
    assert [line.partition(" (")[0] for line in caplog.messages] == [
        "letters: 1 of 3 letters",
        "letters: 2 of 3 letters",
        "letters: 3 of 3 letters",
    ]


def test_a_training_says_how_far_it_is(clock, caplog, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with caplog.at_level(logging.INFO, logger="coursewright.progress"):
        Ppo(steps=150, learners=8, n_steps=5, batch_size=40, layers=(8,), imitate=None)(kss(5), 0, SILENT)
    assert caplog.messages[-1].startswith("ppo: 160 of 160 steps (100%)")


def test_a_slow_rate_is_not_nil():
    slow = Progress("tuning rules", 12, "rules")
    slow.done = 7
    assert slow.line(100.0) == "tuning rules: 7 of 12 rules (58%), 01:11 left, 4.2 a minute"
