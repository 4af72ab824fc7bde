"""Several processes in one search: nothing is done twice, nothing is lost with one that is killed."""

import multiprocessing
import os
import signal
import sys
import time

import pytest

from coursewright.evaluation.tuning.search import Plan, search
from coursewright.evaluation.tuning.together import Claims
from searches import FIRST, SPACE, World, found, scores


class Slow(World):
    """A world in which each trial takes a moment, and the one of number `stops` never ends."""

    def __init__(self, folder, stops=None):
        super().__init__()
        self.folder, self.stops = folder, stops

    def __call__(self, asked):
        for settings in asked:
            (self.folder / f"{os.getpid()}-{len(self.asked)}").touch()
            time.sleep(1000 if len(self.asked) == self.stops else 0.02)
            yield from super().__call__([settings])


def work(folder, stops=None):
    """A process of its own that takes one trial at a time."""
    list(search(SPACE, FIRST, Slow(folder, stops), Plan(12, 4, 0, 1), folder / "study"))


def started(folder):
    return sorted(path.name for path in folder.glob("*-*"))


def test_a_piece_is_taken_by_one_at_a_time(tmp_path):
    one, other = Claims(tmp_path, 2), Claims(tmp_path, 2)
    with one.taken(["a", "b", "c"]) as mine, other.taken(["a", "b", "c"]) as theirs:
        assert (mine, theirs) == (["a", "b"], ["c"])
    with other.taken(["a"]) as free:
        assert free == ["a"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="nobody is killed there")
def test_several_processes_and_one_that_is_killed_do_each_trial_once(tmp_path):
    whole = found(tmp_path / "whole", World())
    spawned = multiprocessing.get_context("spawn")
    doomed = spawned.Process(target=work, args=(tmp_path, 2))
    doomed.start()
    while f"{doomed.pid}-2" not in started(tmp_path):  # it works at its third trial, which will never end
        assert doomed.is_alive()
        time.sleep(0.05)
    others = [spawned.Process(target=work, args=(tmp_path,)) for _ in range(2)]
    for process in others:
        process.start()
    while len(started(tmp_path)) < 4:
        time.sleep(0.05)
    os.kill(doomed.pid, signal.SIGKILL)
    for process in others:
        process.join(timeout=60)
        assert process.exitcode == 0
    doomed.join()
    idle = World()
    assert scores(found(tmp_path / "study", idle)) == scores(whole)
    assert not idle.asked
    assert len(started(tmp_path)) == 12 + 1, "the killed one's trial was begun again, and no other"
