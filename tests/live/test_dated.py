"""A tutor that minds how much time has passed, and says how long to wait."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.live.recommender import Recommender
from coursewright_runtime import Tutor
from small_tasks import small_task

pytestmark = pytest.mark.slow
DAY = 20_000.0


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    from coursewright.agents.export.whole import write
    from coursewright.agents.schedulers.fsrs import FsrsRetention
    from coursewright.agents.tracker import SilentTracker

    found = tmp_path_factory.mktemp("dated") / "tutor.onnx"
    task = replace(small_task(), steps=20, unlock_after=2, delays=(0.5, 3.0))
    write(FsrsRetention(0.85)(task, 0, SilentTracker()), task, found)
    return found


def test_days_count_as_in_the_runtime(path, tmp_path):
    tutor, rng, moment = (
        Recommender(path, tmp_path / "live.sqlite", tmp_path / "key"),
        np.random.default_rng(0),
        DAY,
    )
    lesson, waits = Tutor(path).begin(), set()
    for turn in range(18):  # within the budget of 20
        [choice] = tutor.next("anna", time=moment)
        wanted = lesson.next(at=moment)
        assert (choice.item, choice.wait) == (wanted.item, pytest.approx(wanted.wait))
        waits.add(choice.wait)
        correct = int(rng.random() < 0.7)
        after = tutor.observe("anna", choice.item, correct, moment, 0.5, f"r{turn}")
        lesson.observe(choice.item, correct, minutes=0.5, at=moment)
        assert tutor.next("anna", time=moment + 0.01) == [after]  # it stands for an hour
        moment += float(rng.exponential(2.0))
    assert len(waits) > 1
    tutor.close()


def test_a_replay_side_by_side_gives_the_same_states(path, tmp_path):
    tutor, rng = Recommender(path, tmp_path / "live.sqlite", tmp_path / "key"), np.random.default_rng(1)
    for name in "abcde":
        for n in range(int(rng.integers(1, 12))):
            item = tutor.items[rng.integers(len(tutor.items))]
            tutor.observe(name, item, int(rng.integers(2)), DAY + n * rng.random())
    before = tutor.overview()
    with tutor._store.write() as connection:
        connection.exec_driver_sql("UPDATE learner SET tutor = 'another', state = NULL, pending = NULL")
    after = tutor.overview()
    assert [replace(one, next=None) for one in before] == [replace(one, next=None) for one in after]
    tutor.close()
