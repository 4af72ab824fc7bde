"""Each reward against its definition, step by step along random episodes."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from coursewright.envs.rewards import mastered_gain, mean_gain, normalised_gain, post_test, time_to_mastery
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import POSTTEST_ANSWER, POSTTEST_ITEM, uniform
from plain_simulator import Levels
from small_tasks import begun, random_actions, small_task
from toy_policies import Shuffle

GOALS = replace(small_task(), goal=RandomGoal(1, 5), steps=10)
TASKS = {
    "goals": GOALS,
    "minutes": replace(GOALS, steps=None, minutes=18.0, stop=True),
    "locked": replace(GOALS, unlock_after=1),
    "bkt": bkt(steps=15),
    "kss": kss(15),
}
LEARNERS = 60


def slow_mean_gain(before, after, start, goal, task):
    return [sum((after[i] - before[i])[goal[i]]) / goal[i].sum() for i in range(len(goal))]


def slow_normalised_gain(before, after, start, goal, task):
    at = task.mastered_at
    left = [(start[i][goal[i]] < at).sum() for i in range(len(goal))]
    gain = [(after[i][goal[i]] >= at).sum() - (before[i][goal[i]] >= at).sum() for i in range(len(goal))]
    return [g / n if n else 0.0 for g, n in zip(gain, left, strict=True)]


def slow_mastered_gain(before, after, start, goal, task):
    at = task.mastered_at
    shares = [[(levels[i][goal[i]] >= at).mean() for i in range(len(goal))] for levels in (before, after)]
    return np.subtract(shares[1], shares[0])


def slow_time_to_mastery(before, after, start, goal, task):
    return [-1.0 if (before[i][goal[i]] < task.mastered_at).any() else 0.0 for i in range(len(goal))]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(
    ("reward", "slow"),
    [
        (mean_gain, slow_mean_gain),
        (normalised_gain, slow_normalised_gain),
        (mastered_gain, slow_mastered_gain),
        (time_to_mastery, slow_time_to_mastery),
    ],
)
def test_rewards_follow_their_definitions(name, reward, slow) -> None:
    task = replace(TASKS[name], reward=reward)
    episodes = begun(task, LEARNERS)
    start, before = episodes.start.copy(), episodes.after.copy()
    some = False
    for action in random_actions(task, LEARNERS, task.horizon):
        running = ~episodes.over
        got = episodes.step(action).reward
        after = np.empty_like(before)
        task.simulator.mastery(episodes.state, after)
        expected = np.array(slow(before, after, start, episodes.goal, task))
        np.testing.assert_allclose(got[running], expected[running], atol=1e-6)
        some |= expected[running].any()
        before = after
    assert some


@pytest.mark.parametrize("name", TASKS)
def test_returns_are_gains(name) -> None:
    task = TASKS[name]
    for reward in (mean_gain, normalised_gain):
        episodes = begun(replace(task, reward=reward), LEARNERS)
        total = np.zeros(LEARNERS)
        for action in random_actions(task, LEARNERS, task.horizon):
            running = ~episodes.over
            total += np.where(running, episodes.step(action).reward, 0.0)
        goal, start, end = episodes.goal, episodes.start, episodes.after
        if reward is mean_gain:
            expected = ((end - start) * goal).sum(axis=1) / goal.sum(axis=1)
        else:
            first, last = ((levels >= task.mastered_at) & goal for levels in (start, end))
            left = goal.sum(axis=1) - first.sum(axis=1)
            expected = (last.sum(axis=1) - first.sum(axis=1)) / np.maximum(left, 1) * (left > 0)
        np.testing.assert_allclose(total, expected, atol=1e-5)


def test_over_rows_get_nothing_from_gains() -> None:
    task = replace(TASKS["minutes"], days=0.0)
    for reward in (mean_gain, normalised_gain):
        episodes = begun(replace(task, reward=reward), LEARNERS)
        for action in random_actions(task, LEARNERS, task.horizon):
            over = episodes.over.copy()
            assert not episodes.step(action).reward[over].any()


def test_a_learner_with_nothing_to_gain_gets_0() -> None:
    table = BktParameters([1.0], [0.5], [0.2], [0.1], 0.5)
    simulator = Bkt(Course.of(1), table, forgetting="opportunity")
    task = replace(small_task(), simulator=simulator, tutor=table, reward=normalised_gain)
    episodes = begun(task, 50)
    for _ in range(4):
        assert not episodes.step(np.zeros(50, np.int64)).reward.any()


@pytest.mark.parametrize("reward", [normalised_gain, mastered_gain, time_to_mastery])
def test_the_threshold_is_the_tasks_or_ones_own(reward) -> None:
    levels = Levels(Course.of(3))
    task = replace(small_task(), simulator=levels, tutor=None, features=["goal"], goal="1", steps=20)
    actions = random_actions(task, 200, 20)
    found = {}
    for name, changed in {
        "task .5": replace(task, reward=reward),
        "task .9": replace(task, reward=reward, mastered_at=0.9),
        "own .9": replace(task, reward=partial(reward, mastered_at=0.9)),
    }.items():
        episodes = begun(changed, 200)
        found[name] = np.sum([episodes.step(action).reward.copy() for action in actions], axis=0)
    assert np.array_equal(found["task .9"], found["own .9"])
    assert not np.array_equal(found["task .9"], found["task .5"])


def test_two_newly_mastered_of_five_are_two_fifths() -> None:
    """And two thirds of the three that were left."""
    task = replace(small_task(), goal=["a", "b", "c", "d", "e"])
    episodes = begun(task, 1)
    before = np.array([[0.9, 0.5, 0.49, 0.0, 0.2]], np.float32)
    after = np.array([[0.9, 0.5, 0.50, 0.7, 0.2]], np.float32)
    episodes.start[:] = before
    assert mastered_gain(before, after, episodes) == pytest.approx([2 / 5])
    assert normalised_gain(before, after, episodes) == pytest.approx([2 / 3])
    assert mastered_gain(after, before, episodes) == pytest.approx([-2 / 5])


def test_time_to_mastery_counts_steps() -> None:
    table = BktParameters([0.0] * 2, [1.0] * 2, [0.2] * 2, [0.1] * 2)
    task = replace(
        small_task(), simulator=Bkt(Course.of(2), table), tutor=table, reward=time_to_mastery, days=0.0
    )
    episodes = begun(task, 1)
    # learned at the first practice each: the third step is the last with something unmastered
    rewards = [float(episodes.step(np.array([item])).reward[0]) for item in (0, 0, 1, 0, 1)]
    assert rewards == [-1, -1, -1, 0, 0]


# The test at the end


def test_a_post_test_estimates_the_chance_of_a_right_answer() -> None:
    task = replace(GOALS, reward=post_test)
    learners = 20_000
    episodes = begun(task, learners)
    rewards = [episodes.step(action).reward.copy() for action in random_actions(task, learners, 10)]
    assert not np.any(rewards[:-1])
    chances = np.empty((learners, 7))
    for item in range(7):
        column = np.empty(learners)
        task.simulator.p_correct(episodes.state, np.full(learners, item), column)
        chances[:, item] = column
    q = task.course.q_matrix
    per_skill = (chances @ q) / q.sum(axis=0)  # an item is drawn among those that need the skill
    expected = (per_skill * episodes.goal).sum(axis=1) / episodes.goal_size
    difference = rewards[-1] - expected
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(learners)
    # with more answers it gets nearer to that
    noise = {n: (episodes.post_test(n) - expected).std() for n in (1, 4, 64)}
    assert noise[4] == pytest.approx(noise[1] / 2, rel=0.05)
    assert noise[64] == pytest.approx(noise[1] / 8, rel=0.05)


def test_a_post_test_changes_nothing() -> None:
    episodes = begun(GOALS, 30)
    for action in random_actions(GOALS, 30, 5):
        episodes.step(action)
    before = [
        array.copy() for array in (*episodes.state, *episodes.luck, *episodes.response, episodes.memory)
    ]
    first = episodes.post_test(3)
    assert np.array_equal(first, episodes.post_test(3))
    after = [*episodes.state, *episodes.luck, *episodes.response, episodes.memory]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_post_test_follows_its_definition() -> None:
    episodes = begun(GOALS, 25)
    for action in random_actions(GOALS, 25, 4):
        episodes.step(action)
    course, found = GOALS.course, episodes.post_test(6)
    drawn = set()
    for i in range(25):
        right = 0
        for k in np.flatnonzero(episodes.goal[i]):
            items = np.flatnonzero(course.q_matrix[:, k])
            for j in range(6):
                place, key = j * 5 + int(k), episodes.luck.fate[i]
                item = items[int(uniform(key, 4, POSTTEST_ITEM + place) * len(items))]
                drawn.add((i, int(k), j, int(item)))
                p = np.empty(25)
                GOALS.simulator.p_correct(episodes.state, np.full(25, item), p)
                right += uniform(key, 4, POSTTEST_ANSWER + place) < p[i]
        assert found[i] == pytest.approx(right / (6 * episodes.goal_size[i]))
    # with replacement: six draws from two or three items must repeat some, and all items occur
    assert {item for *_, item in drawn} == set(range(7))


def test_a_post_test_asks_something() -> None:
    with pytest.raises(InputError, match=r"reward\.answers = 0: must be a whole number >= 1"):
        begun(replace(GOALS, reward=partial(post_test, answers=0)), 2).step(np.zeros(2, np.int64))


def test_ones_own_reward_is_a_plain_function() -> None:
    def right_answers(before, after, episodes):
        return np.where(episodes.response.correct == 1, 1.0, 0.0)

    done = rollout(replace(bkt(steps=12), reward=right_answers), Shuffle(20), 40)
    assert np.array_equal(done.returned, (done.correct == 1).sum(axis=1))
