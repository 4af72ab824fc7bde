"""Every agent that can be written, in worlds of every kind: its file teaches as it does in every use."""

import json
from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.export.whole import WholeTutor
from exported import DATED, FADING, NETWORKS, RULES, SEVERAL
from small_tasks import small_task
from tutor_files import written

pytestmark = pytest.mark.slow

LATER = [(name, where) for name in DATED for where in FADING]
EVERYWHERE = [(name, where) for name in RULES for where in SEVERAL]
TRAINED = [(name, where) for name in NETWORKS for where in (*SEVERAL, "delays, a stop")]


SIZES = {100: 1, 7: 3, 1: 21}  # of batches, and how many of them there are: the smaller ones repeat learners


def used_in_every_way(name, where, agent, task):
    """The same choices in batches of 1, 7 and 100, with looks between, through JSON, and after a restart.

    `written` has compared the file with the original over 100 whole episodes.
    """
    path = written(f"{name} on {where}", agent, task).path
    course, keys = task.course, np.arange(100, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    rng, goal = np.random.default_rng(0), np.ones((100, course.n_skills), bool)
    mask = rng.random((100, course.n_items)) < 0.8
    tutor = WholeTutor(path, keys)
    ways = {size: np.split(tutor.state[: size * many], many) for size, many in SIZES.items()}
    for step in range(8):
        item, correct = rng.integers(course.n_items, size=100), rng.integers(-1, 2, 100)
        days, minutes = rng.exponential(1.0, 100).astype(np.float32), rng.random(100).astype(np.float32)
        found = {}
        if step == 4:  # the host is started anew
            tutor = WholeTutor(path, keys)
        for size, states in ways.items():
            begin, told = 0, []
            for place, state in enumerate(states):
                rows = slice(begin, begin + len(state))
                begin, tutor.state = rows.stop, state
                event = (item[rows], correct[rows], np.ones(len(state), bool), False)
                told.append(tutor.tell(*event, days[rows], minutes[rows], goal[rows], mask[rows]))
                kept = tutor.state
                np.testing.assert_array_equal(tutor.look(goal[rows], mask[rows]), told[-1])
                np.testing.assert_array_equal(tutor.state, kept)
                states[place] = np.array(json.loads(json.dumps(kept.tolist())), np.float32)
            found[size] = np.concatenate(told)
        for told in found.values():
            np.testing.assert_array_equal(told, found[100][: len(told)])


@pytest.mark.parametrize(("name", "where"), EVERYWHERE)
def test_a_rule(name, where):
    used_in_every_way(name, where, RULES[name], SEVERAL[where]())


@pytest.mark.parametrize(("name", "where"), LATER)
def test_a_schedule(name, where):
    used_in_every_way(name, where, DATED[name], FADING[where]())


@pytest.mark.parametrize(("name", "where"), TRAINED)
def test_a_network(name, where):
    if where == "delays, a stop":
        if name == "graph_ppo":
            pytest.skip("it chooses items alone")
        task = replace(small_task(), steps=20, delays=(0.5, 3.0), stop=True, unlock_after=2)
    else:
        task = SEVERAL[where]()
    used_in_every_way(name, where, NETWORKS[name], task)
