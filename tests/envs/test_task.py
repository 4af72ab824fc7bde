"""The settings that a task refuses, and the goals and budgets it derives."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from coursewright.envs.shipped import bkt, kss, tutor
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, Split
from coursewright.simulators.protocol import Prologue
from plain_simulator import Levels
from small_tasks import begun, random_actions, small_parameters, small_task

TASK = small_task()
NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": None}, "task.steps, task.minutes = neither: must be exactly one budget"),
        ({"minutes": 5.0}, r"task.steps, task.minutes = \['steps', 'minutes'\]"),
        ({"steps": 0}, "task.steps = 0.0: must be a positive, finite number"),
        ({"steps": -3}, "task.steps = -3.0"),
        ({"steps": 2.5}, "task.steps = 2.5"),
        ({"steps": None, "minutes": 0.0}, "task.minutes = 0.0"),
        ({"steps": None, "minutes": float("inf")}, "task.minutes = inf"),
        ({"steps": None, "minutes": NAN}, "task.minutes = nan"),
        ({"tutor": None}, "task.tutor = None: must be BKT parameters, because .*'belief'"),
        (
            {"tutor": BktParameters([0.1], [0.1], [0.1], [0.1])},
            "task.tutor = 1 skills: must be the course's 5",
        ),
        ({"unlock_after": -1}, "task.unlock_after = -1: must be a whole number >= 0"),
        ({"unlock_after": 1.5}, "task.unlock_after = 1.5"),
        ({"unlock_after": 1, "features": ["goal"]}, "task.features = .* holds 'successes'"),
        ({"days": -1.0}, "task.days = -1.0"),
        ({"days": NAN}, "task.days = nan"),
        ({"days": float("inf")}, "task.days = inf"),
        ({"mastered_at": 0.0}, r"task.mastered_at = 0.0: must be a probability in \(0, 1\]"),
        ({"mastered_at": 1.01}, "task.mastered_at = 1.01"),
        ({"goal": RandomGoal(0, 3)}, "task.goal = .*: must be 1 <= low <= high <= 5"),
        ({"goal": RandomGoal(3, 2)}, "task.goal"),
        ({"goal": RandomGoal(1, 6)}, "task.goal"),
        ({"goal": []}, r"task.goal = \[\]: must be at least one skill"),
        ({"goal": ["a", "f"]}, "skill = 'f': no such name"),
        ({"features": ["gaol"]}, "task.features = 'gaol'.*mean 'goal'"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message) as error:
        replace(TASK, **changes)
    assert "\n" not in str(error.value)


def test_a_mistyped_goal_names_the_nearest_skill() -> None:
    with pytest.raises(InputError, match=r"skill = '11x'"):
        replace(bkt(), goal=["3", "11x"])
    with pytest.raises(InputError, match=r"tutor = 'bkt_v00'.*did you mean 'bkt_v0'"):
        tutor("bkt_v00", bkt().course)


def test_without_belief_no_tutor_is_needed() -> None:
    task = replace(TASK, tutor=None, features=["attempts", "goal"])
    episodes = begun(task, 3)
    episodes.step(np.zeros(3, np.int64))
    assert episodes.memory[:, task.layout.columns("attempts")][:, 0].tolist() == [1, 1, 1]


# Goals


def test_learners_who_bring_no_goal_want_everything() -> None:
    assert begun(TASK, 4).goal.all()


@pytest.mark.parametrize("goal", [["c", "a"], [2, 0], ("a", "c")])
def test_a_goal_by_name_or_place(goal) -> None:
    task = replace(TASK, goal=goal)
    episodes = begun(task, 3)
    assert episodes.goal.tolist() == [[True, False, True, False, False]] * 3
    assert episodes.goal_size.tolist() == [2] * 3
    assert np.array_equal(episodes.observation[:, task.layout.columns("goal")], episodes.goal)


def test_a_single_name_is_a_goal() -> None:
    assert begun(replace(TASK, goal="e"), 2).goal.tolist() == [[False] * 4 + [True]] * 2


def test_learners_bring_their_goal_along() -> None:
    episodes = begun(kss(), 50)
    assert np.array_equal(episodes.goal, episodes.state.goal)
    assert len(np.unique(episodes.goal_size)) > 3


def test_random_goals_are_uniform() -> None:
    episodes = begun(replace(TASK, goal=RandomGoal(2, 4)), 6000)
    size = episodes.goal_size
    assert np.array_equal(size, episodes.goal.sum(axis=1))
    assert stats.chisquare(np.bincount(size)[2:]).pvalue > 1e-3
    assert set(size) == {2, 3, 4}
    sets = episodes.goal[size == 2] @ (1 << np.arange(5))
    assert stats.chisquare(np.unique(sets, return_counts=True)[1]).pvalue > 1e-3
    assert len(np.unique(sets)) == 10


def test_random_goals_belong_to_the_learner() -> None:
    task = replace(TASK, goal=RandomGoal(1, 5))
    goal = begun(task, 60).goal
    assert np.array_equal(begun(task, 20, first=15).goal, goal[15:35])
    assert np.array_equal(begun(replace(task, seeds=Seeds(0, 1)), 60).goal, goal)
    assert not np.array_equal(begun(replace(task, seeds=Seeds(1, 0)), 60).goal, goal)
    assert not np.array_equal(begun(task, 60, split=Split.TRAIN).goal, goal)


# Budgets


def test_steps() -> None:
    episodes = begun(replace(TASK, steps=4), 5)
    for t in range(4):
        assert not episodes.over.any()
        left = episodes.observation[:, TASK.layout.columns("budget_left")]
        np.testing.assert_allclose(left, 1 - t / 4)
        outcome = episodes.step(np.full(5, t % 3))
    assert outcome.over.all()
    assert not episodes.observation[:, TASK.layout.columns("budget_left")].any()


@pytest.mark.parametrize(
    ("minutes", "item", "steps"),
    [
        (4.0, "a1", 4),  # a minute each: just enough
        (4.0, "b1", 3),  # 1.5 minutes: the third one is begun with a minute left, and finished
        (4.1, "bc", 2),
        (0.1, "ade", 1),  # shorter than any item: one item
        (0.3, "a1", 1),
    ],
)
def test_an_item_begun_within_the_minutes_is_finished(minutes, item, steps) -> None:
    task = replace(TASK, steps=None, minutes=minutes)
    episodes = begun(task, 3)
    action = np.full(3, task.course.item(item))
    taken = 0
    while not episodes.over.any():
        spent = taken * task.course.minutes[action[0]]
        left = episodes.observation[:, task.layout.columns("budget_left")]
        np.testing.assert_allclose(left, 1 - spent / minutes, rtol=1e-6)
        episodes.step(action)
        taken += 1
    assert taken == steps <= task.horizon
    assert episodes.over.all()
    assert episodes.luck.step.tolist() == [steps] * 3
    assert not episodes.observation[:, task.layout.columns("budget_left")].any()


def test_minutes_that_add_up_are_not_lost_to_rounding() -> None:
    # ten times .1 is .9999999999999999 in binary: an eleventh item would be one too many
    course = replace(TASK.course, minutes=np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05]))
    task = replace(TASK, simulator=replace(TASK.simulator, course=course), steps=None, minutes=1.0)
    assert task.horizon == 20
    episodes = begun(task, 1)
    for t in range(10):
        assert episodes.step(np.zeros(1, np.int64)).over.tolist() == [t == 9]


def test_learners_spend_their_own_minutes() -> None:
    task = replace(TASK, steps=None, minutes=9.0)
    episodes = begun(task, 200)
    spent, steps = np.zeros(200), np.zeros(200, int)
    for action in random_actions(task, 200, task.horizon):
        running = spent < 9.0
        spent += np.where(running, task.course.minutes[action], 0.0)
        steps += running
        episodes.step(action)
        assert np.array_equal(episodes.over, spent >= 9.0)
    assert episodes.over.all()
    assert np.array_equal(episodes.luck.step, steps)
    assert len(set(steps)) > 3


def test_the_horizon() -> None:
    assert replace(TASK, steps=7).horizon == 7
    assert replace(TASK, steps=None, minutes=7.5).horizon == 8  # the shortest item takes a minute
    assert kss(30).horizon == 30


def test_actions() -> None:
    assert (TASK.n_actions, replace(TASK, stop=True).n_actions) == (7, 8)
    assert not TASK.masked
    assert replace(TASK, unlock_after=1).masked
    assert kss().masked


def test_the_tutors_table_for_kernels() -> None:
    given = small_parameters()
    for k, row in enumerate(TASK.beliefs):
        g, s = given.guess[0, k], given.slip[0, k]
        expected = [given.prior[0, k], given.learn[0, k], given.forget[0, k], s, 1 - s, 1 - g, g]
        np.testing.assert_allclose(row, expected)
    assert not replace(TASK, tutor=None, features=["goal"]).beliefs.any()


@dataclass(frozen=True, eq=False)
class Telling(Levels):
    """Learners with any past that a test wants."""

    item: int = 0
    length: int = 1

    def enrol(self, state, rows, luck):
        super().enrol(state, rows, luck)
        one = np.full((len(rows), 1), self.item)
        return Prologue(np.ones((len(rows), 2), bool), one, one * 0, np.full(len(rows), self.length))


@pytest.mark.parametrize(
    ("item", "length", "field"),
    [
        (2, 1, "past.item"),
        (-1, 1, "past.item"),
        (0, 2, "past.length"),
        (0, -1, "past.length"),
    ],
)
def test_a_past_out_of_range_is_one_line_and_no_crash(item, length, field):
    for fine in (Telling(Course.of(2)), Telling(Course.of(2), item=5, length=0)):
        begun(Task(fine, steps=3, features=["attempts"]), 2)
    with pytest.raises(InputError, match=field):
        begun(Task(Telling(Course.of(2), item=item, length=length), steps=3, features=["attempts"]), 2)


def test_a_goal_needs_items_and_a_schedule_is_one():
    course = Course.of(["a", "b"], items={"x": "a"})
    with pytest.raises(InputError, match=r"task\.goal = b: must be of skills that have an item"):
        Task(Levels(course), steps=3, features=["attempts"])
    assert Task(Levels(course), steps=3, features=["attempts"], goal="a").horizon == 3
    with pytest.raises(InputError, match=r"task\.days = 'soon'"):
        Task(Levels(Course.of(2)), steps=3, features=["attempts"], days="soon")
    with pytest.raises(InputError, match=r"course\.difficulty\[0\]"):
        Course.of(2, difficulty=[np.nan, 0.0])
