"""Stable-Baselines3's view of a batch of learners."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import VecMonitor

from coursewright.agents.learning.vec_env import LearnersVecEnv, first_learner
from coursewright.envs.gym import TeachingEnv
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.luck import Split

LEARNERS = 5


def choose(masks, step):
    """Some allowed action of every row, another one at every step."""
    return np.array([np.flatnonzero(mask)[step % mask.sum()] for mask in masks])


@pytest.mark.parametrize("task", [kss(6), bkt(mask=True, steps=7), replace(kss(6), stop=True)])
def test_each_row_is_a_single_environment(task):
    env = LearnersVecEnv(task, LEARNERS, seed=3)
    singles = [TeachingEnv(task, Split.TRAIN) for _ in range(LEARNERS)]
    expected = [single.reset(seed=first_learner(3) + row)[0] for row, single in enumerate(singles)]
    observation = env.reset()
    returned, length = np.zeros(LEARNERS), np.zeros(LEARNERS, int)
    ends = 0
    for step in range(20):
        assert observation.dtype == np.float32
        np.testing.assert_array_equal(observation, expected)
        masks = get_action_masks(env)[0]
        np.testing.assert_array_equal(masks, [single.action_masks() for single in singles])
        action = choose(masks, step)
        if task.stop and step == 2:
            action[1] = task.n_actions - 1
        observation, reward, done, infos = env.step(action)
        assert (reward.dtype, done.dtype) == (np.float32, bool)
        for row, single in enumerate(singles):
            seen, gained, over, _, _ = single.step(action[row])
            returned[row] += gained
            length[row] += 1
            assert reward[row] == np.float32(gained)
            assert done[row] == over
            if over:
                ends += 1
                np.testing.assert_array_equal(infos[row]["terminal_observation"], seen)
                counted = length[row] - (action[row] == task.course.n_items)  # a stop is no step
                assert infos[row]["episode"] == {"r": pytest.approx(returned[row]), "l": counted}
                returned[row] = length[row] = 0
                seen, _ = single.reset()
            else:
                assert infos[row] == {}
            expected[row] = seen
    assert ends >= 2 * LEARNERS


def test_what_was_handed_out_stays_as_it_was():
    env = LearnersVecEnv(kss(4), LEARNERS, seed=0)
    kept, copies = [env.reset()], []
    copies.append(kept[0].copy())
    for step in range(9):
        masks = env.action_masks()
        before = masks.copy()
        observation, reward, done, infos = env.step(choose(masks, step))
        np.testing.assert_array_equal(masks, before)
        ends = [info["terminal_observation"] for info in infos if info]
        kept += [observation, reward, done, *ends]
        copies += [observation.copy(), reward.copy(), done.copy(), *[end.copy() for end in ends]]
    for mine, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(mine, copy)
    assert any(np.any(a != b) for a, b in pairwise(copies) if a.shape == b.shape)


def test_infos_are_not_shared():
    # VecMonitor and VecNormalize write into them.
    env = LearnersVecEnv(kss(4), LEARNERS, seed=0)
    env.reset()
    _, _, _, infos = env.step(choose(env.action_masks(), 0))
    infos[0]["mine"] = 1
    _, _, _, later = env.step(choose(env.action_masks(), 1))
    assert infos[1] == {}
    assert later[0] == {}


def test_a_monitor_sees_the_same_episodes():
    env = VecMonitor(LearnersVecEnv(kss(4), LEARNERS, seed=0))
    env.reset()
    seen = []
    for step in range(4):
        own = env.venv.env_method("action_masks")[0]
        _, _, _, infos = env.step(choose(own, step))
        seen += [info["episode"] for info in infos if "episode" in info]
    assert [episode["l"] for episode in seen] == [4] * LEARNERS


def test_mask_support_is_found_and_unknown_names_are_not():
    env = LearnersVecEnv(kss(4), LEARNERS, seed=0)
    assert is_masking_supported(env)
    assert not env.has_attr("no_such_thing")
    with pytest.raises(AttributeError):
        env.get_attr("no_such_thing")
    assert env.get_attr("num_envs", [0, 2]) == [LEARNERS, LEARNERS]
    assert len(env.env_method("action_masks", indices=[1, 2])) == 2
    assert env.env_is_wrapped(VecMonitor) == [False] * LEARNERS


def test_agent_seeds_share_no_learners():
    numbers = [first_learner(seed) + row for seed in range(50) for row in range(1000)]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < 2**62 for number in numbers)
    assert min(numbers) > 2**32  # nowhere near the small numbers that everybody uses


def test_training_learners_are_no_evaluation_learners():
    env = LearnersVecEnv(kss(4), LEARNERS, seed=0)
    env.reset()
    assert env.episodes.number.tolist() == [first_learner(0) + row for row in range(LEARNERS)]
    keys = set(env.episodes.luck.learner.tolist())
    env.episodes.begin(
        np.arange(LEARNERS), env.episodes.number.copy(), np.zeros(LEARNERS, np.int64), Split.EVALUATE
    )
    assert not keys & set(env.episodes.luck.learner.tolist())


def test_seeding_starts_over_and_resets_go_on():
    env = LearnersVecEnv(kss(4), LEARNERS, seed=1)
    first, second = env.reset(), env.reset()
    assert np.any(first != second)
    env.seed(1)
    np.testing.assert_array_equal(env.reset(), first)
    env.seed(2)
    assert np.any(env.reset() != first)
    for wrong in (-1, 2**32):
        with pytest.raises(InputError, match=r"agent\.seed = "):
            env.seed(wrong)


def test_a_snapshot_brings_everything_back():
    env, other = (LearnersVecEnv(kss(5), LEARNERS, seed=0) for _ in range(2))
    env.reset()
    for step in range(7):
        env.step(choose(env.action_masks(), step))
    other.restore(env.snapshot())
    for step in range(12):
        action = choose(env.action_masks(), step)
        for mine, theirs in zip(env.step(action)[:3], other.step(action)[:3], strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(env.reset(), other.reset())


def test_rows_of_different_length_are_begun_one_by_one():
    class Quitters(Bkt):
        """Every third learner drops out at the second step."""

        def practise(self, state, item, taught, luck, out):
            super().practise(state, item, taught, luck, out)
            out.ended[:] = (luck.number % 3 == 0) & (luck.step == 1)

    task = bkt(steps=5)
    task = replace(task, simulator=Quitters(task.simulator.course, task.simulator.parameters))
    env = LearnersVecEnv(task, LEARNERS, seed=0)
    env.reset()
    lengths = []
    for _ in range(5):
        _, _, done, infos = env.step(np.zeros(LEARNERS, int))
        assert done.tolist() == ["episode" in info for info in infos]
        lengths += [info["episode"]["l"] for info in infos if info]
    quitters = (env.episodes.number % 3 == 0).sum()
    assert sorted(lengths) == sorted([2] * 2 * quitters + [5] * (LEARNERS - quitters))
