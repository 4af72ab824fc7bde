"""Recall of all items at once, and a look ahead at due days that changes no record."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.schedulers.anki import AnkiSm2
from coursewright.agents.schedulers.by_memory import begun
from coursewright.agents.schedulers.cost_adr import CostAdr
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention, RecallThreshold
from coursewright.agents.schedulers.memorize import Memorize
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.agents.schedulers.ssp_mmc import SspMmc
from coursewright.envs.rewards import mean_recall
from coursewright.envs.task import Task
from coursewright.simulators.course import Course
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.answered import memory_of
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.memory.hlr import Hlr
from learners import luck_of

FEATURES = ("days_since", "last_item", "last_correct", "goal", "budget_left")
COURSE = Course.of(3)
HLR = Hlr(COURSE, 0.8, -0.4, 1.1, [0.3, 0.0, -0.5], first=0.2)
AGENTS = (
    FsrsRetention(),
    RecallThreshold(),
    CostAdr(),
    Memorize(),
    SspMmc(),
    AnkiSm2(),
    Memrise(),
    Sm2(),
    FixedInterval(),
)


@pytest.mark.parametrize("model", [Fsrs(COURSE), HLR, ActR(COURSE)], ids=["fsrs", "hlr", "act_r"])
def test_the_recall_of_all_items_at_once_is_that_of_each(model):
    memory, batch = memory_of(model), 7
    learners, rng = begun(memory, batch), np.random.default_rng(3)
    for _ in range(9):
        item = rng.integers(0, 2, batch)  # the last one is never met
        memory.tell(learners, item, rng.integers(0, 2, batch))
        model.elapse(learners, rng.exponential(4.0, batch) + 1.0, luck_of(np.arange(batch)))
    found, each = np.empty((batch, 3)), np.empty((batch, 2))
    memory.recalls(learners, found)
    for a in range(2):
        model.p_correct(learners, np.full(batch, a), each[:, a])
    np.testing.assert_allclose(found[:, :2], each, rtol=1e-13)
    assert not found[:, 2].any()


def flat(memory):
    return [array for part in memory for array in (flat(part) if isinstance(part, tuple) else [part])]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: type(agent).__name__)
def test_a_look_at_the_next_due_day_changes_no_record(agent):
    # As many items as FSRS has weights, so that an array of weights looks like one of items.
    course = Course.of(21)
    with_delays = Task(
        Fsrs(course), steps=40, days=0.0, delays=(0.0, 2.0, 9.0), reward=mean_recall, features=FEATURES
    )
    one, other = agent(with_delays), agent(replace(with_delays, days=1.0, delays=()))
    batch, rng = 5, np.random.default_rng(1)
    luck = luck_of(np.arange(batch))
    state, same = one.begin(luck), other.begin(luck)
    for turn in range(30):
        seen = np.zeros((batch, one.task.layout.width), np.float32)
        seen[:, one.task.layout.columns("days_since")] = rng.exponential(3.0, (batch, 1))
        seen[:, one.task.layout.columns("last_correct").start] = np.where(rng.random(batch) < 0.6, 1.0, -1.0)
        action, state = one.predict(seen, state, np.full(batch, turn == 0))
        alone, same = other.predict(seen, same, np.full(batch, turn == 0))
        assert (one.task.item_of(action) == alone).all()
        for mine, theirs in zip(flat(state.memory), flat(same.memory), strict=True):
            np.testing.assert_array_equal(mine, theirs)
