"""Features and a reward from a package of the reader's own: one module, one YAML, no edit anywhere else."""

from typing import get_type_hints

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.agents.label import Label, actions_of
from coursewright.agents.learning.network import default_features, reading
from coursewright.envs.features import Feature, Limits
from coursewright.envs.gym import TeachingEnv, spaces
from coursewright.envs.history import Past
from coursewright.envs.layout import Layout
from coursewright.envs.record import Records
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.envs.view import Taught
from coursewright.errors import InputError
from coursewright.simulators.luck import Split
from small_tasks import begun, random_actions, small_course, small_parameters, small_task
from toy_policies import Shuffle

MODULE = '''
import numpy as np


def minutes_spent(values, event):
    """Minutes on each skill, the past included."""
    values += event.touched * event.minutes[:, None]


def days_since_right(values, event):
    """Days since the item was last answered right."""
    values[event.touched & (event.correct == 1)[:, None]] = 0.0
    values += event.days[:, None]


def wrong_so_far(values, event, most):
    """Wrong answers to anything, up to a number."""
    values[:] = np.minimum(values + (event.correct == 0)[:, None], most)


def right_answers(before, after, taught):
    """One for each right answer."""
    return np.where(taught.response.correct == 1, 1.0, 0.0)
'''
YAML = """
defaults: [mastery, _self_]
steps: 20
days: 0.5
reward:
  _target_: outside.right_answers
features:
  - goal
  - belief
  - attempts
  - {_target_: coursewright.envs.features.Feature, name: minutes_spent, axis: skill, highest: 500,
     update: {_target_: outside.minutes_spent, _partial_: true}}
  - {_target_: coursewright.envs.features.Feature, name: days_since_right, axis: item, highest: 10,
     update: {_target_: outside.days_since_right, _partial_: true},
     scale: {_target_: coursewright.envs.features.Scale, logged: true}}
  - {_target_: coursewright.envs.features.Feature, name: wrong_so_far, axis: shared, highest: 9,
     update: {_target_: outside.wrong_so_far, _partial_: true, most: 9}}
"""
OWN = ("minutes_spent", "days_since_right", "wrong_so_far")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(YAML, encoding="utf-8")
    (tmp_path / "outside.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def task(folder) -> Task:
    """The task of `--config-dir=folder task=mine`, with learners of five skills and seven items."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", ["task=mine", f"hydra.searchpath=[file://{folder}]"])
    small = small_task()
    return instantiate(config.task)(simulator=small.simulator, tutor=small_parameters())


def test_their_columns_have_names_and_bounds(task) -> None:
    names = task.layout.names
    assert {"minutes_spent[a]", "days_since_right[ade]", "wrong_so_far"} <= set(names)
    space, _ = spaces(task, 0)
    assert space.high[names.index("minutes_spent[e]")] == pytest.approx(500)
    assert space.high[names.index("wrong_so_far")] == pytest.approx(9)
    # a skill's columns lie together, the new one among them
    assert [n for n in names if n.endswith("[a]")] == list(names[:4])


def test_they_are_what_the_functions_say(task) -> None:
    episodes = begun(task, 30)
    minutes, since, wrong = np.zeros((30, 5)), np.zeros((30, 7)), np.zeros(30)
    for action in random_actions(task, 30, 20):
        episodes.step(action)
        right = episodes.response.correct == 1
        minutes += task.course.q_matrix[action] * task.course.minutes[action][:, None]
        since[right, action[right]] = 0.0
        since += 0.5
        wrong = np.minimum(wrong + ~right, 9)
        for name, expected in zip(OWN, (minutes, since, wrong[:, None]), strict=True):
            shown = episodes.observation[:, task.layout.columns(name)]
            np.testing.assert_allclose(shown, expected, rtol=1e-6, err_msg=name)
    assert wrong.max() == 9
    assert len(np.unique(since)) > 5


def test_rollouts_go_through_them_and_batches_do_not_matter(task) -> None:
    whole, parts = (rollout(task, Shuffle(task.course.n_items), 25, chunk=chunk) for chunk in (25, 4))
    assert np.array_equal(whole.item, parts.item)
    assert np.array_equal(whole.returned, (whole.correct == 1).sum(axis=1)), "the reward is theirs too"
    one, many = begun(task, 1, first=3), begun(task, 9)
    for action in random_actions(task, 9, 20):
        one.step(action[3:4])
        many.step(action)
        assert np.array_equal(one.observation[0], many.observation[3])


def test_records_alone_keep_them(task) -> None:
    episodes, records = begun(task, 10), Records(task.terms, 10)
    records.open(np.arange(10), episodes.goal)
    for action in random_actions(task, 10, 20):
        episodes.step(action)
        records.add(action, episodes.response.correct, episodes.response.minutes, episodes.days)
        assert np.array_equal(records.observation, episodes.observation)


def test_networks_and_policy_files_know_them_by_name(task) -> None:
    assert set(OWN) < set(default_features(task.layout))
    read = reading(task.layout, OWN)
    assert read["logged"] == [False] * 5 + [True] * 7 + [False]
    label = Label("toy", 0, 0, False, False, task.layout.names, actions_of(task), task.course.hash, {})
    label.check(task, "a file")
    other = Task(simulator=task.simulator, tutor=task.tutor, steps=20)
    with pytest.raises(InputError, match="minutes_spent"):
        label.check(other, "a file")


def test_a_gymnasium_environment_with_them(task) -> None:
    env = TeachingEnv(task, Split.TUNE)
    seen, _ = env.reset(seed=1)
    for action in random_actions(task, 1, 20)[:, 0]:
        assert env.observation_space.contains(seen)
        seen, *_ = env.step(action)


def told(values, event) -> None:
    values[:, 0] += event.past
    values[:, 1] += (event.item >= 0) & (not event.past)


def test_a_visible_past_is_told_too() -> None:
    course = small_course()
    feature = Feature("told", "skill", told, start=1.0, highest=50.0)
    records = Records(Task(simulator=small_task().simulator, steps=5, features=[feature]).terms, 2, 3)
    item = np.array([[0, 1, 2], [3, 0, 0]])
    past = Past(item, np.ones_like(item), np.array([3, 1]), np.ones(item.shape, bool))
    records.open(np.arange(2), None, past)
    assert records.observation[:, :2].tolist() == [[4.0, 1.0], [4.0, 1.0]]
    records.add(np.array([0, -1]), np.array([1, -1]))
    assert records.observation[:, 1].tolist() == [2.0, 1.0]
    assert records.observation.shape == (2, course.n_skills)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": ""}, "task.features.name = ''"),
        ({"name": "a[b]"}, r"task.features.name = 'a\[b\]'"),
        ({"axis": "skil"}, "task.features.mine.axis = 'skil'.*mean 'skill'"),
        ({"update": 3}, "task.features.mine.update = 3"),
        ({"start": 2.0}, "task.features.mine.start = 2.0: must be between lowest and highest"),
        ({"start": float("nan")}, "task.features.mine.start = nan"),
        ({"name": "goal"}, r"task.features\[1\] = goal: must be a feature with a name .* of its own"),
        ({"update": None}, r"task.features\[1\] = mine"),
        ({"needs": ["attempts"]}, "'mine' without 'attempts'"),
    ],
)
def test_what_is_refused(given, message) -> None:
    with pytest.raises(InputError, match=message):
        Layout.of(
            small_course(), ["belief", Feature(**{"name": "mine", "axis": "skill", "update": told} | given)]
        )


def test_neither_name_nor_feature() -> None:
    with pytest.raises(InputError, match=r"task.features\[1\] = 3: must be a name or a Feature"):
        Layout.of(small_course(), ["goal", 3])
    with pytest.raises(InputError, match="without repetitions"):
        Layout.of(small_course(), [Feature("mine", "skill", told)] * 2)


def test_a_bound_may_depend_on_the_episode() -> None:
    feature = Feature("mine", "item", told, lowest=-2.0, highest=lambda limits: 3.0 * limits.steps)
    low, high = Layout.of(small_course(), [feature]).bounds(Limits(10, 0, 0.0))
    assert set(low) == {-2.0}
    assert high == pytest.approx(30.0)


def test_hints_can_be_read_at_run_time() -> None:
    assert get_type_hints(Task)["features"] is not None
    assert Taught in get_type_hints(Task)["reward"].__args__
    assert "state" not in dir(Taught)
