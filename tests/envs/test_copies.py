"""Observations that copy only their touched part: equal to full copies at every step, and right for two."""

import numpy as np
import pytest

from coursewright.envs import record
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.simulators.luck import Split
from small_tasks import small_bkt, small_parameters
from toy_policies import Shuffle

SEEN = ["attempts", "streak", "belief", "goal", "item_attempts", "last_item", "last_correct", "budget_left"]
SMALL = Task(small_bkt(), steps=9, features=SEEN, tutor=small_parameters())
TASKS = {"small": SMALL, "bkt": bkt(mask=True), "kss": kss()}


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "WIDE", 1)


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("name", TASKS)
def test_each_observation_is_the_memory_and_stays_for_one_more_step(name: str) -> None:
    task, batch, rng = TASKS[name], 40, np.random.default_rng(0)
    episodes = Episodes(task, batch, lasting=False)
    assert episodes.records._copies is not None
    rows = np.arange(batch)
    episodes.begin(rows, rows, np.zeros(batch, np.int64), Split.TRAIN)
    for turn in range(60):
        earlier = episodes.observation
        kept = earlier.copy()
        if turn % 7 == 3:
            again = np.flatnonzero(rng.random(batch) < 0.3)
            episodes.begin(again, again + 100 * turn, np.zeros(len(again), np.int64), Split.TRAIN)
        elif turn % 11 == 5:
            episodes.restore(episodes.snapshot())
        else:
            episodes.step(rng.integers(0, task.n_actions, batch))
        np.testing.assert_array_equal(episodes.observation, episodes.memory)
        np.testing.assert_array_equal(earlier, kept)
        assert not np.shares_memory(episodes.observation, episodes.memory)


@pytest.mark.parametrize("name", TASKS)
def test_a_rollout_is_the_same_with_full_copies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = TASKS[name]
    full = rollout(task, Shuffle(task.n_actions), 50)
    monkeypatch.setattr(record, "WIDE", 1)
    touched = rollout(task, Shuffle(task.n_actions), 50)
    np.testing.assert_array_equal(full.returned, touched.returned)
    np.testing.assert_array_equal(full.item, touched.item)


def test_where_days_pass_everything_is_copied(wide: None) -> None:
    task = Task(small_bkt(), steps=5, features=["attempts", "days_since"])
    assert Episodes(task, 2, lasting=False).records._copies is None
