"""The record of a learner as a graph: equal to `Records` to the last bit, on whole episodes of many tasks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.export.remembering import HEAD, KEY, refuse_terms
from coursewright.envs.episodes import Episodes
from coursewright.envs.schedule import Sessions
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Split
from coursewright.simulators.memory.fsrs import Fsrs
from heard import Heard
from small_tasks import small_task

LEARNERS = 40


def tasks():
    several = small_task()
    return {
        "bkt": bkt(mask=True, steps=40),
        "kss": kss(steps=12),
        "several skills": replace(several, steps=25),
        "locked": replace(several, steps=25, unlock_after=2),
        "each to blame": replace(several, blame="each"),
        "minutes": replace(several, steps=None, minutes=40.0),
        "sessions": replace(several, days=Sessions(3, days_between=2.5)),
        "delays and stop": replace(several, delays=(0.5, 3.0), stop=True, steps=25),
        "memory": Task(Fsrs(Course.of(6)), steps=20, features=("item_attempts", "item_days_since"), days=1.5),
    }


@pytest.mark.parametrize("name", tasks())
def test_every_column_is_that_of_the_records(name):
    task = tasks()[name]
    episodes, rng = Episodes(task, LEARNERS, records=Heard), np.random.default_rng(0)
    rows = np.arange(LEARNERS)
    episodes.begin(rows, rows, np.zeros(LEARNERS, np.int64), Split.EVALUATE)
    heard, steps = episodes.records, 0
    while not episodes.over.all():
        running = ~episodes.over
        wanted, found = episodes.observation, heard.seen.observation.numpy()
        exact = np.ones(task.layout.width, bool)
        if task.terms.by_minutes:  # minutes come in as float32
            exact[task.layout.columns("budget_left")] = False
            np.testing.assert_allclose(found[running], wanted[running], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(found[running][:, exact], wanted[running][:, exact])
        offered = torch.ones(LEARNERS, task.course.n_items, dtype=torch.bool)
        if task.terms.unlock_after:
            allowed = heard.graph.open(heard.seen.values, offered).numpy()
            np.testing.assert_array_equal(allowed[running], episodes.mask[running])
        np.testing.assert_array_equal(heard.seen.last[running], episodes.last[running])
        episodes.step(rng.integers(task.n_actions, size=LEARNERS))
        steps += 1
    assert steps > 5
    assert (heard.state[:, KEY:HEAD] == torch.arange(4)).all()


def test_a_price_is_refused_by_the_setting_that_charges_it():
    task = replace(bkt(steps=5), price=(0.01, 0.1))
    with pytest.raises(InputError, match=r"^task\.price = \(0\.01, 0\.1\): must be null for a tutor file"):
        refuse_terms(task.terms)
