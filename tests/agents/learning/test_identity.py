"""A checkpoint belongs to one training: any change that makes another task of it is noticed."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.identity import CLOSE, settings, walk
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rewards import mean_gain, post_test
from coursewright.envs.schedule import Sessions
from coursewright.envs.task import RandomGoal
from coursewright.errors import InputError
from coursewright.simulators.luck import Seeds
from small_tasks import small_bkt, small_parameters, small_task

AGENT = Ppo(steps=200, learners=8, batch_size=40, layers=(8,), checkpoint_every=50)
PLAIN = {  # fields that are plain values differ by name
    "steps": 13,
    "goal": ["a", "c"],
    "features": ("attempts", "successes", "belief"),
    "blame": "each",
    "unlock_after": 1,
    "delays": (0.0, 2.0),
    "stop": True,
    "strict": True,
    "mastered_at": 0.6,
    "seeds": Seeds(1, 0),
}
INSIDE = {  # a difference inside a thing shows in its effects
    "simulator": replace(small_bkt(), rho=0.31),
    "tutor": replace(small_parameters(), learn=small_parameters().learn * 1.01),
    "days": 0.76,
}


def same(mine, theirs):
    return mine.shape == theirs.shape and np.allclose(mine, theirs, CLOSE, CLOSE)


@pytest.mark.parametrize("name", PLAIN)
def test_another_plain_value_is_another_setting(name):
    task = small_task()
    mine, theirs = (settings(AGENT, t, 0) for t in (task, replace(task, **{name: PLAIN[name]})))
    assert [key for key in mine if mine[key] != theirs[key]] == [f"task.{name}"]


@pytest.mark.parametrize("name", ["simulator", "tutor", "days"])
def test_another_number_inside_is_another_walk(name):
    task = small_task()
    other = replace(task, **{name: INSIDE[name]})
    assert settings(AGENT, task, 0) == settings(AGENT, other, 0)
    assert not same(walk(task), walk(other))


def test_another_keyword_of_a_reward_is_another_walk():
    rewards = [partial(post_test, answers=answers) for answers in (5, 6)]
    mine, theirs = (replace(small_task(), reward=reward, days=Sessions(3, 1)) for reward in rewards)
    assert settings(AGENT, mine, 0) == settings(AGENT, theirs, 0)
    assert not same(walk(mine), walk(theirs))


def test_the_same_task_made_twice_is_the_same():
    task = replace(small_task(), goal=RandomGoal(1, 3), days=Sessions(3, 1), reward=partial(mean_gain))
    again = replace(small_task(), goal=RandomGoal(1, 3), days=Sessions(3, 1), reward=mean_gain)
    assert settings(AGENT, task, 0) == settings(AGENT, again, 0)
    np.testing.assert_array_equal(walk(task), walk(again))


def test_a_walk_draws_from_no_generator_with_a_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    walk(replace(small_task(), stop=True, delays=(0.0, 1.0), unlock_after=1, strict=True))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_learners_who_answer_otherwise_are_refused(tmp_path):
    AGENT(small_task(), 0, SilentTracker(tmp_path))
    other = replace(small_task(), simulator=INSIDE["simulator"])
    with pytest.raises(InputError, match=r"^task = Bkt: must be as in the checkpoint [^\n]*$"):
        AGENT(other, 0, SilentTracker(tmp_path))
    assert (tmp_path / checkpoint.NAME).is_file()
