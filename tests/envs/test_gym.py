"""Gymnasium's and Stable-Baselines3's own checks, and a batch against single environments."""

import copy
import pickle
import warnings
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_checker import check_env as check_env_sb3

from coursewright.envs.gym import TeachingEnv, TeachingVectorEnv
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal
from coursewright.errors import InputError
from coursewright.simulators.luck import Seeds, Split
from plain_simulator import Levels
from small_tasks import random_actions, small_task

MIXED = replace(
    small_task(), steps=None, minutes=19.0, stop=True, unlock_after=1, goal=RandomGoal(1, 4)
)  # rows end at different times
TASKS = {
    "bkt": bkt(steps=9),
    "bkt masked": bkt(mask=True, steps=9),
    "kss": kss(7),
    "mixed": MIXED,
    "plain": replace(bkt(steps=6), simulator=Levels(bkt().course, fading=0.1), days=0.5, stop=True),
}
IDS = [
    ("coursewright/BKT-v0", {}),
    ("coursewright/BKT-v0", {"mask": True, "steps": 20}),
    ("coursewright/KSS-v0", {}),
]


@pytest.mark.parametrize(("name", "options"), IDS)
def test_the_libraries_own_checks(name, options) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(name, **options).unwrapped, skip_render_check=True)
        check_env_sb3(gym.make(name, **options).unwrapped)
        gym.make(name, **options).reset(seed=0)


@pytest.mark.parametrize("task", [MIXED, TASKS["plain"]], ids=["mixed", "plain"])
def test_the_libraries_own_checks_on_other_tasks(task) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(TeachingEnv(task), skip_render_check=True)
        check_env_sb3(TeachingEnv(task))


def test_made_environments_are_what_they_say() -> None:
    env = gym.make("coursewright/BKT-v0", mask=True, steps=20, population_seed=3, luck_seed=4, split=2)
    task = env.unwrapped.task
    assert (task.steps, task.unlock_after, task.seeds) == (20, 2, Seeds(3, 4))
    assert env.unwrapped.split is Split.EVALUATE
    assert env.spec.max_episode_steps is None
    assert "TimeLimit" not in str(env)
    batch = gym.make_vec("coursewright/KSS-v0", num_envs=3, steps=12)
    assert isinstance(batch.unwrapped, TeachingVectorEnv)
    assert batch.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert batch.unwrapped.task.steps == 12
    assert batch.action_space.shape == (3,)
    assert batch.observation_space.shape == (3, env_width(kss()))


def env_width(task) -> int:
    return TeachingEnv(task).observation_space.shape[0]


# A batch against single environments


def assert_same_info(mine, theirs, rows=None) -> None:
    """Equal where the `_key` masks say that there is something."""
    assert set(mine) == set(theirs)
    for key in theirs:
        if key.startswith("_"):
            assert np.array_equal(mine[key], theirs[key]), key
        elif key == "final_info":
            assert_same_info(mine[key], theirs[key])
        else:
            assert mine[key].shape == theirs[key].shape
            assert mine[key].dtype == theirs[key].dtype, key
            for row in np.flatnonzero(theirs["_" + key]):
                assert np.array_equal(mine[key][row], theirs[key][row]), key
            if key == "final_obs":
                assert all(mine[key][row] is None for row in np.flatnonzero(~theirs["_" + key]))


@pytest.mark.parametrize("name", TASKS)
def test_a_batch_equals_single_environments(name) -> None:
    task, n = TASKS[name], 5
    batch = TeachingVectorEnv(task, n, Split.TUNE)
    singles = SyncVectorEnv(
        [lambda: TeachingEnv(task, Split.TUNE)] * n, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert batch.single_observation_space == singles.single_observation_space
    assert batch.observation_space == singles.observation_space
    assert batch.action_space == singles.action_space
    ends = []
    for seed in (7, None, 11):
        (mine, my_info), (theirs, their_info) = batch.reset(seed=seed), singles.reset(seed=seed)
        assert np.array_equal(mine, theirs)
        assert_same_info(my_info, their_info)
        for action in random_actions(task, n, 4 * task.horizon, seed=seed or 0):
            my, their = batch.step(action), singles.step(action)
            assert np.array_equal(my[0], their[0])
            assert my[0].dtype == their[0].dtype == np.float32
            for mine, theirs in zip(my[1:4], their[1:4], strict=True):
                assert np.array_equal(mine, theirs)
                assert mine.dtype == theirs.dtype
            assert_same_info(my[4], their[4])
            ends.append(my[2])
    assert np.sum(ends, axis=0).min() >= 9  # several episodes each
    if task.stop:
        assert any(0 < end.sum() < n for end in ends), "rows were meant to end at different times"


def test_a_list_of_seeds() -> None:
    batch = TeachingVectorEnv(MIXED, 3)
    one, _ = batch.reset(seed=[5, 9, 6])
    other, _ = TeachingVectorEnv(MIXED, 5).reset(seed=5)
    assert np.array_equal(one, other[[0, 4, 1]])
    for seeds in ([1, 2], [1, 2, None]):
        with pytest.raises(InputError, match=r"seed(\[2\])? = "):
            batch.reset(seed=seeds)


# Resets


def play(env, seed=None, steps=30, action_seed=0):
    observation, info = env.reset(seed=seed)
    shown = [observation, info["action_mask"]]
    for action in random_actions(env.task, 1, steps, action_seed)[:, 0]:
        observation, reward, over, _, info = env.step(action)
        shown += [observation, reward, over, info["action_mask"], info["allowed"]]
        if over:
            observation, info = env.reset()
            shown += [observation, info["action_mask"]]
    return shown


def same(one, other) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_determines_everything(name) -> None:
    env = TeachingEnv(TASKS[name])
    first = play(env, seed=3)
    play(env, steps=4)  # nothing in between matters
    assert same(play(env, seed=3), first)
    assert same(play(TeachingEnv(TASKS[name]), seed=3), first)
    assert not same(play(env, seed=4), first)


def test_resets_without_a_seed_go_on_to_new_learners() -> None:
    env = TeachingEnv(TASKS["kss"])
    met = [env.reset(seed=1)[0], *(env.reset()[0] for _ in range(5))]
    assert len({observation.tobytes() for observation in met}) == 6
    again = [env.reset(seed=1)[0], *(env.reset()[0] for _ in range(5))]
    assert same(met, again)


def test_an_environment_that_was_never_seeded_meets_somebody() -> None:
    met = {TeachingEnv(TASKS["kss"]).reset()[0].tobytes() for _ in range(6)}
    assert len(met) > 1
    batch, _ = TeachingVectorEnv(TASKS["kss"], 8).reset()
    assert len(np.unique(batch, axis=0)) > 1


def test_training_and_evaluation_learners_differ() -> None:
    first, second = (TeachingEnv(kss(), split).reset(seed=0)[0] for split in (Split.TRAIN, Split.EVALUATE))
    assert not np.array_equal(first, second)


# The arrays that are handed out


def test_what_is_handed_out_is_not_overwritten() -> None:
    for env, wrap in ((TeachingEnv(MIXED), int), (TeachingVectorEnv(MIXED, 4), np.asarray)):
        n = getattr(env, "num_envs", 1)
        kept = [env.reset(seed=0)]
        copies = [copy.deepcopy(kept[0])]
        for action in random_actions(MIXED, n, 30):
            out = env.step(wrap(action[0] if n == 1 else action))
            kept.append(out)
            copies.append(copy.deepcopy(out))
            if n == 1 and out[2]:
                env.reset()
        for now, then in zip(kept, copies, strict=True):
            assert same(now[:-1], then[:-1])
            assert np.array_equal(now[-1]["action_mask"], then[-1]["action_mask"])
            assert np.array_equal(now[-1]["allowed"], then[-1]["allowed"])


def test_masks() -> None:
    env = TeachingEnv(TASKS["bkt masked"])
    _, info = env.reset(seed=2)
    assert np.array_equal(info["action_mask"], env.action_masks())
    assert info["allowed"] is True
    locked = int(np.flatnonzero(~info["action_mask"])[0])
    _, reward, _, _, info = env.step(locked)
    assert info["allowed"] is False
    assert reward == 0.0
    env.action_masks()[:] = False  # a copy
    info["action_mask"][:] = False
    assert env.action_masks().any()


def test_the_end_is_terminated_never_truncated() -> None:
    env = TeachingEnv(TASKS["bkt"])
    env.reset(seed=0)
    outcomes = [env.step(0)[2:4] for _ in range(9)]
    assert outcomes == [(False, False)] * 8 + [(True, False)]


def test_rewards_and_flags_have_plain_types() -> None:
    env = TeachingEnv(TASKS["kss"])
    env.reset(seed=0)
    _, reward, terminated, truncated, _ = env.step(np.int64(3))
    assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)


# Wrong use


def test_a_step_after_the_end_needs_a_reset() -> None:
    env = TeachingEnv(TASKS["bkt"])
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for _ in range(9):
        env.step(0)
    for _ in range(2):
        with pytest.raises(gym.error.ResetNeeded, match="call reset"):
            env.step(0)
    env.reset()
    env.step(0)
    with pytest.raises(gym.error.ResetNeeded):
        TeachingVectorEnv(TASKS["bkt"], 2).step(np.zeros(2, np.int64))


@pytest.mark.parametrize("action", [-1, 20, 10**9])
def test_actions_out_of_range(action) -> None:
    env = TeachingEnv(TASKS["bkt"])
    env.reset(seed=0)
    with pytest.raises(InputError, match=rf"action = {action}: must be a whole number in \[0, 20\)"):
        env.step(action)
    batch = TeachingVectorEnv(TASKS["bkt"], 2)
    batch.reset(seed=0)
    with pytest.raises(InputError, match=f"action of row 1 = {action}"):
        batch.step(np.array([0, action]))


@pytest.mark.parametrize("action", [0.0, 1.5, np.float32(2), "3", None, np.array([1]), np.array([0, 1])])
def test_actions_that_are_no_whole_numbers(action) -> None:
    env = TeachingEnv(TASKS["bkt"])
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"action = .*: must be a whole number in \[0, 20\)"):
        env.step(action)
    assert env.step(np.array(1))[0].shape == env.observation_space.shape  # an action as predict() returns it


@pytest.mark.parametrize(
    "actions", [np.zeros(2), np.zeros(3, int), np.zeros((2, 1), int), np.array([True, False]), 0]
)
def test_batches_of_actions_that_are_none(actions) -> None:
    batch = TeachingVectorEnv(TASKS["bkt"], 2)
    batch.reset(seed=0)
    with pytest.raises(InputError, match=r"actions = .* of shape .*: must be 2 whole numbers"):
        batch.step(actions)
    for kind in (np.int32, np.uint8):
        batch.step(np.zeros(2, kind))


# Copies


@pytest.mark.parametrize("name", ["bkt masked", "kss", "mixed"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original_would(name, duplicate) -> None:
    env = TeachingEnv(TASKS[name])
    env.reset(seed=5)
    env.step(0)
    twin = duplicate(env)
    for action in random_actions(TASKS[name], 1, 25)[:, 0]:
        mine, theirs = env.step(action), twin.step(action)
        assert same(mine[:4], theirs[:4])
        assert np.array_equal(mine[4]["action_mask"], theirs[4]["action_mask"])
        if mine[2]:
            assert np.array_equal(env.reset()[0], twin.reset()[0])


@pytest.mark.parametrize("seed", [2**64, -1, 1.5, "3", True])
def test_a_seed_that_is_no_learner_is_refused(seed) -> None:
    for env in (TeachingEnv(TASKS["kss"]), TeachingVectorEnv(TASKS["kss"], 2)):
        with pytest.raises(InputError, match=r"seed = .*must be a whole number in"):
            env.reset(seed=seed)
    with pytest.raises(InputError, match=r"seed\[1\] = .*must be a whole number in"):
        TeachingVectorEnv(TASKS["kss"], 2).reset(seed=[1, seed])
    TeachingEnv(TASKS["kss"]).reset(seed=np.int64(3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mask": "yes"}, "mask = 'yes': must be True or False"),
        ({"render_mode": "human"}, "render_mode = 'human': must be None"),
        ({"steps": "9"}, "task.steps = '9'"),
        ({"split": 9}, "split = 9"),
        ({"population_seed": 1.5}, "seeds.population = 1.5"),
        ({"step": 3}, "step: no such setting .did you mean 'steps'?"),
    ],
)
def test_wrong_options_are_one_line(wrong, said) -> None:
    with pytest.raises(InputError, match=said):
        gym.make("coursewright/BKT-v0", **wrong)
    with pytest.raises(InputError, match=said):
        gym.make_vec("coursewright/BKT-v0", num_envs=2, **wrong)


def test_what_libraries_ask_for() -> None:
    with pytest.raises(InputError, match=r"num_envs = 2.5: must be a whole number >= 1"):
        TeachingVectorEnv(TASKS["kss"], 2.5)
    assert gym.make("coursewright/KSS-v0", render_mode=None).render_mode is None
    batch = gym.make_vec("coursewright/KSS-v0", num_envs=2, render_mode=None)
    assert batch.unwrapped.autoreset_mode == batch.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP


def test_information_holds_the_answer() -> None:
    env = TeachingEnv(TASKS["bkt"])
    _, info = env.reset(seed=3)
    assert info["correct"] == -1
    answers = []
    for item in (4, 0, 4, 4, 4, 4):
        info = env.step(item)[-1]
        answers.append(info["correct"])
        assert info["correct"] == env.episodes.response.correct[0]
    successes = env.episodes.memory[0, TASKS["bkt"].layout.columns("successes")]
    assert sum(answers) == successes.sum()
    batch = TeachingVectorEnv(TASKS["bkt"], 3)
    batch.reset(seed=3)
    first = batch.step(np.array([4, 0, 4]))[-1]["correct"]
    kept = first.copy()
    for _ in range(4):
        batch.step(np.array([0, 4, 1]))
    assert first.tolist() == kept.tolist(), "a copy"
