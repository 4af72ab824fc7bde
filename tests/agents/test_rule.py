"""The adapter between rules and policies: the view that a rule is shown, and the memory that is kept."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from coursewright.agents.rule import AnyAllowed, OraclePolicy, RulePolicy
from coursewright.envs.features import NAMES
from coursewright.envs.policy import Oracle
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Luck
from learners import luck_of
from plain_simulator import Levels
from small_tasks import begun, small_task


class Notes(NamedTuple):
    said: np.ndarray  # [batch]
    each: np.ndarray  # [batch * 2, 3], two entries a learner


class Recorder:
    """Keeps all views that it is shown, and chooses as it is told."""

    needs = ("goal",)

    def __init__(self, choices=()):
        self.seen = []
        self.choices = list(choices)

    def begin(self, luck):
        batch = len(luck.fate)
        return Notes(np.zeros(batch), np.repeat(luck.number, 2)[:, None] * np.ones(3))

    def choose(self, seen, memory):
        self.seen.append((seen, Notes(*(part.copy() for part in memory))))
        memory.said[:] += 1.0
        memory.each[:] += 1.0
        action = self.choices.pop(0) if self.choices else 0
        return np.broadcast_to(action, len(seen)).astype(np.int64), memory


def plain(**changes):
    given = {"steps": 9, "features": tuple(name for name in NAMES if name != "belief")} | changes
    return Task(simulator=Levels(Course.of(["a", "b", "c"], prerequisites=[["a", "b"]])), **given)


def observation(task, batch=2, **features):
    rows = np.zeros((batch, task.layout.width), np.float32)
    for name, value in features.items():
        rows[:, task.layout.columns(name)] = value
    return rows


def shown(task, rows, choices=(), starts=None, masks=None, batch=2, **options):
    """The views that a rule is given of some observations, and its policy's state."""
    rule = Recorder(choices)
    policy = RulePolicy("recorder", task, rule, **options)
    state = policy.begin(luck_of(range(batch)))
    for t, row in enumerate(rows):
        _, state = policy.predict(row, state, starts and starts[t], True, masks and masks[t])
    return rule.seen, state


def test_features_come_by_name():
    task = plain()
    ((seen, _),), _ = shown(task, [observation(task, goal=[0, 1, 0], streak=[4, 5, 6], budget_left=0.5)])
    assert seen["streak"].tolist() == [[4, 5, 6]] * 2
    assert seen["budget_left"].tolist() == [[0.5]] * 2
    assert seen.toward.tolist() == [[True, True, False]] * 2  # a leads to b
    assert seen.open.tolist() == [[True, True, False]] * 2
    with pytest.raises(InputError, match="streek"):
        seen["streek"]


def test_all_that_is_allowed_is_open_where_nothing_bears_on_the_goal():
    task = plain()
    mask = np.array([[False, False, True], [True, False, True]])
    ((seen, _),), _ = shown(task, [observation(task, goal=[0, 1, 0])], masks=[mask])
    assert seen.allowed.tolist() == mask.tolist()
    assert seen.open.tolist() == [[False, False, True], [True, False, False]]


def test_a_missing_mask_is_a_full_one_and_the_stop_is_left_out():
    task = plain(stop=True, delays=(0.0, 1.0), days=1.0)
    mask = np.array([[True, False, True] * 2 + [True]] * 2)
    row = observation(task)
    (first, second), _ = shown(task, [row, row], masks=[None, mask])
    assert first[0].actions.shape == (2, 6)
    assert first[0].actions.all()
    assert second[0].actions.tolist() == [[True, False, True] * 2] * 2
    assert second[0].allowed.tolist() == [[True, False, True]] * 2
    ((blind, _),), _ = shown(task, [row], masks=[mask], respects_mask=False)
    assert blind.actions.all()


def test_the_last_turn_is_the_own_choice_and_what_the_observation_tells_of_it():
    task = plain(days=1.0)
    rows = [
        observation(task, last_correct=1.0, days_since=[9, 9, 9]),  # an answer of the warm-up
        observation(task, last_correct=1.0, days_since=[9, 2, 9]),
        observation(task, last_correct=-1.0, days_since=[4, 2, 9]),
        observation(task, last_correct=0.0, days_since=[5, 2, 3]),
    ]
    seen, _ = shown(task, rows, choices=[1, 0, 2, 1])
    last = [entry.last for entry, _ in seen]
    assert [turn.item.tolist() for turn in last] == [[-1, -1], [1, 1], [0, 0], [2, 2]]
    assert [bool(turn.asked[0]) for turn in last] == [False, True, True, False]
    assert [bool(turn.right[0]) for turn in last] == [False, True, False, False]
    assert [float(turn.days[0]) for turn in last] == [0.0, 2.0, 4.0, 3.0]


def test_the_last_item_is_told_apart_from_its_delay():
    task = plain(delays=(0.0, 3.0), days=1.0)
    seen, _ = shown(task, [observation(task)] * 2, choices=[4, 0])
    assert seen[1][0].last.item.tolist() == [1, 1]


def test_what_a_task_does_not_tell_was_not_asked():
    task = plain(features=("goal",))
    seen, _ = shown(task, [observation(task)] * 2, choices=[1, 1])
    last = seen[1][0].last
    assert last.item.tolist() == [1, 1]
    assert not last.asked.any()
    assert not last.days.any()


def test_a_new_episode_is_remembered_anew_and_its_turns_go_on():
    task = plain()
    row = observation(task, last_correct=1.0)
    starts = [np.array([True, True]), None, np.array([False, True])]
    seen, state = shown(task, [row] * 3, starts=starts)
    memory = seen[2][1]
    assert memory.said.tolist() == [2.0, 0.0]
    assert memory.each.tolist() == [[2.0] * 3] * 2 + [[1.0] * 3] * 2  # learner 1 began with 1, and does again
    assert seen[2][0].turn.tolist() == [2, 2]
    assert seen[2][0].last.item.tolist() == [0, -1]
    assert seen[2][0].last.asked.tolist() == [True, False]
    assert state.turn.tolist() == [3, 3]


def test_luck_is_copied():
    task = plain()
    luck = luck_of(range(2))
    state = RulePolicy("recorder", task, Recorder()).begin(luck)
    before = state.luck.fate.copy()
    luck.fate[:] = 0
    assert (state.luck.fate == before).all()


def test_luck_without_splits_will_do():
    task = plain()
    luck = luck_of(range(2))
    policy = RulePolicy("recorder", task, Recorder())
    state = policy.begin(Luck(luck.learner, luck.fate, luck.step, luck.number))
    _, state = policy.predict(observation(task), state)
    _, state = policy.predict(observation(task), state, np.ones(2, bool))
    assert state.memory.said.tolist() == [1.0, 1.0]


def test_rows_that_never_began_draw_apart():
    task = plain()
    item, _ = RulePolicy("any", task, AnyAllowed()).predict(observation(task, 60))
    again, _ = RulePolicy("any", task, AnyAllowed()).predict(observation(task, 30))
    assert set(item.tolist()) == {0, 1, 2}
    assert (item[:30] == again).all()


def test_draws_differ_between_turns_and_between_indices():
    task = plain()
    seen, _ = shown(task, [observation(task, 300)] * 2, batch=300)
    among = np.ones((300, 3), bool)
    first, other, second = seen[0][0].draw(among), seen[0][0].draw(among, 1), seen[1][0].draw(among)
    for draw in (other, second):
        assert abs(np.mean(first == draw) - 1 / 3) < 4 * np.sqrt(2 / 9 / 300)


def test_a_task_that_lacks_a_feature_is_refused_by_the_rules_name():
    with pytest.raises(InputError, match=r"task\.features for recorder = .*'goal'"):
        RulePolicy("recorder", plain(features=("attempts",)), Recorder())


class Gazer(Recorder):
    """Chooses the number of mastered skills, which is latent."""

    def choose(self, seen, memory):
        return (seen.episodes.after >= 0.5).sum(axis=1), memory


def test_an_oracle_sees_the_running_episodes_and_no_other_policy_does():
    task = replace(small_task(), steps=4)
    blind = RulePolicy("gazer", task, Gazer())
    oracle = OraclePolicy(RulePolicy("oracle_gazer", task, Gazer()))
    episodes = begun(task, 50)
    assert isinstance(oracle, Oracle)
    assert not isinstance(blind, Oracle)
    for policy in (blind, oracle):
        with pytest.raises(InputError, match="watch"):
            policy.predict(episodes.observation)
    oracle.watch(episodes)
    item, _ = oracle.predict(episodes.observation)
    assert (item == (episodes.after >= 0.5).sum(axis=1)).all()
